"""A validator's errors as sentences a person can act on, without ever showing a secret."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from .branches import details, is_about_members, is_missing, is_own_type, property_of, rank, shared_options, takes
from .phrases import ARTICLES, Path, bare, clean, either, place, quoted, shown, suggestion, type_name
from .validation import Violation
from .values import flag, is_secret, resolve

if TYPE_CHECKING:
    from jsonschema_rs import ValidationError

_SECRET_NAME = re.compile(
    r"plaintext|password|passphrase|secret|credential|authorization|api_?key|access_key|private_key|(?:^|_)token$", re.I
)
_SAID_BETTER = {"type", "required", "additionalProperties", "unevaluatedProperties", "falseSchema"}
_ANNOTATIONS = {"title", "description", "x-message", "x-error-code"}
_BOUNDS = {
    "maximum": "is more than the maximum of {}",
    "exclusiveMaximum": "is not less than {}",
    "minimum": "is less than the minimum of {}",
    "exclusiveMinimum": "is not more than {}",
    "multipleOf": "is not a multiple of {}",
    "pattern": "does not match the pattern {}",
    "format": "is not a valid {}",
    "contentEncoding": "is not valid {}",
    "contentMediaType": "is not valid {}",
}
_SIZES = {
    "maxLength": ("is longer than", "character"),
    "minLength": ("is shorter than", "character"),
    "maxItems": ("has more than", "item"),
    "minItems": ("has fewer than", "item"),
    "maxProperties": ("has more than", "member"),
    "minProperties": ("has fewer than", "member"),
}


class Wording:
    """Words for the errors of one value of one schema. `root` is what sentences call the whole value."""

    def __init__(self, document: dict[str, Any], pointer: str, value: Any, root: str) -> None:
        self.document = document
        self.schema = resolve(document, pointer)
        self.value = value
        self.root = root

    def told(self, errors: Iterable[ValidationError]) -> list[Violation]:
        """The violations behind the errors, each once, and of a string, number or boolean only the first."""
        found: list[Violation] = []
        places: set[str] = set()
        for error in errors:
            for violation in self.violations(error):
                if violation.where not in places and violation not in found:
                    found.append(violation)
            if not isinstance(_at(self.value, self._path(error)), dict | list):
                places.update(violation.where for violation in found)
        return found

    def violations(self, error: ValidationError) -> Iterator[Violation]:
        """The violations behind one error; a failed anyOf or oneOf is told by the branch that fits best."""
        own = self._own_message(error)
        if own is not None:
            yield own
            return
        keyword, path, kind = error.kind.name, self._path(error), details(error)
        if keyword in ("anyOf", "oneOf"):
            yield from self._alternatives(error)
        elif keyword in ("additionalProperties", "unevaluatedProperties"):
            for name in kind.unexpected:
                yield self._unknown(path, name)
        elif keyword == "required":
            yield self._missing(path, kind.property)
        elif keyword == "propertyNames":
            inner = kind.error
            yield self._invalid(path, f"the name {shown(inner.instance)} {self._complaint(inner)}")
        elif keyword == "type":
            yield self._mistyped(path, kind.types)
        elif keyword == "enum":
            yield self._unlisted(path, kind.options)
        elif keyword == "const":
            yield self._unlisted(path, [kind.expected_value])
        elif keyword == "falseSchema":
            yield self._unwanted(path, error.schema_path)
        elif keyword == "not":
            yield self._excluded(path, kind.schema)
        else:
            yield self._invalid(path, f"{self._displayed(path)} {self._complaint(error)}")

    def _own_message(self, error: ValidationError) -> Violation | None:
        """The sentence (`x-message`) and code that the failing schema brings along, for a value of the right type."""
        failing = self._failing(error)
        message = failing.get("x-message")
        # A sentence is about everything else that the schema asks for, or about the one thing that it does ask for.
        if message is None or (error.kind.name in _SAID_BETTER and not failing.keys() <= {*_ANNOTATIONS, "required"}):
            return None
        path = self._path(error)
        where, value = place(path), self._displayed(path, quotes=False)
        sentence = message.replace("{field}", where or self.root).replace("{value}", value)
        return Violation(where, sentence, failing.get("x-error-code"), own=True)

    def _complaint(self, error: ValidationError) -> str:
        keyword, kind = error.kind.name, details(error)
        if keyword in _SIZES:
            words, unit = _SIZES[keyword]
            return f"{words} {kind.limit} {unit}{'' if kind.limit == 1 else 's'}"
        if keyword in _BOUNDS:
            return _BOUNDS[keyword].format(kind.value)
        if keyword == "uniqueItems":
            return "has items that are the same"
        if keyword == "type":
            return f"is not {either(ARTICLES[name] for name in kind.types)}"
        if keyword == "enum":
            return f"is not one of {', '.join(map(bare, kind.options))}"
        if keyword == "const":
            return f"is not {bare(kind.expected_value)}"
        if keyword == "contains":
            return "has no item of the kind it needs"
        return f"is not accepted ({keyword})"

    def _invalid(self, path: Path, complaint: str) -> Violation:
        where = place(path)
        head = f"Invalid value for '{where}'" if where else f"Invalid value for {self.root}"
        return Violation(where, f"{head}: {complaint}.")

    def _missing(self, path: Path, name: str) -> Violation:
        where = place([*path, name])
        return Violation(where, f"Missing required field '{where}'.")

    def _choice(self, path: Path, names: Sequence[str], demand: str) -> Violation:
        """`demand` is about one of the members `names` of the object at `path`."""
        where = place(path)
        holder = f"'{where}'" if where else self.root
        return Violation(where, f"{demand.format(quoted(names))} in {holder}.")

    def _unknown(self, path: Path, name: str) -> Violation:
        where = place([*path, name])
        known = [key for schema in self._schemas(path) for key in schema.get("properties", {})]
        return Violation(where, f"Unknown field '{where}'{suggestion(name, known)}.")

    def _unwanted(self, path: Path, schema_path: Path) -> Violation:
        where = place(path)
        if any(flag(self.document, schema, "writeOnly") for schema in self._schemas(path)):
            return Violation(where, f"The field '{where}' is write-only and must not be in {self.root}.")
        companion = self._companion(path, schema_path)
        return Violation(where, f"The field '{where}' is not accepted {companion or 'here'}.")

    def _companion(self, path: Path, schema_path: Path) -> str | None:
        """The member of the same object that no branch takes together with the one at `path`."""
        if len(schema_path) < 4 or schema_path[-4] not in ("oneOf", "anyOf") or schema_path[-2] != "properties":
            return None
        branches = resolve_tokens(self.document, schema_path[:-3])
        for name, value in _at(self.value, path[:-1]).items():
            both = any(takes(branch, path[-1]) and takes(branch, name, value) for branch in branches)
            if name == path[-1] or both:
                continue
            if any("const" in property_of(branch, name) for branch in branches) and not self._secret(
                [*path[:-1], name]
            ):
                return f"together with {name} {shown(value)}"
            return f"together with '{name}'"
        return None

    def _excluded(self, path: Path, schema: Any) -> Violation:
        names = schema.get("required") if isinstance(schema, dict) and set(schema) <= {"required", "type"} else None
        if not names:
            return self._invalid(path, f"{self._displayed(path)} is excluded here")
        wheres = [place([*path, name]) for name in names]
        if len(names) == 1:
            return Violation(wheres[0], f"The field '{wheres[0]}' is not accepted here.")
        return Violation(place(path), f"The fields {quoted(wheres, 'and')} cannot be given together.")

    def _mistyped(self, path: Path, types: Iterable[str]) -> Violation:
        value = _at(self.value, path)
        got = type_name(value)
        if path and isinstance(value, str | int | float) and not isinstance(value, bool) and not self._secret(path):
            got = f"the {got.split()[-1]} {shown(value)}"
        elif isinstance(value, bool):
            got = shown(value)
        return self._invalid(path, f"expected {either(ARTICLES.get(name, name) for name in types)}, got {got}")

    def _unlisted(self, path: Path, options: Sequence[Any]) -> Violation:
        value = _at(self.value, path)
        expected = ", ".join(dict.fromkeys(map(bare, options)))
        expected = f"one of {expected}" if len(options) > 1 else expected
        known = [option for option in options if isinstance(option, str)]
        hint = "" if self._secret(path) else suggestion(value, known)
        return self._invalid(path, f"{self._displayed(path)}; expected {expected}{hint}")

    def _alternatives(self, error: ValidationError) -> Iterator[Violation]:
        path = self._path(error)
        branches: list[list[ValidationError]] = details(error).context
        schema = self._failing(error)
        if any(not errors for errors in branches):
            if not isinstance(_at(self.value, path), dict) and is_about_members(schema):
                return  # a `required` says nothing of what is no object; the type's own error does
            yield self._several(path, schema, branches)
            return
        chosen = self._discriminated(path, schema, branches)
        if isinstance(chosen, Violation):
            yield chosen
            return
        fitting = [errors for errors in branches if not any(is_own_type(item, path) for item in errors)]
        if chosen is None and not fitting:
            types = [
                name
                for errors in branches
                for item in errors
                if is_own_type(item, path)
                for name in details(item).types
            ]
            yield self._mistyped(path, dict.fromkeys(types))
            return
        yield from self._best(path, [chosen] if chosen is not None else fitting)

    def _best(self, path: Path, branches: list[list[ValidationError]]) -> Iterator[Violation]:
        options = shared_options(branches, len(path))
        if options is not None:
            where, expected = options
            yield self._unlisted(steps(self.value, where), expected)
            return
        ranks = [rank(errors, len(path)) for errors in branches]
        best = [errors for errors, rank in zip(branches, ranks, strict=True) if rank == min(ranks)]
        if len(best) > 1 and all(len(errors) == 1 and is_missing(errors[0], path) for errors in best):
            names = [details(errors[0]).property for errors in best]
            yield self._choice(path, names, "Missing required field: one of {} must be given")
            return
        for error in best[0]:
            yield from self.violations(error)

    def _discriminated(
        self, path: Path, schema: dict[str, Any], branches: list[list[ValidationError]]
    ) -> list[ValidationError] | Violation | None:
        """The branch the discriminator names, or what is wrong with the discriminator."""
        discriminator, value = schema.get("discriminator"), _at(self.value, path)
        if not isinstance(discriminator, dict) or not isinstance(value, dict):
            return None
        name, mapping = discriminator["propertyName"], discriminator.get("mapping", {})
        if not mapping:
            return None
        if name not in value:
            return self._missing(path, name)
        target = mapping.get(value[name]) if isinstance(value[name], str) else None
        if target is None:
            return self._unlisted([*path, name], list(mapping))
        written = schema.get("oneOf") or schema.get("anyOf") or []
        for branch, errors in zip(written, branches, strict=False):
            if branch.get("$ref") == target:
                return errors
        return None

    def _several(self, path: Path, schema: dict[str, Any], branches: list[list[ValidationError]]) -> Violation:
        written = schema.get("oneOf", [])
        names = [
            name
            for branch, errors in zip(written, branches, strict=False)
            if not errors and isinstance(branch, dict)
            for name in branch.get("required", ())
        ]
        if len(names) > 1:
            return self._choice(path, names, "Only one of {} may be given")
        return self._invalid(path, "it fits more than one of the forms of which exactly one is expected")

    def _path(self, error: ValidationError) -> Path:
        """Where the value is that the error is about."""
        return steps(self.value, error.instance_path)

    def _failing(self, error: ValidationError) -> dict[str, Any]:
        """The schema whose keyword failed."""
        try:
            schema = resolve_tokens(self.document, error.schema_path[:-1])
        except (KeyError, IndexError, TypeError):
            return {}
        return schema if isinstance(schema, dict) else {}

    def _displayed(self, path: Path, quotes: bool = True) -> str:
        value = _at(self.value, path)
        if not isinstance(value, dict | list) and self._secret(path):
            return "the value (not shown)"
        return clean(value) if isinstance(value, str) and not quotes else shown(value)

    def _secret(self, path: Path) -> bool:
        """Whether the value at `path` may be a secret: by the spec, by its name, or as it stands where secrets go."""
        for length in range(len(path) + 1):
            here = self._schemas(path[:length])
            if any(schema.get("format") == "password" for schema in here):
                return True
            if length and isinstance(path[length - 1], str) and _SECRET_NAME.search(str(path[length - 1])):
                return True
        return any(
            _SECRET_NAME.search(name) or is_secret(self.document, child)
            for schema in self._schemas(path)
            for name, child in schema.get("properties", {}).items()
        )

    def _schemas(self, path: Path) -> list[dict[str, Any]]:
        """Every schema that may hold for the value at `path`."""
        here = self._spread([self.schema])
        for token in path:
            here = self._spread([child for schema in here for child in _children(schema, token)])
        return here

    def _spread(self, schemas: list[Any]) -> list[dict[str, Any]]:
        """The schemas with everything they are made of, branches included."""
        found: dict[int, dict[str, Any]] = {}
        pending = list(schemas)
        while pending:
            schema = pending.pop()
            if not isinstance(schema, dict) or id(schema) in found:
                continue
            found[id(schema)] = schema
            if "$ref" in schema:
                pending.append(resolve(self.document, schema["$ref"]))
            for keyword in ("allOf", "anyOf", "oneOf"):
                pending += schema.get(keyword, ())
            pending += (schema[keyword] for keyword in ("if", "then", "else") if keyword in schema)
        return list(found.values())


def _children(schema: dict[str, Any], token: str | int) -> Iterator[Any]:
    if isinstance(token, int):
        prefix = schema.get("prefixItems", ())
        yield prefix[token] if token < len(prefix) else schema.get("items")
        return
    if token in schema.get("properties", {}):
        yield schema["properties"][token]
        return
    for pattern, child in schema.get("patternProperties", {}).items():
        if re.search(pattern, token):
            yield child
    yield schema.get("additionalProperties")


def resolve_tokens(value: Any, tokens: Path) -> Any:
    """The member at `tokens`. Raises KeyError, IndexError or TypeError when there is none."""
    for token in tokens:
        value = value[str(token) if isinstance(value, dict) else token]
    return value


def steps(value: Any, path: Path) -> Path:
    """The path with the names of members as strings; a validator gives one that looks like a number as a number."""
    found: list[str | int] = []
    for token in path:
        found.append(str(token) if isinstance(value, dict) else token)
        value = value[found[-1]]
    return found


def _at(value: Any, path: Path) -> Any:
    return resolve_tokens(value, path)
