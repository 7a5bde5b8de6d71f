"""One answer before it takes any protocol's shape: thinking, text, tool calls, why it ended and its length."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from random import Random
from typing import Any, Literal, NamedTuple

from . import json_answers, prose, schema_sampling, seeds, tokens, tools
from .conversation import Conversation, ToolCall
from .hints import Hints
from .profiles import Family, ModelProfile
from .schema_sampling import Valid
from .understanding import style_of
from .words import Vocabulary

Finish = Literal["stop", "length", "tool_calls", "content_filter"]


VARIANTS = 32
"""The answers that a model gives to the same question in turn, where chance plays a part."""

_LONGEST_HINT = 8000


def as_it_is(text: str) -> str:
    return text


@dataclass(frozen=True, slots=True)
class Script:
    """What is answered instead of something invented. Calls without an id get one; ``finish`` is why it ended.

    ``pieces`` is how the text is cut when it is streamed; joined they are the text. ``value`` is what a custom model
    predicts.
    """

    text: str = ""
    calls: tuple[ToolCall, ...] = ()
    finish: Finish | None = None
    pieces: tuple[str, ...] = ()
    value: Any = None


class Setting(NamedTuple):
    """Who answers, and when. ``turn`` counts the endpoint's answers; ``now`` is in milliseconds since the epoch.

    ``valid(schema, value)`` checks what is made for a schema; ``revise`` has the last word on every finished text
    (a guardrail's mask); ``script`` is what the answer is to be, whatever is asked.
    """

    profile: ModelProfile
    vocabulary: Vocabulary
    seed: int
    turn: int
    now: int
    valid: Valid | None = None
    revise: Callable[[str], str] = as_it_is
    script: Script | None = None

    @property
    def seconds(self) -> int:
        return self.now // 1000

    def ids(self, *parts: object) -> seeds.Bits:
        """The source of this answer's identifiers: they differ from turn to turn, whatever is asked."""
        return seeds.Bits("id", self.seed, self.profile.model, self.turn, *parts)


class Limits(NamedTuple):
    """What ends an answer early."""

    max_tokens: int | None = None
    stop: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Draft:
    """A finished answer. ``stopped_by`` is the stop sequence that ended it; ``tokens`` counts thinking as well.

    ``pieces`` says how the text is to be cut in a stream, where that was scripted.
    """

    text: str
    calls: tuple[ToolCall, ...] = ()
    reasoning: str = ""
    finish: Finish = "stop"
    stopped_by: str = ""
    tokens: int = 0
    reasoning_tokens: int = 0
    pieces: tuple[str, ...] = ()

    def cut(self, text: str) -> Iterator[str]:
        """The pieces in which a text of the answer is streamed: as scripted, or in uneven groups of tokens."""
        if self.pieces and text == self.text:
            return iter(self.pieces)
        return (piece for piece, _ in tokens.groups(text, seeds.rng("pieces", text)))


class Usage(NamedTuple):
    """Token counts of a request and all of its answers."""

    prompt: int
    completion: int
    reasoning: int = 0

    @property
    def total(self) -> int:
        return self.prompt + self.completion


def prompt_tokens(conversation: Conversation, profile: ModelProfile) -> int:
    """How many tokens the request has: its texts, its tools and schema, and what the chat template adds."""
    family = profile.family
    found: int | None = conversation.known.get(family.name)
    if found is None:
        found = conversation.known[family.name] = _prompt_tokens(conversation, family)
    return found


def _prompt_tokens(conversation: Conversation, family: Family) -> int:
    total = family.reply_overhead
    for message in conversation.messages:
        total += family.message_overhead + tokens.count(message.text) + 260 * message.images
        for call in message.calls:
            total += 8 + tokens.count(call.name) + tokens.count(call.arguments)
    if conversation.tools and conversation.choice != "none":
        total += family.tools_overhead
        for tool in conversation.tools:
            total += tokens.count(tool.name) + tokens.count(tool.description) + tokens.count(repr(tool.parameters))
    if conversation.schema is not None:
        total += 20 + tokens.count(repr(conversation.schema))
    return total


def answer(
    conversation: Conversation, setting: Setting, limits: Limits, temperature: object, seed: object, index: int = 0
) -> Draft:
    """The model's answer to a conversation within the limits: the choice at this ``index``.

    Asked the same again, a model has the answer ready, unless there is something in it that is new every time.
    """
    variant = variant_of(setting, temperature, seed)
    if not is_repeated(conversation, setting):
        return draft(conversation, setting, limits, _source(conversation, setting, seed, index, variant), index)
    key = (setting.profile.model, setting.seed, limits.max_tokens, limits.stop, seed, index, variant)
    known: tuple[ModelProfile, Draft] | None = conversation.known.get(key)
    if known is not None and known[0] is setting.profile:
        return known[1]
    found = draft(conversation, setting, limits, _source(conversation, setting, seed, index, variant), index)
    conversation.remember(key, (setting.profile, found))
    return found


def is_repeated(conversation: Conversation, setting: Setting) -> bool:
    """Whether the drafts of an answer are the same whenever its variant's turn comes."""
    return not conversation.tools and setting.script is None and setting.revise is as_it_is


def source(conversation: Conversation, setting: Setting, temperature: object, seed: object, index: int) -> Random:
    """The randomness of an answer: the question's alone at temperature 0 or with a seed, else the turn's too."""
    return _source(conversation, setting, seed, index, variant_of(setting, temperature, seed))


def variant_of(setting: Setting, temperature: object, seed: object) -> int:
    """Which of its answers to a question a model gives in this turn; 0 for the one that chance plays no part in."""
    return 0 if temperature == 0 or seed is not None else 1 + setting.turn % VARIANTS


def _source(conversation: Conversation, setting: Setting, seed: object, index: int, variant: int) -> Random:
    asked = tuple((message.role, message.text) for message in conversation.messages)
    return seeds.rng(setting.seed, setting.profile.model, asked, seed, index, variant)


def draft(conversation: Conversation, setting: Setting, limits: Limits, rng: Random, index: int = 0) -> Draft:
    """The model's answer to a conversation within the limits."""
    if setting.script is not None:
        return _scripted(setting.script, setting, index)
    reasoning = prose.thought(conversation, rng) if _thinks(conversation, setting.profile) else ""
    called = _calls(conversation, setting, rng, index)
    text = setting.revise(_text(conversation, called, setting, rng))
    return _cut(reasoning, text, called, limits, setting.profile)


def _scripted(script: Script, setting: Setting, index: int) -> Draft:
    """The answer that was asked for, in full: what ends answers early does not apply to it."""
    family = setting.profile.family
    ids = setting.ids("call", index)
    called = tuple(
        call if call.id else replace(call, id=seeds.identifier(family.call_id_form, ids)) for call in script.calls
    )
    text = setting.revise(script.text)
    size = tokens.count(text) + sum(6 + tokens.count(call.name) + tokens.count(call.arguments) for call in called)
    finish: Finish = script.finish or ("tool_calls" if called else "stop")
    pieces = script.pieces if text == script.text else ()
    return Draft(text, called, "", finish, "", size + family.end_overhead, 0, pieces)


def _thinks(conversation: Conversation, profile: ModelProfile) -> bool:
    rule = profile.family.reasoning
    return rule in ("always", "hidden") or (rule == "asked" and conversation.thinking)


def _calls(conversation: Conversation, setting: Setting, rng: Random, index: int) -> tuple[ToolCall, ...]:
    if not conversation.tools:
        return ()
    form = setting.profile.family.call_id_form
    made = tools.calls(conversation, rng, setting.ids("call", index), setting.vocabulary, setting.valid, form)
    if setting.profile.family.call_form == "spaced":
        return tuple(ToolCall(call.id, call.name, _spaced(call.arguments)) for call in made)
    return made


def _spaced(arguments: str) -> str:
    """Llama's way of writing an object: ``{ "city": "Tokyo" }``, as recorded."""
    return f"{{ {arguments[1:-1]} }}" if len(arguments) > 2 else arguments


def _text(conversation: Conversation, called: tuple[ToolCall, ...], setting: Setting, rng: Random) -> str:
    if called:
        speaks = setting.profile.family.announces_calls and conversation.choice == "auto"
        return tools.announcement(called, conversation.tools, rng) if speaks else ""
    if conversation.form == "schema":
        hints = Hints(conversation.asked[:_LONGEST_HINT], rng, setting.vocabulary)
        value = schema_sampling.sample(conversation.schema, hints, setting.valid)
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    if json_answers.is_wanted(conversation):
        title = setting.profile.title
        value = json_answers.answer(conversation, rng, setting.vocabulary, title, setting.valid)
        return json.dumps(value, ensure_ascii=False)
    if conversation.results:
        return prose.styled(tools.told(conversation, rng), style_of(conversation))
    return prose.reply(conversation, rng, setting.vocabulary, setting.profile.title)


def cut(text: str, limits: Limits, profile: ModelProfile) -> Draft:
    """A text without thinking and calls, as the limits leave it."""
    return _cut("", text, (), limits, profile)


def _cut(reasoning: str, text: str, called: tuple[ToolCall, ...], limits: Limits, profile: ModelProfile) -> Draft:
    """The answer as the limits leave it. Thinking is paid for first, and may use up everything."""
    stopped_by = ""
    if limits.stop and text:
        text, stopped_by = _stopped(text, limits.stop)
    thinking = tokens.count(reasoning)
    pieces = tokens.split(text)
    written = len(pieces)
    calling = sum(6 + tokens.count(call.name) + tokens.count(call.arguments) for call in called) if called else 0
    needed = thinking + written + calling
    shown = reasoning if profile.family.reasoning != "hidden" else ""
    most = limits.max_tokens
    if most is None or needed + (0 if stopped_by else min(1, profile.family.end_overhead)) <= most:
        spent = needed + (0 if stopped_by else profile.family.end_overhead)
        spent = spent if most is None else min(spent, most)
        finish: Finish = "tool_calls" if called else "stop"
        return Draft(text, called, shown, finish, stopped_by, spent, thinking)
    if most <= thinking:
        return Draft("", (), tokens.first(shown, most), "length", "", most, most)
    left = most - thinking
    text = "".join(pieces[:left])
    return Draft(text, _cut_calls(called, left - written), shown, "length", "", most, thinking)


def _cut_calls(called: tuple[ToolCall, ...], left: int) -> tuple[ToolCall, ...]:
    """The calls that ``left`` tokens suffice for, the last with its arguments cut off."""
    kept: list[ToolCall] = []
    for call in called:
        left -= 6 + tokens.count(call.name)
        if left <= 0:
            break
        size = tokens.count(call.arguments)
        kept.append(call if size <= left else ToolCall(call.id, call.name, tokens.first(call.arguments, left)))
        left -= size
    return tuple(kept)


def _stopped(text: str, stop: tuple[str, ...]) -> tuple[str, str]:
    """The text before the first stop sequence in it, and that sequence."""
    found = [(text.find(sequence), sequence) for sequence in stop if sequence and sequence in text]
    if not found:
        return text, ""
    at, sequence = min(found)
    return text[:at], sequence


def stop_sequences(given: object) -> tuple[str, ...]:
    """``stop`` as a request writes it: one text or a list."""
    if isinstance(given, str):
        return (given,)
    return tuple(str(sequence) for sequence in given) if isinstance(given, list | tuple) else ()
