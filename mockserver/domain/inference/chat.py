"""Chat completions, whole and as chunks, in the form of each family of models."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import repeat
from typing import Any, NamedTuple

from . import drafting, likelihoods, seeds, tokens
from .answers import Answer, total_usage, usage_block
from .conversation import Conversation, ToolCall, from_chat
from .drafting import Draft, Limits, Setting, Usage
from .profiles import Family, UsageRule

Chunk = dict[str, Any]


class Reply(NamedTuple):
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


class _Told(NamedTuple):
    """An answer that was given before: the next one of the same variant has another id and moment."""

    reply: Reply
    body: dict[str, Any]
    texts: tuple[str, ...]
    known: dict[str, Any]


def answer(request: dict[str, Any], setting: Setting, conversation: Conversation | None = None) -> Answer:
    """The answer to a chat request that has been checked; ``conversation`` when it has been read already.

    Asked the same again, a model only gives its answer another id and moment.
    """
    asked = from_chat(request) if conversation is None else conversation
    variant = drafting.variant_of(setting, request.get("temperature"), request.get("seed"))
    key = ("chat", setting.profile.model, setting.seed, variant)
    told: _Told | None = asked.known.get(key) if drafting.is_repeated(asked, setting) else None
    if told is not None and told.reply.setting.profile is setting.profile:
        own = _new_id(setting)
        body = {**told.body, "id": own, "created": setting.seconds}
        return Answer(
            body,
            told.reply.usage,
            told.texts,
            lambda: _chunks(told.reply._replace(id=own, setting=setting)),
            told.known,
        )
    reply = _reply(request, setting, asked)
    body, texts = _body(reply), tuple(draft.text for draft in reply.drafts)
    known: dict[str, Any] | None = None
    if drafting.is_repeated(asked, setting) and not _is_sealed(reply):
        known = {}
        asked.remember(key, _Told(reply, body, texts, known))
    return Answer(body, reply.usage, texts, lambda: _chunks(reply), known)


def _new_id(setting: Setting) -> str:
    return seeds.identifier(setting.profile.family.id_form, setting.ids("chat"))


def _reply(request: dict[str, Any], setting: Setting, asked: Conversation) -> Reply:
    limit = request.get("max_tokens")
    limit = request.get("max_completion_tokens") if limit is None else limit
    limits = Limits(limit, drafting.stop_sequences(request.get("stop")))
    temperature, seed = request.get("temperature"), request.get("seed")
    drafts = tuple(
        drafting.answer(asked, setting, limits, temperature, seed, index) for index in range(request.get("n") or 1)
    )
    options = request.get("stream_options")
    return Reply(
        id=_new_id(setting),
        setting=setting,
        drafts=drafts,
        usage=total_usage(drafting.prompt_tokens(asked, setting.profile), drafts),
        likelihoods=_likelihoods(request, drafts, setting),
        include_usage=isinstance(options, dict) and options.get("include_usage") is True,
    )


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
    body = _frame(reply, "chat.completion", usage=True)
    body["choices"], body["usage"] = choices, usage_block(reply.family, reply.usage)
    return body


def _frame(reply: Reply, kind: str, *, usage: bool) -> dict[str, Any]:
    """The envelope, its keys in the order in which the family sends them, to be copied and filled."""
    family, created, model = reply.family, reply.setting.seconds, reply.setting.profile.model
    filled: dict[str, Any] = {"choices": None, "usage": None} if usage else {"choices": None}
    if family.name == "claude":
        return {"model": model, **filled, "object": kind, "id": reply.id, "created": created}
    return {"id": reply.id, "object": kind, "created": created, "model": model, **filled}


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


def _is_sealed(reply: Reply) -> bool:
    """Whether there is thinking in the answer under a seal, which is new every time."""
    return reply.family.name == "claude" and any(draft.reasoning for draft in reply.drafts)


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


class _Step(NamedTuple):
    """One chunk's part of the choice in a place. ``tokens`` is how many tokens of the answer are sent with it."""

    place: int
    delta: dict[str, Any]
    tokens: int = 0
    finish: str | None = None
    likelihoods: list[dict[str, Any]] | None = None


