"""Which operation of the contract a request is for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from urllib.parse import unquote

from openapi import Operation, Spec, load


@dataclass(frozen=True, slots=True)
class Match:
    """An operation and the path parameters of one request for it."""

    operation: Operation
    parameters: dict[str, str]


@cache
def spec() -> Spec:
    """The contract: always our own, never the target's."""
    return load()


def operation(identifier: str) -> Operation:
    return spec().operations[identifier]


@cache
def _patterns() -> list[tuple[re.Pattern[str], str, Operation]]:
    """Literal paths before templates, so that ``/pt`` and ``/chat/completions`` are not taken for names."""
    ordered = sorted(spec().operations.values(), key=lambda each: (each.path.count("{"), -len(each.path)))
    return [(_pattern(each.path), each.method, each) for each in ordered]


def _pattern(path: str) -> re.Pattern[str]:
    parts = re.split(r"(\{\w+\})", path)
    body = "".join(f"(?P<{part[1:-1]}>[^/]+)" if part.startswith("{") else re.escape(part) for part in parts)
    return re.compile(f"{body}/?")


def match(method: str, route: str) -> Match | None:
    """The operation for a method and a raw path; ``None`` when the contract has none."""
    for pattern, verb, found in _patterns():
        if verb == method and (hit := pattern.fullmatch(route)):
            return Match(found, {key: unquote(value) for key, value in hit.groupdict().items()})
    return None


def methods(route: str) -> set[str]:
    """The methods that the contract has for a raw path."""
    return {verb for pattern, verb, _ in _patterns() if pattern.fullmatch(route)}


def fill(identifier: str, parameters: dict[str, str]) -> str:
    """The path of an operation with its parameters put in, encoded."""
    from urllib.parse import quote

    path = operation(identifier).path
    for key, value in parameters.items():
        path = path.replace(f"{{{key}}}", quote(value, safe=""))
    return path
