"""Three processes on one PostgreSQL behind nginx are one mock: for every client, and under load."""

from __future__ import annotations

import itertools
import random
import re
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from conftest import sdk
from databricks.sdk.errors import NotFound, ResourceAlreadyExists, ResourceConflict
from databricks.sdk.service.serving import (
    AiGatewayConfig,
    AiGatewayRateLimit,
    AiGatewayRateLimitRenewalPeriod,
    EndpointCoreConfigInput,
    EndpointTag,
    ServedEntityInput,
    ServingEndpointAccessControlRequest,
    ServingEndpointPermissionLevel,
)
from machinery import Cluster, Replica, balancer, replicas
from mlflow.deployments import get_deploy_client
from openai import OpenAI
from replica_clients import ENDPOINTS, EXTERNAL, FOUNDATION, ONE_WINS, Call, at_once, caller, chat, racing_updates

_numbers = itertools.count()


@pytest.fixture(scope="module")
def three(postgresql: Cluster) -> Iterator[list[Replica]]:
    """Three replicas, started as the README says."""
    readme = (Path(__file__).parent.parent / "README.md").read_text()
    command = re.search(r"^\$ serving-mock serve --host 0.0.0.0 --store (\S+) (.*)$", readme, re.MULTILINE)
    assert command is not None
    assert command[1].startswith("postgresql://")
    with replicas(3, postgresql.url(), *command[2].split(), "--provisioning-custom", "0.4") as running:
        yield running


@pytest.fixture(scope="module")
def url(three: list[Replica]) -> Iterator[str]:
    with balancer([replica.port for replica in three]) as address:
        yield address


@pytest.fixture
def token() -> str:
    return f"dapi-mock-replicas-{next(_numbers)}"


@pytest.fixture
def call(url: str, token: str) -> Call:
    return caller(url, token)


def test_requests_go_to_all_replicas_and_no_id_comes_twice(three: list[Replica], url: str) -> None:
    headers = {"Authorization": "Bearer dapi-mock"}
    ids = [requests.get(url + ENDPOINTS, headers=headers, timeout=10).headers["x-request-id"] for _ in range(30)]
    assert len(set(ids)) == 30
    sequences = [random.Random(seed) for seed in (0, "0/1", "0/2")]
    own = [{str(uuid.UUID(int=draw.getrandbits(128), version=4)) for _ in range(100)} for draw in sequences]
    assert [sum(identifier in drawn for identifier in ids) for drawn in own] == [10, 10, 10]


def test_the_sdk_creates_waits_updates_and_grants(url: str, token: str) -> None:
    client = sdk(url, token).serving_endpoints
    model = ServedEntityInput(entity_name="main.default.m", entity_version="1", scale_to_zero_enabled=True)
    config = EndpointCoreConfigInput(name="e", served_entities=[model])
    made = client.create_and_wait("e", config=config, tags=[EndpointTag("team", "a")])
    assert made.state is not None
    assert made.state.ready is not None
    assert made.state.ready.value == "READY"
    with pytest.raises(ResourceAlreadyExists):
        client.create("e", config=config)
    model.entity_version = "2"
    client.update_config("e", served_entities=[model])
    with pytest.raises(ResourceConflict):
        client.update_config("e", served_entities=[model])
    updated = client.wait_get_serving_endpoint_not_updating("e")
    assert updated.config is not None
    assert updated.config.config_version == 2
    assert made.id is not None
    everybody = ServingEndpointAccessControlRequest(
        group_name="users", permission_level=ServingEndpointPermissionLevel.CAN_QUERY
    )
    client.update_permissions(made.id, access_control_list=[everybody])
    for _ in range(3):
        names = [entry.group_name for entry in client.get_permissions(made.id).access_control_list or ()]
        assert "users" in names
    client.delete("e")
    for _ in range(3):
        with pytest.raises(NotFound):
            client.get("e")


def test_openai_chats_and_streams(url: str, token: str) -> None:
    with OpenAI(base_url=f"{url}/serving-endpoints", api_key=token, max_retries=0) as client:
        asked: Any = {"model": FOUNDATION, "messages": [{"role": "user", "content": "Name a river."}]}
        answers = {client.chat.completions.create(temperature=0, **asked).choices[0].message.content for _ in range(6)}
        assert len(answers) == 1
        stream = client.chat.completions.create(temperature=0, stream=True, **asked)
        assert "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices) in answers
        ids = {client.chat.completions.create(**asked).id for _ in range(9)}
        assert len(ids) == 9


