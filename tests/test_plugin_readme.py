"""Every snippet of the README's chapter on tests, run."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import requests
from assistant import Assistant, Unavailable, deploy
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import NotFound
from databricks.sdk.service.serving import EndpointCoreConfigInput, ServedEntityInput

from contracts.pytest_plugin import ServingContract
from mockserver import MockServer, ServingMock, Settings, mock_serving
from mockserver.inprocess import URL

# A first test


def test_the_assistant_answers(serving_mock: ServingMock) -> None:
    serving_mock.create("chat")
    serving_mock.reply("Forty-two.", endpoint="chat", last_message="meaning of life")
    assistant = Assistant(serving_mock.openai_client(), "chat")

    assert assistant.ask("What is the meaning of life?") == "Forty-two."
    serving_mock.requests.assert_called("create_chat_completion", times=1, body={"model": "chat"})


# Breaking things on purpose


def test_it_tries_again_while_the_endpoint_is_busy(serving_mock: ServingMock) -> None:
    serving_mock.create("chat")
    busy = serving_mock.faults.add(operation="create_chat_completion", status=429, retry_after=7, times=2)
    waited: list[float] = []

    Assistant(serving_mock.openai_client(), "chat", sleep=waited.append).ask("Hello?")

    assert waited == [7, 7]
    assert serving_mock.faults.struck(busy) == 2


def test_it_stops_asking_an_endpoint_that_keeps_failing(serving_mock: ServingMock) -> None:
    serving_mock.create("chat")
    serving_mock.faults.add(endpoint="chat", status=503)
    clock = serving_mock.clock
    assistant = Assistant(
        serving_mock.openai_client(), "chat", now=lambda: clock.now() / 1000, sleep=lambda seconds: None
    )

    with pytest.raises(Unavailable, match="the circuit is open"):
        assistant.ask("Hello?")
    serving_mock.requests.assert_called("create_chat_completion", times=3)

    serving_mock.faults.clear()
    clock.advance(31)
    assert assistant.ask("Hello?")


def test_it_waits_for_a_deployment_and_sees_it_fail(serving_mock: ServingMock) -> None:
    model = ServedEntityInput(entity_name="main.default.model", entity_version="1", scale_to_zero_enabled=True)
    serving_mock.faults.slow_deployment("good", seconds=1200)
    serving_mock.faults.fail_deployment("bad", message="Out of memory")
    client, polls = serving_mock.workspace_client(), []

    def poll() -> None:
        polls.append(serving_mock.clock.now())
        serving_mock.clock.advance(60)

    assert deploy(client, "good", model, poll) == "NOT_UPDATING"
    assert len(polls) == 20
    assert deploy(client, "bad", model, poll) == "UPDATE_FAILED"


def test_it_says_so_when_a_stream_breaks_off(serving_mock: ServingMock) -> None:
    serving_mock.create("chat")
    serving_mock.reply({"chunks": ["To be ", "or not ", "to be"]}, endpoint="chat")
    serving_mock.faults.add(operation="create_chat_completion", cut_after=3)

    pieces = list(Assistant(serving_mock.openai_client(), "chat").stream("What is the question?"))

    assert pieces[0] == "To be "
    assert pieces[-1].startswith(" [broken off: ")


def test_the_change_was_made_though_the_answer_was_lost(serving_mock: ServingMock) -> None:
    serving_mock.create("old")
    serving_mock.faults.add(operation="delete_serving_endpoint", when="after", drop=True, times=1)
    client = serving_mock.workspace_client()

    with pytest.raises(NotFound):  # the SDK asks again, and what it asked for is already gone
        client.serving_endpoints.delete("old")
    serving_mock.requests.assert_called("delete_serving_endpoint", times=2)


def test_reads_lag_behind_changes(serving_mock: ServingMock) -> None:
    serving_mock.faults.stale_reads(reads=1)
    client = serving_mock.workspace_client()
    client.serving_endpoints.create("new")

    with pytest.raises(NotFound):
        client.serving_endpoints.get("new")
    assert client.serving_endpoints.get("new").name == "new"


# Time


@pytest.mark.serving_mock(provisioning=600)
def test_the_sdks_own_waiter_waits_on_the_mocks_clock(
    serving_mock: ServingMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    serving_mock.drive_waiters(monkeypatch)  # its time.sleep moves serving_mock.clock
    model = ServedEntityInput(entity_name="main.default.model", entity_version="1", scale_to_zero_enabled=True)
    client, started = serving_mock.workspace_client(), time.monotonic()

    endpoint = client.serving_endpoints.create_and_wait(
        "slow", config=EndpointCoreConfigInput(name="slow", served_entities=[model])
    )

    assert endpoint.state.ready.value == "READY"
    assert time.monotonic() - started < 20


# Models that compute, identities, the environment


def test_a_python_function_is_the_model(serving_mock: ServingMock) -> None:
    serving_mock.create("churn", "custom")  # serves main.default.model
    serving_mock.model("main.default.model", lambda rows: [row["age"] > 50 for row in rows])

    answer = serving_mock.workspace_client().serving_endpoints.query("churn", dataframe_records=[{"age": 60}])

    assert answer.predictions == [True]


def test_somebody_without_rights(serving_mock: ServingMock) -> None:
    serving_mock.create("chat", permissions=[{"group_name": "analysts", "permission_level": "CAN_QUERY"}])
    ann = serving_mock.token_for("ann@example.com", groups=["analysts"])
    bob = serving_mock.token_for("bob@example.com")

    session = serving_mock.session()  # calls the mock in this process, without a socket
    url = f"{URL}/api/2.0/serving-endpoints/chat"
    answers = [session.get(url, headers={"Authorization": f"Bearer {token}"}) for token in (ann, bob)]
    assert [answer.status_code for answer in answers] == [200, 403]


def test_code_that_finds_its_workspace_by_itself(serving_mock: ServingMock, monkeypatch: pytest.MonkeyPatch) -> None:
    serving_mock.create("chat")
    serving_mock.set_env(monkeypatch)  # DATABRICKS_HOST, DATABRICKS_TOKEN, OPENAI_BASE_URL, ...

    assert WorkspaceClient().serving_endpoints.get("chat").name == "chat"
    program = "from databricks.sdk import WorkspaceClient as W; print(W().serving_endpoints.get('chat').name)"
    done = subprocess.run([sys.executable, "-c", program], env=dict(os.environ), capture_output=True, text=True)
    assert done.stdout.strip() == "chat"


# Without pytest


@mock_serving
def names(serving_mock: ServingMock) -> list[str]:
    serving_mock.create("chat")
    return [str(endpoint.name) for endpoint in WorkspaceClient().serving_endpoints.list() if endpoint.creator]


def test_a_decorator() -> None:
    assert names() == ["chat"]


def test_a_context_manager() -> None:
    with mock_serving(provisioning=5) as mock:
        assert mock.workspace_client().serving_endpoints.list()
    with MockServer() as server:
        assert requests.get(f"{server.url}/__mock__/health", timeout=10).json()["status"] == "ok"


# From any language, and from a file


STATE = """
version: 1
endpoints:
  - name: chat
    config:
      served_entities:
        - external_model:
            name: gpt-4o
            provider: openai
            task: llm/v1/chat
            openai_config: {openai_api_key: "{{secrets/scope/key}}"}
    permissions:
      - {group_name: analysts, permission_level: CAN_QUERY}
