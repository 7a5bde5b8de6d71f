"""Agents: responses agents, chat agents (``agent/v2/chat``, no ``choices``) and the older chat-completion agents."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from . import chat, completions, drafting, responses, seeds
from .answers import Answer, total_usage
from .conversation import from_chat
from .drafting import Draft, Limits, Setting


def answer(task: str, request: dict[str, Any], setting: Setting) -> Answer:
    """An agent's answer by its task; ``agent/v1/chat`` answers like a chat model."""
    if task == "agent/v1/responses":
        return responses.agent_answer(request, setting)
    if task == "agent/v2/chat":
        return chat_agent_answer(request, setting)
    return chat.answer(request, setting)


def unified_answer(request: dict[str, Any], setting: Setting) -> Answer:
    """What a custom model answers to MLflow's unified LLM input: ``messages``, ``prompt`` or ``input``."""
    if "messages" in request:
        return chat.answer(request, setting)
    if "prompt" in request:
        return completions.answer(request, setting)
    return responses.agent_answer(request, setting)


def chat_agent_answer(request: dict[str, Any], setting: Setting) -> Answer:
    """The messages a ChatAgent adds to a conversation."""
    asked = from_chat(request)
    limits = Limits(_most(request.get("max_tokens")))
    draft = drafting.answer(asked, setting, limits, request.get("temperature"), None)
    ids = setting.ids("agent")
    answer_id = seeds.uuid(ids)
    message = _message(draft, seeds.uuid(ids))
    usage = total_usage(drafting.prompt_tokens(asked, setting.profile), (draft,))
    body: dict[str, Any] = {
        "messages": [message],
        "id": answer_id,
        "finish_reason": draft.finish,
        "usage": {
            "prompt_tokens": usage.prompt,
            "completion_tokens": usage.completion,
            "total_tokens": usage.total,
        },
    }
    if request.get("custom_inputs") is not None:
        body["custom_outputs"] = request["custom_inputs"]
    return Answer(body, usage, (draft.text,), lambda: _chunks(message, answer_id, draft))


def _message(draft: Draft, message_id: str) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": draft.text, "id": message_id}
    if draft.calls:
        message["tool_calls"] = [
            {"type": "function", "id": call.id, "function": {"name": call.name, "arguments": call.arguments}}
            for call in draft.calls
        ]
    return message


def _chunks(message: dict[str, Any], answer_id: str, draft: Draft) -> Iterator[dict[str, Any]]:
    """The message piece by piece; its calls come whole, in a delta of their own."""
    text = message["content"]
    delta = {"role": "assistant", "id": message["id"]}
    for piece in draft.cut(text):
        yield {"id": answer_id, "delta": {**delta, "content": piece}}
    if "tool_calls" in message:
        yield {"id": answer_id, "delta": {**delta, "content": "", "tool_calls": message["tool_calls"]}}
    elif not text:
        yield {"id": answer_id, "delta": {**delta, "content": ""}}


def _most(value: Any) -> int | None:
    """A limit, where what was sent can be one: an agent's request has no such member, so nothing has checked it."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None
