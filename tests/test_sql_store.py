"""A mock on a database: what it keeps through restarts and kills, and which databases it refuses."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import requests
from stored_endpoints import ENDPOINTS, endpoint, put

from mockserver import Mock, MockServer, Settings
from mockserver.domain.endpoint import Endpoint
from mockserver.memory_store import MemoryStore
from mockserver.records import KINDS
from mockserver.sql_store import SqlStore
from mockserver.store import StoreError

CUSTOM = {"entity_name": "main.default.m", "entity_version": "1", "scale_to_zero_enabled": True}


def test_every_kind_of_record_that_the_mock_puts_can_be_written_down(tmp_path: Path) -> None:
    put_kinds: set[str] = set()

    class Noting(MemoryStore):
        def transaction(self, workspace: str):  # type: ignore[no-untyped-def]  # the same as the parent's
            return _Noted(super().transaction(workspace), put_kinds)

    with MockServer(
        Settings(port=0, provisioning=0), mock=Mock(Settings(port=0, provisioning=0), store=Noting())
    ) as server:
        _work(server)
    assert put_kinds >= {"Endpoint", "AccessList", "Created", "FoundationSettings"}
    assert put_kinds <= KINDS.keys()


class _Noted:
    def __init__(self, inner, kinds: set[str]) -> None:  # type: ignore[no-untyped-def]  # any context manager
        self.inner, self.kinds = inner, kinds

    def __enter__(self):  # type: ignore[no-untyped-def]  # a transaction
        transaction = self.inner.__enter__()
        put = transaction.put

        def noted(key: str, record: object) -> None:
            self.kinds.add(type(record).__name__)
            put(key, record)

        transaction.put = noted
        return transaction

    def __exit__(self, *problem: object) -> None:
        self.inner.__exit__(*problem)


def _work(server: MockServer) -> None:
    call = requests.Session()
    call.headers["Authorization"] = f"Bearer {server.token}"
    body = {"name": "e", "config": {"served_entities": [CUSTOM]}, "tags": [{"key": "k"}]}
    call.post(server.url + ENDPOINTS, json=body, timeout=10).raise_for_status()
    limits = {"rate_limits": [{"calls": 5, "renewal_period": "minute"}]}
    name = call.get(server.url + ENDPOINTS, timeout=10).json()["endpoints"][0]["name"]
    call.put(f"{server.url}{ENDPOINTS}/{name}/rate-limits", json=limits, timeout=10).raise_for_status()


def test_what_was_kept_is_there_after_a_restart(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/mock.db"
    settings = Settings(port=0, provisioning=0)
    for _ in range(2):
        store = SqlStore(url)
        with MockServer(settings, mock=Mock(settings, store=store)) as server:
            headers = {"Authorization": f"Bearer {server.token}"}
            if requests.get(f"{server.url}{ENDPOINTS}/e", headers=headers, timeout=10).status_code == 404:
                _work(server)
                first = requests.get(f"{server.url}{ENDPOINTS}/e", headers=headers, timeout=10).json()
            else:
                assert requests.get(f"{server.url}{ENDPOINTS}/e", headers=headers, timeout=10).json() == first
        store.close()
    assert (tmp_path / "mock.db").stat().st_mode & 0o077 == 0


def test_a_record_that_could_not_be_read_again_is_not_committed(tmp_path: Path) -> None:
    store = SqlStore(f"sqlite:///{tmp_path}/mock.db")
    put(store, "w", "kept")
    for odd in ({"created_at": 1.5}, {"description": "\ud800"}, {"rate_limits": ({"calls": 10**30},)}):
        with pytest.raises(ValueError, match="Endpoint 'odd' cannot be kept"), store.transaction("w") as transaction:
            transaction.put("odd", endpoint("odd")._replace(**odd))
    assert store.items(Endpoint, "w") == [("kept", endpoint("kept"))]
    store.close()


def damaged(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[4096 * 2 : 4096 * 2 + 200] = b"\xff" * 200
    path.write_bytes(content)


def rewritten(statement: str):  # type: ignore[no-untyped-def]  # a function of a path
    def change(path: Path) -> None:
        with sqlite3.connect(path) as connection:
            connection.execute(statement)
        connection.close()

    return change


@pytest.mark.parametrize(
    ("harm", "complaint"),
    [
        (lambda path: path.write_text("I am no database, but I am long enough to be one"), "not an SQLite database"),
        (damaged, "is damaged"),
        (rewritten("UPDATE serving_mock SET format = 99"), "written by a newer version: format 99"),
        (rewritten("UPDATE serving_mock SET format = 1"), "written by an older version: format 1"),
        (rewritten("DELETE FROM serving_mock"), "does not say its format"),
        (rewritten("DROP TABLE serving_mock"), "another program's database"),
        (rewritten("UPDATE records SET kind = 'Dragon'"), "Dragon 'e0' of workspace 'w': there is no such kind"),
        (
            rewritten("UPDATE records SET document = replace(document, '\"version\":1', '\"version\":\"x\"')"),
            "Endpoint 'e0' of workspace 'w': config.version is \"x\", not a whole number",
        ),
        (rewritten("UPDATE records SET document = '{'"), "Endpoint 'e0' of workspace 'w'"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_used_is_refused_and_left_as_it_was(tmp_path: Path, harm, complaint: str) -> None:  # type: ignore[no-untyped-def]  # a function of a path
    path = tmp_path / "mock.db"
    store = SqlStore(f"sqlite:///{path}")
    put(store, "w", *(f"e{number}" for number in range(40)))
    store.close()
    harm(path)
    before = path.read_bytes()
    with pytest.raises(StoreError) as refusal:
        SqlStore(f"sqlite:///{path}")
    assert complaint in str(refusal.value)
    assert str(path) in str(refusal.value)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "harm",
    [damaged, rewritten("UPDATE records SET document = '{'"), rewritten("UPDATE records SET document = '{\"x\": 1}'")],
)
def test_a_database_that_is_damaged_while_the_mock_runs_is_said_to_be(tmp_path: Path, harm) -> None:  # type: ignore[no-untyped-def]  # a function of a path
    path = tmp_path / "mock.db"
    store = SqlStore(f"sqlite:///{path}")
    put(store, "default", *(f"e{number}" for number in range(40)))
    store.close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(truncate)")
    connection.close()
    content = path.read_bytes()
    store = SqlStore(f"sqlite:///{path}")
    settings = Settings(port=0)
    with MockServer(settings, mock=Mock(settings, store=store)) as server:
        harm(path)
        headers = {"Authorization": "Bearer dapi-mock"}
        for method, place in (("GET", ENDPOINTS), ("GET", "/__mock__/state")):
            answer = requests.request(method, server.url + place, headers=headers, timeout=10)
            assert (answer.status_code, answer.json()["error_code"]) == (503, "TEMPORARILY_UNAVAILABLE")
        path.write_bytes(content)
    store.close()


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("mock.db", "not a database URL"),
        ("mysql://user:s3cret@h/x", "'mysql' is not supported"),
        ("user:s3cret@host", "not a database URL"),
        ("sqlite://", "names no file"),
        ("sqlite:////nowhere/at/all/mock.db", "there is no folder"),
    ],
)
def test_a_url_that_cannot_be_used_is_refused(url: str, complaint: str) -> None:
    with pytest.raises(StoreError, match=complaint) as refusal:
        SqlStore(url)
    assert "s3cret" not in str(refusal.value)


def test_nothing_acknowledged_is_lost_when_the_server_is_killed_in_the_middle_of_its_writes(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mockserver", "serve", "--port", "0", "--provisioning", "0",
               "--store", f"sqlite:///{tmp_path}/mock.db", "--log-level", "error"]  # fmt: skip

    def started() -> tuple[subprocess.Popen[str], str]:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ})
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("Serving endpoints mock:"):
                return process, line.split()[-1]
        raise AssertionError("the server did not start")

    process, url = started()
    acknowledged: list[str] = []
    enough = threading.Event()

    def write(writer: int) -> None:
        session = requests.Session()
        session.headers["Authorization"] = "Bearer dapi-mock"
        for number in range(250):
            try:
                body = {"name": f"e-{writer}-{number}"}
                answer = session.post(url + ENDPOINTS, json=body, timeout=10)
            except requests.RequestException:
                return
            if answer.status_code == 200:
                acknowledged.append(body["name"])
                if len(acknowledged) >= 300:
                    enough.set()

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(4)]
    for thread in threads:
        thread.start()
    assert enough.wait(60)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    for thread in threads:
        thread.join()
    assert 300 <= len(acknowledged) < 1000
    again, url = started()
    try:
        answer = requests.get(url + ENDPOINTS, headers={"Authorization": "Bearer dapi-mock"}, timeout=20)
        kept = {item["name"] for item in answer.json()["endpoints"]}
        assert set(acknowledged) <= kept
    finally:
        again.send_signal(signal.SIGTERM)
        again.communicate(timeout=10)
        assert again.returncode == 0
