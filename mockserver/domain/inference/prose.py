"""Coherent English that picks up what was asked. The same conversation and the same randomness give the same text."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from random import Random

from . import phrases, skills
from .conversation import Conversation, Message
from .expressions import holds_any
from .understanding import PLAIN, Question, Style, question_of, sentences, style_of
from .words import Vocabulary
from .writing import Writer, always, continuation, writer

_LONG = 12_000
_SHORT = 4000


def reply(conversation: Conversation, rng: Random, vocabulary: Vocabulary, title: str) -> str:
    """The text that a model named ``title`` answers."""
    short = sum(len(message.text) for message in conversation.messages) < _SHORT
    write = _read_again(conversation.messages, title) if short else _read(conversation, title)
    return write(rng, vocabulary)


@lru_cache(maxsize=1024)
def _read_again(messages: tuple[Message, ...], title: str) -> Writer:
    """The reading of a short conversation: load tests and retries ask the same again and again."""
    return _read(Conversation(messages), title)


def _read(conversation: Conversation, title: str) -> Writer:
    """How a conversation is answered, as far as chance plays no part."""
    asked = conversation.asked
    if len(asked) > _LONG:
        asked = f"{asked[: _LONG // 2]}\n{asked[-_LONG // 2 :]}"
    style = style_of(conversation)
    question = _in_context_of_earlier_turns(question_of(asked), conversation)
    if style.language:
        return always(phrases.FOREIGN[style.language].format(t=question.topic))
    exact = _exact(conversation, asked, question, style, title)
    if exact is not None:
        return always(styled(exact, style))
    pictured = bool(conversation.messages) and conversation.messages[-1].images > 0
    write = writer(asked, question, style, skills.users_name(conversation.messages), pictured)
    return write if style == PLAIN else lambda rng, names: styled(write(rng, names), style)


def _in_context_of_earlier_turns(question: Question, conversation: Conversation) -> Question:
    """A follow-up such as ``Why?`` or ``Tell me more`` takes its topic from the turn before."""
    if question.keywords and len(question.text.split()) > 3:
        return question
    earlier = [m.text for m in conversation.messages if m.role == "user"][:-1]
    if not earlier or (question.keywords and question.topic):
        return question
    before = question_of(earlier[-1])
    return Question(question.text or before.text, before.topic, before.keywords)


_SKILLS: tuple[tuple[Callable[[str], str | None], tuple[str, ...]], ...] = (
    (skills.reckoned, ("how m",)),
    (skills.counted, ("count",)),
    (skills.translated, ("translat", " say ")),
    (skills.judged, ("sentiment", "positive", "classify")),
    (skills.summary, ("summar", "tl;dr", "tldr", "points")),
)


def _exact(conversation: Conversation, asked: str, question: Question, style: Style, title: str) -> str | None:
    """The answers that are right or wrong rather than written."""
    lowered = asked.lower()
    said = skills.echoed(asked)
    if said is not None:
        return said
    about = skills.about_names(conversation, asked, title)
    if about:
        name = skills.users_name(conversation.messages)
        return name if style.terse and name and name in about else about
    result = skills.summed(asked)
    if result:
        expression, value = result
        return value if style.terse or style.words or style.frame or "just" in lowered else f"{expression} = {value}"
    for skill, signs in _SKILLS:
        if holds_any(lowered, signs):
            found = skill(asked)
            if found:
                return found
    found = skills.known(question) or skills.found_in_context(conversation, question)
    if found and style.terse:
        return re.sub(r"^(?:The .{0,60}? is|That is|There are) ", "", found)
    return found


def thought(conversation: Conversation, rng: Random) -> str:
    """The summary of a reasoning model's thinking."""
    question = question_of(conversation.asked)
    text = rng.choice(phrases.THOUGHTS).format(q=_quoted(question.text), t=question.topic or "the request")
    if conversation.results:
        text += " The tool has returned its result, so I can use it in the answer."
    elif conversation.tools and conversation.choice != "none":
        text += f" There {'is a tool' if len(conversation.tools) == 1 else 'are tools'} that may help."
    return text


def _quoted(text: str) -> str:
    short = text if len(text) < 160 else text[:157].rstrip() + "..."
    return f'"{short}"'


def continued(prompt: str, rng: Random, vocabulary: Vocabulary) -> str:
    """What a completion model writes after a prompt that is not a question."""
    return continuation(question_of(prompt[-600:]), prompt)(rng, vocabulary)


def styled(text: str, style: Style) -> str:
    """The text with the looks that were asked for."""
    if style == PLAIN:
        return text
    if style.sentences:
        text = " ".join(sentences(text)[: style.sentences])
    if style.words:
        text = " ".join(text.split()[: style.words]).rstrip(",;:")
    if style.frame:
        text = re.sub(r"_{2,}", lambda _: text.rstrip(".").strip(), style.frame)
    if style.persona:
        before, after = phrases.PERSONAS[style.persona]
        text = before + text + after
    if style.prefix and not text.startswith(style.prefix):
        text = f"{style.prefix} {text}"
    if style.suffix and not text.endswith(style.suffix):
        text = f"{text} {style.suffix}"
    if style.bare:
        text = re.sub(r"[.,;:!?](?=\s|$)", "", text)
    if style.upper:
        return text.upper()
    return text.lower() if style.lower else text
