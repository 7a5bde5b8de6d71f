"""Answers have the shape of the service's recorded answers to the same requests, where the recordings are at hand."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from mockserver import catalog
from mockserver.domain.inference import agents, chat, completions, embeddings, responses
from mockserver.domain.inference.drafting import Setting
from mockserver.vocabulary import vocabulary

SAMPLES = Path(__file__).parents[1].parent / "shared" / "facts" / "samples.jsonl"
ROWS = {row["n"]: row for row in map(json.loads, SAMPLES.read_text("utf-8").splitlines())} if SAMPLES.is_file() else {}
RECORDED = [
    row
    for row in ROWS.values()
    if row["kind"] == "REAL" and row["operation"] in ("queryChat", "queryChatStream") and row["request"]
]
pytestmark = pytest.mark.skipif(not ROWS, reason="the recorded answers are not part of the repository")

Shape = Any


def shape(value: Any) -> Shape:
    """Key names and types, with numbers alike and texts without their content."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in sorted(value.items())}
    if isinstance(value, list):
        return [shape(inner) for inner in value[:1]]
    if isinstance(value, bool) or value is None:
        return value if value is None else "boolean"
    return "number" if isinstance(value, int | float) else "text"


def distinct(events: list[Any]) -> list[str]:
    """The different shapes among the chunks of a stream, in a fixed order."""
    return sorted({json.dumps(shape(event)) for event in events if event != "[DONE]"})


def setting(endpoint: str) -> Setting:
    def valid(schema: Any, value: Any) -> bool:
        return jsonschema_rs.validator_for(schema).is_valid(value)

    return Setting(catalog.hosted_profile(endpoint), vocabulary(0), 0, 0, 1_767_213_439_000, valid)


def endpoint_of(row: dict[str, Any]) -> str:
    named = re.fullmatch(r"/serving-endpoints/([\w-]+)/invocations", row["path"] or "")
    return named[1] if named else row["request"]["model"]


def name(row: dict[str, Any]) -> str:
    return f"{row['n']}-{row['operation']}"


@pytest.mark.parametrize("row", [row for row in RECORDED if row["operation"] == "queryChat"], ids=name)
def test_a_chat_answer_has_the_recorded_shape(row: dict[str, Any]) -> None:
    body = chat.answer(row["request"], setting(endpoint_of(row))).body
    assert shape(body) == shape(row["response"])
    assert body["model"] == row["response"]["model"]
    assert body["choices"][0]["finish_reason"] == row["response"]["choices"][0]["finish_reason"]


@pytest.mark.parametrize("row", [row for row in RECORDED if row["operation"] == "queryChatStream"], ids=name)
def test_a_chat_stream_has_the_recorded_chunks(row: dict[str, Any]) -> None:
    events = list(chat.answer(row["request"], setting(endpoint_of(row))).events())
    recorded = [event for event in row["response"] if event != "[DONE]"]
    if row["partial"] and len(recorded) == 1:
        assert shape(events[0]) == shape(recorded[0])
        return
    assert distinct(events) == distinct(recorded)
    assert shape(events[0]) == shape(recorded[0])
    assert shape(events[-1]) == shape(recorded[-1])
    last, ours = recorded[-1]["choices"][0], events[-1]["choices"][0]
    assert ours["finish_reason"] == last["finish_reason"]
    assert ours["delta"] == last["delta"]
    assert events[0]["model"] == recorded[0]["model"]


def test_prompts_are_counted_as_recorded() -> None:
    for row in RECORDED:
        events = row["response"] if isinstance(row["response"], list) else [row["response"]]
        answer = [event for event in events if event != "[DONE]"][-1]
        request = row["request"]
        if "tools" in request or "response_format" in request or "image_url" in json.dumps(request):
            continue
        recorded = answer["usage"]["prompt_tokens"]
        counted = chat.answer(request, setting(endpoint_of(row))).usage.prompt
        assert counted == pytest.approx(recorded, rel=0.12, abs=4), row["n"]


