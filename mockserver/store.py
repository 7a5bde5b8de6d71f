"""Where the state lives: records by workspace, kind and key, changed in transactions.

A *kind* is the class of the record. Records are frozen, so a read needs no copy and no lock; a transaction collects its
writes and applies them together, or not at all.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol, TypeVar

Record = TypeVar("Record")


class StoreError(Exception):
    """The store cannot be used; the text says which, where in it, and why."""


class Transaction(Protocol):
    """Reads and writes that happen together. Within it a read sees the writes made so far."""

    def get(self, kind: type[Record], key: str) -> Record | None: ...

    def all(self, kind: type[Record]) -> list[Record]: ...

    def put(self, key: str, record: object) -> None: ...

    def delete(self, kind: type[object], key: str) -> None: ...


class Store(Protocol):
    """The state of all workspaces."""

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
        """A context manager around one Transaction; transactions of one workspace follow one another."""
        ...

    def clear(self, workspace: str) -> None:
        """Forget everything about one workspace."""
        ...

    def close(self) -> None:
        """Let go of whatever the store holds open."""
        ...


class MemoryStore:
    """The state in this process's memory."""

    def __init__(self) -> None:
        self._records: dict[tuple[str, type], dict[str, Any]] = {}
        self._locks: dict[str, threading.RLock] = {}
        self._making_lock = threading.Lock()

    def get(self, kind: type[Record], workspace: str, key: str) -> Record | None:
        records = self._records.get((workspace, kind))
        return records.get(key) if records else None

    def all(self, kind: type[Record], workspace: str) -> list[Record]:
        return list(self._records.get((workspace, kind), {}).values())

    def items(self, kind: type[Record], workspace: str) -> list[tuple[str, Record]]:
        return list(self._records.get((workspace, kind), {}).items())

    def workspaces(self) -> list[str]:
        return list(dict.fromkeys(workspace for (workspace, _), records in list(self._records.items()) if records))

    @contextmanager
    def transaction(self, workspace: str) -> Iterator[Transaction]:
        with self._lock(workspace):
            transaction = _MemoryTransaction(self, workspace)
            yield transaction
            for (kind, key), record in transaction.changes.items():
                records = self._records.setdefault((workspace, kind), {})
                if record is None:
                    records.pop(key, None)
                else:
                    records[key] = record

    def clear(self, workspace: str) -> None:
        with self._lock(workspace):
            for place in [place for place in list(self._records) if place[0] == workspace]:
                del self._records[place]
            self._locks.pop(workspace, None)

    def close(self) -> None:
        """Nothing is held open."""

    def _lock(self, workspace: str) -> threading.RLock:
        lock = self._locks.get(workspace)
        if lock is None:
            with self._making_lock:
                lock = self._locks.setdefault(workspace, threading.RLock())
        return lock


class _MemoryTransaction:
    def __init__(self, store: MemoryStore, workspace: str) -> None:
        self._store = store
        self._workspace = workspace
        self.changes: dict[tuple[type, str], Any] = {}

    def get(self, kind: type[Record], key: str) -> Record | None:
        if (kind, key) in self.changes:
            found: Record | None = self.changes[kind, key]
            return found
        return self._store.get(kind, self._workspace, key)

    def all(self, kind: type[Record]) -> list[Record]:
        records = dict(self._store._records.get((self._workspace, kind), {}))
        for (changed, key), record in self.changes.items():
            if changed is kind and record is None:
                records.pop(key, None)
            elif changed is kind:
                records[key] = record
        return list(records.values())

    def put(self, key: str, record: object) -> None:
        self.changes[type(record), key] = record

    def delete(self, kind: type[object], key: str) -> None:
        self.changes[kind, key] = None


def open_store(url: str | None) -> Store:
    """The store at this URL; memory without one. Raises StoreError when it cannot be used."""
    if url is None:
        return MemoryStore()
    from .sql_store import SqlStore

    return SqlStore(url)
