"""From the event loop to the mock: the contract's operations go straight to the core, everything else through Flask.

What cannot wait is answered on the loop itself, which costs no change of threads; what may (a fault, a database, an
upstream, a page) is answered in a thread. A pace costs neither: the loop sleeps.
"""

from __future__ import annotations

import asyncio
import io
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar
from urllib.parse import parse_qsl, unquote_to_bytes

from openapi import Operation

from .bodies import MAX_BODY
from .connection import Connection
from .core import Mock
from .delivery import ConnectionDropped, Disturbed
from .inprocess import application
from .messages import STREAM_MEDIA_TYPE, Reply, Request, Stream
from .outbox import Outbox, tell
from .threads import Threads
from .wire import frame, frames, payload, terminator

Scope = Mapping[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Any, Any, Any], Awaitable[None]]
"""What a server calls for every request (ASGI 3)."""
Headers = list[tuple[bytes, bytes]]
Result = TypeVar("Result")

MOST_THREADS = 256
SLICE = 256 * 1024
"""Bytes of a reply that are sent at once."""
TURN = 16
"""Events of a stream that are sent together where no time passes between them; then it is other connections' turn."""
SHORT = 64 * 1024
"""Bytes of a request that is answered on the loop; reading more takes long enough for a thread."""


class Left(Exception):
    """The client left before it had sent its whole request."""


class Bridge:
    """The ASGI application of a mock.

    Args:
        mock: the mock that answers the contract's operations. Its Flask application, which answers everything else, is
            made when it is first needed: importing Flask takes as long as the rest of the start.
    """

    def __init__(self, mock: Mock) -> None:
        self._mock = mock
        self._threads = Threads(MOST_THREADS)

    def close(self) -> None:
        """Let the threads end that wait for work."""
        self._threads.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        connection: Connection = scope["extensions"]["connection"]
        if scope["http_version"] == "1.0":
            send = _whole(send)
        length = _declared_length(scope)
        try:
            body = b"" if length == 0 or length > MAX_BODY else await whole_body(receive)
        except Left:
            return
        found = None if length > MAX_BODY else self._mock.spec.routes.find(scope["method"], scope["path"])
        with suppress(asyncio.CancelledError):  # the server stops, and the connection is closed
            if found is None:
                await self._through_wsgi(scope, body, send, connection)
            else:
                await self._answer(found[0], _request(scope, found[1], body), send, connection)
            if connection.lost:
                while (await receive())["type"] != "http.disconnect":
                    pass

    async def _answer(self, operation: Operation, request: Request, send: Send, connection: Connection) -> None:
        waits = len(request.body) > SHORT or self._mock.may_wait(operation, request)
        respond = partial(self._mock.respond, operation, request)
        answer = await self._in_thread(respond) if waits else respond()
        if isinstance(answer, Reply):
            if answer.delay > 0:
                await asyncio.sleep(answer.delay)
            body = payload(answer)
            headers = head(answer.media_type, answer.headers)
            headers.append((b"content-length", b"%d" % len(body)))
            start = {"type": "http.response.start", "status": answer.status, "headers": headers}
            if len(body) <= SLICE:
                connection.hold()
                await send(start)
                await send({"type": "http.response.body", "body": body})
                connection.release()
            else:
                await send(start)
                await _sent(_slices(body), send, connection)
        elif isinstance(answer, Stream):
            headers = head(STREAM_MEDIA_TYPE, answer.headers)
            headers.append((b"cache-control", b"no-cache"))
            await send({"type": "http.response.start", "status": answer.status, "headers": headers})
            if waits:
                await _sent(self._from_thread(frames(answer), connection), send, connection)
            else:
                await _streamed(answer, send, connection)
        else:
            await self._disturbed(answer, send, connection)

    async def _disturbed(self, disturbed: Disturbed, send: Send, connection: Connection) -> None:
        """Send the head that belongs to the whole answer, and as much of its body as the fault lets through."""
        answer = disturbed.answer
        if isinstance(answer, Stream):
            headers = [*head(STREAM_MEDIA_TYPE, answer.headers), (b"cache-control", b"no-cache")]
            chunks: Iterator[bytes] = map(disturbed.garbled, frames(answer))
        else:
            body = disturbed.garbled(payload(answer))
            headers = [*head(answer.media_type, answer.headers), (b"content-length", b"%d" % len(body))]
            chunks = iter([body])
        if disturbed.fault.drop:
            connection.close()
            return
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await _sent(self._from_thread(disturbed.body(chunks), connection), send, connection)

    async def _through_wsgi(self, scope: Scope, body: bytes, send: Send, connection: Connection) -> None:
        started: list[tuple[int, Headers]] = []

        def start(status: str, headers: list[tuple[str, str]], problem: object = None) -> None:
            pairs = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
            started[:] = [(int(status[:3]), pairs)]

        chunks = await self._in_thread(lambda: application(self._mock)(environment(scope, body), start))
        await send({"type": "http.response.start", "status": started[0][0], "headers": started[0][1]})
        await _sent(self._from_thread(chunks, connection), send, connection)

    async def _in_thread(self, function: Callable[[], Result]) -> Result:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Result] = loop.create_future()

        def job() -> None:
            try:
                outcome = partial(_fulfil, future, function())
            except BaseException as problem:  # raised again where it is awaited
                outcome = partial(_fail, future, problem)
            tell(loop, outcome)

        self._threads.run(job)
        return await future

    async def _from_thread(self, chunks: Iterable[bytes], connection: Connection) -> AsyncIterator[bytes]:
        """The chunks as a thread makes them. Raises ConnectionDropped where they do."""
        outbox = Outbox(asyncio.get_running_loop())
        connection.on_lost = outbox.abandon
        self._threads.run(partial(outbox.fill, chunks))
        try:
            while (chunk := await outbox.next()) is not None:
                yield chunk
        finally:
            connection.on_lost = None
            outbox.abandon()


