"""What queries cost, as ratios to a bare Flask application on the same WSGI server.


Servers run in processes of their own and the two that are compared take turns, so that what else the machine does
disturbs both alike. The last line says whether the figures that the project promises are kept.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
MODEL = "databricks-meta-llama-3-3-70b-instruct"
PATH = "/serving-endpoints/chat/completions"
STORY = [{"role": "user", "content": "Tell me about the history of tea in Europe and what came of it."}]
CHUNKS = 40
ROUNDS = 3


@dataclass(frozen=True)
class Server:
    """A server process: where it listens and which process it is."""

    port: int
    process: int

    @property
    def resident(self) -> float:
        """Megabytes of memory in use."""
        pages = int(Path(f"/proc/{self.process}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


@contextmanager
def running(*command: str) -> Iterator[Server]:
    """Start a server that prints its URL."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen([sys.executable, *command], stdout=subprocess.PIPE, text=True, env=environment)
    assert process.stdout is not None
    try:
        for line in process.stdout:
            found = re.search(r"http://127\.0\.0\.1:(\d+)", line)
            if found:
                yield Server(int(found[1]), process.pid)
                return
        raise RuntimeError(f"{command} ended before it listened")
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()


def request_bytes(body: Any) -> bytes:
    """A whole HTTP request."""
    data = json.dumps(body).encode()
    head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer dapi-mock\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(data)}\r\n\r\n".encode() + data