tokens:
  - {token: dapi-ann, user_name: ann@example.com, groups: [analysts]}
"""


def test_a_described_workspace_in_a_store_that_survives(tmp_path: Path) -> None:
    (tmp_path / "workspace.yaml").write_text(STATE)
    settings = Settings(port=0, state=str(tmp_path / "workspace.yaml"), store=f"sqlite:///{tmp_path}/mock.db")
    with MockServer(settings) as server:
        ann = WorkspaceClient(host=server.url, token="dapi-ann", auth_type="pat")
        assert ann.serving_endpoints.get("chat").permission_level


CONTROL = """
set -e
mock() { curl -sSf -H "Authorization: Bearer dapi-mock-my-test" "$@"; }
mock -X POST $URL/__mock__/reset
mock -X POST $URL/__mock__/clock -d '{"freeze": "2026-01-01T00:00:00Z"}'
mock -X POST $URL/__mock__/clock -d '{"advance": 1200}'
mock -X POST $URL/__mock__/faults -d '{"operation": "query_endpoint", "status": 503, "retry_after": 1, "times": 2}'
mock -X POST $URL/__mock__/faults -d '{"endpoint": "chat", "outcome": "FAILED"}'
mock -X POST $URL/__mock__/stale-reads -d '{"reads": 2}'
mock -X POST $URL/__mock__/replies -d '{"endpoint": "chat", "answers": [{"text": "Hi."}]}'
mock -X POST $URL/__mock__/tokens -d '{"user_name": "ann@example.com", "groups": ["analysts"]}'
mock "$URL/__mock__/journal/wait?operation=get_current_user&count=1&timeout=0"
mock "$URL/__mock__/state?format=yaml" > state.yaml
mock -X PUT $URL/__mock__/state -H "Content-Type: application/yaml" --data-binary @state.yaml
"""


def test_control_with_curl(instant_server: MockServer, tmp_path: Path) -> None:
    environment = {**os.environ, "URL": instant_server.url}
    done = subprocess.run(
        ["bash", "-c", CONTROL], env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert '{"endpoints":0}' in done.stdout
    instant_server.mock.clear("dapi-mock-my-test")


def test_a_fault_of_one_request_alone(serving_mock: ServingMock) -> None:
    client: Any = serving_mock.openai_client(default_headers={"X-Mock-Fault": "status=503; times=1; id=first"})
    serving_mock.create("chat")
    answer = client.chat.completions.create(model="chat", messages=[{"role": "user", "content": "Hello?"}])
    assert answer.choices[0].message.content
    assert serving_mock.requests.count(status=503) == 1


# The contract harness


@pytest.mark.serving_contract(journey=("tags", "notifications"), no_fuzz=True, seed=7)
def test_gateway(serving_journey: ServingContract, serving_mock_server: MockServer) -> None:
    serving_journey.check(serving_mock_server.url, token="dapi-mock")
