"""Streams: frames, pace, clients that leave, endpoints that go."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from conftest import caller
from endpoints_for_queries import CLAUDE, LLAMA, QUESTION, ask, create, custom

from mockserver import MockServer, Settings
from mockserver.domain.traffic import Pace

Rest = Callable[..., requests.Response]
ROUTES = [
    ("/serving-endpoints/chat/completions", {"model": LLAMA, **QUESTION}),
    ("/serving-endpoints/chat/completions", {"model": CLAUDE, **QUESTION}),
    (f"/serving-endpoints/{LLAMA}/invocations", QUESTION),
    ("/ai-gateway/mlflow/v1/chat/completions", {"model": "system.ai.llama-4-maverick", **QUESTION}),
    ("/ai-gateway/openai/v1/chat/completions", {"model": "databricks-gpt-5", **QUESTION}),
]


@pytest.fixture(scope="module")
def slow_server() -> Iterator[MockServer]:
    """10 ms a token."""
    with MockServer(Settings(port=0, provisioning=0, time_per_token=0.01, time_to_first_token=0.05)) as server:
        yield server


def frames(reply: requests.Response) -> list[dict[str, str]]:
    """The server-sent events as field -> value."""
    assert reply.status_code == 200, reply.text
    assert reply.headers["content-type"].startswith("text/event-stream")
    assert reply.text.endswith("\n\n")
    return [dict(line.split(": ", 1) for line in block.split("\n")) for block in reply.text.split("\n\n") if block]


def chunks(reply: requests.Response) -> list[Any]:
    """The data of the events of a chat, which ends with ``[DONE]``."""
    events = frames(reply)
    assert all(event.keys() == {"data"} for event in events)
    assert events[-1]["data"] == "[DONE]"
    return [json.loads(event["data"]) for event in events[:-1]]


def pace(server: MockServer, workspace: str, name: str, wanted: Pace) -> None:
    """Let an endpoint answer at a pace of its own."""
    with server.mock.transaction(workspace) as transaction:
        transaction.put(name, wanted)


@pytest.mark.parametrize(("path", "body"), ROUTES)
def test_a_chat_stream_has_data_lines_only_one_id_one_end_and_the_terminator(
    rest: Rest, path: str, body: dict[str, Any]
) -> None:
    found = chunks(rest("POST", path, json={**body, "stream": True}))
    assert found[0]["choices"][0]["delta"]["role"] == "assistant"
    for name in ("id", "created", "model", "object"):
        assert len({chunk[name] for chunk in found}) == 1
    ends = [chunk["choices"][0]["finish_reason"] for chunk in found if chunk["choices"]]
    assert ends == [None] * (len(ends) - 1) + ["stop"]


@pytest.mark.parametrize(("path", "body"), ROUTES[:3])
def test_at_temperature_zero_a_stream_says_what_the_whole_answer_says(
    rest: Rest, path: str, body: dict[str, Any]
) -> None:
    body = {**body, "temperature": 0, "messages": [{"role": "user", "content": "Tell me about the history of tea."}]}
    whole = rest("POST", path, json=body).json()["choices"][0]["message"]["content"]
    pieces = [
        chunk["choices"][0]["delta"].get("content") or ""
        for chunk in chunks(rest("POST", path, json={**body, "stream": True}))
    ]
    assert "".join(pieces) == whole
    assert rest("POST", path, json=body).json()["choices"][0]["message"]["content"] == whole


def test_hosted_llama_counts_on_every_chunk_and_openai_on_one_more_when_asked(rest: Rest) -> None:
    found = chunks(ask(rest, LLAMA, {**QUESTION, "stream": True}))
    assert all(chunk["usage"]["total_tokens"] for chunk in found)
    create(rest, "gpt")
    found = chunks(ask(rest, "gpt", {**QUESTION, "stream": True}))
    assert not any("usage" in chunk for chunk in found)
    found = chunks(ask(rest, "gpt", {**QUESTION, "stream": True, "stream_options": {"include_usage": True}}))
    assert found[-1]["choices"] == []
    assert found[-1]["usage"]["total_tokens"] > 0


@pytest.mark.parametrize("path", ["/serving-endpoints/anthropic/v1/messages", "/ai-gateway/anthropic/v1/messages"])
def test_only_the_messages_routes_name_their_events_and_have_no_terminator(rest: Rest, path: str) -> None:
    body = {"model": CLAUDE, "max_tokens": 100, "stream": True, **QUESTION}
    events = frames(rest("POST", path, json=body))
    assert [event["event"] for event in events] == [json.loads(event["data"])["type"] for event in events]
    assert events[0]["event"] == "message_start"
    assert events[-1]["event"] == "message_stop"


def test_an_agents_stream_ends_with_the_completed_response(rest: Rest) -> None:
    create(rest, "helper", custom("main.default.helper"), task="agent/v1/responses")
    found = chunks(ask(rest, "helper", {"input": [{"role": "user", "content": "hi"}], "stream": True}))
    assert [event["sequence_number"] for event in found] == list(range(len(found)))
    deltas = "".join(event["delta"] for event in found if event["type"] == "response.output_text.delta")
    assert found[-1]["type"] == "response.completed"
    assert found[-1]["response"]["output"][0]["content"][0]["text"] == deltas


def test_an_error_before_the_first_byte_is_plain_json(rest: Rest) -> None:
    reply = ask(rest, LLAMA, {"messages": [], "stream": True})
    assert reply.status_code == 400
    assert reply.headers["content-type"] == "application/json"


def test_each_chunk_is_sent_when_it_is_made(slow_server: MockServer, token: str) -> None:
    rest = caller(slow_server.url, token)
    create(rest, "slow")
    pace(slow_server, token, "slow", Pace(time_per_token=0.1))
    started = time.monotonic()
    reply = ask(rest, "slow", {**QUESTION, "stream": True}, stream=True)
    moments = [time.monotonic() - started for line in reply.iter_lines(chunk_size=1) if line]
    assert moments[0] > 0.04
    assert moments[len(moments) // 2] - moments[0] > 0.2
    assert moments[-1] - moments[0] > 0.5


def test_a_whole_answer_takes_as_long_as_its_tokens(slow_server: MockServer, token: str) -> None:
    rest = caller(slow_server.url, token)
    started = time.monotonic()
    ask(rest, LLAMA)
    assert time.monotonic() - started > 0.05 + 8 * 0.01 - 0.01


def test_an_endpoint_may_have_a_pace_of_its_own(instant_server: MockServer, rest: Rest, token: str) -> None:
    create(rest, "slow")
    pace(instant_server, token, "slow", Pace(time_to_first_token=0.3))
    started = time.monotonic()
    ask(rest, "slow")
    assert time.monotonic() - started > 0.3


def test_a_client_that_leaves_ends_the_stream_and_is_counted(slow_server: MockServer, token: str) -> None:
    rest = caller(slow_server.url, token)
    create(rest, "gpt")
    body = {"messages": [{"role": "user", "content": "Tell me a long story about the sea."}], "stream": True}
    reply = ask(rest, "gpt", body, stream=True)
    next(reply.iter_lines(chunk_size=1))
    reply.close()

    def counted() -> bool:
        return (
            'request_count_total{endpoint_name="gpt",served_entity_name="gpt"} 1'
            in rest("GET", "/api/2.0/serving-endpoints/gpt/metrics").text
        )

    deadline = time.monotonic() + 5
    while not counted() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert counted()
    assert ask(rest, "gpt").status_code == 200


def test_a_stream_of_an_endpoint_that_is_deleted_ends_with_an_error(slow_server: MockServer, token: str) -> None:
    rest = caller(slow_server.url, token)
    create(rest, "gpt")
    body = {"messages": [{"role": "user", "content": "Tell me a long story about the sea."}], "stream": True}
    reply = ask(rest, "gpt", body, stream=True)
    lines = reply.iter_lines(chunk_size=1)
    next(lines)
    assert caller(slow_server.url, token)("DELETE", "/api/2.0/serving-endpoints/gpt").status_code == 200
    data = [line.decode().removeprefix("data: ") for line in lines if line]
    assert json.loads(data[-2])["error"]["error_code"] == "ENDPOINT_NOT_FOUND"
    assert ask(rest, "gpt").status_code == 404


def test_the_first_request_after_scaling_to_zero_is_slow_when_cold_starts_are_on(token: str) -> None:
    with MockServer(Settings(port=0, provisioning=0, cold_start=0.8)) as server:
        rest = caller(server.url, token)
        create(rest, "churn", custom())
        create(rest, "gpt")
        rows = {"dataframe_records": [{"age": 40}]}
        took = []
        for name, body in (("churn", rows), ("churn", rows), ("gpt", QUESTION), ("gpt", QUESTION)):
            started = time.monotonic()
            assert ask(rest, name, body).status_code == 200
            took.append(time.monotonic() - started)
        assert took[0] > 0.8
        assert took[1] < 0.7
        assert took[3] < 0.7
        server.mock.clock.advance(31 * 60)
        started = time.monotonic()
        ask(rest, "churn", rows)
        assert time.monotonic() - started > 0.8


def test_streams_run_beside_each_other(slow_server: MockServer, token: str) -> None:
    def stream() -> None:
        ask(caller(slow_server.url, token), LLAMA, {**QUESTION, "stream": True})

    threads = [threading.Thread(target=stream) for _ in range(20)]
    started = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert time.monotonic() - started < 0.8 * 20 * (0.05 + 8 * 0.01)
