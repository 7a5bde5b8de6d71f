"""What a test does with its mock: clocks, snapshots, identities, clients, and the same without pytest."""

from __future__ import annotations

import gc
import inspect
import os
import re
import shutil
import subprocess
import threading
import time
from collections.abc import AsyncIterator, Iterator

import pytest
from databricks.sdk.errors import NotFound, TemporarilyUnavailable
from databricks.sdk.service.serving import EndpointCoreConfigInput, ServedEntityInput

from mockserver import MockServer, ServingMock, mock_serving
from mockserver.inprocess import URL
from mockserver.testing import Options

ENDPOINTS = "/api/2.0/serving-endpoints"
CUSTOM = ServedEntityInput(entity_name="main.default.m", entity_version="1", scale_to_zero_enabled=True)


def test_a_failed_assertion_lists_what_came_instead(serving_mock: ServingMock) -> None:
    client = serving_mock.workspace_client(in_process=True)
    client.serving_endpoints.create("chat", config=EndpointCoreConfigInput(name="x", served_entities=[CUSTOM]))
    serving_mock.requests.assert_called("create_serving_endpoint", times=1, body={"name": "chat"})
    serving_mock.requests.assert_not_called("delete_*")
    with pytest.raises(AssertionError) as failure:
        serving_mock.requests.assert_called("create_serving_endpoint", body={"name": "other"})
    message = str(failure.value)
    assert (
        'Expected at least one request for operation create_serving_endpoint, body {"name":"other"}, got none'
        in message
    )
    assert "#1 POST /api/2.0/serving-endpoints -> 200 (create_serving_endpoint)" in message
    assert 'The body of #1 differs: name is "chat", not "other".' in message
    with pytest.raises(AssertionError, match="got 1"):
        serving_mock.requests.assert_not_called("create_*")
    with pytest.raises(AssertionError, match=r"within 0\.01 s"):
        serving_mock.requests.wait(2, timeout=0.01, endpoint="chat", method="POST")


def test_nothing_asked_is_said_as_such(serving_mock: ServingMock) -> None:
    with pytest.raises(AssertionError, match="Nothing was asked at all"):
        serving_mock.requests.assert_called("list_serving_endpoints")


