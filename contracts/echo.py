"""Comparing what was written with what is read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Difference = tuple[str, Any, Any]
REDACTED = "[REDACTED]"
NOT_THERE = "(not there)"
NAMING = ("name", "key", "served_entity_name", "served_model_name", "user_name", "group_name", "service_principal_name")


def echo_differences(sent: Any, answer: Any, where: str = "") -> Iterator[Difference]:
    """Where an answer does not repeat what was sent. More may be answered; empty values may be left out."""
    if sent == REDACTED or is_empty(sent):
        return
    if isinstance(sent, dict):
        if not isinstance(answer, dict):
            yield where, sent, _or_missing(answer)
            return
        for key, value in sent.items():
            yield from echo_differences(value, answer.get(key), f"{where}.{key}".lstrip("."))
    elif isinstance(sent, list):
        yield from _echo_list(sent, answer, where)
    elif not same_scalar(sent, answer):
        yield where, sent, _or_missing(answer)


def _echo_list(sent: list[Any], answer: Any, where: str) -> Iterator[Difference]:
    if not isinstance(answer, list) or len(answer) != len(sent):
        yield where, sent, _or_missing(answer)
        return
    by_name = {naming(item): item for item in answer}
    in_order = len(by_name) < len(answer)
    for index, item in enumerate(sent):
        named = naming(item)
        partner = by_name.get(named) if named and not in_order else answer[index]
        yield from echo_differences(item, partner, f"{where}[{index}]")


def naming(item: Any) -> Any:
    """What identifies an item of a list whose order is not promised; ``None`` when nothing does."""
    if not isinstance(item, dict):
        return None
    named = tuple(item[key] for key in NAMING if isinstance(item.get(key), str))
    return named[:1] or None


def same_scalar(sent: Any, answer: Any) -> bool:
    """Equality, where a number may have been sent for a string or the other way round (versions, percentages)."""
    if isinstance(sent, bool) or isinstance(answer, bool):
        return sent is answer
    if isinstance(sent, int | float) and isinstance(answer, int | float):
        return abs(sent - answer) < 1e-9
    if isinstance(sent, int | float) and isinstance(answer, str):
        return str(int(sent) if sent == int(sent) else sent) == answer
    if isinstance(sent, str) and isinstance(answer, int) and not isinstance(answer, bool):
        return sent == str(answer) or (sent.removeprefix("-").isdecimal() and int(sent) == answer)
    return bool(sent == answer)


def changes(before: Any, after: Any, where: str = "") -> Iterator[Difference]:
    """Where two documents differ, whatever the order of lists whose items have names."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted(before.keys() | after.keys()):
            inside = f"{where}.{key}".lstrip(".")
            if key not in before or key not in after:
                yield inside, before.get(key, NOT_THERE), after.get(key, NOT_THERE)
            else:
                yield from changes(before[key], after[key], inside)
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (old, new) in enumerate(zip(_ordered(before), _ordered(after), strict=True)):
            yield from changes(old, new, f"{where}[{index}]")
    elif before != after or isinstance(before, bool) is not isinstance(after, bool):
        yield where, before, after


def _ordered(items: list[Any]) -> list[Any]:
    if items and all(naming(item) for item in items):
        return sorted(items, key=lambda item: (str(naming(item)), repr(item)))
    return items


def is_empty(value: Any) -> bool:
    """Whether a value says nothing, so that it may be left out of an answer."""
    return value is None or (isinstance(value, dict | list | str) and not value)


def _or_missing(value: Any) -> Any:
    return NOT_THERE if value is None else value
