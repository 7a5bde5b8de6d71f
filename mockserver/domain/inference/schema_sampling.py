"""A value that is valid against a JSON Schema, plausible, and made from the words of a prompt where it can be."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from random import Random

from . import patterns, schema_scalars, seeds
from .hints import Hints
from .schema_merging import Json, Schema, TooLarge, Unsatisfiable, merged, refers, resolve, types_of
from .skills import sentiment

Valid = Callable[[Json, Json], bool]
"""Whether a value is valid against a schema: ``valid(schema, value)``. Given by the caller, who has a validator."""

_ATTEMPTS = 48
_DEEP = 2
_TOO_DEEP = 9
_BUDGET = 1500
_SPENT = -4000
_MOST = {"minItems": 1000, "minContains": 1000, "minProperties": 1000, "minLength": 10_000}
_COUNTS = _MOST.keys() | {"maxItems", "maxContains", "maxProperties", "maxLength"}
_NO_SCHEMA = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What comes of a place in the document that is no schema, and that only a reference leads to."""

_COMBINATORS = frozenset(("$ref", "$dynamicRef", "$recursiveRef", "allOf", "anyOf", "oneOf", "if", "then", "else"))


def sample(schema: Json, hints: Hints, valid: Valid | None = None) -> Json:
    """A value for ``schema``; the first of several attempts that ``valid`` accepts, or the last one made.

    Optional properties are given, as models do, unless that cannot be valid. Only the schema itself is followed:
    a reference to another document, or to what is no schema, makes the value a best effort.
    """
    value: Json = {}
    for attempt in range(_ATTEMPTS):
        rng = Random(hints.rng.getrandbits(32) if attempt else seeds.number(hints.rng.getrandbits(32)))
        try:
            value = _Sampler(schema, replace(hints, rng=rng), attempt).value(schema, "", 0)
        except (Unsatisfiable, RecursionError, *_NO_SCHEMA):
            continue
        except TooLarge:
            break
        if valid is None or valid(schema, value):
            return value
    return value


