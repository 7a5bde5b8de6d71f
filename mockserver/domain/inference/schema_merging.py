"""JSON Schemas made flat: references followed, ``allOf`` merged, one branch of each union chosen."""

from __future__ import annotations

from collections.abc import Iterator
from math import gcd
from typing import Any

Json = Any
Schema = dict[str, Any]


class Unsatisfiable(Exception):
    """No value fits, or none was found on this way."""


class TooLarge(Exception):
    """Every value that fits is larger than any that is made here."""


_TYPE_OF_KEYWORD = {
    "properties": "object", "required": "object", "additionalProperties": "object", "patternProperties": "object",
    "minProperties": "object", "propertyNames": "object", "dependentRequired": "object",
    "items": "array", "prefixItems": "array", "minItems": "array", "maxItems": "array", "uniqueItems": "array",
    "contains": "array", "pattern": "string", "minLength": "string", "maxLength": "string", "format": "string",
    "minimum": "number", "maximum": "number", "exclusiveMinimum": "number", "exclusiveMaximum": "number",
    "multipleOf": "number",
}  # fmt: skip
_LARGER = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties", "minContains")
_SMALLER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties", "maxContains")


def types_of(schema: Schema) -> list[str]:
    """The types a flat schema allows, the one its keywords speak of first when it names none."""
    given = schema.get("type")
    types = [given] if isinstance(given, str) else list(given) if isinstance(given, list) else []
    if schema.get("nullable") is True and types and "null" not in types:
        types.append("null")
    if types:
        return types
    implied = [kind for keyword, kind in _TYPE_OF_KEYWORD.items() if keyword in schema]
    return implied[:1] or ["string"]


def resolve(root: Json, reference: str) -> Json:
    """What a ``$ref`` within the document points at: a JSON pointer, an anchor or an embedded ``$id``."""
    if reference in ("#", ""):
        return root
    if reference.startswith("#/"):
        target = root
        for part in reference[2:].split("/"):
            key = part.replace("~1", "/").replace("~0", "~").replace("%24", "$").replace("%25", "%")
            try:
                target = target[int(key)] if isinstance(target, list) else target[key]
            except (KeyError, IndexError, ValueError, TypeError):
                raise Unsatisfiable(f"{reference} points nowhere") from None
        return target
    name = reference.rpartition("#")[2] or reference
    for schema in _subschemas(root):
        if reference.startswith("#") and name in (schema.get("$anchor"), schema.get("$dynamicAnchor")):
            return schema
        identifier = schema.get("$id")
        if isinstance(identifier, str) and (identifier == reference or identifier.rpartition("/")[2] == reference):
            return schema
    raise Unsatisfiable(f"{reference} points outside the schema")


def _subschemas(value: Json) -> Iterator[Schema]:
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from _subschemas(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _subschemas(inner)


def merged(first: Json, second: Json) -> Schema:
    """A schema whose values fit both, as far as keywords can say it.

    Raises:
        Unsatisfiable: the types, constants or enumerations exclude one another.
    """
    if first is False or second is False:
        raise Unsatisfiable("a schema is false")
    if not isinstance(first, dict) or not first:
        return dict(second) if isinstance(second, dict) else {}
    if not isinstance(second, dict) or not second:
        return dict(first)
    result = dict(first)
    for keyword, value in second.items():
        result[keyword] = _both(keyword, result[keyword], value) if keyword in result else value
    if "const" in result and "enum" in result:
        if result["const"] not in result["enum"]:
            raise Unsatisfiable("const is not in enum")
        del result["enum"]
    return result


def _both(keyword: str, ours: Json, theirs: Json) -> Json:
    """One keyword's value when two schemas have it."""
    if ours == theirs:
        return ours
    if keyword == "type":
        return _common_types(ours, theirs)
    if keyword in ("properties", "patternProperties", "dependentSchemas"):
        return {**ours, **{key: merged(ours[key], value) if key in ours else value for key, value in theirs.items()}}
    if keyword in ("items", "additionalProperties", "contains", "propertyNames"):
        return False if ours is False or theirs is False else merged(ours, theirs)
    if keyword in _LARGER or keyword in _SMALLER:
        return max(ours, theirs) if keyword in _LARGER else min(ours, theirs)
    if keyword in ("required", "dependentRequired"):
        return list(dict.fromkeys([*ours, *theirs])) if isinstance(ours, list) else {**ours, **theirs}
    if keyword == "enum":
        common = [value for value in ours if value in theirs]
        if not common:
            raise Unsatisfiable("two enumerations share nothing")
        return common
    if keyword == "const":
        raise Unsatisfiable("two constants differ")
    if keyword == "multipleOf" and isinstance(ours, int) and isinstance(theirs, int):
        return ours * theirs // gcd(ours, theirs)
    if keyword == "pattern":
        return f"(?={ours}){theirs}" if ours.startswith("^") else ours
    if keyword == "uniqueItems":
        return ours or theirs
    return ours


def _common_types(ours: Json, theirs: Json) -> list[str]:
    first = [ours] if isinstance(ours, str) else ours
    second = [theirs] if isinstance(theirs, str) else theirs
    common = [kind for kind in first if kind in second or (kind == "integer" and "number" in second)]
    common += [kind for kind in second if kind == "integer" and "number" in first and kind not in common]
    if not common:
        raise Unsatisfiable("two schemas share no type")
    return common


def refers(schema: Json) -> bool:
    """Whether a schema leads on to another one: what recursion avoids first."""
    return any("$ref" in inner or "$dynamicRef" in inner for inner in _subschemas(schema))
