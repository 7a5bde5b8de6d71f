"""Chat completions, whole and as chunks, in the form of each family of models."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from . import drafting, likelihoods, seeds, tokens
from .answers import Answer, total_usage, usage_block
from .conversation import Conversation, ToolCall, from_chat
from .drafting import Draft, Limits, Setting, Usage
from .profiles import Family

Chunk = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reply:
    """The drafts of one chat request and what frames them."""

    id: str
    setting: Setting
    drafts: tuple[Draft, ...]
    usage: Usage
    likelihoods: tuple[list[dict[str, Any]], ...] = ()
    include_usage: bool = False

    @property
    def family(self) -> Family:
        return self.setting.profile.family


def answer(request: dict[str, Any], setting: Setting, conversation: Conversation | None = None) -> Answer:
    """The answer to a chat request that has been checked; ``conversation`` when it has been read already."""
    asked = from_chat(request) if conversation is None else conversation
    limit = request.get("max_tokens")
    limit = request.get("max_completion_tokens") if limit is None else limit
    limits = Limits(limit, drafting.stop_sequences(request.get("stop")))
    temperature, seed = request.get("temperature"), request.get("seed")
    drafts = tuple(
        drafting.draft(asked, setting, limits, drafting.source(asked, setting, temperature, seed, index), index)
        for index in range(request.get("n") or 1)
    )
    options = request.get("stream_options")
    reply = Reply(
        id=seeds.identifier(setting.profile.family.id_form, setting.ids("chat")),
        setting=setting,
        drafts=drafts,
        usage=total_usage(drafting.prompt_tokens(asked, setting.profile), drafts),
        likelihoods=_likelihoods(request, drafts, setting),
        include_usage=isinstance(options, dict) and options.get("include_usage") is True,
    )
    return Answer(_body(reply), reply.usage, tuple(draft.text for draft in drafts), lambda: _chunks(reply))


def _likelihoods(
    request: dict[str, Any], drafts: tuple[Draft, ...], setting: Setting
) -> tuple[list[dict[str, Any]], ...]:
    if request.get("logprobs") is not True:
        return ()
    several = int(request.get("top_logprobs") or 0)
    return tuple(
        likelihoods.chat_entries(
            draft.text, seeds.rng("logprobs", setting.seed, draft.text), setting.vocabulary, several
        )
        for draft in drafts
    )


def _body(reply: Reply) -> dict[str, Any]:
    choices = []
    for index, draft in enumerate(reply.drafts):
        choice = {"index": index, "message": message_of(draft, reply), "finish_reason": draft.finish}
        if reply.likelihoods:
            choice["logprobs"] = {"content": reply.likelihoods[index]}
        choices.append(choice)
    return _framed(reply, "chat.completion", choices, usage_block(reply.family, reply.usage))


def _framed(reply: Reply, kind: str, choices: list[Any], usage: dict[str, Any] | None) -> dict[str, Any]:
    """The envelope, with its keys in the order in which the family sends them."""
    created, model = reply.setting.seconds, reply.setting.profile.model
    if reply.family.name == "claude":
        frame: dict[str, Any] = {"model": model, "choices": choices}
        if usage is not None:
            frame["usage"] = usage
        return {**frame, "object": kind, "id": reply.id, "created": created}
    frame = {"id": reply.id, "object": kind, "created": created, "model": model, "choices": choices}
    if usage is not None:
        frame["usage"] = usage
    return frame


def message_of(draft: Draft, reply: Reply) -> dict[str, Any]:
    """The assistant's message: a text, a list of blocks when the thinking is shown, or calls."""
    message: dict[str, Any] = {"role": "assistant", "content": draft.text}
    if draft.reasoning:
        blocks: list[dict[str, Any]] = [_thinking(draft.reasoning, _signature(reply))]
        if draft.text:
            blocks.append({"type": "text", "text": draft.text})
        message["content"] = blocks
    elif draft.calls and not draft.text:
        message["content"] = None
    if draft.calls:
        message["tool_calls"] = [_call(call) for call in draft.calls]
    return message


def _call(call: ToolCall) -> dict[str, Any]:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}


def _signature(reply: Reply) -> str:
    """The seal that Claude puts on its thinking; other families have none."""
    return signature(reply.setting) if reply.family.name == "claude" else ""


def signature(setting: Setting) -> str:
    """The seal of an answer's thinking."""
    return f"EqoB{seeds.alphanumeric(setting.ids('signature'), 84)}=="


def _thinking(text: str, signed: str) -> dict[str, Any]:
    summary: dict[str, Any] = {"type": "summary_text", "text": text}
    if signed:
        summary["signature"] = signed
    return {"type": "reasoning", "summary": [summary]}


@dataclass(frozen=True, slots=True)
class _Step:
    """One chunk's part of a choice. ``tokens`` is how many tokens of the answer have been sent with it."""

    index: int
    delta: dict[str, Any]
    tokens: int = 0
    finish: str | None = None
    likelihoods: list[dict[str, Any]] | None = None


