"""Lists that are sent while they are made: from 201 endpoints on."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator

import pytest
from conftest import caller
from databricks.sdk import WorkspaceClient

from mockserver import MockServer, Settings
from mockserver.messages import Request

MANY = 450
LIST = "/api/2.0/serving-endpoints"


@pytest.fixture(scope="module")
def crowded() -> Iterator[MockServer]:
    """A server whose default workspace has many endpoints."""
    with MockServer(Settings(port=0, provisioning=0)) as server:
        fill(server, MANY)
        yield server


def fill(server: MockServer, count: int, token: str = "dapi-mock") -> None:
    create = server.mock.spec.operations["create_serving_endpoint"]
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    model = {
        "name": "gpt-4o",
        "provider": "openai",
        "task": "llm/v1/chat",
        "openai_config": {"openai_api_key_plaintext": "sk-not-a-key"},
    }
    for number in range(count):
        body = {"name": f"e{number}", "config": {"served_entities": [{"name": "m", "external_model": model}]}}
        answer = server.mock.respond(create, Request("POST", LIST, headers, body=json.dumps(body).encode()))
        assert getattr(answer, "status", 0) == 200


def listed(server: MockServer, token: str = "dapi-mock") -> tuple[dict[str, str], bytes]:
    call = urllib.request.Request(server.url + LIST, headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(call, timeout=20) as answer:
        return {name.lower(): value for name, value in answer.headers.items()}, answer.read()


def test_a_long_list_comes_in_pieces_and_keeps_the_contract(crowded: MockServer) -> None:
    headers, body = listed(crowded)
    assert headers["transfer-encoding"] == "chunked"
    assert "content-length" not in headers
    assert len(body) > 256 * 1024
    reply = json.loads(body)
    assert [item["name"] for item in reply["endpoints"]][-MANY:] == [f"e{number}" for number in range(MANY)]
    assert crowded.mock.spec.operations["list_serving_endpoints"].reply_violations(200, reply) == []
    assert b"sk-not-a-key" not in body


def test_the_sdk_reads_a_long_list(crowded: MockServer) -> None:
    client = WorkspaceClient(host=crowded.url, token="dapi-mock")
    names = {endpoint.name for endpoint in client.serving_endpoints.list()}
    assert {f"e{number}" for number in range(MANY)} < names


def test_a_long_list_and_a_short_one_say_the_same(crowded: MockServer) -> None:
    fill(crowded, 200, "dapi-mock-short")
    headers, short = listed(crowded, "dapi-mock-short")
    assert headers["content-length"] == str(len(short))
    _, long = listed(crowded)
    first, second = (json.loads(body)["endpoints"] for body in (short, long))
    hosted = len(first) - 200
    assert first[:hosted] == second[:hosted]
    changing = ("id", "creation_timestamp", "last_updated_timestamp")
    for one, other in zip(first[hosted:], second[hosted:], strict=False):
        assert {name: one[name] for name in one if name not in changing} == {
            name: other[name] for name in other if name not in changing
        }


def test_a_long_list_that_breaks_the_contract_is_cut_off(
    crowded: MockServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from mockserver.domain import views

    monkeypatch.setattr(views, "summary", lambda endpoint, now, level: {"name": 1})
    with pytest.raises(Exception, match=r"IncompleteRead|Connection|closed"):
        listed(crowded)
    assert "breaks the contract" in caplog.text


def test_the_pages_show_a_long_list(crowded: MockServer) -> None:
    page = caller(crowded.url, None)("GET", "/ml/endpoints?search=e449")
    assert page.status_code == 200
    assert "e449" in page.text
