"""What Claude models refuse that others take, in all forms; and prompts that are too long for any model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests
from endpoints_for_queries import CLAUDE, LLAMA, QUESTION, ask, create, external

Rest = Callable[..., requests.Response]
MESSAGES = "/serving-endpoints/anthropic/v1/messages"
EMPTY = '{"message":"messages: text content blocks must be non-empty"}'
BUDGET = (
    '{"message":"`max_tokens` must be greater than `thinking.budget_tokens`. Please consult our documentation at '
    'https://docs.claude.com/en/docs/build-with-claude/extended-thinking#max-tokens-and-context-window-size"}'
)
CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}


def refused(reply: requests.Response, message: str) -> bool:
    return (reply.status_code, reply.json()) == (400, {"error_code": "BAD_REQUEST", "message": message})


def turn(content: Any, role: str = "user", **more: Any) -> dict[str, Any]:
    return {"role": role, "content": content, **more}


@pytest.mark.parametrize("name", ["opus-4-7", "opus-4-8", "sonnet-5"])
def test_newer_claude_models_take_no_temperature(rest: Rest, name: str) -> None:
    endpoint = f"databricks-claude-{name}"
    said = f"BAD_REQUEST: Model us.anthropic.claude-{name} does not support the temperature parameter."
    assert refused(ask(rest, endpoint, {**QUESTION, "temperature": 0}), said)
    body = {"model": endpoint, **QUESTION, "temperature": 1.0}
    assert refused(rest("POST", "/serving-endpoints/chat/completions", json=body), said)
    assert refused(rest("POST", MESSAGES, json={**body, "max_tokens": 9}), said)
    response = {"model": endpoint, "input": "Hello!", "temperature": 0.5}
    assert refused(rest("POST", "/serving-endpoints/responses", json=response), said)
    assert ask(rest, endpoint, {**QUESTION, "temperature": None}).json()["model"] in said


def test_the_model_that_takes_no_temperature_is_called_as_in_its_replies(rest: Rest) -> None:
    entity = external("opus", model="claude-opus-5")
    entity["external_model"] |= {"provider": "anthropic", "anthropic_config": {"anthropic_api_key_plaintext": "sk"}}
    del entity["external_model"]["openai_config"]
    create(rest, "opus", entity)
    said = "BAD_REQUEST: Model claude-opus-5 does not support the temperature parameter."
    assert refused(ask(rest, "opus", {**QUESTION, "temperature": 0.2}), said)
    assert ask(rest, "opus").json()["model"] == "claude-opus-5"


@pytest.mark.parametrize("endpoint", [CLAUDE, "databricks-claude-opus-4-6", "databricks-claude-sonnet-4-5", LLAMA])
def test_other_models_take_a_temperature(rest: Rest, endpoint: str) -> None:
    assert ask(rest, endpoint, {**QUESTION, "temperature": 0}).status_code == 200


@pytest.mark.parametrize(
    "messages",
    [
        [turn("")],
        [turn([{"type": "text", "text": ""}])],
        [turn("", "system"), turn("Hello!")],
        [turn("Hello!"), turn("", "assistant")],
        [turn("Hello!"), turn("", "assistant", tool_calls=[]), turn("Hello?")],
    ],
)
def test_claude_takes_no_empty_text(rest: Rest, messages: list[dict[str, Any]]) -> None:
    assert refused(ask(rest, CLAUDE, {"messages": messages}), EMPTY)
    body = {"model": CLAUDE, "messages": messages}
    assert refused(rest("POST", "/serving-endpoints/chat/completions", json=body), EMPTY)
    assert ask(rest, LLAMA, {"messages": messages}).status_code == 200


@pytest.mark.parametrize("content", ["", [{"type": "text", "text": ""}]])
@pytest.mark.parametrize("stream", [False, True])
def test_the_messages_route_takes_no_empty_text(rest: Rest, content: Any, stream: bool) -> None:
    body = {"model": CLAUDE, "max_tokens": 9, "messages": [turn(content)], "stream": stream}
    assert refused(rest("POST", MESSAGES, json=body), EMPTY)


def test_the_messages_route_refuses_in_the_models_words_only_what_names_a_model(rest: Rest) -> None:
    reply = rest("POST", MESSAGES, json={"model": CLAUDE, **QUESTION})
    assert (reply.status_code, reply.json()["message"]) == (400, "max_tokens: Field required")
    assert "model" in rest("POST", MESSAGES, json={"max_tokens": 9, **QUESTION}).json()["message"]
    assert rest("POST", MESSAGES, json={"model": "nowhere", **QUESTION}).status_code == 404


def test_claude_takes_an_empty_text_beside_calls_and_as_a_result(rest: Rest) -> None:
    turns = [turn("Hello!"), turn("", "assistant", tool_calls=[CALL]), turn("", "tool", tool_call_id="c")]
    assert ask(rest, CLAUDE, {"messages": turns, "tools": [TOOL]}).status_code == 200


@pytest.mark.parametrize(("limit", "budget"), [(1024, 1024), (1000, 2048)])
def test_the_budget_for_thinking_is_below_the_limit(rest: Rest, limit: int, budget: int) -> None:
    thinking = {"type": "enabled", "budget_tokens": budget}
    for name in ("max_tokens", "max_completion_tokens"):
        assert refused(ask(rest, CLAUDE, {**QUESTION, name: limit, "thinking": thinking}), BUDGET)
    body = {"model": CLAUDE, **QUESTION, "max_tokens": limit, "thinking": thinking}
    assert refused(rest("POST", MESSAGES, json=body), BUDGET)
    assert ask(rest, CLAUDE, {**QUESTION, "max_tokens": budget + 1, "thinking": thinking}).status_code == 200
    assert ask(rest, CLAUDE, {**QUESTION, "thinking": thinking}).status_code == 200


def too_long(reply: requests.Response, context: int) -> bool:
    return reply.status_code == 400 and (
        reply.json()["message"].startswith("Bad request: rpc error: code = InvalidArgument desc = prompt token count (")
        and f"cannot exceed {context}." in reply.json()["message"]
    )


def test_a_prompt_is_no_longer_than_the_context_of_a_hosted_model(rest: Rest) -> None:
    legacy = "databricks-llama-2-70b-chat"
    reply = ask(rest, legacy, {"messages": [turn("one " * 4000), turn([{"type": "text", "text": "two " * 590}])]})
    assert too_long(reply, 4096)
    assert "(4605) cannot exceed 4096. Please reduce the length of the prompt." in reply.json()["message"]
    fitting = ask(rest, legacy, {"messages": [turn("one " * 4000)]})
    assert fitting.status_code == 200
    assert 4000 < fitting.json()["usage"]["prompt_tokens"] < 4096
    assert ask(rest, legacy, {"messages": [turn("extraordinary " * 1000)]}).status_code == 200
    create(rest, "gpt")
    assert ask(rest, "gpt", {"messages": [turn("one " * 150_000)]}).status_code == 200


def test_the_other_forms_keep_to_the_context_as_well(rest: Rest) -> None:
    words = "one " * 200_001
    assert too_long(rest("POST", MESSAGES, json={"model": CLAUDE, "max_tokens": 9, "messages": [turn(words)]}), 200_000)
    for given in (words, [turn(words)]):
        reply = rest("POST", "/serving-endpoints/responses", json={"model": CLAUDE, "input": given})
        assert too_long(reply, 200_000)
    body = {"prompt": "one " * 3000, "error_behavior": "error"}
    assert too_long(ask(rest, "databricks-mpt-7b-instruct", body), 2048)
    assert ask(rest, "databricks-mpt-7b-instruct", {**body, "error_behavior": "truncate"}).status_code == 200
