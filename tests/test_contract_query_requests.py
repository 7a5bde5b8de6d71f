"""What the contract accepts as a query, by task, and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest
from query_operations import CALL, QUERIES, places

from openapi import Spec, load


@pytest.fixture(scope="module")
def spec() -> Spec:
    return load()


QUESTION = {"messages": [{"role": "user", "content": "Hello!"}]}
TOOL = {"type": "function", "function": {"name": "get_date", "parameters": {"type": "object", "properties": {}}}}
TURN = {"messages": [{"role": "user", "content": "Hello!", "id": "m1"}]}


@pytest.mark.parametrize(
    "more",
    [
        {"temperature": 0},
        {"temperature": 2.0, "n": 5, "top_p": 1, "max_tokens": 1, "stop": "END"},
        {"stop": ["a", "b"], "stream": True, "stream_options": {"include_usage": True}},
        {"tools": [TOOL] * 32, "tool_choice": "required"},
        {"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "get_date"}}},
        {"response_format": {"type": "json_object"}},
        {"response_format": {"type": "json_schema", "json_schema": {"name": "p", "schema": {"type": "object"}}}},
        {"thinking": {"type": "enabled", "budget_tokens": 1024}, "reasoning_effort": "high"},
        {"temperature": None, "max_tokens": None, "stop": None, "n": None, "stream": None},
        {"extra_params": {"k": "v"}, "usage_context": {"app": "x"}, "client_request_id": "1", "custom_inputs": {}},
        {"messages": [*QUESTION["messages"], {"role": "assistant", "content": None, "tool_calls": [CALL]}]},
        {"messages": [*QUESTION["messages"], {"role": "assistant", "tool_calls": [CALL]}]},
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png,"}}]}]},
        {"messages": [{"role": "assistant", "content": [{"type": "reasoning", "summary": [
            {"type": "summary_text", "text": "hm", "signature": "x"}, {"type": "summary_encrypted_text", "data": "y"}
        ]}]}]},
    ],
)  # fmt: skip
def test_conversations_that_models_take(spec: Spec, more: dict[str, Any]) -> None:
    for name in ("ChatRequest", "ChatRequestStrict"):
        assert spec.schema(name).violations({**QUESTION, **more}) == []
    assert spec.operations["query_endpoint"].request_violations({**QUESTION, **more}) == []
    assert spec.operations["create_chat_completion"].request_violations({"model": "m", **QUESTION, **more}) == []


@pytest.mark.parametrize(
    ("more", "where"),
    [
        ({"messages": []}, "messages"),
        ({"messages": "Hello!"}, "messages"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": None}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": 1}]}, "messages[0].content"),
        ({"messages": [{"role": "assistant", "content": None, "tool_calls": []}]}, "messages[0].content"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].tool_call_id"),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages[0].content[0].text"),
        ({"messages": [{"role": "user", "content": [{"type": "video"}]}]}, "messages[0].content[0].type"),
        ({"temperature": 2.1}, "temperature"),
        ({"temperature": -0.1}, "temperature"),
        ({"temperature": "hot"}, "temperature"),
        ({"n": 0}, "n"),
        ({"n": 6}, "n"),
        ({"top_p": 1.5}, "top_p"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": 1.5}, "max_tokens"),
        ({"stop": 7}, "stop"),
        ({"stop": ["a", 7]}, "stop[1]"),
        ({"stream": "yes"}, "stream"),
        ({"tools": [TOOL] * 33}, "tools"),
        ({"tools": [{"type": "function"}]}, "tools[0].function"),
        ({"tools": [{"type": "function", "function": {"name": "a b"}}]}, "tools[0].function.name"),
        ({"tool_choice": "sometimes"}, "tool_choice"),
        ({"tool_choice": {"type": "function"}}, "tool_choice.function"),
        ({"response_format": {"type": "xml"}}, "response_format.type"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
        ({"reasoning_effort": "extreme"}, "reasoning_effort"),
        ({"thinking": {"type": "enabled"}}, "thinking.budget_tokens"),
        ({"extra_params": {"k": 1}}, "extra_params.k"),
    ],
)
def test_conversations_that_no_model_takes(spec: Spec, more: dict[str, Any], where: str) -> None:
    for name in ("ChatRequest", "ChatRequestStrict"):
        assert where in places(spec.schema(name).violations({**QUESTION, **more}))
    route = spec.operations["create_chat_completion"]
    assert where in places(route.request_violations({"model": "m", **QUESTION, **more}))


@pytest.mark.parametrize(
    ("schema", "body"),
    [
        ("ChatRequest", QUESTION),
        ("CompletionsRequest", {"prompt": "One, two,"}),
        ("EmbeddingsRequest", {"input": ["a", "b"]}),
    ],
)
def test_hosted_models_refuse_members_they_do_not_know_and_others_take_them(
    spec: Spec, schema: str, body: dict[str, Any]
) -> None:
    foreign = {**body, "inputs": {}, "dataframe_records": []}
    assert spec.schema(schema).violations(foreign) == []
    assert spec.schema(f"{schema}Strict").violations(body) == []
    assert set(places(spec.schema(f"{schema}Strict").violations(foreign))) == {"inputs", "dataframe_records"}


def test_hosted_models_want_the_parameters_of_a_tool(spec: Spec) -> None:
    body = {**QUESTION, "tools": [{"type": "function", "function": {"name": "f"}}]}
    assert spec.schema("ChatRequest").violations(body) == []
    assert places(spec.schema("ChatRequestStrict").violations(body)) == ["tools[0].function.parameters"]


@pytest.mark.parametrize(
    ("schema", "body", "where"),
    [
        ("CompletionsRequest", {}, "prompt"),
        ("CompletionsRequest", {"prompt": []}, "prompt"),
        ("CompletionsRequest", {"prompt": "x", "error_behavior": "shrug"}, "error_behavior"),
        ("EmbeddingsRequest", {}, "input"),
        ("EmbeddingsRequest", {"input": []}, "input"),
        ("EmbeddingsRequest", {"input": {"text": "x"}}, "input"),
        ("EmbeddingsRequest", {"input": "x", "encoding_format": "hex"}, "encoding_format"),
        ("EmbeddingsRequest", {"input": "x", "dimensions": 0}, "dimensions"),
        ("ResponsesRequest", {}, "input"),
        ("ResponsesRequest", {"input": [{"role": "robot", "content": "x"}]}, "input[0].role"),
        ("ResponsesRequest", {"input": [{"role": "user"}]}, "input[0].content"),
        ("ResponsesRequest", {"input": [{"type": "function_call_output", "call_id": "c"}]}, "input[0].output"),
        ("ResponsesRequest", {"input": [{"role": "user", "content": "x", "id": "i" * 65}]}, "input[0].id"),
        ("ChatAgentRequest", {"messages": []}, "messages"),
        ("ChatAgentRequest", {"messages": [{"role": "user", "content": [{"type": "text", "text": "x"}]}]},
         "messages[0].content"),
        ("ScoringRequest", {"dataframe_split": {"columns": ["a"]}}, "dataframe_split.data"),
        ("ScoringRequest", {"dataframe_records": {"a": 1}}, "dataframe_records"),
        ("ScoringRequest", {"dataframe_split": {"columns": [{}], "data": [[1]]}}, "dataframe_split.columns[0]"),
        ("AnthropicMessagesRequest", {"model": "m", **QUESTION}, "max_tokens"),
        ("AnthropicMessagesRequest", {"model": "m", "max_tokens": 1, "messages": [{"role": "system", "content": "x"}]},
         "messages[0].role"),
        ("AnthropicMessagesRequest", {"model": "m", "max_tokens": 1, "messages": [
            {"role": "user", "content": [{"type": "text", "text": ""}]}]}, "messages[0].content[0].text"),
        ("AnthropicMessagesRequest", {"model": "m", "max_tokens": 1, **QUESTION, "temperature": 1.5}, "temperature"),
        ("AnthropicMessagesRequest", {"model": "m", "max_tokens": 1, **QUESTION, "tools": [{"name": "f"}]},
         "tools[0].input_schema"),
        ("GeminiRequest", {}, "contents"),
        ("GeminiRequest", {"contents": [{"role": "tool", "parts": [{"text": "x"}]}]}, "contents[0].role"),
        ("GeminiRequest", {"contents": [{"parts": [{}]}]}, "contents[0].parts[0]"),
        ("GeminiRequest", {"contents": [{"parts": [{"functionCall": {}}]}]}, "contents[0].parts[0].functionCall.name"),
        ("GeminiRequest", {"contents": [{"parts": [{"text": "x"}]}], "generationConfig": {"candidateCount": 0}},
         "generationConfig.candidateCount"),
    ],
)  # fmt: skip
def test_requests_of_the_other_tasks_are_checked(spec: Spec, schema: str, body: dict[str, Any], where: str) -> None:
    assert where in places(spec.schema(schema).violations(body))


@pytest.mark.parametrize(
    "body",
    [
        {"dataframe_split": {"columns": ["a"], "data": [[1]]}},
        {"dataframe_records": ["Hello world"]},
        {"instances": [[1.0]], "params": {"k": 1}, "client_request_id": "1"},
        {"inputs": {"a": [1]}},
        {"inputs": "one text"},
        {"inputs": [1], "params": []},
        {"instances": {"a": [1], "b": [2]}},
        {"instances": 5},
        {"dataframe_split": {"columns": [["a", "b"], ["x", "y"]], "data": [[1, 2]]}},
        {"messages": [], "inputs": [1]},
        {"prompt": "x"},
        {"input": "x"},
    ],
)
def test_the_scoring_protocol_takes_one_of_four_forms_or_the_unified_one(spec: Spec, body: dict[str, Any]) -> None:
    assert spec.schema("ScoringRequest").violations(body) == []
    assert spec.operations["query_endpoint"].request_violations(body) == []


@pytest.mark.parametrize(
    "body",
    [{}, {"columns": [], "data": []}, {"inputs": [1], "instances": [1]}, {"params": {}}, [{"a": 1}], {"inputs": None}],
)
def test_the_scoring_protocol_refuses_none_and_two_forms(spec: Spec, body: Any) -> None:
    assert spec.schema("ScoringRequest").violations(body)


@pytest.mark.parametrize("operation", QUERIES[5:])
def test_routes_without_the_endpoint_in_their_path_want_a_model(spec: Spec, operation: str) -> None:
    bodies = spec.operations[operation].definition["requestBody"]
    body = next(iter(spec.resolved(bodies)["content"]["application/json"]["examples"].values()))["value"]
    without = {name: value for name, value in body.items() if name != "model"}
    assert places(spec.operations[operation].request_violations(without)) == ["model"]
    assert spec.operations[operation].request_violations({**body, "model": None})
    assert spec.operations[operation].request_violations({**body, "model": ""})


def test_the_completions_route_takes_a_chat_agents_turns(spec: Spec) -> None:
    operation = spec.operations["create_completion"]
    assert operation.request_violations({"model": "agent", **TURN}) == []
    assert places(operation.request_violations({"model": "agent"})) == ["prompt"]


def test_invocations_take_rows_as_csv_and_parquet_and_nothing_else(spec: Spec) -> None:
    operation = spec.operations["query_endpoint"]
    assert operation.request_media_types == ("application/json", "text/csv", "application/vnd.apache.parquet")
    assert operation.request_violations("a,b\n1,2\n", "text/csv") == []
    assert operation.request_violations(b"PAR1", "application/vnd.apache.parquet") == []
    assert operation.request_violations("a=1", "application/x-www-form-urlencoded")
