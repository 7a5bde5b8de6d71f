"""The query half of the contract: recorded traffic fits it, broken traffic does not."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from openapi import Operation, Spec, Violation, load

SAMPLES = Path(__file__).parents[2] / "shared" / "facts" / "samples.jsonl"
QUERIES = (
    "query_endpoint",
    "query_served_model",
    "query_route_optimized",
    "create_chat_completion",
    "create_completion",
    "create_embeddings",
    "create_response",
    "create_message",
    "gateway_chat_completion",
    "gateway_embeddings",
    "gateway_response",
)
DONE = "[DONE]"


@pytest.fixture(scope="module")
def spec() -> Spec:
    return load()


# Recorded traffic

REQUEST_SCHEMAS = {
    "queryChat": ("ChatRequest", "ChatRequestStrict"),
    "queryChatStream": ("ChatRequest", "ChatRequestStrict"),
    "queryEmbeddings": ("EmbeddingsRequest", "EmbeddingsRequestStrict"),
    "queryCustom": ("ScoringRequest",),
    "queryResponses": ("ResponsesRequest",),
}
REPLY_SCHEMAS = {
    "queryChat": "ChatCompletion",
    "queryEmbeddings": "EmbeddingList",
    "queryCustom": "ScoringReply",
    "queryResponses": "ResponsesReply",
}
EVENT_SCHEMAS = {
    "queryChatStream": "ChatCompletionChunk",
    "queryResponsesStream": "ResponsesEvent",
    "queryChatAgentStream": "ChatAgentChunk",
}
NOT_WRITTEN_DOWN = {72: {"output": []}}
"""What the recorder left out of a reply of which only the envelope was noted."""


def recorded(part: str, *operations: str) -> list[Any]:
    """The recorded rows of these operations that have that part; none where the recordings are not at hand."""
    rows = [json.loads(line) for line in SAMPLES.read_text("utf-8").splitlines()] if SAMPLES.is_file() else []
    chosen = [row for row in rows if row["operation"] in operations and row[part] is not None]
    return [pytest.param(row, id=f"{row['operation']}-{row['n']}") for row in chosen]


def operation_of(spec: Spec, path: str) -> Operation:
    fixed = {operation.path: operation for operation in spec.operations.values() if operation.id in QUERIES}
    return fixed.get(path, spec.operations["query_endpoint"])


def places(violations: list[Violation]) -> list[str]:
    return [violation.where for violation in violations]


@pytest.mark.parametrize("row", recorded("request", *REQUEST_SCHEMAS))
def test_recorded_requests_fit(spec: Spec, row: dict[str, Any]) -> None:
    assert operation_of(spec, row["path"]).request_violations(row["request"]) == []
    for name in REQUEST_SCHEMAS[row["operation"]]:
        assert spec.schema(name).violations(row["request"]) == []


@pytest.mark.parametrize("row", recorded("response", *REPLY_SCHEMAS))
def test_recorded_replies_fit(spec: Spec, row: dict[str, Any]) -> None:
    reply = {**row["response"], **NOT_WRITTEN_DOWN.get(row["n"], {})}
    assert spec.schema(REPLY_SCHEMAS[row["operation"]]).violations(reply) == []
    assert operation_of(spec, row["path"]).reply_violations(200, reply) == []


@pytest.mark.parametrize("row", recorded("response", *EVENT_SCHEMAS))
def test_recorded_streams_fit_event_by_event(spec: Spec, row: dict[str, Any]) -> None:
    events = [event for event in row["response"] if event != DONE]
    assert events
    for event in events:
        assert spec.schema(EVENT_SCHEMAS[row["operation"]]).violations(event) == []
        assert operation_of(spec, row["path"]).event_violations(event) == []
        assert spec.operations["query_endpoint"].event_violations(event) == []


@pytest.mark.parametrize("row", recorded("response", "errorQuery"))
def test_recorded_refusals_fit(spec: Spec, row: dict[str, Any]) -> None:
    body = row["response"]
    if row.get("partial") and "message" in body:
        body = {"error_code": "BAD_REQUEST", **body}
    operation = operation_of(spec, row["path"] or "/ai-gateway/mlflow/v1/responses")
    assert operation.reply_violations(row["status"], body) == []


# Requests

QUESTION = {"messages": [{"role": "user", "content": "Hello!"}]}
TOOL = {"type": "function", "function": {"name": "get_date", "parameters": {"type": "object", "properties": {}}}}
CALL = {"id": "call_1", "type": "function", "function": {"name": "get_date", "arguments": "{}"}}
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
        ("ScoringRequest", {"inputs": [1], "params": []}, "params"),
        ("AnthropicMessagesRequest", {"model": "m", **QUESTION}, "max_tokens"),
        ("AnthropicMessagesRequest", {"model": "m", "max_tokens": 1, "messages": [{"role": "system", "content": "x"}]},
         "messages[0].role"),
        ("AnthropicMessagesRequest", {"model": "m", "max_tokens": 1, "messages": [
            {"role": "user", "content": [{"type": "text", "text": ""}]}]}, "messages[0].content[0].text"),
        ("AnthropicMessagesRequest", {"model": "m", "max_tokens": 1, **QUESTION, "temperature": 1.5}, "temperature"),
        ("AnthropicMessagesRequest", {"model": "m", "max_tokens": 1, **QUESTION, "tools": [{"name": "f"}]},
         "tools[0].input_schema"),
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


@pytest.mark.parametrize("operation", QUERIES[3:])
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


# Replies and events, whole and broken

COMPLETION: dict[str, Any] = {
    "id": "chatcmpl_1",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
}
CHUNK: dict[str, Any] = {
    "id": "chatcmpl_1",
    "object": "chat.completion.chunk",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "delta": {"role": "assistant", "content": "Hi"}, "finish_reason": None}],
    "usage": {"prompt_tokens": 1, "completion_tokens": None, "total_tokens": None},
}
TOOL_CHUNK: dict[str, Any] = {
    **CHUNK,
    "choices": [{"index": 0, "delta": {"tool_calls": [{"index": 0, **CALL}]}, "finish_reason": "tool_calls"}],
}
TEXT: dict[str, Any] = {
    **COMPLETION,
    "object": "text_completion",
    "choices": [{"index": 0, "text": "Hi", "finish_reason": "length"}],
}
TEXT_CHUNK: dict[str, Any] = {
    **CHUNK,
    "object": "text_completion",
    "choices": [{"index": 0, "text": "Hi", "finish_reason": None}],
}
VECTORS: dict[str, Any] = {
    "object": "list",
    "data": [{"index": 0, "object": "embedding", "embedding": [0.1, 1]}],
    "model": "m",
    "usage": {"prompt_tokens": 1, "total_tokens": 1},
}
ANSWER: dict[str, Any] = {
    "id": None,
    "object": "response",
    "created_at": 1.5,
    "status": None,
    "output": [
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hi"}]},
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
    ],
    "usage": {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2},
}
DELTA = {"type": "response.output_text.delta", "item_id": "i", "delta": "Hi", "sequence_number": 1}
CREATED: dict[str, Any] = {"type": "response.created", "response": {"object": "response", "output": []}}
ITEM_DONE = {
    "type": "response.output_item.done",
    "item": {"type": "function_call_output", "call_id": "c", "output": ""},
}
TURNS: dict[str, Any] = {"id": None, "messages": [{"role": "assistant", "content": "Hi", "id": "1"}], "usage": None}
PIECE: dict[str, Any] = {"id": "1", "delta": {"role": "assistant", "content": "Hi", "id": "1"}}
MESSAGE: dict[str, Any] = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "m",
    "content": [{"type": "text", "text": "Hi"}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 1, "output_tokens": 1},
}
STOPPING = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 1}}
WHOLE = {
    "ChatCompletion": (COMPLETION,),
    "ChatCompletionChunk": (CHUNK, TOOL_CHUNK, {**CHUNK, "choices": []}),
    "TextCompletion": (TEXT,),
    "TextCompletionChunk": (TEXT_CHUNK,),
    "EmbeddingList": (VECTORS, {**VECTORS, "data": [{**VECTORS["data"][0], "embedding": "AAAA"}]}),
    "ScoringReply": ({"predictions": [1]}, {"predictions": {"a": 1}}, {"outputs": [{"a": 1}]}),
    "ResponsesReply": (ANSWER,),
    "ResponsesEvent": (DELTA, CREATED, ITEM_DONE, {"trace_id": "tr-1"}, {"error": "it broke"}),
    "ChatAgentReply": (TURNS,),
    "ChatAgentChunk": (PIECE,),
    "AnthropicMessage": (MESSAGE,),
    "AnthropicEvent": (STOPPING, {"type": "ping"}, {"type": "message_start", "message": {**MESSAGE, "content": []}}),
    "ExternalModelError": ({"error": "Received error from openai", "external_model_message": {"error": {}}},),
}
GONE = object()
BROKEN = [
    ("ChatCompletion", COMPLETION, "choices", GONE),
    ("ChatCompletion", COMPLETION, "choices", []),
    ("ChatCompletion", COMPLETION, "id", GONE),
    ("ChatCompletion", COMPLETION, "object", "chat.completion.chunk"),
    ("ChatCompletion", COMPLETION, "created", "now"),
    ("ChatCompletion", COMPLETION, "created", 1.5),
    ("ChatCompletion", COMPLETION, "model", None),
    ("ChatCompletion", COMPLETION, "usage", GONE),
    ("ChatCompletion", COMPLETION, "usage.prompt_tokens", -1),
    ("ChatCompletion", COMPLETION, "usage.completion_tokens", None),
    ("ChatCompletion", COMPLETION, "usage.total_tokens", GONE),
    ("ChatCompletion", COMPLETION, "choices.0.index", -1),
    ("ChatCompletion", COMPLETION, "choices.0.finish_reason", "finished"),
    ("ChatCompletion", COMPLETION, "choices.0.finish_reason", None),
    ("ChatCompletion", COMPLETION, "choices.0.message", GONE),
    ("ChatCompletion", COMPLETION, "choices.0.message.role", "user"),
    ("ChatCompletion", COMPLETION, "choices.0.message.content", 1),
    ("ChatCompletion", COMPLETION, "choices.0.message.content", None),
    ("ChatCompletion", COMPLETION, "choices.0.message.content", [{"type": "reasoning"}]),
    ("ChatCompletion", COMPLETION, "choices.0.message.tool_calls", [{**CALL, "id": None}]),
    ("ChatCompletion", COMPLETION, "choices.0.message.tool_calls", None),
    ("ChatCompletionChunk", CHUNK, "choices", GONE),
    ("ChatCompletionChunk", CHUNK, "object", "chat.completion"),
    ("ChatCompletionChunk", CHUNK, "choices.0.delta", GONE),
    ("ChatCompletionChunk", CHUNK, "choices.0.delta.role", "robot"),
    ("ChatCompletionChunk", CHUNK, "choices.0.index", "0"),
    ("ChatCompletionChunk", CHUNK, "choices.0.finish_reason", ""),
    ("ChatCompletionChunk", CHUNK, "usage.prompt_tokens", -1),
    ("ChatCompletionChunk", TOOL_CHUNK, "choices.0.delta.tool_calls.0.index", GONE),
    ("ChatCompletionChunk", TOOL_CHUNK, "choices.0.delta.tool_calls.0.id", None),
    ("ChatCompletionChunk", TOOL_CHUNK, "choices.0.delta.tool_calls.0.function.arguments", {}),
    ("TextCompletion", TEXT, "choices.0.text", GONE),
    ("TextCompletion", TEXT, "choices.0.finish_reason", "tool_calls"),
    ("TextCompletionChunk", TEXT_CHUNK, "choices.0.text", None),
    ("EmbeddingList", VECTORS, "object", "embeddings"),
    ("EmbeddingList", VECTORS, "data", []),
    ("EmbeddingList", VECTORS, "data.0.embedding", []),
    ("EmbeddingList", VECTORS, "data.0.embedding", ["0.1"]),
    ("EmbeddingList", VECTORS, "data.0.index", -1),
    ("EmbeddingList", VECTORS, "data.0.object", "vector"),
    ("EmbeddingList", VECTORS, "usage.total_tokens", -1),
    ("ScoringReply", {"predictions": [1]}, "predictions", None),
    ("ScoringReply", {"outputs": [{}]}, "outputs", {}),
    ("ResponsesReply", ANSWER, "output", GONE),
    ("ResponsesReply", ANSWER, "created_at", "now"),
    ("ResponsesReply", ANSWER, "status", "done"),
    ("ResponsesReply", ANSWER, "usage.input_tokens", -1),
    ("ResponsesReply", ANSWER, "output.0.role", "user"),
    ("ResponsesReply", ANSWER, "output.0.content", "Hi"),
    ("ResponsesReply", ANSWER, "output.0.content.0.text", GONE),
    ("ResponsesReply", ANSWER, "output.1.call_id", GONE),
    ("ResponsesReply", ANSWER, "output.1.arguments", {}),
    ("ResponsesEvent", DELTA, "type", GONE),
    ("ResponsesEvent", DELTA, "delta", GONE),
    ("ResponsesEvent", DELTA, "sequence_number", -1),
    ("ResponsesEvent", CREATED, "response", GONE),
    ("ResponsesEvent", CREATED, "response.object", "reply"),
    ("ResponsesEvent", ITEM_DONE, "item", GONE),
    ("ResponsesEvent", ITEM_DONE, "item.call_id", GONE),
    ("ChatAgentReply", TURNS, "messages", []),
    ("ChatAgentReply", TURNS, "messages.0.role", "robot"),
    ("ChatAgentReply", TURNS, "messages.0.id", GONE),
    ("ChatAgentReply", TURNS, "messages.0.content", None),
    ("ChatAgentChunk", PIECE, "delta", GONE),
    ("ChatAgentChunk", PIECE, "delta.content", 1),
    ("AnthropicMessage", MESSAGE, "stop_reason", "stop"),
    ("AnthropicMessage", MESSAGE, "usage.output_tokens", -1),
    ("AnthropicMessage", MESSAGE, "content.0.text", GONE),
    ("AnthropicEvent", STOPPING, "type", "message_end"),
    ("AnthropicEvent", STOPPING, "usage", GONE),
    ("AnthropicEvent", STOPPING, "delta.stop_reason", "stop"),
    ("ExternalModelError", WHOLE["ExternalModelError"][0], "external_model_message", GONE),
    ("ExternalModelError", WHOLE["ExternalModelError"][0], "error_code", "BAD_REQUEST"),
]
REPLIES = {
    "ChatCompletion": "create_chat_completion",
    "TextCompletion": "create_completion",
    "EmbeddingList": "create_embeddings",
    "ResponsesReply": "create_response",
    "AnthropicMessage": "create_message",
}
EVENTS = {
    "ChatCompletionChunk": "create_chat_completion",
    "TextCompletionChunk": "create_completion",
    "ResponsesEvent": "create_response",
    "ChatAgentChunk": "create_completion",
    "AnthropicEvent": "create_message",
}


def changed(value: Any, path: str, new: Any) -> Any:
    value = copy.deepcopy(value)
    *steps, last = path.split(".")
    holder = value
    for step in steps:
        holder = holder[int(step)] if step.isdecimal() else holder[step]
    if new is GONE:
        del holder[last]
    else:
        holder[last] = new
    return value


@pytest.mark.parametrize(("schema", "value"), [(name, value) for name, values in WHOLE.items() for value in values])
def test_whole_replies_and_events_fit(spec: Spec, schema: str, value: dict[str, Any]) -> None:
    roomy = {**value, "a_member_nobody_has_documented": 1}
    for reply in (value, roomy):
        assert spec.schema(schema).violations(reply) == []
    if schema in REPLIES:
        assert spec.operations[REPLIES[schema]].reply_violations(200, value) == []
    if schema in EVENTS:
        assert spec.operations[EVENTS[schema]].event_violations(value) == []


@pytest.mark.parametrize(
    ("schema", "whole", "path", "new"),
    [
        pytest.param(*case, id=f"{case[0]}-{case[2]}-{'gone' if case[3] is GONE else json.dumps(case[3])}")
        for case in BROKEN
    ],
)
def test_broken_replies_and_events_are_noticed(spec: Spec, schema: str, whole: Any, path: str, new: Any) -> None:
    broken = changed(whole, path, new)
    assert spec.schema(schema).violations(whole) == []
    assert spec.schema(schema).violations(broken)
    if schema in REPLIES:
        assert spec.operations[REPLIES[schema]].reply_violations(200, broken)
    if schema in EVENTS:
        assert spec.operations[EVENTS[schema]].event_violations(broken)


def test_a_whole_message_says_why_it_ends_and_one_that_is_being_streamed_need_not(spec: Spec) -> None:
    unfinished = {**MESSAGE, "stop_reason": None}
    assert places(spec.operations["create_message"].reply_violations(200, unfinished)) == ["stop_reason"]
    started = {"type": "message_start", "message": unfinished}
    assert spec.operations["create_message"].event_violations(started) == []


TELLTALE = {"object", "type"}
"""Members by which invocations tell one kind of reply from another; without them it passes for a custom model's."""
LOST = ("ChatAgentChunk", "delta", GONE)
"""What is left of such a chunk has no known member, and agents may send objects of that kind."""


