"""What the contract accepts as an answer to a query, whole or streamed, and which breakage it notices."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from query_operations import CALL, QUERIES, places

from openapi import Spec, load


@pytest.fixture(scope="module")
def spec() -> Spec:
    return load()


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
CONTENT: dict[str, Any] = {
    "candidates": [{"content": {"role": "model", "parts": [{"text": "Hi"}]}, "finishReason": "STOP", "index": 0}],
    "usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2},
    "modelVersion": "gemini-2.5-flash",
    "responseId": "r1",
}
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
    "GeminiResponse": (CONTENT,),
    "GeminiEvent": (CONTENT, {"error": {"error_code": "NOT_FOUND", "message": "gone"}}),
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
    ("GeminiResponse", CONTENT, "candidates", []),
    ("GeminiResponse", CONTENT, "candidates.0.content.role", "assistant"),
    ("GeminiResponse", CONTENT, "usageMetadata.totalTokenCount", GONE),
    ("GeminiResponse", CONTENT, "modelVersion", GONE),
    ("GeminiEvent", CONTENT, "responseId", GONE),
    ("GeminiEvent", CONTENT, "candidates.0.content.parts", GONE),
    ("ExternalModelError", WHOLE["ExternalModelError"][0], "external_model_message", GONE),
    ("ExternalModelError", WHOLE["ExternalModelError"][0], "error_code", "BAD_REQUEST"),
]
REPLIES = {
    "ChatCompletion": "create_chat_completion",
    "TextCompletion": "create_completion",
    "EmbeddingList": "create_embeddings",
    "ResponsesReply": "create_response",
    "AnthropicMessage": "create_message",
    "GeminiResponse": "gateway_gemini_content",
}
EVENTS = {
    "ChatCompletionChunk": "create_chat_completion",
    "TextCompletionChunk": "create_completion",
    "ResponsesEvent": "create_response",
    "ChatAgentChunk": "create_completion",
    "AnthropicEvent": "create_message",
    "GeminiEvent": "gateway_gemini_stream",
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


def test_whole_content_says_why_it_ends_and_a_piece_of_it_need_not(spec: Spec) -> None:
    piece = changed(CONTENT, "candidates.0.finishReason", GONE)
    whole = spec.operations["gateway_gemini_content"]
    assert places(whole.reply_violations(200, piece)) == ["candidates[0].finishReason"]
    assert spec.operations["gateway_gemini_stream"].event_violations(piece) == []
    assert whole.reply_violations(200, changed(CONTENT, "usageMetadata.candidatesTokenCount", GONE))


TELLTALE = {"object", "type"}
"""Members by which invocations tell one kind of reply from another; without them it passes for a custom model's."""
LOST = ("ChatAgentChunk", "delta", GONE)
"""What is left of such a chunk has no known member, and agents may send objects of that kind."""


@pytest.mark.parametrize(
    ("schema", "whole", "path", "new"),
    [
        pytest.param(*case, id=f"{case[0]}-{case[2]}-{'gone' if case[3] is GONE else json.dumps(case[3])}")
        for case in BROKEN
        if case[2] not in TELLTALE
        and not case[0].startswith(("Anthropic", "Gemini", "External"))
        and case[:1] + case[2:] != LOST
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
