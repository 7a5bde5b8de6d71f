"""Answers in JSON that a prompt asks for in words: by a schema or an example that it shows, or by the names of keys."""

from __future__ import annotations

import json
import re
from random import Random
from typing import Any

from . import prose, schema_sampling
from .conversation import Conversation, Message
from .expressions import Expression
from .hints import Hints, parts_of
from .schema_sampling import Valid
from .stems import word_set
from .understanding import sentences
from .words import Vocabulary

Json = Any

_WANTS_JSON = Expression(
    r"\b(?:reply|respond|answer|return|output|give|write|produce|format\w*)\b[^.\n]{0,60}?\b(?:in|as|with"
    r"|only|valid|a|using) "
    r"(?:valid |pure |raw |strict |a |single |only |well-formed )*json\b|\bjson (?:only|object|output"
    r"|response|format)\b|\bas json\b"
    r"|\b(?:return|output|give|produce|generate|provide|create|make)(?: me)?(?: the| some| a)? json "
    r"(?:with|containing|that)\b"
    r"|\bjson that (?:match|conform|follow)|\bjson[ _]schema (?:to follow|below)|\bconforms? to [\w ]{0,20}\bjson\b",
    re.IGNORECASE,
)
_NAMES = r"((?:[\"'`]?[A-Za-z_]\w*[\"'`]?(?:\s*\([^)]*\))?(?:\s*(?:,|and|&)+\s*)?)+)"
_KEYS = Expression(rf"\b(?:keys?|fields?|propert(?:y|ies)|attributes?|columns?)\b[:\s]+{_NAMES}")
_MEMBERS = Expression(
    r"\bjson(?: object| response| output| format)?\s+(?:with|containing|that (?:has|contains|includes))\b:?\s+"
    r"(?:exactly |only |just |the following )?([^.;:!?\n{}]{1,200})",
    re.IGNORECASE,
)
_EXAMPLE = Expression(r"\{[^{}]*\"[^{}]*\}")
_SEPARATOR = Expression(r"\s*(?:,|&|\band\b|\bplus\b)[\s,]*")
_AFTER_NAMES = Expression(
    r"\s(?:for|of|from|about|in|on|to|as|that|which|who|describing|based|please|only|using|is|are|so|given|by)\s"
)
_ARTICLE = Expression(r"(?:an?|the|its|his|her|their|your|two|three|four|five|\d+) (?=\w)", re.IGNORECASE)
_LIST_OF = Expression(r"\b(?:lists?|arrays?) of ", re.IGNORECASE)
_NAME = Expression(r"[A-Za-z_][\w-]*(?: [A-Za-z_][\w-]*){0,2}")
_ABOUT_FORM = Expression(r"\bjson\b|schema|\bwell-formatted\b|```|^answer the user", re.IGNORECASE)
_SHOWS_SCHEMA = ('"properties"', '"$defs"')
_MOST_BRACES = 2000
_LONGEST_HINT = 8000

_NOT_KEYS = word_set("and or the a an with of for to in is are as called named following exactly only")
_NOT_A_NAME = word_set("no nothing any all valid proper correct data information details it this that everything")
_NUMERIC = word_set("age year count quantity price total amount score rating confidence number population id")
_LISTS = word_set(
    "items list tags keywords names steps ingredients topics results examples points colors colours cities"
)


def is_wanted(conversation: Conversation) -> bool:
    """Whether the answer is to be JSON: by the request's own word, or by what the user or the system prompt say."""
    return conversation.form == "json" or _wants_json(conversation.asked) or _wants_json(conversation.system)


def _wants_json(text: str) -> bool:
    return ("json" in text or "JSON" in text) and _WANTS_JSON.search(text[:4000] + text[-4000:]) is not None


