"""How many tokens a query may cost, before it is sent, and has cost, when it is answered."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from .exchange import Asked, Exchange

Json = Any
EVENTS = "text/event-stream"
LONG_ANSWER = 256
"""Tokens of an answer that nobody limits."""

BYTES_OF_A_TOKEN = 4
ASKING = frozenset({"messages", "prompt", "input", "contents"})
LIMITS = ("max_tokens", "max_completion_tokens", "max_output_tokens", "maxOutputTokens")
READ = ("prompt_tokens", "input_tokens", "promptTokenCount")
WRITTEN = ("completion_tokens", "output_tokens", "candidatesTokenCount")
TOTAL = ("total_tokens", "totalTokenCount")
USAGES = ("usage", "usageMetadata")


def expected_tokens(asked: Asked) -> int:
    """What a query is likely to cost at most; 0 for one that asks no language model."""
    sent = Exchange(0, asked, 0, 0, 0, 0).sent
    if not isinstance(sent, dict) or not ASKING & sent.keys():
        return 0
    read = len(asked.body or b"") // BYTES_OF_A_TOKEN + 1
    if asked.route.endswith("/embeddings"):
        return read
    settings = sent.get("generationConfig")
    limited = {**sent, **settings} if isinstance(settings, dict) else sent
    limits = [limited[key] for key in LIMITS if _is_count(limited.get(key))]
    choices = sent["n"] if _is_count(sent.get("n")) else 1
    return read + int(max(1, choices)) * int(min(limits, default=LONG_ANSWER))


def used_tokens(exchange: Exchange) -> int:
    """What an answer says it has cost; of a stream that says nothing, what it looks like."""
    most: dict[str, int] = {}
    for usage in _usages(exchange):
        for key, value in usage.items():
            if _is_count(value):
                most[key] = max(most.get(key, 0), int(value))
    if most:
        total, *parts = (max(most.get(key, 0) for key in keys) for keys in (TOTAL, READ, WRITTEN))
        return total or sum(parts)
    if exchange.ok and exchange.media_type == EVENTS:
        return len(exchange.asked.body or b"") // BYTES_OF_A_TOKEN + len(exchange.events)
    return 0


def _usages(exchange: Exchange) -> Iterator[dict[str, Json]]:
    """Every usage in a reply: of the whole answer, or in the events of a stream, where it grows."""
    documents: list[Json] = [exchange.reply]
    if exchange.media_type == EVENTS:
        documents = [_parsed(data) for data in exchange.events]
    for document in documents:
        if isinstance(document, dict):
            for holder in (document, document.get("response"), document.get("message")):
                if isinstance(holder, dict):
                    yield from (holder[name] for name in USAGES if isinstance(holder.get(name), dict))


def _parsed(data: str) -> Json:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


def _is_count(value: Json) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**9