def test_mlflow_creates_and_predicts(url: str, token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABRICKS_HOST", url)
    monkeypatch.setenv("DATABRICKS_TOKEN", token)
    client = get_deploy_client("databricks")  # type: ignore[no-untyped-call]  # mlflow has no types
    client.create_endpoint(config={"name": "c", "config": {"served_entities": [{"external_model": EXTERNAL}]}})
    deadline = time.monotonic() + 20
    while client.get_endpoint("c")["state"]["ready"] != "READY":
        assert time.monotonic() < deadline
        time.sleep(0.2)
    answer = client.predict(endpoint="c", inputs={"messages": [{"role": "user", "content": "Hello?"}]})
    assert answer["choices"][0]["message"]["content"]


def test_a_gateway_limit_is_counted_over_all_replicas(url: str, token: str, call: Call) -> None:
    minute = AiGatewayRateLimitRenewalPeriod.MINUTE
    sdk(url, token).serving_endpoints.put_ai_gateway(
        FOUNDATION, rate_limits=[AiGatewayRateLimit(renewal_period=minute, calls=2)]
    )
    gateway = AiGatewayConfig.from_dict(call("GET", f"{ENDPOINTS}/{FOUNDATION}").json()["ai_gateway"])
    assert gateway.rate_limits is not None
    answers = [call("POST", "/serving-endpoints/chat/completions", json=chat()).status_code for _ in range(6)]
    assert answers == [200, 200, 429, 429, 429, 429]


def test_a_limit_of_100_is_exactly_100_under_concurrent_load(call: Call) -> None:
    limits = {"rate_limits": [{"calls": 100, "key": "endpoint", "renewal_period": "minute"}]}
    assert call("PUT", f"{ENDPOINTS}/{FOUNDATION}/rate-limits", json=limits).status_code == 200
    assert call("POST", "/__mock__/clock", json={"freeze": True}).status_code == 200
    asked = at_once(150, lambda _: call("POST", "/serving-endpoints/chat/completions", json=chat()).status_code)
    assert Counter(asked) == {200: 100, 429: 50}
    call("POST", "/__mock__/clock", json={"advance": 61})
    asked = at_once(120, lambda _: call("POST", "/serving-endpoints/chat/completions", json=chat()).status_code)
    assert Counter(asked) == {200: 100, 429: 20}


def test_the_clock_is_moved_for_all_replicas_at_once(three: list[Replica], call: Call) -> None:
    frozen = call("POST", "/__mock__/clock", three[0].url, json={"freeze": "2026-01-01T00:00:00Z"}).json()
    for step in range(6):
        call("POST", "/__mock__/clock", three[step % 3].url, json={"advance": 10})
        shown = {call("GET", "/__mock__/clock", replica.url).json()["milliseconds"] for replica in three}
        assert shown == {frozen["milliseconds"] + 10_000 * (step + 1)}
    at_once(30, lambda number: call("POST", "/__mock__/clock", three[number % 3].url, json={"advance": 1}))
    assert call("GET", "/__mock__/clock").json()["milliseconds"] == frozen["milliseconds"] + 90_000
    call("POST", "/__mock__/clock", three[1].url, json={"auto_advance": 5})
    moments = []
    for replica in three * 2:
        call("GET", ENDPOINTS, replica.url)
        moments.append(call("GET", "/__mock__/clock", replica.url).json()["milliseconds"])
    assert [later - earlier for earlier, later in itertools.pairwise(moments)] == [5000] * 5


def test_settings_are_changed_for_all_replicas_and_reset_for_all(three: list[Replica], call: Call) -> None:
    call("PUT", "/__mock__/settings", three[0].url, json={"provisioning": 60})
    call("PUT", "/__mock__/settings", three[1].url, json={"seed": 7})
    settings = [call("GET", "/__mock__/settings", replica.url).json() for replica in three]
    assert {(item["provisioning"], item["seed"]) for item in settings} == {(60, 7)}
    call("POST", "/__mock__/clock", three[0].url, json={"freeze": 0})
    call("POST", "/__mock__/reset", three[2].url)
    for replica in three:
        assert call("GET", "/__mock__/settings", replica.url).json()["seed"] == 0
        assert call("GET", "/__mock__/clock", replica.url).json()["frozen"] is False


def test_faults_strike_exactly_as_often_as_they_say(three: list[Replica], call: Call) -> None:
    fault = {"operation": "list_serving_endpoints", "status": 503, "skip": 10, "times": 7}
    call("POST", "/__mock__/faults", json=fault)
    asked = at_once(60, lambda number: call("GET", ENDPOINTS, three[number % 3].url).status_code)
    assert Counter(asked) == {200: 53, 503: 7}
    assert call("GET", "/__mock__/faults").json()["faults"][0]["struck"] == 7
    call("DELETE", "/__mock__/faults", three[1].url)
    assert [call("GET", "/__mock__/faults", replica.url).json()["faults"] for replica in three] == [[], [], []]
    header = {"X-Mock-Fault": "status=418; times=3; id=tea", "Authorization": "Bearer dapi-mock"}
    asked = [requests.get(three[n % 3].url + ENDPOINTS, headers=header, timeout=10).status_code for n in range(7)]
    assert Counter(asked) == {418: 3, 200: 4}


def test_a_failing_deployment_is_used_up_by_one_replica(three: list[Replica], call: Call) -> None:
    call("POST", "/__mock__/faults", three[0].url, json={"endpoint": "d*", "outcome": "FAILED", "times": 1})
    body = {"config": {"served_entities": [{"external_model": EXTERNAL}]}}
    for name, replica in zip(("d1", "d2", "d3"), three, strict=True):
        call("POST", ENDPOINTS, replica.url, json={"name": name, **body})
    call("POST", "/__mock__/clock", json={"advance": 60})
    states = [call("GET", f"{ENDPOINTS}/{name}").json()["state"]["config_update"] for name in ("d1", "d2", "d3")]
    assert states == ["UPDATE_FAILED", "NOT_UPDATING", "NOT_UPDATING"]


def test_clearing_faults_on_one_replica_ends_delays_on_another(three: list[Replica], call: Call) -> None:
    call("POST", "/__mock__/faults", three[0].url, json={"method": "GET", "delay": 25})
    started = time.monotonic()
    timer = threading.Timer(0.5, call, ("DELETE", "/__mock__/faults", three[1].url))
    timer.start()
    assert call("GET", ENDPOINTS, three[2].url).status_code == 200
    assert 0.4 < time.monotonic() - started < 10
    timer.join()


def test_scripted_replies_are_given_in_turn_over_all_replicas(three: list[Replica], call: Call) -> None:
    answers = [{"text": "one"}, {"text": "two"}, {"error": {"status": 418, "message": "three"}}]
    call("POST", "/__mock__/replies", three[0].url, json={"endpoint": "databricks-*", "answers": answers, "times": 3})
    call("PUT", "/__mock__/replies/strict", three[1].url, json={"strict": True})
    said = []
    for replica in (three[1], three[2], three[0], three[1]):
        answer = call("POST", "/serving-endpoints/chat/completions", replica.url, json=chat())
        if answer.status_code == 200:
            said.append(answer.json()["choices"][0]["message"]["content"])
        else:
            said.append((answer.status_code, answer.json()["message"][:9]))
    assert said == ["one", "two", (418, "three"), (400, "No script")]


def test_reads_are_stale_for_the_said_number_over_all_replicas(three: list[Replica], call: Call) -> None:
    call("POST", "/__mock__/stale-reads", three[0].url, json={"reads": 2})
    call("POST", ENDPOINTS, three[1].url, json={"name": "new"})
    asked = [call("GET", f"{ENDPOINTS}/new", replica.url).status_code for replica in (three[2], three[0], three[1])]
    assert asked == [404, 404, 200]


def test_the_journal_the_metrics_and_the_payloads_are_those_of_all_replicas(three: list[Replica], call: Call) -> None:
    entity = {"name": "gpt", "external_model": EXTERNAL}
    gateway = {"inference_table_config": {"enabled": True, "catalog_name": "c", "schema_name": "s"}}
    body = {"name": "m", "config": {"served_entities": [entity]}, "ai_gateway": gateway}
    assert call("POST", ENDPOINTS, three[0].url, json=body).status_code == 200
    call("POST", "/__mock__/clock", json={"advance": 60})
    at_once(30, lambda number: call("POST", "/serving-endpoints/m/invocations", three[number % 3].url, json=chat("m")))
    for replica in three:
        journal = call("GET", "/__mock__/journal", replica.url).json()
        assert journal["count"] == 31
        assert [entry["number"] for entry in journal["entries"]] == list(range(1, 32))
        assert journal["entries"][0]["body"]["config"]["served_entities"][0]["external_model"]["name"] == "gpt-4o"
        payloads = call("GET", "/__mock__/payloads", replica.url).json()
        assert (payloads["count"], len({row["databricks_request_id"] for row in payloads["payloads"]})) == (30, 30)
    for replica in three:
        metrics = call("GET", f"{ENDPOINTS}/m/metrics", replica.url).text
        assert re.search(r'^request_count_total\{.*served_entity_name="gpt"\} 30$', metrics, re.MULTILINE), metrics
    waited = threading.Timer(0.3, call, ("GET", f"{ENDPOINTS}/m", three[1].url))
    waited.start()
    query = "operation=get_serving_endpoint&count=1&timeout=20"
    assert call("GET", f"/__mock__/journal/wait?{query}", three[2].url).json()["count"] == 1
    waited.join()


def test_traffic_is_split_in_turn_over_all_replicas(three: list[Replica], call: Call) -> None:
    models = [{"name": name, "entity_name": "main.default.m", "entity_version": version, "workload_size": "Small",
               "scale_to_zero_enabled": True} for name, version in (("a", "1"), ("b", "2"))]  # fmt: skip
    routes = [
        {"served_model_name": "a", "traffic_percentage": 50},
        {"served_model_name": "b", "traffic_percentage": 50},
    ]
    config = {"served_entities": models, "traffic_config": {"routes": routes}}
    call("POST", ENDPOINTS, json={"name": "split", "config": config}).raise_for_status()
    call("POST", "/__mock__/clock", json={"advance": 60})
    records = {"dataframe_records": [{"x": 1}]}
    alone = [
        call("POST", "/serving-endpoints/split/invocations", three[0].url, json=records).headers["served-model-name"]
        for _ in range(20)
    ]
    call("DELETE", f"{ENDPOINTS}/split")
    call("POST", "/__mock__/reset")
    call("POST", ENDPOINTS, json={"name": "split", "config": config}).raise_for_status()
    call("POST", "/__mock__/clock", json={"advance": 60})
    spread = [
        call("POST", "/serving-endpoints/split/invocations", three[number % 3].url, json=records).headers[
            "served-model-name"
        ]
        for number in range(20)
    ]
    assert spread == alone
    assert set(spread) == {"a", "b"}


def test_tokens_made_on_one_replica_count_on_all(three: list[Replica], call: Call) -> None:
    made = call("POST", "/__mock__/tokens", three[0].url, json={"user_name": "ann@example.com"}).json()["token"]
    form = {"grant_type": "client_credentials", "scope": "all-apis"}
    issued = requests.post(
        f"{three[1].url}/oidc/v1/token", data=form, auth=("mock-client-id", "mock-client-secret"), timeout=10
    ).json()["access_token"]
    for replica in three:
        for token in (made, issued):
            answer = requests.get(replica.url + ENDPOINTS, headers={"Authorization": f"Bearer {token}"}, timeout=10)
            assert answer.status_code == 200
    identifier = call("GET", "/__mock__/tokens", three[2].url).json()["tokens"][0]["id"]
    call("DELETE", f"/__mock__/tokens/{identifier}", three[2].url)
    for replica in three:
        answer = requests.get(replica.url + ENDPOINTS, headers={"Authorization": f"Bearer {made}"}, timeout=10)
        assert answer.status_code == 403


def test_of_two_simultaneous_creates_one_wins(three: list[Replica], call: Call) -> None:
    for number in range(20):
        body = {"name": f"race-{number}"}
        answers = at_once(3, lambda replica: call("POST", ENDPOINTS, three[replica].url, json=body))  # noqa: B023  # run at once
        assert sorted(answer.status_code for answer in answers) == [200, 409, 409]
        codes = {answer.json().get("error_code") for answer in answers}
        assert codes == {None, "RESOURCE_ALREADY_EXISTS"}


def test_two_replicas_update_one_endpoint_a_thousand_times_and_one_wins_each_time(
    three: list[Replica], token: str
) -> None:
    outcomes, version = racing_updates([three[0].url, three[1].url], token, 500)
    assert outcomes == {ONE_WINS: 500}
    assert version == 501
