"""One client's connection: uvicorn's protocol, with refusals in the API's words and with bounds on what it may hold.

A short request whose answer is known at once is answered where it is read, past parser and ASGI: the headers are mostly
those of the last time, and the task, the cycle and the messages of an ASGI exchange cost as much as most answers do.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sized
from http import HTTPStatus
from typing import Any, NamedTuple, Protocol, cast

import httptools
import orjson
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from .heads import Head, plain, request_line

MOST_HEADER_BYTES = 256 * 1024
"""Bytes of a request's line and headers together."""

PATIENCE = 60.0
"""Seconds without progress after which a half-sent request or an unread answer is given up."""

SHORT = 64 * 1024
"""Bytes of a request that may be answered at once; reading more takes long enough for a thread."""


class Made(NamedTuple):
    """An answer as it is sent: status, header lines, body."""

    status: int
    lines: bytes
    body: bytes


class Prompt(Protocol):
    """An ASGI application that knows some answers at once."""

    def at_once(self, method: str, path: str, head: Head, body: bytes) -> Made | object | None:
        """The answer to a request; ``None`` where it may have to wait.

        What is no ``Made`` takes an ASGI exchange, which finds it as ``scope["extensions"]["answer"]``.
        """
        ...


class _Asked(NamedTuple):
    """A request whose head has been read, and where its body begins and ends."""

    method: str
    path: str
    head: Head
    start: int
    end: int


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
        if self._held is None:
            self._held = []

    def release(self) -> None:
        held, self._held = self._held, None
        if held:
            self._transport.write(held[0] if len(held) == 1 else b"".join(held))


class _Flow(FlowControl):
    """uvicorn's control of what is read, which reads on with every answer, however many requests wait for theirs."""

    def __init__(self, transport: asyncio.Transport, waiting: Sized) -> None:
        super().__init__(transport)
        self._waiting = waiting

    def resume_reading(self) -> None:
        if not self._waiting:
            super().resume_reading()


class Shared(ServerState):
    """What the connections of one loop share: the header lines of every answer, and answers that leave together.

    A client that waits for an answer has to be woken, which takes longer than the sending. So an answer is held back
    until the loop has read what has arrived by then: the first of them wakes a client, and the others find it awake.
    """

    TOGETHER = 16
    """Answers that leave together at the most."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self.usual_lines = b""
        self._loop = loop
        self._leaving: list[_Cork] = []

    def set_headers(self, headers: list[tuple[bytes, bytes]]) -> None:
        """Give every answer these headers from now on."""
        self.default_headers = headers
        self.usual_lines = b"".join(b"%b: %b\r\n" % header for header in headers)

    def send(self, answer: bytes, cork: _Cork) -> None:
        """Write an answer, to leave in the loop's next turn or when there are enough of them."""
        if len(self.connections) == 1:
            cork.write(answer)
            return
        cork.hold()
        cork.write(answer)
        if not self._leaving:
            self._loop.call_soon(self.release)
        self._leaving.append(cork)
        if len(self._leaving) == self.TOGETHER:
            self.release()

    def release(self) -> None:
        """Send what was kept back."""
        leaving, self._leaving = self._leaving, []
        for cork in leaving:
            cork.release()


