"""Agents, responses, messages, completions: streams equal answers, and the vendor's own types take them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from model_answers import CLAUDE, GPT, LEGACY, OSS, WEATHER, answered, any_profile, asked, message, setting

from mockserver import catalog
from mockserver.domain.inference import agents, anthropic, completions, profiles, responses


def test_an_agent_of_the_older_task_answers_like_a_chat_model() -> None:
    profile = catalog.custom_profile("main.agents.helper")
    answer = agents.answer("agent/v1/chat", asked(), setting(profile))
    assert message(answer)["role"] == "assistant"
    assert answer.body["model"] == "helper"


def test_a_chat_agent_answers_messages_without_choices() -> None:
    profile = catalog.custom_profile("main.agents.helper")
    answer = agents.answer("agent/v2/chat", {**asked(), "custom_inputs": {"user": 1}}, setting(profile))
    events = list(answer.events())
    [only] = answer.body["messages"]
    assert "choices" not in answer.body
    assert answer.body["custom_outputs"] == {"user": 1}
    assert "".join(event["delta"]["content"] for event in events) == only["content"]
    assert {event["delta"]["id"] for event in events} == {only["id"]}
    assert {event["id"] for event in events} == {answer.body["id"]}


@pytest.mark.parametrize("agent", [True, False])
@pytest.mark.parametrize("tools", [[], [{"type": "function", **WEATHER["function"]}]])
@pytest.mark.parametrize("limit", [None, 4])
@pytest.mark.parametrize("profile", [GPT, OSS, CLAUDE], ids=lambda profile: profile.model)
def test_a_response_stream_puts_together_to_the_response(
    profile: profiles.ModelProfile, limit: int | None, tools: list[Any], agent: bool
) -> None:
    request: dict[str, Any] = {"input": [{"role": "user", "content": "What's the weather in Tokyo?"}], "tools": tools}
    if limit:
        request["max_output_tokens"] = limit
    answer = (responses.agent_answer if agent else responses.answer)(request, setting(profile))
    events = list(answer.events())
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert events[0]["type"] == "response.created"
    last = events[-1]
    assert last["type"] == ("response.incomplete" if limit else "response.completed")
    assert last["response"]["output"] == answer.body["output"]
    done = [event["item"] for event in events if event["type"] == "response.output_item.done"]
    assert done == answer.body["output"]
    deltas: dict[str, str] = {}
    for event in events:
        if event["type"].endswith(".delta"):
            deltas[event["item_id"]] = deltas.get(event["item_id"], "") + event["delta"]
    for item in answer.body["output"]:
        full = item.get("arguments") or (item.get("content") or item.get("summary"))[0]["text"]
        assert deltas.get(item["id"], "") == full
    usage = answer.body["usage"]
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]


def test_a_response_follows_up_on_a_function_call() -> None:
    given = [
        {"role": "user", "content": "What's the weather in Tokyo?"},
        {"type": "function_call", "call_id": "c", "name": "get_weather", "arguments": '{"city": "Tokyo"}'},
        {"type": "function_call_output", "call_id": "c", "output": "sunny and 31 degrees"},
    ]
    tools = [{"type": "function", **WEATHER["function"]}]
    [item] = responses.answer({"input": given, "tools": tools}, setting(GPT)).body["output"]
    assert "sunny and 31 degrees" in item["content"][0]["text"]


def test_a_tool_that_has_answered_is_not_called_again_where_one_must_be() -> None:
    question = {"role": "user", "content": "What's the weather in Tokyo?"}
    final = {"name": "final_result", "description": "", "parameters": {"type": "object", "properties": {}}}
    functions = [WEATHER["function"], final]
    given = [
        question,
        {"type": "function_call", "call_id": "c", "name": "get_weather", "arguments": '{"city": "Tokyo"}'},
        {"type": "function_call_output", "call_id": "c", "output": "sunny"},
    ]
    tools = [{"type": "function", **function} for function in functions]
    request = {"input": given, "tools": tools, "tool_choice": "required"}
    assert [item["name"] for item in responses.answer(request, setting(GPT)).body["output"]] == ["final_result"]
    turns = [
        question,
        {"role": "assistant", "content": [{"type": "tool_use", "id": "c", "name": "get_weather", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c", "content": "sunny"}]},
    ]
    schemas = [{"name": function["name"], "input_schema": function["parameters"]} for function in functions]
    message = {"messages": turns, "tools": schemas, "tool_choice": {"type": "any"}, "max_tokens": 500}
    assert [block["name"] for block in anthropic.answer(message, setting(CLAUDE)).body["content"]] == ["final_result"]


@pytest.mark.parametrize("more", [{}, {"max_tokens": 5}, {"thinking": {"type": "enabled", "budget_tokens": 1024}}])
@pytest.mark.parametrize("tooled", [True, False])
def test_an_anthropic_stream_puts_together_to_the_message(more: dict[str, Any], tooled: bool) -> None:
    request = {**asked("What's the weather in Tokyo?"), "max_tokens": 500, **more}
    if tooled:
        function = WEATHER["function"]
        assert isinstance(function, dict)
        request["tools"] = [{"name": function["name"], "input_schema": function["parameters"]}]
    answer = anthropic.answer(request, setting(CLAUDE))
    events = list(answer.events())
    assert events[0]["type"] == "message_start"
    assert events[-1] == {"type": "message_stop"}
    blocks: list[dict[str, Any]] = []
    partial = ""
    for event in events:
        if event["type"] == "content_block_start":
            blocks.append(dict(event["content_block"]))
            partial = ""
        if event["type"] == "content_block_delta":
            delta = dict(event["delta"])
            kind = delta.pop("type")
            if kind == "input_json_delta":
                partial += delta["partial_json"]
            else:
                [(key, value)] = delta.items()
                blocks[-1][key] += value
        if event["type"] == "content_block_stop" and partial:
            blocks[-1]["input"] = json.loads(partial)
    assert blocks == answer.body["content"]
    [ended] = [event for event in events if event["type"] == "message_delta"]
    assert ended["delta"]["stop_reason"] == answer.body["stop_reason"]
    assert ended["usage"]["output_tokens"] == answer.body["usage"]["output_tokens"]


def test_an_anthropic_message_names_the_stop_sequence() -> None:
    body = anthropic.answer({**asked(), "max_tokens": 500, "stop_sequences": ["ocean"]}, setting(CLAUDE)).body
    assert (body["stop_reason"], body["stop_sequence"]) == ("stop_sequence", "ocean")


@pytest.mark.parametrize("profile", [GPT, catalog.hosted_profile("databricks-mpt-7b-instruct")], ids=["gpt", "mpt"])
@pytest.mark.parametrize("more", [{}, {"n": 2, "echo": True}, {"max_tokens": 3}, {"logprobs": 2}, {"stop": ["e"]}])
def test_a_completion_stream_puts_together_to_the_answer(profile: profiles.ModelProfile, more: dict[str, Any]) -> None:
    for prompt in ("The lighthouse stood", ["What is Apache Spark?", "Once upon a time"]):
        answer = completions.answer({"prompt": prompt, **more}, setting(profile))
        choices = answer.body["choices"]
        texts = [""] * len(choices)
        for event in answer.events():
            for choice in event["choices"]:
                texts[choice["index"]] += choice["text"]
        assert texts == [choice["text"] for choice in choices]
        assert len(choices) == (1 if isinstance(prompt, str) else 2) * more.get("n", 1)
        usage = answer.body["usage"]
        assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
        counted = [event["usage"]["completion_tokens"] for event in answer.events() if "usage" in event]
        assert counted == sorted(counted)
        assert not counted or counted[-1] == usage["completion_tokens"]


def test_a_completion_answers_an_instruction_template() -> None:
    prompt = "Below is an instruction.\n\n### Instruction:\nWhat is Apache Spark?\n\n### Response:\n"
    assert "Spark" in completions.answer({"prompt": prompt}, setting(LEGACY)).body["choices"][0]["text"]
    older = completions.candidates({"inputs": {"prompt": [prompt]}, "params": {"max_tokens": 10}}, setting(LEGACY))
    [only] = older.body["predictions"]
    assert only["candidates"][0]["metadata"]["finish_reason"] == "length"
    assert only["metadata"]["output_tokens"] == 10


@any_profile
@pytest.mark.parametrize("more", [{}, {"tools": [WEATHER]}, {"logprobs": True, "top_logprobs": 2}])
def test_openais_own_types_take_the_answers(profile: profiles.ModelProfile, more: dict[str, Any]) -> None:
    types = pytest.importorskip("openai.types")
    if profile.family.reasoning == "always":
        pytest.skip("content lists are Databricks' own form")
    answer = answered(profile, "What's the weather in Tokyo?", **more)
    types.chat.ChatCompletion.model_validate(answer.body, strict=True)
    for event in answer.events():
        usage = event.get("usage")
        if usage and usage["completion_tokens"] is None:
            event = {key: value for key, value in event.items() if key != "usage"}
        types.chat.ChatCompletionChunk.model_validate(event, strict=True)
    given = {"input": "What's the weather in Tokyo?", "tools": [{"type": "function", **WEATHER["function"]}]}
    response = responses.answer(given, setting(profile))
    types.responses.Response.model_validate(response.body)
    stream_event = pytest.importorskip("pydantic").TypeAdapter(types.responses.ResponseStreamEvent)
    for event in response.events():
        assert stream_event.validate_python(event).type == event["type"]
    completion = completions.answer({"prompt": "Once upon a time", "logprobs": 2}, setting(profile))
    types.Completion.model_validate(completion.body, strict=True)
