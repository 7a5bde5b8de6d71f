"""Gemini's form on the AI gateway: texts, functions, JSON, limits, streams and refusals."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import requests
from endpoints_for_queries import CLAUDE, LLAMA, create, external

from mockserver import MockServer
from mockserver.domain.inference.conversation import from_contents, json_schema
from mockserver.replies import ScriptedReply, ToolCall, rule

Rest = Callable[..., requests.Response]
GEMINI = "databricks-gemini-2-5-flash"
THINKER = "databricks-gemini-3-flash"
EARTH = "Humans live on the planet Earth."
WEATHER = {
    "name": "get_weather",
    "description": "Get the weather in a given city",
    "parameters": {"type": "OBJECT", "properties": {"city": {"type": "STRING"}}, "required": ["city"]},
}


def said(*texts: str) -> dict[str, Any]:
    """Turns of the user and the model in turn."""
    roles = ("user", "model")
    return {"contents": [{"role": roles[n % 2], "parts": [{"text": text}]} for n, text in enumerate(texts)]}


QUESTION = said("Which planet do humans live on?")


def generate(rest: Rest, body: Any, name: str = GEMINI, method: str = "generateContent") -> requests.Response:
    return rest("POST", f"/ai-gateway/gemini/v1beta/models/{name}:{method}", json=body)


def answer(rest: Rest, body: Any, name: str = GEMINI) -> dict[str, Any]:
    reply = generate(rest, body, name)
    assert reply.status_code == 200, reply.text
    document: dict[str, Any] = reply.json()
    return document


def streamed(rest: Rest, body: Any, name: str = GEMINI) -> list[dict[str, Any]]:
    reply = generate(rest, body, name, "streamGenerateContent?alt=sse")
    assert reply.status_code == 200, reply.text
    assert reply.headers["content-type"].startswith("text/event-stream")
    blocks = reply.text.split("\n\n")
    assert blocks.pop() == ""
    assert all(block.startswith("data: ") and "\n" not in block for block in blocks)
    return [json.loads(block[6:]) for block in blocks]


def text_of(document: dict[str, Any], candidate: int = 0) -> str:
    return "".join(part.get("text", "") for part in document["candidates"][candidate]["content"]["parts"])


@pytest.mark.parametrize("name", [GEMINI, "system.ai.gemini-2-5-flash"])
def test_a_question_is_answered_in_geminis_form(rest: Rest, name: str) -> None:
    document = answer(rest, QUESTION, name)
    assert document["candidates"] == [
        {"content": {"parts": [{"text": EARTH}], "role": "model"}, "finishReason": "STOP", "index": 0}
    ]
    assert document["modelVersion"] == "gemini-2.5-flash"
    usage = document["usageMetadata"]
    assert usage["promptTokenCount"] + usage["candidatesTokenCount"] == usage["totalTokenCount"]
    assert document["responseId"] != answer(rest, QUESTION, name)["responseId"]


def test_an_endpoint_may_serve_googles_model_itself(rest: Rest) -> None:
    config = {"project_id": "p", "region": "us-east4", "private_key_plaintext": "not-a-real-key"}
    model = {
        "name": "gemini-1.5-pro",
        "provider": "google-cloud-vertex-ai",
        "task": "llm/v1/chat",
        "google_cloud_vertex_ai_config": config,
    }
    create(rest, "pro", {"name": "pro", "external_model": model})
    assert text_of(answer(rest, QUESTION, "pro")) == EARTH


def test_the_pieces_of_a_stream_are_the_answer(rest: Rest) -> None:
    body = {**said("Tell me a story about the sea."), "generationConfig": {"temperature": 0, "maxOutputTokens": 60}}
    whole, events = answer(rest, body), streamed(rest, body)
    assert len(events) > 3
    assert "".join(map(text_of, events)) == text_of(whole)
    assert [event["candidates"][0].get("finishReason") for event in events] == [None] * (len(events) - 1) + [
        "MAX_TOKENS"
    ]
    assert whole["candidates"][0]["finishReason"] == "MAX_TOKENS"
    assert events[-1]["usageMetadata"] == whole["usageMetadata"]
    assert whole["usageMetadata"]["candidatesTokenCount"] == 60
    assert len({event["responseId"] for event in events}) == 1


def test_a_body_cannot_make_a_stream_of_an_answer(rest: Rest) -> None:
    reply = generate(rest, {**QUESTION, "stream": True})
    assert reply.headers["content-type"] == "application/json"
    assert streamed(rest, {**QUESTION, "stream": False})


def test_a_stop_sequence_ends_the_answer(rest: Rest) -> None:
    document = answer(rest, {**QUESTION, "generationConfig": {"stopSequences": ["planet"]}})
    assert text_of(document) == "Humans live on the "
    assert document["candidates"][0]["finishReason"] == "STOP"


def test_candidates_are_numbered(rest: Rest) -> None:
    body = {**said("Tell me a story."), "generationConfig": {"candidateCount": 2, "maxOutputTokens": 20}}
    assert [candidate["index"] for candidate in answer(rest, body)["candidates"]] == [0, 1]
    events = streamed(rest, body)
    assert {event["candidates"][0]["index"] for event in events} == {0, 1}
    assert [event["candidates"][0].get("finishReason") for event in events].count("MAX_TOKENS") == 2


def test_a_function_is_called_and_its_result_is_told(rest: Rest) -> None:
    body = {**said("What's the weather in Tokyo?"), "tools": [{"functionDeclarations": [WEATHER]}]}
    document = answer(rest, body)
    content = document["candidates"][0]["content"]
    assert content["parts"] == [{"functionCall": {"name": "get_weather", "args": {"city": "Tokyo"}}}]
    assert document["candidates"][0]["finishReason"] == "STOP"
    assert streamed(rest, body)[-1]["candidates"][0]["content"]["parts"] == content["parts"]
    result = {"functionResponse": {"name": "get_weather", "response": {"temperature": "21 degrees"}}}
    body["contents"] += [content, {"role": "user", "parts": [result]}]
    assert "21 degrees" in text_of(answer(rest, body))


def test_members_may_be_spelt_with_underscores(rest: Rest) -> None:
    schema = {"type": "object", "properties": {"top_p": {"type": "string"}}, "required": ["top_p"]}
    function = {"name": "get_weather", "description": "Get the weather", "parameters_json_schema": schema}
    body = {**said("What's the weather in Tokyo?"), "tools": [{"function_declarations": [function]}]}
    [part] = answer(rest, body)["candidates"][0]["content"]["parts"]
    assert list(part["functionCall"]["args"]) == ["top_p"]
    cut = answer(rest, {**said("Tell me a story."), "generation_config": {"max_output_tokens": 3}})
    assert cut["usageMetadata"]["candidatesTokenCount"] == 3
    for wrong in ({"max_output_tokens": 0}, 7):
        reply = generate(rest, {**QUESTION, "generation_config": wrong})
        assert (reply.status_code, reply.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
        assert "generationConfig" in reply.json()["message"]


@pytest.mark.parametrize(("mode", "calls"), [("ANY", True), ("NONE", False)])
def test_functions_may_be_demanded_or_forbidden(rest: Rest, mode: str, calls: bool) -> None:
    other = {"name": "get_date", "parametersJsonSchema": {"type": "object", "properties": {}}}
    config: dict[str, Any] = {"functionCallingConfig": {"mode": mode}}
    if calls:
        config["functionCallingConfig"]["allowedFunctionNames"] = ["get_date"]
    body = {**said("What's the weather in Tokyo?"), "tools": [{"functionDeclarations": [WEATHER, other]}]}
    parts = answer(rest, {**body, "toolConfig": config})["candidates"][0]["content"]["parts"]
    called = [part["functionCall"]["name"] for part in parts if "functionCall" in part]
    assert called == (["get_date"] if calls else [])


@pytest.mark.parametrize("name", ["responseSchema", "responseJsonSchema"])
def test_json_has_the_form_that_was_asked_for(rest: Rest, name: str) -> None:
    schema = {
        "type": "OBJECT" if name == "responseSchema" else "object",
        "properties": {"city": {"type": "string"}, "population": {"type": "integer"}},
        "required": ["city", "population"],
    }
    config = {"responseMimeType": "application/json", name: schema}
    value = json.loads(text_of(answer(rest, {**said("The capital of France?"), "generationConfig": config})))
    assert isinstance(value["city"], str)
    assert isinstance(value["population"], int)
    free = {**said("The capital of France?"), "generationConfig": {"responseMimeType": "application/json"}}
    assert isinstance(json.loads(text_of(answer(rest, free))), dict)


def test_thinking_is_counted_and_shown_when_asked_for(rest: Rest) -> None:
    silent = answer(rest, QUESTION, THINKER)
    assert text_of(silent) == EARTH
    usage = silent["usageMetadata"]
    assert usage["thoughtsTokenCount"] > 0
    assert usage["totalTokenCount"] == sum(usage.values()) - usage["totalTokenCount"]
    config = {"thinkingConfig": {"includeThoughts": True}}
    thought, told = answer(rest, {**QUESTION, "generationConfig": config}, THINKER)["candidates"][0]["content"]["parts"]
    assert thought["thought"] is True
    assert told == {"text": EARTH}
    config = {"maxOutputTokens": 1}
    cut = answer(rest, {**QUESTION, "generationConfig": config}, THINKER)["candidates"][0]
    assert cut["finishReason"] == "MAX_TOKENS"
    assert text_of({"candidates": [cut]}) == ""


def test_the_form_is_for_gemini(rest: Rest) -> None:
    create(rest, "gpt", external())
    for name in (LLAMA, CLAUDE, "databricks-gemma-3-12b", "gpt"):
        reply = generate(rest, QUESTION, name)
        assert (reply.status_code, reply.json()["error_code"]) == (400, "BAD_REQUEST")
        assert reply.json()["message"].endswith("takes endpoints of Gemini models.")


@pytest.mark.parametrize("method", ["generateContent", "streamGenerateContent"])
def test_refusals_have_the_apis_envelope(rest: Rest, method: str) -> None:
    missing = generate(rest, QUESTION, "nowhere", method)
    assert (missing.status_code, missing.json()["error_code"]) == (404, "ENDPOINT_NOT_FOUND")
    for body, told in (
        ({}, "contents"),
        ({"contents": []}, "contents"),
        ({"contents": [{"role": "assistant", "parts": [{"text": "x"}]}]}, "role"),
        ({"contents": [{"parts": []}]}, "parts"),
        ({**QUESTION, "generationConfig": {"maxOutputTokens": 0}}, "maxOutputTokens"),
        ([], "object"),
    ):
        reply = generate(rest, body, method=method)
        assert (reply.status_code, reply.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE"), body
        assert told in reply.json()["message"]
    unknown = generate(rest, QUESTION, method="embedContent")
    assert (unknown.status_code, unknown.json()["error_code"]) == (404, "ENDPOINT_NOT_FOUND")


def test_scripted_replies_take_the_form(rest: Rest, instant_server: MockServer, token: str) -> None:
    call = ToolCall("get_weather", {"city": "Oslo"})
    script = ScriptedReply(text="Look:", tool_calls=(call,), usage={"completion_tokens": 77})
    instant_server.mock.replies.add(token, rule(script, last_message="^Oslo"))
    document = answer(rest, said("Oslo?"))
    assert document["candidates"][0]["content"]["parts"] == [
        {"text": "Look:"},
        {"functionCall": {"name": "get_weather", "args": {"city": "Oslo"}}},
    ]
    assert document["usageMetadata"]["candidatesTokenCount"] == 77
    assert "usage" not in document
    assert streamed(rest, said("Oslo?"))[-1]["usageMetadata"]["candidatesTokenCount"] == 77
    assert text_of(answer(rest, QUESTION)) == EARTH


def test_guardrails_look_at_the_parts(rest: Rest) -> None:
    guards = {"input": {"pii": {"behavior": "BLOCK"}}}
    path = f"/api/2.0/serving-endpoints/{GEMINI}/ai-gateway"
    assert rest("PUT", path, json={"guardrails": guards}).status_code == 200
    reply = generate(rest, said("Write to jane.doe@example.com."))
    assert reply.status_code == 400
    assert "input_guardrail_triggered" in reply.json()["message"]
    assert text_of(answer(rest, QUESTION)) == EARTH


def test_a_conversation_is_read_as_in_every_other_form() -> None:
    call = {"functionCall": {"name": "f", "args": {"a": 1}}}
    result = {"functionResponse": {"name": "f", "response": {"b": 2}}}
    read = from_contents(
        {
            "systemInstruction": {"parts": [{"text": "Be terse."}]},
            "contents": [
                {"parts": [{"text": "Look."}, {"inlineData": {"mimeType": "image/png", "data": "AA=="}}]},
                {"role": "model", "parts": [{"text": "Hm.", "thought": True}, call, call]},
                {"role": "user", "parts": [result, result]},
            ],
        }
    )
    assert [message.role for message in read.messages] == ["system", "user", "assistant", "tool", "tool"]
    assert read.messages[1].images == 1
    assert read.messages[2].text == ""
    assert [found.id for message in read.results if (found := read.call_of(message))] == ["f/1", "f/2"]


def test_googles_schemas_are_json_schemas_by_other_names() -> None:
    given = {
        "type": "ARRAY",
        "minItems": "2",
        "items": {
            "type": "OBJECT",
            "propertyOrdering": ["type"],
            "properties": {"type": {"type": "STRING", "nullable": True, "format": "enum", "enum": ["A"]}},
        },
    }
    assert json_schema(given) == {
        "type": "array",
        "minItems": 2,
        "items": {"type": "object", "properties": {"type": {"type": ["string", "null"], "enum": ["A"]}}},
    }
