"""Whether a model calls tools, which ones, with which arguments; and what it says of their results."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from functools import lru_cache
from random import Random
from typing import Any

from . import knowledge, schema_sampling, seeds, skills
from .conversation import Conversation, Message, Tool, ToolCall
from .expressions import Expression
from .hints import Hints, parts_of, people, places
from .schema_sampling import Valid
from .stems import stem, stem_set, stems, word_set
from .understanding import question_of, style_of
from .words import Vocabulary

_GENERIC = frozenset(
    stem(word)
    for word in word_set(
        "get set fetch do run call use make create find lookup function tool api data info information value "
        "given return "
        "returns result results current new user input name list all the perform execute calculate provide specific"
    )
)
_MUST_USE = Expression(
    r"\b(?:always use|must use|use (?:a|the|your) (?:\w+ )?tools?\b|call (?:a|the) (?:\w+ )?(?:tool|function))", re.I
)
_SPLIT_BY_PLACE = frozenset(("city", "location", "place", "country", "destination", "region"))
_SPLIT_BY_PERSON = frozenset(("person", "customer", "employee", "contact"))
_LONGEST = 8000
DEEPEST = 100
"""Levels of a tool's result that is told in words; a deeper one is repeated as it came."""
_AND = Expression(r"\band\b|,|\bversus\b|\bvs\b|&", re.IGNORECASE)


@lru_cache(maxsize=1024)
def _telling(name: str, description: str) -> tuple[frozenset[str], frozenset[str]]:
    """The stems of a tool's name and of its description that say what it is for."""
    named = frozenset(stem(part) for part in parts_of(name)) - _GENERIC
    return named, stem_set(description[:400]) - _GENERIC


def fit(tool: Tool, text: str) -> float:
    """How well a tool fits what was asked; 1 and more is a reason to call it."""
    if re.search(rf"(?<!\w){re.escape(tool.name)}(?!\w)", text):
        return 10.0
    wanted = frozenset(stems(text))
    wanted |= {meaning for words, meaning in _MEANINGS if words & wanted}
    named, described = _telling(tool.name, tool.description)
    score = float(len(named & wanted)) * 1.5 + 0.6 * len(described & wanted)
    summed = skills.summed(text) is not None
    if summed and (named | described) & _ARITHMETIC:
        score += 2.0
    return score


_MEANINGS = tuple(
    (frozenset(stem(word) for word in words.split()), stem(meaning))
    for words, meaning in (
        ("umbrella rain raining sunny snow forecast temperature cold warm hot windy humid", "weather"),
        ("today tomorrow day month year", "date"),
        ("clock hour", "time"),
        ("buy purchase", "order"),
        ("cost expensive cheap", "price"),
        ("e-mail mail", "email"),
        ("meeting appointment event schedule", "calendar"),
        ("flight fly trip travel", "flight"),
        ("find look google", "search"),
    )
)
_ARITHMETIC = frozenset(
    stem(word)
    for word in word_set(
        "add sum addition multiply multiplication math arithmetic calculator expression subtract divide numbers code"
    )
)


def chosen(conversation: Conversation) -> tuple[Tool, ...]:
    """The tools that the model calls now, the best fitting first; none for a text answer.

    A model that must call does not repeat a tool whose result it has been given, as long as there is another one.
    """
    tools, choice = conversation.tools, conversation.choice
    if not tools or choice == "none":
        return ()
    named = tuple(tool for tool in tools if tool.name == choice)
    if named:
        return named
    text = conversation.asked[:_LONGEST]
    ranked = sorted(tools, key=lambda tool: -fit(tool, text))
    if choice == "required":
        answered = conversation.answered
        if answered:
            ranked = [tool for tool in ranked if tool.name not in answered] or ranked
        return tuple(tool for tool in ranked if fit(tool, text) >= 1.0) or (ranked[0],)
    if conversation.results:
        return ()
    fitting = tuple(tool for tool in ranked if fit(tool, text) >= 1.0)
    if not fitting and _MUST_USE.search(conversation.system):
        fitting = (ranked[0],)
    return fitting


def calls(
    conversation: Conversation,
    rng: Random,
    ids: seeds.Source,
    vocabulary: Vocabulary,
    valid: Valid | None,
    id_form: str,
) -> tuple[ToolCall, ...]:
    """The calls a model makes: one per thing that the prompt names, and per tool that it needs.

    A named or required tool is called once unless the prompt clearly wants more, and never in parallel when
    ``parallel_tool_calls`` is false.
    """
    picked = chosen(conversation)
    if not picked:
        return ()
    text = conversation.asked[:_LONGEST]
    best = fit(picked[0], text)
    picked = tuple(tool for tool in picked if fit(tool, text) >= max(1.0, 0.6 * best)) or picked[:1]
    if conversation.choice not in ("auto", "required"):
        picked = picked[:1]
    made: list[ToolCall] = []
    for tool in picked:
        start = rng.getrandbits(32)
        for pick in range(_times(tool, text)):
            hints = Hints(text, Random(start), vocabulary, pick)
            arguments = _arguments(tool, hints, valid)
            made.append(ToolCall(seeds.identifier(id_form, ids), tool.name, json.dumps(arguments, ensure_ascii=False)))
            if not conversation.parallel:
                return tuple(made)
    return tuple(made[:16])


def _arguments(tool: Tool, hints: Hints, valid: Valid | None) -> dict[str, Any]:
    """Arguments that keep the tool's schema. They are an object, whatever it says."""
    schema = tool.parameters
    if schema.get("type") != "object":
        schema = {**schema, "type": "object"}
    arguments = schema_sampling.sample(schema, hints, valid)
    return arguments if isinstance(arguments, dict) else {}


