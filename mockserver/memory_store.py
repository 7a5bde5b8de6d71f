"""The state in this process's memory: the store that is used unless another is asked for."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Generic

from .store import Changes, Documents, Item, Line, Log, Record, State, Transaction


class MemoryStore:
    """The state in this process's memory."""

    instant = True
    process = 0
    glance: float | None = None

    def __init__(self) -> None:
        self._records: dict[tuple[str, type], dict[str, Any]] = {}
        self._locks: dict[str, threading.RLock] = {}
        self._making_lock = threading.Lock()
        self._within: set[int] = set()
        self._documents: dict[type, _MemoryDocuments[Any]] = {}
        self._logs: dict[type, _MemoryLog[Any]] = {}

    def get(self, kind: type[Record], workspace: str, key: str) -> Record | None:
        records = self._records.get((workspace, kind))
        return records.get(key) if records else None

    def all(self, kind: type[Record], workspace: str) -> list[Record]:
        records = self._records.get((workspace, kind))
        return list(records.values()) if records else []

    def items(self, kind: type[Record], workspace: str) -> list[tuple[str, Record]]:
        records = self._records.get((workspace, kind))
        return list(records.items()) if records else []

    def workspaces(self) -> list[str]:
        return list(dict.fromkeys(workspace for (workspace, _), records in list(self._records.items()) if records))

    def transaction(self, workspace: str) -> _Transaction:
        return _Transaction(self, workspace, self._lock(workspace), self._within)

    def request(self) -> AbstractContextManager[None]:
        return _AT_ONCE

    def documents(self, kind: type[State]) -> Documents[State]:
        return self._documents.setdefault(kind, _MemoryDocuments(kind))

    def together(self) -> AbstractContextManager[None]:
        return _AT_ONCE

    def log(
        self, kind: type[Item], extra: type | None = None, *, capacity: int, whole: int = 0, budget: int | None = None
    ) -> Log[Item]:
        return self._logs.setdefault(kind, _MemoryLog(capacity, whole, budget))

    def clear(self, workspace: str) -> None:
        with self._lock(workspace):
            for place in [place for place in list(self._records) if place[0] == workspace]:
                del self._records[place]
        for documents in self._documents.values():
            documents.clear(workspace)
        for log in self._logs.values():
            log.clear(workspace)

    def close(self) -> None:
        """Nothing is held open."""

    def apply(self, workspace: str, changes: Changes) -> None:
        """Make the changes of a transaction everybody's."""
        for (kind, key), record in changes.made.items():
            records = self._records.get((workspace, kind))
            if records is None:
                records = self._records[workspace, kind] = {}
            if record is None:
                records.pop(key, None)
            else:
                records[key] = record

    def _lock(self, workspace: str) -> threading.RLock:
        lock = self._locks.get(workspace)
        if lock is None:
            with self._making_lock:
                lock = self._locks.setdefault(workspace, threading.RLock())
        return lock


_AT_ONCE = nullcontext()


class _Transaction:
    """A transaction on memory. A class of its own, as a generator would cost three times as much."""

    __slots__ = ("_changes", "_lock", "_store", "_within", "_workspace")

    def __init__(self, store: MemoryStore, workspace: str, lock: threading.RLock, within: set[int]) -> None:
        self._store, self._workspace, self._lock, self._within = store, workspace, lock, within

    def __enter__(self) -> Transaction:
        thread = threading.get_ident()
        if thread in self._within:
            raise RuntimeError("this thread is in a transaction already")
        self._lock.acquire()
        self._within.add(thread)
        self._changes = Changes(self._store, self._workspace)
        return self._changes

    def __exit__(self, kind: type[BaseException] | None, *problem: object) -> None:
        try:
            if kind is None:
                self._store.apply(self._workspace, self._changes)
        finally:
            self._within.discard(threading.get_ident())
            self._lock.release()


