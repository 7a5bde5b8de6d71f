"""Gemini's generated content, whole and as the pieces of a stream."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from . import drafting, seeds
from .answers import Answer, total_usage
from .conversation import from_contents
from .drafting import Draft, Limits, Setting, Usage

_FINISH_REASONS = {"stop": "STOP", "length": "MAX_TOKENS", "tool_calls": "STOP", "content_filter": "SAFETY"}

_MEMBERS = (
    "systemInstruction generationConfig toolConfig functionCallingConfig allowedFunctionNames functionDeclarations "
    "parametersJsonSchema inlineData fileData fileUri mimeType functionCall functionResponse thoughtSignature "
    "maxOutputTokens topP topK stopSequences candidateCount responseMimeType responseSchema responseJsonSchema "
    "thinkingConfig includeThoughts thinkingBudget"
)
_SPELLINGS = {re.sub("[A-Z]", lambda capital: f"_{capital[0].lower()}", name): name for name in _MEMBERS.split()}
_FREE = frozenset({"args", "response", "parameters", "parametersJsonSchema", "responseSchema", "responseJsonSchema"})
"""Members whose value has names of the caller's own."""


def spelled(request: Any) -> Any:
    """The request with its members as the documentation spells them: Google reads ``top_p`` as ``topP``."""
    if isinstance(request, list):
        return [spelled(item) for item in request]
    if not isinstance(request, dict):
        return request
    named = {_SPELLINGS.get(name, name): value for name, value in request.items()}
    return {name: value if name in _FREE else spelled(value) for name, value in named.items()}


def answer(request: dict[str, Any], setting: Setting) -> Answer:
    """The answer to a request for content that has been checked."""
    asked, config = from_contents(request), request.get("generationConfig") or {}
    limits = Limits(config.get("maxOutputTokens"), drafting.stop_sequences(config.get("stopSequences")))
    drafts = tuple(
        drafting.answer(asked, setting, limits, config.get("temperature"), config.get("seed"), index)
        for index in range(config.get("candidateCount") or 1)
    )
    usage = total_usage(drafting.prompt_tokens(asked, setting.profile), drafts)
    shows_thoughts = bool((config.get("thinkingConfig") or {}).get("includeThoughts"))
    frame = {
        "modelVersion": setting.profile.model,
        "responseId": seeds.alphanumeric(setting.ids("content"), 22),
    }
    candidates = []
    for index, draft in enumerate(drafts):
        parts = _parts(draft, shows_thoughts) or [{"text": ""}]
        candidates.append(_candidate(parts, index, _FINISH_REASONS[draft.finish]))
    body = {"candidates": candidates, "usageMetadata": _usage(usage), **frame}
    return Answer(
        body, usage, tuple(draft.text for draft in drafts), lambda: _events(drafts, usage, shows_thoughts, frame)
    )


def counts(given: Mapping[str, int]) -> dict[str, int]:
    """Token counts by the names that they have here."""
    names = {"prompt_tokens": "promptTokenCount", "completion_tokens": "candidatesTokenCount"}
    return {names.get(name, "totalTokenCount"): count for name, count in given.items()}


def _usage(usage: Usage) -> dict[str, int]:
    """The tokens spent; those of thinking are not among the candidates'."""
    thoughts = {"thoughtsTokenCount": usage.reasoning} if usage.reasoning else {}
    written = usage.completion - usage.reasoning
    return {
        "promptTokenCount": usage.prompt,
        "candidatesTokenCount": written,
        **thoughts,
        "totalTokenCount": usage.total,
    }


def _candidate(parts: list[dict[str, Any]], index: int, finish: str | None) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"parts": parts, "role": "model"}}
    return {**candidate, "finishReason": finish, "index": index} if finish else {**candidate, "index": index}


def _parts(draft: Draft, shows_thoughts: bool) -> list[dict[str, Any]]:
    parts: list[dict[str, Any]] = []
    if draft.reasoning and shows_thoughts:
        parts.append({"text": draft.reasoning, "thought": True})
    if draft.text:
        parts.append({"text": draft.text})
    return parts + _calls(draft)


def _calls(draft: Draft) -> list[dict[str, Any]]:
    return [{"functionCall": {"name": call.name, "args": call.given}} for call in draft.calls]


def _events(
    drafts: tuple[Draft, ...], usage: Usage, shows_thoughts: bool, frame: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    """The candidates one after the other. The last event has the counts, and each candidate's last its reason."""
    so_far = {"promptTokenCount": usage.prompt, "totalTokenCount": usage.prompt}
    for index, draft in enumerate(drafts):
        pieces = _pieces(draft, shows_thoughts)
        part = next(pieces, {"text": ""})
        for following in pieces:
            yield {"candidates": [_candidate([part], index, None)], "usageMetadata": so_far, **frame}
            part = following
        ended = _candidate([part], index, _FINISH_REASONS[draft.finish])
        spent = _usage(usage) if draft is drafts[-1] else so_far
        yield {"candidates": [ended], "usageMetadata": spent, **frame}


def _pieces(draft: Draft, shows_thoughts: bool) -> Iterator[dict[str, Any]]:
    """The parts of a candidate; of a text a part for each piece."""
    if draft.reasoning and shows_thoughts:
        for piece in draft.cut(draft.reasoning):
            yield {"text": piece, "thought": True}
    for piece in draft.cut(draft.text) if draft.text else ():
        yield {"text": piece}
    yield from _calls(draft)