@pytest.mark.parametrize(
    ("schema", "whole", "path", "new"),
    [
        pytest.param(*case, id=f"{case[0]}-{case[2]}-{'gone' if case[3] is GONE else json.dumps(case[3])}")
        for case in BROKEN
        if case[2] not in TELLTALE and not case[0].startswith(("Anthropic", "External")) and case[:1] + case[2:] != LOST
    ],
)
def test_invocations_notice_what_is_broken_whatever_the_task(
    spec: Spec, schema: str, whole: Any, path: str, new: Any
) -> None:
    operation = spec.operations["query_endpoint"]
    event = schema in EVENTS
    broken = changed(whole, path, new)
    assert (operation.event_violations(whole) if event else operation.reply_violations(200, whole)) == []
    assert operation.event_violations(broken) if event else operation.reply_violations(200, broken)


@pytest.mark.parametrize("reply", [[1, 2], "text", {"anything": 1}, {"predictions": [1]}, {"outputs": []}, 3.5])
def test_a_custom_model_may_answer_anything(spec: Spec, reply: Any) -> None:
    assert spec.operations["query_endpoint"].reply_violations(200, reply) == []


def test_a_refusal_with_a_success_status_is_noticed(spec: Spec) -> None:
    for body in ({"error_code": "BAD_REQUEST", "message": "x"}, {"error": "x", "external_model_message": {}}):
        assert spec.operations["query_endpoint"].reply_violations(200, body)


