"""What travels between the edge and the handlers: values that know nothing of a web framework and are never changed.

They are named tuples, as one of them is made at every step of every request, and frozen dataclasses cost three times as
much to make.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from openapi import Operation

    from .auth import Identity
    from .core import Mock

Json = Any
"""A JSON value: dict, list, str, int, float, bool or None."""

JSON_MEDIA_TYPE = "application/json"
STREAM_MEDIA_TYPE = "text/event-stream"


NOTHING: Mapping[str, str] = {}


class Request(NamedTuple):
    """One HTTP request. ``headers`` has lower-case names; ``parameters`` are the path's, already unquoted.

    ``from_page``: whether one of the server's own pages asks, which needs no token made for a single endpoint.
    """

    method: str
    path: str
    headers: Mapping[str, str] = NOTHING
    parameters: Mapping[str, str] = NOTHING
    query: Mapping[str, str] = NOTHING
    body: bytes = b""
    base_url: str = "http://127.0.0.1"
    from_page: bool = False

    @property
    def media_type(self) -> str:
        """The content type without its parameters, in lower case; empty when none was sent."""
        content_type = self.headers.get("content-type", "")
        if content_type == JSON_MEDIA_TYPE:  # as nearly everybody writes it
            return content_type
        return content_type.partition(";")[0].strip().lower()


class Body(NamedTuple):
    """What a request says: as it was sent, and in full with the contract's defaults. Nobody may change either.

    ``known`` is for what handlers work out from it. Queries with the same bytes share it, and so do creations that
    differ in the endpoint's name only.
    """

    value: Json
    full: Json
    known: dict[str, Any]


NO_BODY = Body(None, None, {})


class Reply(NamedTuple):
    """One HTTP answer. ``body`` is a JSON value when ``media_type`` is JSON, text or bytes otherwise.

    ``delay``: real seconds for which the answer is held back. ``written``: the body as JSON where that is known.
    ``pieces``: the body in pieces that are made as they are sent, in place of one that would take long to make.
    ``known``: what is shared by all answers that differ in the ``varying`` members of the body only.
    """

    status: int
    body: Json = None
    headers: Mapping[str, str] = NOTHING
    media_type: str = JSON_MEDIA_TYPE
    delay: float = 0.0
    written: bytes = b""
    pieces: Iterator[bytes] | None = None
    known: dict[str, Any] | None = None
    varying: tuple[str, str] = ("id", "created")


class Listing(NamedTuple):
    """A JSON object that has one member, a long list, whose items are made as they are sent."""

    name: str
    items: Iterable[Json]


class Event(NamedTuple):
    """One server-sent event: its data, the event's type where the protocol names one, and the real seconds that pass
    before it is sent. ``written`` is the data as JSON where that is known already.
    """

    data: Json
    name: str | None = None
    pause: float = 0.0
    written: bytes = b""


class Stream(NamedTuple):
    """A reply made of server-sent events, each sent as soon as the iterator yields it.

    ``terminator`` is the data of the closing frame (``[DONE]`` on most routes), ``None`` for none.
    ``closed`` runs once when the stream has ended, with ``True`` when the client stayed until the end.
    """

    events: Iterator[Event]
    headers: Mapping[str, str] = NOTHING
    terminator: str | None = "[DONE]"
    closed: Callable[[bool], None] | None = None
    status: int = 200


class Call(NamedTuple):
    """What a handler is given: a request that has been authenticated, decoded and validated.

    ``now`` is the moment of the request in milliseconds since the epoch; ``body`` has the contract's defaults, and what
    is worked out from it may be kept in ``known`` for the next request that shares it.
    """

    mock: Mock
    operation: Operation
    request: Request
    identity: Identity
    body: Json
    now: int
    request_id: str
    known: dict[str, Any]

    @property
    def parameters(self) -> Mapping[str, str]:
        """The path parameters by name."""
        return self.request.parameters

    @property
    def workspace(self) -> str:
        """The workspace the caller's token belongs to."""
        return self.identity.workspace
