"""Faults of requests and deployments, and stale reads, on a socket."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
import requests
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import NotFound

from mockserver import MockServer
from mockserver.clock import AdjustableClock
from mockserver.faults import DeploymentFault, Fault, from_fields, from_header
from mockserver.journal import REPLIES
from mockserver.staleness import StaleReads

Rest = Callable[..., requests.Response]
ENDPOINTS = "/api/2.0/serving-endpoints"
CHAT = {"external_model": {"name": "gpt-4o", "provider": "openai", "task": "llm/v1/chat",
        "openai_config": {"openai_api_key": "{{secrets/s/k}}"}}}  # fmt: skip


def created(rest: Rest, name: str = "chat") -> requests.Response:
    return rest("POST", ENDPOINTS, json={"name": name, "config": {"served_entities": [CHAT]}})


def add(server: MockServer, token: str, **fields: object) -> Fault:
    return server.mock.faults.add(token, Fault(**fields))  # type: ignore[arg-type]  # fields come from the tests


def test_a_fault_skips_then_fails_then_is_used_up(instant_server: MockServer, token: str, rest: Rest) -> None:
    add(instant_server, token, operation="list_serving_endpoints", status=503, retry_after=2, skip=1, times=2)
    answers = [rest("GET", ENDPOINTS) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 503, 503, 200]
    assert answers[1].headers["Retry-After"] == "2"
    assert answers[1].json()["error_code"] == "TEMPORARILY_UNAVAILABLE"


def test_a_fault_before_the_handler_leaves_no_change_and_one_after_it_does(
    instant_server: MockServer, token: str, rest: Rest
) -> None:
    add(instant_server, token, operation="create_*", endpoint="one", status=500, when="before")
    add(instant_server, token, operation="create_*", endpoint="two", status=500, when="after")
    assert [created(rest, name).status_code for name in ("one", "two")] == [500, 500]
    assert rest("GET", f"{ENDPOINTS}/one").status_code == 404
    assert rest("GET", f"{ENDPOINTS}/two").status_code == 200


@pytest.mark.parametrize(
    ("condition", "hit"),
    [
        ({"method": "get"}, True),
        ({"method": "POST"}, False),
        ({"path": "/api/2.0/serving-*"}, True),
        ({"path": "/api/2.1/*"}, False),
        ({"identity": "user@*"}, True),
        ({"identity": "somebody"}, False),
        ({"endpoint": "chat"}, False),
    ],
)
def test_a_fault_matches_by_method_path_identity_and_endpoint(
    instant_server: MockServer, token: str, rest: Rest, condition: dict[str, str], hit: bool
) -> None:
    add(instant_server, token, status=418, **condition)
    assert rest("GET", ENDPOINTS).status_code == (418 if hit else 200)


def test_other_workspaces_do_not_suffer(instant_server: MockServer, token: str, rest: Rest) -> None:
    add(instant_server, token + "-neighbour", status=500)
    assert rest("GET", ENDPOINTS).status_code == 200


def test_a_probability_is_drawn_from_the_seed(instant_server: MockServer, token: str, rest: Rest) -> None:
    def statuses() -> list[int]:
        instant_server.mock.faults.clear(token)
        add(instant_server, token, status=500, probability=0.5)
        return [rest("GET", ENDPOINTS).status_code for _ in range(12)]

    first = statuses()
    assert first == statuses()
    assert set(first) == {200, 500}


def test_a_dropped_connection_ends_without_an_answer_and_the_next_request_is_served(
    instant_server: MockServer, token: str, rest: Rest
) -> None:
    add(instant_server, token, operation="create_*", drop=True, when="after", times=1)
    with pytest.raises(requests.ConnectionError, match="without response"):
        created(rest)
    assert rest("GET", f"{ENDPOINTS}/chat").status_code == 200
    (entry,) = instant_server.mock.journal.entries(token)[:1]
    assert (entry.status, entry.fault) == (0, "fault-1")


def test_a_truncated_body_is_shorter_than_announced(instant_server: MockServer, token: str) -> None:
    add(instant_server, token, truncate=20, times=1)
    connection = http.client.HTTPConnection(urlsplit(instant_server.url).netloc, timeout=10)
    connection.request("GET", ENDPOINTS, headers={"Authorization": f"Bearer {token}"})
    answer = connection.getresponse()
    with pytest.raises(http.client.IncompleteRead) as failure:
        answer.read()
    assert len(failure.value.partial) == 20
    connection.close()


def test_malformed_json_arrives_whole_and_cannot_be_parsed(instant_server: MockServer, token: str, rest: Rest) -> None:
    add(instant_server, token, malformed=True, times=1)
    answer = rest("GET", ENDPOINTS)
    assert answer.status_code == 200
    with pytest.raises(requests.JSONDecodeError):
        answer.json()
    assert rest("GET", ENDPOINTS).json()["endpoints"]


def test_slow_bytes_take_their_time_and_a_client_may_lose_patience(
    instant_server: MockServer, token: str, rest: Rest
) -> None:
    add(instant_server, token, operation="get_current_user", bytes_per_second=2000, times=1)
    started = time.monotonic()
    answer = rest("GET", "/api/2.0/preview/scim/v2/Me")
    assert time.monotonic() - started > len(answer.content) / 2000 * 0.9
    assert answer.json()["userName"]


def test_a_delay_outlasts_an_impatient_client_and_clearing_ends_it(instant_server: MockServer, token: str) -> None:
    add(instant_server, token, delay=60)
    headers = {"Authorization": f"Bearer {token}"}
    with pytest.raises(requests.ReadTimeout):
        requests.get(instant_server.url + ENDPOINTS, headers=headers, timeout=0.2)
    instant_server.mock.faults.clear(token)
    assert len(instant_server.mock.journal.wait(token, 1, timeout=5)) == 1


def test_a_header_asks_for_a_fault_of_this_request_alone(rest: Rest) -> None:
    assert (
        rest("GET", ENDPOINTS, headers={"X-Mock-Fault": "status=503; error_code=BUSY"}).json()["error_code"] == "BUSY"
    )
    assert rest("GET", ENDPOINTS).status_code == 200


def test_a_header_with_an_id_counts_the_retries(rest: Rest) -> None:
    headers = {"X-Mock-Fault": "status=503; times=2; id=retry"}
    assert [rest("GET", ENDPOINTS, headers=headers).status_code for _ in range(3)] == [503, 503, 200]


@pytest.mark.parametrize(
    ("header", "complaint"),
    [
        ("speed=1", "'speed' is unknown"),
        ("status=many", "status='many' is not a number"),
        ("status=999", "status 999 is out of range"),
        ("times=2; status=500", "give an id"),
        ("probability=1", "the fault does nothing"),
    ],
)
def test_a_header_that_cannot_be_used_is_refused(rest: Rest, header: str, complaint: str) -> None:
    answer = rest("GET", ENDPOINTS, headers={"X-Mock-Fault": header})
    assert answer.status_code == 400
    assert complaint in answer.json()["message"]


def test_fields_tell_faults_of_requests_from_faults_of_deployments() -> None:
    assert isinstance(from_fields({"endpoint": "a", "status": 500}), Fault)
    assert isinstance(from_fields({"endpoint": "a", "outcome": "FAILED"}), DeploymentFault)
    with pytest.raises(ValueError, match="unknown field colour"):
        from_fields({"colour": "red"})
    with pytest.raises(ValueError, match="cannot be the same rule"):
        from_fields({"status": 500, "outcome": "FAILED"})
    assert from_header("drop").drop


@pytest.mark.parametrize(("outcome", "state"), [("FAILED", "DEPLOYMENT_FAILED"), ("ABORTED", "DEPLOYMENT_ABORTED")])
def test_the_next_deployment_fails_and_the_one_after_succeeds(
    instant_server: MockServer, token: str, rest: Rest, outcome: str, state: str
) -> None:
    instant_server.mock.faults.add_deployment(token, DeploymentFault("chat", outcome, message="boom"))  # type: ignore[arg-type]
    pending = created(rest).json()
    assert pending["state"] == {**pending["state"], "ready": "NOT_READY", "config_update": "UPDATE_FAILED"}
    shown = pending["pending_config"]["served_entities"][0]["state"]
    assert shown == {"deployment": state, "deployment_state_message": "boom"}
    again = rest("PUT", f"{ENDPOINTS}/chat/config", json={"served_entities": [CHAT]}).json()
    assert again["state"]["ready"] == "READY"


def test_when_one_entity_fails_the_others_are_torn_down(instant_server: MockServer, token: str, rest: Rest) -> None:
    instant_server.mock.faults.add_deployment(token, DeploymentFault("two", "FAILED", message="boom"))
    entity = {"entity_version": "1", "scale_to_zero_enabled": True}
    entities = [{"name": name, "entity_name": f"main.default.{name}", **entity} for name in ("a", "b")]
    routes = [{"served_model_name": name, "traffic_percentage": 50} for name in ("a", "b")]
    config = {"served_entities": entities, "traffic_config": {"routes": routes}}
    pending = rest("POST", ENDPOINTS, json={"name": "two", "config": config}).json()["pending_config"]
    first, second = (entity["state"] for entity in pending["served_entities"])
    assert first == {"deployment": "DEPLOYMENT_FAILED", "deployment_state_message": "boom"}
    assert second["deployment"] == "DEPLOYMENT_ABORTED"


def test_a_deployment_takes_twenty_minutes_of_the_workspaces_own_clock(
    instant_server: MockServer, token: str, rest: Rest
) -> None:
    clock = AdjustableClock(frozen_at=1_800_000_000_000)
    instant_server.mock.configure(token, clock=clock)
    instant_server.mock.faults.add_deployment(token, DeploymentFault("chat", seconds=1200))
    assert created(rest).json()["creation_timestamp"] == 1_800_000_000_000
    clock.advance(1199)
    assert rest("GET", f"{ENDPOINTS}/chat").json()["state"]["config_update"] == "IN_PROGRESS"
    clock.advance(1)
    assert rest("GET", f"{ENDPOINTS}/chat").json()["state"]["config_update"] == "NOT_UPDATING"


def test_an_endpoint_loses_its_gpu_and_recovers(instant_server: MockServer, token: str, rest: Rest) -> None:
    clock = AdjustableClock(frozen_at=1_800_000_000_000)
    instant_server.mock.configure(token, clock=clock)
    fault = DeploymentFault("gpu", loses_gpu_after=60, recovers_after=30)
    instant_server.mock.faults.add_deployment(token, fault)
    entity = {"entity_name": "main.default.llm", "entity_version": "1", "workload_type": "GPU_MEDIUM",
              "workload_size": "Small", "scale_to_zero_enabled": False}  # fmt: skip
    rest("POST", ENDPOINTS, json={"name": "gpu", "config": {"served_entities": [entity]}}).raise_for_status()

    def deployment() -> str:
        view = rest("GET", f"{ENDPOINTS}/gpu").json()
        return str(view["config"]["served_entities"][0]["state"]["deployment"])

    seen = [deployment()]
    for seconds in (60, 29.999, 0.001):
        clock.advance(seconds)
        seen.append(deployment())
    assert seen == ["DEPLOYMENT_READY", "DEPLOYMENT_RECOVERING", "DEPLOYMENT_RECOVERING", "DEPLOYMENT_READY"]


def test_reads_are_stale_for_a_number_of_reads(
    instant_server: MockServer, token: str, workspace: WorkspaceClient
) -> None:
    rest = _caller(instant_server, token)
    created(rest, "old").raise_for_status()
    instant_server.mock.staleness.add(token, StaleReads(reads=2))
    created(rest, "new").raise_for_status()
    for _ in range(2):
        with pytest.raises(NotFound):
            workspace.serving_endpoints.get("new")
    assert workspace.serving_endpoints.get("new").name == "new"
    rest("DELETE", f"{ENDPOINTS}/old").raise_for_status()
    listed = [[item.name for item in workspace.serving_endpoints.list() if item.creator] for _ in range(3)]
    assert listed == [["new", "old"], ["new", "old"], ["new"]]


def test_reads_are_stale_for_seconds_of_the_clock_and_writes_are_never_stale(
    instant_server: MockServer, token: str, rest: Rest
) -> None:
    clock = AdjustableClock(frozen_at=1_800_000_000_000)
    instant_server.mock.configure(token, clock=clock)
    instant_server.mock.staleness.add(token, StaleReads(seconds=10, endpoint="chat"))
    created(rest)
    clock.advance(9)
    assert rest("GET", f"{ENDPOINTS}/chat").status_code == 404
    assert created(rest).status_code == 409
    clock.advance(2)
    assert rest("GET", f"{ENDPOINTS}/chat").status_code == 200


def _caller(server: MockServer, token: str) -> Rest:
    def call(method: str, path: str, **options: object) -> requests.Response:
        headers = {"Authorization": f"Bearer {token}"}
        return requests.request(method, server.url + path, headers=headers, timeout=30, **options)  # type: ignore[arg-type]

    return call


MESSAGES = [{"role": "user", "content": "Count to ten."}]
STREAM = {"messages": MESSAGES, "stream": True}


def streamed(server: MockServer, token: str, timeout: float = 10) -> requests.Response:
    url = f"{server.url}/serving-endpoints/chat/invocations"
    headers = {"Authorization": f"Bearer {token}"}
    return requests.post(url, json=STREAM, headers=headers, stream=True, timeout=timeout)


def test_a_stream_is_cut_after_some_events(instant_server: MockServer, token: str, rest: Rest) -> None:
    created(rest)
    add(instant_server, token, endpoint="chat", cut_after=2, times=1)
    received: list[bytes] = []
    with streamed(instant_server, token) as answer, pytest.raises(requests.exceptions.ChunkedEncodingError):
        received.extend(answer.iter_content(None))
    assert b"".join(received).count(b"data: ") == 2
    with streamed(instant_server, token) as answer:
        assert answer.content.endswith(b"data: [DONE]\n\n")


def test_a_stream_stalls_until_the_client_or_the_test_has_enough(
    instant_server: MockServer, token: str, rest: Rest
) -> None:
    created(rest)
    add(instant_server, token, endpoint="chat", stall_after=1, times=2)
    with (
        streamed(instant_server, token, timeout=2) as answer,
        pytest.raises(requests.ConnectionError, match="timed out"),
    ):
        list(answer.iter_content(None))
    with streamed(instant_server, token) as answer:
        chunks = answer.iter_content(None)
        assert next(chunks).startswith(b"data: ")
        instant_server.mock.faults.clear(token)  # whether the stall has begun by now or not
        assert b"".join(chunks).endswith(b"data: [DONE]\n\n")


def test_the_events_of_a_malformed_stream_cannot_be_parsed(instant_server: MockServer, token: str, rest: Rest) -> None:
    created(rest)
    add(instant_server, token, endpoint="chat", malformed=True)
    with streamed(instant_server, token) as answer:
        first = next(line for line in answer.iter_lines() if line).removeprefix(b"data: ")
    with pytest.raises(json.JSONDecodeError):
        json.loads(first)


def test_a_request_without_a_credential_suffers_the_faults_of_the_default_workspace(
    instant_server: MockServer,
) -> None:
    url = f"{instant_server.url}/.well-known/databricks-config"
    add(instant_server, "default", operation="get_databricks_config", status=500, times=1)
    assert [requests.get(url, timeout=10).status_code for _ in range(2)] == [500, 200]
    instant_server.mock.clear("default")


def test_the_journal_keeps_the_replies_of_the_newest_requests_only(
    instant_server: MockServer, token: str, rest: Rest
) -> None:
    for _ in range(REPLIES + 5):
        rest("GET", "/api/2.0/preview/scim/v2/Me")
    entries = instant_server.mock.journal.entries(token)
    assert [entry.reply is None for entry in entries] == [True] * 5 + [False] * REPLIES
    asked = instant_server.mock.journal.asked
    assert [asked(token, number) is None for number in (1, 5, 6)] == [True, True, False]
    rest("POST", ENDPOINTS, data=b"x" * 300_000)
    assert instant_server.mock.journal.entries(token)[-1].body == "[300000 bytes]"


@pytest.mark.parametrize("given", [{"reads": -1}, {"reads": 10**7}, {"seconds": -0.5}, {"seconds": 1e308}])
def test_reads_are_not_stale_for_ever(given: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="is out of range: 0 to "):
        StaleReads(**given)