# Refusals

PROVIDERS = {"error": "Received error from openai", "external_model_message": {"error": {"message": "no"}}}


@pytest.mark.parametrize("operation", QUERIES)
def test_a_providers_refusal_comes_with_its_own_status(spec: Spec, operation: str) -> None:
    for status in (400, 401, 402, 403, 404, 408, 409, 413, 422, 424, 429, 500, 502, 503, 504, 529):
        assert spec.operations[operation].reply_violations(status, PROVIDERS) == []
    for status in (201, 302, 405, 418, 451, 501, 520):
        assert spec.operations[operation].reply_violations(status, PROVIDERS)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "RESOURCE_DOES_NOT_EXIST"),
        (401, "PERMISSION_DENIED"),
        (403, "BAD_REQUEST"),
        (404, 403),
        (429, "BAD_REQUEST"),
    ],
)
def test_a_code_that_does_not_belong_to_its_status_is_noticed(spec: Spec, status: int, code: str | int) -> None:
    for operation in QUERIES:
        assert spec.operations[operation].reply_violations(status, {"error_code": code, "message": "x"})


def test_statuses_that_only_providers_use_hold_only_their_bodies(spec: Spec) -> None:
    ours = {"error_code": "RESOURCE_CONFLICT", "message": "x"}
    assert spec.operations["query_endpoint"].reply_violations(409, ours)


