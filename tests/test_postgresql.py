"""PostgreSQL as the store: what cannot be used is refused in words, and a server that goes away comes back."""

from __future__ import annotations

import logging
import subprocess
import sys
from typing import Any

import pytest
import requests
from machinery import PASSWORD, Cluster, cluster, free_port, replicas

from mockserver import Mock, MockServer, Settings
from mockserver.sql_store import SqlStore
from mockserver.store import StoreError

ENDPOINTS = "/api/2.0/serving-endpoints"


def refusal_of(url: str) -> str:
    with pytest.raises(StoreError) as refusal:
        SqlStore(url)
    assert PASSWORD not in str(refusal.value)
    return str(refusal.value)


def test_a_server_that_cannot_be_reached_is_named_without_the_password() -> None:
    port = free_port()
    text = refusal_of(f"postgresql://mock:{PASSWORD}@127.0.0.1:{port}/mock")
    assert text.startswith(f"mock at 127.0.0.1:{port}: cannot be used: ")
    assert text.endswith("Is the server running, and is the URL right?")


def test_a_wrong_password_is_refused_and_not_printed(postgresql: Cluster) -> None:
    url = postgresql.url().replace(PASSWORD, "wr0ng-p4ssword")
    text = refusal_of(url)
    assert "password authentication failed" in text
    assert "wr0ng-p4ssword" not in text
    command = [sys.executable, "-m", "mockserver", "serve", "--port", "0", "--store", url]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert ended.returncode != 0
    assert "password authentication failed" in ended.stderr
    assert "wr0ng" not in ended.stderr + ended.stdout
    assert "Traceback" not in ended.stderr


def test_a_database_that_is_not_there_is_named(postgresql: Cluster) -> None:
    assert 'database "nowhere" does not exist' in refusal_of(postgresql.url().rpartition("/")[0] + "/nowhere")


@pytest.mark.parametrize(
    ("statement", "complaint"),
    [
        ("DROP TABLE serving_mock", "is another program's database: it has the tables "),
        ("UPDATE serving_mock SET format = 99", "was written by a newer version: format 99"),
        ("UPDATE serving_mock SET format = 1", "was written by an older version: format 1"),
        ("DELETE FROM serving_mock", "does not say its format"),
    ],
)
def test_a_database_that_cannot_be_used_is_refused(postgresql: Cluster, statement: str, complaint: str) -> None:
    url = postgresql.url()
    SqlStore(url).close()
    postgresql.run(statement, url.rpartition("/")[2])
    assert complaint in refusal_of(url)


def test_another_programs_tables_are_left_alone(postgresql: Cluster) -> None:
    url = postgresql.url()
    postgresql.run("CREATE TABLE orders (id integer)", url.rpartition("/")[2])
    assert "it has the tables orders; give the mock a database of its own" in refusal_of(url)


def test_replicas_that_start_at_once_make_the_tables_once(postgresql: Cluster) -> None:
    url = postgresql.url()
    command = [sys.executable, "-c", f"from mockserver.sql_store import SqlStore; print(SqlStore({url!r}).process)"]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    assert sorted(process.communicate(timeout=60)[0].strip() for process in started) == ["0", "1", "2", "3"]


def test_a_database_that_restarts_is_found_again_and_meanwhile_the_mock_says_what_is_wrong(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with cluster() as own:
        store = SqlStore(own.url())
        settings = Settings(port=0, provisioning=0)
        with MockServer(settings, mock=Mock(settings, store=store)) as server:
            headers = {"Authorization": "Bearer dapi-mock"}

            def ask(method: str, path: str, **options: Any) -> requests.Response:
                return requests.request(method, server.url + path, headers=headers, timeout=30, **options)

            assert ask("POST", ENDPOINTS, json={"name": "kept"}).status_code == 200
            own.control("restart", "-m", "fast")
            assert ask("GET", f"{ENDPOINTS}/kept").status_code == 200
            assert ask("POST", ENDPOINTS, json={"name": "later"}).status_code == 200
            own.control("stop", "-m", "immediate")
            with caplog.at_level(logging.CRITICAL, "mockserver"):
                for answer in (ask("GET", f"{ENDPOINTS}/kept"), ask("POST", "/__mock__/clock", json={"advance": 1})):
                    assert (answer.status_code, answer.json()["error_code"]) == (503, "TEMPORARILY_UNAVAILABLE")
                    assert answer.json()["message"].startswith("The mock's store cannot be used at the moment")
                assert ask("GET", "/nowhere").status_code == 404
            own.start()
            names = [item["name"] for item in ask("GET", ENDPOINTS).json()["endpoints"]]
            assert names[-2:] == ["kept", "later"]
        store.close()


def test_a_name_that_postgresql_cannot_hold_is_refused_or_unknown(postgresql: Cluster) -> None:
    store = SqlStore(postgresql.url())
    settings = Settings(port=0)
    with MockServer(settings, mock=Mock(settings, store=store)) as server:
        headers = {"Authorization": "Bearer dapi-mock"}
        pace = {"time_to_first_token": 1}
        answer = requests.put(f"{server.url}/__mock__/endpoints/%00/pace", json=pace, headers=headers, timeout=10)
        assert (answer.status_code, "a NUL, which the store" in answer.json()["message"]) == (400, True)
        assert requests.get(f"{server.url}{ENDPOINTS}/%00", headers=headers, timeout=10).status_code == 404
    store.close()


def test_what_was_kept_is_there_after_kill_and_restart(postgresql: Cluster) -> None:
    url = postgresql.url()
    headers = {"Authorization": "Bearer dapi-mock"}
    with replicas(1, url, "--provisioning", "0") as (replica,):
        made = requests.post(replica.url + ENDPOINTS, json={"name": "e"}, headers=headers, timeout=30).json()
        replica.kill()
    with replicas(1, url) as (replica,):
        found = requests.get(f"{replica.url}{ENDPOINTS}/e", headers=headers, timeout=30).json()
    assert found == made
