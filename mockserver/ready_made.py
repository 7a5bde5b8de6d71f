"""What a test's endpoint serves when the test says no more than its kind."""

from __future__ import annotations

from typing import Literal

from .messages import Json

Kind = Literal["chat", "completions", "embeddings", "custom", "provisioned", "agent"]

EXTERNAL = {"chat": "gpt-4o", "completions": "gpt-3.5-turbo-instruct", "embeddings": "text-embedding-3-small"}
"""The external model that a ready-made endpoint serves, by its task."""

PROVISIONED = "system.ai.meta_llama_v3_1_8b_instruct"
"""What a ready-made endpoint with provisioned throughput serves."""


def configuration(kind: Kind) -> Json:
    """The configuration of a ready-made endpoint of this kind."""
    if kind in EXTERNAL:
        model = EXTERNAL[kind]
        external = {
            "name": model,
            "provider": "openai",
            "task": f"llm/v1/{kind}",
            "openai_config": {"openai_api_key": "{{secrets/scope/key}}"},
        }
        return {"served_entities": [{"name": model.replace(".", "-"), "external_model": external}]}
    entity: dict[str, Json] = {"entity_version": "1", "scale_to_zero_enabled": True, "workload_size": "Small"}
    if kind == "provisioned":
        entity = {"entity_version": "1", "min_provisioned_throughput": 0, "max_provisioned_throughput": 19_000}
    names = {"custom": "main.default.model", "agent": "main.default.agent", "provisioned": PROVISIONED}
    if kind not in names:
        raise ValueError(f"kind {kind!r} is unknown: chat, completions, embeddings, custom, provisioned or agent")
    return {"served_entities": [{"entity_name": names[kind], **entity}]}
