"""The mock on a socket: uvicorn on an event loop in a thread, started and stopped at will."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import socket
import threading
from email.utils import formatdate
from types import TracebackType

import uvicorn

from .asgi import Application
from .auth import DEFAULT_WORKSPACE
from .bridge import Bridge
from .connection import Connection, Shared
from .core import Mock
from .handlers import load
from .listening import BACKLOG, listening, url_of
from .settings import DEVELOPMENT_TOKEN, Settings

KEEP_ALIVE = 75
"""Seconds for which an idle connection is kept open; clients keep theirs for less."""

GRACE = 0.8
"""Seconds that requests under way are given to finish when the server stops."""


class LoopServer(uvicorn.Server):
    """uvicorn's server on a loop of its own, stopped from any thread."""

    def __init__(self, application: Application) -> None:
        super().__init__(
            uvicorn.Config(
                application,
                http=Connection,
                ws="none",
                lifespan="off",
                interface="asgi3",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                backlog=BACKLOG,
                timeout_keep_alive=KEEP_ALIVE,
            )
        )
        self._loop = asyncio.new_event_loop()
        self.server_state = self._shared = Shared(self._loop)
        self._asked_to_stop = asyncio.Event()

    def answer(self, listener: socket.socket) -> None:
        """Answer what arrives at the listener until ``stop`` is called."""
        try:
            self._loop.run_until_complete(self._answer(listener))
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        finally:
            self._loop.close()

    def stop(self) -> None:
        """Let ``answer``, which another thread is in, come to its end."""
        with contextlib.suppress(RuntimeError):  # the loop is closed: it has stopped already
            self._loop.call_soon_threadsafe(self._asked_to_stop.set)

    async def main_loop(self) -> None:
        """Keep the date that replies carry, and give up on clients that are stuck."""
        while not self._asked_to_stop.is_set():
            date = formatdate(usegmt=True).encode()
            self._shared.set_headers([(b"date", date), (b"server", b"databricks")])
            for connection in self._connections():
                connection.give_up()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await self._asked_to_stop.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let requests under way be answered for a while, then close every connection."""
        for server in self.servers:
            server.close()
        for _ in range(3):  # what was accepted last becomes a connection
            await asyncio.sleep(0)
        for connection in self._connections():
            connection.shutdown()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GRACE):
                while self.server_state.connections:
                    await asyncio.sleep(0.005)
        for connection in self._connections():
            connection.transport.abort()
        await asyncio.sleep(0)  # the connections take note
        tasks = list(self.server_state.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _answer(self, listener: socket.socket) -> None:
        self.config.load()
        self.lifespan = self.config.lifespan_class(self.config)
        await self.startup(sockets=[listener])
        await self.main_loop()
        await self.shutdown()

    def _connections(self) -> list[Connection]:
        return [connection for connection in self.server_state.connections if isinstance(connection, Connection)]


class MockServer:
    """A running mock.

    >>> with MockServer(Settings(provisioning=0)) as server:
    ...     server.url.startswith("http://127.0.0.1:")
    True

    Args:
        settings: how the mock behaves; by default a free port on loopback.
        mock: the mock to serve, made from the settings when not given.
        listener: a socket that listens already; by default one on the settings' host and port.

    Raises:
        StoreError: the store of the settings cannot be used.
        StateError: the state of the settings cannot be used.
        ListenError: the address cannot be listened on (from ``start``).
    """

    def __init__(
        self, settings: Settings | None = None, *, mock: Mock | None = None, listener: socket.socket | None = None
    ) -> None:
        if settings is None:
            settings = mock.settings if mock is not None else Settings(port=0)
        self.settings = settings
        self.mock = mock or Mock(settings)
        self._owns_mock = mock is None
        self._given = listener
        if mock is None:
            begin(self.mock)
        self.token = DEVELOPMENT_TOKEN
        self._server: LoopServer | None = None
        self._listener: socket.socket | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """The base URL to give to clients. Raises RuntimeError while the server is not running."""
        if self._listener is None:
            raise RuntimeError("the server is not running: call start() first or use it as a context manager")
        return url_of(self._listener)

    @property
    def running(self) -> bool:
        """Whether requests are answered."""
        return self._server is not None

    def start(self) -> MockServer:
        """Listen, and answer requests from a thread of its own. Returns when connections are accepted."""
        self._listener = self._given or listening(self.settings.host, self.settings.port)
        self._bridge = Bridge(self.mock)
        self._server = LoopServer(self._bridge)
        self._thread = threading.Thread(
            target=self._server.answer, args=[self._listener], name="serving-mock", daemon=True
        )
        self._thread.start()
        threading.Thread(target=warm_up, args=[self.mock], name="serving-mock-load", daemon=True).start()
        return self

    def stop(self) -> bool:
        """Stop listening, let requests under way be answered, and close every connection.

        Whether that is done; ``False`` when an answer takes so long to make that the thread is left alone with it.
        """
        if self._thread is None or self._server is None:
            return True
        self.mock.faults.release()
        self._server.stop()
        self._thread.join(GRACE + 1)
        done = not self._thread.is_alive()
        self._bridge.close()
        self._server, self._listener, self._thread = None, None, None
        if self._owns_mock:
            self.mock.store.close()
        return done

    def wait(self) -> None:
        """Block until the server stops, or ``stop`` has given up on it."""
        while (thread := self._thread) is not None and thread.is_alive():
            thread.join(0.2)

    def __enter__(self) -> MockServer:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def begin(mock: Mock) -> None:
    """Begin with the state that the settings name, if the store has none."""
    if mock.settings.state is not None and DEFAULT_WORKSPACE not in mock.store.workspaces():
        from .snapshot import load_file

        load_file(mock, mock.settings.state, DEFAULT_WORKSPACE, beginning=True)


def warm_up(mock: Mock) -> None:
    """Get ready what the first requests need: the handlers, compared with the contract, and what models talk of.

    Raises:
        RuntimeError: handlers and contract do not agree.
    """
    load(mock.spec)
    from .vocabulary import vocabulary

    vocabulary(mock.settings.seed)


def tune() -> None:
    """Collect garbage less often, in a process that does nothing but serve.

    What the mock holds lives long, and looking through it again and again costs a quarter of a creation's time. So what
    is new is looked at once, and everything after a thousand times of that.
    """
    gc.freeze()
    gc.set_threshold(100_000, 1000, 10)