@pytest.mark.serving_mock(provisioning=1000)
def test_a_waiter_of_the_sdk_waits_on_the_manual_clock(
    serving_mock: ServingMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    serving_mock.drive_waiters(monkeypatch)
    before, started = serving_mock.clock.now(), time.monotonic()
    config = EndpointCoreConfigInput(name="x", served_entities=[CUSTOM])
    client = serving_mock.workspace_client()
    endpoint = client.serving_endpoints.create("slow", config=config).result()
    assert endpoint.state.config_update.value == "NOT_UPDATING"
    assert serving_mock.clock.now() - before >= 1_000_000
    assert time.monotonic() - started < 20
    assert serving_mock.requests.count("get_serving_endpoint") > 50


@pytest.mark.serving_mock(provisioning=60, auto_advance=60)
def test_a_clock_that_advances_with_each_poll_needs_no_waiting(serving_mock: ServingMock) -> None:
    started = time.monotonic()
    config = EndpointCoreConfigInput(name="x", served_entities=[CUSTOM])
    serving_mock.workspace_client().serving_endpoints.create_and_wait("slow", config=config)
    assert time.monotonic() - started < 0.9


def test_retries_of_the_sdk_wait_on_the_manual_clock(serving_mock: ServingMock) -> None:
    fault = serving_mock.faults.add(operation="list_serving_endpoints", status=503, retry_after=30, times=3)
    before, started = serving_mock.clock.now(), time.monotonic()
    assert list(serving_mock.workspace_client().serving_endpoints.list())
    assert serving_mock.faults.struck(fault) == 3
    assert serving_mock.clock.now() - before >= 3 * 30_000
    assert time.monotonic() - started < 3


def test_snapshots_bring_back_what_was(serving_mock: ServingMock) -> None:
    client = serving_mock.workspace_client(in_process=True)
    serving_mock.create("a")
    snapshot = serving_mock.snapshot()
    serving_mock.create("b")
    serving_mock.clock.advance(60)
    client.serving_endpoints.delete("a")
    serving_mock.restore(snapshot)
    assert [item.name for item in client.serving_endpoints.list() if item.creator] == ["a"]
    assert serving_mock.snapshot() == snapshot


@pytest.mark.parametrize("kind", ["chat", "completions", "embeddings", "custom", "provisioned", "agent"])
def test_ready_endpoints_of_every_kind_are_one_call(serving_mock: ServingMock, kind: str) -> None:
    view = serving_mock.create(f"my-{kind}", kind, tags=[{"key": "team"}])  # type: ignore[arg-type]  # a literal
    assert view["state"]["ready"] == "READY"
    assert view["tags"] == [{"key": "team"}]
    got = serving_mock.workspace_client(in_process=True).serving_endpoints.get(f"my-{kind}")
    assert got.id == view["id"]
    assert serving_mock.requests.count() == 1


def test_another_identity_has_the_rights_it_was_given(serving_mock: ServingMock) -> None:
    serving_mock.create("chat", permissions=[{"group_name": "analysts", "permission_level": "CAN_VIEW"}])
    ann = serving_mock.token_for("ann@example.com", groups=["analysts"])
    bob = serving_mock.token_for(service_principal="1234")
    session = serving_mock.session()
    url = f"http://serving-mock.localhost{ENDPOINTS}/chat"
    statuses = [session.get(url, headers={"Authorization": f"Bearer {token}"}).status_code for token in (ann, bob)]
    assert statuses == [200, 403]


def test_threads_with_mocks_of_their_own_do_not_see_each_other() -> None:
    problems: list[BaseException] = []

    def work(number: int) -> None:
        try:
            mock = ServingMock(name="thread", options=Options(provisioning=10 * (number + 1)))
            client = mock.workspace_client(in_process=True)
            for _ in range(5):
                config = EndpointCoreConfigInput(name="x", served_entities=[CUSTOM])
                client.serving_endpoints.create("same", config=config)
                mock.clock.advance(10 * (number + 1) - 1)
                assert client.serving_endpoints.get("same").state.config_update.value == "IN_PROGRESS"
                mock.clock.advance(1)
                assert client.serving_endpoints.get("same").state.config_update.value == "NOT_UPDATING"
                client.serving_endpoints.delete("same")
            mock.requests.assert_called("create_serving_endpoint", times=5)
            mock.close()
        except BaseException as problem:
            problems.append(problem)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []


def test_a_thousand_tests_in_one_process_leave_memory_as_it_was() -> None:
    def one(number: int) -> None:
        mock = ServingMock(name=f"test-{number}", options=Options(provisioning=5))
        mock.create("chat")
        mock.reply("hello", endpoint="chat")
        mock.faults.add(status=503, times=1)
        mock.faults.stale_reads(reads=1)
        session = mock.session()
        for _ in range(2):
            session.get(f"http://serving-mock.localhost{ENDPOINTS}/chat")
        mock.token_for("ann@example.com")
        mock.close()

    for number in range(100):
        one(number)
    gc.collect()
    before = len(gc.get_objects())
    for number in range(1000):
        one(number)
    gc.collect()
    assert len(gc.get_objects()) - before < 1000


def test_the_environment_leads_clients_to_the_workspace(
    serving_mock: ServingMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    from databricks.sdk import WorkspaceClient

    with pytest.raises(RuntimeError, match="call set_env"):
        serving_mock.mlflow_client()
    serving_mock.create("chat")
    serving_mock.set_env(monkeypatch)
    assert WorkspaceClient().serving_endpoints.get("chat").name == "chat"
    assert serving_mock.mlflow_client().get_endpoint("chat")["name"] == "chat"


@mock_serving
def decorated(name: str, serving_mock: ServingMock) -> str:
    from databricks.sdk import WorkspaceClient

    serving_mock.create(name)
    return str(WorkspaceClient().serving_endpoints.get(name).id)


def test_a_decorator_and_a_context_manager_serve_people_without_pytest() -> None:
    before = dict(os.environ)
    assert decorated("chat") == decorated(name="chat")
    assert dict(os.environ) == before
    with mock_serving(provisioning=60) as mock:
        assert os.environ["DATABRICKS_TOKEN"] == mock.token
        client = mock.workspace_client()
        client.serving_endpoints.create("slow", config=EndpointCoreConfigInput(name="x", served_entities=[CUSTOM]))
        assert client.serving_endpoints.get("slow").state.config_update.value == "IN_PROGRESS"
    with pytest.raises(TypeError, match="speed"):
        mock_serving(speed=1)


def test_what_the_decorator_cannot_be_around_is_refused() -> None:
    class Case:
        def test_it(self) -> None: ...

    def numbers() -> Iterator[int]:
        yield 1

    async def letters() -> AsyncIterator[str]:
        yield "a"

    with pytest.raises(TypeError, match="put it on the test methods of Case"):
        mock_serving(Case)
    for generator in (numbers, letters):
        with pytest.raises(TypeError, match=f"over before the generator {generator.__name__} runs"):
            mock_serving(generator)


def test_a_mistyped_operation_is_no_condition_that_never_comes_true(serving_mock: ServingMock) -> None:
    nearest = re.escape("operation 'delete_endpoint' is none of the contract's (did you mean 'delete_")
    with pytest.raises(ValueError, match=nearest):
        serving_mock.requests.assert_not_called("delete_endpoint")
    with pytest.raises(ValueError, match="operation 'nope' is none of the contract's"):
        serving_mock.faults.add(operation="nope", status=503)
    assert serving_mock.faults.add(operation="create_*", status=503).id
    serving_mock.requests.assert_not_called("unknown")
    for method, path, body in (
        ("POST", "faults", {"operation": "nope", "status": 503}),
        ("GET", "journal/wait?operation=nope&count=1&timeout=0", None),
        ("GET", "journal?operation=nope", None),
    ):
        reply = serving_mock.session().request(method, f"{URL}/__mock__/{path}", json=body)
        assert reply.status_code == 400
        assert "'nope'" in reply.json()["message"]


@mock_serving(provisioning=60)
async def awaited(serving_mock: ServingMock) -> str:
    return f"{serving_mock.url} {os.environ['DATABRICKS_HOST']}"


def test_a_coroutine_is_decorated_as_well() -> None:
    import asyncio

    url, told = asyncio.run(awaited()).split()
    assert url == told
    assert "serving_mock" not in inspect.signature(awaited).parameters


def test_a_server_that_was_stopped_keeps_its_rules_and_ends_its_delays() -> None:
    with MockServer() as server, ServingMock(server, "stopped") as mock:
        mock.faults.add(delay=3600)
        asking = threading.Thread(target=lambda: mock.session().get(f"http://serving-mock.localhost{ENDPOINTS}"))
        asking.start()
        while not mock.mock.faults.rules(mock.workspace)[0][1]:
            time.sleep(0.01)
        server.stop()
        asking.join(10)
        assert not asking.is_alive()
        assert len(mock.mock.faults.rules(mock.workspace)) == 1


def test_a_server_of_ones_own_is_a_context_manager() -> None:
    with MockServer() as server, ServingMock(server, "mine") as mock:
        client = mock.workspace_client(retry_timeout_seconds=1)
        with pytest.raises(NotFound):
            client.serving_endpoints.get("nobody")
        mock.faults.add(status=503)
        with pytest.raises((TemporarilyUnavailable, TimeoutError)):
            client.serving_endpoints.get("nobody")


CURL = """
set -e
call() { curl -sS -H "Authorization: Bearer $DATABRICKS_TOKEN" -H "Content-Type: application/json" "$@"; }
fault='{"operation": "get_serving_endpoint", "status": 503, "times": 1}'
call -X POST $DATABRICKS_HOST/__mock__/faults -d "$fault" > /dev/null
call -o /dev/null -w '%{http_code} ' $DATABRICKS_HOST/api/2.0/serving-endpoints/chat
call -o /dev/null -w '%{http_code} ' $DATABRICKS_HOST/api/2.0/serving-endpoints/chat
"""
NODE = """
const host = process.env.DATABRICKS_HOST
const headers = {Authorization: `Bearer ${process.env.DATABRICKS_TOKEN}`, "Content-Type": "application/json"}
const fault = {operation: "get_serving_endpoint", status: 503, times: 1}
await fetch(`${host}/__mock__/faults`, {method: "POST", headers, body: JSON.stringify(fault)})
const ask = async () => (await fetch(`${host}/api/2.0/serving-endpoints/chat`, {headers})).status
console.log(await ask(), await ask())
"""


def in_process(mock: ServingMock) -> str:
    mock.faults.add(operation="get_serving_endpoint", status=503, times=1)
    url = f"http://serving-mock.localhost{ENDPOINTS}/chat"
    return " ".join(str(mock.session().get(url).status_code) for _ in range(2))


def on_a_socket(mock: ServingMock) -> str:
    import requests

    mock.faults.add(operation="get_serving_endpoint", status=503, times=1)
    headers = {"Authorization": f"Bearer {mock.token}"}
    url = f"{mock.url}{ENDPOINTS}/chat"
    return " ".join(str(requests.get(url, headers=headers, timeout=10).status_code) for _ in range(2))


def from_curl(mock: ServingMock) -> str:
    return _printed(["bash", "-c", CURL], mock)


def from_node(mock: ServingMock) -> str:
    return _printed(["node", "--input-type=module", "-e", NODE], mock)


def _printed(command: list[str], mock: ServingMock) -> str:
    if any(shutil.which(name) is None for name in (command[0], "curl")):
        pytest.skip(f"{command[0]} or curl is not installed")
    done = subprocess.run(command, env={**os.environ, **mock.env}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("way", [in_process, on_a_socket, from_curl, from_node])
def test_the_same_scenario_in_process_on_a_socket_from_curl_and_from_node(serving_mock: ServingMock, way) -> None:  # type: ignore[no-untyped-def]  # one of the functions above
    serving_mock.create("chat")
    assert way(serving_mock) == "503 200"
    serving_mock.requests.assert_called("get_serving_endpoint", times=2)
