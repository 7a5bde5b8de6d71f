"""What was typed into a form, as flat values by path; the request body that it makes; errors at their fields.

A value's path is the place of the member in the request body, which is also where the contract's violations point:
``config.served_entities[0].external_model.task``. What is about the form itself and not part of the body has a question
mark: ``config.served_entities[0]?kind``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .fields import TWIN, Field, Form

Values = dict[str, str]

ALWAYS_SENT = frozenset({"scale_to_zero_enabled"})
"""Flags of which the service wants to hear either way."""

_INDEX = re.compile(r"\[(\d+)\]")
_QUOTED = re.compile(r"'([\w.\[\]]+)'")


@dataclass(slots=True)
class Errors:
    """What the API found wrong, by path of the field it is shown at; ``general`` is what belongs to none."""

    at: dict[str, list[str]] = field(default_factory=dict)
    general: list[str] = field(default_factory=list)

    def add(self, message: str, where: str | None, shown: set[str]) -> None:
        """Put a message at the field it is about: the place itself, a member that it names, or what holds it."""
        place = next((path for path in _candidates(message, where) if path in shown), None)
        (self.general if place is None else self.at.setdefault(place, [])).append(message)

    def __bool__(self) -> bool:
        return bool(self.at or self.general)


def _candidates(message: str, where: str | None) -> Iterator[str]:
    quoted = _QUOTED.findall(message)
    if where is not None:
        yield from (f"{where}.{name}" if where else name for name in quoted)
        yield from (f"{where}.{name.removesuffix(TWIN)}" for name in quoted)
        yield where
        if where.endswith(TWIN):
            yield where.removesuffix(TWIN)
    for name in quoted:
        yield name
        yield f"config.{name}"
        yield f"ai_gateway.{name}"
    for path in (where or "", *quoted, *(f"config.{name}" for name in quoted)):
        while path:
            path = path.rpartition("[" if path.endswith("]") else ".")[0]
            yield path


def read(form: Form, values: Mapping[str, str], prefix: str) -> dict[str, Any]:
    """The object that was filled in under ``prefix``; what was left empty is left out."""
    variant = variant_of(values, prefix)
    body: dict[str, Any] = {}
    for each in form.chosen(variant):
        path = f"{prefix}.{each.name}"
        if each.kind == "secret":
            text = values.get(path, "")
            plaintext = values.get(f"{path}?as") == "plaintext"
            if text:
                body[each.name + TWIN if plaintext else each.name] = text
            continue
        value = _value(each, values, path)
        if value is not None:
            body[each.name] = value
    required = form.variants[min(variant, len(form.variants) - 1)].required if form.variants else ()
    return {**body, **{name: value for name, value in form.fixed(variant).items() if name in required}}


def _value(each: Field, values: Mapping[str, str], path: str) -> Any:
    text = values.get(path, "")
    if each.kind == "group" and each.form is not None:
        return read(each.form, values, path) or ({} if each.required else None)
    if each.kind == "several":
        return [choice for choice in each.choices if values.get(f"{path}?{choice}")] or None
    if each.kind == "flag":
        return True if text else False if each.name in ALWAYS_SENT else None
    if not text:
        return None
    if each.kind == "number":
        return number(text)
    if each.kind == "lines":
        return [line.strip() for line in text.splitlines() if line.strip()]
    if each.kind == "pairs":
        pairs = (line.partition("=") for line in text.splitlines() if line.strip())
        return {name.strip(): value.strip() for name, _, value in pairs}
    return text


def number(text: str) -> float | str:
    """The number that was typed, or the text itself, of which the API will say what is wrong."""
    stripped = text.strip()
    if re.fullmatch(r"-?[0-9]{1,18}", stripped):
        return int(stripped)
    return float(stripped) if re.fullmatch(r"-?[0-9]{0,15}\.[0-9]{1,15}", stripped) else text


def written(form: Form, body: Mapping[str, Any], prefix: str) -> Values:
    """The values that would make this object; a secret that was given as plaintext is unknown and stays empty."""
    values: Values = {}
    for index, variant in enumerate(form.variants):
        names = body.keys()
        fixed = all(body.get(name, value) == value for name, value in variant.fixed.items())
        if fixed and not names & variant.excluded and names & (variant.required or names):
            values[f"{prefix}?variant"] = str(index)
            break
    for each in form.fields:
        value = body.get(each.name)
        path = f"{prefix}.{each.name}"
        if each.kind == "group" and each.form is not None and isinstance(value, Mapping):
            values |= written(each.form, value, path)
        elif each.kind == "several":
            values |= {f"{path}?{choice}": "on" for choice in value or ()}
        elif each.kind == "flag":
            values |= {path: "on"} if value else {}
        elif each.kind == "lines":
            values[path] = "\n".join(value or ())
        elif each.kind == "pairs":
            values[path] = "\n".join(f"{name}={text}" for name, text in (value or {}).items())
        elif value is not None:
            values[path] = str(value)
    return values


def paths(form: Form, values: Mapping[str, str], prefix: str) -> Iterator[str]:
    """Where errors can be shown: every field on the screen, and every object that has fields."""
    yield prefix
    for each in form.chosen(variant_of(values, prefix)):
        path = f"{prefix}.{each.name}"
        if each.kind == "group" and each.form is not None:
            yield from paths(each.form, values, path)
        else:
            yield path


def variant_of(values: Mapping[str, str], prefix: str) -> int:
    """Which of several ways to fill in an object was chosen."""
    text = values.get(f"{prefix}?variant", "0")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 4 else 0


def count(values: Mapping[str, str], array: str) -> int:
    """How many items of an array are on the screen."""
    found = (_INDEX.match(path, len(array)) for path in values if path.startswith(f"{array}["))
    return max((int(match.group(1)) + 1 for match in found if match and len(match.group(1)) < 4), default=0)


def added(values: Values, array: str) -> Values:
    """One more, empty item."""
    return {**values, f"{array}[{count(values, array)}]?": "1"}


def removed(values: Values, array: str, index: int) -> Values:
    """The item at ``index`` taken away and the later ones moved up."""
    kept: Values = {}
    for path, text in values.items():
        match = _INDEX.match(path, len(array)) if path.startswith(f"{array}[") else None
        if match is None or int(match.group(1)) < index:
            kept[path] = text
        elif int(match.group(1)) > index:
            kept[f"{array}[{int(match.group(1)) - 1}]{path[match.end() :]}"] = text
    return kept
