"""What nobody knows is ignored: a client may send back what it read, and a misplaced secret is shown nowhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests
from conftest import caller

from mockserver import MockServer

ENDPOINTS = "/api/2.0/serving-endpoints"
SECRET = "sk-this-must-never-be-shown"
ENTITY = {"name": "ads", "entity_name": "main.ads.model", "entity_version": "1", "scale_to_zero_enabled": True}
Rest = Callable[..., requests.Response]


def external(config: Any) -> dict[str, Any]:
    model = {"name": "gpt-4", "provider": "openai", "task": "llm/v1/chat", "openai_config": config}
    return {"name": "chat", "config": {"served_entities": [{"name": "chat", "external_model": model}]}}


def test_what_was_read_can_be_sent_back(rest: Rest) -> None:
    created = rest("POST", ENDPOINTS, json={"name": "ads", "config": {"served_entities": [ENTITY]}}).json()
    listed = rest("GET", ENDPOINTS).json()["endpoints"][-1]
    read = {key: value for key, value in created["config"].items() if key != "served_models"}
    read["served_entities"] = [{**read["served_entities"][0], **listed["config"]["served_entities"][0], "dbus": 3}]
    updated = rest("PUT", f"{ENDPOINTS}/ads/config", json=read)
    assert updated.status_code == 200, updated.text
    assert updated.json()["config"] == {**created["config"], "config_version": 2}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "rate-limits", {"rate_limits": [{"calls": 1, "renewal_period": "minute", "odd": 1}]}),
        ("PUT", "ai-gateway", {"usage_tracking_config": {"enabled": True, "odd": 1}, "odd": 1}),
        ("PATCH", "notifications", {"email_notifications": {"on_update_success": ["u@example.com"], "odd": 1}}),
        ("PATCH", "telemetry-config", {"telemetry_config": {"telemetry_profile_id": "p", "odd": 1}}),
        ("PATCH", "tags", {"add_tags": [{"key": "team", "odd": 1}]}),
    ],
)
def test_a_member_that_nobody_knows_is_ignored(rest: Rest, method: str, path: str, body: dict[str, Any]) -> None:
    entity = {**ENTITY, "odd": 1, "environment_vars": {"odd_looking": "kept"}}
    created = rest("POST", ENDPOINTS, json={"name": "ads", "odd": 1, "config": {"served_entities": [entity], "odd": 1}})
    assert created.json()["config"]["served_entities"][0]["environment_vars"] == {"odd_looking": "kept"}
    changed = rest(method, f"{ENDPOINTS}/ads/{path}", json=body)
    assert changed.status_code == 200
    for reply in (created, changed, rest("GET", f"{ENDPOINTS}/ads")):
        assert '"odd"' not in reply.text


@pytest.mark.parametrize(
    "config",
    [
        {"openai_api_key": "{{secrets/scope/key}}", "openai_api_key_plaintex": SECRET},
        {"openai_api_key": SECRET},
        {"openai_api_key": [SECRET]},
        {"openai_api_key": {"value": SECRET}},
        {"openai_api_key_plaintext": [SECRET]},
        {"openai_api_key_plaintext": {"value": SECRET}},
        {"openai_api_key_plaintext": SECRET, "openai_api_key": SECRET},
        SECRET,
        [SECRET],
    ],
    ids=[
        "misspelled",
        "as reference",
        "as list",
        "as object",
        "plaintext in list",
        "in object",
        "twice",
        "bare",
        "list",
    ],
)
def test_a_secret_in_a_wrong_place_is_shown_nowhere(
    instant_server: MockServer, token: str, config: Any, caplog: pytest.LogCaptureFixture
) -> None:
    rest = caller(instant_server.url, token)
    replies = [rest("POST", ENDPOINTS, json=external(config)), rest("GET", ENDPOINTS), rest("GET", f"{ENDPOINTS}/chat")]
    assert SECRET not in "".join(reply.text for reply in replies)
    entries = instant_server.mock.journal.entries(token)
    assert len(entries) == 3
    assert SECRET not in repr(entries)
    assert SECRET not in caplog.text