def answer(conversation: Conversation, rng: Random, vocabulary: Vocabulary, title: str, valid: Valid | None) -> Json:
    """What fits the schema that the prompt shows, or has the keys that it shows or names, or holds an answer in prose.

    A model named ``title`` writes the prose.
    """
    schema, question = schema_in(conversation.asked)
    if schema is None:
        schema, _ = schema_in(conversation.system)
    if schema is not None:
        return schema_sampling.sample(schema, Hints(_without_form(question)[:_LONGEST_HINT], rng, vocabulary), valid)
    plain = _WANTS_JSON.sub("", conversation.asked).strip(" ,.;:") or conversation.asked
    named = _keys(f"{conversation.system}\n{conversation.asked}")
    if named:
        properties = {name: {"type": _kind(name)} for name in dict.fromkeys(named)}
        made = {"type": "object", "properties": properties, "required": list(properties)}
        return schema_sampling.sample(made, Hints(plain[:_LONGEST_HINT], rng, vocabulary))
    asked = Conversation((*conversation.messages[:-1], Message("user", plain)))
    return {"answer": prose.reply(asked, rng, vocabulary, title)}


def schema_in(text: str) -> tuple[Json, str]:
    """The last JSON Schema that a text shows, ``None`` for none, and the text without its schemas.

    LangChain's instructions show one as an example before their own; LlamaIndex writes every brace twice.
    """
    if not any(map(text.__contains__, _SHOWS_SCHEMA)):
        return None, text
    found = _cut_out(text)
    if found[0] is None and "{{" in text:
        found = _cut_out(text.replace("{{", "{").replace("}}", "}"))
    return found


def _cut_out(text: str) -> tuple[Json, str]:
    read = json.JSONDecoder().raw_decode
    found: Json = None
    kept: list[str] = []
    start, at = 0, text.find("{")
    for _ in range(_MOST_BRACES):
        if at < 0:
            break
        try:
            value, end = read(text, at)
        except (ValueError, RecursionError):
            value, end = None, at + 1
        if _is_schema(value):
            found = value
            kept.append(text[start:at])
            start, at = end, text.find("{", end)
        else:
            at = text.find("{", at + 1)
    return found, "".join([*kept, text[start:]])


def _is_schema(value: Json) -> bool:
    """Whether an object is a schema of objects rather than data that has a member with that name."""
    if not isinstance(value, dict):
        return False
    properties = value.get("properties")
    if properties is None:
        return "$ref" in value and "$defs" in value
    return isinstance(properties, dict) and all(isinstance(schema, dict | bool) for schema in properties.values())


def _without_form(text: str) -> str:
    """What a text asks, without the sentences on the form of the answer; all of it when there is nothing else."""
    return "\n".join(sentence for sentence in sentences(text) if not _ABOUT_FORM.search(sentence)) or text


def _keys(text: str) -> list[str]:
    """The keys that a prompt shows in an example or names."""
    shown = _EXAMPLE.search(text)
    named = re.findall(r"\"([^\"]+)\"\s*:", shown[0]) if shown else []
    if not named and (match := _KEYS.search(text)):
        named = [key for key in re.findall(r"[A-Za-z_]\w*", re.sub(r"\([^)]*\)", "", match[1])) if key not in _NOT_KEYS]
    if not named and (match := _MEMBERS.search(text)):
        named = _members(match[1])
    return named


def _members(told: str) -> list[str]:
    """The names in a phrase such as ``a title, the author and a year of birth``; none if it is no list of names."""
    told = _LIST_OF.sub("", told)
    ended = _AFTER_NAMES.search(told)
    listed = told[: ended.start()] if ended else told
    parts = _SEPARATOR.sub(",", re.sub(r"\([^)]*\)", "", listed)).split(",")
    names = [_ARTICLE.sub("", part.strip(" \"'`")) for part in parts]
    if any(not _NAME.fullmatch(name) or name.split()[0] in _NOT_A_NAME for name in names):
        return []
    return ["_".join(name.split()) for name in names]


def _kind(name: str) -> str:
    parts = set(parts_of(name))
    if parts & _LISTS:
        return "array"
    return "integer" if parts & _NUMERIC else "string"
