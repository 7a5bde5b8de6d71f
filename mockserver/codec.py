"""Records as JSON values and back, by their type annotations; what does not fit is named with its place.

A class that can be written down in a better way says how: ``to_json`` gives the JSON value, ``from_json`` reads it.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from typing import Any, Literal, NamedTuple, TypeVar, Union, get_args, get_origin, get_type_hints

from .matching import shortened

Json = Any
Record = TypeVar("Record")
Decoder = Callable[[Json, str], Any]
_SCALARS = {str: "a text", int: "a whole number", float: "a number", bool: "true or false", type(None): "null"}


class CodecError(ValueError):
    """A value does not fit the record. ``where`` is the place in it, ``problem`` a sentence's rest."""

    def __init__(self, where: str, problem: str) -> None:
        super().__init__(f"{where or 'the record'} {problem}")
        self.where, self.problem = where, problem


def encode(record: Any) -> Json:
    """A record as JSON. Members that have their default are left out.

    Raises:
        TypeError: it holds a value that JSON does not have.
    """
    if hasattr(record, "to_json"):
        return record.to_json()
    if _is_record(type(record)):
        return {
            member.name: encode(value)
            for member in _members(typing.cast(Any, type(record)))
            if not member.is_default(value := getattr(record, member.name))
        }
    if isinstance(record, Mapping):
        return {str(name): encode(value) for name, value in record.items()}
    if isinstance(record, tuple | list):
        return [encode(item) for item in record]
    if record is None or isinstance(record, str | int | float | bool):
        return record
    raise TypeError(f"{type(record).__name__} cannot be written as JSON: {shortened(record)}")


def decode(kind: type[Record], value: Json, where: str = "") -> Record:
    """The record of this kind that a JSON value describes.

    Raises:
        CodecError: the value does not fit; the text names the place and what is expected there.
    """
    record: Record = _decoder(typing.cast(Any, kind))(value, where)
    return record


class _Member(NamedTuple):
    """One member of a record, and its default if it has one."""

    name: str
    default: Any = MISSING
    optional: bool = True

    def is_default(self, value: Any) -> bool:
        return type(value) is type(self.default) and bool(value == self.default)


def _is_record(kind: Any) -> bool:
    """Whether the values of a class have members with names: a dataclass or a named tuple."""
    return is_dataclass(kind) or (isinstance(kind, type) and issubclass(kind, tuple) and hasattr(kind, "_fields"))


@cache
def _members(kind: Any) -> tuple[_Member, ...]:
    if is_dataclass(kind):
        return tuple(
            _Member(spec.name, spec.default, spec.default is not MISSING or spec.default_factory is not MISSING)
            for spec in fields(kind)
            if spec.init
        )
    defaults = kind._field_defaults
    return tuple(_Member(name, defaults.get(name, MISSING), name in defaults) for name in kind._fields)


@cache
def _decoder(annotation: Any) -> Decoder:
    if annotation is Any:
        return _anything
    if annotation in _SCALARS:
        return _scalar(annotation)
    if hasattr(annotation, "from_json"):
        return _own(annotation.from_json)
    if _is_record(annotation):
        return _record(annotation)
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return _literal(arguments)
    if origin in (Union, types.UnionType):
        return _union(arguments)
    if origin is tuple and len(arguments) == 2 and arguments[1] is ...:
        return _sequence(_decoder(arguments[0]), tuple)
    if origin is list:
        return _sequence(_decoder(arguments[0]), list)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return _mapping(_decoder(arguments[1]))
    raise TypeError(f"records with a member of type {annotation} cannot be read from JSON")


def _anything(value: Json, where: str) -> Json:
    return value


def _scalar(kind: type) -> Decoder:
    accepted = (int, float) if kind is float else kind

    def decoded(value: Json, where: str) -> Any:
        if not isinstance(value, accepted) or (isinstance(value, bool) and kind is not bool):
            raise CodecError(where, f"is {shortened(value)}, not {_SCALARS[kind]}")
        return value

    return decoded


def _literal(choices: tuple[Any, ...]) -> Decoder:
    def decoded(value: Json, where: str) -> Any:
        if value not in choices:
            raise CodecError(where, f"is {shortened(value)}, not one of {', '.join(map(str, choices))}")
        return value

    return decoded


def _union(choices: tuple[Any, ...]) -> Decoder:
    decoders = [_decoder(choice) for choice in choices if choice is not type(None)]
    nullable = type(None) in choices

    def decoded(value: Json, where: str) -> Any:
        if value is None and nullable:
            return None
        problem: CodecError | None = None
        for decoder in decoders:
            try:
                return decoder(value, where)
            except CodecError as failure:
                problem = problem or failure
        assert problem is not None
        raise problem

    return decoded


def _own(read: Callable[[Json], Any]) -> Decoder:
    def decoded(value: Json, where: str) -> Any:
        try:
            return read(value)
        except (TypeError, ValueError, KeyError, AttributeError) as problem:
            raise CodecError(where, f"is {shortened(value)}: {problem}") from None

    return decoded


def _sequence(item: Decoder, kind: type) -> Decoder:
    def decoded(value: Json, where: str) -> Any:
        if not isinstance(value, list):
            raise CodecError(where, f"is {shortened(value)}, not a list")
        return kind(item(one, f"{where}[{index}]") for index, one in enumerate(value))

    return decoded


def _mapping(item: Decoder) -> Decoder:
    def decoded(value: Json, where: str) -> Any:
        if not isinstance(value, dict):
            raise CodecError(where, f"is {shortened(value)}, not an object")
        return {name: item(one, f"{where}.{name}") for name, one in value.items()}

    return decoded


def _record(kind: type) -> Decoder:
    hints = get_type_hints(kind)
    members = {member.name: _decoder(hints[member.name]) for member in _members(kind)}
    required = [member.name for member in _members(kind) if not member.optional]

    def decoded(value: Json, where: str) -> Any:
        if not isinstance(value, dict):
            raise CodecError(where, f"is {shortened(value)}, not an object")
        prefix = f"{where}." if where else ""
        for name in value:
            if name not in members:
                raise CodecError(f"{prefix}{name}", f"is unknown: there are {', '.join(members)}")
        for name in required:
            if name not in value:
                raise CodecError(f"{prefix}{name}", "is missing")
        given = {name: members[name](one, f"{prefix}{name}") for name, one in value.items()}
        try:
            return kind(**given)
        except ValueError as problem:
            raise CodecError(where, f"cannot be: {problem}") from None

    return decoded
