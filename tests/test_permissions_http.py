"""Levels over every operation, for a caller that is no administrator."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
import requests
from conftest import caller

from mockserver import MockServer

ENDPOINTS = "/api/2.0/serving-endpoints"
PERMISSIONS = "/api/2.0/permissions/serving-endpoints"
ENTITY = {"name": "ads", "entity_name": "main.ads.model", "entity_version": "1", "scale_to_zero_enabled": True}
Rest = Callable[..., requests.Response]
_names = itertools.count()


@pytest.fixture(scope="module")
def principal(instant_server: MockServer) -> Rest:
    """The service principal, which has rights only where it was given some."""
    form = {"grant_type": "client_credentials", "scope": "all-apis"}
    answer = requests.post(
        f"{instant_server.url}/oidc/v1/token", data=form, auth=("mock-client-id", "mock-client-secret"), timeout=30
    )
    return caller(instant_server.url, answer.json()["access_token"])


@pytest.fixture(scope="module")
def admin(instant_server: MockServer) -> Rest:
    return caller(instant_server.url, "dapi-mock")


@pytest.fixture
def endpoint(admin: Rest) -> dict[str, Any]:
    name = f"guarded-{next(_names)}"
    return dict(admin("POST", ENDPOINTS, json={"name": name, "config": {"served_entities": [ENTITY]}}).json())


def grant(admin: Rest, endpoint: dict[str, Any], level: str | None) -> None:
    entry = [{"service_principal_name": "mock-client-id", "permission_level": level}] if level else []
    reply = admin("PUT", f"{PERMISSIONS}/{endpoint['id']}", json={"access_control_list": entry})
    assert reply.status_code == 200


OPERATIONS: list[tuple[str, str, str, Any]] = [
    ("CAN_VIEW", "GET", "{api}/{name}", None),
    ("CAN_VIEW", "GET", "{api}/{name}/metrics", None),
    ("CAN_VIEW", "GET", "{api}/{name}/openapi", None),
    ("CAN_VIEW", "GET", "{api}/{name}/served-models/ads/logs", None),
    ("CAN_VIEW", "GET", "{api}/{name}/served-models/ads/build-logs", None),
    ("CAN_VIEW", "GET", "{permissions}/{id}", None),
    ("CAN_VIEW", "GET", "{permissions}/{id}/permissionLevels", None),
    ("CAN_QUERY", "POST", "/serving-endpoints/{name}/invocations", {"inputs": [1]}),
    ("CAN_QUERY", "POST", "/serving-endpoints/{name}/served-models/ads/invocations", {"inputs": [1]}),
    ("CAN_MANAGE", "PUT", "{api}/{name}/config", {"served_entities": [ENTITY]}),
    ("CAN_MANAGE", "PUT", "{api}/{name}/rate-limits", {"rate_limits": []}),
    ("CAN_MANAGE", "PUT", "{api}/{name}/ai-gateway", {}),
    ("CAN_MANAGE", "PATCH", "{api}/{name}/tags", {"add_tags": [{"key": "team"}]}),
    ("CAN_MANAGE", "PATCH", "{api}/{name}/notifications", {}),
    ("CAN_MANAGE", "PATCH", "{api}/{name}/telemetry-config", {}),
    ("CAN_MANAGE", "POST", "{api}/{name}/config:stop", None),
    ("CAN_MANAGE", "POST", "{api}/{name}/config:start", None),
    ("CAN_MANAGE", "PATCH", "{permissions}/{id}", {"access_control_list": []}),
    ("CAN_MANAGE", "DELETE", "{api}/{name}", None),
]
LEVELS = ["CAN_VIEW", "CAN_QUERY", "CAN_MANAGE"]
VERBS = {"CAN_VIEW": "View", "CAN_QUERY": "Query", "CAN_MANAGE": "Manage"}


@pytest.mark.parametrize("level", [None, *LEVELS])
def test_every_operation_asks_for_its_level(
    admin: Rest, principal: Rest, endpoint: dict[str, Any], level: str | None
) -> None:
    grant(admin, endpoint, level)
    seen = [(item["name"], item["permission_level"]) for item in principal("GET", ENDPOINTS).json()["endpoints"]]
    assert [kept for name, kept in seen if name == endpoint["name"]] == ([level] if level else [])
    for required, method, path, body in OPERATIONS:
        place = path.format(api=ENDPOINTS, permissions=PERMISSIONS, **{key: endpoint[key] for key in ("name", "id")})
        reply = principal(method, place, json=body)
        if level is not None and LEVELS.index(level) >= LEVELS.index(required):
            assert reply.status_code == 200, (method, path, reply.text)
            continue
        assert reply.status_code == 403, (method, path, reply.text)
        refusal = reply.json()
        assert refusal["error_code"] == "PERMISSION_DENIED"
        expected = f"User does not have permission '{VERBS[required]}' on Endpoint {endpoint['name']}"
        assert refusal["message"] == expected


def test_the_list_of_a_deleted_endpoint_is_as_closed_as_before(
    admin: Rest, principal: Rest, endpoint: dict[str, Any]
) -> None:
    place = f"{PERMISSIONS}/{endpoint['id']}"
    assert admin("DELETE", f"{ENDPOINTS}/{endpoint['name']}").status_code == 200
    assert admin("GET", place).json()["object_id"] == f"/serving-endpoints/{endpoint['id']}"
    assert principal("GET", place).status_code == 403
    mine = {"access_control_list": [{"service_principal_name": "mock-client-id", "permission_level": "CAN_MANAGE"}]}
    assert principal("PUT", place, json=mine).status_code == 403
    assert admin("PATCH", place, json=mine).status_code == 200
    assert principal("GET", place).status_code == 200


def test_everybody_the_workspace_knows_is_shown_with_a_name(
    admin: Rest, principal: Rest, endpoint: dict[str, Any]
) -> None:
    place = f"{PERMISSIONS}/{endpoint['id']}"
    mine = {"access_control_list": [{"service_principal_name": "mock-client-id", "permission_level": "CAN_VIEW"}]}
    assert admin("PATCH", place, json=mine).status_code == 200
    for reader in (admin, principal):
        entries = reader("GET", place).json()["access_control_list"]
        names = {entry.get("display_name") for entry in entries if "group_name" not in entry}
        assert names == {"User", "Mock service principal"}
