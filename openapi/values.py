"""What the spec says of a value, done to it: defaults in, readOnly ignored, writeOnly out, secrets masked, 2.0 made 2.

A schema is compiled once into a tree of parts that holds only what has something to do; values are changed on a
copy, and a value that needs no change is returned as it is.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from threading import Lock
from typing import Any

REDACTED = "[REDACTED]"

Walk = Callable[[Any], Any]


class Action(Enum):
    """What a walker does to the values it meets."""

    FILL = "defaults in, readOnly members dropped"
    STRIP = "writeOnly members dropped"
    MASK = "secrets replaced"
    WHOLE = "whole numbers that were written with a point (2.0) made integers where the schema asks for one"


class Walkers:
    """The functions that do an action to the values of one document's schemas; what schemas share is compiled once."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._compilers = {action: _Compiler(document, action) for action in Action}
        self._lock = Lock()

    def walk(self, schema: Any, action: Action) -> Walk:
        """The function that does `action` to a value of `schema`, which is part of the document."""
        with self._lock:  # a half-compiled part would let a secret through
            part = self._compilers[action].compiled(schema)
        return part.apply if part.busy else _unchanged

    def is_certain(self, schema: Any, action: Action) -> bool:
        """Whether `action` never depends on which branch of an anyOf or oneOf is meant."""
        with self._lock:
            return not any(part.choices for part in self._compilers[action].compiled(schema).whole())


def _unchanged(value: Any) -> Any:
    return value


@dataclass(slots=True, eq=False)
class _Part:
    """What one schema says of a value; `others` are the schemas that hold for the same value."""

    action: Action
    drop: frozenset[str] = frozenset()
    mask: frozenset[str] = frozenset()
    fill: tuple[tuple[str, Any], ...] = ()
    whole_number: bool = False
    members: dict[str, _Part] = field(default_factory=dict)
    patterns: list[tuple[re.Pattern[str], _Part]] = field(default_factory=list)
    declared: frozenset[str] = frozenset()
    rest: _Part | None = None
    items: _Part | None = None
    prefix: list[_Part] = field(default_factory=list)
    others: list[_Part] = field(default_factory=list)
    choices: list[list[tuple[_Shape, _Part]]] = field(default_factory=list)
    busy: bool = False

    def below(self) -> Iterator[_Part]:
        yield from self.members.values()
        yield from (part for _, part in self.patterns)
        yield from self.prefix
        yield from self.others
        yield from (part for choice in self.choices for _, part in choice)
        yield from (part for part in (self.rest, self.items) if part is not None)

    def whole(self) -> Iterator[_Part]:
        """This part and all parts below it, each once."""
        pending, seen = [self], {id(self)}
        while pending:
            part = pending.pop()
            yield part
            fresh = [below for below in part.below() if id(below) not in seen]
            seen.update(map(id, fresh))
            pending += fresh

    def acts(self) -> bool:
        """Whether there is something to do to the value itself."""
        return bool(self.drop or self.mask or self.fill or self.whole_number)

    def cut(self) -> None:
        """Forget the parts that have nothing to do."""
        self.members = {name: part for name, part in self.members.items() if part.busy}
        if not any(part.busy for _, part in self.patterns) and (self.rest is None or not self.rest.busy):
            self.patterns, self.rest = [], None
        if self.items is not None and not self.items.busy:
            self.items = None
        if self.items is None and not any(part.busy for part in self.prefix):
            self.prefix = []
        self.others = [part for part in self.others if part.busy]
        self.choices = [choice for choice in self.choices if any(part.busy for _, part in choice)]

    def shorten(self) -> None:
        """Go to what a reference leads to without stopping at the reference."""
        self.members = {name: part.essence() for name, part in self.members.items()}
        self.others = [part.essence() for part in self.others]
        if self.items is not None:
            self.items = self.items.essence()

    def essence(self) -> _Part:
        """This part, or the only one that it consists of."""
        part, seen = self, {id(self)}
        while len(part.others) == 1 and not (part.acts() or part.members or part.rest or part.patterns or part.choices):
            if part.items is not None or part.prefix or id(part.others[0]) in seen:
                break
            part = part.others[0]
            seen.add(id(part))
        return part

    def apply(self, value: Any) -> Any:
        if isinstance(value, dict):
            value = self._object(value)
        elif isinstance(value, list):
            value = self._array(value)
        elif self.whole_number and isinstance(value, float) and value.is_integer():
            value = int(value)
        for part in self.others:
            value = part.apply(value)
        for choice in self.choices:
            value = self._chosen(choice, value)
        return value

    def _object(self, value: dict[str, Any]) -> dict[str, Any]:
        changes: dict[str, Any] = {}
        for name, default in self.fill:
            if name not in value:
                changes[name] = copy.deepcopy(default) if isinstance(default, dict | list) else default
        for name in self.members.keys() & (value.keys() | changes.keys() if changes else value.keys()):
            before = changes[name] if name in changes else value[name]
            after = self.members[name].apply(before)
            if after is not before:
                changes[name] = after
        if self.patterns or self.rest is not None:
            self._unnamed(value, changes)
        for name in self.mask & value.keys() if self.mask else ():
            changes[name] = REDACTED
        gone = self.drop & value.keys() if self.drop else None
        if not changes and not gone:
            return value
        result = {**value, **changes}
        for name in gone or ():
            del result[name]
        return result

    def _unnamed(self, value: dict[str, Any], changes: dict[str, Any]) -> None:
        for name, before in value.items():
            if name in self.declared:
                continue
            after, matched = before, False
            for pattern, part in self.patterns:
                if pattern.search(name):
                    after, matched = part.apply(after), True
            if not matched and self.rest is not None:
                after = self.rest.apply(after)
            if after is not before:
                changes[name] = after

    def _array(self, value: list[Any]) -> list[Any]:
        result = value
        for index, part in enumerate(self.prefix[: len(value)]):
            after = part.apply(value[index])
            if after is not value[index]:
                result = [*value] if result is value else result
                result[index] = after
        if self.items is not None:
            apply = self.items.apply
            for index in range(len(self.prefix), len(value)):
                before = value[index]
                after = apply(before)
                if after is not before:
                    result = [*value] if result is value else result
                    result[index] = after
        return result

    def _chosen(self, choice: list[tuple[_Shape, _Part]], value: Any) -> Any:
        """Defaults need one clear branch; secrets go in every branch that may be meant."""
        fitting = [part for shape, part in choice if shape.fits(value)]
        if self.action is Action.FILL and len(fitting) != 1:
            return value
        for part in fitting or [part for _, part in choice]:
            value = part.apply(value)
        return value