@pytest.mark.parametrize("row", [row for row in ROWS.values() if row["operation"] == "queryEmbeddings"], ids=name)
def test_embeddings_have_the_recorded_shape_and_usage(row: dict[str, Any]) -> None:
    body = embeddings.answer(row["request"], setting(row["request"]["model"])).body
    assert shape(body) == shape(row["response"])
    assert body["usage"] == row["response"]["usage"]
    assert body["model"] == row["response"]["model"]


ANSWERS = {
    36: "2",
    38: "CHRISTOPHER ROBIN",
    41: "2",
    44: "It is 2024-01-01.",
    48: "2024-01-01",
    53: "Earth",
    31: "Apples",
}


@pytest.mark.parametrize("number", ANSWERS)
def test_some_recorded_questions_get_the_recorded_answer(number: int) -> None:
    row = ROWS[number]
    assert ANSWERS[number] in chat.answer(row["request"], setting(endpoint_of(row))).texts[0]


def test_the_recorded_extraction_is_repeated() -> None:
    row = ROWS[31]
    body = chat.answer(row["request"], setting(endpoint_of(row))).body
    assert body["choices"][0]["message"]["content"] == row["response"]["choices"][0]["message"]["content"]


def test_the_recorded_tool_call_is_repeated() -> None:
    row = ROWS[59]
    [call] = chat.answer(row["request"], setting(endpoint_of(row))).body["choices"][0]["message"]["tool_calls"]
    [recorded] = row["response"]["choices"][0]["message"]["tool_calls"]
    assert call["function"] == recorded["function"]
    assert re.sub(r"[0-9a-f]", "x", call["id"]) == re.sub(r"[0-9a-f]", "x", recorded["id"])


def test_the_older_completion_answer_has_the_recorded_shape() -> None:
    row = ROWS[66]
    answer = completions.candidates(row["request"], setting("databricks-llama-2-70b-chat"))
    assert shape(answer.body) == shape(row["response"])


def agent() -> Setting:
    return Setting(catalog.custom_profile("main.agents.kbqa_agent"), vocabulary(0), 0, 0, 1_767_213_439_000)


def test_an_agents_response_has_at_least_the_recorded_keys() -> None:
    body = agents.answer("agent/v1/responses", ROWS[71]["request"], agent()).body
    recorded = ROWS[71]["response"]
    assert recorded.keys() <= body.keys()
    assert recorded["output"][0].keys() <= body["output"][0].keys()
    assert recorded["output"][0]["content"][0].keys() <= body["output"][0]["content"][0].keys()
    assert body["databricks_output"]["databricks_request_id"] == body["id"]


def test_an_agents_stream_has_the_recorded_events() -> None:
    tools = [{"type": "function", "name": "system__ai__python_exec", "description": "Run Python code", "parameters": {
        "type": "object", "properties": {"code": {"type": "string"}}, "required": ["code"]}}]  # fmt: skip
    request = {"input": [{"role": "user", "content": "Use Python to calculate 4*3"}], "tools": tools}
    recorded = [event for event in ROWS[109]["response"] if event != "[DONE]" and "sequence_number" in event]
    keys = {event["type"]: set(event) for event in recorded}
    events = [*responses.agent_answer(request, agent()).events()]
    events += responses.agent_answer({"input": "Say hello"}, agent()).events()
    assert {event["type"] for event in events} == set(keys)
    for event in events:
        assert set(event) == keys[event["type"]], event["type"]
    known = set(recorded[0]["response"])
    assert known <= set(events[0]["response"])


def test_a_chat_agents_stream_has_the_documented_chunks() -> None:
    events = agents.answer("agent/v2/chat", {"messages": [{"role": "user", "content": "Hello"}]}, agent()).events()
    assert distinct(list(events)) == distinct(ROWS[110]["response"])
