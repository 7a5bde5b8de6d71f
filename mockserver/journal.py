"""What was asked and what was answered, newest last, bounded per workspace."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import orjson

from .matching import check_operation, missing
from .memory_store import MemoryStore
from .messages import JSON_MEDIA_TYPE, Json, Request
from .store import Line, Store

if TYPE_CHECKING:
    from openapi import Operation

CAPACITY = 10_000
"""Entries kept per workspace; older ones are dropped and counted."""

REPLIES = 200
"""The newest entries of a workspace that are kept with their replies (a list of endpoints has 50 KB) and can be asked
again."""

MAX_BODY = 2**18
"""Bytes of a request whose body is kept."""

LONG = 2**14
"""Bytes of a request whose body is kept as long as the entry: longer ones are kept with the newest entries."""

LONGEST_NAME = 1000
"""Characters of a path, or of an endpoint's name, that are kept."""

UNKNOWN = "unknown"
"""The operation of a request that no path of the contract fits."""

CANCELLATION = "cancel_update"
"""The operation that only the Serving pages have."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One exchange. ``body`` and ``reply`` are without secrets; ``moment`` is on the mock's clock, ``seconds`` real.

    ``reply`` is ``None`` for streams and for all but the newest entries; a large ``body`` is a note of its size, and so
    is a long one that is no longer among the newest; a very long ``path`` is cut and says how long it was.
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

    def fits(self, line: Line[Noted]) -> bool:
        """Whether an exchange is one of these."""
        noted = line.item
        return (
            _fits(self.operation, noted.operation)
            and _fits(self.endpoint, noted.endpoint)
            and (self.method is None or self.method.upper() == noted.method)
            and _fits(self.path, noted.path)
            and _fits(self.identity, noted.identity)
            and (self.status is None or self.status == noted.status)
            and (self.body is None or missing(self.body, _said(line)) is None)
        )


EVERYTHING = Filter()


@dataclass(slots=True)
class Noted:
    """One exchange as it is kept. A body of JSON stays as it came, in ``sent``: as a value it may be 25 times as large.

    ``octets`` is a body that is no JSON.
    """

    moment: int
    identity: str | None
    operation: str
    method: str
    path: str
    status: int
    seconds: float
    request_id: str
    endpoint: str | None
    fault: str | None
    body: Json = None
    octets: str | None = None
    sent: bytes | None = field(default=None, init=False)

    @property
    def said(self) -> Json:
        """The request's body: a JSON value, or bytes."""
        if self.sent is not None:
            return orjson.loads(self.sent)
        return self.body if self.octets is None else self.octets.encode("latin-1")

    def to_json(self) -> Json:
        members = {spec.name: getattr(self, spec.name) for spec in fields(self) if spec.init}
        return members if self.sent is None else {**members, "body": orjson.Fragment(self.sent)}


class Exchange:
    """What only the newest entries are kept with: the request as it came, and the reply."""

    __slots__ = ("reply", "request")

    def __init__(self, request: Request, reply: Json) -> None:
        self.request, self.reply = request, reply

    def to_json(self) -> Json:
        asked = self.request._asdict()
        # An answer that is no JSON is text or bytes; of bytes the journal shows the text.
        reply = self.reply.decode("utf-8", "replace") if isinstance(self.reply, bytes) else self.reply
        return {"request": {**asked, "body": self.request.body.decode("latin-1")}, "reply": reply}

    @classmethod
    def from_json(cls, value: Json) -> Exchange:
        asked = value["request"]
        return cls(Request(**{**asked, "body": asked["body"].encode("latin-1")}), value["reply"])