@dataclass(slots=True)
class _Shape:
    """The quick features that tell one branch of an anyOf or oneOf from another."""

    types: frozenset[str] | None
    constants: dict[str, list[Any]]
    required: frozenset[str]
    closed: frozenset[str] | None
    forbidden: frozenset[str]

    def fits(self, value: Any) -> bool:
        if self.types is not None and not any(_is(value, name) for name in self.types):
            return False
        if not isinstance(value, dict):
            return True
        if not self.required <= value.keys():
            return False
        if not self.forbidden.isdisjoint(value):
            return False
        if self.closed is not None and not value.keys() <= self.closed:
            return False
        return all(value[name] in allowed for name, allowed in self.constants.items() if name in value)


_TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "number": (int, float),
    "integer": int,
    "boolean": bool,
    "null": type(None),
}


def _is(value: Any, name: str) -> bool:
    if isinstance(value, bool):
        return name == "boolean"
    if name == "integer" and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, _TYPES.get(name, ()))


class _Compiler:
    def __init__(self, document: dict[str, Any], action: Action) -> None:
        self.document = document
        self.action = action
        self._parts: dict[int, _Part] = {}

    def compiled(self, schema: Any) -> _Part:
        """The part of `schema`, ready to be applied."""
        before = len(self._parts)
        part = self._part(schema)
        self._prune(list(self._parts.values())[before:])
        return part.essence()

    def _part(self, schema: Any) -> _Part:
        known = self._parts.get(id(schema))
        if known is not None:
            return known
        part = self._parts[id(schema)] = _Part(self.action)
        if isinstance(schema, dict):
            self._describe(part, schema)
        return part

    def _describe(self, part: _Part, schema: dict[str, Any]) -> None:
        properties: dict[str, Any] = schema.get("properties", {})
        part.whole_number = self.action is Action.WHOLE and _asks_for_integer(schema)
        self._flagged(part, properties)
        part.members = {name: self._part(child) for name, child in properties.items() if name not in part.drop}
        part.declared = frozenset(properties)
        for pattern, child in schema.get("patternProperties", {}).items():
            part.patterns.append((re.compile(pattern), self._part(child)))
        for keyword in ("additionalProperties", "unevaluatedProperties"):
            if isinstance(schema.get(keyword), dict):
                part.rest = self._part(schema[keyword])
        if isinstance(schema.get("items"), dict):
            part.items = self._part(schema["items"])
        part.prefix = [self._part(child) for child in schema.get("prefixItems", ())]
        part.others = [self._part(child) for child in schema.get("allOf", ())]
        if "$ref" in schema:
            part.others.append(self._part(resolve(self.document, schema["$ref"])))
        for keyword in ("anyOf", "oneOf"):
            if keyword in schema:
                shapes = _shapes(self.document, schema, keyword)
                part.choices.append(
                    [(shape, self._part(child)) for shape, child in zip(shapes, schema[keyword], strict=True)]
                )

    def _flagged(self, part: _Part, properties: dict[str, Any]) -> None:
        if self.action is Action.WHOLE:
            return
        if self.action is Action.FILL:
            part.drop = frozenset(name for name, child in properties.items() if flag(self.document, child, "readOnly"))
            defaults = ((name, said(self.document, child, "default")) for name, child in properties.items())
            part.fill = tuple((name, found[0]) for name, found in defaults if found and name not in part.drop)
            return
        if self.action is Action.STRIP:
            part.drop = frozenset(name for name, child in properties.items() if flag(self.document, child, "writeOnly"))
        else:
            part.mask = frozenset(name for name, child in properties.items() if is_secret(self.document, child))

    def _prune(self, parts: list[_Part]) -> None:
        """Mark those of the new parts that do something, themselves or below, and cut off the others."""
        above: dict[int, list[_Part]] = {}
        for part in parts:
            for child in part.below():
                above.setdefault(id(child), []).append(part)
        pending = [part for part in parts if part.acts() or any(child.busy for child in part.below())]
        while pending:
            part = pending.pop()
            if not part.busy:
                part.busy = True
                pending += above.get(id(part), ())
        for part in parts:
            part.cut()
        for part in parts:
            part.shorten()


