"""Odd values given to the control plane: used as what they mean or refused, and the workspace goes on either way."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from conftest import caller

from mockserver import MockServer, Settings, control_operations

Rest = Callable[..., requests.Response]
ENDPOINTS = "/api/2.0/serving-endpoints"
QUERY = "/serving-endpoints/chat/invocations"
CHAT = {"external_model": {"name": "gpt-4o", "provider": "openai", "task": "llm/v1/chat",
        "openai_config": {"openai_api_key_plaintext": "sk-secret"}}}  # fmt: skip
HELLO = {"messages": [{"role": "user", "content": "Hello?"}]}
_workspaces = itertools.count()


@pytest.fixture(scope="module", params=["memory", "sqlite"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MockServer]:
    """A running mock in memory, and one on a database."""
    folder = tmp_path_factory.mktemp("store")
    store = None if request.param == "memory" else f"sqlite:///{folder}/mock.db"
    with MockServer(Settings(port=0, provisioning=0, store=store)) as running:
        yield running


@pytest.fixture
def rest(server: MockServer) -> Rest:
    """Calls of a workspace of its own, which has an endpoint."""
    call = caller(server.url, f"dapi-mock-values-{next(_workspaces)}")
    call("POST", ENDPOINTS, json={"name": "chat", "config": {"served_entities": [CHAT]}}).raise_for_status()
    return call


def goes_on(rest: Rest) -> bool:
    """Whether everything of the workspace can still be asked for."""
    places = ("clock", "settings", "tokens", "journal", "faults", "stale-reads", "replies", "payloads", "upstreams")
    paths = [f"{ENDPOINTS}/chat", f"{ENDPOINTS}/chat/metrics", ENDPOINTS, "/__mock__/state?format=yaml"]
    paths += [f"/__mock__/{place}" for place in places]
    answers = [rest("GET", path) for path in paths]
    assert [answer.status_code for answer in answers] == [200] * len(answers), [answer.text for answer in answers]
    assert rest("POST", ENDPOINTS, json={"name": f"new-{next(_workspaces)}"}).status_code == 200
    return True


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("faults", {"operation": "stop_endpoint", "status": 503.0, "times": 2.0, "skip": 1.0}),
        ("faults", {"operation": "stop_endpoint", "truncate": 5.0, "cut_after": 1.0}),
        ("faults", {"operation": "stop_endpoint", "status": 503, "error_code": 7.0}),
        ("faults", {"endpoint": "nobody", "outcome": "FAILED", "times": 2.0}),
        ("stale-reads", {"reads": 2.0, "endpoint": "nobody"}),
        ("replies", {"answers": [{"text": "x", "usage": {"prompt_tokens": 5.0}}], "times": 2.0}),
        ("replies", {"answers": [{"error": {"status": 503.0, "error_code": 7.0}}]}),
        ("upstreams", {"connection": "github", "status": 200.0}),
    ],
)
def test_a_whole_number_may_be_written_with_a_point(rest: Rest, path: str, body: dict[str, Any]) -> None:
    answer = rest("POST", f"/__mock__/{path}", json=body)
    assert answer.ok, answer.text
    queried = rest("POST", QUERY, json=HELLO)
    assert queried.status_code == (503 if "error" in str(body.get("answers")) else 200)
    assert "5.0" not in queried.text
    assert ".0" not in rest("GET", f"/__mock__/{path}").text
    assert goes_on(rest)


@pytest.mark.parametrize(
    ("path", "body", "complaint"),
    [
        ("faults", {"status": 503.5}, "503.5"),
        ("faults", {"status": 503, "error_code": 1e30}, "error_code"),
        ("faults", {"endpoint": "chat", "outcome": "FAILED", "times": 1e30}, "times"),
        ("replies", {"answers": [{"text": "x", "usage": {"prompt_tokens": -1}}]}, "usage.prompt_tokens"),
        ("replies", {"answers": [{"text": "x", "usage": {"prompt_tokens": 1e30}}]}, "usage.prompt_tokens"),
        ("replies", {"answers": [{"error": {"error_code": 1e30}}]}, "error_code"),
        ("replies", {"answers": [{"text": "x"}], "times": 1e30}, "times"),
        ("stale-reads", {"reads": 1e30}, "reads"),
        ("stale-reads", {"seconds": 1e308}, "seconds"),
        ("stale-reads", {"seconds": 1e300}, "seconds"),
    ],
)
def test_a_number_that_cannot_be_used_is_refused_when_it_is_given(
    rest: Rest, path: str, body: dict[str, Any], complaint: str
) -> None:
    answer = rest("POST", f"/__mock__/{path}", json=body)
    assert answer.status_code == 400, answer.text
    assert complaint in answer.json()["message"]
    assert rest("PATCH", f"{ENDPOINTS}/chat/tags", json={"add_tags": [{"key": "k"}]}).status_code == 200
    assert rest("POST", QUERY, json=HELLO).status_code == 200
    assert rest("PUT", "/__mock__/settings", json={"seed": 1e30}).status_code == 400
    assert goes_on(rest)


@pytest.mark.parametrize(
    "moment",
    [1e300, -1e300, 99999999999999999, -99999999999999999, 253402300800000, -1, "0001-01-01", "1969-12-31T23:59:59Z",
     "9999-12-31T23:59:59-14:00"],
)  # fmt: skip
def test_a_clock_is_not_frozen_at_a_moment_that_it_cannot_show(rest: Rest, moment: object) -> None:
    before = rest("GET", "/__mock__/clock").json()
    refused = rest("POST", "/__mock__/clock", json={"freeze": moment})
    assert refused.status_code == 400
    message = refused.json()["message"]
    assert message.startswith("freeze: ")
    assert str(moment).strip("'") in message
    assert "1970-01-01T00:00:00Z to 9999-12-31T23:59:59.999Z" in message
    imported = rest("PUT", "/__mock__/state", json={"version": 1, "clock": {"frozen_at": moment}})
    assert (imported.status_code, imported.json()["message"][:17]) == (400, "clock.frozen_at: ")
    assert rest("GET", "/__mock__/clock").json()["frozen"] == before["frozen"] is False
    assert goes_on(rest)


@pytest.mark.parametrize("moment", [0, "1970-01-01", 253402300799999, "9999-12-31T23:59:59.999Z"])
def test_time_begins_in_1970_and_ends_with_the_year_9999(rest: Rest, moment: object) -> None:
    assert rest("POST", "/__mock__/clock", json={"freeze": moment}).status_code == 200
    rest("POST", ENDPOINTS, json={"name": "then", "config": {"served_entities": [CHAT]}}).raise_for_status()
    assert rest("POST", QUERY.replace("chat", "then"), json=HELLO).status_code == 200
    assert goes_on(rest)
    assert rest("POST", "/__mock__/clock", json={"run": True, "auto_advance": 9}).status_code == 200
    assert goes_on(rest)


def test_a_clock_is_not_advanced_beyond_the_end_of_time(rest: Rest) -> None:
    for _ in range(100):
        answer = rest("POST", "/__mock__/clock", json={"advance": 3_153_600_000})
        if answer.status_code != 200:
            break
    assert answer.status_code == 400
    assert "advance 3153600000 is out of range: moments are from 1970" in answer.json()["message"]
    assert rest("GET", "/__mock__/clock").json()["now"].startswith("99")
    assert goes_on(rest)


def test_a_clock_that_reads_advance_stands_still_at_the_end_of_time(rest: Rest) -> None:
    body = {"freeze": "9990-01-01T00:00:00Z", "auto_advance": 3_153_600_000}
    assert rest("POST", "/__mock__/clock", json=body).status_code == 200
    assert rest("GET", f"{ENDPOINTS}/chat").status_code == 200
    assert rest("GET", "/__mock__/clock").json()["now"] == "9999-12-31T23:59:59.999Z"
    assert goes_on(rest)


@pytest.mark.parametrize("ahead", [1e308, -1e308, 1e300, 1e15, -99999999999, 253402300799])
def test_an_imported_clock_is_not_ahead_of_time(rest: Rest, ahead: float) -> None:
    answer = rest("PUT", "/__mock__/state", json={"version": 1, "clock": {"ahead": ahead}})
    assert answer.status_code == 400
    assert answer.json()["message"].startswith("clock.ahead")
    assert "out of range: moments are from 1970" in answer.json()["message"]
    assert goes_on(rest)


def test_a_refused_move_leaves_a_workspace_with_everybodys_clock(server: MockServer, rest: Rest) -> None:
    body = {"freeze": 253402300799999, "advance": 1}
    assert rest("POST", "/__mock__/clock", json=body).status_code == 400
    everybody = caller(server.url, None)
    assert everybody("POST", "/__mock__/clock", json={"freeze": 7000}).status_code == 200
    assert rest("GET", "/__mock__/clock").json()["milliseconds"] == 7000
    assert everybody("POST", "/__mock__/clock", json={"reset": True}).status_code == 200


def test_a_token_that_is_made_many_times_at_once_stands_for_one_identity(server: MockServer, rest: Rest) -> None:
    token, statuses, start = f"dapi-same-{next(_workspaces)}", list[int](), threading.Barrier(12)

    def make(number: int) -> None:
        call = caller(server.url, None)
        call("GET", "/__mock__/health")  # a connection
        start.wait()
        body = {"user_name": f"user{number}@example.com", "token": token}
        statuses.append(call("POST", "/__mock__/tokens", json=body).status_code)

    threads = [threading.Thread(target=make, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [201] + [409] * 11


@pytest.mark.parametrize("odd", [5, {"a": 1}, ["x"]])
def test_a_refused_query_with_an_odd_id_has_a_record_that_can_be_read(rest: Rest, odd: object) -> None:
    gateway = {
        "inference_table_config": {"enabled": True, "catalog_name": "main", "schema_name": "default"},
        "usage_tracking_config": {"enabled": True},
    }
    rest("PUT", f"{ENDPOINTS}/chat/ai-gateway", json=gateway).raise_for_status()
    for body in ({**HELLO, "client_request_id": odd, "usage_context": "x"}, {**HELLO, "client_request_id": "mine"}):
        rest("POST", QUERY, json=body)
    refused, answered = rest("GET", "/__mock__/payloads").json()["payloads"]
    assert (refused["status"], refused["client_request_id"], refused["usage_context"]) == (400, None, None)
    assert (answered["status"], answered["client_request_id"]) == (200, "mine")
    assert goes_on(rest)


@pytest.mark.parametrize(
    "value", ["!!timestamp foo", "!!bool foo", "!!int ''", "!!int foo", "!!float ''", "!!binary é", "!!set x"]
)
def test_a_yaml_value_that_is_not_what_it_says_is_named_with_its_place(rest: Rest, value: str) -> None:
    text = f"version: 1\nclock:\n  ahead: {value}\n"
    answer = rest("PUT", "/__mock__/state", data=text.encode(), headers={"Content-Type": "application/yaml"})
    assert answer.status_code == 400
    assert answer.json()["message"].startswith("the request body, line 3, column 10: "), answer.text


def test_an_error_of_the_mock_itself_is_said_to_be_one(
    server: MockServer, rest: Rest, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(control_operations.CONTROLS, "list_faults", lambda call: 1 / 0)
    answer = rest("GET", "/__mock__/faults")
    assert (answer.status_code, answer.json()["error_code"]) == (500, "INTERNAL_ERROR")
    assert answer.json()["message"].startswith("GET /__mock__/faults failed inside the mock")
    assert "ZeroDivisionError" in caplog.text
