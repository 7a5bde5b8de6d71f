"""The one tokenizer rule of the mock, used for usage, ``max_tokens``, log probabilities and streaming.

A token is, in this order of preference: an English contraction ending ('s, 'll, ...); a run of up to twelve letters of
an alphabet with the blank before it; up to three digits with the blank before them; one other visible sign with the
blank before it; or a run of white space. Every character belongs to exactly one token, so tokens join back to the text.
On recorded answers of Llama 3.3 this counts within one token of the service (``Hello, world!`` is 4).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from random import Random

from .expressions import Expression

_LETTERS = "A-Za-z\u00c0-\u024f\u0370-\u052f"
_TOKEN = Expression(
    r"'(?:s|t|re|ve|m|ll|d)(?![A-Za-z])"
    rf"| ?[{_LETTERS}]{{1,12}}"
    r"| ?[0-9]{1,3}"
    rf"| ?[^\s0-9{_LETTERS}]"
    r"|\s+?(?= \S)"
    r"|\s+"
)
_WORD = Expression(r"\s*\S+\s*|\s+")


def split(text: str) -> list[str]:
    """The tokens of ``text``, in order; joined they are ``text`` again."""
    return _TOKEN.findall(text)


def count(text: str) -> int:
    """How many tokens ``text`` has."""
    return _count_short(text) if len(text) < 1000 else len(_TOKEN.findall(text))


@lru_cache(maxsize=512)
def _count_short(text: str) -> int:
    return len(_TOKEN.findall(text))


def first(text: str, limit: int) -> str:
    """``text`` cut after ``limit`` tokens."""
    if limit <= 0:
        return ""
    tokens = _TOKEN.findall(text)
    return text if len(tokens) <= limit else "".join(tokens[:limit])


def words(text: str) -> list[str]:
    """Words with the white space after them, the pieces in which Llama endpoints stream."""
    return _WORD.findall(text)


def counted_words(text: str) -> tuple[tuple[str, int], ...]:
    """The words of ``text``, each with how many tokens it has."""
    return _count_words(text) if len(text) < 2000 else _count_words.__wrapped__(text)


@lru_cache(maxsize=128)
def _count_words(text: str) -> tuple[tuple[str, int], ...]:
    return tuple((word, count(word)) for word in words(text))


def groups(text: str, rng: Random) -> Iterator[tuple[str, int]]:
    """Runs of one to eight tokens, the first a single one, and their sizes: the pieces in which Claude streams."""
    tokens = _TOKEN.findall(text)
    at, size = 0, 1
    while at < len(tokens):
        group = tokens[at : at + size]
        yield "".join(group), len(group)
        at += size
        size = rng.randint(2, 8)
