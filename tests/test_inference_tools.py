"""When tools are called, with what, and what is said of their results."""

from __future__ import annotations

import json
from typing import Any

import jsonschema_rs
import pytest

from mockserver import catalog
from mockserver.domain.inference import chat
from mockserver.domain.inference.drafting import Setting
from mockserver.vocabulary import vocabulary


def tool(name: str, description: str, **properties: Any) -> dict[str, Any]:
    schema = {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}
    return {"type": "function", "function": {"name": name, "description": description, "parameters": schema}}


STRING, NUMBER = {"type": "string"}, {"type": "number"}
UNIT = {"type": "string", "enum": ["celsius", "fahrenheit"]}
WEATHER = tool("get_weather", "Get the current weather for a location", location=STRING, unit=UNIT)
ADD = tool("add_numbers", "Add two numbers", a=NUMBER, b=NUMBER)
MAIL = tool("send_email", "Send an email to a recipient", to=STRING, subject=STRING, body=STRING)
SEARCH = tool("search_documents", "Search the knowledge base for documents", query=STRING)
DATE = tool("get_date", "Gets the current date")
TOOLS = [WEATHER, ADD, MAIL, SEARCH, DATE]
GPT = catalog.external_profile("openai", "gpt-4")
CLAUDE = catalog.hosted_profile("databricks-claude-3-7-sonnet")


def valid(schema: Any, value: Any) -> bool:
    return jsonschema_rs.validator_for(schema).is_valid(value)


def message(
    messages: str | list[dict[str, Any]], profile: Any = GPT, tools: Any = TOOLS, **more: Any
) -> dict[str, Any]:
    if isinstance(messages, str):
        messages = [{"role": "user", "content": messages}]
    request = {"messages": messages, "tools": tools, **more}
    answer = chat.answer(request, Setting(profile, vocabulary(0), 0, 0, 1_767_213_439_000, valid))
    found: dict[str, Any] = answer.body["choices"][0]["message"]
    return found


def calls(*arguments: Any, **more: Any) -> list[tuple[str, Any]]:
    return [
        (call["function"]["name"], json.loads(call["function"]["arguments"]))
        for call in message(*arguments, **more).get("tool_calls", ())
    ]


FITTING = [
    ("What's the weather in Tokyo?", "get_weather"),
    ("Should I take an umbrella in London today?", "get_weather"),
    ("What is 17 + 25?", "add_numbers"),
    ("Send an email to bob@example.org saying hello", "send_email"),
    ("Search the documents about the vacation policy", "search_documents"),
    ("What's the current date in YYYY-MM-DD format?", "get_date"),
    ("Please call get_date", "get_date"),
]


@pytest.mark.parametrize(("text", "name"), FITTING)
def test_a_fitting_tool_is_called(text: str, name: str) -> None:
    assert calls(text)[0][0] == name


@pytest.mark.parametrize("text", ["Tell me a joke", "Hello!", "Who wrote Hamlet?", "Write a poem about autumn"])
def test_no_tool_is_called_for_what_needs_none(text: str) -> None:
    assert not calls(text)


def test_arguments_satisfy_the_schema_and_the_prompt() -> None:
    [(_, arguments)] = calls("How hot is it in Rome, in fahrenheit?")
    assert arguments == {"location": "Rome", "unit": "fahrenheit"}
    assert calls("What is 17 + 25?")[0][1] == {"a": 17, "b": 25}
    [(_, mail)] = calls("Send an email to bob@example.org saying hello there")
    assert (mail["to"], mail["body"]) == ("bob@example.org", "hello there")


def test_several_places_are_asked_for_in_parallel() -> None:
    text = "What's the weather like in San Francisco, Tokyo, and Paris?"
    made = calls(text)
    assert [arguments["location"] for _, arguments in made] == ["San Francisco", "Tokyo", "Paris"]
    assert len({call["id"] for call in message(text)["tool_calls"]}) == 3
    assert len(calls(text, parallel_tool_calls=False)) == 1


def test_several_tools_are_called_together() -> None:
    assert {name for name, _ in calls("What's the weather in Oslo and what is the current date?")} == {
        "get_weather",
        "get_date",
    }


def test_tool_choice_rules() -> None:
    assert not calls("What's the weather in Tokyo?", tool_choice="none")
    assert calls("Tell me a joke", tool_choice="required")
    named = {"type": "function", "function": {"name": "send_email"}}
    [(name, arguments)] = calls("What's the weather in Tokyo?", tool_choice=named)
    assert name == "send_email"
    assert valid(MAIL["function"]["parameters"], arguments)


