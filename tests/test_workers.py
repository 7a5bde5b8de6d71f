"""Several processes behind one address."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from conftest import caller
from processes import COMMAND, refused, serving

ENDPOINTS = "/api/2.0/serving-endpoints"
ENTITY = {
    "name": "gpt",
    "external_model": {
        "name": "gpt-4o",
        "provider": "openai",
        "task": "llm/v1/chat",
        "openai_config": {"openai_api_key": "{{secrets/a/b}}"},
    },
}


def workers_of(process: subprocess.Popen[str]) -> list[int]:
    """The ids of the worker processes."""
    found = []
    for task in Path("/proc").glob("[0-9]*/stat"):
        try:
            head, _, rest = task.read_text().rpartition(")")
            command = task.with_name("cmdline").read_text()
        except OSError:  # it ended meanwhile
            continue
        if int(rest.split()[1]) == process.pid and "spawn_main" in command:
            found.append(int(head.split()[0]))
    return found


def until(holds: Callable[[], bool]) -> None:
    """Wait for something that is sure to come."""
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture(autouse=True)
def _only_where_processes_can_be_listed() -> None:
    if not Path("/proc/self/stat").exists():
        pytest.skip("the processes are told apart through /proc, which only Linux has")


def test_what_one_worker_wrote_all_of_them_read_and_nothing_is_left_behind(tmp_path: Path) -> None:
    with serving("--workers", "3", "--provisioning", "0", TMPDIR=str(tmp_path)) as (process, url, _):
        assert len(workers_of(process)) == 3
        rest = caller(url, "dapi-mock")
        rest("POST", ENDPOINTS, json={"name": "shared", "config": {"served_entities": [ENTITY]}}).raise_for_status()
        seen: list[int] = []

        def ask() -> None:
            reply = requests.post(
                f"{url}/serving-endpoints/shared/invocations",
                headers={"Authorization": "Bearer dapi-mock"},
                json={"messages": [{"role": "user", "content": "Hello"}]},
                timeout=20,
            )
            seen.append(reply.status_code)

        threads = [threading.Thread(target=ask) for _ in range(24)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert seen == [200] * 24
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        assert workers_of(process) == []
    assert list(tmp_path.glob("serving-mock-*")) == []


def test_a_worker_that_is_killed_is_replaced_and_nothing_is_lost() -> None:
    with serving("--workers", "2", "--provisioning", "0") as (process, url, _):
        rest = caller(url, "dapi-mock")
        rest("POST", ENDPOINTS, json={"name": "kept"}).raise_for_status()
        before = set(workers_of(process))
        for worker in before:
            os.kill(worker, signal.SIGKILL)
        until(lambda: len(set(workers_of(process)) - before) == 2)
        reply = requests.get(f"{url}{ENDPOINTS}/kept", headers={"Authorization": "Bearer dapi-mock"}, timeout=20)
        assert reply.json()["name"] == "kept"


def test_workers_end_when_the_command_is_killed() -> None:
    with serving("--workers", "2") as (process, _, _):
        workers = workers_of(process)
        assert len(workers) == 2
        process.kill()
        until(lambda: not any(Path(f"/proc/{worker}/cmdline").exists() for worker in workers))


@pytest.mark.parametrize("moment", ["folder", "workers"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_during_the_start_leaves_nothing_behind(tmp_path: Path, moment: str, number: signal.Signals) -> None:
    process = subprocess.Popen(
        [*COMMAND, "--port", "0", "--workers", "3"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        start_new_session=True,
    )
    until(lambda: any(tmp_path.iterdir()) if moment == "folder" else bool(workers_of(process)))
    workers = workers_of(process)
    os.killpg(process.pid, number)  # as a terminal does
    written, complaints = process.communicate(timeout=10)
    assert (process.returncode, written, complaints) == (0, "", "")
    assert list(tmp_path.iterdir()) == []
    assert not any(Path(f"/proc/{worker}").exists() for worker in workers)


def test_a_number_of_workers_out_of_range_is_refused() -> None:
    assert "0 is not in the range 1<=x<=64" in refused("--workers", "0")