class _MemoryDocuments(Generic[State]):
    def __init__(self, make: Callable[[], State]) -> None:
        self._make = make
        self._kept: dict[str, dict[str, _Alone[State]]] = {}
        self._lock = threading.Lock()

    def read(self, workspace: str, key: str) -> State | None:
        kept = self._kept.get(workspace)
        alone = kept.get(key) if kept else None
        return None if alone is None else alone.state

    def changing(self, workspace: str, key: str) -> _Alone[State]:
        kept = self._kept.get(workspace)
        alone = kept.get(key) if kept else None
        return self._new(workspace, key) if alone is None else alone

    def clear(self, workspace: str) -> None:
        with self._lock:
            self._kept.pop(workspace, None)

    def _new(self, workspace: str, key: str) -> _Alone[State]:
        with self._lock:
            kept = self._kept.setdefault(workspace, {})
            if key not in kept:
                kept[key] = _Alone(self._make())
            return kept[key]


class _Alone(Generic[State]):
    """A value, as a context manager of whoever changes it alone."""

    __slots__ = ("_lock", "state")

    def __init__(self, state: State) -> None:
        self.state = state
        self._lock = threading.Lock()

    def __enter__(self) -> State:
        self._lock.acquire()
        return self.state

    def __exit__(self, *problem: object) -> None:
        self._lock.release()


@dataclass(slots=True)
class _Lines(Generic[Item]):
    """One workspace's part of a log: the items kept, the ``extra`` of the newest, and how many lines there were."""

    items: deque[Item]
    extras: deque[object]
    count: int = 0
    size: int = 0

    def copied(self) -> _Lines[Item]:
        return _Lines(self.items.copy(), self.extras.copy(), self.count)

    def newest(self) -> Iterator[Line[Item]]:
        extras = reversed(self.extras)
        for age, item in enumerate(reversed(self.items)):
            yield Line(self.count - age, item, next(extras, None))

    def make_room(self, item: Any, budget: int) -> None:
        """Drop the oldest items until this one may be added."""
        items: deque[Any] = self.items
        self.size += item.size
        while items and (self.size > budget or len(items) == items.maxlen):
            self.size -= items.popleft().size


class _MemoryLog(Generic[Item]):
    def __init__(self, capacity: int, whole: int, budget: int | None) -> None:
        self.capacity, self._whole, self._budget = capacity, whole, budget
        self._written: dict[str, _Lines[Item]] = {}
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._waiting = 0

    def append(self, workspace: str, item: Item, extra: object = None) -> int:
        with self._lock:
            lines = self._written.get(workspace)
            if lines is None:
                lines = self._written[workspace] = _Lines(deque(maxlen=self.capacity), deque(maxlen=self._whole))
            if self._budget is not None:
                lines.make_room(item, self._budget)
            lines.count = number = lines.count + 1
            lines.items.append(item)
            if self._whole:
                lines.extras.append(extra)
            if self._waiting:
                self._changed.notify_all()
        return number

    def lines(self, workspace: str) -> list[Line[Item]]:
        return [*self.newest(workspace)][::-1]

    def newest(self, workspace: str) -> Iterator[Line[Item]]:
        with self._lock:
            lines = self._written.get(workspace)
            copied = None if lines is None else lines.copied()
        return iter(()) if copied is None else copied.newest()

    def line(self, workspace: str, number: int) -> Line[Item] | None:
        with self._lock:
            lines = self._written.get(workspace)
            age = -1 if lines is None else lines.count - number
            if lines is None or not 0 <= age < len(lines.items):
                return None
            extra = lines.extras[-1 - age] if age < len(lines.extras) else None
            return Line(number, lines.items[-1 - age], extra)

    def count(self, workspace: str) -> int:
        lines = self._written.get(workspace)
        return 0 if lines is None else lines.count

    def dropped(self, workspace: str) -> int:
        with self._lock:
            lines = self._written.get(workspace)
            return 0 if lines is None else lines.count - len(lines.items)

    def wait(self, workspace: str, count: int, timeout: float) -> None:
        with self._changed:
            self._waiting += 1
            try:
                self._changed.wait_for(lambda: self.count(workspace) != count, timeout)
            finally:
                self._waiting -= 1

    def workspaces(self) -> list[str]:
        with self._lock:
            return list(self._written)

    def clear(self, workspace: str) -> None:
        with self._lock:
            self._written.pop(workspace, None)
