"""What is known of the records in a SQL database without asking it."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, TypeVar, cast

import orjson

from .codec import CodecError, decode
from .records import KEPT
from .store import StoreError

Record = TypeVar("Record")

MOST_CACHED = 1000
"""Workspaces, and single records of one workspace, that are cached."""

UNREADABLE = (CodecError, orjson.JSONDecodeError)

UNKNOWN: Any = object()
"""Stands for a record of which nothing is known."""


class Cache:
    """Records of one workspace as they were at its ``version``, or later."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.version = 0
        self.kinds: dict[str, dict[str, Any]] = {}
        self._single: dict[tuple[str, str], Any] = {}

    def get(self, kind: type, key: str) -> Any:
        """A record, ``None`` when there is none, or the mark that it is not known."""
        known = self.kinds.get(kind.__name__)
        if known is not None:
            return known.get(key)
        return self._single.get((kind.__name__, key), UNKNOWN)

    def remember(self, version: int, kind: type, key: str, record: Any) -> None:
        """Note what was read when this was at ``version``, unless it may be outdated by now."""
        with self.lock:
            if self.version == version:
                if len(self._single) > MOST_CACHED:
                    self._single.clear()
                self._single[kind.__name__, key] = record

    def remember_all(self, version: int, kind: type, records: dict[str, Any]) -> None:
        """Note all the records of a kind, under the same condition."""
        with self.lock:
            if self.version == version:
                self.kinds[kind.__name__] = records

    def change(self, rows: Iterable[tuple[type, str, str]]) -> None:
        """Take over what was written since. The caller holds the lock."""
        for kind, key, document in rows:
            record: Any = decoded(kind, document)
            if kind.__name__ in self.kinds:
                self.kinds[kind.__name__][key] = record
            self._single[kind.__name__, key] = record

    def forget(self) -> None:
        """Know nothing any more, as something was deleted. The caller holds the lock."""
        self.kinds, self._single = {}, {}


def decoded(kind: type[Record], document: str) -> Record:
    """The record that was written down so. Raises StoreError when it cannot be read."""
    try:
        return cast(Record, read(kind.__name__, document))
    except UNREADABLE as problem:
        raise _unreadable(kind, problem) from None


def counted(kind: type[Record], document: str) -> Record:
    """A document, or a line of a log, which are too many to be remembered. Raises StoreError when it cannot be read."""
    try:
        return decode(kind, orjson.loads(document))
    except UNREADABLE as problem:
        raise _unreadable(kind, problem) from None


@lru_cache(maxsize=4096)
def read(kind: str, document: str) -> object:
    """A record by the name of its kind. Records are frozen, so the same document may be the same record every time.

    Raises:
        CodecError: it does not fit the kind.
    """
    record: object = decode(KEPT[kind], orjson.loads(document))
    return record


def _unreadable(kind: type, problem: Exception) -> StoreError:
    return StoreError(f"the database of the store holds a {kind.__name__} that cannot be read: {problem}")
