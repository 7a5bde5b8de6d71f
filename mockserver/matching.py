"""Comparing JSON values: a part of a value, the first difference, and values by path."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any

import orjson

from openapi.phrases import suggestion

Json = Any
_STEP = re.compile(
    r"""\.\.(?P<deep>[\w-]+|\*)                       # ..name
      | \.(?P<name>[\w-]+|\*)                         # .name  .*
      | \[(?P<index>-?\d+|\*)\]                       # [0] [-1] [*]
      | \[(?P<quote>['"])(?P<quoted>.+?)(?P=quote)\]  # ['name']""",
    re.VERBOSE,
)


class JsonPath:
    """A path into a JSON value: ``$``, ``.name``, ``['name']``, ``[0]``, ``[-1]``, ``[*]``, ``.*`` and ``..name``.

    >>> JsonPath("$.tools[*].function.name").values({"tools": [{"function": {"name": "f"}}]})
    ['f']

    Raises:
        ValueError: the path cannot be read; the text names the place.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._steps = _steps(path)

    def values(self, value: Json) -> list[Json]:
        """The values at this path, in document order; [] for none."""
        found = [value]
        for kind, key in self._steps:
            found = [below for item in found for below in _below(item, kind, key)]
        return found


@lru_cache(maxsize=512)
def _steps(path: str) -> tuple[tuple[str, str], ...]:
    if not path.startswith("$"):
        raise ValueError(f"JSONPath {path!r} does not start with '$'")
    position, steps = 1, []
    while position < len(path):
        match = _STEP.match(path, position)
        if match is None:
            raise ValueError(
                f"JSONPath {path!r} cannot be read at {path[position:]!r}: "
                "it may have .name, ['name'], [0], [-1], [*], .* and ..name"
            )
        kind = next(name for name in ("deep", "name", "index", "quoted") if match[name] is not None)
        steps.append(("name" if kind == "quoted" else kind, match[kind]))
        position = match.end()
    return tuple(steps)


def _below(value: Json, kind: str, key: str) -> Iterator[Json]:
    if kind == "deep":
        for item in _everything(value):
            yield from _below(item, "name", key)
    elif key == "*" and isinstance(value, Mapping | list):
        yield from value.values() if isinstance(value, Mapping) else value
    elif kind == "index" and isinstance(value, list):
        if -len(value) <= int(key) < len(value):
            yield value[int(key)]
    elif kind == "name" and isinstance(value, Mapping) and key in value:
        yield value[key]


def _everything(value: Json) -> Iterator[Json]:
    yield value
    for item in value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ():
        yield from _everything(item)


def missing(part: Json, whole: Json, where: str = "") -> str | None:
    """Where ``part`` is not contained in ``whole``, in words; ``None`` when it is.

    The members of an object may be a part of those that are there; a list must have at least these items in these
    places.
    """
    if isinstance(part, Mapping) and isinstance(whole, Mapping):
        for name, value in part.items():
            place = f"{where}.{name}" if where else str(name)
            if name not in whole:
                return f"{place} is missing"
            problem = missing(value, whole[name], place)
            if problem is not None:
                return problem
        return None
    if isinstance(part, list) and isinstance(whole, list):
        if len(part) > len(whole):
            return f"{where or 'the value'} has {len(whole)} items, not {len(part)}"
        return next(
            filter(None, (missing(item, whole[place], f"{where}[{place}]") for place, item in enumerate(part))), None
        )
    return None if part == whole else f"{where or 'the value'} is {shortened(whole)}, not {shortened(part)}"


def difference(expected: Json, actual: Json) -> str:
    """The first difference between two unequal values, in words."""
    problem = missing(expected, actual)
    if problem is not None:
        return problem
    surplus = missing(actual, expected)
    return (
        "it has more than expected" if surplus is None else f"beyond what is expected, {surplus.rpartition(' is ')[0]}"
    )


def check_operation(pattern: str | None, operations: Collection[str]) -> None:
    """See that a pattern for operations means at least one of them: a rule with a mistyped name never comes true.

    Raises:
        ValueError: it means none; the text names the nearest.
    """
    if pattern is not None and not any(fnmatchcase(name, pattern) for name in operations):
        raise ValueError(f"operation {pattern!r} is none of the contract's{suggestion(pattern, [*operations])}")


def shortened(value: Json, most: int = 80) -> str:
    """A value as JSON in one line, cut when it is long."""
    try:
        text = orjson.dumps(value).decode()
    except TypeError:
        text = repr(value)
    return text if len(text) <= most else f"{text[: most - 3]}..."
