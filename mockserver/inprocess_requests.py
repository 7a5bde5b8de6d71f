"""An adapter for ``requests`` that answers from a mock in this process."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from http.client import RemoteDisconnected
from typing import TYPE_CHECKING, Any

import requests
from requests.adapters import BaseAdapter
from requests.cookies import RequestsCookieJar
from requests.structures import CaseInsensitiveDict
from urllib3.exceptions import IncompleteRead, ProtocolError, ReadTimeoutError
from urllib3.util.retry import Retry

from .inprocess import URL, Disconnected, Exchange, Impatient, application

if TYPE_CHECKING:
    from .core import Mock


class ElsewhereAdapter(BaseAdapter):
    """Refuses what is not for the mock in this process, so that a test with a mistyped URL reaches no network."""

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        problem = f"{request.url} is not the mock in this process, whose URLs start with {URL}; no socket is opened"
        raise requests.ConnectionError(problem, request=request)

    def close(self) -> None:
        """Nothing is held open."""


class MockAdapter(BaseAdapter):
    """Mount it on a session for ``URL``; errors are those of a real connection.

    >>> session = requests.Session()
    >>> session.mount(URL, MockAdapter(mock))  # doctest: +SKIP
    """

    max_retries = Retry(0, read=False)

    def __init__(self, mock: Mock) -> None:
        super().__init__()
        self._app = application(mock)

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        body = _body(request.body)
        reading = timeout[1] if isinstance(timeout, tuple) else timeout
        headers = [(_text(name), _text(value)) for name, value in request.headers.items()]
        try:
            exchange = Exchange(self._app, request.method or "GET", request.url or URL, headers, body, reading)
        except Disconnected:
            reason = RemoteDisconnected("Remote end closed connection without response")
            raise requests.ConnectionError(ProtocolError("Connection aborted.", reason), request=request) from None
        except Impatient as problem:
            raise requests.ReadTimeout(problem, request=request) from None
        response = requests.Response()
        response.status_code, response.reason = exchange.status, exchange.reason
        response.headers = CaseInsensitiveDict(exchange.headers)
        response.encoding = requests.utils.get_encoding_from_headers(response.headers)
        response.url, response.request = request.url or URL, request
        response.raw = _Raw(exchange)
        response.cookies = RequestsCookieJar()
        if not stream:
            response.content  # noqa: B018  # read now, as a session does
        return response

    def close(self) -> None:
        """Nothing is held open."""


class _Raw:
    """The part of urllib3's response that requests reads."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._chunks = self._body()
        self.closed = False
        self.headers = dict(exchange.headers)
        self.status, self.reason, self.version = exchange.status, exchange.reason, 11
        self._left = b""

    def stream(self, amt: int | None = None, decode_content: bool | None = None) -> Iterator[bytes]:
        yield from self._chunks

    def read(self, amt: int | None = None, decode_content: bool | None = None) -> bytes:
        while amt is None or len(self._left) < amt:
            chunk = next(self._chunks, None)
            if chunk is None:
                break
            self._left += chunk
        taken = self._left if amt is None else self._left[:amt]
        self._left = self._left[len(taken) :]
        return taken

    def close(self) -> None:
        self.closed = True
        self._exchange.close()

    def release_conn(self) -> None:
        """There is no connection to give back."""

    def _body(self) -> Iterator[bytes]:
        try:
            yield from self._exchange.body()
        except Disconnected as problem:
            if problem.expected >= 0:
                reason = IncompleteRead(problem.received, problem.expected - problem.received)
                raise ProtocolError(f"Connection broken: {reason!r}", reason) from None
            raise ProtocolError(f"Response ended prematurely: {problem}") from None
        except Impatient as problem:
            raise ReadTimeoutError(None, None, str(problem)) from None  # type: ignore[arg-type]  # there is no pool


def _body(body: Any) -> bytes:
    if body is None:
        return b""
    if isinstance(body, str):
        return body.encode()
    if isinstance(body, bytes):
        return body
    read = getattr(body, "read", None)
    return _body(read()) if read is not None else b"".join(body)


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value
