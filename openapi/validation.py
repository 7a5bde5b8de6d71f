"""Values against the description's schemas: compiled validators, and violations that say what would have been right."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal

import orjson

from .values import flag, pieces

if TYPE_CHECKING:
    import jsonschema_rs

Direction = Literal["request", "reply"]

_URI = "urn:openapi"
_IGNORED = {"request": "readOnly", "reply": "writeOnly"}
_LITERALS = {"example", "examples", "enum", "const", "default"}
_NAMED = {"properties", "responses", "schemas"}
_MOST_ERRORS = 100
_DEEPEST = 250


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing wrong with a value: `where` it is ("config.routes[0].name"; "" is the whole) and a full sentence.

    `code` is the error code of the refusal, where the description names one (`x-error-code`). `own`: whether the
    sentence is the description's own (`x-message`), as the service says it.
    """

    where: str
    message: str
    code: str | None = None
    own: bool = False

    def __str__(self) -> str:
        return self.message


Writer = Callable[[Any], bytes]
"""Gives a value as JSON if it is as it should be."""


class Validators:
    """The validators of one document, each compiled when it is first needed.

    Formats are annotations here, as JSON Schema 2020-12 has it by default: the service does not check them either,
    and what it does check is a `pattern` or a bound in the description.
    """

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        self._registries: dict[Direction | None, jsonschema_rs.Registry] = {}
        self._compiled: dict[tuple[str, Direction | None], jsonschema_rs.Validator] = {}

    def violations(
        self, pointer: str, direction: Direction | None, value: Any, root: str, text: bytes | None = None
    ) -> list[Violation]:
        """What is wrong with `value`, which `root` names in sentences ("the request body"); [] when fine.

        In a request readOnly members are neither required nor looked at; in a reply writeOnly members are not
        required and must be absent; without a direction the schema holds as it is written. `text` is the JSON that
        orjson read the value from, if it did.
        """
        validator = self._compiled.get((pointer, direction)) or self._compile(pointer, direction)
        try:
            sound = (text is not None and _is_shallow(text)) or _is_sound(value, orjson.dumps(value))
            if sound and validator.is_valid(value):
                return []
        except (TypeError, ValueError, RecursionError):
            sound = False
        if sound:
            return self._explained(validator, pointer, value, root)
        where, complaint = next(_unsound(value), ((), "is not a JSON value"))
        return [_unsound_violation(where, complaint, root)]

    def writer(self, pointer: str, direction: Direction | None, *, finite: bool = True) -> Writer:
        """A function that writes values of this schema as JSON. It gives nothing for what `violations` has a say on.

        Unless they have to be `finite`, numbers that are not are written as null where the schema says nothing of them.
        """
        validator = self._compiled.get((pointer, direction)) or self._compile(pointer, direction)
        is_valid = validator.is_valid

        def write(value: Any) -> bytes:
            try:
                written = orjson.dumps(value)
                return written if is_valid(value) and (not finite or _is_sound(value, written)) else b""
            except (TypeError, ValueError, RecursionError):
                return b""

        return write

    def judge(self, pointer: str, direction: Direction | None) -> Callable[[Any], bool]:
        """A function that tells whether a value that JSON can carry keeps a schema."""
        validator = self._compiled.get((pointer, direction)) or self._compile(pointer, direction)
        return validator.is_valid

    def _explained(self, validator: jsonschema_rs.Validator, pointer: str, value: Any, root: str) -> list[Violation]:
        from .wording import Wording

        wording = Wording(self.document, pointer, value, root)
        found = wording.told(islice(validator.iter_errors(value), _MOST_ERRORS))
        return found or [Violation("", f"Invalid value: {root} does not fit its description.")]

    def _compile(self, pointer: str, direction: Direction | None) -> jsonschema_rs.Validator:
        from urllib.parse import quote

        from jsonschema_rs import Draft202012Validator

        reference = _URI + "#" + quote(pointer.removeprefix("#"), safe="/~")
        validator = Draft202012Validator(
            {"$ref": reference}, registry=self._registry(direction), validate_formats=False
        )
        self._compiled[pointer, direction] = validator
        return validator

    def _registry(self, direction: Direction | None) -> jsonschema_rs.Registry:
        from jsonschema_rs import Draft202012, Registry

        if direction not in self._registries:
            document = self.document if direction is None else _directed(self.document, _IGNORED[direction])
            self._registries[direction] = Registry([(_URI, document)], draft=Draft202012)
        return self._registries[direction]