async def _slices(body: bytes) -> AsyncIterator[bytes]:
    """A long body bit by bit, so that the loop has time for others and the client sets the pace."""
    for start in range(0, len(body), SLICE):
        yield body[start : start + SLICE]
        await asyncio.sleep(0)


async def _streamed(stream: Stream, send: Send, connection: Connection) -> None:
    """Send a stream whose making cannot wait, with its pauses. Events between which no time passes leave together."""
    complete = False
    made: list[bytes] = []
    try:
        for event in stream.events:
            if made and (event.pause > 0 or len(made) == TURN):
                await send({"type": "http.response.body", "body": b"".join(made), "more_body": True})
                made.clear()
                await asyncio.sleep(max(event.pause, 0))
                if connection.lost:
                    return
            elif event.pause > 0:
                await asyncio.sleep(event.pause)
            made.append(frame(event))
        made.append(terminator(stream))
        await send({"type": "http.response.body", "body": b"".join(made)})
        complete = not connection.lost
    finally:
        if stream.closed is not None:
            stream.closed(complete)


async def _sent(pieces: AsyncIterator[bytes], send: Send, connection: Connection) -> None:
    try:
        async for piece in pieces:
            if connection.lost:
                break
            if piece:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        else:
            await send({"type": "http.response.body", "body": b""})
    except ConnectionDropped:
        connection.close()
    finally:
        await pieces.aclose()  # type: ignore[attr-defined]  # every one here is a generator


def _whole(send: Send) -> Send:
    """Sends an answer in one piece: HTTP/1.0 knows no chunks."""
    head: Message = {}
    pieces: list[bytes] = []

    async def hold(message: Message) -> None:
        if message["type"] == "http.response.start":
            head.update(message)
            return
        pieces.append(message["body"])
        if not message.get("more_body"):
            body = b"".join(pieces)
            kept = [header for header in head["headers"] if header[0] != b"content-length"]
            await send({**head, "headers": [*kept, (b"content-length", b"%d" % len(body))]})
            await send({"type": "http.response.body", "body": body})

    return hold


def _declared_length(scope: Scope) -> int:
    """The body's length as the client states it; -1 when it comes in chunks, 0 when there is none."""
    length = 0
    for name, value in scope["headers"]:
        if name == b"content-length":
            length = int(value)
        elif name == b"transfer-encoding":
            return -1
    return length


async def whole_body(receive: Receive) -> bytes:
    """The whole body, or one byte more than is accepted. Raises Left when the client goes before its end."""
    message = await receive()
    if not message.get("more_body") and message["type"] == "http.request":
        whole: bytes = message["body"]
        return whole
    pieces, size = [], 0
    while True:
        if message["type"] == "http.disconnect":
            raise Left
        pieces.append(message["body"])
        size += len(message["body"])
        if not message["more_body"] or size > MAX_BODY:
            return b"".join(pieces)[: MAX_BODY + 1]
        message = await receive()


def _request(scope: Scope, parameters: Mapping[str, str], body: bytes) -> Request:
    headers = _joined(scope["headers"])
    query = scope["query_string"]
    return Request(
        method=scope["method"],
        path=scope["path"],
        headers=headers,
        parameters=parameters,
        query=dict(reversed(parse_qsl(query.decode("latin-1"), keep_blank_values=True))) if query else {},
        body=body,
        base_url=f"{scope['scheme']}://{headers.get('host') or _address(scope)}",
    )


def _joined(pairs: Headers) -> dict[str, str]:
    """The headers by lower-case name, those that come more than once joined. A name with ``_`` could pass for another
    one's in WSGI, so it is dropped.
    """
    headers: dict[str, str] = {}
    for raw, value in pairs:
        name = raw.decode("latin-1")
        text = value.decode("latin-1")
        if name in headers:
            headers[name] += (";" if name == "cookie" else ",") + text
        elif "_" not in name:
            headers[name] = text
    return headers


def environment(scope: Scope, body: bytes) -> dict[str, Any]:
    """The request as WSGI has it (PEP 3333)."""
    headers = _joined(scope["headers"])
    server = scope["server"] or ("localhost", 80)
    environ: dict[str, Any] = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(scope["raw_path"]).decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_NAME": server[0],
        "SERVER_PORT": str(server[1]),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "REMOTE_ADDR": scope["client"][0] if scope["client"] else "",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.input": io.BytesIO(body),
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in headers.items():
        key = name.upper().replace("-", "_")
        environ[key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"] = value
    return environ


def _address(scope: Scope) -> str:
    host, port = scope["server"] or ("127.0.0.1", 80)
    return f"{host}:{port}"


def head(media_type: str, headers: Mapping[str, str]) -> Headers:
    """A reply's headers as ASGI has them."""
    pairs = [(b"content-type", media_type.encode("latin-1"))]
    pairs += [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    return pairs


def _fulfil(future: asyncio.Future[Result], result: Result) -> None:
    if not future.done():
        future.set_result(result)


def _fail(future: asyncio.Future[Any], problem: BaseException) -> None:
    if not future.done():
        future.set_exception(problem)
