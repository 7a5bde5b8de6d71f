"""Requests that create the endpoints which the query tests ask, and questions to ask them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import requests

Call = Callable[..., requests.Response]

QUESTION = {"messages": [{"role": "user", "content": "Which planet do humans live on?"}]}
LLAMA = "databricks-meta-llama-3-3-70b-instruct"
CLAUDE = "databricks-claude-3-7-sonnet"
GTE = "databricks-gte-large-en"


def external(name: str = "gpt", task: str = "llm/v1/chat", model: str = "gpt-4o", **openai: str) -> dict[str, Any]:
    """A served entity with a model of OpenAI's."""
    config = {"openai_api_key_plaintext": "sk-secret", **openai}
    return {
        "name": name,
        "external_model": {"name": model, "provider": "openai", "task": task, "openai_config": config},
    }


def custom(entity_name: str = "main.default.churn", **fields: Any) -> dict[str, Any]:
    """A served entity with a registered model."""
    return {
        "entity_name": entity_name,
        "entity_version": "1",
        "workload_size": "Small",
        "scale_to_zero_enabled": True,
        **fields,
    }


def split(**percentages: int) -> dict[str, Any]:
    """A traffic configuration."""
    return {
        "routes": [
            {"served_model_name": name, "traffic_percentage": percentage} for name, percentage in percentages.items()
        ]
    }


def create(rest: Call, name: str, *entities: dict[str, Any], traffic: Any = None, **fields: Any) -> None:
    """Create an endpoint; it is ready at once on the instant server."""
    config: dict[str, Any] = {"served_entities": list(entities or [external()])}
    if traffic is not None:
        config["traffic_config"] = traffic
    reply = rest("POST", "/api/2.0/serving-endpoints", json={"name": name, "config": config, **fields})
    assert reply.status_code == 200, reply.text


def ask(rest: Call, name: str, body: Any = None, **options: Any) -> requests.Response:
    """Query an endpoint by its invocations route."""
    return rest("POST", f"/serving-endpoints/{name}/invocations", json=QUESTION if body is None else body, **options)


def text_of(reply: requests.Response) -> str:
    """The text of a chat completion."""
    assert reply.status_code == 200, reply.text
    content = reply.json()["choices"][0]["message"]["content"]
    assert isinstance(content, str)
    return content