def test_a_scoring_server_refuses_media_types_in_plain_text(spec: Spec) -> None:
    operation = spec.operations["query_endpoint"]
    assert operation.reply_violations(415, "The scoring server only supports UTF-8", "text/plain") == []
    assert operation.reply_violations(415, "", "text/plain")


def test_the_document_in_a_guardrails_message(spec: Spec) -> None:
    examples = spec.operations["query_endpoint"].responses["400"]["content"]["application/json"]["examples"]
    document = json.loads(examples["guardrail"]["value"]["message"])
    refusal = spec.schema("GuardrailRefusal")
    assert refusal.violations(document) == []
    renamed = {**document, "output_guardrail": document["input_guardrail"]}
    del renamed["input_guardrail"]
    assert refusal.violations(renamed)
    assert refusal.violations({**renamed, "finishReason": "output_guardrail_triggered"}) == []
    assert refusal.violations({**document, "input_guardrail": []})
    assert refusal.violations({**document, "finishReason": "blocked"})


# The description itself


def bodies(operation: Operation, spec: Spec) -> Iterator[tuple[str, str, dict[str, Any]]]:
    request = spec.resolved(operation.definition["requestBody"])
    yield from (("request", media_type, media) for media_type, media in request["content"].items())
    for status, response in operation.responses.items():
        yield from ((status, media_type, media) for media_type, media in response["content"].items())


