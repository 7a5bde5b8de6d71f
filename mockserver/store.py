"""Where the state lives, and what may be done with it. Nothing else knows whether that is memory or a database.

There are three ways to keep something, each by workspace:

* **records** are what was configured: frozen values by kind (their class) and key, changed in transactions. A read
  needs no copy and no lock; a transaction collects its writes and applies them together, or not at all.
* **documents** are what is counted: a value by kind and key that is changed in place, by one request at a time.
* **logs** are what happened: numbered lines in the order in which they were written, the oldest of which are dropped.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
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

    def dropped(self, workspace: str) -> int:
        """How many lines are kept no more."""
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

    def log(
        self, kind: type[Item], extra: type | None = None, *, capacity: int, whole: int = 0, budget: int | None = None
    ) -> Log[Item]:
        """A log whose lines are of one kind. The newest ``whole`` lines keep their ``extra``.

        ``budget``: bytes that a workspace's lines may take, where they have a ``size``. A database looks at it now and
        then, and counts the characters that it holds.
        """
        ...

    def clear(self, workspace: str) -> None:
        """Forget everything about one workspace."""
        ...

    def close(self) -> None:
        """Let go of whatever the store holds open."""
        ...


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


def open_store(url: str | None) -> Store:
    """The store at this URL; memory without one. Raises StoreError when it cannot be used."""
    if url is None:
        from .memory_store import MemoryStore

        return MemoryStore()
    from .sql_store import SqlStore

    return SqlStore(url)
