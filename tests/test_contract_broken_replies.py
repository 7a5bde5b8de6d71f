"""Replies the mock really gives, broken in every place by one value: the contract notices."""

from __future__ import annotations

import copy
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from conftest import caller

import openapi
from mockserver import MockServer

ENDPOINTS = "/api/2.0/serving-endpoints"
EXTERNAL = {
    "name": "chat",
    "external_model": {
        "name": "gpt-4",
        "provider": "openai",
        "task": "llm/v1/chat",
        "openai_config": {"openai_api_key": "{{secrets/scope/key}}"},
    },
}
CUSTOM = {"name": "ads", "entity_name": "main.ads.model", "entity_version": "1", "scale_to_zero_enabled": True}
FREE_WORDS = {"resource_credential_strategy", "status"}
"""Members whose values look like an enumeration, of which only one value was ever seen."""
Place = tuple[str | int, ...]


@pytest.fixture(scope="module")
def replies(instant_server: MockServer) -> dict[str, tuple[str, Any]]:
    """Name of a reply -> the operation that gave it, and the reply."""
    rest = caller(instant_server.url, f"dapi-mock-broken-replies-{uuid.uuid4().hex}")
    gateway = {"rate_limits": [{"calls": 1, "renewal_period": "minute"}], "usage_tracking_config": {"enabled": True}}
    custom = {"name": "ads", "config": {"served_entities": [CUSTOM]}, "tags": [{"key": "team", "value": "x"}]}
    endpoint = answered(rest, "POST", ENDPOINTS, {**custom, "ai_gateway": gateway})
    answered(rest, "POST", ENDPOINTS, {"name": "chat", "config": {"served_entities": [EXTERNAL]}})
    listed = answered(rest, "GET", ENDPOINTS)["endpoints"]
    mail = {"email_notifications": {"on_update_success": ["user@example.com"]}}
    limits = {"rate_limits": [{"calls": 1, "renewal_period": "minute", "key": "user"}]}
    permissions = f"/api/2.0/permissions/serving-endpoints/{endpoint['id']}"
    return {
        "custom": ("get_serving_endpoint", answered(rest, "GET", f"{ENDPOINTS}/ads")),
        "external": ("get_serving_endpoint", answered(rest, "GET", f"{ENDPOINTS}/chat")),
        "hosted": ("get_serving_endpoint", answered(rest, "GET", f"{ENDPOINTS}/databricks-bge-large-en")),
        "list": ("list_serving_endpoints", {"endpoints": [listed[0], *listed[-2:]]}),
        "tags": ("patch_tags", answered(rest, "PATCH", f"{ENDPOINTS}/ads/tags", {})),
        "limits": ("put_rate_limits", answered(rest, "PUT", f"{ENDPOINTS}/ads/rate-limits", limits)),
        "gateway": ("put_ai_gateway", answered(rest, "PUT", f"{ENDPOINTS}/ads/ai-gateway", gateway)),
        "mail": ("update_notifications", answered(rest, "PATCH", f"{ENDPOINTS}/ads/notifications", mail)),
        "permissions": ("get_permissions", answered(rest, "GET", permissions)),
        "levels": ("get_permission_levels", answered(rest, "GET", f"{permissions}/permissionLevels")),
        "logs": ("get_logs", answered(rest, "GET", f"{ENDPOINTS}/ads/served-models/ads/logs")),
        "user": ("get_current_user", answered(rest, "GET", "/api/2.0/preview/scim/v2/Me")),
    }


def answered(rest: Callable[..., requests.Response], method: str, path: str, body: Any = None) -> Any:
    reply = rest(method, path, json=body)
    assert reply.status_code == 200, reply.text
    return reply.json()


