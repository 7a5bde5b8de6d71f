"""The document as other tools take it."""

from __future__ import annotations

from typing import Any

_LITERALS = {"default", "const", "enum", "example", "examples"}


def portable(document: dict[str, Any]) -> dict[str, Any]:
    """The same document for other tools: many generators know no `false` where a member's schema stands."""
    written: dict[str, Any] = _written(document)
    return written


def _written(value: Any, members: bool = False) -> Any:
    if isinstance(value, list):
        return [_written(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {key: _member(key, child, members) for key, child in value.items()}


def _member(key: str, child: Any, members: bool) -> Any:
    if members:
        return {"not": {}} if child is False else _written(child)
    return child if key in _LITERALS else _written(child, members=key == "properties")
