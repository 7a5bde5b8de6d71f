"""Scripted replies, as clients get them."""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest

from mockserver import ServingMock
from mockserver.errors import InjectedError
from mockserver.matching import JsonPath, difference, missing
from mockserver.replies import ReplyRule, ScriptedReply, ToolCall, last_text, rule, scripted

MESSAGES: Any = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "What is the capital of France?"},
]
BODY: Any = {"model": "chat", "messages": MESSAGES, "temperature": 0}


@pytest.fixture
def client(serving_mock: ServingMock) -> openai.OpenAI:
    serving_mock.create("chat")
    made: openai.OpenAI = serving_mock.openai_client(in_process=True, max_retries=0)
    return made


def asked(client: openai.OpenAI, **changes: Any) -> Any:
    return client.chat.completions.create(**{**BODY, **changes})


def text_of(client: openai.OpenAI, **changes: Any) -> str:
    return str(asked(client, **changes).choices[0].message.content)


def test_a_text_is_answered_and_other_endpoints_are_not_concerned(
    serving_mock: ServingMock, client: openai.OpenAI
) -> None:
    serving_mock.reply("Lyon, as it happens.", endpoint="chat")
    serving_mock.create("other")
    assert text_of(client) == "Lyon, as it happens."
    assert "Paris" in text_of(client, model="other")


def test_a_stream_of_a_scripted_text_has_its_chunks(serving_mock: ServingMock, client: openai.OpenAI) -> None:
    serving_mock.reply({"chunks": ["Ly", "on"]})
    chunks = [chunk.choices[0].delta.content for chunk in asked(client, stream=True) if chunk.choices]
    assert [text for text in chunks if text] == ["Ly", "on"]


def test_tool_calls_and_structured_output(serving_mock: ServingMock, client: openai.OpenAI) -> None:
    serving_mock.reply({"tool_calls": [{"name": "weather", "arguments": {"city": "Paris"}}]}, last_message="weather")
    serving_mock.reply({"json": {"capital": "Paris"}}, last_message="JSON")
    tools = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}]
    choice = asked(client, messages=[{"role": "user", "content": "weather?"}], tools=tools).choices[0]
    assert choice.finish_reason == "tool_calls"
    assert choice.message.tool_calls[0].function.name == "weather"
    assert json.loads(choice.message.tool_calls[0].function.arguments) == {"city": "Paris"}
    assert json.loads(text_of(client, messages=[{"role": "user", "content": "as JSON"}])) == {"capital": "Paris"}


def test_an_error_then_an_answer(serving_mock: ServingMock, client: openai.OpenAI) -> None:
    serving_mock.reply([InjectedError(429, message="slow down", retry_after=1), {"text": "at last"}])
    with pytest.raises(openai.RateLimitError, match="slow down") as refusal:
        asked(client)
    assert refusal.value.response.headers["retry-after"] == "1"
    assert [text_of(client) for _ in range(2)] == ["at last", "at last"]


def test_a_rule_that_is_used_up_lets_the_older_one_answer(serving_mock: ServingMock, client: openai.OpenAI) -> None:
    serving_mock.reply("always")
    serving_mock.reply("twice", times=2)
    assert [text_of(client) for _ in range(3)] == ["twice", "twice", "always"]


def test_a_callable_matches_and_another_answers(serving_mock: ServingMock, client: openai.OpenAI) -> None:
    serving_mock.reply(lambda body: f"heard {len(body['messages'])}", when=lambda body: body.get("temperature") == 0)
    assert text_of(client) == "heard 2"
    assert text_of(client, temperature=1) != "heard 2"


@pytest.mark.parametrize(
    ("conditions", "hit"),
    [
        ({"endpoint": "ch*"}, True),
        ({"endpoint": "other"}, False),
        ({"contains": {"messages": [{"role": "system"}]}}, True),
        ({"contains": {"messages": [{"role": "user"}]}}, False),
        ({"last_message": "capital of \\w+"}, True),
        ({"last_message": "^brief"}, False),
        ({"jsonpath": {"$.messages[-1].role": "user"}}, True),
        ({"jsonpath": {"$.messages[*].role": "user", "$..temperature": 0}}, True),
        ({"jsonpath": {"$.tools[0].type": "function"}}, False),
        ({"exact": BODY}, True),
        ({"exact": {**BODY, "temperature": 1}}, False),
    ],
)
def test_conditions(conditions: dict[str, Any], hit: bool) -> None:
    assert (rule("x", **conditions).mismatch("chat", BODY) is None) is hit