def the_schema_that_a_form_tells(name: str) -> str:
    forms = {"chat_agent": "ChatAgentRequest", "chat": "ChatRequestStrict", "completion": "CompletionsRequestStrict"}
    forms |= {"embeddings": "EmbeddingsRequestStrict", "agent_responses": "ResponsesRequest"}
    return forms.get(name) or ("ChatRequestStrict" if name.startswith("chat_") else "ScoringRequest")


@pytest.mark.parametrize("name", QUERIES)
def test_every_query_documents_its_permission_and_gives_examples_that_fit(spec: Spec, name: str) -> None:
    operation = spec.operations[name]
    assert operation.required_permission == "CAN_QUERY"
    assert operation.tags == ("Queries",)
    assert {"400", "401", "403", "404", "413", "415", "429"} <= set(operation.responses)
    for part, media_type, media in bodies(operation, spec):
        examples = media.get("examples", {})
        assert examples or media_type == "application/vnd.apache.parquet"
        for example in examples.values():
            value = example["value"]
            if media_type == "text/event-stream":
                assert value["data"] == DONE or operation.event_violations(json.loads(value["data"])) == []
            elif part == "request":
                assert operation.request_violations(value, media_type) == []
            else:
                assert operation.reply_violations(int(part), value, media_type) == []


