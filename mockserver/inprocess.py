"""The mock without a socket: one HTTP exchange with the WSGI application, in the caller's thread.

``mockserver.inprocess_requests`` and ``mockserver.inprocess_httpx`` put it behind the clients' own interfaces.
"""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes, urlsplit

from .delivery import PATIENCE, ConnectionDropped
from .handlers import IMPORTING

if TYPE_CHECKING:
    from .core import Mock

URL = "http://serving-mock.localhost"
"""The base URL to give to clients that talk to the mock in process. Nothing listens there."""


class Impatient(Exception):
    """The client's read timeout passed before the next bytes came."""


class Disconnected(Exception):
    """The connection ended early. ``expected`` and ``received`` count the body's bytes; -1 where that was open."""

    def __init__(self, expected: int, received: int) -> None:
        super().__init__(f"connection ended after {received} bytes of {expected if expected >= 0 else 'a stream'}")
        self.expected, self.received = expected, received


class Exchange:
    """One request and its answer.

    Args:
        app: the WSGI application.
        timeout: seconds without bytes after which the client gives up; ``None`` for endless patience.

    Raises:
        Disconnected: the connection ended before anything was sent.
        Impatient: nothing was sent in time.
    """

    def __init__(
        self,
        app: Callable[..., Iterable[bytes]],
        method: str,
        url: str,
        headers: Iterable[tuple[str, str]],
        body: bytes,
        timeout: float | None = None,
    ) -> None:
        self._timeout = timeout
        self._started: tuple[str, list[tuple[str, str]]] = ("500 No answer", [])
        with self._patience():
            self._chunks = app(_environment(method, url, headers, body), self._start)
            self._iterator = iter(self._chunks)
            try:
                self._first: bytes | None = next(self._iterator, None)
            except ConnectionDropped:
                self.close()
                raise Disconnected(-1, 0) from None
        status, self.headers = self._started
        code, _, self.reason = status.partition(" ")
        self.status = int(code)

    def body(self) -> Iterator[bytes]:
        """The bytes of the body as they come.

        Raises:
            Disconnected: the connection ended early.
            Impatient: the next bytes did not come in time.
        """
        received = 0
        length = next((int(value) for name, value in self.headers if name.lower() == "content-length"), -1)
        try:
            chunk = self._first
            while chunk is not None:
                received += len(chunk)
                if chunk:
                    yield chunk
                with self._patience():
                    chunk = next(self._iterator, None)
        except ConnectionDropped:
            raise Disconnected(length, received) from None
        finally:
            self.close()

    def close(self) -> None:
        """Leave; the application is told."""
        close = getattr(self._chunks, "close", None)
        if close is not None:
            close()

    def _start(self, status: str, headers: list[tuple[str, str]], problem: Any = None) -> Callable[[bytes], object]:
        self._started = (status, headers)
        return lambda data: None

    def _patience(self) -> _Patience:
        return _Patience(self._timeout)


class _Patience:
    """A stretch of waiting in which the mock's delays last no longer than the client waits."""

    def __init__(self, seconds: float | None) -> None:
        self._seconds = seconds

    def __enter__(self) -> None:
        self._began = time.monotonic()
        PATIENCE.seconds = self._seconds

    def __exit__(self, kind: object, problem: object, trace: object) -> None:
        PATIENCE.seconds = None
        if kind is None and self._seconds is not None and time.monotonic() - self._began >= self._seconds:
            raise Impatient(f"no bytes within {self._seconds:g} s")


def application(mock: Mock) -> Callable[..., Iterable[bytes]]:
    """The WSGI application of a mock, made once."""
    app: Any = mock.__dict__.get("_application")
    if app is None:
        with IMPORTING:
            app = mock.__dict__.get("_application")
            if app is None:
                from .app import create_app

                app = mock.__dict__["_application"] = create_app(mock)
    wsgi: Callable[..., Iterable[bytes]] = app.wsgi_app
    return wsgi


def _environment(method: str, url: str, headers: Iterable[tuple[str, str]], body: bytes) -> Mapping[str, Any]:
    parts = urlsplit(url)
    environment: dict[str, Any] = {
        "REQUEST_METHOD": method.upper(),
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(parts.path or "/").decode("latin-1"),
        "QUERY_STRING": parts.query,
        "SERVER_NAME": parts.hostname or "localhost",
        "SERVER_PORT": str(parts.port or (443 if parts.scheme == "https" else 80)),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": parts.netloc,
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": parts.scheme,
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in headers:
        key = name.upper().replace("-", "_")
        if key == "CONTENT_TYPE":
            environment["CONTENT_TYPE"] = value
        elif key not in ("CONTENT_LENGTH", "HOST"):
            environment[f"HTTP_{key}"] = value
    return environment
