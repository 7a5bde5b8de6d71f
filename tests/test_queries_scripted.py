"""Scripted answers and plugged-in models, in the form of every task and route."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
import requests
from endpoints_for_queries import CLAUDE, LLAMA, QUESTION, ask, create, custom, external, split, text_of

from mockserver import MockServer
from mockserver.errors import InjectedError
from mockserver.replies import ReplyRule, ScriptedReply, ToolCall, rule

Rest = Callable[..., requests.Response]
Script = Callable[..., ReplyRule]
TURN = {"input": [{"role": "user", "content": "hi"}]}


@pytest.fixture
def script(instant_server: MockServer, token: str) -> Script:
    def add(answer: Any, **conditions: Any) -> ReplyRule:
        return instant_server.mock.replies.add(token, rule(answer, **conditions))

    return add


def data_of(reply: requests.Response) -> list[Any]:
    assert reply.status_code == 200, reply.text
    return [
        json.loads(line[6:]) for line in reply.text.splitlines() if line.startswith("data: ") and "[DONE]" not in line
    ]


def test_a_text_takes_the_form_of_every_task_and_route(rest: Rest, script: Script) -> None:
    create(rest, "gpt")
    create(rest, "older", external(task="llm/v1/completions", model="gpt-3.5-turbo-instruct"))
    create(rest, "responder", custom("main.default.responder"), task="agent/v1/responses")
    create(rest, "talker", custom("main.default.talker"), task="agent/v2/chat")
    script("Scripted.")
    assert text_of(ask(rest, "gpt")) == "Scripted."
    assert ask(rest, "older", {"prompt": "Say"}).json()["choices"][0]["text"] == "Scripted."
    assert ask(rest, "responder", TURN).json()["output"][0]["content"][0]["text"] == "Scripted."
    assert ask(rest, "talker").json()["messages"][0]["content"] == "Scripted."
    message = {"model": CLAUDE, "max_tokens": 9, **QUESTION}
    reply = rest("POST", "/serving-endpoints/anthropic/v1/messages", json=message).json()
    assert reply["content"] == [{"type": "text", "text": "Scripted."}]


def test_calls_of_tools_need_no_tools_in_the_request(rest: Rest, script: Script) -> None:
    script(ScriptedReply(tool_calls=(ToolCall("get_weather", {"city": "Oslo"}, "call_1"), ToolCall("now"))))
    choice = ask(rest, LLAMA).json()["choices"][0]
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"]["content"] is None
    calls = choice["message"]["tool_calls"]
    assert calls[0] == {
        "id": "call_1",
        "type": "function",
        "function": {"name": "get_weather", "arguments": '{"city": "Oslo"}'},
    }
    assert calls[1]["id"].startswith("call_")


def test_chunks_are_streamed_as_they_are_cut(rest: Rest, script: Script) -> None:
    script(ScriptedReply(chunks=("One, ", "two", ".")))
    events = data_of(ask(rest, LLAMA, {**QUESTION, "stream": True}))
    pieces = [event["choices"][0]["delta"].get("content") for event in events]
    assert [piece for piece in pieces if piece] == ["One, ", "two", "."]
    body = {"model": CLAUDE, "max_tokens": 9, "stream": True, **QUESTION}
    events = data_of(rest("POST", "/serving-endpoints/anthropic/v1/messages", json=body))
    assert [event["delta"]["text"] for event in events if event["type"] == "content_block_delta"] == [
        "One, ",
        "two",
        ".",
    ]


def test_the_finish_reason_and_the_usage_can_be_set(rest: Rest, script: Script) -> None:
    script(ScriptedReply(text="No.", finish_reason="content_filter", usage={"completion_tokens": 77}))
    reply = ask(rest, LLAMA).json()
    assert reply["choices"][0]["finish_reason"] == "content_filter"
    assert reply["usage"]["completion_tokens"] == 77
    events = data_of(ask(rest, LLAMA, {**QUESTION, "stream": True}))
    assert events[-1]["usage"]["completion_tokens"] == 77


def test_a_value_is_what_a_custom_model_predicts(rest: Rest, script: Script) -> None:
    create(rest, "churn", custom())
    script(ScriptedReply(json=[0.25, 0.75]), endpoint="churn")
    assert ask(rest, "churn", {"instances": [1, 2]}).json() == {"predictions": [0.25, 0.75]}


def test_a_whole_body_is_sent_as_it_is(rest: Rest, script: Script) -> None:
    create(rest, "gpt")
    script(ScriptedReply(body={"anything": "goes"}))
    reply = ask(rest, "gpt")
    assert (reply.status_code, reply.json()) == (200, {"anything": "goes"})
    assert reply.headers["served-model-name"] == "gpt"


def test_a_scripted_error_is_answered_and_counted(rest: Rest, script: Script) -> None:
    create(rest, "gpt")
    script(InjectedError(503, "TEMPORARILY_UNAVAILABLE", "Busy."), times=1)
    assert ask(rest, "gpt").json() == {"error_code": "TEMPORARILY_UNAVAILABLE", "message": "Busy."}
    assert ask(rest, "gpt").status_code == 200
    metrics = rest("GET", "/api/2.0/serving-endpoints/gpt/metrics").text
    assert 'request_5xx_count_total{endpoint_name="gpt",served_entity_name="gpt"} 1' in metrics


def test_a_delay_is_waited_for(rest: Rest, script: Script) -> None:
    ask(rest, LLAMA)
    script(ScriptedReply(chunks=("a ", "b ", "c"), delay=0.1, chunk_delay=0.05))
    started = time.monotonic()
    ask(rest, LLAMA, {**QUESTION, "stream": True})
    assert time.monotonic() - started > 0.2
    started = time.monotonic()
    ask(rest, LLAMA)
    assert time.monotonic() - started > 0.1


def test_an_overloaded_model_falls_back_to_the_next_one(token: str) -> None:
    from conftest import caller

    from mockserver import Settings

    with MockServer(Settings(port=0, provisioning=0, external_entities="many")) as server:
        rest = caller(server.url, token)
        entities = (external("first"), external("second", model="gpt-4o-mini"), external("third"))
        traffic = split(first=100, second=0, third=0)
        for name, enabled in (("with", True), ("without", False)):
            gateway = {"fallback_config": {"enabled": enabled}}
            create(rest, name, *entities, traffic=traffic, ai_gateway=gateway)
        server.mock.replies.add(token, rule([InjectedError(429), InjectedError(500), "Done."], endpoint="with"))
        reply = ask(rest, "with")
        assert text_of(reply) == "Done."
        assert reply.headers["served-model-name"] == "third"
        server.mock.replies.add(token, rule(InjectedError(429), endpoint="without"))
        assert ask(rest, "without").status_code == 429
        server.mock.replies.add(token, rule(InjectedError(400), endpoint="with"))
        assert ask(rest, "with").status_code == 400


def test_a_plugged_in_model_scores_rows_however_they_come(rest: Rest, instant_server: MockServer, token: str) -> None:
    create(rest, "doubler", custom("main.default.doubler"))
    instant_server.mock.models.register(token, "main.default.doubler", lambda rows: [2 * row["x"] for row in rows])
    for body in (
        {"dataframe_records": [{"x": 2}, {"x": 4}]},
        {"dataframe_split": {"columns": ["x"], "data": [[2], [4]]}},
    ):
        assert ask(rest, "doubler", body).json() == {"predictions": [4, 8]}
    path, headers = "/serving-endpoints/doubler/invocations", {"Content-Type": "text/csv"}
    assert rest("POST", path, data="x\n2\n4\n", headers=headers).json() == {"predictions": [4, 8]}
    failed = ask(rest, "doubler", {"dataframe_records": [{"y": 1}]})
    assert failed.status_code == 400
    assert "KeyError" in failed.json()["message"]


def test_a_plugged_in_agent_answers_with_its_text(rest: Rest, instant_server: MockServer, token: str) -> None:
    create(rest, "helper", custom("main.default.helper"), task="agent/v1/responses")
    instant_server.mock.models.register(token, "main.default.helper", lambda body: f"{len(body['input'])} turns")
    assert ask(rest, "helper", TURN).json()["output"][0]["content"][0]["text"] == "1 turns"
    events = data_of(ask(rest, "helper", {**TURN, "stream": True}))
    assert events[-1]["response"]["output"][0]["content"][0]["text"] == "1 turns"