def _times(tool: Tool, text: str) -> int:
    """How often a tool is called: once for each place or person that a prompt lists for it."""
    properties = tool.parameters.get("properties")
    if not isinstance(properties, dict) or not _AND.search(text):
        return 1
    single = [
        set(parts_of(name))
        for name, schema in properties.items()
        if isinstance(schema, dict) and schema.get("type", "string") == "string"
    ]
    if any(parts & _SPLIT_BY_PLACE for parts in single):
        return max(1, len(places(text)))
    if any(parts & _SPLIT_BY_PERSON for parts in single):
        return max(1, len(people(text)))
    return 1


_IMPERATIVE = Expression(r"^(?:gets?|returns?|fetch(?:es)?|finds?|looks? up|retrieves?|provides?) ", re.IGNORECASE)


def announcement(called: tuple[ToolCall, ...], tools: tuple[Tool, ...], rng: Random) -> str:
    """What a talkative model says before it calls."""
    tool = next((tool for tool in tools if tool.name == called[0].name), None)
    purpose = (tool.description if tool else "").split(".")[0].strip()
    match = _IMPERATIVE.match(purpose)
    if match and len(purpose) < 80:
        rest = purpose[match.end() :]
        return rng.choice((f"I'll get {rest} for you.", f"I'll look up {rest}.", f"Let me get {rest} for you."))
    label = " ".join(parts_of(called[0].name))
    return rng.choice((f"I'll use the {label} tool to help with that.", f"Let me check that with the {label} tool."))


def told(conversation: Conversation, rng: Random) -> str:
    """The text that answers a question with the results of the tools."""
    style = style_of(conversation)
    values = [_value(result.text) for result in conversation.results]
    asked = question_of(conversation.asked)
    month = re.fullmatch(r"(\d{4})-(\d{2})-(\d{2})", str(values[0]).strip()) if values else None
    if month and re.search(r"\bmonth\b", asked.text, re.IGNORECASE):
        name = knowledge.MONTHS[max(0, min(11, int(month[2]) - 1))]
        return name if style.terse else f"Based on the current date ({month[0]}), it is {name}."
    lines = [_told_one(conversation, result, value) for result, value in zip(conversation.results, values, strict=True)]
    if style.terse or style.frame:
        return "; ".join(_plain(value) for value in values)
    if len(lines) == 1:
        return (
            lines[0]
            if "\n" in lines[0]
            else rng.choice(("{}", "{}", "{} Let me know if you need anything else.")).format(lines[0])
        )
    return "Here is what I found:\n\n" + "\n".join(f"- {line}" for line in lines)


def _value(text: str) -> Any:
    """What a tool said, as a value where it is JSON that can be told in words."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return value if _levels(value) <= DEEPEST else text


def _levels(value: Any) -> int:
    """How deep a value is nested, without recursion."""
    levels, here = 0, [value]
    while here:
        levels += 1
        containers = (item for item in here if isinstance(item, dict | list))
        here = [child for item in containers for child in (item.values() if isinstance(item, dict) else item)]
    return levels


def _told_one(conversation: Conversation, result: Message, value: Any) -> str:
    """One result as a sentence about what it was asked for."""
    call = conversation.call_of(result)
    subject = _subject(call, question_of(conversation.asked).topic)
    said = _plain(value)
    if isinstance(value, str) and (len(said.split()) > 6 or said.endswith((".", "!", "?"))):
        return said if said.endswith((".", "!", "?")) else said + "."
    if isinstance(value, dict) and value.keys() <= {"error", "message", "status"} and "error" in value:
        return f"I could not find out about {subject}: {_plain(value['error'])}."
    if isinstance(value, dict):
        return f"For {subject}, {said}." if subject else f"{said[:1].upper()}{said[1:]}."
    if not subject or re.search(r"\b(?:date|time)\b", subject):
        return f"It is {said}."
    verb = "are" if subject.endswith("s") and not subject.endswith("ss") else "is"
    return (
        f"The answer for {subject} is {said}."
        if " and " in subject
        else f"For {subject}, the answer {_is(verb)} {said}."
    )


def _is(verb: str) -> str:
    return "is" if verb in ("is", "are") else verb


def _subject(call: ToolCall | None, topic: str) -> str:
    """What a call was about: its arguments' values, else the topic of the question."""
    arguments = _value(call.arguments) if call else None
    if isinstance(arguments, dict) and arguments:
        named = [
            str(value)
            for value in arguments.values()
            if isinstance(value, str | int | float) and not isinstance(value, bool)
        ]
        if named and len(named[0]) < 60:
            return (
                named[0]
                if len(named) == 1 or isinstance(next(iter(arguments.values())), str)
                else " and ".join(named[:3])
            )
    return topic


def _plain(value: Any) -> str:
    """A JSON value in words."""
    if isinstance(value, dict):
        pairs = [f"{' '.join(parts_of(key)) or key} is {_plain(inner)}" for key, inner in value.items()]
        return (
            pairs[0]
            if len(pairs) == 1
            else ", ".join(pairs[:-1]) + f" and {pairs[-1]}"
            if pairs
            else "there is nothing"
        )
    if isinstance(value, list):
        return ", ".join(_plain(entry) for entry in value[:10]) or "nothing"
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value).strip()


def without_tools(conversation: Conversation) -> Conversation:
    """The conversation as it reads when its tools may not be called."""
    return replace(conversation, tools=(), choice="none")
