"""The responses API: response objects and their typed events, for models and for agents."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from . import drafting, seeds
from .answers import Answer, total_usage
from .conversation import from_responses
from .drafting import Draft, Limits, Setting, Usage

Event = dict[str, Any]

_ECHOED: dict[str, Any] = {
    "instructions": None,
    "metadata": None,
    "parallel_tool_calls": True,
    "temperature": None,
    "tool_choice": "auto",
    "tools": [],
    "top_p": None,
    "background": None,
    "conversation": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "previous_response_id": None,
    "prompt": None,
    "prompt_cache_key": None,
    "reasoning": None,
    "safety_identifier": None,
    "service_tier": None,
    "text": None,
    "top_logprobs": None,
    "truncation": None,
    "user": None,
}


@dataclass(frozen=True, slots=True)
class Made:
    """The items of a response, and what its envelope needs. ``agent`` answers have the agents' leaner form."""

    draft: Draft
    items: tuple[dict[str, Any], ...]
    usage: Usage
    id: str
    agent: bool


def answer(request: dict[str, Any], setting: Setting) -> Answer:
    """A model's answer to a request that has been checked."""
    made = make(request, setting, agent=False)
    body = _enveloped(request, setting, made, over=True)
    return Answer(body, made.usage, (made.draft.text,), lambda: _events(request, setting, made))


def agent_answer(request: dict[str, Any], setting: Setting) -> Answer:
    """An agent's answer (task ``agent/v1/responses``); ``custom_inputs`` come back as ``custom_outputs``."""
    made = make(request, setting, agent=True)
    body: dict[str, Any] = {
        "model": setting.profile.model,
        "object": "response",
        "output": list(made.items),
        "id": made.id,
        "created_at": setting.now / 1000,
        "status": "completed" if made.draft.finish != "length" else "incomplete",
        "usage": _usage(made.usage, agent=True),
        "databricks_output": {"databricks_request_id": made.id},
    }
    if request.get("custom_inputs") is not None:
        body["custom_outputs"] = request["custom_inputs"]
    return Answer(body, made.usage, (made.draft.text,), lambda: _events(request, setting, made))


def make(request: dict[str, Any], setting: Setting, agent: bool) -> Made:
    """The items a model or an agent produces for a request."""
    asked = from_responses(request)
    limits = Limits(request.get("max_output_tokens"))
    draft = drafting.answer(asked, setting, limits, request.get("temperature"), None)
    ids = setting.ids("response")
    identify = (lambda prefix: seeds.uuid(ids)) if agent else (lambda prefix: prefix + seeds.hexadecimal(ids, 48))
    made_id = identify("resp_")
    items: list[dict[str, Any]] = []
    if draft.reasoning:
        items.append(_reasoning(identify("rs_"), draft.reasoning))
    if draft.text or not (draft.calls or draft.reasoning):
        items.append(_message(identify("msg_"), draft, agent))
    for call in draft.calls:
        items.append(
            {
                "type": "function_call",
                "id": identify("fc_"),
                "call_id": call.id,
                "name": call.name,
                "arguments": call.arguments,
                "status": "completed",
            }
        )
    usage = total_usage(drafting.prompt_tokens(asked, setting.profile), (draft,))
    return Made(draft, tuple(items), usage, made_id, agent)


def _reasoning(item_id: str, text: str) -> dict[str, Any]:
    return {"type": "reasoning", "id": item_id, "summary": [{"type": "summary_text", "text": text}]}


def _message(item_id: str, draft: Draft, agent: bool) -> dict[str, Any]:
    part: dict[str, Any] = {"type": "output_text", "text": draft.text, "annotations": []}
    if not agent:
        part["logprobs"] = []
    status = "incomplete" if draft.finish == "length" else "completed"
    return {"type": "message", "id": item_id, "role": "assistant", "status": status, "content": [part]}


