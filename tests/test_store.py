"""The stores: the same behaviour in memory and in a database, and what a database promises beyond it."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import requests

from mockserver import Mock, MockServer, Settings
from mockserver.domain.config import Config, Entity, Route
from mockserver.domain.endpoint import Deployment, Endpoint, Recovery, Tag
from mockserver.domain.permissions import AccessList, Grant, Principal
from mockserver.records import KINDS
from mockserver.sql_store import SqlStore
from mockserver.store import MemoryStore, Store, StoreError

ENDPOINTS = "/api/2.0/serving-endpoints"
CUSTOM = {"entity_name": "main.default.m", "entity_version": "1", "scale_to_zero_enabled": True}


def endpoint(name: str) -> Endpoint:
    entity = Entity("m", {"entity_name": "main.default.m", "nested": {"deep": [1, 2.5, None, "x"]}}, "me", 5)
    config = Config(1, (entity,), (Route("m", 100),))
    return Endpoint(
        name, "id-" + name, "me", "Me", "User", 1, 2, config=config,
        deployment=Deployment(replace(config, version=2), 3, 4, "FAILED", "boom"), tags=(Tag("k"), Tag("k2", "v")),
        rate_limits=({"calls": 1},), recovery=Recovery("m", 1, 2, "lost"), ai_gateway={"a": {"b": []}},
    )  # fmt: skip


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    store: Store = MemoryStore() if request.param == "memory" else SqlStore(f"sqlite:///{tmp_path}/mock.db")
    yield store
    store.close()


def put(store: Store, workspace: str, *names: str) -> None:
    with store.transaction(workspace) as transaction:
        for name in names:
            transaction.put(name, endpoint(name))


def test_records_come_back_equal_and_in_the_order_in_which_they_were_first_put(store: Store) -> None:
    put(store, "w", "b", "a")
    put(store, "w", "b", "c")
    assert store.all(Endpoint, "w") == [endpoint("b"), endpoint("a"), endpoint("c")]
    assert store.items(Endpoint, "w")[1] == ("a", endpoint("a"))
    assert store.get(Endpoint, "w", "a") == endpoint("a")
    assert store.get(Endpoint, "w", "nobody") is None
    assert store.get(AccessList, "w", "a") is None


def test_a_transaction_sees_its_own_writes_and_others_see_none_of_them_before_it_ends(store: Store) -> None:
    put(store, "w", "a")
    with store.transaction("w") as transaction:
        transaction.put("b", endpoint("b"))
        transaction.delete(Endpoint, "a")
        assert [item.name for item in transaction.all(Endpoint)] == ["b"]
        assert transaction.get(Endpoint, "a") is None
        seen: list[list[str]] = []
        other = threading.Thread(target=lambda: seen.append([item.name for item in store.all(Endpoint, "w")]))
        other.start()
        other.join()
        assert seen == [["a"]]
    assert [item.name for item in store.all(Endpoint, "w")] == ["b"]


def test_a_transaction_that_fails_changes_nothing(store: Store) -> None:
    def fail() -> None:
        with store.transaction("w") as transaction:
            transaction.put("a", endpoint("a"))
            raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        fail()
    assert store.all(Endpoint, "w") == []


def test_workspaces_are_apart_and_cleared_one_by_one(store: Store) -> None:
    put(store, "one", "a")
    put(store, "two", "a")
    assert store.workspaces() == ["one", "two"]
    store.clear("one")
    assert store.workspaces() == ["two"]
    assert store.all(Endpoint, "one") == []


def test_many_threads_lose_no_write(store: Store) -> None:
    def write(number: int) -> None:
        for index in range(10):
            with store.transaction("w") as transaction:
                access = transaction.get(AccessList, "x") or AccessList("x")
                grant = Grant(Principal("user_name", f"{number}-{index}"), "CAN_VIEW")
                transaction.put("x", access.merged([grant]))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    access = store.get(AccessList, "w", "x")
    assert access is not None
    assert len(access.grants) == 60


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
    ("url", "complaint"),
    [
        ("mock.db", "not a database URL"),
        ("mysql://h/x", "'mysql' is not supported"),
        ("sqlite://", "names no file"),
        ("sqlite:////nowhere/at/all/mock.db", "there is no folder"),
    ],
)
def test_a_url_that_cannot_be_used_is_refused(url: str, complaint: str) -> None:
    with pytest.raises(StoreError, match=complaint):
        SqlStore(url)


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
