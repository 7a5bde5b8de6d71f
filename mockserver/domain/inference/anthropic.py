"""Anthropic's messages, whole and as its typed events."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from . import drafting, seeds
from .answers import Answer, total_usage
from .chat import signature
from .conversation import from_messages
from .drafting import Draft, Limits, Setting, Usage

_STOP_REASONS = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use", "content_filter": "refusal"}


def answer(request: dict[str, Any], setting: Setting) -> Answer:
    """The answer to a request for a message that has been checked."""
    asked = from_messages(request)
    limits = Limits(request.get("max_tokens"), drafting.stop_sequences(request.get("stop_sequences")))
    draft = drafting.answer(asked, setting, limits, request.get("temperature"), None)
    usage = total_usage(drafting.prompt_tokens(asked, setting.profile), (draft,))
    form = "msg_bdrk" if setting.profile.hosted else "msg"
    body = {
        "id": seeds.identifier(form, setting.ids("message")),
        "type": "message",
        "role": "assistant",
        "model": setting.profile.model,
        "content": _blocks(draft, setting),
        "stop_reason": "stop_sequence" if draft.stopped_by else _STOP_REASONS[draft.finish],
        "stop_sequence": draft.stopped_by or None,
        "usage": _usage(usage, usage.completion),
    }
    return Answer(body, usage, (draft.text,), lambda: _events(body, draft, usage))


def _usage(usage: Usage, written: int) -> dict[str, int]:
    return {
        "input_tokens": usage.prompt,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": written,
    }


def _blocks(draft: Draft, setting: Setting) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = []
    if draft.reasoning:
        blocks.append({"type": "thinking", "thinking": draft.reasoning, "signature": signature(setting)})
    if draft.text:
        blocks.append({"type": "text", "text": draft.text})
    for call in draft.calls:
        blocks.append({"type": "tool_use", "id": call.id, "name": call.name, "input": call.given})
    return blocks


def _events(body: dict[str, Any], draft: Draft, usage: Usage) -> Iterator[dict[str, Any]]:
    started = {**body, "content": [], "stop_reason": None, "stop_sequence": None, "usage": _usage(usage, 1)}
    yield {"type": "message_start", "message": started}
    yield {"type": "ping"}
    arguments = iter([call.arguments for call in draft.calls])
    for index, block in enumerate(body["content"]):
        yield {"type": "content_block_start", "index": index, "content_block": _empty(block)}
        for delta in _deltas(block, arguments, draft):
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    ended = {"stop_reason": body["stop_reason"], "stop_sequence": body["stop_sequence"]}
    yield {"type": "message_delta", "delta": ended, "usage": {"output_tokens": usage.completion}}
    yield {"type": "message_stop"}


def _empty(block: dict[str, Any]) -> dict[str, Any]:
    if block["type"] == "text":
        return {"type": "text", "text": ""}
    if block["type"] == "thinking":
        return {"type": "thinking", "thinking": "", "signature": ""}
    return {**block, "input": {}}


def _deltas(block: dict[str, Any], arguments: Iterator[str], draft: Draft) -> Iterator[dict[str, Any]]:
    if block["type"] == "text":
        for piece in draft.cut(block["text"]):
            yield {"type": "text_delta", "text": piece}
    elif block["type"] == "thinking":
        for piece in draft.cut(block["thinking"]):
            yield {"type": "thinking_delta", "thinking": piece}
        yield {"type": "signature_delta", "signature": block["signature"]}
    else:
        yield {"type": "input_json_delta", "partial_json": ""}
        for piece in draft.cut(next(arguments)):
            yield {"type": "input_json_delta", "partial_json": piece}
