"""Regular expressions that are compiled when they are first used: importing a hundred of them costs nothing.

Most of them match few texts. What every match has in it, one sign or another, is looked for sooner than the match.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any


class Expression:
    """A regular expression with the methods of a compiled one, which are its own from the first use on."""

    __slots__ = ("findall", "finditer", "flags", "fullmatch", "groups", "match", "search", "source", "sub")

    search: Callable[[str], re.Match[str] | None]
    match: Callable[..., re.Match[str] | None]
    fullmatch: Callable[[str], re.Match[str] | None]
    findall: Callable[[str], list[Any]]
    finditer: Callable[[str], Iterator[re.Match[str]]]
    sub: Callable[..., str]
    groups: int

    def __init__(self, source: str, flags: int = 0) -> None:
        self.source = source
        self.flags = flags

    def __getattr__(self, name: str) -> Any:
        """Called for a slot that is still empty, thus once."""
        if name not in self.__slots__:
            raise AttributeError(name)
        compiled = re.compile(self.source, self.flags)
        for method in ("search", "match", "fullmatch", "findall", "finditer", "sub", "groups"):
            setattr(self, method, getattr(compiled, method))
        return getattr(compiled, name)


def holds_any(text: str, signs: tuple[str, ...]) -> bool:
    """Whether one of the signs is in the text."""
    return any(map(text.__contains__, signs))
