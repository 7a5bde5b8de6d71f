"""Schemas that clients send, in every form: what is none is refused with its place, whatever is one is answered."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import pytest
import requests
from endpoints_for_queries import CLAUDE, LLAMA, QUESTION, ask, create, custom
from schemas_to_sample import CORPUS

Rest = Callable[..., requests.Response]
Sent = tuple[str, str, dict[str, Any], str]
"""A route, a model, a body with a schema in it, and where in the body the schema is."""

MALFORMED: list[tuple[dict[str, Any], str]] = [
    *(
        ({keyword: value}, keyword)
        for keyword in (
            "enum", "properties", "required", "minLength", "maxLength", "minItems", "maxItems", "minProperties",
            "maxProperties", "minContains", "maxContains", "minimum", "maximum", "exclusiveMinimum",
            "exclusiveMaximum", "multipleOf", "pattern", "patternProperties", "prefixItems", "dependentRequired",
            "dependentSchemas", "anyOf", "oneOf", "allOf", "additionalProperties", "propertyNames", "items",
            "additionalItems", "contains", "not", "if", "uniqueItems", "type", "definitions",
        )
        for value in (None, "5")
        if not (keyword == "pattern" and value == "5")
    ),
    *(({keyword: 5}, keyword) for keyword in ("properties", "anyOf", "pattern", "items", "prefixItems", "type")),
    ({"required": [5]}, "required[0]"),
    ({"anyOf": [5]}, "anyOf[0]"),
    ({"anyOf": []}, "anyOf"),
    ({"type": ["string", None]}, "type[1]"),
    ({"type": "strnig"}, "type"),
    ({"minLength": -1}, "minLength"),
    ({"multipleOf": 0}, "multipleOf"),
    ({"properties": {"b": 5}}, "properties.b"),
    ({"items": {"items": [True, {"enum": 1}]}}, "items.items[1].enum"),
    ({"dependentRequired": {"b": 5}}, "dependentRequired.b"),
    ({"$ref": 5}, '["$ref"]'),
    ({"$defs": {"b": {"enum": {}}}}, '["$defs"].b.enum'),
]  # fmt: skip
UNUSUAL: dict[str, Any] = {
    "items by position": {"type": "array", "items": [{"type": "string"}, {"type": "integer"}], "minItems": 2},
    "draft 4": {"type": "number", "minimum": 3, "exclusiveMinimum": True},
    "whole numbers with a point": {"type": "string", "minLength": 2.0, "maxLength": 3.0},
    "as many as no value has": {"type": "array", "items": {"type": "string"}, "minItems": 10**12},
    "as many as no value has where another is": {
        "type": "object",
        "properties": {"b": {"const": 1}},
        "required": ["b"],
        "dependentSchemas": {"b": {"minProperties": 10**12}},
    },
    "longer than any text": {"type": "string", "minLength": 10**12},
    "a match longer than any text": {"type": "string", "pattern": "^(a{1000}){1000}$"},
    "far away": {"type": "number", "exclusiveMinimum": 1e300},
    "nullable": {"type": "string", "nullable": True},
    "extensions": {"type": "string", "x-order": [1], "title": None, "examples": "none", "format": 3},
    "a place that is no schema": {"$ref": "#/examples/0", "examples": [{"enum": None, "minLength": "3"}]},
    "a place that is not there": {"$ref": "#/nowhere"},
    "an expression that is none": {"type": "string", "pattern": "("},
    "properties named like keywords": {
        "type": "object",
        "properties": {"properties": {"type": "string"}, "enum": {"type": "integer"}, "type": {"const": "a"}},
        "required": ["properties", "enum", "type"],
    },
}


def forms(schema: dict[str, Any]) -> Iterator[Sent]:
    """The schema in every form in which one can be sent."""
    chat, input_ = {**QUESTION, "max_tokens": 99}, {"input": "Hello!"}
    wanted = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    text = {"format": {"type": "json_schema", "name": "x", "schema": schema}}
    tool = {"type": "function", "function": {"name": "f", "parameters": schema}}
    function = {"type": "function", "name": "f", "parameters": schema}
    claudes = {"name": "f", "input_schema": schema}
    asked = "response_format.json_schema.schema"
    completions, responses, messages = (
        f"/serving-endpoints/{route}" for route in ("chat/completions", "responses", "anthropic/v1/messages")
    )
    for model in (LLAMA, CLAUDE):
        yield "", model, {**chat, "response_format": wanted}, asked
        yield completions, model, {**chat, "tools": [tool], "tool_choice": "required"}, "tools[0].function.parameters"
    for name in ("unified", "chatting"):
        yield "", name, {**QUESTION, "response_format": wanted}, asked
    for path, name in ((responses, LLAMA), ("", "helper"), ("", "unified")):
        yield path, name, {**input_, "text": text}, "text.format.schema"
        yield path, name, {**input_, "tools": [function], "tool_choice": "required"}, "tools[0].parameters"
    yield messages, CLAUDE, {**chat, "tools": [claudes], "tool_choice": {"type": "any"}}, "tools[0].input_schema"
    yield messages, CLAUDE, {**chat, "output_format": text["format"]}, "output_format.schema"
    yield messages, CLAUDE, {**chat, "output_config": text}, "output_config.format.schema"


def send(rest: Rest, sent: Sent) -> requests.Response:
    path, model, body, _ = sent
    return rest("POST", path, json={"model": model, **body}) if path else ask(rest, model, body)


@pytest.fixture
def everyone(rest: Rest) -> Rest:
    """A workspace with a custom model, an agent and a chat agent beside the foundation models."""
    create(rest, "unified", custom())
    create(rest, "helper", custom("main.default.helper"), task="agent/v1/responses")
    create(rest, "chatting", custom("main.default.chatting"), task="agent/v1/chat")
    return rest


@pytest.mark.parametrize(("part", "where"), MALFORMED, ids=[str(part) for part, _ in MALFORMED])
def test_what_is_no_schema_is_refused_with_its_place(rest: Rest, part: dict[str, Any], where: str) -> None:
    wanted = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"properties": {"a": part}}}}
    reply = ask(rest, LLAMA, {**QUESTION, "response_format": wanted})
    assert (reply.status_code, reply.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    place = f"response_format.json_schema.schema.properties.a{'' if where.startswith('[') else '.'}{where}"
    assert f"'{place}'" in reply.json()["message"]


def test_what_is_no_schema_is_refused_in_every_form(everyone: Rest) -> None:
    for part in ({"enum": None}, {"minLength": "3"}, {"properties": 5}, {"anyOf": [None]}):
        for sent in forms({"type": "object", "properties": {"a": part}}):
            reply = send(everyone, sent)
            assert (reply.status_code, f"'{sent[3]}.properties.a." in reply.json()["message"]) == (400, True), sent


@pytest.mark.parametrize("name", UNUSUAL)
def test_an_unusual_schema_is_answered_in_every_form(everyone: Rest, name: str) -> None:
    for sent in forms({"type": "object", "properties": {"a": UNUSUAL[name]}, "required": ["a"]}):
        assert send(everyone, sent).status_code == 200, sent


@pytest.mark.parametrize("name", [name for name, schema in CORPUS.items() if isinstance(schema, dict)])
def test_schemas_that_people_send_are_answered(rest: Rest, name: str) -> None:
    wanted = {"type": "json_schema", "json_schema": {"name": "x", "schema": CORPUS[name]}}
    assert ask(rest, LLAMA, {**QUESTION, "response_format": wanted}).status_code == 200


KEYWORDS = sorted({keyword for part, _ in MALFORMED for keyword in part} | {"const", "format", "title", "default"})
ODD: list[Any] = [
    None, True, 0, -1, 2.0, 1e30, 10**18, "a", "(", "^a+$", "#", "#/properties/a", "#/x", "string", "object", [], {},
]  # fmt: skip


def scrambled(source: Random, depth: int = 3) -> dict[str, Any]:
    """Something like a schema: each keyword with what suits it, or another one, or none."""

    def value() -> Any:
        chance = source.random() if depth else 0
        if chance < 0.4:
            return source.choice(ODD)
        inner = [scrambled(source, depth - 1) for _ in range(source.randrange(3))]
        return inner if chance < 0.6 else dict(zip("abc", inner, strict=False))

    return {keyword: value() for keyword in source.sample(KEYWORDS, source.randrange(1, 5))}


def test_nothing_like_a_schema_breaks_the_mock(everyone: Rest) -> None:
    source, statuses = Random(1), set[int]()
    for number in range(60):
        schema = scrambled(source)
        sents = list(forms(schema))
        for sent in sents if number < 12 else sents[number % len(sents) :][:2]:
            status = send(everyone, sent).status_code
            statuses.add(status)
            assert status in (200, 400), sent
    assert statuses == {200, 400}


def test_a_chat_agent_has_no_use_for_what_is_no_tool(rest: Rest) -> None:
    create(rest, "agent", custom("main.default.agent"), task="agent/v2/chat")
    assert ask(rest, "agent", {**QUESTION, "tools": [{"function": 5}]}).status_code == 200


@pytest.mark.parametrize("schema", [{}, {"title": "T"}, {"type": "string"}, {"const": 5}, {"enum": ["a"]}])
def test_the_arguments_of_a_call_are_an_object_whatever_the_schema_says(rest: Rest, schema: dict[str, Any]) -> None:
    tool = {"name": "f", "input_schema": schema}
    body = {"model": CLAUDE, **QUESTION, "max_tokens": 99, "tools": [tool], "tool_choice": {"type": "any"}}
    reply = rest("POST", "/serving-endpoints/anthropic/v1/messages", json=body)
    assert [block["input"] for block in reply.json()["content"]] == [{}]


def test_what_a_schema_refers_to_is_not_fetched(rest: Rest) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.2)
        address = f"http://127.0.0.1:{listening.getsockname()[1]}/schema.json"
        wanted = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"$ref": address}}}
        started = time.perf_counter()
        assert ask(rest, LLAMA, {**QUESTION, "response_format": wanted}).status_code == 200
        assert time.perf_counter() - started < 5
        with pytest.raises(TimeoutError):
            listening.accept()