def _chunks(reply: Reply) -> Iterator[Chunk]:
    """The chunks of all choices in turn, with usage by the family's rule; the last one carries the totals."""
    family, usage = reply.family, reply.usage
    spent = [0] * len(reply.drafts)
    open_choices = len(reply.drafts)
    for step in _interleaved([_steps(reply, index) for index in range(len(reply.drafts))]):
        spent[step.index] += step.tokens
        open_choices -= step.finish is not None
        choice: dict[str, Any] = {"index": step.index, "delta": step.delta, "finish_reason": step.finish}
        if family.name == "claude":
            choice = {"delta": step.delta, "index": step.index, "finish_reason": step.finish}
        if step.likelihoods is not None:
            choice["logprobs"] = {"content": step.likelihoods}
        block = _usage_so_far(family, usage, sum(spent), open_choices == 0)
        yield _framed(reply, "chat.completion.chunk", [choice], block)
    if family.usage == "asked" and reply.include_usage:
        yield _framed(reply, "chat.completion.chunk", [], usage_block(family, usage))


def _usage_so_far(family: Family, usage: Usage, spent: int, over: bool) -> dict[str, Any] | None:
    if family.usage == "asked":
        return None
    if over:
        return usage_block(family, usage)
    if family.usage == "last":
        block = usage_block(family, usage)
        block["completion_tokens"] = block["total_tokens"] = None
        return block
    return usage_block(family, Usage(usage.prompt, min(usage.completion, spent + 1)))


def _interleaved(sources: list[Iterator[_Step]]) -> Iterator[_Step]:
    if len(sources) == 1:
        yield from sources[0]
        return
    while sources:
        for source in list(sources):
            step = next(source, None)
            if step is None:
                sources.remove(source)
            else:
                yield step


def _steps(reply: Reply, index: int) -> Iterator[_Step]:
    """One choice from its role to its finish reason."""
    family, draft = reply.family, reply.drafts[index]
    first = {"role": "assistant"}
    always = first if family.role_on_every_chunk else {}
    lead: dict[str, Any] = dict(first)
    if family.opening_chunk and (draft.text or not draft.calls) and not draft.reasoning:
        yield _Step(index, {**first, "content": ""}, _first_tokens(reply, draft))
        lead = dict(always)
    for delta, count in _thinking_deltas(reply, draft):
        yield _Step(index, {**lead, **delta}, count)
        lead = dict(always)
    position = 0
    for number, piece in enumerate(_pieces(reply, index)):
        count = tokens.count(piece)
        entries = reply.likelihoods[index][position : position + count] if reply.likelihoods else None
        position += count
        counted = 0 if number == 0 and family.opening_chunk and not draft.reasoning else count
        yield _Step(index, {**lead, "content": piece}, counted, None, entries)
        lead = dict(always)
    if draft.calls:
        yield from _call_steps(reply, index, lead, always)
    else:
        closing: dict[str, Any] = {**lead, "content": ""} if family.closing_content or lead else {}
        yield _Step(index, closing, 0, draft.finish)


def _first_tokens(reply: Reply, draft: Draft) -> int:
    """The recorded opening chunk already counts the first piece."""
    return tokens.count(next(iter(tokens.words(draft.text)), "")) if reply.family.pieces == "words" else 1


def _pieces(reply: Reply, index: int) -> Iterator[str]:
    text, scripted = reply.drafts[index].text, reply.drafts[index].pieces
    if scripted:
        return iter(scripted)
    kind = reply.family.pieces
    if kind == "tokens" or reply.likelihoods:
        return iter(tokens.split(text))
    if kind == "words":
        return iter(tokens.words(text))
    return tokens.groups(text, seeds.rng("pieces", text))


def _thinking_deltas(reply: Reply, draft: Draft) -> Iterator[tuple[dict[str, Any], int]]:
    if not draft.reasoning:
        return
    for piece in tokens.groups(draft.reasoning, seeds.rng("pieces", draft.reasoning)):
        yield {"content": [_thinking(piece, "")]}, tokens.count(piece)
    signed = _signature(reply)
    if signed:
        yield {"content": [_thinking("", signed)]}, 0


def _call_steps(reply: Reply, index: int, lead: dict[str, Any], always: dict[str, Any]) -> Iterator[_Step]:
    """The calls as recorded: the name first, then the arguments, then the end in the family's way."""
    family, draft = reply.family, reply.drafts[index]
    if family.name == "openai":
        empty: dict[str, Any] = {}
        lead = {**lead, "content": None} if lead else {}
    else:
        empty = {**always, "content": None}
        lead = {**lead, "content": None}
    for number, call in enumerate(draft.calls):
        function = {"name": call.name, "arguments": ""}
        begun = {"index": number, "id": call.id, "type": "function", "function": function}
        yield _Step(index, {**(lead or empty), "tool_calls": [begun]}, draft.tokens)
        lead = dict(empty)
        for piece in _argument_pieces(family, call.arguments):
            delta = {"index": number, "function": {"arguments": piece}}
            yield _Step(index, {**empty, "tool_calls": [delta]}, 0)
    if family.name == "llama":
        ended = {"index": len(draft.calls) - 1, "function": {"arguments": ""}}
        yield _Step(index, {**empty, "tool_calls": [ended]}, 0, draft.finish)
    else:
        closing = {**always, "content": ""} if family.closing_content else {}
        yield _Step(index, closing, 0, draft.finish)


def _argument_pieces(family: Family, arguments: str) -> Iterator[str]:
    if family.pieces == "words":
        return iter((arguments,))
    if family.pieces == "tokens":
        return iter(tokens.split(arguments))
    return tokens.groups(arguments, seeds.rng("pieces", arguments))
