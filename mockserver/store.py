"""Where the state lives, and what may be done with it. Nothing else knows whether that is memory or a database.

There are three ways to keep something, each by workspace:

* **records** are what was configured: frozen values by kind (their class) and key, changed in transactions. A read
  needs no copy and no lock; a transaction collects its writes and applies them together, or not at all.
* **documents** are what is counted: a value by kind and key that is changed in place, by one request at a time.
* **logs** are what happened: numbered lines in the order in which they were written, the oldest of which are dropped.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

Record = TypeVar("Record")
State = TypeVar("State")
State_co = TypeVar("State_co", covariant=True)
Item = TypeVar("Item")


class StoreError(Exception):
    """The store cannot be used; the text says which, where in it, and why."""


class Transaction(Protocol):
    """Reads and writes that happen together. Within it a read sees the writes made so far."""

    def get(self, kind: type[Record], key: str) -> Record | None: ...

    def all(self, kind: type[Record]) -> list[Record]: ...

    def put(self, key: str, record: object) -> None: ...

    def delete(self, kind: type[object], key: str) -> None: ...


class Documents(Protocol[State_co]):
    """Values of one kind that are changed in place. One that is not there yet is made without arguments."""

    def read(self, workspace: str, key: str) -> State_co | None:
        """One value, to look at only; ``None`` when there is none."""
        ...

    def changing(self, workspace: str, key: str) -> AbstractContextManager[State_co]:
        """A context manager around one value that nobody else changes meanwhile. What is changed in it is kept."""
        ...

    def clear(self, workspace: str) -> None:
        """Forget the values of one workspace."""
        ...


@dataclass(slots=True)
class Line(Generic[Item]):
    """One line of a log. ``extra`` is what only the newest lines are kept with."""

    number: int
    item: Item
    extra: Any = None


class Log(Protocol[Item]):
    """Lines in the order in which they were written, numbered from 1."""

    capacity: int

    def append(self, workspace: str, item: Item, extra: object = None) -> int:
        """Write a line; its number."""
        ...

    def lines(self, workspace: str) -> list[Line[Item]]:
        """The lines kept, oldest first."""
        ...

    def newest(self, workspace: str) -> Iterator[Line[Item]]:
        """The lines kept, newest first."""
        ...

    def line(self, workspace: str, number: int) -> Line[Item] | None:
        """One line; ``None`` when it is kept no more, or has not been written."""
        ...

    def count(self, workspace: str) -> int:
        """How many lines have been written, dropped ones included."""
        ...

    def wait(self, workspace: str, count: int, timeout: float) -> None:
        """Return when ``count`` is no longer how many there are, or after ``timeout`` real seconds."""
        ...

    def workspaces(self) -> list[str]:
        """The workspaces in which something was written."""
        ...

    def clear(self, workspace: str) -> None:
        """Forget the lines of one workspace, and count from 1 again."""
        ...


class Store(Protocol):
    """The state of all workspaces."""

    instant: bool
    """Whether reading and writing take no time to speak of, so that an event loop may do it."""

    process: int
    """Which of the processes that have used this state this is, from 0: what makes random ids differ."""

    glance: float | None
    """Real seconds after which to look again for what other processes did; ``None`` when there are none."""

    def get(self, kind: type[Record], workspace: str, key: str) -> Record | None:
        """One record, or ``None``."""
        ...

    def all(self, kind: type[Record], workspace: str) -> list[Record]:
        """The records of one kind in the order in which they were first put."""
        ...

    def items(self, kind: type[Record], workspace: str) -> list[tuple[str, Record]]:
        """The records of one kind with their keys, in the order in which they were first put."""
        ...

    def workspaces(self) -> list[str]:
        """The workspaces that have records."""
        ...

    def transaction(self, workspace: str) -> AbstractContextManager[Transaction]:
        """A context manager around one Transaction; transactions of one workspace follow one another.

        Raises:
            RuntimeError: this thread is in a transaction already.
        """
        ...

    def request(self) -> AbstractContextManager[None]:
        """A context manager around one request, within which records read once may be taken to stand for a moment."""
        ...

    def documents(self, kind: type[State]) -> Documents[State]:
        """The values of one kind; the same ones for everybody who asks."""
        ...

    def together(self) -> AbstractContextManager[None]:
        """A context manager around changes of documents and logs that are kept at once, or not at all."""
        ...

    def log(self, kind: type[Item], extra: type | None = None, *, capacity: int, whole: int = 0) -> Log[Item]:
        """A log whose lines are of one kind. The newest ``whole`` lines keep their ``extra``."""
        ...

    def clear(self, workspace: str) -> None:
        """Forget everything about one workspace."""
        ...

    def close(self) -> None:
        """Let go of whatever the store holds open."""
        ...


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

    def log(self, kind: type[Item], extra: type | None = None, *, capacity: int, whole: int = 0) -> Log[Item]:
        return self._logs.setdefault(kind, _MemoryLog(capacity, whole))

    def clear(self, workspace: str) -> None:
        with self._lock(workspace):
            for place in [place for place in list(self._records) if place[0] == workspace]:
                del self._records[place]
            self._locks.pop(workspace, None)
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


class Changes:
    """A transaction on any store: its reads are the store's, overlaid with what it has changed so far."""

    def __init__(self, store: Store, workspace: str) -> None:
        self._store, self._workspace = store, workspace
        self.made: dict[tuple[type, str], Any] = {}
        """What was put, ``None`` for what was deleted, by kind and key."""

    def get(self, kind: type[Record], key: str) -> Record | None:
        if (kind, key) in self.made:
            found: Record | None = self.made[kind, key]
            return found
        return self._store.get(kind, self._workspace, key)

    def all(self, kind: type[Record]) -> list[Record]:
        records = dict(self._store.items(kind, self._workspace))
        for (changed, key), record in self.made.items():
            if changed is kind and record is None:
                records.pop(key, None)
            elif changed is kind:
                records[key] = record
        return list(records.values())

    def put(self, key: str, record: object) -> None:
        self.made[type(record), key] = record

    def delete(self, kind: type[object], key: str) -> None:
        self.made[kind, key] = None


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

    def copied(self) -> _Lines[Item]:
        return _Lines(self.items.copy(), self.extras.copy(), self.count)

    def newest(self) -> Iterator[Line[Item]]:
        extras = reversed(self.extras)
        for age, item in enumerate(reversed(self.items)):
            yield Line(self.count - age, item, next(extras, None))


class _MemoryLog(Generic[Item]):
    def __init__(self, capacity: int, whole: int) -> None:
        self.capacity, self._whole = capacity, whole
        self._written: dict[str, _Lines[Item]] = {}
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._waiting = 0

    def append(self, workspace: str, item: Item, extra: object = None) -> int:
        with self._lock:
            lines = self._written.get(workspace)
            if lines is None:
                lines = self._written[workspace] = _Lines(deque(maxlen=self.capacity), deque(maxlen=self._whole))
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


def open_store(url: str | None) -> Store:
    """The store at this URL; memory without one. Raises StoreError when it cannot be used."""
    if url is None:
        return MemoryStore()
    from .sql_store import SqlStore

    return SqlStore(url)
