"""Stale reads: for a while after a change, reads show an endpoint as it was before, as an eventually consistent
service would."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, TypeVar, cast

from .domain.endpoint import Endpoint
from .memory_store import MemoryStore
from .store import Store, Transaction

if TYPE_CHECKING:
    from .core import Mock

Record = TypeVar("Record")
MOST_READS = 1_000_000
LONGEST = 3_153_600_000
"""Seconds of a hundred years."""


@dataclass(frozen=True, slots=True)
class StaleReads:
    """After each change of an endpoint whose name fits, ``reads`` reads of it (or those of the next ``seconds`` on the
    workspace's clock) show it as it was before the change.

    Raises:
        ValueError: neither or both are given, or one that is out of range.
    """

    reads: int | None = None
    seconds: float | None = None
    endpoint: str = "*"

    def __post_init__(self) -> None:
        if (self.reads is None) == (self.seconds is None):
            raise ValueError("stale reads last for a number of reads or of seconds: give one of them")
        for name, value, most in (("reads", self.reads, MOST_READS), ("seconds", self.seconds, LONGEST)):
            if value is not None and not 0 <= value <= most:
                raise ValueError(f"{name} {value} is out of range: 0 to {most}")


@dataclass(slots=True)
class Past:
    """An endpoint as it was, ``None`` when there was none, and for how long it is shown so."""

    endpoint: Endpoint | None
    reads: int | None
    until: int | None

    def is_over(self, now: int) -> bool:
        """Whether the present is to be read again."""
        return self.reads == 0 if self.until is None else now >= self.until


@dataclass(slots=True)
class Pasts:
    """What is read stale in one workspace, by the endpoint's name."""

    by_name: dict[str, Past] = field(default_factory=dict)


class Staleness:
    """What is read stale in every workspace."""

    def __init__(self, store: Store | None = None) -> None:
        self._store = store or MemoryStore()
        self._pasts = self._store.documents(Pasts)

    def add(self, workspace: str, rule: StaleReads) -> None:
        """Let reads lag behind from now on."""
        with self._store.transaction(workspace) as transaction:
            transaction.put(str(len(transaction.all(StaleReads))), rule)

    def rules(self, workspace: str) -> list[StaleReads]:
        """The rules in force."""
        return self._store.all(StaleReads, workspace)

    def clear(self, workspace: str) -> None:
        """Read the present again."""
        keys = [key for key, _ in self._store.items(StaleReads, workspace)]
        if keys:
            with self._store.transaction(workspace) as transaction:
                for key in keys:
                    transaction.delete(StaleReads, key)
        self._pasts.clear(workspace)

    def noting(
        self, mock: Mock, workspace: str, transaction: AbstractContextManager[Transaction]
    ) -> AbstractContextManager[Transaction]:
        """The transaction, after which the endpoints it changed are read stale."""
        return self._noting(mock, workspace, transaction) if self.rules(workspace) else transaction

    @contextmanager
    def _noting(
        self, mock: Mock, workspace: str, transaction: AbstractContextManager[Transaction]
    ) -> Iterator[Transaction]:
        before = _endpoints(mock.store, workspace)
        with transaction as inner:
            yield inner
        after = _endpoints(mock.store, workspace)
        now = mock.clock_of(workspace).now()
        rules = self.rules(workspace)
        with self._pasts.changing(workspace, "") as pasts:
            for name in before.keys() | after.keys():
                rule = next((rule for rule in rules if fnmatchcase(name, rule.endpoint)), None)
                if rule is not None and before.get(name) != after.get(name):
                    until = None if rule.seconds is None else now + round(rule.seconds * 1000)
                    pasts.by_name[name] = Past(before.get(name), rule.reads, until)

    def seen(self, mock: Mock, workspace: str, now: int) -> Mock:
        """The mock as a read sees it: itself, or one whose store shows the past."""
        if not self.rules(workspace):
            return mock
        past = copy.copy(mock)
        past.store = cast(Store, _PastStore(mock.store, self, workspace, now))
        return past

    def past(self, workspace: str, now: int) -> dict[str, Endpoint | None]:
        """The endpoints that are read stale, as they were; ``None`` for one that did not exist."""
        with self._pasts.changing(workspace, "") as pasts:
            for name in [name for name, past in pasts.by_name.items() if past.is_over(now)]:
                del pasts.by_name[name]
            return {name: past.endpoint for name, past in pasts.by_name.items()}

    def used(self, workspace: str, name: str) -> None:
        """One stale read of this endpoint was given."""
        with self._pasts.changing(workspace, "") as pasts:
            past = pasts.by_name.get(name)
            if past is not None and past.reads:
                past.reads -= 1


class _PastStore:
    """The store as one read request sees it. Each stale endpoint counts once, however often the request looks."""

    def __init__(self, store: Store, staleness: Staleness, workspace: str, now: int) -> None:
        self._store, self._staleness, self._workspace = store, staleness, workspace
        self._past = staleness.past(workspace, now)
        self._counted: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def get(self, kind: type[Record], workspace: str, key: str) -> Record | None:
        if kind is not Endpoint or key not in self._past:
            return self._store.get(kind, workspace, key)
        self._count(key)
        return cast("Record | None", self._past[key])

    def all(self, kind: type[Record], workspace: str) -> list[Record]:
        if kind is not Endpoint:
            return self._store.all(kind, workspace)
        present = _endpoints(self._store, workspace)
        for name, endpoint in self._past.items():
            self._count(name)
            if endpoint is None:
                present.pop(name, None)
            else:
                present[name] = endpoint
        return cast("list[Record]", list(present.values()))

    def _count(self, name: str) -> None:
        if name not in self._counted:
            self._counted.add(name)
            self._staleness.used(self._workspace, name)


def _endpoints(store: Store, workspace: str) -> dict[str, Endpoint]:
    return {endpoint.name: endpoint for endpoint in store.all(Endpoint, workspace)}