def _asks_for_integer(schema: dict[str, Any]) -> bool:
    named = schema.get("type", ())
    types = {named} if isinstance(named, str) else set(named)
    return "integer" in types and "number" not in types


def _shapes(document: dict[str, Any], schema: dict[str, Any], keyword: str) -> list[_Shape]:
    shapes = [_shape(document, branch) for branch in schema[keyword]]
    discriminator = schema.get("discriminator")
    if isinstance(discriminator, dict) and "propertyName" in discriminator:
        name, mapping = discriminator["propertyName"], discriminator.get("mapping", {})
        for branch, shape in zip(schema[keyword], shapes, strict=True):
            values = [value for value, target in mapping.items() if target == branch.get("$ref")]
            if values:
                shape.constants[name] = values
                shape.required |= {name}
    return shapes


def _shape(document: dict[str, Any], schema: Any) -> _Shape:
    types: frozenset[str] | None = None
    constants: dict[str, list[Any]] = {}
    required: frozenset[str] = frozenset()
    closed: frozenset[str] | None = None
    forbidden: frozenset[str] = frozenset()
    for piece in pieces(document, schema):
        if "type" in piece:
            named = piece["type"]
            own = frozenset([named] if isinstance(named, str) else named)
            types = own if types is None else types & own
        required |= frozenset(piece.get("required", ()))
        properties: dict[str, Any] = piece.get("properties", {})
        forbidden |= frozenset(name for name, child in properties.items() if child is False)
        for name, child in properties.items():
            allowed = said(document, child, "enum") or tuple([value] for value in said(document, child, "const"))
            if allowed:
                constants[name] = allowed[0]
        if piece.get("additionalProperties") is False and "patternProperties" not in piece:
            closed = frozenset(properties)
    return _Shape(types, constants, required, closed, forbidden)


def resolve(document: dict[str, Any], reference: str) -> Any:
    """The member of `document` that the local reference names. Raises KeyError or IndexError."""
    value: Any = document
    for token in reference.removeprefix("#").split("/")[1:]:
        token = token.replace("~1", "/").replace("~0", "~")
        value = value[int(token)] if isinstance(value, list) else value[token]
    return value


def pieces(document: dict[str, Any], schema: Any) -> Iterator[dict[str, Any]]:
    """The schema objects that all hold for the same value: itself, its $ref, its allOf."""
    pending, seen = [schema], set()
    while pending:
        piece = pending.pop(0)
        if not isinstance(piece, dict) or id(piece) in seen:
            continue
        seen.add(id(piece))
        yield piece
        if "$ref" in piece:
            pending.append(resolve(document, piece["$ref"]))
        pending += piece.get("allOf", ())


def said(document: dict[str, Any], schema: Any, keyword: str) -> tuple[Any, ...]:
    """What the schema says under `keyword`, itself or through $ref and allOf: `(value,)`, or `()`."""
    for piece in pieces(document, schema):
        if keyword in piece:
            return (piece[keyword],)
    return ()


def flag(document: dict[str, Any], schema: Any, keyword: str) -> bool:
    """Whether readOnly or writeOnly is set, by the schema or anything it is made of."""
    return any(piece.get(keyword) is True for piece in pieces(document, schema))


def is_secret(document: dict[str, Any], schema: Any) -> bool:
    """Whether the schema, or what it is made of, says that its values are secrets (`format: password`)."""
    return any(piece.get("format") == "password" for piece in pieces(document, schema))