class Connection:
    """One connection, kept open as long as the server does: waitress closes it after a stream."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.socket = self._opened()

    def _opened(self) -> socket.socket:
        opened = socket.create_connection(("127.0.0.1", self.port), timeout=60)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return opened

    def ask(self, request: bytes) -> bytes:
        """The answer to a request, as it came. Raises RuntimeError when it is not a 200."""
        self.socket.sendall(request)
        data = b""
        while b"\r\n\r\n" not in data:
            data += self._more()
        head, _, body = data.partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(data.decode())
        length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
        while len(body) < int(length[1]) if length else not body.endswith(b"0\r\n\r\n"):
            body += self._more()
        if b"connection: close" in head.lower():
            self.socket.close()
            self.socket = self._opened()
        return body

    def _more(self) -> bytes:
        data = self.socket.recv(65536)
        if not data:
            raise RuntimeError("the server closed the connection")
        return data


def rate(server: Server, request: bytes, connections: int, seconds: float) -> float:
    """Answers per second over so many connections at once."""
    counts: list[int] = []
    start, end = threading.Event(), [0.0]

    def work() -> None:
        connection, count = Connection(server.port), 0
        connection.ask(request)
        start.wait()
        while time.perf_counter() < end[0]:
            connection.ask(request)
            count += 1
        counts.append(count)
        connection.socket.close()

    threads = [threading.Thread(target=work) for _ in range(connections)]
    for thread in threads:
        thread.start()
    end[0] = time.perf_counter() + seconds
    start.set()
    for thread in threads:
        thread.join()
    return sum(counts) / seconds


def compared(ours: Server, bare: Server, request: bytes, seconds: float) -> tuple[float, float]:
    """Answers per second of both at 16 connections: the median of several turns each."""
    rates: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS):
        for server, found in zip((ours, bare), rates, strict=True):
            found.append(rate(server, request, 16, seconds))
    return statistics.median(rates[0]), statistics.median(rates[1])


def bare(body: bytes, frames: list[bytes]) -> None:
    """Serve the same bytes from a bare Flask view."""
    from flask import Flask, Response, request
    from waitress.server import create_server

    from mockserver.server import THREADS

    app = Flask("bare")

    @app.post(PATH)
    def view() -> Response:
        if request.get_json().get("stream"):
            return Response(iter(frames), content_type="text/event-stream")
        return Response(body, content_type="application/json")

    server = create_server(app, host="127.0.0.1", port=0, threads=THREADS, backlog=1024, connection_limit=1000)
    print(f"http://127.0.0.1:{server.effective_port}", flush=True)
    server.run()


def paced(server: Server, request: bytes, seconds_per_token: float) -> float:
    """How near 64 paced streams at once come to the ideal: 1 is no delay at all."""
    shares: list[float] = []

    def work() -> None:
        connection = Connection(server.port)
        for _ in range(4):
            started = time.perf_counter()
            answer = connection.ask(request)
            took = time.perf_counter() - started
            spent = int(re.findall(rb'"completion_tokens":(\d+)', answer)[-1])
            shares.append(spent * seconds_per_token / took)
        connection.socket.close()

    threads = [threading.Thread(target=work) for _ in range(64)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return statistics.mean(shares)


def growth(server: Server, request: bytes, queries: int) -> tuple[float, float]:
    """Megabytes in use after the first fifth of so many queries and after all of them."""
    done = 0
    early = 0.0
    connections = [Connection(server.port) for _ in range(4)]

    def work(connection: Connection, share: int) -> None:
        for _ in range(share):
            connection.ask(request)

    for step in range(5):
        threads = [threading.Thread(target=work, args=(each, queries // 20)) for each in connections]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        done += queries // 5
        if step == 0:
            early = server.resident
    return early, server.resident


def frames_of(answer: bytes) -> list[bytes]:
    """The events of a chunked answer."""
    return [event + b"\n\n" for event in re.findall(rb"data: [^\r\n]*", answer)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=2.0, help="how long each turn takes")
    parser.add_argument("--queries", type=int, default=100_000, help="queries of the memory test; 0 leaves it out")
    parser.add_argument("--bare", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.bare:
        data = json.loads(Path(options.bare).read_text())
        bare(data["body"].encode(), [frame.encode() for frame in data["frames"]])
        return 0
    return report(options)


def report(options: argparse.Namespace) -> int:
    """Measure and print; 0 when every figure is kept."""
    chat = request_bytes({"model": MODEL, "messages": STORY, "max_tokens": 64, "temperature": 0})
    stream = request_bytes(
        {"model": MODEL, "messages": STORY, "max_tokens": CHUNKS + 8, "temperature": 0, "stream": True}
    )
    kept: list[bool] = []

    def show(name: str, value: str, good: bool) -> None:
        kept.append(good)
        print(f"{name:58} {value:28} {'kept' if good else 'MISSED'}", flush=True)

    with running("-m", "mockserver", "serve", "--port", "0", "--log-level", "error") as ours:
        connection = Connection(ours.port)
        whole, streamed = connection.ask(chat), frames_of(connection.ask(stream))
        connection.socket.close()
        file = Path(os.environ.get("TMPDIR", "/tmp")) / f"bare-{os.getpid()}.json"
        file.write_text(json.dumps({"body": whole.decode(), "frames": [frame.decode() for frame in streamed]}))
        with running(__file__, "--bare", str(file)) as theirs:
            for name, request in ((f"chat ({len(whole)} bytes)", chat), (f"stream of {len(streamed)} events", stream)):
                own, other = compared(ours, theirs, request, options.seconds)
                ratio = other / own
                show(f"{name}, 16 connections: {own:.0f}/s, bare {other:.0f}/s", f"{ratio:.2f} x the time", ratio <= 2)
        file.unlink()
        if options.queries:
            early, late = growth(ours, chat, options.queries)
            show(f"memory over {options.queries} queries", f"{early:.0f} -> {late:.0f} MB", late < early * 1.25 + 5)
    with running("-m", "mockserver", "serve", "--port", "0", "--time-per-token", "0.01") as ours:
        share = paced(ours, stream, 0.01)
        show("64 streams at once, 10 ms a token", f"{share:.0%} of the ideal rate", share > 0.8)
    return 0 if all(kept) else 1


if __name__ == "__main__":
    sys.exit(main())
