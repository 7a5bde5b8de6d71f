"""What was asked and what was answered, newest last, bounded per workspace."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from .matching import missing
from .messages import Json, Request

if TYPE_CHECKING:
    from openapi import Operation

CAPACITY = 10_000
"""Entries kept per workspace; older ones are dropped and counted."""

REPLIES = 200
"""The newest entries of a workspace that are kept with their replies (a list of endpoints has 50 KB) and can be asked
again."""

MAX_BODY = 2**18
"""Bytes of a request whose body is kept."""

UNKNOWN = "unknown"
"""The operation of a request that no path of the contract fits."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One exchange. ``body`` and ``reply`` are without secrets; ``moment`` is on the mock's clock, ``seconds`` real.

    ``reply`` is ``None`` for streams and for all but the newest entries; a large ``body`` is a note of its size.
    ``operation`` is ``unknown`` for a request that no path of the contract fits; ``status`` is 0 when the connection
    was dropped; ``fault`` is the id of the fault that struck, "" for one without an id.
    """

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
    endpoint: str | None = None
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Filter:
    """Which entries are meant. Texts are patterns with ``*`` and ``?``; ``body`` is a part of the request's body."""

    operation: str | None = None
    endpoint: str | None = None
    method: str | None = None
    path: str | None = None
    identity: str | None = None
    status: int | None = None
    body: Json = None

    def fits(self, raw: _Raw) -> bool:
        """Whether an exchange is one of these."""
        return (
            _fits(self.operation, raw.operation_id)
            and _fits(self.endpoint, raw.endpoint)
            and (self.method is None or self.method.upper() == raw.request.method)
            and _fits(self.path, raw.request.path)
            and _fits(self.identity, raw.identity)
            and (self.status is None or self.status == raw.status)
            and (self.body is None or missing(self.body, raw.body) is None)
        )


EVERYTHING = Filter()


@dataclass(slots=True)
class _Raw:
    number: int
    moment: int
    identity: str | None
    operation: Operation | None
    request: Request
    status: int
    seconds: float
    request_id: str
    body: Json
    reply: Json
    endpoint: str | None
    fault: str | None
    whole: bool = True

    @property
    def operation_id(self) -> str:
        return UNKNOWN if self.operation is None else self.operation.id

    def forget(self) -> None:
        """Let go of what takes the most room."""
        self.request, self.reply, self.whole = Request(self.request.method, self.request.path), None, False

    def entry(self) -> Entry:
        return Entry(
            self.number,
            self.moment,
            self.identity,
            self.operation_id,
            self.request.method,
            self.request.path,
            self.status,
            self.seconds,
            self.request_id,
            None if self.operation is None else self.operation.masked(self.body),
            self.reply,
            self.endpoint,
            self.fault,
        )


class Journal:
    """The exchanges of every workspace. Writing costs one append; masking is done when somebody reads."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self.capacity = capacity
        self._entries: dict[str, deque[_Raw]] = {}
        self._counts: dict[str, int] = {}
        self._changed = threading.Condition()
        self._waiting = 0

    def record(
        self,
        workspace: str,
        *,
        moment: int,
        identity: str | None,
        operation: Operation | None,
        request: Request,
        status: int,
        seconds: float,
        request_id: str,
        body: Json,
        reply: Json,
        endpoint: str | None = None,
        fault: str | None = None,
    ) -> None:
        """Note one exchange."""
        with self._changed:
            number = self._counts.get(workspace, 0) + 1
            self._counts[workspace] = number
            entries = self._entries.get(workspace)
            if entries is None:
                entries = self._entries[workspace] = deque(maxlen=self.capacity)
            raw = _Raw(
                number, moment, identity, operation, request, status, seconds, request_id, body, reply, endpoint, fault
            )  # fmt: skip
            entries.append(raw)
            if len(request.body) > MAX_BODY:
                raw.body = f"[{len(request.body)} bytes]"
                raw.forget()
            if len(entries) > REPLIES:
                entries[-REPLIES - 1].forget()
            if self._waiting:
                self._changed.notify_all()

    def entries(self, workspace: str, only: Filter = EVERYTHING) -> list[Entry]:
        """The exchanges kept that fit, oldest first."""
        return [raw.entry() for raw in self._raw(workspace) if only.fits(raw)]

    def wait(self, workspace: str, count: int, timeout: float, only: Filter = EVERYTHING) -> list[Entry]:
        """The exchanges that fit, as soon as there are ``count`` of them or ``timeout`` real seconds have passed."""
        deadline = time.monotonic() + timeout
        with self._changed:
            self._waiting += 1
            try:
                while self._count(workspace, only.fits) < count:
                    left = deadline - time.monotonic()
                    if left <= 0:
                        break
                    self._changed.wait(left)
            finally:
                self._waiting -= 1
        return self.entries(workspace, only)

    def workspaces(self) -> list[str]:
        """The workspaces in which something was asked."""
        with self._changed:
            return list(self._counts)

    def latest(self, workspace: str, only: Filter, most: int, *, failed: bool | None = None) -> list[Entry]:
        """The latest exchanges that fit, newest first; with ``failed``, just those that were refused, or were not."""
        found: list[Entry] = []
        for raw in reversed(self._raw(workspace)):
            if len(found) == most:
                break
            if only.fits(raw) and failed in (None, not 200 <= raw.status < 400):
                found.append(raw.entry())
        return found

    def entry(self, workspace: str, number: int) -> Entry | None:
        """One exchange by its number; ``None`` when it is kept no more, or has not been."""
        return next((raw.entry() for raw in self._raw(workspace) if raw.number == number), None)

    def asked(self, workspace: str, number: int) -> tuple[Operation, Request] | None:
        """The request of one exchange as it came, to ask it again; ``None`` when it is kept no more or fits no path."""
        for raw in self._raw(workspace):
            if raw.number == number and raw.operation is not None and raw.whole:
                return raw.operation, raw.request
        return None

    def count(self, workspace: str) -> int:
        """How many exchanges there have been, dropped ones included."""
        return self._counts.get(workspace, 0)

    def dropped(self, workspace: str) -> int:
        """How many exchanges are no longer kept."""
        return self.count(workspace) - len(self._entries.get(workspace, ()))

    def clear(self, workspace: str) -> None:
        """Forget the exchanges of one workspace."""
        with self._changed:
            self._entries.pop(workspace, None)
            self._counts.pop(workspace, None)

    def _raw(self, workspace: str) -> list[_Raw]:
        with self._changed:
            return list(self._entries.get(workspace, ()))

    def _count(self, workspace: str, fits: Callable[[_Raw], bool]) -> int:
        return sum(map(fits, self._entries.get(workspace, ())))


def _fits(pattern: str | None, text: str | None) -> bool:
    return pattern is None or (text is not None and fnmatchcase(text, pattern))
