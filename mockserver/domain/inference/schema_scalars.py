"""Strings and numbers within a JSON Schema's bounds, plausible by the name of their field."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable
from decimal import Decimal
from math import ceil, floor

from . import patterns, seeds
from .expressions import Expression
from .hints import Hints, dates
from .schema_merging import Schema, Unsatisfiable

_PLAIN = 10**20
"""Numbers below this have two places after the point among the 28 that decimals have."""

_FIT: dict[str, Expression] = {
    "email": Expression(r"[^@\s]+@[^@\s]+\.[^@\s]+"),
    "date": Expression(r"\d{4}-\d{2}-\d{2}"),
}


def string(schema: Schema, name: str, hints: Hints, attempt: int) -> str:
    """A text that fits ``format``, ``pattern`` and the length bounds.

    Raises:
        Unsatisfiable: no text was found that matches the pattern within the bounds.
    """
    low, high = int(schema.get("minLength", 0)), schema.get("maxLength")
    described = str(schema.get("description") or schema.get("title") or "")
    pattern = schema.get("pattern")
    make = _FORMATS.get(str(schema.get("format")))
    text = make(hints, name) if make else hints.string(name, described)
    if pattern is not None:
        return _patterned(pattern, text, low, high, hints, attempt)
    if make is None or attempt > 8:
        text = _sized(text, low, high, hints)
    return text


def _patterned(pattern: str, text: str, low: int, high: int | None, hints: Hints, attempt: int) -> str:
    fits = len(text) >= low and (high is None or len(text) <= high)
    try:
        if attempt < 3 and fits and len(pattern) > 4 and re.search(pattern, text):
            return text
    except re.error:
        pass  # an ECMAScript expression that Python writes differently; the generator below reads it
    found = patterns.matching(pattern, hints.rng, low, high)
    if found is None:
        raise Unsatisfiable(f"no text found for the pattern {pattern!r}")
    return found


def _sized(text: str, low: int, high: int | None, hints: Hints) -> str:
    while len(text) < low:
        text = f"{text} {hints.sentence()}" if low - len(text) > 12 else text + "." * (low - len(text))
    if high is not None and len(text) > high:
        cut = text[:high]
        whole = cut.rsplit(" ", 1)[0].rstrip(" ,;:")
        text = whole if len(whole) >= max(low, 1) else cut
    return text


def _date(hints: Hints, name: str) -> str:
    found = dates(hints.text)
    return found[hints.pick % len(found)] if found else hints.rng.choice(hints.vocabulary.dates)


def _time(hints: Hints, name: str) -> str:
    return f"{hints.rng.randrange(24):02d}:{hints.rng.randrange(60):02d}:{hints.rng.randrange(60):02d}Z"


def _email(hints: Hints, name: str) -> str:
    found = hints.string("email")
    if _FIT["email"].fullmatch(found):
        return found
    return f"contact@{hints.rng.choice(hints.vocabulary.domains)}"


def _address(hints: Hints, name: str) -> str:
    return ".".join(str(hints.rng.randint(1, 254)) for _ in range(4))


def _address6(hints: Hints, name: str) -> str:
    return ":".join(f"{hints.rng.getrandbits(16):x}" for _ in range(8))


def _uri(hints: Hints, name: str) -> str:
    return hints.string("url")


_FORMATS: dict[str, Callable[[Hints, str], str]] = {
    "date": _date,
    "time": _time,
    "date-time": lambda hints, name: f"{_date(hints, name)}T{_time(hints, name)}",
    "duration": lambda hints, name: f"P{hints.rng.randint(1, 9)}D",
    "email": _email,
    "idn-email": _email,
    "hostname": lambda hints, name: hints.rng.choice(hints.vocabulary.domains),
    "idn-hostname": lambda hints, name: hints.rng.choice(hints.vocabulary.domains),
    "ipv4": _address,
    "ipv6": _address6,
    "uri": _uri,
    "url": _uri,
    "iri": _uri,
    "uri-reference": _uri,
    "iri-reference": _uri,
    "uri-template": _uri,
    "uuid": lambda hints, name: seeds.uuid(hints.rng),
    "json-pointer": lambda hints, name: f"/{hints.rng.choice(hints.vocabulary.words)}",
    "relative-json-pointer": lambda hints, name: f"1/{hints.rng.choice(hints.vocabulary.words)}",
    "regex": lambda hints, name: "^[a-z]+$",
    "byte": lambda hints, name: b64encode(hints.rng.choice(hints.vocabulary.words).encode()).decode(),
    "binary": lambda hints, name: hints.rng.choice(hints.vocabulary.words),
}


def number(schema: Schema, name: str, hints: Hints, whole: bool) -> float | int:
    """A number that fits the bounds and ``multipleOf``.

    Raises:
        Unsatisfiable: no number lies within the bounds.
    """
    low, low_open = _bound(schema, "minimum", "exclusiveMinimum")
    high, high_open = _bound(schema, "maximum", "exclusiveMaximum")
    step = Decimal(str(schema["multipleOf"])) if schema.get("multipleOf") else (Decimal(1) if whole else None)
    if whole and step is not None and step != int(step):
        step = step * Decimal(10) ** max(0, -int(step.as_tuple().exponent))
    wanted = _wanted(name, hints, low, high, whole)
    if step is not None:
        return _stepped(wanted, step, low, low_open, high, high_open, whole)
    if (low is not None and (wanted < low or (low_open and wanted <= low))) or (
        high is not None and (wanted > high or (high_open and wanted >= high))
    ):
        wanted = _between(low, high, hints)
    return int(wanted) if wanted == int(wanted) else float(wanted)


def _bound(schema: Schema, inclusive: str, exclusive: str) -> tuple[Decimal | None, bool]:
    """A bound and whether it is open; draft 4 wrote ``exclusiveMinimum`` as a flag."""
    value, other = schema.get(inclusive), schema.get(exclusive)
    if other is True:
        return (None if value is None else Decimal(str(value))), True
    if isinstance(other, int | float) and not isinstance(other, bool):
        stricter = value is None or (other >= value if inclusive == "minimum" else other <= value)
        if stricter:
            return Decimal(str(other)), True
    return (None if value is None else Decimal(str(value))), False


def _wanted(name: str, hints: Hints, low: Decimal | None, high: Decimal | None, whole: bool) -> Decimal:
    hinted = hints.number(name)
    if hinted is not None:
        value = Decimal(str(hinted))
        inside = (low is None or value >= low) and (high is None or value <= high)
        if inside and (not whole or value == int(value)):
            return value
        if whole and hinted < 1 and (high is None or high > 1):
            value = value * 100
            inside = (low is None or value >= low) and (high is None or value <= high)
            if inside:
                return Decimal(int(value))
    if low is None and high is None:
        return Decimal(hints.rng.randint(1, 99)) if whole else Decimal(hints.rng.randint(10, 9999)) / 100
    return _between(low, high, hints)


def _between(low: Decimal | None, high: Decimal | None, hints: Hints) -> Decimal:
    if low is None and high is None:
        return Decimal(hints.rng.randint(1, 99))
    bottom = low if low is not None else (high or Decimal(0)) - 100
    top = high if high is not None else bottom + 100
    share = Decimal(hints.rng.randint(20, 80)) / 100
    value = bottom + (top - bottom) * share
    short = value.quantize(Decimal("0.01")) if abs(value) < _PLAIN else value
    return short if bottom < short < top else value


def _stepped(
    wanted: Decimal,
    step: Decimal,
    low: Decimal | None,
    low_open: bool,
    high: Decimal | None,
    high_open: bool,
    whole: bool,
) -> float | int:
    """The multiple of ``step`` nearest to what is wanted within the bounds."""
    first = None if low is None else ceil(low / step)
    if first is not None and low_open and first * step == low:
        first += 1
    last = None if high is None else floor(high / step)
    if last is not None and high_open and last * step == high:
        last -= 1
    if first is not None and last is not None and first > last:
        raise Unsatisfiable("no multiple lies within the bounds")
    times = round(wanted / step)
    if first is not None:
        times = max(times, first)
    if last is not None:
        times = min(times, last)
    value = times * step
    return int(value) if whole or value == int(value) else float(value)
