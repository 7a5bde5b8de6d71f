"""Processes that share a store as they come and go: begun at once, killed under load, two on one SQLite file."""

from __future__ import annotations

import json
import threading
from collections import Counter
from pathlib import Path

import requests
from machinery import Cluster, balancer, replicas
from replica_clients import ENDPOINTS, FOUNDATION, ONE_WINS, at_once, caller, chat, racing_updates


def test_two_processes_on_one_sqlite_file_are_one_mock(tmp_path: Path, token: str) -> None:
    with replicas(2, f"sqlite:///{tmp_path}/mock.db", "--control-token", "secret") as both:
        outcomes, version = racing_updates([replica.url for replica in both], token, 100)
        assert outcomes == {ONE_WINS: 100}
        assert version == 101
        call = caller(both[0].url, f"{token}-limits")
        limits = {"rate_limits": [{"calls": 20, "key": "endpoint", "renewal_period": "minute"}]}
        assert call("PUT", f"{ENDPOINTS}/{FOUNDATION}/rate-limits", json=limits).status_code == 200
        asked = at_once(
            40,
            lambda n: call("POST", "/serving-endpoints/chat/completions", both[n % 2].url, json=chat()).status_code,
        )
        assert Counter(asked) == {200: 20, 429: 20}
        journal = call("GET", "/__mock__/journal", both[1].url).json()
        assert [entry["number"] for entry in journal["entries"]] == list(range(1, 42))


def test_nothing_acknowledged_is_lost_when_a_replica_is_killed_under_load(postgresql: Cluster, token: str) -> None:
    with (
        replicas(3, postgresql.url(), "--provisioning", "0") as running,
        balancer([replica.port for replica in running]) as url,
    ):
        acknowledged: list[str] = []
        failed: list[str] = []
        enough, after = threading.Event(), 150

        def write(writer: int) -> None:
            session = requests.Session()
            session.headers["Authorization"] = f"Bearer {token}"
            for number in range(60):
                name = f"e-{writer}-{number}"
                try:
                    status = session.post(url + ENDPOINTS, json={"name": name}, timeout=30).status_code
                except requests.RequestException as problem:
                    status = 0
                    failed.append(repr(problem))
                if status == 200:
                    acknowledged.append(name)
                else:
                    failed.append(f"{name}: {status}")
                if len(acknowledged) >= after:
                    enough.set()
            session.close()

        threads = [threading.Thread(target=write, args=(writer,)) for writer in range(6)]
        for thread in threads:
            thread.start()
        assert enough.wait(60)
        running[1].kill()
        for thread in threads:
            thread.join()
        # At most one request for each writer was under way in the replica that died.
        assert len(failed) <= 6, failed
        assert len(acknowledged) >= 354
        headers = {"Authorization": f"Bearer {token}"}
        for base in (running[0].url, running[2].url, url):
            listed = requests.get(base + ENDPOINTS, headers=headers, timeout=30).json()["endpoints"]
            assert set(acknowledged) <= {item["name"] for item in listed}


def test_replicas_that_begin_at_once_with_the_same_file_keep_what_was_made_meanwhile(
    postgresql: Cluster, tmp_path: Path
) -> None:
    described = {"version": 1, "endpoints": [{"name": f"e{number}"} for number in range(40)]}
    (tmp_path / "state.json").write_text(json.dumps(described))
    with replicas(3, postgresql.url(), "--state", str(tmp_path / "state.json"), "--control-token", "secret") as running:
        call = caller(running[0].url, "dapi-mock")
        assert call("POST", ENDPOINTS, json={"name": "mine"}).status_code == 200
        for replica in running:
            listed = call("GET", ENDPOINTS, replica.url).json()["endpoints"]
            assert [item["name"] for item in listed if "creator" in item] == [*(f"e{n}" for n in range(40)), "mine"]
