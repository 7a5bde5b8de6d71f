"""The OpenAPI document of one endpoint: where and with what it is queried."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Json = Any
_TEXT = {"type": "string"}
_TEXTS = {"oneOf": [_TEXT, {"type": "array", "items": _TEXT}]}
_MESSAGES = {
    "type": "array",
    "minItems": 1,
    "items": {
        "type": "object",
        "properties": {"role": {"type": "string", "enum": ["system", "user", "assistant", "tool"]}, "content": {}},
        "required": ["role"],
    },
}
_SAMPLING: dict[str, Json] = {
    "max_tokens": {"type": "integer", "minimum": 1},
    "temperature": {"type": "number", "minimum": 0, "maximum": 2},
    "stop": _TEXTS,
    "n": {"type": "integer", "minimum": 1, "maximum": 5},
    "stream": {"type": "boolean"},
}
_INPUTS: dict[str | None, tuple[dict[str, Json], list[str]]] = {
    "llm/v1/chat": ({"messages": _MESSAGES, **_SAMPLING}, ["messages"]),
    "llm/v1/completions": ({"prompt": _TEXTS, **_SAMPLING}, ["prompt"]),
    "llm/v1/embeddings": ({"input": _TEXTS}, ["input"]),
    "agent/v1/responses": ({"input": {"type": "array", "items": {"type": "object"}}}, ["input"]),
    "agent/v1/chat": ({"messages": _MESSAGES}, ["messages"]),
    "agent/v2/chat": ({"messages": _MESSAGES}, ["messages"]),
}
_SCORING: dict[str, Json] = {
    "dataframe_split": {
        "type": "object",
        "properties": {
            "index": {"type": "array"},
            "columns": {"type": "array", "items": _TEXT},
            "data": {"type": "array", "items": {"type": "array"}},
        },
        "required": ["columns", "data"],
    },
    "dataframe_records": {"type": "array", "items": {"type": "object"}},
    "instances": {"type": "array"},
    "inputs": {},
}


def build(url: str, name: str, version: str, entities: Sequence[str], task: str | None) -> dict[str, Json]:
    """The document of an endpoint whose queries start with ``url``, for one path per served entity and one for all."""
    if task in _INPUTS:
        properties, required = _INPUTS[task]
        schema: dict[str, Json] = {"type": "object", "properties": properties, "required": required}
    else:
        schema = {
            "type": "object",
            "properties": {**_SCORING, "params": {"type": "object"}},
            "oneOf": [{"required": [field]} for field in _SCORING],
        }
    operation = {
        "requestBody": {"required": True, "content": {"application/json": {"schema": schema}}},
        "responses": {
            "200": {"description": "The model's answer", "content": {"application/json": {"schema": {}}}},
        },
    }
    paths = ["/invocations", *(f"/served-models/{entity}/invocations" for entity in entities)]
    return {
        "openapi": "3.1.0",
        "info": {"title": name, "version": version},
        "servers": [{"url": f"{url}/{name}"}],
        "paths": {path: {"post": operation} for path in paths},
    }
