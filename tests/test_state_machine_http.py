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
from mockserver.faults import DeploymentFault
from mockserver.handlers.endpoints import cancel_update
from mockserver.messages import Reply, Request

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


def standing(rest: Rest, name: str) -> tuple[str, str, str, int | None, int | None]:
    """Ready, update, suspension, and the versions of what serves and of what is pending."""
    endpoint = rest("GET", f"{ENDPOINTS}/{name}").json()
    state = endpoint["state"]
    versions = (endpoint.get(part, {}).get("config_version") for part in ("config", "pending_config"))
    return (state["ready"], state["config_update"], state["suspend"], *versions)


def pending_states(rest: Rest, name: str) -> set[tuple[str, str]]:
    pending = rest("GET", f"{ENDPOINTS}/{name}").json()["pending_config"]
    entities = (*pending["served_entities"], *pending["served_models"])
    return {(e["state"]["deployment"], e["state"]["deployment_state_message"]) for e in entities}


def test_the_states_from_nothing_to_an_update(server: MockServer, rest: Rest) -> None:
    assert rest("POST", ENDPOINTS, json={"name": "ads"}).status_code == 200
    assert standing(rest, "ads") == ("NOT_READY", "NOT_UPDATING", "NOT_SUSPENDED", None, None)
    server.mock.clock.advance(100)
    assert standing(rest, "ads") == ("NOT_READY", "NOT_UPDATING", "NOT_SUSPENDED", None, None)
    rest("PUT", f"{ENDPOINTS}/ads/config", json={"served_entities": [CUSTOM]})
    assert standing(rest, "ads") == ("NOT_READY", "IN_PROGRESS", "NOT_SUSPENDED", None, 1)
    server.mock.clock.advance(3)
    assert standing(rest, "ads") == ("READY", "NOT_UPDATING", "NOT_SUSPENDED", 1, None)
    rest("PUT", f"{ENDPOINTS}/ads/config", json={"served_entities": [{**CUSTOM, "entity_version": "2"}]})
    assert standing(rest, "ads") == ("READY", "IN_PROGRESS", "NOT_SUSPENDED", 1, 2)
    server.mock.clock.advance(2.9)
    assert standing(rest, "ads") == ("READY", "IN_PROGRESS", "NOT_SUSPENDED", 1, 2)
    server.mock.clock.advance(0.1)
    assert standing(rest, "ads") == ("READY", "NOT_UPDATING", "NOT_SUSPENDED", 2, None)


def test_a_failure_keeps_what_failed_with_the_reason_and_what_served_before(server: MockServer, rest: Rest) -> None:
    server.mock.faults.add_deployment("default", DeploymentFault(outcome="FAILED"))
    created(rest, "ads", CUSTOM)
    server.mock.clock.advance(3)
    assert standing(rest, "ads") == ("NOT_READY", "UPDATE_FAILED", "NOT_SUSPENDED", None, 1)
    assert pending_states(rest, "ads") == {("DEPLOYMENT_FAILED", "Model server failed to load the model")}
    rest("PUT", f"{ENDPOINTS}/ads/config", json={"served_entities": [CUSTOM]})
    server.mock.clock.advance(3)
    assert standing(rest, "ads") == ("READY", "NOT_UPDATING", "NOT_SUSPENDED", 2, None)
    server.mock.faults.add_deployment("default", DeploymentFault(outcome="ABORTED", message="Out of time."))
    rest("PUT", f"{ENDPOINTS}/ads/config", json={"served_entities": [{**CUSTOM, "entity_version": "2"}]})
    server.mock.clock.advance(3)
    assert standing(rest, "ads") == ("READY", "UPDATE_FAILED", "NOT_SUSPENDED", 2, 3)
    assert pending_states(rest, "ads") == {("DEPLOYMENT_ABORTED", "Out of time.")}
    assert rest("POST", "/serving-endpoints/ads/invocations", json={"inputs": [1]}).status_code == 200


def test_a_cancelled_update_leaves_what_served_before(server: MockServer, rest: Rest) -> None:
    created(rest, "ads", CUSTOM)
    server.mock.clock.advance(3)
    rest("PUT", f"{ENDPOINTS}/ads/config", json={"served_entities": [{**CUSTOM, "entity_version": "2"}]})
    server.mock.clock.advance(1)
    assert cancelled(server, "ads") == 200
    for seconds in (0, 10):
        server.mock.clock.advance(seconds)
        assert standing(rest, "ads") == ("READY", "UPDATE_CANCELED", "NOT_SUSPENDED", 1, None)
    assert cancelled(server, "ads") == 400
    rest("PUT", f"{ENDPOINTS}/ads/config", json={"served_entities": [CUSTOM]})
    assert standing(rest, "ads") == ("READY", "IN_PROGRESS", "NOT_SUSPENDED", 1, 3)


def cancelled(server: MockServer, name: str) -> int:
    """The status of a cancellation, which only the Serving pages offer."""
    request = Request("POST", "/cancel", {"authorization": "Bearer dapi-mock"}, {"name": name})
    answer = server.mock.respond(server.mock.spec.operations["stop_endpoint"], request, cancel_update)
    assert isinstance(answer, Reply)
    return answer.status


def test_a_stopped_endpoint_keeps_its_configuration_and_starts_as_a_new_version(server: MockServer, rest: Rest) -> None:
    created(rest, "ads", CUSTOM)
    assert rest("POST", f"{ENDPOINTS}/ads/config:stop").status_code == 409
    server.mock.clock.advance(3)
    assert rest("POST", f"{ENDPOINTS}/ads/config:start").status_code == 400
    stopped = rest("POST", f"{ENDPOINTS}/ads/config:stop").json()
    assert stopped["config"]["served_entities"][0]["state"] == {
        "deployment": "DEPLOYMENT_STOPPED",
        "deployment_state_message": "Stopped",
    }
    assert standing(rest, "ads") == ("NOT_READY", "NOT_UPDATING", "STOPPED", 1, None)
    assert rest("POST", "/serving-endpoints/ads/invocations", json={"inputs": [1]}).json() == {
        "error_code": "BAD_REQUEST",
        "message": "The given endpoint is stopped, please retry after starting the endpoint.",
    }
    assert rest("POST", f"{ENDPOINTS}/ads/config:start").status_code == 200
    assert standing(rest, "ads") == ("NOT_READY", "IN_PROGRESS", "NOT_SUSPENDED", 1, 2)
    server.mock.clock.advance(3)
    assert standing(rest, "ads") == ("READY", "NOT_UPDATING", "NOT_SUSPENDED", 2, None)