def _unsound_violation(path: Sequence[str | int], complaint: str, root: str) -> Violation:
    from .phrases import place

    where = place(path)
    return Violation(
        where, f"Invalid value for '{where}': it {complaint}." if where else f"Invalid value: {root} {complaint}."
    )


def _is_shallow(text: bytes) -> bool:
    """Whether a JSON text cannot be nested too deeply, which is all that can be wrong with what orjson reads."""
    return text.count(b"{") + text.count(b"[") <= _DEEPEST


def _is_sound(value: Any, written: bytes) -> bool:
    """Whether orjson lost nothing when it wrote the value.

    It refuses everything unsound but numbers that are not finite, which it writes as null; reading that back costs less
    than looking at every number.
    """
    return b"null" not in written or orjson.loads(written) == value or _finite(value)


_NESTED = (dict, list, tuple, float)


def _finite(value: Any) -> bool:
    """Whether every number in a value is finite."""
    if isinstance(value, float):
        return math.isfinite(value)
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    return all(_finite(child) for child in children if isinstance(child, _NESTED))


def _unsound(value: Any) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """The members that JSON cannot carry, each with what is wrong with it."""
    pending: list[tuple[tuple[str | int, ...], Any]] = [((), value)]
    while pending:
        path, item = pending.pop()
        complaint = _complaint(item)
        if complaint is not None:
            yield path, complaint
        elif len(path) > _DEEPEST:
            yield path[:5], f"is nested more than {_DEEPEST} levels deep"
            return
        elif isinstance(item, dict):
            pending += (((*path, key), child) for key, child in item.items())
        elif isinstance(item, list | tuple):
            pending += (((*path, index), child) for index, child in enumerate(item))


def _complaint(item: Any) -> str | None:
    if item is None or isinstance(item, bool | list | tuple):
        return None
    if isinstance(item, float):
        return None if math.isfinite(item) else "is not a finite number"
    if isinstance(item, int):
        return None if -(2**63) <= item < 2**64 else "is an integer of more than 64 bits"
    if isinstance(item, str):
        return "holds half a surrogate pair, which is no text" if _torn(item) else None
    if isinstance(item, dict):
        if not all(isinstance(key, str) for key in item):
            return "has a member whose name is not a string"
        return "has a member whose name holds half a surrogate pair" if any(map(_torn, item)) else None
    return "is not a JSON value"


def _torn(text: str) -> bool:
    return not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text)


def _directed(document: dict[str, Any], keyword: str) -> dict[str, Any]:
    """The document as it holds in one direction: members with `keyword` are not required.

    In a request any value will do for them, as it is ignored; in a reply they must not be there.
    """
    if f'"{keyword}":true'.encode() not in orjson.dumps(document):
        return document
    substitute = keyword == "readOnly"
    known: dict[int, frozenset[str]] = {}

    def flagged(schema: dict[str, Any]) -> frozenset[str]:
        """The names of the schema's own properties that have the keyword."""
        names = known.get(id(schema))
        if names is None:
            properties = schema.get("properties", {}).items()
            names = frozenset(name for name, child in properties if _flagged(document, child, keyword))
            known[id(schema)] = names
        return names

    def changed(value: Any, named: bool = False) -> Any:
        if isinstance(value, list):
            items = [changed(item) for item in value]
            return items if any(new is not old for new, old in zip(items, value, strict=True)) else value
        if not isinstance(value, dict):
            return value
        result = value
        for key, child in value.items():
            literal = not named and key in ("example", "examples", "enum", "const", "default")
            new = (
                child if literal else changed(child, named=not named and key in ("properties", "responses", "schemas"))
            )
            if new is not child:
                result = dict(value) if result is value else result
                result[key] = new
        return relaxed(value, result) if not named and ("properties" in value or "required" in value) else result

    def relaxed(written: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
        if names := flagged(written):
            substitutes = dict.fromkeys(names, substitute)
            schema = {**schema, "properties": {**schema["properties"], **substitutes}}
        if isinstance(written.get("required"), list):
            made_of = pieces(document, written) if "$ref" in written or "allOf" in written else [written]
            everywhere = frozenset[str]().union(*map(flagged, made_of))
            if everywhere:
                schema = {**schema, "required": [name for name in written["required"] if name not in everywhere]}
        return schema

    result: dict[str, Any] = changed(document)
    return result


def _flagged(document: dict[str, Any], schema: Any, keyword: str) -> bool:
    if isinstance(schema, dict) and "$ref" not in schema and "allOf" not in schema:
        return schema.get(keyword) is True
    return flag(document, schema, keyword)
