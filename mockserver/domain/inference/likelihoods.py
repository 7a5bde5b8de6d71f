"""Log probabilities that look like a model's: mostly near zero, repeatable, the chosen token first."""

from __future__ import annotations

from random import Random
from typing import Any

from . import tokens
from .words import Vocabulary


def chat_entries(text: str, rng: Random, vocabulary: Vocabulary, alternatives: int) -> list[dict[str, Any]]:
    """One entry for each token of a text, in the form of chat answers."""
    return [_entry(token, rng, vocabulary, alternatives) for token in tokens.split(text)]


def _entry(token: str, rng: Random, vocabulary: Vocabulary, alternatives: int) -> dict[str, Any]:
    chosen = round(-(rng.random() ** 4) * 2, 6)
    entry = _scored(token, chosen)
    top = [dict(entry)] if alternatives else []
    score = chosen
    for other in rng.sample(vocabulary.words, max(0, alternatives - 1)):
        score = round(score - 0.5 - 3 * rng.random(), 6)
        top.append(_scored(f" {other}", score))
    return {**entry, "top_logprobs": top}


def _scored(token: str, score: float) -> dict[str, Any]:
    return {"token": token, "logprob": score, "bytes": list(token.encode("utf-8", "replace"))}


def completion_block(text: str, offset: int, rng: Random, vocabulary: Vocabulary, alternatives: int) -> dict[str, Any]:
    """The four parallel lists of a text completion. ``offset`` is where the text begins."""
    entries = chat_entries(text, rng, vocabulary, max(alternatives, 1))
    offsets = []
    for entry in entries:
        offsets.append(offset)
        offset += len(entry["token"])
    return {
        "tokens": [entry["token"] for entry in entries],
        "token_logprobs": [entry["logprob"] for entry in entries],
        "top_logprobs": [{top["token"]: top["logprob"] for top in entry["top_logprobs"]} for entry in entries],
        "text_offset": offsets,
    }
