"""Transports for ``httpx`` (and ``httpx2``, which newer OpenAI clients use) that answer from a mock in this process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from functools import cache
from types import ModuleType
from typing import TYPE_CHECKING, Any

from .inprocess import Disconnected, Exchange, Impatient, application

if TYPE_CHECKING:
    from .core import Mock

NOTHING_SENT = "Server disconnected without sending a response."
CUT_SHORT = "peer closed connection without sending complete message body ({problem})"


def transport(mock: Mock, httpx: ModuleType) -> Any:
    """A transport for ``httpx.Client(transport=...)``; errors are those of a real connection."""
    return _classes(httpx)[0](mock)


def async_transport(mock: Mock, httpx: ModuleType) -> Any:
    """A transport for ``httpx.AsyncClient(transport=...)``; the mock works in a thread meanwhile."""
    return _classes(httpx)[1](mock)


@cache
def _classes(httpx: ModuleType) -> tuple[type, type]:
    from anyio.to_thread import run_sync as in_thread  # comes with httpx, and works under trio as well

    class Body(httpx.SyncByteStream):  # type: ignore[misc, name-defined]  # a base class found at run time
        def __init__(self, exchange: Exchange, request: Any) -> None:
            self._exchange, self._request = exchange, request

        def __iter__(self) -> Iterator[bytes]:
            chunks = self._exchange.body()
            while (chunk := _translated(httpx, self._request, lambda: next(chunks, None))) is not None:
                yield chunk

        def close(self) -> None:
            self._exchange.close()

    class AsyncBody(httpx.AsyncByteStream):  # type: ignore[misc, name-defined]  # a base class found at run time
        def __init__(self, exchange: Exchange, request: Any) -> None:
            self._exchange, self._request = exchange, request

        async def __aiter__(self) -> AsyncIterator[bytes]:
            chunks = self._exchange.body()

            def following() -> bytes | None:
                return _translated(httpx, self._request, lambda: next(chunks, None))

            while (chunk := await in_thread(following)) is not None:
                yield chunk

        async def aclose(self) -> None:
            self._exchange.close()

    class Transport(httpx.BaseTransport):  # type: ignore[misc, name-defined]  # a base class found at run time
        def __init__(self, mock: Mock) -> None:
            self._app = application(mock)

        def handle_request(self, request: Any) -> Any:
            exchange = _sent(httpx, self._app, request, request.read())
            return httpx.Response(exchange.status, headers=exchange.headers, stream=Body(exchange, request))

    class AsyncTransport(httpx.AsyncBaseTransport):  # type: ignore[misc, name-defined]  # found at run time
        def __init__(self, mock: Mock) -> None:
            self._app = application(mock)

        async def handle_async_request(self, request: Any) -> Any:
            body = await request.aread()
            exchange = await in_thread(_sent, httpx, self._app, request, body)
            return httpx.Response(exchange.status, headers=exchange.headers, stream=AsyncBody(exchange, request))

    return Transport, AsyncTransport


def _sent(httpx: ModuleType, app: Any, request: Any, body: bytes) -> Exchange:
    timeout = request.extensions.get("timeout", {}).get("read")
    try:
        return Exchange(app, request.method, str(request.url), request.headers.items(), body, timeout)
    except Disconnected:
        raise httpx.RemoteProtocolError(NOTHING_SENT, request=request) from None
    except Impatient as problem:
        raise httpx.ReadTimeout(str(problem), request=request) from None


def _translated(httpx: ModuleType, request: Any, read: Callable[[], bytes | None]) -> bytes | None:
    try:
        return read()
    except Disconnected as problem:
        raise httpx.RemoteProtocolError(CUT_SHORT.format(problem=problem), request=request) from None
    except Impatient as problem:
        raise httpx.ReadTimeout(str(problem), request=request) from None
