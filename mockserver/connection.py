"""One client's connection: uvicorn's protocol, with refusals in the API's words and with bounds on what it may hold."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, cast

import orjson
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MOST_HEADER_BYTES = 256 * 1024
"""Bytes of a request's line and headers together."""

PATIENCE = 60.0
"""Seconds without progress after which a half-sent request or an unread answer is given up."""

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

    _header_bytes = 0
    _receiving = False
    _progress = 0.0
    on_lost: Callable[[], None] | None = None
    """Called when the connection is lost, by whoever waits for something else."""

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
        stuck = self._receiving or self.flow.write_paused or self.cycle is None
        if stuck and self.loop.time() - self._progress > PATIENCE:
            self.transport.abort()

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
        self._receiving, self._header_bytes = True, 0
        self.scope["extensions"] = {"connection": self}  # type: ignore[dict-item]  # an extension of our own

    def on_url(self, url: bytes) -> None:
        self._count(url)
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(name + value)
        super().on_header(name, value)

    def on_message_complete(self) -> None:
        self._receiving = False
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Refuse what cannot be read as HTTP, or has too much of it."""
        if self._header_bytes > MOST_HEADER_BYTES:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "The request's headers are too large.")
        else:
            self._refuse(HTTPStatus.BAD_REQUEST, "The request could not be read as HTTP/1.1.")

    def _count(self, data: bytes) -> None:
        self._header_bytes += len(data)
        if self._header_bytes > MOST_HEADER_BYTES:
            raise ValueError("too many bytes of headers")  # the parser reports it, and send_400_response is called

    def _refuse(self, status: HTTPStatus, message: str) -> None:
        body = orjson.dumps({"error_code": "BAD_REQUEST", "message": message})
        headers: list[tuple[bytes, Any]] = [
            *self.server_state.default_headers,
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
        ]
        lines = [f"HTTP/1.1 {status.value} {status.phrase}".encode(), *(b"%b: %b" % header for header in headers)]
        self.transport.write(b"\r\n".join([*lines, b"", body]))
        self.transport.close()
