"""Served entities and configurations in the databricks-sdk's own types."""

from __future__ import annotations

from typing import Any

from databricks.sdk import WorkspaceClient
from databricks.sdk.service.serving import (
    EndpointCoreConfigInput,
    ExternalModel,
    ExternalModelProvider,
    OpenAiConfig,
    ServedEntityInput,
    ServingEndpointDetailed,
)


def external(name: str = "gpt", model: str = "gpt-4o", **config: str) -> ServedEntityInput:
    openai = OpenAiConfig(**(config or {"openai_api_key": "{{secrets/scope/key}}"}))
    return ServedEntityInput(
        name=name,
        external_model=ExternalModel(
            name=model, provider=ExternalModelProvider.OPENAI, task="llm/v1/chat", openai_config=openai
        ),
    )


def custom(version: str = "1", **more: object) -> ServedEntityInput:
    given = {"entity_name": "main.models.wine", "scale_to_zero_enabled": True, "workload_size": "Small", **more}
    return ServedEntityInput(entity_version=version, **given)  # type: ignore[arg-type]  # the fields are tested, not typed


def config(*entities: ServedEntityInput) -> EndpointCoreConfigInput:
    return EndpointCoreConfigInput(name="ignored", served_entities=list(entities))


def created(workspace: WorkspaceClient, name: str) -> ServingEndpointDetailed:
    """An external endpoint of this name, as the service showed it when it was made."""
    made: Any = workspace.serving_endpoints.create(name, config=config(external())).response
    assert isinstance(made, ServingEndpointDetailed)
    return made