class Journal:
    """The exchanges of every workspace. Writing costs one line of a log; masking is done when somebody reads."""

    def __init__(
        self,
        store: Store | None = None,
        operations: Mapping[str, Operation] | None = None,
        capacity: int = CAPACITY,
    ) -> None:
        self._log = (store or MemoryStore()).log(Noted, Exchange, capacity=capacity, whole=REPLIES)
        self._operations = dict(operations or {})

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
        if operation is None:
            name = UNKNOWN
        else:
            name = operation.id
            self._operations.setdefault(name, operation)  # the pages have operations of their own
        path = request.path
        if len(path) > LONGEST_NAME:
            path = _cut(path)
        if endpoint is not None and len(endpoint) > LONGEST_NAME:
            endpoint = _cut(endpoint)
        noted = Noted(moment, identity, name, request.method, path, status, seconds, request_id, endpoint, fault)
        exchange: Exchange | None = None
        size = len(request.body)
        if size > MAX_BODY or (size > LONG and body is not None):
            noted.body = f"[{size} bytes]"
        elif isinstance(body, bytes):
            noted.octets = body.decode("latin-1")
        elif body and operation is not None and JSON_MEDIA_TYPE in operation.request_media_types:
            noted.sent = request.body
        else:  # of no body, an empty one or a form
            noted.body = body
        if size <= MAX_BODY:
            exchange = Exchange(request, reply)
        self._log.append(workspace, noted, exchange)

    def entries(self, workspace: str, only: Filter = EVERYTHING) -> list[Entry]:
        """The exchanges kept that fit, oldest first."""
        return [self._entry(line) for line in self._log.lines(workspace) if only.fits(line)]

    def checked(self, only: Filter) -> Filter:
        """The filter. Raises ValueError when it means an operation that there is not."""
        if self._operations:
            check_operation(only.operation, {*self._operations, UNKNOWN, CANCELLATION})
        return only

    def wait(self, workspace: str, count: int, timeout: float, only: Filter = EVERYTHING) -> list[Entry]:
        """The exchanges that fit, as soon as there are ``count`` of them or ``timeout`` real seconds have passed."""
        deadline = time.monotonic() + timeout
        while True:
            seen = self._log.count(workspace)
            found = [line for line in self._log.lines(workspace) if only.fits(line)]
            left = deadline - time.monotonic()
            if len(found) >= count or left <= 0:
                return [self._entry(line) for line in found]
            self._log.wait(workspace, seen, left)

    def workspaces(self) -> list[str]:
        """The workspaces in which something was asked."""
        return self._log.workspaces()

    def latest(self, workspace: str, only: Filter, most: int, *, failed: bool | None = None) -> list[Entry]:
        """The latest exchanges that fit, newest first; with ``failed``, just those that were refused, or were not."""
        found: list[Entry] = []
        for line in self._log.newest(workspace):
            if len(found) == most:
                break
            if only.fits(line) and failed in (None, not 200 <= line.item.status < 400):
                found.append(self._entry(line))
        return found

    def entry(self, workspace: str, number: int) -> Entry | None:
        """One exchange by its number; ``None`` when it is kept no more, or has not been."""
        line = self._log.line(workspace, number)
        return None if line is None else self._entry(line)

    def asked(self, workspace: str, number: int) -> tuple[Operation, Request] | None:
        """The request of one exchange as it came, to ask it again; ``None`` when it is kept no more or fits no path."""
        line = self._log.line(workspace, number)
        operation = None if line is None else self._operations.get(line.item.operation)
        if line is None or operation is None or line.extra is None:
            return None
        return operation, line.extra.request

    def count(self, workspace: str) -> int:
        """How many exchanges there have been, dropped ones included."""
        return self._log.count(workspace)

    def dropped(self, workspace: str) -> int:
        """How many exchanges are no longer kept."""
        return self._log.dropped(workspace)

    def clear(self, workspace: str) -> None:
        """Forget the exchanges of one workspace."""
        self._log.clear(workspace)

    def _entry(self, line: Line[Noted]) -> Entry:
        noted, operation = line.item, self._operations.get(line.item.operation)
        return Entry(
            line.number,
            noted.moment,
            noted.identity,
            noted.operation,
            noted.method,
            noted.path,
            noted.status,
            noted.seconds,
            noted.request_id,
            None if operation is None else operation.masked(_said(line)),
            line.extra.reply if line.extra is not None else None,
            noted.endpoint,
            noted.fault,
        )


def _said(line: Line[Noted]) -> Json:
    """The body of an exchange's request: a JSON value, or bytes; a note of its size where it is kept no more."""
    noted, exchange = line.item, line.extra
    if exchange is None or noted.body is None or len(exchange.request.body) <= LONG:
        return noted.said
    try:
        return orjson.loads(exchange.request.body)
    except orjson.JSONDecodeError:  # it was accepted, so it is of another kind
        return exchange.request.body


def _cut(name: str) -> str:
    return f"{name[:LONGEST_NAME]}... [{len(name)} characters]"


def _fits(pattern: str | None, text: str | None) -> bool:
    return pattern is None or (text is not None and fnmatchcase(text, pattern))
