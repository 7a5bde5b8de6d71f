"""Embeddings that are useful: texts that share words, or parts of words, lie closer together.

A text's vector is the sum of its words' vectors. A word's vector has pseudo-random signs at pseudo-random places, drawn
by a hash of its stem (and, more weakly, of its letter triples, so that spelling variants stay close); pairs of
neighbouring words add a little order. Frequent function words weigh next to nothing, repetitions weigh less and less.
A faint background common to all texts makes vectors dense, as a model's are. The result has length 1. The seed of the
mock plays no part: a model gives a text the same vector everywhere.
"""

from __future__ import annotations

import struct
from base64 import b64encode
from functools import lru_cache
from hashlib import blake2b
from math import log, sqrt
from typing import Any

from . import stems, tokens
from .answers import Answer
from .drafting import Setting, Usage
from .seeds import rng, uuid

_STEM, _TRIPLE, _PAIR, _STOP = 1.0, 0.22, 0.2, 0.12
_BACKGROUND = 0.25
_STEM_PLACES, _TRIPLE_PLACES, _PAIR_PLACES = 32, 12, 16
_NUMBERS = tuple(range(8192))
"""Shared integers: the cached places of words point at these."""

Features = tuple[float, tuple[int, ...], tuple[int, ...]]


def answer(request: dict[str, Any], setting: Setting) -> Answer:
    """The answer to an embeddings request that has been checked."""
    given = request["input"]
    texts = _texts(given)
    profile = setting.profile
    dimension = profile.dimension
    wanted = request.get("dimensions") if profile.shortens else None
    packed = profile.base64 and request.get("encoding_format") == "base64"
    data = []
    for index, text in enumerate(texts):
        vector = embedding(_instructed(request, text), profile.model, dimension)
        if wanted:
            vector = _unit(vector[:wanted])
        data.append({"index": index, "object": "embedding", "embedding": _packed(vector) if packed else vector})
    counted = sum(min(profile.context, tokens.count(text) + 2) for text in texts)
    body: dict[str, Any] = {
        "object": "list",
        "data": data,
        "model": profile.model,
        "usage": {"prompt_tokens": counted, "total_tokens": counted},
    }
    if profile.hosted:
        body["id"] = uuid(setting.ids("embeddings"))
    return Answer(body, Usage(counted, 0))


def _texts(given: Any) -> tuple[str, ...]:
    """The texts of ``input``: a text, a list of them, or token numbers, which stand for words of their own."""
    if isinstance(given, str):
        return (given,)
    if given and all(isinstance(part, int) for part in given):
        return (" ".join(f"token{part}" for part in given),)
    return tuple(part if isinstance(part, str) else " ".join(f"token{number}" for number in part) for part in given)


def _instructed(request: dict[str, Any], text: str) -> str:
    instruction = request.get("instruction")
    return f"{instruction} {text}" if isinstance(instruction, str) and instruction else text


@lru_cache(maxsize=64)
def _cached(text: str, model: str, dimension: int) -> tuple[float, ...]:
    return tuple(_summed(text, model, dimension))


def embedding(text: str, model: str, dimension: int) -> list[float]:
    """The vector of a text, of length 1."""
    return list(_cached(text, model, dimension)) if len(text) < 2000 else _summed(text, model, dimension)


def _summed(text: str, model: str, dimension: int) -> list[float]:
    vector = list(_background(model, dimension))
    counts: dict[str, int] = {}
    previous = ""
    words = stems.words(text[:60_000])
    for word in words:
        counts[word] = counts.get(word, 0) + 1
        if word in stems.STOP_WORDS:
            continue
        if previous:
            pair = f"{previous} {word}"
            counts[pair] = counts.get(pair, 0) + 1
        previous = word
    if not words and text.strip():
        counts[text.strip()[:200]] = 1
    for word, times in counts.items():
        factor = 1.0 + log(times) if times > 1 else 1.0
        for weight, plus, minus in _features(word, model, dimension):
            amount = weight * factor
            for place in plus:
                vector[place] += amount
            for place in minus:
                vector[place] -= amount
    return _unit(vector)


@lru_cache(maxsize=8192)
def _features(word: str, model: str, dimension: int) -> tuple[Features, ...]:
    """A word's places by weight: its stem's, and those of its letter triples; a pair of words has its own."""
    if " " in word:
        first, _, second = word.partition(" ")
        return (_places(f"p:{stems.stem(first)} {stems.stem(second)}", model, dimension, _PAIR, _PAIR_PLACES),)
    if word in stems.STOP_WORDS:
        return (_places(f"w:{word}", model, dimension, _STOP, _STEM_PLACES),)
    stem = stems.stem(word)
    padded = f"^{stem}$"
    triples = [padded[at : at + 3] for at in range(len(padded) - 2)] if len(stem) > 3 else []
    weight = _TRIPLE / sqrt(len(triples)) * 2 if triples else 0.0
    return (
        _places(f"w:{stem}", model, dimension, _STEM, _STEM_PLACES),
        *(_places(f"t:{triple}", model, dimension, weight, _TRIPLE_PLACES) for triple in triples),
    )


@lru_cache(maxsize=16_384)
def _places(feature: str, model: str, dimension: int, weight: float, size: int) -> Features:
    """Half of a hash's places are raised and half lowered."""
    digest = blake2b(feature.encode("utf-8", "replace"), digest_size=64, salt=_salt(model)).digest()
    places = [_NUMBERS[number % dimension] for number in struct.unpack("<32H", digest)[:size]]
    half = size // 2
    return weight * sqrt(_STEM_PLACES / size), tuple(places[:half]), tuple(places[half:])


@lru_cache(maxsize=64)
def _salt(model: str) -> bytes:
    return blake2b(model.encode("utf-8", "replace"), digest_size=16).digest()


@lru_cache(maxsize=64)
def _background(model: str, dimension: int) -> tuple[float, ...]:
    source = rng("background", model)
    scale = _BACKGROUND * sqrt(_STEM_PLACES / dimension)
    return tuple(source.gauss(0.0, scale) for _ in range(dimension))


def _unit(vector: list[float]) -> list[float]:
    length = sqrt(sum([value * value for value in vector])) or 1.0
    factor = 1.0 / length
    return [value * factor for value in vector]


def _packed(vector: list[float]) -> str:
    """Little-endian 32-bit floats in base64, what OpenAI sends for ``encoding_format: base64``."""
    return b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode("ascii")
