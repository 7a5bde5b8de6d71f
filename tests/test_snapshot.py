"""Exporting and importing a workspace, and starting from a described one."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from mockserver import MockServer, Settings
from mockserver.clock import AdjustableClock
from mockserver.snapshot import StateError, dumped, exported, imported, load_file, parsed, restore, taken

Rest = Callable[..., requests.Response]
ENDPOINTS = "/api/2.0/serving-endpoints"
YAML = {"Content-Type": "application/yaml"}
DESCRIBED = """
version: 1
clock:
  frozen_at: 2026-01-01T00:00:00Z
tokens:
  - token: dapi-ann
    user_name: ann@example.com
endpoints:
  - name: chat
    config:
      served_entities:
        - name: gpt
          external_model:
            name: gpt-4o
            provider: openai
            task: llm/v1/chat
            openai_config:
              openai_api_key_plaintext: sk-secret
    tags:
      - {key: team, value: search}
    permissions:
      - {user_name: ann@example.com, permission_level: CAN_QUERY}
  - name: churn
    stopped: true
    config:
      served_entities:
        - {entity_name: main.default.churn, entity_version: "3", scale_to_zero_enabled: true}
"""


def test_a_described_workspace_is_there_as_if_clients_had_made_it(rest: Rest) -> None:
    answer = rest("PUT", "/__mock__/state", data=DESCRIBED, headers={"Content-Type": "application/yaml"})
    assert answer.json() == {"endpoints": 2}
    chat = rest("GET", f"{ENDPOINTS}/chat").json()
    assert chat["creation_timestamp"] == 1767225600000
    assert rest("GET", "/__mock__/clock", headers={"Authorization": "Bearer dapi-mock-b"}).json()["frozen"] is False
    assert chat["state"]["ready"] == "READY"
    assert chat["tags"] == [{"key": "team", "value": "search"}]
    assert rest("GET", f"{ENDPOINTS}/churn").json()["state"]["suspend"] == "STOPPED"
    ann = rest("GET", f"{ENDPOINTS}/chat", headers={"Authorization": "Bearer dapi-ann"})
    assert ann.json()["permission_level"] == "CAN_QUERY"


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_an_export_is_imported_as_the_same_workspace_and_shows_no_secret(rest: Rest, token: str, form: str) -> None:
    rest("PUT", "/__mock__/state", data=DESCRIBED, headers={"Content-Type": "application/yaml"})
    rest("PUT", "/__mock__/settings", json={"provisioning": 60})
    rest("PUT", f"{ENDPOINTS}/chat/rate-limits", json={"rate_limits": [{"calls": 5, "renewal_period": "minute"}]})
    before = [rest("GET", f"{ENDPOINTS}/{name}").json() for name in ("chat", "churn")]
    document = rest("GET", "/__mock__/state", params={"format": form})
    assert "sk-secret" not in document.text
    assert "dapi-ann" not in document.text
    rest("POST", "/__mock__/reset")
    headers = {"Content-Type": f"application/{form}"}
    assert rest("PUT", "/__mock__/state", data=document.text, headers=headers).json() == {"endpoints": 2}
    assert [rest("GET", f"{ENDPOINTS}/{name}").json() for name in ("chat", "churn")] == before


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[]", "not an object with version"),
        ("{}", "version"),
        ("version: 7", "version 7; this mock reads version 1"),
        ("version: 1\nendpionts: []", "endpionts"),
        ("version: 1\nendpoints: [{name: x, config: 5}]", "endpoints[0]: "),
        ("version: 1\nendpoints: [{name: x}, {name: x}]", "endpoints[1]: Endpoint with name 'x' already exists."),
        ("version: 1\nrecords: {Dragon: {x: {}}}", "records.Dragon: there is no such kind"),
        ("version: 1\nrecords: {Created: {'': {count: many}}}", 'count is "many", not a whole number'),
        ("version: 1\nclock: {frozen_at: soon}", 'clock.frozen_at: "soon" is not a moment'),
        ("version: 1\ntokens: [{token: abcd}]", "either a user_name or a service_principal"),
        ("version: 1\n  bad: [", "line 2"),
        ("a: &a [1]\nb: *a", "references"),
    ],
)  # fmt: skip
def test_a_document_that_cannot_be_used_is_refused_and_changes_nothing(rest: Rest, text: str, complaint: str) -> None:
    rest("POST", ENDPOINTS, json={"name": "kept"}).raise_for_status()
    answer = rest("PUT", "/__mock__/state", data=text, headers={"Content-Type": "application/yaml"})
    assert answer.status_code == 400
    assert complaint in answer.json()["message"]
    assert rest("GET", f"{ENDPOINTS}/kept").status_code == 200


@pytest.mark.parametrize(
    ("place", "value", "complaint"),
    [
        ("deployment.config.entities", [], "deployment.config.entities is empty"),
        ("deployment.config.routes", [], "deployment.config.routes is empty"),
        ("deployment.config.routes", [{"entity": "zz", "percentage": 100}], "there is no entity 'zz'; there are gpt"),
        ("deployment.config.entities.0.definition", {}, "cannot be served: KeyError: 'entity_name'"),
        ("deployment.config.entities.0.definition", {"external_model": "x"}, "cannot be served: TypeError"),
        ("deployment.config.entities.0.definition.external_model.task", None, "task"),
        ("deployment.config.entities.0.created_at", -5, "entities.gpt.created_at is -5, not a moment"),
        ("deployment.due_at", -(10**15), "deployment.due_at is -1000000000000000, not a moment"),
        ("rate_limits", [{"calls": "abc"}], "rate_limits[0]"),
        ("ai_gateway", {"guardrails": 5}, "ai_gateway.guardrails"),
        ("ai_gateway", {"rate_limits": 7}, "ai_gateway.rate_limits"),
        ("tags", [{"k": 1}], "tags[0]"),
        ("created_at", -1, "created_at is -1, not a moment"),
        ("created_at", 10**18, "created_at is 1000000000000000000, not a moment"),
        ("id", "zz\r\n", "'id'"),
        ("name", "other", "name is 'other', not the key"),
    ],
)
def test_an_endpoint_that_could_not_be_served_is_refused_with_its_place(
    rest: Rest, place: str, value: object, complaint: str
) -> None:
    rest("PUT", "/__mock__/state", data=DESCRIBED.replace("dapi-ann", "dapi-eve"), headers=YAML).raise_for_status()
    document = rest("GET", "/__mock__/state").json()
    kept = rest("GET", ENDPOINTS).json()
    document["tokens"] = [{"token": "dapi-half", "user_name": "half@example.com"}]
    _put(document["records"]["Endpoint"]["chat"], place, value)
    answer = rest("PUT", "/__mock__/state", json=document)
    assert answer.status_code == 400, answer.text
    assert answer.json()["message"].startswith("records.Endpoint.chat: ")
    assert complaint in answer.json()["message"]
    assert rest("GET", ENDPOINTS).json() == kept
    assert "half@example.com" not in rest("GET", "/__mock__/tokens").text


def _put(value: Any, place: str, new: object) -> None:
    *steps, last = place.split(".")
    for step in steps:
        value = value[int(step) if step.isdigit() else step]
    value[last] = new


@pytest.mark.parametrize(
    ("kind", "key", "record", "complaint"),
    [
        ("Pace", "chat", {"time_per_token": -1}, "time_per_token"),
        ("Pace", "chat", {"time_per_token": 1e300}, "time_per_token"),
        ("Stub", "a/*/*", {"connection": "a", "status": 99999}, "status"),
        ("AccessList", "x", {"endpoint_id": "y"}, "endpoint_id is 'y', not the key"),
        ("FoundationSettings", "databricks-gpt-oss-20b", {"name": "databricks-gpt-oss-20b", "updated_at": 5,
         "rate_limits": [{"calls": "x"}]}, "rate_limits[0]"),
        ("FoundationSettings", "databricks-gpt-oss-20b", {"name": "databricks-gpt-oss-20b", "updated_at": 5,
         "ai_gateway": {"guardrails": 5}}, "guardrails"),
    ],
)  # fmt: skip
def test_a_record_that_could_not_be_used_is_refused_with_its_place(
    rest: Rest, kind: str, key: str, record: dict[str, object], complaint: str
) -> None:
    answer = rest("PUT", "/__mock__/state", json={"version": 1, "records": {kind: {key: record}}})
    assert answer.status_code == 400, answer.text
    assert answer.json()["message"].startswith(f"records.{kind}.{key}: ")
    assert complaint in answer.json()["message"]


def test_what_is_exported_at_the_end_of_time_is_imported(rest: Rest) -> None:
    rest("POST", "/__mock__/clock", json={"freeze": "9999-12-31T23:59:59Z"}).raise_for_status()
    rest("PUT", "/__mock__/settings", json={"provisioning": 60}).raise_for_status()
    custom = {"entity_name": "main.default.m", "entity_version": "1", "scale_to_zero_enabled": True}
    rest("POST", ENDPOINTS, json={"name": "late", "config": {"served_entities": [custom]}}).raise_for_status()
    before = rest("GET", ENDPOINTS).json()
    rest("PUT", "/__mock__/state", json=rest("GET", "/__mock__/state").json()).raise_for_status()
    assert rest("GET", ENDPOINTS).json() == before


def test_a_snapshot_is_restored_with_its_secrets_and_its_clock(
    instant_server: MockServer, token: str, rest: Rest
) -> None:
    mock = instant_server.mock
    mock.configure(token, clock=AdjustableClock(frozen_at=5_000_000))
    imported(mock, token, parsed(DESCRIBED.replace("dapi-ann", "dapi-bob")))
    snapshot = taken(mock, token)
    mock.clock_of(token).advance(10)
    rest("DELETE", f"{ENDPOINTS}/chat").raise_for_status()
    rest("POST", ENDPOINTS, json={"name": "new"}).raise_for_status()
    restore(mock, snapshot)
    assert taken(mock, token) == snapshot
    assert "sk-secret" in repr(snapshot.records)
    assert parsed(dumped(exported(mock, token))) == exported(mock, token)


def test_a_file_is_named_in_what_is_wrong_with_it(instant_server: MockServer, token: str, tmp_path: Path) -> None:
    path = tmp_path / "state.yaml"
    with pytest.raises(StateError, match=r"state\.yaml: cannot be read"):
        load_file(instant_server.mock, path, token)
    path.write_text("version: 1\n endpoints: x")
    with pytest.raises(StateError, match=r"state\.yaml, line 2"):
        load_file(instant_server.mock, path, token)


def test_a_server_starts_from_a_described_workspace_and_keeps_what_its_store_holds(tmp_path: Path) -> None:
    path = tmp_path / "state.yaml"
    path.write_text(DESCRIBED)
    settings = Settings(port=0, state=str(path), store=f"sqlite:///{tmp_path}/mock.db")
    headers = {"Authorization": "Bearer dapi-mock"}
    with MockServer(settings) as server:
        assert requests.get(f"{server.url}{ENDPOINTS}/chat", headers=headers, timeout=10).status_code == 200
        requests.delete(f"{server.url}{ENDPOINTS}/chat", headers=headers, timeout=10).raise_for_status()
        assert requests.put(f"{server.url}/__mock__/settings", json={"provisioning": 60}, timeout=10).ok
        assert requests.post(f"{server.url}/__mock__/clock", json={"freeze": 5_000_000}, timeout=10).ok
    with MockServer(settings) as server:
        assert requests.get(f"{server.url}{ENDPOINTS}/chat", headers=headers, timeout=10).status_code == 404
        assert requests.get(f"{server.url}{ENDPOINTS}/churn", headers=headers, timeout=10).status_code == 200
        assert requests.get(f"{server.url}/__mock__/settings", timeout=10).json()["provisioning"] == 60
        assert requests.get(f"{server.url}/__mock__/clock", timeout=10).json()["milliseconds"] == 5_000_000


@pytest.mark.parametrize(
    ("option", "content", "complaint"),
    [("--state", "version: 2", "this mock reads version 1"), ("--store", "no database at all, sorry", "not an SQLite")],
)
def test_the_command_says_what_is_wrong_with_a_file_and_stops(
    tmp_path: Path, option: str, content: str, complaint: str
) -> None:
    path = tmp_path / "file"
    path.write_text(content * 10 if option == "--store" else content)
    value = f"sqlite:///{path}" if option == "--store" else str(path)
    command = [sys.executable, "-m", "mockserver", "serve", "--port", "0", option, value]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert done.returncode == 2
    assert complaint in done.stderr
    assert "Traceback" not in done.stderr
