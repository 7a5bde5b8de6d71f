"""Which operation a request is for, by its method and path."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .spec import Operation

Found = tuple["Operation", Mapping[str, str]]
"""An operation and the parameters of the path that it was found at."""

MEMORABLE = 512
"""Characters of a path that is looked up but once."""


@dataclass(slots=True)
class _Place:
    """Where one has come to after some segments of a path."""

    literal: dict[str, _Place] = field(default_factory=dict)
    ending: dict[str, _Place] = field(default_factory=dict)
    any: _Place | None = None
    operations: dict[str, tuple[Operation, tuple[str, ...]]] = field(default_factory=dict)


class Routes:
    """The paths of a document, segment by segment.

    A segment that is spelt out goes before a parameter with an ending (``{name}:generate``), and that before any.

    Raises:
        ValueError: a path has a segment with text before a parameter, or with several of them.
    """

    def __init__(self, operations: Iterable[Operation]) -> None:
        self._root = _Place()
        for operation in operations:
            place, names = self._root, []
            for segment in operation.path.split("/"):
                name, closed, ending = segment[1:].partition("}")
                if "{" not in segment:
                    place = place.literal.setdefault(segment, _Place())
                elif not segment.startswith("{") or not closed or "{" in name + ending:
                    raise ValueError(f"{operation.path}: {segment!r} is not a parameter, nor one with an ending")
                elif ending:
                    names.append(name)
                    place = place.ending.setdefault(ending, _Place())
                else:
                    names.append(name)
                    place.any = place = place.any or _Place()
            place.operations[operation.method] = (operation, tuple(names))

        self._find = lru_cache(maxsize=4096)(self._search)

    def find(self, method: str, path: str) -> Found | None:
        """The operation and the path's parameters; ``None`` when the document has nothing there for this method."""
        return self._find(method, path) if len(path) < MEMORABLE else self._search(method, path)

    def _search(self, method: str, path: str) -> Found | None:
        return _find(self._root, method, path.split("/"), 0, ())


def _find(place: _Place, method: str, segments: list[str], depth: int, values: tuple[str, ...]) -> Found | None:
    if depth == len(segments):
        found = place.operations.get(method)
        return None if found is None else (found[0], dict(zip(found[1], values, strict=True)))
    segment = segments[depth]
    literal = place.literal.get(segment)
    if literal is not None:
        answer = _find(literal, method, segments, depth + 1, values)
        if answer is not None:
            return answer
    for ending, after in place.ending.items():
        value = segment.removesuffix(ending)
        if value and value != segment:
            answer = _find(after, method, segments, depth + 1, (*values, value))
            if answer is not None:
                return answer
    if place.any is None or not segment:
        return None
    return _find(place.any, method, segments, depth + 1, (*values, segment))
