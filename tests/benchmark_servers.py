"""The servers of the benchmark, each in a process of its own: the mock, a bare Flask on the same server, and peers."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mockserver.asgi import environment, whole_body
from mockserver.listening import listening, url_of
from mockserver.server import LoopServer

ROOT = Path(__file__).resolve().parent.parent


@dataclass
class Server:
    """A server process: where it listens and which process it is."""

    name: str
    port: int
    process: int
    start: float = 0.0

    @property
    def resident(self) -> float:
        """Megabytes of memory in use; 0 where that cannot be read."""
        try:
            pages = int(Path(f"/proc/{self.process}/statm").read_text().split()[1])
        except OSError:
            return 0.0
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


@dataclass(frozen=True)
class Answers:
    """The bytes that a bare server gives, by method and path; a list is sent piece by piece."""

    bodies: dict[str, str] = field(default_factory=dict)
    streams: dict[str, list[str]] = field(default_factory=dict)


@contextmanager
def mock(*options: str) -> Iterator[Server]:
    """The mock on a free port."""
    with _printing("mock", [sys.executable, "-m", "mockserver", "serve", "--port", "0", *options]) as server:
        yield server


@contextmanager
def bare(answers: Answers) -> Iterator[Server]:
    """A Flask application without validation and state, on the mock's own server."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "answers.json")
        file.write_text(json.dumps({"bodies": answers.bodies, "streams": answers.streams}))
        with _printing("bare Flask", [sys.executable, __file__, str(file)]) as server:
            yield server


@contextmanager
def peer(name: str, command: list[str]) -> Iterator[Server]:
    """Another tool, whose command has ``{port}`` where the port belongs."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    began = time.perf_counter()
    process = subprocess.Popen(
        [part.replace("{port}", str(port)) for part in command],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"{name} does not start: {' '.join(command)}") from None
                time.sleep(0.05)
        yield Server(name, port, process.pid, time.perf_counter() - began)
    finally:
        os.killpg(process.pid, signal.SIGTERM)  # what was started may only have started another
        process.wait(20)


def peers(answers: Answers, contract: Path, folder: Path) -> Iterator[tuple[str, list[str]]]:
    """The commands of the peers that are installed on this machine."""
    if (prism := shutil.which("prism")) is not None:
        yield "Prism", [prism, "mock", str(contract), "--port", "{port}", "--host", "127.0.0.1"]
    if (wiremock := shutil.which("wiremock")) is not None:
        mappings = folder / "mappings"
        mappings.mkdir()
        for number, (place, body) in enumerate(answers.bodies.items()):
            method, path = place.split(" ")
            stub: dict[str, Any] = {
                "request": {"method": method, "urlPath": path},
                "response": {"status": 200, "body": body, "headers": {"Content-Type": "application/json"}},
            }
            (mappings / f"{number}.json").write_text(json.dumps(stub))
        yield "WireMock", [wiremock, "--port", "{port}", "--root-dir", str(folder), "--disable-banner"]
    if (aimock := shutil.which("aimock")) is not None:
        fixtures = folder / "fixtures.json"
        fixtures.write_text(json.dumps({"fixtures": [{"match": {}, "response": {"content": "Paris is the capital."}}]}))
        config = folder / "aimock.json"
        config.write_text(json.dumps({"llm": {"fixtures": str(fixtures)}}))
        yield "aimock", [aimock, "--config", str(config), "--port", "{port}"]


@contextmanager
def _printing(name: str, command: list[str]) -> Iterator[Server]:
    """Start a server that prints its URL."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    assert process.stdout is not None
    try:
        for line in process.stdout:
            found = re.search(r"http://127\.0\.0\.1:(\d+)", line)
            if found:
                yield Server(name, int(found[1]), process.pid, time.perf_counter() - began)
                return
        raise RuntimeError(f"{' '.join(command)} ended before it listened")
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()


class _OnLoop:
    """A WSGI application whose views are called on the loop, as the mock's operations are."""

    def __init__(self, wsgi: Any) -> None:
        self._wsgi = wsgi

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = await whole_body(receive) if scope["method"] == "POST" else b""
        started: list[Any] = []

        def start(status: str, headers: list[tuple[str, str]], problem: object = None) -> None:
            started[:] = [int(status[:3]), [(name.encode(), value.encode()) for name, value in headers]]

        pieces = self._wsgi(environment(scope, body), start)
        connection = scope["extensions"]["connection"]
        message = {"type": "http.response.start", "status": started[0], "headers": started[1]}
        if any(name == b"Content-Length" for name, _ in started[1]):
            connection.hold()
            await send(message)
            await send({"type": "http.response.body", "body": b"".join(pieces)})
            connection.release()
        else:
            await send(message)
            for piece in pieces:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        pieces.close()


def serve_bare(answers: Answers) -> None:
    """Answer the same bytes from bare Flask views."""
    from flask import Flask, Response, request

    app = Flask("bare")

    def view(path: str) -> Response:
        place = f"{request.method} /{path}"
        asked = request.get_json() if request.method == "POST" else {}
        if asked.get("stream"):
            return Response((piece.encode() for piece in answers.streams[place]), content_type="text/event-stream")
        return Response(answers.bodies[place], content_type="application/json")

    app.add_url_rule("/<path:path>", view_func=view, methods=["GET", "POST"])
    listener = listening("127.0.0.1", 0)
    print(url_of(listener), flush=True)
    LoopServer(_OnLoop(app.wsgi_app)).answer(listener)


if __name__ == "__main__":
    serve_bare(Answers(**json.loads(Path(sys.argv[1]).read_text())))