def _usage(usage: Usage, agent: bool) -> dict[str, Any]:
    return {
        "input_tokens": usage.prompt,
        "input_tokens_details": {"cached_tokens": 0} if agent else {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": usage.completion,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": usage.total,
    }


def _enveloped(request: dict[str, Any], setting: Setting, made: Made, over: bool) -> dict[str, Any]:
    """The response object, at its start or when it is over; what the request set comes back in it."""
    cut = made.draft.finish == "length"
    status = "in_progress" if not over else "incomplete" if cut else "completed"
    envelope: dict[str, Any] = {
        "id": made.id,
        "object": "response",
        "created_at": setting.now / 1000 if made.agent else setting.seconds,
        "status": status,
        "error": None,
        "incomplete_details": {"reason": "max_output_tokens"} if over and cut else None,
        "model": setting.profile.model,
        "output": list(made.items) if over else [],
        "usage": _usage(made.usage, made.agent) if over else None,
    }
    for key, default in _ECHOED.items():
        envelope[key] = request.get(key, default)
    if made.agent and over and request.get("custom_inputs") is not None:
        envelope["custom_outputs"] = request["custom_inputs"]
    return envelope


def _events(request: dict[str, Any], setting: Setting, made: Made) -> Iterator[Event]:
    """The events in order, numbered from 0."""
    for number, event in enumerate(_unnumbered(request, setting, made)):
        event["sequence_number"] = number
        yield event


def _unnumbered(request: dict[str, Any], setting: Setting, made: Made) -> Iterator[Event]:
    begun = _enveloped(request, setting, made, over=False)
    yield {"type": "response.created", "response": begun}
    if not made.agent:
        yield {"type": "response.in_progress", "response": begun}
    for index, item in enumerate(made.items):
        kind = item["type"]
        stream = _reasoning_events if kind == "reasoning" else _message_events if kind == "message" else _call_events
        yield from stream(item, index, made)
    last = "incomplete" if made.draft.finish == "length" else "completed"
    yield {"type": f"response.{last}", "response": _enveloped(request, setting, made, over=True)}


def _message_events(item: dict[str, Any], index: int, made: Made) -> Iterator[Event]:
    part = item["content"][0]
    place = {"item_id": item["id"], "output_index": index, "content_index": 0}
    begun = {**item, "content": [], "status": "in_progress"}
    yield {"type": "response.output_item.added", "output_index": index, "item": begun}
    yield {"type": "response.content_part.added", **place, "part": {**part, "text": ""}}
    for piece in made.draft.cut(part["text"]):
        yield {"type": "response.output_text.delta", **place, "delta": piece, "logprobs": []}
    if not made.agent:
        yield {"type": "response.output_text.done", **place, "text": part["text"], "logprobs": []}
    yield {"type": "response.content_part.done", **place, "part": part}
    yield {"type": "response.output_item.done", "output_index": index, "item": item}


def _call_events(item: dict[str, Any], index: int, made: Made) -> Iterator[Event]:
    place = {"item_id": item["id"], "output_index": index}
    begun = {**item, "arguments": "", "status": "in_progress"}
    yield {"type": "response.output_item.added", "output_index": index, "item": begun}
    for piece in made.draft.cut(item["arguments"]):
        yield {"type": "response.function_call_arguments.delta", **place, "delta": piece}
    if not made.agent:
        done = {"name": item["name"], "arguments": item["arguments"]}
        yield {"type": "response.function_call_arguments.done", **place, **done}
    yield {"type": "response.output_item.done", "output_index": index, "item": item}


def _reasoning_events(item: dict[str, Any], index: int, made: Made) -> Iterator[Event]:
    part = item["summary"][0]
    place = {"item_id": item["id"], "output_index": index, "summary_index": 0}
    yield {"type": "response.output_item.added", "output_index": index, "item": {**item, "summary": []}}
    yield {"type": "response.reasoning_summary_part.added", **place, "part": {**part, "text": ""}}
    for piece in made.draft.cut(part["text"]):
        yield {"type": "response.reasoning_summary_text.delta", **place, "delta": piece}
    yield {"type": "response.reasoning_summary_text.done", **place, "text": part["text"]}
    yield {"type": "response.reasoning_summary_part.done", **place, "part": part}
    yield {"type": "response.output_item.done", "output_index": index, "item": item}
