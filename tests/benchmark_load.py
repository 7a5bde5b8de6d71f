"""A load generator: the same request over and over on many kept-alive connections, counted for some seconds.

It runs in a process of its own (``python tests/benchmark_load.py JOB.json``), so that its work is not the server's.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
NUMBER = b"NNNNNNNN"
"""What is replaced by a number of its own in every request."""


@dataclass(frozen=True)
class Job:
    """What is asked of a server, for ``seconds``, or until each connection has had ``rounds`` answers."""

    port: int
    method: str
    path: str
    body: str = ""
    connections: int = 1
    seconds: float = 1.0
    first_number: int = 0
    rounds: int = 0

    def request(self) -> bytes:
        """The whole HTTP request."""
        head = f"{self.method} {self.path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer dapi-mock\r\n"
        if self.body:
            head += f"Content-Type: application/json\r\nContent-Length: {len(self.body.encode())}\r\n"
        return f"{head}\r\n{self.body}".encode()


@dataclass(frozen=True)
class Count:
    """What came of it. ``took`` lists the seconds of each answer where ``rounds`` was given."""

    answers: int
    seconds: float
    refused: int
    last: str
    took: tuple[float, ...] = ()

    @property
    def rate(self) -> float:
        """Answers per second."""
        return self.answers / self.seconds


class _Client(asyncio.Protocol):
    def __init__(self, load: _Load) -> None:
        self._load = load
        self._data = bytearray()
        self._expected = -1
        self._answered = 0
        self._began = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._ask()

    def data_received(self, data: bytes) -> None:
        self._data += data
        if self._expected < 0:
            end = self._data.find(b"\r\n\r\n")
            if end < 0:
                return
            length = _LENGTH.search(self._data, 0, end)
            self._expected = end + 4 + int(length[1]) if length else 0
        if len(self._data) < self._expected or (self._expected == 0 and not self._data.endswith(b"0\r\n\r\n")):
            return
        self._load.answered(bytes(self._data), time.perf_counter() - self._began)
        self._answered += 1
        if self._load.over(self._answered):
            self._transport.close()
        else:
            self._ask()

    def connection_lost(self, problem: Exception | None) -> None:
        self._load.left()

    def _ask(self) -> None:
        self._data.clear()
        self._expected = -1
        self._began = time.perf_counter()
        self._transport.write(self._load.next())


class _Load:
    def __init__(self, job: Job) -> None:
        self._job, self._request, self._number = job, job.request(), job.first_number
        self._numbered = NUMBER in self._request
        self._end = 0.0
        self._open = job.connections
        self._done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.answers, self.refused, self.last, self.took = 0, 0, b"", list[float]()

    async def run(self) -> Count:
        started = time.perf_counter()
        self._end = started + self._job.seconds
        loop = asyncio.get_running_loop()
        for _ in range(self._job.connections):
            await loop.create_connection(lambda: _Client(self), "127.0.0.1", self._job.port)
        await self._done
        took = tuple(self.took) if self._job.rounds else ()
        return Count(self.answers, time.perf_counter() - started, self.refused, self.last.decode(), took)

    def next(self) -> bytes:
        if not self._numbered:
            return self._request
        self._number += 1
        return self._request.replace(NUMBER, b"%08d" % self._number)

    def answered(self, answer: bytes, seconds: float) -> None:
        self.answers += 1
        self.refused += not answer.startswith(b"HTTP/1.1 20")
        self.last = answer
        if self._job.rounds:
            self.took.append(seconds)

    def over(self, answered: int) -> bool:
        return answered >= self._job.rounds if self._job.rounds else time.perf_counter() >= self._end

    def left(self) -> None:
        self._open -= 1
        if self._open == 0 and not self._done.done():
            self._done.set_result(None)


async def counted(job: Job) -> Count:
    """Put the load on the server."""
    return await _Load(job).run()


if __name__ == "__main__":
    print(json.dumps(asdict(asyncio.run(counted(Job(**json.loads(Path(sys.argv[1]).read_text())))))))