def _chunks(reply: Reply) -> Iterator[Chunk]:
    """The chunks of all choices in turn, with usage by the family's rule; the last one carries the totals."""
    family, usage = reply.family, reply.usage
    frame = _frame(reply, "chat.completion.chunk", usage=family.usage != "asked")
    usage_so_far = _USAGE_SO_FAR[family.usage]
    delta_first = family.name == "claude"
    spent, open_choices = 0, len(reply.drafts)
    steps = [_steps(reply, index) for index in range(len(reply.drafts))]
    for index, delta, tokens_sent, finish, entries in _interleaved(steps) if len(steps) > 1 else steps[0]:
        spent += tokens_sent
        choice: dict[str, Any] = {"delta": delta, "index": index} if delta_first else {"index": index, "delta": delta}
        choice["finish_reason"] = finish
        if entries is not None:
            choice["logprobs"] = {"content": entries}
        chunk = frame.copy()
        chunk["choices"] = [choice]
        open_choices -= finish is not None
        if usage_so_far is not None:
            chunk["usage"] = usage_so_far(usage, spent) if open_choices else usage_block(family, usage)
        yield chunk
    if family.usage == "asked" and reply.include_usage:
        yield {**frame, "choices": [], "usage": usage_block(family, usage)}


def _counted(usage: Usage, spent: int) -> dict[str, Any]:
    """The counts up to a chunk, on every chunk."""
    completion = min(usage.completion, spent + 1)
    return {
        "prompt_tokens": usage.prompt,
        "completion_tokens": completion,
        "total_tokens": usage.prompt + completion,
    }


def _uncounted(usage: Usage, spent: int) -> dict[str, Any]:
    """Claude's counts before the last chunk."""
    return {
        "cache_read_input_tokens": 0,
        "completion_tokens": None,
        "prompt_tokens": usage.prompt,
        "total_tokens": None,
        "cache_creation_input_tokens": 0,
    }


_USAGE_SO_FAR: dict[UsageRule, Callable[[Usage, int], dict[str, Any]] | None] = {
    "every": _counted,
    "last": _uncounted,
    "asked": None,
}
"""The usage of a chunk that is not the last one, by the family's rule."""


def _interleaved(sources: list[Iterator[_Step]]) -> Iterator[_Step]:
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
    lead = first
    if family.opening_chunk and (draft.text or not draft.calls) and not draft.reasoning:
        yield _Step(index, {**first, "content": ""}, _first_tokens(reply, draft))
        lead = always
    for delta, count in _thinking_deltas(reply, draft):
        yield _Step(index, {**lead, **delta}, count)
        lead = always
    position = 0
    counted_already = family.opening_chunk and not draft.reasoning
    for piece, count in _pieces(reply, index):
        entries = reply.likelihoods[index][position : position + count] if reply.likelihoods else None
        position += count
        yield _Step(index, {**lead, "content": piece}, 0 if counted_already else count, None, entries)
        lead, counted_already = always, False
    if draft.calls:
        yield from _call_steps(reply, index, lead, always)
    else:
        closing: dict[str, Any] = {**lead, "content": ""} if family.closing_content or lead else {}
        yield _Step(index, closing, 0, draft.finish)


def _first_tokens(reply: Reply, draft: Draft) -> int:
    """The recorded opening chunk already counts the first piece."""
    return next((count for _, count in tokens.counted_words(draft.text)), 0) if reply.family.pieces == "words" else 1


def _pieces(reply: Reply, index: int) -> Iterator[tuple[str, int]]:
    """The pieces of a text, each with how many tokens it has."""
    text, scripted = reply.drafts[index].text, reply.drafts[index].pieces
    kind = reply.family.pieces
    if not scripted and (kind == "tokens" or reply.likelihoods):
        return zip(tokens.split(text), repeat(1), strict=False)
    if scripted:
        return ((piece, tokens.count(piece)) for piece in scripted)
    if kind == "words":
        return iter(tokens.counted_words(text))
    return tokens.groups(text, seeds.rng("pieces", text))


def _thinking_deltas(reply: Reply, draft: Draft) -> Iterator[tuple[dict[str, Any], int]]:
    if not draft.reasoning:
        return
    for piece, count in tokens.groups(draft.reasoning, seeds.rng("pieces", draft.reasoning)):
        yield {"content": [_thinking(piece, "")]}, count
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
    return (piece for piece, _ in tokens.groups(arguments, seeds.rng("pieces", arguments)))
