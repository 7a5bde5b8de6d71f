"""Several processes behind one address: they accept from the same socket and share a store.

A worker that dies is replaced; what it had acknowledged is in the store.
"""

from __future__ import annotations

import logging
import multiprocessing
import shutil
import signal
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing.connection import wait
from multiprocessing.context import SpawnContext, SpawnProcess
from multiprocessing.synchronize import Semaphore
from pathlib import Path

from .core import Mock
from .listening import listening, url_of
from .server import MockServer, begin, tune
from .settings import Settings

log = logging.getLogger("mockserver.workers")

PATIENCE = 3.0
"""Seconds that workers are given to answer what is under way when everything stops."""
START = 30.0
"""Seconds in which a worker must be ready."""


class WorkerError(ChildProcessError):
    """The workers cannot run; the text says why."""


class Workers:
    """``count`` processes that answer at one address.

    Without a store of their own the settings get a temporary SQLite file, which is removed in the end.
    """

    def __init__(self, settings: Settings, count: int) -> None:
        self._settings, self._count = settings, count
        self._folder: Path | None = None
        self._listener: socket.socket | None = None
        self._stopping = threading.Event()
        self._processes: list[SpawnProcess] = []
        self._context: SpawnContext = multiprocessing.get_context("spawn")

    def start(self) -> Workers:
        """Start the processes. Returns when all of them answer, or as soon as ``stop`` is called.

        Raises:
            StoreError: the store of the settings cannot be used.
            StateError: the state of the settings cannot be used.
            ListenError: the address cannot be listened on.
            WorkerError: a worker does not start.
        """
        try:
            self._prepare()
            for _ in range(self._count):
                if not self._stopping.is_set():
                    self._processes.append(self._started())
            for process in self._processes:
                self._await(process)
        except BaseException:
            self.close()
            raise
        return self

    @property
    def url(self) -> str:
        """The base URL to give to clients. Raises RuntimeError before the start."""
        if self._listener is None:
            raise RuntimeError("the workers are not running: call start() first")
        return url_of(self._listener)

    def stop(self) -> bool:
        """Let ``start`` and ``wait`` end. May be called from a signal handler. ``True``, as nothing here gets stuck."""
        self._stopping.set()
        return True

    def wait(self) -> None:
        """Keep the workers running until ``stop`` is called, then close."""
        try:
            while not self._stopping.is_set():
                wait([process.sentinel for process in self._processes], timeout=0.2)
                for place, process in enumerate(self._processes):
                    if process.exitcode is not None and not self._stopping.is_set():
                        log.warning("worker %s ended with %s and is replaced", process.pid, process.exitcode)
                        self._processes[place] = self._started()
        finally:
            self.close()

    def close(self) -> None:
        """Let the workers answer what is under way, and end them."""
        for process in self._processes:
            process.terminate()
        deadline = time.monotonic() + PATIENCE
        for process in self._processes:
            process.join(max(0.0, deadline - time.monotonic()))
            if process.exitcode is None:
                process.kill()
                process.join()
        if self._listener is not None:
            self._listener.close()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _prepare(self) -> None:
        """Make what the workers share."""
        settings = self._settings
        if settings.store is None:
            self._folder = Path(tempfile.mkdtemp(prefix="serving-mock-"))
            settings = replace(settings, store=f"sqlite:///{self._folder / 'state.db'}")
        self._ready = self._context.Semaphore(0)
        self._listener = listening(settings.host, settings.port)
        mock = Mock(settings)
        begin(mock)  # once, and not by every worker
        mock.store.close()
        self._settings = replace(settings, state=None)

    def _started(self) -> SpawnProcess:
        process = self._context.Process(
            target=work, args=(self._settings, self._listener, self._ready), name="serving-mock-worker", daemon=True
        )
        with _deaf():
            process.start()
        return process

    def _await(self, process: SpawnProcess) -> None:
        for _ in range(round(START / 0.1)):
            if self._ready.acquire(timeout=0.1) or self._stopping.is_set():
                return
            if process.exitcode is not None:
                break
        raise WorkerError(f"worker {process.pid} did not start: its output says why")


@contextmanager
def _deaf() -> Iterator[None]:
    """Processes started within it never hear Ctrl-C. It reaches the whole group, but the parent says when to stop."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def work(settings: Settings, listener: socket.socket, ready: Semaphore) -> None:
    """What a worker does: answer until it is told to stop, or is left alone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # where it could not be kept from us from the start
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda number, frame: stopped.set())
    logging.basicConfig(level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    parent = multiprocessing.parent_process()
    server = MockServer(settings, listener=listener).start()
    tune()
    ready.release()
    while not stopped.wait(0.5):
        if parent is None or not parent.is_alive():
            break
    server.stop()