def test_a_system_prompt_can_insist_on_tools() -> None:
    system = {"role": "system", "content": "Always use a tool to help you answer."}
    assert calls([system, {"role": "user", "content": "Greet me"}], tools=[DATE])


def test_claude_says_what_it_does_before_it_calls() -> None:
    made = message("What's the current date?", CLAUDE)
    assert made["content"]
    assert made["tool_calls"][0]["id"].startswith("toolu_bdrk_01")
    assert message("What's the current date?")["content"] is None


RESULTS = [
    ('{"temperature": 18, "condition": "partly cloudy"}', ("18", "partly cloudy", "Paris")),
    ("sunny", ("sunny",)),
    ("It is 18 degrees and sunny in Paris.", ("It is 18 degrees and sunny in Paris.",)),
    ('["rain", "wind"]', ("rain", "wind")),
    ('{"error": "not found"}', ("not found",)),
    ("", ("Paris",)),
]


def after(result: str, text: str = "What's the weather in Paris?", system: str = "") -> dict[str, Any]:
    call = {"id": "c", "type": "function", "function": {"name": "get_weather", "arguments": '{"location": "Paris"}'}}
    turns: list[dict[str, Any]] = [
        {"role": "user", "content": text},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": result},
    ]
    return message([{"role": "system", "content": system}, *turns] if system else turns)


@pytest.mark.parametrize(("result", "expected"), RESULTS)
def test_a_result_is_told_in_text(result: str, expected: tuple[str, ...]) -> None:
    made = after(result)
    assert "tool_calls" not in made
    assert all(part in made["content"] or result == "" for part in expected)
    assert made["content"]


def test_results_of_parallel_calls_are_all_told() -> None:
    cities = {"c1": "Oslo", "c2": "Rome"}
    made = [
        {
            "id": key,
            "type": "function",
            "function": {"name": "get_weather", "arguments": json.dumps({"location": city})},
        }
        for key, city in cities.items()
    ]
    told = message(
        [
            {"role": "user", "content": "What's the weather in Oslo and Rome?"},
            {"role": "assistant", "content": None, "tool_calls": made},
            {"role": "tool", "tool_call_id": "c1", "content": "-3 degrees"},
            {"role": "tool", "tool_call_id": "c2", "content": "14 degrees"},
        ]
    )["content"]
    assert all(part in told for part in ("Oslo", "-3 degrees", "Rome", "14 degrees"))


def test_a_result_takes_the_form_the_system_prompt_gives() -> None:
    assert after("2024-01-01", "What's the date?", "Reply with 'It is ____.'")["content"] == "It is 2024-01-01."
    assert after("2024-01-01", "What's the date?", "Be very terse, not even punctuation.")["content"] == "2024-01-01"
    assert "January" in after("2024-01-01", "What month is it? Provide the full name.")["content"]


def test_a_later_question_may_call_again() -> None:
    turns = [
        {"role": "user", "content": "What's the weather in Paris?"},
        {"role": "assistant", "content": "It is sunny."},
        {"role": "user", "content": "And the weather in Rome?"},
    ]
    assert calls(turns)[0][1]["location"] == "Rome"


FINAL = tool("final_result", "The final response which ends this conversation", summary=STRING)


def test_an_agent_that_must_call_tools_comes_to_its_end() -> None:
    turns: list[dict[str, Any]] = [{"role": "user", "content": "What's the weather in Paris?"}]
    called = []
    for _ in range(3):
        made = message(turns, tools=[WEATHER, DATE, FINAL], tool_choice="required")
        turns.append(made)
        for call in made["tool_calls"]:
            called.append(call["function"]["name"])
            turns.append({"role": "tool", "tool_call_id": call["id"], "content": "18 degrees"})
    assert called == ["get_weather", "get_date", "final_result"]
    turns.append({"role": "user", "content": "And the weather in Rome?"})
    assert calls(turns, tools=[WEATHER, FINAL], tool_choice="required")[0][0] == "get_weather"


def test_the_only_tool_is_called_again_where_one_must_be() -> None:
    call = {"id": "c", "type": "function", "function": {"name": "get_weather", "arguments": '{"location": "Paris"}'}}
    turns: list[dict[str, Any]] = [
        {"role": "user", "content": "What's the weather in Paris?"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": "18 degrees"},
    ]
    assert calls(turns, tools=[WEATHER], tool_choice="required")[0][0] == "get_weather"
