"""What was asked and what was answered, newest last, bounded per workspace."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .messages import Json, Request

if TYPE_CHECKING:
    from openapi import Operation

CAPACITY = 10_000
"""Entries kept per workspace; older ones are dropped and counted."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One exchange. ``body`` and ``reply`` are without secrets; ``moment`` is on the mock's clock, ``seconds`` real."""

    number: int
    moment: int
    identity: str | None
    operation: str
    method: str
    path: str
    status: int
    seconds: float
    request_id: str
    body: Json
    reply: Json


@dataclass(slots=True)
class _Raw:
    number: int
    moment: int
    identity: str | None
    operation: Operation
    request: Request
    status: int
    seconds: float
    request_id: str
    body: Json
    reply: Json

    def entry(self) -> Entry:
        return Entry(
            self.number,
            self.moment,
            self.identity,
            self.operation.id,
            self.request.method,
            self.request.path,
            self.status,
            self.seconds,
            self.request_id,
            self.operation.masked(self.body),
            self.reply,
        )


class Journal:
    """The exchanges of every workspace. Writing costs one append; masking is done when somebody reads."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self.capacity = capacity
        self._entries: dict[str, deque[_Raw]] = {}
        self._counts: dict[str, int] = {}
        self._lock = threading.Lock()

    def record(
        self,
        workspace: str,
        *,
        moment: int,
        identity: str | None,
        operation: Operation,
        request: Request,
        status: int,
        seconds: float,
        request_id: str,
        body: Json,
        reply: Json,
    ) -> None:
        """Note one exchange."""
        with self._lock:
            number = self._counts.get(workspace, 0) + 1
            self._counts[workspace] = number
            entries = self._entries.get(workspace)
            if entries is None:
                entries = self._entries[workspace] = deque(maxlen=self.capacity)
            entries.append(_Raw(number, moment, identity, operation, request, status, seconds, request_id, body, reply))

    def entries(self, workspace: str) -> list[Entry]:
        """The exchanges kept, oldest first."""
        return [raw.entry() for raw in list(self._entries.get(workspace, ()))]

    def count(self, workspace: str) -> int:
        """How many exchanges there have been, dropped ones included."""
        return self._counts.get(workspace, 0)

    def dropped(self, workspace: str) -> int:
        """How many exchanges are no longer kept."""
        return self.count(workspace) - len(self._entries.get(workspace, ()))

    def clear(self, workspace: str) -> None:
        """Forget the exchanges of one workspace."""
        with self._lock:
            self._entries.pop(workspace, None)
            self._counts.pop(workspace, None)
