"""One client's connection: uvicorn's protocol, with refusals in the API's words and with bounds on what it may hold.

A short request whose answer is known at once is answered where it is read, past ASGI: the task, the cycle and the
messages of an ASGI exchange cost as much as most answers do.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Protocol, cast

import orjson
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

MOST_HEADER_BYTES = 256 * 1024
"""Bytes of a request's line and headers together."""

PATIENCE = 60.0
"""Seconds without progress after which a half-sent request or an unread answer is given up."""

SHORT = 64 * 1024
"""Bytes of a request that may be answered at once; reading more takes long enough for a thread."""

_FRAMING = frozenset({b"content-length", b"transfer-encoding", b"expect"})
"""The headers that say how the body comes."""

_PLAIN_PATH = re.compile(rb"/[^%?#\s\x80-\xff]*")
"""The URLs that are a path and nothing else, in which nothing is quoted."""


class Prompt(Protocol):
    """An ASGI application that knows some answers at once."""

    def at_once(self, scope: dict[str, Any], body: bytes) -> tuple[int, bytes, bytes] | None:
        """Status, header lines and body of the answer as they are sent; ``None`` when it takes an ASGI exchange."""
        ...


log = logging.getLogger("mockserver.connection")
log.setLevel(logging.ERROR)  # what clients do wrong is answered, not logged


class _Cork:
    """A transport whose writes can be held back, so that a head and its body leave in one piece."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._held: list[bytes] | None = None
        self.is_closing = transport.is_closing

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        if self._held is None:
            self._transport.write(data)
        else:
            self._held.append(data)

    def close(self) -> None:
        self.release()
        self._transport.close()

    def hold(self) -> None:
        self._held = []

    def release(self) -> None:
        held, self._held = self._held, None
        if held:
            self._transport.write(b"".join(held))


class Connection(HttpToolsProtocol):
    """What the ASGI application finds as ``scope["extensions"]["connection"]``."""

    _head_bytes = 0
    _receiving = False
    _short = True
    _asked = False
    _progress = 0.0
    _held: list[bytes] | None = None
    on_lost: Callable[[], None] | None = None
    """Called when the connection is lost, by whoever waits for something else."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._prompt = cast("Prompt | None", self.app if hasattr(self.app, "at_once") else None)

    @property
    def lost(self) -> bool:
        """Whether nobody reads what is written any more."""
        return self.transport.is_closing()

    def close(self) -> None:
        """Send what was written, and end the connection in the middle of whatever it was."""
        self.transport.close()

    def hold(self) -> None:
        """Keep back what is written from now on, until ``release``."""
        self._cork.hold()

    def release(self) -> None:
        """Send what was kept back, in one piece."""
        self._cork.release()

    def give_up(self) -> None:
        """End the connection when its client neither sends nor reads for too long."""
        idle = self.loop.time() - self._progress
        if self._receiving or self.flow.write_paused or not self._asked:
            if idle > PATIENCE:
                self.transport.abort()
        elif idle > self.timeout_keep_alive and self._free and self.timeout_keep_alive_task is None:
            self.transport.close()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        self.logger = log
        self._cork = _Cork(transport)
        super().connection_made(cast(asyncio.Transport, self._cork))
        self._progress = self.loop.time()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self.on_lost is not None:
            self.on_lost()

    def data_received(self, data: bytes) -> None:
        self._progress = self.loop.time()
        super().data_received(data)

    def pause_writing(self) -> None:
        self._progress = self.loop.time()
        super().pause_writing()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._receiving, self._short, self._head_bytes = True, True, 0
        self.scope["extensions"] = {"connection": self}  # type: ignore[dict-item]  # an extension of our own

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value))
        name = name.lower()
        if name in _FRAMING:
            self._note_framing(name, value)
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        self._asked = True
        if self._may_be_prompt():
            self._held = []
        else:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        if self._held is None:
            super().on_body(body)
        else:
            self._held.append(body)

    def on_message_complete(self) -> None:
        self._receiving = False
        held, self._held = self._held, None
        if held is not None:
            body = b"".join(held)
            if self._answered(body):
                return
            super().on_headers_complete()
            super().on_body(body)
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Refuse what cannot be read as HTTP, or has too much of it."""
        if self._head_bytes > MOST_HEADER_BYTES:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "The request's headers are too large.")
        else:
            self._refuse(HTTPStatus.BAD_REQUEST, "The request could not be read as HTTP/1.1.")

    @property
    def _free(self) -> bool:
        """Whether no ASGI exchange is under way."""
        return self.cycle is None or self.cycle.response_complete

    def _may_be_prompt(self) -> bool:
        """Whether the request whose head was just read is short, and nothing is to be sent before its answer."""
        return (
            self._prompt is not None
            and self._short
            and self._free
            and not self.flow.write_paused
            and not self.transport.is_closing()
            and self.parser.get_http_version() == "1.1"
            and not self.parser.should_upgrade()
            and _PLAIN_PATH.fullmatch(self.url) is not None
        )

    def _note_framing(self, name: bytes, value: bytes) -> None:
        if name == b"content-length":
            self._short = self._short and int(value) <= SHORT
            return
        self._short = False
        if name == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True

    def _answered(self, body: bytes) -> bool:
        """Answer the request that was just read, if that takes no ASGI exchange."""
        scope = cast("dict[str, Any]", self.scope)
        scope.update(method=self.parser.get_method().decode(), path=self.url.decode(), query_string=b"")
        try:
            found = None if self._prompt is None else self._prompt.at_once(scope, body)
        except Exception:
            log.exception("%s %s failed: this is a bug of the mock", scope["method"], scope["path"])
            self.transport.close()
            return True
        if found is None:
            return False
        status, lines, content = found
        lasting = self.parser.should_keep_alive()
        ending = b"\r\n" if lasting else b"connection: close\r\n\r\n"
        self.transport.write(b"".join((STATUS_LINE[status], self._usual_lines(), lines, ending, content)))
        if not lasting:
            self.transport.close()
        return True

    def _usual_lines(self) -> bytes:
        """The header lines of every answer."""
        return b"".join(b"%b: %b\r\n" % header for header in self.server_state.default_headers)

    def _count(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > MOST_HEADER_BYTES:
            raise ValueError("too many bytes of headers")  # the parser reports it, and send_400_response is called

    def _refuse(self, status: HTTPStatus, message: str) -> None:
        body = orjson.dumps({"error_code": "BAD_REQUEST", "message": message})
        lines = b"content-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % len(body)
        self.transport.write(b"".join((STATUS_LINE[status], self._usual_lines(), lines, body)))
        self.transport.close()
