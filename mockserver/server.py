"""The mock on a socket: waitress in a thread, started and stopped at will."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress
from http import HTTPStatus
from types import TracebackType
from typing import Any

import orjson
from waitress import wasyncore
from waitress.channel import HTTPChannel
from waitress.server import create_server
from waitress.task import ErrorTask, WSGITask

from .app import create_app
from .auth import DEFAULT_WORKSPACE
from .control import resume
from .core import MAX_BODY, Mock
from .delivery import ConnectionDropped
from .settings import DEVELOPMENT_TOKEN, Settings
from .snapshot import load_file

THREADS = 64
"""Requests answered at the same time; a paced stream occupies one thread for its whole length."""

GRACE = 0.8
"""Seconds that requests under way are given to finish when the server stops."""


class ListenError(OSError):
    """The address cannot be listened on; the text says why and what to do."""


class _RefusalTask(ErrorTask):  # type: ignore[misc]  # waitress ships no types
    """What cannot be read as HTTP is refused in the API's shape, too."""

    def execute(self) -> None:
        status, _, body = self.request.error.to_response(self.channel.server.adj.ident)
        code = int(status.split()[0])
        reason = body.decode("latin-1").strip().splitlines() or [HTTPStatus(code).phrase]
        document = orjson.dumps({"error_code": "BAD_REQUEST", "message": " ".join(filter(None, reason))})
        self.status = status
        self.response_headers += [("Content-Type", "application/json"), ("Connection", "close")]
        self.set_close_on_finish()
        self.content_length = len(document)
        self.write(document)


class _Task(WSGITask):  # type: ignore[misc]  # waitress ships no types
    """A request whose answer may end early on purpose: what was written is sent, and the connection closed."""

    def service(self) -> None:
        try:
            super().service()
        except ConnectionDropped:
            self.close_on_finish = True


class _Channel(HTTPChannel):  # type: ignore[misc]  # waitress ships no types
    task_class = _Task
    error_task_class = _RefusalTask


class MockServer:
    """A running mock.

    >>> with MockServer(Settings(provisioning=0)) as server:
    ...     server.url.startswith("http://127.0.0.1:")
    True

    Args:
        settings: how the mock behaves; by default a free port on loopback.
        mock: the mock to serve, made from the settings when not given.

    Raises:
        StoreError: the store of the settings cannot be used.
        StateError: the state of the settings cannot be used.
        ListenError: the address cannot be listened on (from ``start``).
    """

    def __init__(self, settings: Settings | None = None, *, mock: Mock | None = None) -> None:
        if settings is None:
            settings = mock.settings if mock is not None else Settings(port=0)
        self.settings = settings
        self.mock = mock or Mock(settings)
        self._owns_mock = mock is None
        if mock is None:
            _begin(self.mock)
        self.token = DEVELOPMENT_TOKEN
        self._server: Any = None
        self._thread: threading.Thread | None = None
        self._stopping = False

    @property
    def url(self) -> str:
        """The base URL to give to clients. Raises RuntimeError while the server is not running."""
        if self._server is None:
            raise RuntimeError("the server is not running: call start() first or use it as a context manager")
        host = str(self._server.effective_host)
        shown = f"[{host}]" if ":" in host else host
        return f"http://{shown}:{self._server.effective_port}"

    @property
    def running(self) -> bool:
        """Whether requests are answered."""
        return self._server is not None

    def start(self) -> MockServer:
        """Listen, and answer requests from a thread of its own. Returns when connections are accepted."""
        self._server = self._listening()
        self._server.channel_class = _Channel
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="serving-mock", daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop listening, let requests under way be answered, and close every connection."""
        if self._thread is None:
            return
        self._stopping = True
        self.mock.faults.release()
        self._server.pull_trigger()
        self._thread.join(GRACE + 1)
        self._server, self._thread = None, None
        if self._owns_mock:
            self.mock.store.close()

    def wait(self) -> None:
        """Block until the server stops."""
        while self._thread is not None and self._thread.is_alive():
            self._thread.join(0.2)

    def __enter__(self) -> MockServer:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _listening(self) -> Any:
        host, port = self.settings.host, self.settings.port
        try:
            family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        except socket.gaierror:
            raise ListenError(f"host {host!r} is not an address of this machine: try 127.0.0.1") from None
        listener = socket.socket(family, kind)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(address)
        except OSError as problem:
            listener.close()
            raise ListenError(_why_not(host, port, problem)) from None
        return create_server(
            create_app(self.mock),
            sockets=[listener],
            threads=THREADS,
            ident="databricks",
            backlog=1024,
            connection_limit=1000,
            channel_timeout=60,
            cleanup_interval=15,
            max_request_body_size=2 * MAX_BODY,
            channel_request_lookahead=1,
            asyncore_use_poll=True,
            clear_untrusted_proxy_headers=True,
        )

    def _run(self) -> None:
        server = self._server
        while not self._stopping:
            wasyncore.loop(timeout=1.0, use_poll=True, map=server._map, count=1)
        server.accepting = False
        server.socket.close()
        server._map.pop(server._fileno, None)
        deadline = time.monotonic() + GRACE
        while time.monotonic() < deadline and any(_is_busy(channel) for channel in server.active_channels.values()):
            wasyncore.loop(timeout=0.05, use_poll=True, map=server._map, count=1)
        for channel in list(server.active_channels.values()):
            with suppress(OSError):
                channel.handle_close()
        dispatcher = server.task_dispatcher
        dispatcher.set_thread_count(0)
        with dispatcher.lock:
            dispatcher.thread_exit_cv.wait_for(lambda: not dispatcher.threads, timeout=0.2)
        if not dispatcher.threads:  # a thread that still works may pull the trigger
            server.trigger.close()


def _begin(mock: Mock) -> None:
    """Go on where the store left off; without anything there, begin with the state that the settings name."""
    resume(mock)
    if mock.settings.state is not None and DEFAULT_WORKSPACE not in mock.store.workspaces():
        load_file(mock, mock.settings.state, DEFAULT_WORKSPACE)


def _is_busy(channel: Any) -> bool:
    return bool(channel.requests or channel.total_outbufs_len)


def _why_not(host: str, port: int, problem: OSError) -> str:
    reason = (problem.strerror or str(problem)).lower()
    if "in use" in reason:
        return f"port {port} on {host} is in use: choose another with --port, or --port 0 for a free one"
    if "permission" in reason:
        return f"port {port} needs more rights than this user has: choose one above 1023 with --port"
    if "assign" in reason:
        return f"host {host!r} is not an address of this machine: try 127.0.0.1"
    return f"cannot listen on {host}:{port}: {reason}"
