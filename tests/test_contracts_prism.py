"""The harness on somebody else's implementation of the contract: Prism answers with the contract's own examples."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from contracts.journeys import JOURNEYS
from openapi import load

PRISM = "@stoplight/prism-cli@5"
KILLS_PRISM = "unknown-routes"
"""This journey asks for a path with %ff in it; Prism 5 dies of it, with an unhandled URIError."""

MEMORYLESS = frozenset({"endpoint_type", "task", "data_plane_info", "authorization_details"})
"""Members whose right value follows from how the endpoint was created."""


def of_no_json(finding: dict[str, Any]) -> bool:
    """A body that is not JSON is answered by Prism's parser, in words of its own, before the contract is asked."""
    reply: dict[str, Any] = finding["reply"]
    return bool(reply["status"] == 400) and '"invalid_json"' in reply["body"]


def of_no_method(finding: dict[str, Any]) -> bool:
    """A method that a path does not have is answered as application/problem+json; no operation, no contract."""
    reply = finding["reply"]
    return finding["law"] == "shape.envelope" and reply["status"] == 405 and "NO_METHOD_MATCHED" in reply["body"]


def of_no_endpoint(finding: dict[str, Any]) -> bool:
    """Prism knows no endpoints, so each one exists: where a 404 is due it answers 200 with the example."""
    wanted = finding["law"] == "shape.error-code" and finding["expected"] == "refused with 404"
    return bool(wanted and finding["reply"]["status"] == 200)


def of_another_endpoint(finding: dict[str, Any]) -> bool:
    """Prism answers with the example's endpoint, an external one for embeddings, whatever was created."""
    return finding["law"] == "shape.complete" and finding["where"] in MEMORYLESS


def of_a_stream_alone(finding: dict[str, Any]) -> bool:
    """Prism has no answer where server-sent events are the only one: it fails, in a form of its own."""
    return finding["operation"] == "gateway_gemini_stream" and "NO_COMPLEX_OBJECT_TEXT" in finding["reply"]["body"]


PRISMS_OWN = (of_no_json, of_no_method, of_no_endpoint, of_another_endpoint, of_a_stream_alone)
LOST_WITHOUT_A_MEMORY = {
    "memory.config", "memory.traffic", "memory.tags", "memory.ai-gateway", "memory.list-has", "memory.delete",
    "memory.duplicate", "memory.refused-write",
}  # fmt: skip
HOLD_WITHOUT_EXCEPTION = {"shape.status", "shape.media-type", "shape.headers", "shape.mirror"}
HELD_BACK = {"set_permissions", "update_permissions"}
"""The id that Prism gives to each endpoint is in no way the run's own, so the harness does not write to it."""


@dataclass(frozen=True)
class Outcome:
    """What a run of the harness came to."""

    exit_code: int
    output: str
    document: dict[str, Any]

    def broken(self, family: str) -> list[dict[str, Any]]:
        return [each for each in self.document["findings"] if each["law"].startswith(f"{family}.")]

    def checks(self, law: str) -> Counter[str]:
        """How often the law was checked on each operation."""
        counted = Counter[str]()
        for operation, laws in self.document["checked"].items():
            counted[operation] += laws.get(law, {"checked": 0})["checked"]
        return +counted


def installed(folder: Path) -> Path:
    """Prism's executable, installed into the folder unless it is there."""
    executable = folder / "node_modules" / ".bin" / "prism"
    if executable.exists():
        return executable
    folder.mkdir(parents=True, exist_ok=True)
    command = [shutil.which("npm") or "npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder)]
    done = subprocess.run([*command, PRISM], cwd=folder, capture_output=True, text=True, timeout=180, check=False)
    if done.returncode and "PRISM_HOME" not in os.environ:
        pytest.skip(f"npm could not install {PRISM}: {(done.stdout + done.stderr).strip()[-200:]}")
    assert done.returncode == 0, done.stdout + done.stderr
    return executable


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


def wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Return when the server answers, with whatever status."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text("utf-8")
        try:
            urllib.request.urlopen(f"{url}/.well-known/databricks-config", timeout=5).close()
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
        else:
            return
    pytest.fail(f"Prism does not answer: {log.read_text('utf-8')[-2000:]}")


@pytest.fixture(scope="module")
def prism(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a Prism that serves the bundled contract."""
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    home = os.environ.get("PRISM_HOME")
    executable = installed(Path(home) if home else tmp_path_factory.mktemp("prism"))
    folder = tmp_path_factory.mktemp("contract")
    contract, log, port = folder / "openapi.json", folder / "prism.log", free_port()
    with contract.open("wb") as file:
        subprocess.run([sys.executable, "-m", "openapi", "bundle"], stdout=file, timeout=60, check=True)
    command = [str(executable), "mock", "-v", "error", "-p", str(port), "-h", "127.0.0.1", str(contract)]
    with log.open("wb") as file:
        process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        wait_for(f"http://127.0.0.1:{port}", process, log)
        yield f"http://127.0.0.1:{port}"
        assert process.poll() is None, log.read_text("utf-8")[-2000:]
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)


@pytest.fixture(scope="module")
def outcome(prism: str, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """One run of the journeys. Prism compiles a schema for each request, one after the other, so it may take long."""
    folder = tmp_path_factory.mktemp("report")
    journeys = [word for name in JOURNEYS if name != KILLS_PRISM for word in ("--journey", name)]
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("DATABRICKS_", "GITHUB_"))}
    done = subprocess.run(
        [sys.executable, "-m", "contracts", "check", prism, "--token", "dapi-of-nobody", "--no-fuzz", "--seed", "1",
         "--max-response-time", "30", "--max-time", "40", "--deadline", "3", "--report", str(folder), "--quiet",
         *journeys],
        capture_output=True, text=True, timeout=120, check=False,
        env={**clean, "XDG_STATE_HOME": str(folder), "DATABRICKS_CONFIG_FILE": str(folder / "none")},
    )  # fmt: skip
    report = folder / "findings.json"
    assert report.exists(), done.stdout + done.stderr
    return Outcome(done.returncode, done.stdout + done.stderr, json.loads(report.read_text("utf-8")))


def test_prism_keeps_the_shapes_and_forgets_what_was_written(outcome: Outcome) -> None:
    """One test, so that one worker does the run, once."""
    assert outcome.exit_code == 1, outcome.output[-2000:]
    assert outcome.document["exit_code"] == 1
    lost = {each["law"] for each in outcome.broken("memory")}
    assert lost >= LOST_WITHOUT_A_MEMORY, LOST_WITHOUT_A_MEMORY - lost

    misshapen = outcome.broken("shape")
    unexplained = [each for each in misshapen if not any(own(each) for own in PRISMS_OWN)]
    assert not unexplained, json.dumps(unexplained, indent=1)
    excused = {each["law"] for each in misshapen if not of_a_stream_alone(each)}
    assert not excused & HOLD_WITHOUT_EXCEPTION, excused & HOLD_WITHOUT_EXCEPTION
    for own in PRISMS_OWN:
        assert any(own(each) for each in misshapen), f"no longer needed: {own.__doc__}"

    unseen = set(load().operations) - set(outcome.checks("shape.body"))
    assert unseen <= HELD_BACK, unseen
    for law in HOLD_WITHOUT_EXCEPTION:
        assert outcome.checks(law), f"{law} was never checked"
