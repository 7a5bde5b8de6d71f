"""How long it takes until the command answers, until the fixture is there, and to import the package."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time

from benchmark_load import Job
from benchmark_report import Figure, Results
from benchmark_requests import API
from benchmark_servers import ROOT


def start(results: Results, rounds: int) -> None:
    """Milliseconds until the command answers, until the fixture is there, and of the import, with byte code kept."""
    with tempfile.TemporaryDirectory() as byte_code:
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": byte_code, "PYTHONPATH": str(ROOT)}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)

        def seconds(program: str) -> float:
            def once() -> float:
                done = subprocess.run(
                    [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
                )
                return float(done.stdout)

            return min(once() for _ in range(rounds))

        first = min(_first_answer(environment) for _ in range(rounds + 1))
        flask = seconds(_TIMED.format(code="import flask"))
        detail = f"import of Flask alone: {flask * 1000:.0f} ms"
        results.add(Figure("start: command to first answer", first, 0.3, detail, "s", least=False))
        use = seconds(_TIMED.format(code="from mockserver.testing import ServingMock; ServingMock(name='first').url"))
        results.add(Figure("start: first use of the fixture", use, 0.15, "", "s", least=False))
        whole = seconds(_TIMED.format(code="import mockserver"))
        results.add(Figure("start: import mockserver", whole, 0.1, "", "s", least=False))


_TIMED = "import time, pytest; began = time.perf_counter()\n{code}\nprint(time.perf_counter() - began)"


def _first_answer(environment: dict[str, str]) -> float:
    """Seconds from starting the command to its first answer."""
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "mockserver", "serve", "--port", str(port)]
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment)
    try:
        while True:
            try:
                with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
                    connection.sendall(Job(port, "GET", API).request())
                    connection.recv(1)
                return time.perf_counter() - began
            except ConnectionRefusedError:
                time.sleep(0.002)
    finally:
        process.kill()
        process.wait()