class Connection(HttpToolsProtocol):
    """What the ASGI application finds as ``scope["extensions"]["connection"]``."""

    _head_bytes = 0
    _receiving = False
    _asked = False
    _progress = 0.0
    _begun: tuple[bytes, _Asked] | None = None
    """A request of which the end is still to come. It is waited for once: clients often send a body after its head."""
    _answer: object = None
    """The answer to the request that the parser is given, where it is known already."""
    on_lost: Callable[[], None] | None = None
    """Called when the connection is lost, by whoever waits for something else."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._prompt = cast("Prompt | None", self.app if hasattr(self.app, "at_once") else None)
        self._shared = cast("Shared", self.server_state)
        self._cycles: deque[RequestResponseCycle] = deque()
        """Those of the requests that are answered or wait for it, in their order."""

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
        if self._receiving or self._begun or self.flow.write_paused or not self._asked:
            if idle > PATIENCE:
                self.transport.abort()
        elif idle > self.timeout_keep_alive and self._free and self.timeout_keep_alive_task is None:
            self.transport.close()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        self.logger = log
        self._cork = _Cork(transport)
        super().connection_made(cast(asyncio.Transport, self._cork))
        self.flow = _Flow(cast(asyncio.Transport, self._cork), self.pipeline)
        self._progress = self.loop.time()

    def connection_lost(self, exc: Exception | None) -> None:
        for cycle in self._cycles:  # uvicorn tells the newest one only
            if not cycle.response_complete:
                cycle.disconnected = True
            cycle.message_event.set()
        self._cycles.clear()
        self.pipeline.clear()
        super().connection_lost(exc)
        if self.on_lost is not None:
            self.on_lost()

    def data_received(self, data: bytes) -> None:
        self._progress = self.loop.time()
        self._unset_keepalive_if_required()
        if not self._receiving and self._prompt is not None:
            data = self._past_parser(data, self._prompt)
        if data:
            self._parse(data)

    def pause_writing(self) -> None:
        self._progress = self.loop.time()
        super().pause_writing()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._receiving, self._head_bytes = True, 0
        scope = cast("dict[str, Any]", self.scope)
        scope["extensions"] = {"connection": self, "answer": self._answer}
        self._answer = None

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        if self._offered:
            return
        self._asked = True
        super().on_headers_complete()
        while self._cycles and self._cycles[0].response_complete:
            self._cycles.popleft()
        self._cycles.append(self.cycle)

    def on_message_complete(self) -> None:
        if self._offered:
            return
        self._receiving = False
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

    @property
    def _offered(self) -> bool:
        """Whether the head that was read offers another protocol, at which the parser stops."""
        return self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT"

    def _parse(self, data: bytes) -> None:
        """Give data to the parser. Another protocol that they offer is not taken up: the head is read without that."""
        while data:
            try:
                self.parser.feed_data(data)
                return
            except httptools.HttpParserUpgrade as stop:
                data = self._without_offer() + data[stop.args[0] :] if self._offered else b""
            except httptools.HttpParserError as problem:
                self.send_400_response(str(problem))
                return

    def _without_offer(self) -> bytes:
        """The head that was read last, without the header that makes it an offer."""
        self._answer = cast("dict[str, Any]", self.scope)["extensions"]["answer"]
        version = self.parser.get_http_version().encode()
        lines = [b"%b: %b\r\n" % header for header in self.headers if header[0] != b"upgrade"]
        return b"%b %b HTTP/%b\r\n%b\r\n" % (self.parser.get_method(), self.url, version, b"".join(lines))

    def _past_parser(self, data: bytes, prompt: Prompt) -> bytes:
        """Answer the requests at the beginning of the data that can be at once. What is left is for the parser."""
        begun, self._begun = self._begun, None
        if begun is not None:
            data = begun[0] + data
        while data and self._free and not self.flow.write_paused and not self.transport.is_closing():
            asked = self._read(data) if begun is None else begun[1]
            if asked is None:
                break
            if len(data) < asked.end:
                if begun is not None:
                    break
                self._begun = data, asked
                return b""
            if not self._answered(asked, data[asked.start : asked.end], prompt):
                break
            data, begun = data[asked.end :], None
        return b"" if self.transport.is_closing() else data

    def _read(self, data: bytes) -> _Asked | None:
        """The request that the data begin with; ``None`` where it takes the parser to read it."""
        first = data.find(b"\r\n") + 2
        last = data.find(b"\r\n\r\n", first - 2) + 4
        line, head = request_line(data[:first]), plain(data[first:last])
        if line is None or head is None or head.length > SHORT:
            return None
        return _Asked(*line, head, last, last + head.length)

    def _answered(self, asked: _Asked, body: bytes, prompt: Prompt) -> bool:
        """Answer a request, if that takes no ASGI exchange."""
        self._asked = True
        method, path, head, _, _ = asked
        try:
            answer = prompt.at_once(method, path, head, body)
        except Exception:
            log.exception("%s %s failed: this is a bug of the mock", method, path)
            self.transport.close()
            return True
        if not isinstance(answer, Made):
            self._answer = answer
            return False
        status, lines, content = answer
        ending = b"\r\n" if head.lasting else b"connection: close\r\n\r\n"
        self._shared.send(b"".join((STATUS_LINE[status], self._shared.usual_lines, lines, ending, content)), self._cork)
        if not head.lasting:
            self.transport.close()
        return True

    def _count(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > MOST_HEADER_BYTES:
            raise ValueError("too many bytes of headers")  # the parser reports it, and send_400_response is called

    def _refuse(self, status: HTTPStatus, message: str) -> None:
        body = orjson.dumps({"error_code": "BAD_REQUEST", "message": message})
        lines = b"content-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % len(body)
        self.transport.write(b"".join((STATUS_LINE[status], self._shared.usual_lines, lines, body)))
        self.transport.close()
