"""The states of an endpoint over HTTP, on a clock that the tests move."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from conftest import caller

from mockserver import MockServer, Settings
from mockserver.clock import AdjustableClock
from mockserver.core import Mock

ENDPOINTS = "/api/2.0/serving-endpoints"
START = 1_700_000_000_000
CUSTOM: dict[str, Any] = {
    "name": "ads", "entity_name": "main.ads.model", "entity_version": "1", "scale_to_zero_enabled": True,
}  # fmt: skip
EXTERNAL: dict[str, Any] = {
    "name": "chat",
    "external_model": {
        "name": "gpt-4",
        "provider": "openai",
        "task": "llm/v1/chat",
        "openai_config": {"openai_api_key": "{{secrets/scope/key}}"},
    },
}
Rest = Callable[..., requests.Response]


@pytest.fixture
def server() -> Iterator[MockServer]:
    with MockServer(mock=Mock(Settings(port=0), clock=AdjustableClock(frozen_at=START))) as running:
        yield running


@pytest.fixture
def rest(server: MockServer) -> Rest:
    return caller(server.url, "dapi-mock")


def created(rest: Rest, name: str, entity: dict[str, Any], **more: Any) -> dict[str, Any]:
    reply = rest("POST", ENDPOINTS, json={"name": name, "config": {"served_entities": [entity]}, **more})
    assert reply.status_code == 200, reply.text
    return dict(reply.json())


def test_an_update_under_way_is_told_before_what_else_is_wrong(rest: Rest) -> None:
    created(rest, "ads", CUSTOM)
    for config in ({"served_entities": [CUSTOM, CUSTOM]}, {"served_entities": [EXTERNAL]}):
        reply = rest("PUT", f"{ENDPOINTS}/ads/config", json=config)
        assert reply.status_code == 409
        assert reply.json() == {
            "error_code": "RESOURCE_CONFLICT",
            "message": "Endpoint served entities are currently being updated",
        }


def test_the_list_shows_what_is_pending_in_full(server: MockServer, rest: Rest) -> None:
    pending = created(rest, "ads", CUSTOM)["pending_config"]
    assert pending["served_entities"][0]["state"]["deployment"] == "DEPLOYMENT_CREATING"
    assert listed(rest, "ads")["pending_config"] == pending
    server.mock.clock.advance(3)
    assert "pending_config" not in listed(rest, "ads")
    assert set(listed(rest, "ads")["config"]["served_entities"][0]) == {
        "name", "entity_name", "entity_version", "type",
    }  # fmt: skip


def listed(rest: Rest, name: str) -> dict[str, Any]:
    (found,) = [item for item in rest("GET", ENDPOINTS).json()["endpoints"] if item["name"] == name]
    return dict(found)


def test_the_list_names_the_kind_of_what_is_served(server: MockServer, rest: Rest) -> None:
    feature = {"entity_name": "main.default.features", "scale_to_zero_enabled": True}
    optimised: dict[str, Any] = {"entity_name": "system.ai.meta_llama_v3_1_8b_instruct", "entity_version": "3"}
    optimised |= {"min_provisioned_throughput": 0, "max_provisioned_throughput": 19_000}
    kinds = {
        "custom": (CUSTOM, "UC_MODEL"),
        "outside": (EXTERNAL, "EXTERNAL_MODEL"),
        "feature": (feature, "FEATURE_SPEC"),
        "optimised": (optimised, "PT_FOUNDATION_MODEL"),
    }
    for name, (entity, _) in kinds.items():
        created(rest, name, entity)
    server.mock.clock.advance(3)
    for name, (_, kind) in kinds.items():
        assert listed(rest, name)["config"]["served_entities"][0]["type"] == kind


CHANGES: list[tuple[str, str, dict[str, Any]]] = [
    ("PATCH", "tags", {"add_tags": [{"key": "team", "value": "other"}]}),
    ("PUT", "rate-limits", {"rate_limits": [{"calls": 3, "renewal_period": "minute", "key": "user"}]}),
    ("PUT", "ai-gateway", {"usage_tracking_config": {"enabled": True}}),
    ("PATCH", "notifications", {"email_notifications": {"on_update_success": ["user@example.com"]}}),
    ("PATCH", "telemetry-config", {"telemetry_config": {"telemetry_profile_id": "profile"}}),
    ("POST", "config:stop", {}),
]


@pytest.mark.parametrize(("method", "path", "body"), CHANGES, ids=[path for _, path, _ in CHANGES])
def test_the_last_update_moves_when_something_changed_and_only_then(
    server: MockServer, rest: Rest, method: str, path: str, body: dict[str, Any]
) -> None:
    created(rest, "ads", CUSTOM, tags=[{"key": "team", "value": "gen-ai"}])
    for seconds in (10, 20):
        server.mock.clock.advance(10)
        assert rest(method, f"{ENDPOINTS}/ads/{path}", json=body).status_code == 200
        assert rest("GET", f"{ENDPOINTS}/ads").json()["last_updated_timestamp"] == START + 10_000, seconds


def test_reading_and_querying_leave_the_last_update_alone(server: MockServer, rest: Rest) -> None:
    created(rest, "ads", CUSTOM)
    server.mock.clock.advance(10)
    for path in ("", "/metrics", "/openapi", "/served-models/ads/logs", "/served-models/ads/build-logs"):
        assert rest("GET", f"{ENDPOINTS}/ads{path}").status_code == 200
    assert rest("POST", "/serving-endpoints/ads/invocations", json={"inputs": [1]}).status_code == 200
    assert rest("PATCH", f"{ENDPOINTS}/ads/tags", json={"delete_tags": ["nothing"]}).json() == {"tags": []}
    assert rest("GET", f"{ENDPOINTS}/ads").json()["last_updated_timestamp"] == START


def test_an_update_that_changes_nothing_is_a_new_version_all_the_same(server: MockServer, rest: Rest) -> None:
    created(rest, "ads", CUSTOM)
    server.mock.clock.advance(10)
    assert rest("PUT", f"{ENDPOINTS}/ads/config", json={"served_entities": [CUSTOM]}).status_code == 200
    server.mock.clock.advance(10)
    endpoint = rest("GET", f"{ENDPOINTS}/ads").json()
    assert endpoint["config"]["config_version"] == 2
    assert endpoint["last_updated_timestamp"] == START + 10_000
    assert endpoint["config"]["served_entities"][0]["creation_timestamp"] == START


def test_rate_limits_are_answered_as_they_were_sent_also_when_there_are_none(rest: Rest) -> None:
    created(rest, "ads", CUSTOM)
    for limits in ([{"calls": 10, "key": "endpoint", "renewal_period": "minute"}], []):
        sent = {"rate_limits": limits}
        assert rest("PUT", f"{ENDPOINTS}/ads/rate-limits", json=sent).json() == sent


def test_an_idle_entity_that_may_scale_to_zero_says_so_and_stays_ready(server: MockServer, rest: Rest) -> None:
    created(rest, "ads", CUSTOM)
    created(rest, "awake", {**CUSTOM, "scale_to_zero_enabled": False})
    server.mock.clock.advance(29 * 60)
    assert messages(rest, "ads") == {""}
    server.mock.clock.advance(60)
    before = rest("GET", f"{ENDPOINTS}/ads").json()
    assert before["state"]["ready"] == "READY"
    assert before["state"]["config_update"] == "NOT_UPDATING"
    assert messages(rest, "ads") == {"Scaled to zero"}
    assert messages(rest, "awake") == {""}
    assert rest("POST", "/serving-endpoints/ads/invocations", json={"inputs": [1]}).status_code == 200
    assert messages(rest, "ads") == {""}


def messages(rest: Rest, name: str) -> set[str]:
    config = rest("GET", f"{ENDPOINTS}/{name}").json()["config"]
    for entity in (*config["served_entities"], *config["served_models"]):
        assert entity["state"]["deployment"] == "DEPLOYMENT_READY"
    return {e["state"]["deployment_state_message"] for e in (*config["served_entities"], *config["served_models"])}
