"""Threads for requests that may wait. They are daemons: one that still waits does not keep the process from ending."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue

Job = Callable[[], None]


class Threads:
    """As many threads as there are jobs at the same time, up to ``most``; idle ones are used again.

    The standard library's executor waits at exit for what its threads do, and a stalled stream may last for an hour.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._unclaimed = 0
        self._lock = threading.Lock()

    def run(self, job: Job) -> None:
        """Do this job in a thread, now or as soon as one is free. A job must not raise."""
        with self._lock:
            self._unclaimed -= 1
            if self._unclaimed < 0 and len(self._threads) < self._most:
                self._unclaimed += 1
                thread = threading.Thread(target=self._work, name="serving-mock-request", daemon=True)
                self._threads.append(thread)
                thread.start()
        self._jobs.put(job)

    def close(self) -> None:
        """Let every thread end when it has done what it does."""
        for _ in self._threads:
            self._jobs.put(None)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()
            with self._lock:
                self._unclaimed += 1
