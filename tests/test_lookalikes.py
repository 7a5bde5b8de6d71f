"""Creations that differ in the name only are read, made and written once: what comes of them is what came before."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import orjson
import pytest
import requests
from databricks.sdk import WorkspaceClient
from databricks.sdk.service.serving import EndpointCoreConfigInput, ServedEntityInput
from hypothesis import given, settings
from hypothesis import strategies as st

import openapi
from mockserver import MockServer, Settings
from mockserver.auth import DEFAULT_WORKSPACE
from mockserver.clock import AdjustableClock
from mockserver.core import Mock
from mockserver.domain.endpoint import Endpoint
from mockserver.domain.permissions import AccessList
from mockserver.fault_rules import DeploymentFault
from mockserver.lookalikes import MOST_BYTES, REMEMBERED, Lookalikes
from mockserver.messages import Body, Reply, Request
from mockserver.wire import payload

CREATE = openapi.load().operations["create_serving_endpoint"]
PROVISIONED = openapi.load().operations["create_provisioned_throughput_endpoint"]

ENTITY = {"entity_name": "main.default.churn", "entity_version": "1", "scale_to_zero_enabled": True}
PLAINTEXT = {
    "name": "gpt-4o",
    "provider": "openai",
    "task": "llm/v1/chat",
    "openai_config": {"openai_api_key_plaintext": "sk-secret"},
}
TABLE = {"catalog_name": "main", "schema_name": "logs", "enabled": True}
BODIES: dict[str, dict[str, Any]] = {
    "bare": {},
    "custom": {"config": {"served_entities": [ENTITY]}, "description": "One of many."},
    "secret": {"config": {"served_entities": [{"external_model": PLAINTEXT}]}},
    "limits": {
        "config": {"served_entities": [{"external_model": PLAINTEXT}]},
        "rate_limits": [{"calls": 5, "renewal_period": "minute"}],
        "ai_gateway": {"rate_limits": [{"calls": 7, "renewal_period": "minute"}]},
        "tags": [{"key": "a", "value": "b"}, {"key": "a", "value": "c"}],
    },
    "table named after the endpoint": {
        "config": {"served_entities": [{"external_model": PLAINTEXT}]},
        "ai_gateway": {"inference_table_config": TABLE},
    },
    "capture named after the endpoint": {"config": {"served_entities": [ENTITY], "auto_capture_config": TABLE}},
    "address with the name": {"config": {"served_entities": [ENTITY]}, "route_optimized": True},
    "profile made from the name": {
        "config": {"served_entities": [ENTITY]},
        "telemetry_config": {"table_names": {"logs_table": "main.logs.otel", "traces_table": "main.logs.spans"}},
    },
    **{
        f"example {number}": {name: value for name, value in example.items() if name != "name"}
        for number, example in enumerate(openapi.load().schema("CreateServingEndpoint").definition.get("examples", ()))
    },
}


class Twin:
    """Two mocks with the same clock: in one creations look alike, in the other none does, as white space tells them
    apart.
    """

    def __init__(self, provisioning: float = 0) -> None:
        self.clock = AdjustableClock(1_790_000_000_123)
        self.settings = Settings(provisioning=provisioning, max_endpoints=50)
        self.mocks = tuple(Mock(self.settings, clock=self.clock) for _ in range(2))
        self._spaces = itertools.count(1)
        self._numbers = {mock: itertools.count(1) for mock in self.mocks}

    def create(self, body: dict[str, Any], operation: openapi.Operation = CREATE) -> Reply:
        """The reply, which is the same in both, as is what is kept."""
        text = orjson.dumps(body)
        spaces = (0, next(self._spaces))
        replies = [respond(mock, operation, text + b" " * more) for mock, more in zip(self.mocks, spaces, strict=True)]
        assert replies[0].status == replies[1].status
        assert replies[0].body == replies[1].body
        assert payload(replies[0]) == payload(replies[1])
        for kind in (Endpoint, AccessList):
            kept = [mock.store.items(kind, DEFAULT_WORKSPACE) for mock in self.mocks]
            assert kept[0] == kept[1]
        noted = [mock.journal.entry(DEFAULT_WORKSPACE, next(self._numbers[mock])) for mock in self.mocks]
        assert noted[0] is not None
        assert noted[1] is not None
        assert (noted[0].body, noted[0].reply) == (noted[1].body, noted[1].reply)
        return replies[0]


def respond(mock: Mock, operation: openapi.Operation, text: bytes) -> Reply:
    headers = {"authorization": "Bearer dapi-mock", "content-type": "application/json"}
    answer = mock.respond(operation, Request("POST", operation.path, headers, body=text))
    assert isinstance(answer, Reply)
    return answer


@pytest.mark.parametrize("provisioning", [0, 5])
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_what_looks_alike_is_made_as_if_it_did_not(body: dict[str, Any], provisioning: float) -> None:
    twin = Twin(provisioning)
    for number in range(12):
        reply = twin.create({"name": f"endpoint-{number}", **body})
        assert reply.status == 200, reply.body
        assert "sk-secret" not in reply.written.decode()
        twin.clock.advance((0, 0.2, 0, 0, 2)[number % 5])


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_an_endpoint_made_again_under_its_name_says_nothing_of_others(body: dict[str, Any]) -> None:
    twin = Twin()
    for name in ("aaaa", "aaaa", "bbbb", "cccc", "aaaa", "dddd"):
        assert twin.create({"name": name, **body}).status == 200
        for mock in twin.mocks:
            with mock.store.transaction(DEFAULT_WORKSPACE) as transaction:
                transaction.delete(Endpoint, "aaaa")


def test_creations_of_provisioned_throughput_look_alike_too() -> None:
    twin = Twin()
    entity = {"entity_name": "system.ai.llama_v3_3_70b_instruct", "entity_version": "1", "provisioned_model_units": 50}
    for number in range(5):
        body = {"name": f"pt{number}", "config": {"served_entities": [entity]}}
        assert twin.create(body, operation=PROVISIONED).status == 200


def test_a_name_that_is_refused_is_refused_in_the_midst_of_its_likes() -> None:
    twin = Twin()
    names = ["one", "two", "three", "three", "-", "", "x" * 64, "four", "databricks-claude-sonnet-4", "a b", "five"]
    statuses = [twin.create({"name": name, **BODIES["custom"]}).status for name in names]
    assert statuses == [200, 200, 200, 409, 400, 400, 400, 200, 409, 400, 200]


@settings(deadline=None)
@given(st.lists(st.text(min_size=1, max_size=4) | st.from_regex(r"\A[a-z][a-z0-9_-]{0,70}\Z"), min_size=4, max_size=8))
def test_any_names_get_what_they_would_get_alone(names: list[str]) -> None:
    twin = Twin()
    for name in ("first", "second", *names):
        try:
            assert twin.create({"name": name, "config": {"served_entities": [ENTITY]}}).status in (200, 400, 409)
        except UnicodeEncodeError:  # half a surrogate pair, which is no JSON
            continue


def test_a_full_workspace_is_full_for_likes_too() -> None:
    twin = Twin()
    statuses = [twin.create({"name": f"endpoint-{number}"}).status for number in range(52)]
    assert statuses == [200] * 50 + [400] * 2


def test_a_deployment_that_is_to_fail_fails_in_the_midst_of_its_likes() -> None:
    twin = Twin(provisioning=2)
    for number in range(8):
        if number == 4:
            for mock in twin.mocks:
                mock.faults.add_deployment(DEFAULT_WORKSPACE, DeploymentFault("endpoint-5", outcome="FAILED"))
        twin.create({"name": f"endpoint-{number}", **BODIES["custom"]})
    twin.clock.advance(3)
    endpoints = dict(twin.mocks[0].store.items(Endpoint, DEFAULT_WORKSPACE))
    failed = [name for name, kept in endpoints.items() if kept.config_update(twin.clock.now()) == "UPDATE_FAILED"]
    assert failed == ["endpoint-5"]


def test_other_settings_of_the_workspace_hold_at_once() -> None:
    twin = Twin()
    for number in range(8):
        if number == 4:
            for mock in twin.mocks:
                mock.configure(DEFAULT_WORKSPACE, settings=Settings(provisioning=60, seed=7))
        reply = twin.create({"name": f"endpoint-{number}", **BODIES["custom"]})
        assert reply.body["state"]["ready"] == ("READY" if number < 4 else "NOT_READY")


def others(draw_name: str) -> st.SearchStrategy[dict[str, Any]]:
    """Members beside the name, in whose keys and values the name is likely to stand as well."""
    texts = st.sampled_from([draw_name, f'"{draw_name}"', f"{draw_name}2", "name", "x"]) | st.text(max_size=4)
    values = st.recursive(
        texts | st.integers() | st.none() | st.booleans(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
        max_leaves=8,
    )
    return st.dictionaries(texts.filter(lambda key: key != "name"), values, max_size=4)


@settings(deadline=None)
@given(st.data(), st.sampled_from(["a", "name", "chat-1", "1"]), st.sampled_from(["b", "name", "x", "chat-12"]))
def test_what_is_found_is_what_would_be_read(data: st.DataObject, name: str, other: str) -> None:
    members = [*data.draw(others(name)).items()]
    place = data.draw(st.integers(0, len(members)))
    ordered = {**dict(members[:place]), "name": name, **dict(members[place:])}
    dump: Callable[[Any], bytes] = data.draw(st.sampled_from([orjson.dumps, _spaced]))
    try:
        text, renamed = dump(ordered), dump({**ordered, "name": other})
    except (UnicodeEncodeError, TypeError):  # what JSON cannot carry
        return
    lookalikes = Lookalikes()
    lookalikes.remember(CREATE, text, Body(ordered, ordered, {}))
    found = lookalikes.find(CREATE, renamed)
    assert found is None or found.value == orjson.loads(renamed)
    assert lookalikes.find(CREATE, renamed[:-1]) is None


def _spaced(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2)


@pytest.mark.parametrize(
    "text",
    [
        b'{"name":"\\u0061","description":"a"}',
        b'{"n\\u0061me":"a","tags":[{"key":"k","value":"\\"a\\""}]}',
        b'{"name":"a","description":"a"}',
        b'{"name":"b","description":"a","name":"a"}',
    ],
)
def test_a_body_in_which_the_name_does_not_stand_for_itself_has_no_likes(text: bytes) -> None:
    lookalikes = Lookalikes()
    body = orjson.loads(text)
    assert body["name"] == "a"
    lookalikes.remember(CREATE, text, Body(body, body, {}))
    assert lookalikes.find(CREATE, text.replace(b'"a"', b'"c"')) is None
    assert lookalikes.find(CREATE, text) is None


def test_only_the_newest_short_ones_are_remembered_and_only_for_their_operation() -> None:
    lookalikes = Lookalikes()
    for number in range(REMEMBERED + 1):
        text = b'{"name":"a","description":"%d"}' % number
        lookalikes.remember(CREATE, text, Body(orjson.loads(text), orjson.loads(text), {}))
    assert lookalikes.find(CREATE, b'{"name":"b","description":"0"}') is None
    found = lookalikes.find(CREATE, b'{"name":"b","description":"8"}')
    assert found is not None
    assert found.value == {"name": "b", "description": "8"}
    assert lookalikes.find(PROVISIONED, b'{"name":"b","description":"8"}') is None
    long = {"name": "a", "description": "x" * MOST_BYTES}
    lookalikes.remember(CREATE, orjson.dumps(long), Body(long, long, {}))
    assert lookalikes.find(CREATE, orjson.dumps({**long, "name": "b"})) is None


def test_the_sdk_creates_endpoints_alike_and_reads_each_as_its_own() -> None:
    entity = ServedEntityInput(entity_name="main.default.churn", entity_version="1", scale_to_zero_enabled=True)
    config = EndpointCoreConfigInput(name="ignored", served_entities=[entity])
    with MockServer(Settings(port=0, provisioning=0)) as server:
        client = WorkspaceClient(host=server.url, token=server.token)
        created = [client.serving_endpoints.create(f"churn-{n}", config=config).response for n in range(6)]
        for detail in created:
            assert detail.name is not None
            assert client.serving_endpoints.get(detail.name).as_dict() == detail.as_dict()
        assert len({detail.id for detail in created}) == 6
        owners = client.serving_endpoints.get_permissions(str(created[4].id)).access_control_list
        assert owners is not None
        assert owners[0].user_name == client.current_user.me().user_name


def test_tokens_of_others_make_endpoints_of_others() -> None:
    with MockServer(Settings(port=0, provisioning=0)) as server:
        added = requests.post(
            f"{server.url}/__mock__/tokens",
            json={"user_name": "jane@example.com"},
            timeout=10,
        )
        assert added.ok, added.text
        other = added.json()["token"]
        creators = []
        for number in range(8):
            token = other if number in (4, 5) else server.token
            reply = requests.post(
                f"{server.url}/api/2.0/serving-endpoints",
                json={"name": f"churn-{number}", "config": {"served_entities": [ENTITY]}},
                headers={"Authorization": f"Bearer {token}"},
                timeout=10,
            )
            assert reply.ok, reply.text
            creators.append(reply.json()["creator"] == "jane@example.com")
        assert creators == [False] * 4 + [True] * 2 + [False] * 2