def test_a_strict_workspace_shows_the_nearest_rule(serving_mock: ServingMock, client: openai.OpenAI) -> None:
    serving_mock.strict()
    with pytest.raises(openai.BadRequestError, match="There are no scripted replies in this workspace"):
        asked(client)
    serving_mock.reply("x", endpoint="elsewhere")
    serving_mock.reply("y", endpoint="chat", last_message="capital of Spain")
    with pytest.raises(openai.BadRequestError) as refusal:
        asked(client)
    assert "The nearest is reply-" in str(refusal.value)
    assert "does not match /capital of Spain/" in str(refusal.value)
    serving_mock.strict(False)
    assert "Paris" in text_of(client)


def test_a_reply_to_a_custom_model_is_its_predictions(serving_mock: ServingMock) -> None:
    serving_mock.create("churn", "custom")
    serving_mock.reply({"json": [0.25, 0.75]}, endpoint="churn")
    answer = serving_mock.workspace_client(in_process=True).serving_endpoints.query(
        "churn", dataframe_records=[{"age": 1}, {"age": 2}]
    )
    assert answer.predictions == [0.25, 0.75]


def test_a_whole_body_is_sent_as_it_is(serving_mock: ServingMock, client: openai.OpenAI) -> None:
    serving_mock.reply({"body": {"no": "contract"}})
    assert asked(client).model_extra == {"no": "contract"}


@pytest.mark.parametrize(
    ("answer", "conditions", "complaint"),
    [
        ({"txet": "x"}, {}, "unknown part of a scripted reply: txet"),
        (5, {}, "not a scripted reply"),
        ([], {}, "at least one answer"),
        ("x", {"lastmessage": "y"}, "unknown condition lastmessage"),
        ("x", {"last_message": "("}, "not a regular expression"),
        ("x", {"jsonpath": {"$.a[?(@.b)]": 1}}, "cannot be read at"),
        ("x", {"times": 0}, "answers at least once"),
    ],
)
def test_what_cannot_be_scripted_is_refused(
    serving_mock: ServingMock, answer: Any, conditions: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint.replace("(", r"\(")):
        serving_mock.reply(answer, **conditions)


def test_replies_have_long_and_short_forms() -> None:
    assert scripted("x") == ScriptedReply(text="x")
    assert scripted({"tool_calls": [{"name": "f"}]}).tool_calls == (ToolCall("f"),)
    assert scripted({"chunks": ["a", "b"]}).content == "ab"
    assert scripted({"json": {"a": 1}}).content == '{"a":1}'
    assert scripted({"error": {"status": 503}}).error is not None
    assert isinstance(rule(["a", "b"], endpoint="x"), ReplyRule)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("$", [{"a": [{"b": 1}, {"b": 2}], "c d": 3}]),
        ("$.a[0].b", [1]),
        ("$.a[-1].b", [2]),
        ("$.a[*].b", [1, 2]),
        ("$..b", [1, 2]),
        ("$['c d']", [3]),
        ("$.a.*", [{"b": 1}, {"b": 2}]),
        ("$.a[7]", []),
        ("$.nothing.more", []),
    ],
)
def test_paths_into_values(path: str, found: list[Any]) -> None:
    assert JsonPath(path).values({"a": [{"b": 1}, {"b": 2}], "c d": 3}) == found


def test_differences_name_their_place() -> None:
    assert missing({"a": {"b": 1}}, {"a": {"b": 1, "c": 2}}) is None
    assert missing({"a": {"b": 1}}, {"a": {}}) == "a.b is missing"
    assert missing([1, 2], [1, 3]) == "[1] is 3, not 2"
    assert missing([1, 2], [1]) == "the value has 1 items, not 2"
    assert difference({"a": 1}, {"a": 1, "b": 2}) == "beyond what is expected, b"


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "image_url"}]}]}, "a"),
        ({"input": "b"}, "b"),
        ({"input": [{"role": "user", "content": "c"}]}, "c"),
        ({"prompt": ["x", "d"]}, "d"),
        ({"inputs": [1]}, None),
        (b"csv", None),
    ],
)
def test_the_last_text_of_a_request(body: Any, text: str | None) -> None:
    assert last_text(body) == text


@pytest.mark.parametrize("count", [-1, 1.5, True, 10**12])
def test_a_count_of_tokens_that_cannot_be_is_refused_when_it_is_scripted(
    serving_mock: ServingMock, count: object
) -> None:
    with pytest.raises(ValueError, match="usage prompt_tokens is "):
        serving_mock.reply({"text": "x", "usage": {"prompt_tokens": count}})
