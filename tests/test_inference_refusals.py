"""Requests that a model does not take, and what it says of them."""

from __future__ import annotations

from typing import Any

import pytest
from model_answers import GPT, LEGACY, LLAMA, REQUESTS, WEATHER, asked

from mockserver.domain.inference import checks, refusals
from openapi import load

REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"inputs": {"messages": []}}, 'Bad request: json: unknown field "inputs"'),
    ({**asked(), "dataframe_records": []}, 'Bad request: json: unknown field "dataframe_records"'),
    (
        asked(tools=[{"type": "function", "function": {"name": "f"}}]),
        'Bad request: "parameters" is a required property for "function" object in parameter "tools"',
    ),
    ({"messages": []}, "messages"),
    ({}, "messages"),
    (
        {"messages": [{"role": "developer", "content": "x"}]},
        "'messages[0].role' is 'developer'; accepted: 'system', 'user', 'assistant', 'tool'",
    ),
    ({"messages": [{"role": "user"}]}, "content"),
    ({"messages": [{"role": "user", "content": 3}]}, "field 'messages.content' expects input with json type"),
    (asked(temperature=3), "temperature"),
    (asked(temperature="hot"), "temperature"),
    (asked(top_p=1.5), "top_p"),
    (asked(max_tokens=0), "max_tokens"),
    (asked(n=0), "'n'"),
    (asked(n=99), "'n'"),
    (asked(tools=[WEATHER], tool_choice="sometimes"), "tool_choice"),
    (asked(tools=[WEATHER], tool_choice={"type": "function", "function": {"name": "other"}}), "other"),
    (asked(tools=[WEATHER] * 40), "at most 32"),
    (asked(response_format={"type": "xml"}), "response_format"),
    (asked(response_format={"type": "json_schema"}), "json_schema.schema"),
]


@pytest.mark.parametrize(("request_body", "said"), REFUSED, ids=[said[:40] for _, said in REFUSED])
def test_a_bad_chat_request_is_refused(request_body: dict[str, Any], said: str) -> None:
    with pytest.raises(refusals.Refusal) as caught:
        checks.chat(request_body, LLAMA)
    assert caught.value.status == 400
    assert said in caught.value.message


def test_a_good_chat_request_is_not_refused() -> None:
    for more in REQUESTS:
        checks.chat(asked(**more), LLAMA)
    checks.chat({**asked(), "anything": 1}, GPT)
    checks.completions({"prompt": "x", "error_behavior": "error"}, LEGACY)
    checks.embeddings({"input": ["a"], "encoding_format": "base64", "user": "u"}, LLAMA)


def test_bad_requests_of_other_tasks_are_refused() -> None:
    for check, request in (
        (checks.embeddings, {}),
        (checks.embeddings, {"input": [None]}),
        (checks.embeddings, {"messages": [], "input": "x"}),
        (checks.completions, {"prompt": None}),
        (checks.completions, {"prompt": "x", "error_behavior": "hope"}),
        (checks.responses, {"input": []}),
        (checks.responses, {"input": [{"id": "x" * 65, "role": "user", "content": "hi"}]}),
        (checks.anthropic, {"messages": [{"role": "user", "content": "x"}]}),
        (checks.anthropic, {"messages": [], "max_tokens": 5}),
    ):
        with pytest.raises(refusals.Refusal):
            check(request, LLAMA)


def test_models_take_the_roles_that_the_contract_names() -> None:
    roles = load().schema("ChatMessage").definition["properties"]["role"]["enum"]
    assert sorted(checks.ROLES) == sorted(roles)