def test_the_examples_of_invocations_fit_the_task_they_are_for(spec: Spec) -> None:
    body = spec.resolved(spec.operations["query_endpoint"].definition["requestBody"])
    for name, example in body["content"]["application/json"]["examples"].items():
        assert spec.schema(the_schema_that_a_form_tells(name)).violations(example["value"]) == []


def test_each_task_has_a_schema_of_its_own(spec: Spec) -> None:
    body = spec.resolved(spec.operations["query_endpoint"].definition["requestBody"])
    by_task, hosted = body["x-schemas-by-task"], body["x-schemas-of-hosted-models"]
    tasks = {"llm/v1/chat", "llm/v1/completions", "llm/v1/embeddings", "agent/v1/chat", "agent/v1/responses"}
    assert set(by_task) == {*tasks, "agent/v2/chat", ""}
    assert set(hosted) < set(by_task)
    for entry in (*by_task.values(), *hosted.values()):
        assert spec.resolved(entry)["description"]


@pytest.mark.parametrize("name", ["query_endpoint", "query_served_model", "query_route_optimized"])
def test_only_invocations_name_the_served_entity_in_a_header(spec: Spec, name: str) -> None:
    header = spec.operations[name].responses["200"]["headers"]["served-model-name"]
    assert header["required"]
    assert "headers" not in spec.operations["create_chat_completion"].responses["200"]


def test_a_route_optimised_endpoint_takes_no_personal_access_token_by_basic_authentication(spec: Spec) -> None:
    assert spec.operations["query_route_optimized"].definition["security"] == [{"bearerAuth": []}]


@pytest.mark.parametrize(
    ("frames", "problem"),
    [
        (f"data: {json.dumps(CHUNK)}\n\ndata: [DONE]\n\n", None),
        ('data: {"error": {"message": "it broke"}}\n\n', None),
        (f"data: {json.dumps({**CHUNK, 'id': 1})}\n\ndata: [DONE]\n\n", "not valid under any"),
        ("data: half a chunk\n\n", "not valid under any"),
        (f"event: chunk\ndata: {json.dumps(CHUNK)}\n\n", "message"),
        (f"id: 1\ndata: {json.dumps(CHUNK)}\n\n", "Additional properties"),
    ],
)
def test_schemathesis_reads_a_streams_events_as_described(spec: Spec, frames: str, problem: str | None) -> None:
    schemathesis = pytest.importorskip("schemathesis")
    requests = pytest.importorskip("requests")
    response = schemathesis.Response(
        status_code=200,
        headers={"content-type": ["text/event-stream; charset=utf-8"]},
        content=frames.encode(),
        request=requests.Request("POST", "http://127.0.0.1/serving-endpoints/chat/completions").prepare(),
        elapsed=0.0,
        verify=False,
    )
    operation = schemathesis.openapi.from_dict(spec.document)["/serving-endpoints/chat/completions"]["POST"]
    if problem is None:
        operation.validate_response(response)
        return
    with pytest.raises(schemathesis.core.failures.Failure) as caught:
        operation.validate_response(response)
    assert caught.value.title == "SSE event violates schema"
    assert problem in str(caught.value)
