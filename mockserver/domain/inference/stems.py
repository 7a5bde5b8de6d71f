"""Words reduced to what they mean: stop words left out, endings cut. Shared by embeddings, tools and prose."""

from __future__ import annotations

from functools import lru_cache

from .expressions import Expression


def word_set(text: str) -> frozenset[str]:
    """The words of a list written as one text."""
    return frozenset(text.split())


STOP_WORDS = word_set(
    "a about above after again all also am an and any are aren't as at be because been before being below "
    "between both "
    "but by can can't could did do does doesn't doing don't down during each few for from further get give "
    "had has have "
    "having he her here hers him his how i i'd i'll i'm i've if in into is isn't it it's its itself just know "
    "let let's "
    "like may me might more most much must my need no nor not now of off ok on once only or other our ours "
    "out over own "
    "please really same say shall she should so some such tell than that that's the their theirs them then "
    "there these "
    "they this those through to too under until up us use very want was we well were what what's when where "
    "which while "
    "who whom who's why will with won't would you your yours"
)
_WORD = Expression(r"[^\W_]+(?:'[a-z]+)?")
_VOWEL = Expression(r"[aeiouyäöüéèáíóú]")


def words(text: str) -> list[str]:
    """The words of a text in lower case, without punctuation."""
    return _WORD.findall(text.lower())


@lru_cache(maxsize=16_384)
def stem(word: str) -> str:
    """The word without its commonest English endings: ``freezing``, ``freezes`` and ``freeze`` share one."""
    base = word[:-2] if word.endswith("'s") else word
    if len(base) > 4 and base.endswith("ies"):
        base = base[:-3] + "y"
    elif len(base) > 3 and base.endswith("s") and not base.endswith(("ss", "us", "is")):
        base = base[:-1]
    for ending in (
        "ization",
        "isation",
        "ational",
        "fulness",
        "ation",
        "ement",
        "ness",
        "ment",
        "ing",
        "est",
        "ed",
        "ly",
    ):
        if base.endswith(ending) and len(base) - len(ending) >= 3 and _VOWEL.search(base[: -len(ending)]):
            base = base[: -len(ending)]
            if len(base) > 3 and base[-1] == base[-2] and base[-1] not in "lsz":
                base = base[:-1]
            break
    if len(base) > 3 and base[-1] in "ey":
        base = base[:-1] + ("i" if base[-1] == "y" else "")
    return base


def stems(text: str) -> list[str]:
    """The stems of a text's words that carry meaning, in order."""
    return [stem(word) for word in words(text) if word not in STOP_WORDS]


def stem_set(text: str) -> frozenset[str]:
    """The stems of a text, as a set; those of short texts are remembered."""
    return _short_stem_set(text) if len(text) < 400 else frozenset(stems(text))


@lru_cache(maxsize=1024)
def _short_stem_set(text: str) -> frozenset[str]:
    return frozenset(stems(text))