class _Sampler:
    """One attempt. ``path`` counts the references being followed, so that recursive schemas come to an end."""

    def __init__(self, root: Json, hints: Hints, attempt: int) -> None:
        self.root = root
        self.hints = hints
        self.rng = hints.rng
        self.attempt = attempt
        self.path: dict[str, int] = {}
        self.budget = _BUDGET

    @property
    def deep(self) -> bool:
        return self.budget < 0 or any(times >= _DEEP for times in self.path.values())

    def value(self, schema: Json, name: str, depth: int) -> Json:
        """A value for a schema at some depth; ``name`` is the property it is for."""
        self.budget -= 1
        entered: list[str] = []
        if depth > 60:
            raise Unsatisfiable("the schema is too deep")
        if self.budget < _SPENT:
            raise TooLarge
        try:
            flat = self.flat(schema, entered)
            return self.of_flat(flat, name, depth)
        finally:
            for reference in entered:
                self.path[reference] -= 1

    def flat(self, schema: Json, entered: list[str]) -> Schema:
        """The schema without references and combinators; the references followed are noted in ``entered``."""
        if schema is False:
            raise Unsatisfiable("nothing is allowed here")
        if not isinstance(schema, dict):
            return {}
        if not _COMBINATORS & schema.keys():
            return schema
        result: Schema = {key: value for key, value in schema.items() if key not in _COMBINATORS}
        for keyword in ("$ref", "$dynamicRef", "$recursiveRef"):
            if keyword in schema:
                result = merged(self.referred(str(schema[keyword]), entered), result)
        for part in schema.get("allOf") or ():
            result = merged(result, self.flat(part, entered))
        for keyword in ("anyOf", "oneOf"):
            if schema.get(keyword):
                result = self.with_branch(result, schema[keyword], entered)
        if "if" in schema:
            result = self.with_condition(result, schema, entered)
        return result

    def referred(self, reference: str, entered: list[str]) -> Schema:
        times = self.path.get(reference, 0)
        if times >= _TOO_DEEP or len(entered) > 40:
            raise Unsatisfiable("the schema refers to itself without end")
        self.path[reference] = times + 1
        entered.append(reference)
        return self.flat(resolve(self.root, reference), entered)

    def with_branch(self, result: Schema, branches: list[Json], entered: list[str]) -> Schema:
        """Merged with one branch: a likely one first, a shallow one when recursion has gone far enough."""
        order = [branch for branch in branches if branch is not False]
        self.rng.shuffle(order)
        if self.deep:
            order.sort(key=lambda branch: (refers(branch), not _is_null(branch)))
        elif self.attempt < 24:
            order.sort(key=lambda branch: (_is_null(branch), -self.mentions(branch)))
        failure: Unsatisfiable | None = None
        for branch in order:
            mark = len(entered)
            try:
                return merged(result, self.flat(branch, entered))
            except Unsatisfiable as reason:
                failure = reason
                while len(entered) > mark:
                    self.path[entered.pop()] -= 1
        raise failure or Unsatisfiable("there is no branch")

    def mentions(self, branch: Json) -> int:
        """Whether the prompt names a branch by its title or a constant in it."""
        if not isinstance(branch, dict):
            return 0
        named = [branch.get("title"), branch.get("const"), str(branch.get("$ref", "")).rpartition("/")[2]]
        named += [inner.get("const") for inner in (branch.get("properties") or {}).values() if isinstance(inner, dict)]
        text = self.hints.text.lower()
        return sum(isinstance(word, str) and len(word) > 1 and word.lower() in text for word in named)

    def with_condition(self, result: Schema, schema: Schema, entered: list[str]) -> Schema:
        """Merged with ``if`` and ``then`` on even attempts, with ``else`` on odd ones."""
        if self.attempt % 2 == 0:
            try:
                taken = merged(result, self.flat(schema["if"], entered))
                return merged(taken, self.flat(schema.get("then", {}), entered))
            except Unsatisfiable:
                return merged(result, self.flat(schema.get("else", {}), entered))
        return merged(result, self.flat(schema.get("else", {}), entered))

    def of_flat(self, flat: Schema, name: str, depth: int) -> Json:
        if "const" in flat:
            return flat["const"]
        if "enum" in flat:
            return self.member(flat, name)
        if not _COUNTS.isdisjoint(flat):
            flat = _counted(flat)
        if self.attempt == 40 and "default" in flat:
            return flat["default"]
        examples = flat.get("examples")
        kind = self.kind(flat)
        if isinstance(examples, list) and examples and kind == "string" and "pattern" in flat and self.attempt < 12:
            return self.rng.choice(examples)
        if kind == "object":
            return self.object(flat, depth)
        if kind == "array":
            return self.array(flat, name, depth)
        if kind in ("integer", "number"):
            return schema_scalars.number(flat, name, self.hints, whole=kind == "integer")
        if kind == "boolean":
            return self.rng.random() < 0.6
        if kind == "null":
            return None
        return schema_scalars.string(flat, name, self.hints, self.attempt)

    def kind(self, flat: Schema) -> str:
        types = types_of(flat)
        real = [kind for kind in types if kind != "null"]
        if not real or (self.deep and "null" in types):
            return "null" if "null" in types else types[0]
        return real[0] if self.attempt < 12 else self.rng.choice(types)

    def member(self, flat: Schema, name: str) -> Json:
        """The entry of an enumeration that the prompt names, or that suits it, or any."""
        members: list[Json] = flat["enum"]
        if "type" in flat:
            allowed = set(types_of(flat))
            members = [member for member in members if _type_of(member) & allowed] or members
        if not members:
            raise Unsatisfiable("an enumeration is empty")
        text = self.hints.text.lower()
        named = [m for m in members if isinstance(m, str) and len(m) > 1 and _names(text, m.lower())]
        if named and self.attempt < 12:
            return named[self.hints.pick % len(named)]
        if self.attempt < 12 and {"positive", "negative"} <= {str(member).lower() for member in members}:
            mood = sentiment(self.hints.text)
            return next((member for member in members if str(member).lower() == mood), members[0])
        real = [member for member in members if member is not None] or members
        return self.rng.choice(real)

    def object(self, flat: Schema, depth: int) -> Json:
        """An object with its required properties, the optional ones that may be there, and more where a count asks."""
        dependents = flat.get("dependentSchemas")
        if isinstance(dependents, dict):
            entered: list[str] = []
            for key, dependent in dependents.items():
                if key in flat.get("required", ()) or (self.attempt % 2 == 0 and key in flat.get("properties", {})):
                    flat = merged(flat, self.flat(dependent, entered))
            for reference in entered:
                self.path[reference] -= 1
            flat = _counted(flat)
        properties = flat.get("properties") or {}
        required = self.required(flat)
        result: dict[str, Json] = {}
        most = flat.get("maxProperties")
        names = [*properties, *(key for key in required if key not in properties)]
        for key in names:
            if key not in required and (self.omits(depth) or (most is not None and len(result) >= most)):
                continue
            try:
                result[key] = self.value(self.schema_of(flat, key), key, depth + 1)
            except Unsatisfiable:
                if key in required:
                    raise
        self.fill(flat, result, depth)
        if most is not None:
            for key in [key for key in reversed(result) if key not in required][: max(0, len(result) - most)]:
                del result[key]
        return result

    def required(self, flat: Schema) -> list[str]:
        """The required names, and those that their presence requires."""
        names = list(flat.get("required") or ()) if isinstance(flat.get("required"), list) else []
        dependent = flat.get("dependentRequired") or {}
        given = set(flat.get("properties") or ()) if not self.omits(0) else set(names)
        for key, needed in dependent.items():
            if key in given or key in names:
                names += [name for name in needed if name not in names]
        return names

    def omits(self, depth: int) -> bool:
        """Whether optional properties are left out here."""
        if self.deep or depth > 12:
            return True
        if self.attempt in (1, 5, 9, 13):
            return True
        return self.attempt > 5 and self.rng.random() < 0.5

    def schema_of(self, flat: Schema, key: str) -> Json:
        """What a property must be: its own schema, that of matching patterns, or that of all others."""
        found: list[Json] = []
        properties = flat.get("properties") or {}
        if key in properties:
            found.append(properties[key])
        for pattern, schema in (flat.get("patternProperties") or {}).items():
            if _found(pattern, key):
                found.append(schema)
        if not found:
            return flat.get("additionalProperties", True)
        result = found[0]
        for schema in found[1:]:
            result = {"allOf": [result, schema]}
        return result

    def fill(self, flat: Schema, result: dict[str, Json], depth: int) -> None:
        """Adds properties beyond the named ones: to reach a minimum, or because the object is a map."""
        extra = flat.get("additionalProperties")
        by_pattern = flat.get("patternProperties") or {}
        is_map = (isinstance(extra, dict) or bool(by_pattern)) and not flat.get("properties")
        least = int(flat.get("minProperties", 0))
        most = flat.get("maxProperties")
        wanted = max(least, min(2, 2 if most is None else most) if is_map and not self.deep else 0)
        for index in range(wanted * 4):
            if len(result) >= wanted:
                return
            key = self.new_name(flat, by_pattern, extra, index)
            if key is None:
                break
            if key not in result:
                result[key] = self.value(self.schema_of(flat, key), key, depth + 1)
        if len(result) < least:
            raise Unsatisfiable("too few properties are possible")

    def new_name(self, flat: Schema, by_pattern: dict[str, Json], extra: Json, index: int) -> str | None:
        names = flat.get("propertyNames")
        if by_pattern and (extra is False or not isinstance(extra, dict)):
            return patterns.matching(self.rng.choice(list(by_pattern)), self.rng)
        if extra is False:
            return next((key for key in flat.get("properties") or () if self.rng.random() < 0.5 or index > 2), None)
        if isinstance(names, dict) and names:
            name = self.value({"type": "string", **names}, "name", 1)
            return str(name)
        return self.rng.choice(self.hints.vocabulary.words)

    def array(self, flat: Schema, name: str, depth: int) -> Json:
        """An array of two or three plausible entries, within the bounds."""
        least, most = int(flat.get("minItems", 0)), flat.get("maxItems")
        prefix = flat.get("prefixItems") or []
        items = flat.get("items", True)
        if isinstance(items, list):
            prefix, items = items, flat.get("additionalItems", True)
        contained = flat.get("contains")
        needed = int(flat.get("minContains", 1)) if contained is not None else 0
        likely = self.hints.several(name) if depth < 4 else 0
        wanted = max(least, needed, len(prefix), 0 if self.deep else min(likely, 12) or self.rng.randint(2, 3))
        if items is False:
            wanted = min(wanted, len(prefix))
        if most is not None:
            wanted = min(wanted, most)
        result: list[Json] = []
        try:
            for index in range(wanted):
                schema = prefix[index] if index < len(prefix) else items
                if contained is not None and len(prefix) <= index < len(prefix) + needed:
                    schema = {"allOf": [schema, contained]} if isinstance(schema, dict) else contained
                self.append(result, schema, _singular(name), depth, bool(flat.get("uniqueItems")), index)
        except Unsatisfiable:
            if len(result) < max(least, needed):
                raise
        return result

    def append(self, result: list[Json], schema: Json, name: str, depth: int, unique: bool, index: int) -> None:
        """Appends one entry, another one than those there when they must differ."""
        known = {json.dumps(entry, sort_keys=True) for entry in result} if unique else set()
        hints = self.hints
        for trial in range(12):
            self.hints = replace(hints, pick=hints.pick + index + trial)
            try:
                value = self.value(schema, name, depth + 1)
            finally:
                self.hints = hints
            if not unique or json.dumps(value, sort_keys=True) not in known:
                result.append(value)
                return
        spread = self.spread(schema, known)
        if spread is None:
            raise Unsatisfiable("there are not enough different entries")
        result.append(spread)

    def spread(self, schema: Json, known: set[str]) -> Json:
        """An entry not yet taken, from a short list of possible ones; None if there is none."""
        flat = self.flat(schema, [])
        several: list[Json] = list(flat.get("enum") or ())
        if "integer" in types_of(flat):
            open_low, step = flat.get("exclusiveMinimum"), int(flat.get("multipleOf") or 1)
            least = flat.get("minimum", 0) if not isinstance(open_low, int | float) else open_low + 1
            start = -(-least // step) * step
            several += [int(start + offset * step) for offset in range(len(known) + 1)]
        if "boolean" in types_of(flat):
            several += [True, False]
        return next((entry for entry in several if json.dumps(entry, sort_keys=True) not in known), None)


def _counted(flat: Schema) -> Schema:
    """The schema with its counts as integers: JSON has ``2.0`` for 2.

    Raises:
        TooLarge: at least so many are asked for that no value is made.
    """
    counts = {keyword: int(flat[keyword]) for keyword in _COUNTS & flat.keys()}
    if any(counts.get(keyword, 0) > most for keyword, most in _MOST.items()):
        raise TooLarge
    return {**flat, **counts}


def _names(text: str, member: str) -> bool:
    return re.search(rf"\b{re.escape(member.replace('_', ' '))}\b", text.replace("_", " ")) is not None


def _type_of(value: Json) -> set[str]:
    if value is None:
        return {"null"}
    if isinstance(value, bool):
        return {"boolean"}
    if isinstance(value, int):
        return {"integer", "number"}
    if isinstance(value, float):
        return {"number"}
    return {"string"} if isinstance(value, str) else {"array"} if isinstance(value, list) else {"object"}


def _is_null(branch: Json) -> bool:
    return isinstance(branch, dict) and (branch.get("type") == "null" or branch.get("const", 0) is None)


def _found(pattern: str, key: str) -> bool:
    try:
        return re.search(pattern, key) is not None
    except re.error:
        return False


def _singular(name: str) -> str:
    return name[:-3] + "y" if name.endswith("ies") else name.removesuffix("s") if len(name) > 3 else name
