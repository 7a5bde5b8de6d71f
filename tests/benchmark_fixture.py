"""What the fixture costs: three figures, each with a baseline beside it. Run: ``python tests/benchmark_fixture.py``.

Importing the plugin must stay under 5 ms, the first use under 250 ms, a test under 2 ms over its own requests.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROUNDS = 5
TESTS = 300

IMPORT = """
import time, pytest
import {module}
start = time.perf_counter(); import {measured}; print((time.perf_counter() - start) * 1000)
"""
FIRST_USE = """
import time, pytest
start = time.perf_counter()
{use}
print((time.perf_counter() - start) * 1000)
"""
BARE_FLASK = """
import threading
from flask import Flask
from waitress.server import create_server
app = Flask("bare"); app.add_url_rule("/", view_func=lambda: "")
server = create_server(app, host="127.0.0.1", port=0)
threading.Thread(target=server.run, daemon=True).start()
"""
OUR_SERVER = """
from mockserver.testing import ServingMock
ServingMock(name="first").url
"""
PER_TEST = """
import pytest, requests

session = None

@pytest.fixture
def nothing():
    yield {{"url": None}}

@pytest.mark.parametrize("number", range({tests}))
def test_it({fixture}, number):
    pass
"""


def milliseconds(program: str, byte_code: str) -> float:
    """The best of some runs of a program that prints milliseconds, each in a fresh interpreter with byte code kept."""
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": byte_code}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [sys.executable, "-c", program]
    return min(
        float(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)
        for _ in range(ROUNDS)
    )


def per_test(fixture: str) -> float:
    """Milliseconds of one test that only takes the fixture: the median of the tests' three phases."""
    import json

    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "test_it.py").write_text(PER_TEST.format(tests=TESTS, fixture=fixture))
        Path(folder, "conftest.py").write_text(RECORDER)
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", folder]
        subprocess.run(command, check=True, capture_output=True, cwd=folder)
        durations: dict[str, float] = json.loads(Path(folder, "durations.json").read_text())
    return statistics.median(durations.values()) * 1000


RECORDER = """
import json, pathlib
durations = {}

def pytest_runtest_logreport(report):
    durations[report.nodeid] = durations.get(report.nodeid, 0) + report.duration

def pytest_sessionfinish():
    pathlib.Path(__file__).with_name("durations.json").write_text(json.dumps(durations))
"""


def main() -> None:
    """Print the three costs."""
    with tempfile.TemporaryDirectory() as byte_code:
        rows = _rows(byte_code)
    print(f"{'':42} {'ms':>8} {'limit':>6}   baseline")
    for name, cost, limit, baseline, base in rows:
        print(f"{name:42} {cost:8.2f} {limit:6}   {base:.2f} ms: {baseline}")


def _rows(byte_code: str) -> list[tuple[str, float, float, str, float]]:
    return [
        (
            "import of the plugin (pytest is there)",
            milliseconds(IMPORT.format(module="sys", measured="mockserver.pytest_plugin"), byte_code),
            5,
            "an import of colorsys",
            milliseconds(IMPORT.format(module="sys", measured="colorsys"), byte_code),
        ),
        (
            "first use: mock, application, socket",
            milliseconds(FIRST_USE.format(use=OUR_SERVER), byte_code),
            250,
            "a bare Flask on waitress",
            milliseconds(FIRST_USE.format(use=BARE_FLASK), byte_code),
        ),
        (
            "a test with the fixture, without requests",
            per_test("serving_mock"),
            2,
            "a test with a fixture that does nothing",
            per_test("nothing"),
        ),
    ]


if __name__ == "__main__":
    main()