def test_a_value_of_a_wrong_kind_is_noticed_wherever_it_stands(replies: dict[str, tuple[str, Any]]) -> None:
    tried, missed = 0, []
    for name, (operation, reply) in replies.items():
        contract = openapi.load().operations[operation]
        assert contract.reply_violations(200, reply) == []
        for place, value in places(reply):
            for wrong in wrongs(place, value):
                tried += 1
                if contract.reply_violations(200, changed(reply, place, wrong)) == []:
                    missed.append((name, place, wrong))
    assert missed == []
    assert tried > 500


NEEDED: list[tuple[str, Place]] = [
    ("custom", ("state", "config_update")),
    ("custom", ("route_optimized",)),
    ("custom", ("creator_display_name",)),
    ("custom", ("config", "served_entities")),
    ("custom", ("config", "traffic_config")),
    ("custom", ("config", "traffic_config", "routes")),
    ("custom", ("config", "config_version")),
    ("custom", ("config", "served_entities", 0, "state")),
    ("custom", ("config", "served_entities", 0, "state", "deployment_state_message")),
    ("custom", ("config", "served_entities", 0, "creator")),
    ("custom", ("config", "served_entities", 0, "creation_timestamp")),
    ("custom", ("config", "served_models", 0, "model_name")),
    ("custom", ("config", "served_models", 0, "state")),
    ("custom", ("ai_gateway", "rate_limits", 0, "calls")),
    ("external", ("config", "served_entities", 0, "external_model", "task")),
    ("hosted", ("state", "config_update")),
    ("list", ("endpoints", 0, "config", "served_entities", 0, "foundation_model")),
    ("list", ("endpoints", 1, "config", "served_entities", 0, "entity_version")),
    ("list", ("endpoints", 1, "config", "served_models", 0, "model_name")),
    ("list", ("endpoints", 1, "config", "served_entities")),
    ("list", ("endpoints", 2, "config", "served_entities")),
    ("list", ("endpoints", 2, "config", "served_entities", 0, "external_model")),
    ("list", ("endpoints", 2, "permission_level")),
    ("permissions", ("access_control_list", 0, "all_permissions", 0, "inherited")),
    ("permissions", ("access_control_list", 1, "all_permissions", 0, "inherited_from_object")),
]


@pytest.mark.parametrize(("name", "place"), NEEDED, ids=lambda part: part if isinstance(part, str) else str(part[-1]))
def test_a_member_that_is_gone_is_noticed(replies: dict[str, tuple[str, Any]], name: str, place: Place) -> None:
    operation, reply = replies[name]
    broken = copy.deepcopy(reply)
    holder = broken
    for step in place[:-1]:
        holder = holder[step]
    del holder[place[-1]]
    assert openapi.load().operations[operation].reply_violations(200, broken) != []


def test_a_secret_in_a_reply_is_noticed(replies: dict[str, tuple[str, Any]]) -> None:
    operation, reply = replies["external"]
    where = ("config", "served_entities", 0, "external_model", "openai_config", "openai_api_key_plaintext")
    assert openapi.load().operations[operation].reply_violations(200, changed(reply, where, "secret")) != []


def places(value: Any, above: Place = ()) -> Iterator[tuple[Place, Any]]:
    children: list[tuple[str | int, Any]] = []
    if isinstance(value, dict):
        children = list(value.items())
    elif isinstance(value, list):
        children = list(enumerate(value[:3]))
    for step, child in children:
        yield (*above, step), child
        yield from places(child, (*above, step))


def wrongs(place: Place, value: Any) -> list[Any]:
    """Values that are never right where this one is."""
    if isinstance(value, bool):
        return ["true", 1, None]
    if isinstance(value, int | float):
        return [str(value), -1, None]
    if isinstance(value, str):
        words = ["NO_SUCH"] if value.isupper() and place[-1] not in FREE_WORDS else []
        return [7, None, [], *words]
    return ["x", None, {} if isinstance(value, list) else []]


def changed(reply: Any, place: Place, value: Any) -> Any:
    broken = copy.deepcopy(reply)
    holder = broken
    for step in place[:-1]:
        holder = holder[step]
    holder[place[-1]] = value
    return broken
