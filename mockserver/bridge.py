"""From the event loop to the mock: the contract's operations go straight to the core, everything else through Flask.

What cannot wait is answered on the loop itself, which costs no change of threads; what may (a fault, a database, an
upstream, a page) is answered in a thread. A pace costs neither: the loop sleeps.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import suppress
from functools import partial
from itertools import chain
from typing import Any, TypeVar

from .asgi import (
    Left,
    Receive,
    Scope,
    Send,
    declared_length,
    environment,
    headers_of,
    in_one_piece,
    request_of,
    whole_body,
)
from .bodies import MAX_BODY
from .connection import SHORT, Connection, Made
from .core import Mock
from .delivery import ConnectionDropped, Disturbed
from .heads import Head, Headers
from .inprocess import application
from .messages import NOTHING, STREAM_MEDIA_TYPE, Reply, Request, Stream
from .outbox import Outbox, tell
from .threads import Threads
from .wire import frame, frames, header_lines, payload, terminator

Result = TypeVar("Result")
Known = tuple[Reply | Stream | Disturbed, list[bytes]]
"""An answer that is still to be sent, and the first events of a stream if they are made already."""

MOST_THREADS = 256
SLICE = 256 * 1024
"""Bytes of a reply that are sent at once."""
TURN = 64
"""Events of a stream that are sent together where no time passes between them; then it is other connections' turn."""


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

    def at_once(self, method: str, path: str, head: Head, body: bytes) -> Made | Known | None:
        """The answer to a request for the contract that cannot wait; what takes longer to send is left to ASGI."""
        found = self._mock.spec.routes.find(method, path)
        if found is None or self._mock.may_wait(found[0], head.headers):
            return None
        operation, parameters = found
        answer = self._mock.respond(
            operation, Request(method, path, head.headers, parameters, NOTHING, body, head.base_url)
        )
        made: list[bytes] = []
        if isinstance(answer, Reply) and answer.pieces is None:
            content = payload(answer)
            if len(content) <= SLICE and answer.delay <= 0 and (lines := header_lines(answer)) is not None:
                return Made(answer.status, b"%bcontent-length: %d\r\n" % (lines, len(content)), content)
        elif isinstance(answer, Stream) and (lines := header_lines(answer)) is not None:
            answer, complete = _made(answer, made)
            if complete:
                return Made(answer.status, lines + b"transfer-encoding: chunked\r\n", _in_one_chunk(b"".join(made)))
        return answer, made

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        connection: Connection = scope["extensions"]["connection"]
        if scope["http_version"] == "1.0":
            send = in_one_piece(send)
        known = scope["extensions"].get("answer")
        # The client may leave, or the server stop, which closes the connection.
        with suppress(Left, asyncio.CancelledError):
            if known is not None:
                await self._send(known[0], known[1], False, send, connection)
            else:
                await self._answer(scope, receive, send, connection)
            if connection.lost:
                while (await receive())["type"] != "http.disconnect":
                    pass

    async def _answer(self, scope: Scope, receive: Receive, send: Send, connection: Connection) -> None:
        length = declared_length(scope)
        body = b"" if length == 0 or length > MAX_BODY else await whole_body(receive)
        found = None if length > MAX_BODY else self._mock.spec.routes.find(scope["method"], scope["path"])
        if found is None:
            await self._through_wsgi(scope, body, send, connection)
            return
        operation, request = found[0], request_of(scope, found[1], body)
        waits = len(body) > SHORT or self._mock.may_wait(operation, request.headers)
        respond = partial(self._mock.respond, operation, request)
        await self._send(await self._in_thread(respond) if waits else respond(), [], waits, send, connection)

    async def _send(
        self, answer: Reply | Stream | Disturbed, made: list[bytes], waits: bool, send: Send, connection: Connection
    ) -> None:
        """Send an answer. ``made`` are a stream's first events, made already; ``waits``: making the others may wait."""
        if isinstance(answer, Reply):
            if answer.delay > 0:
                await asyncio.sleep(answer.delay)
            headers = headers_of(answer.media_type, answer.headers)
            if answer.pieces is not None:
                await send({"type": "http.response.start", "status": answer.status, "headers": headers})
                await _sent(self._from_thread(answer.pieces, connection), send, connection)
                return
            body = payload(answer)
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
            headers = headers_of(STREAM_MEDIA_TYPE, answer.headers)
            headers.append((b"cache-control", b"no-cache"))
            await send({"type": "http.response.start", "status": answer.status, "headers": headers})
            if waits:
                await _sent(self._from_thread(frames(answer), connection), send, connection)
            else:
                await _streamed(answer, made, send, connection)
        else:
            await self._disturbed(answer, send, connection)

    async def _disturbed(self, disturbed: Disturbed, send: Send, connection: Connection) -> None:
        """Send the head that belongs to the whole answer, and as much of its body as the fault lets through."""
        answer = disturbed.answer
        if isinstance(answer, Stream):
            headers = [*headers_of(STREAM_MEDIA_TYPE, answer.headers), (b"cache-control", b"no-cache")]
            chunks: Iterator[bytes] = map(disturbed.garbled, frames(answer))
        else:
            body = disturbed.garbled(payload(answer))
            headers = [*headers_of(answer.media_type, answer.headers), (b"content-length", b"%d" % len(body))]
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


def _made(stream: Stream, made: list[bytes]) -> tuple[Stream, bool]:
    """Make the events of a stream until time has to pass. What is left of it, and whether that is nothing."""
    close = stream.closed or _nothing
    try:
        for event in stream.events:
            if event.pause > 0 or len(made) == TURN:
                return stream._replace(events=chain((event,), stream.events)), False
            made.append(frame(event))
    except BaseException:
        close(False)
        raise
    made.append(terminator(stream))
    close(True)
    return stream, True


def _nothing(complete: bool) -> None:
    """What is done when a stream ends that nobody wants to hear of."""


def _in_one_chunk(body: bytes) -> bytes:
    """A body without a length, as it is sent."""
    return b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body) if body else b"0\r\n\r\n"


async def _streamed(stream: Stream, made: list[bytes], send: Send, connection: Connection) -> None:
    """Send a stream whose making cannot wait, with its pauses. Events between which no time passes leave together."""
    complete = False
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


def _fulfil(future: asyncio.Future[Result], result: Result) -> None:
    if not future.done():
        future.set_result(result)


def _fail(future: asyncio.Future[Any], problem: BaseException) -> None:
    if not future.done():
        future.set_exception(problem)
