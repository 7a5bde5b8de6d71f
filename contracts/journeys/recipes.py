"""Bodies to send: endpoints of each kind, and every provider's configuration in every form."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Json = Any
CHAT, COMPLETIONS, EMBEDDINGS = "llm/v1/chat", "llm/v1/completions", "llm/v1/embeddings"


def reference(key: str) -> str:
    """A secret reference."""
    return f"{{{{secrets/contract_scope/{key}}}}}"


def external(
    name: str | None = "brain",
    model: str = "gpt-4",
    task: str = CHAT,
    provider: str = "openai",
    config: dict[str, Json] | None = None,
) -> dict[str, Json]:
    """A served entity with an external model."""
    own = config or {"openai_api_key": reference("openai")}
    body: dict[str, Json] = {
        "external_model": {"name": model, "provider": provider, "task": task, config_key(provider): own}
    }
    return {"name": name, **body} if name else body


def config_key(provider: str) -> str:
    """The member that holds a provider's configuration."""
    special = {"custom": "custom_provider_config"}
    return special.get(provider, provider.replace("-", "_") + "_config")


def custom(
    name: str | None = "model", entity: str = "main.contract.classifier", version: str = "1", **more: Json
) -> Json:
    """A served entity with a custom model."""
    body = {"entity_name": entity, "entity_version": version, "workload_size": "Small", "scale_to_zero_enabled": True}
    return {**({"name": name} if name else {}), **body, **more}


def provisioned(name: str = "units", units: int = 50) -> Json:
    """A served entity of a provisioned-throughput endpoint."""
    return {
        "name": name,
        "entity_name": "system.ai.gpt-oss-120b",
        "entity_version": "1",
        "provisioned_model_units": units,
    }


def routes(**shares: int) -> Json:
    """A traffic configuration."""
    return {"routes": [{"served_entity_name": name, "traffic_percentage": share} for name, share in shares.items()]}


def providers(secret: Callable[[], str]) -> list[tuple[str, str, str, dict[str, Json]]]:
    """(provider, model, task, configuration) in every form that the contract allows; plain secrets are made by
    ``secret``."""
    azure = {
        "openai_api_base": "https://contract.openai.azure.com/",
        "openai_api_version": "2023-05-15",
        "openai_deployment_name": "deployed",
    }
    entra = {
        **azure,
        "openai_api_type": "azuread",
        "microsoft_entra_tenant_id": "6e2b1c50-8a0e-4d55-a9a0-7c3f3f6d6f01",
        "microsoft_entra_client_id": "0b0f6f3e-5f0f-4d38-9d5b-0d8d1f6c7e02",
    }
    bedrock = {"aws_region": "us-east-1", "bedrock_provider": "anthropic"}
    vertex = {"project_id": "contract", "region": "us-central1"}
    workspace = {"databricks_workspace_url": "https://contract.cloud.databricks.com"}
    other = {"custom_provider_url": "https://models.example.com/v1"}
    return [
        ("openai", "gpt-4", CHAT, {"openai_api_key_plaintext": secret(), "openai_organization": "contract"}),
        ("openai", "gpt-4", CHAT, {**azure, "openai_api_type": "azure", "openai_api_key": reference("azure")}),
        ("openai", "gpt-4", CHAT, {**entra, "microsoft_entra_client_secret": reference("entra")}),
        ("openai", "gpt-4", CHAT, {**entra, "microsoft_entra_client_secret_plaintext": secret()}),
        ("anthropic", "claude-3-5-sonnet", CHAT, {"anthropic_api_key": reference("anthropic")}),
        ("anthropic", "claude-3-5-sonnet", CHAT, {"anthropic_api_key_plaintext": secret()}),
        ("cohere", "command", COMPLETIONS, {"cohere_api_key": reference("cohere"), "cohere_api_base": "https://co.example"}),
        ("cohere", "command", COMPLETIONS, {"cohere_api_key_plaintext": secret()}),
        ("ai21labs", "j2-ultra", COMPLETIONS, {"ai21labs_api_key": reference("ai21")}),
        ("ai21labs", "j2-ultra", COMPLETIONS, {"ai21labs_api_key_plaintext": secret()}),
        ("amazon-bedrock", "claude-v2", CHAT, {
            **bedrock, "aws_access_key_id": reference("id"), "aws_secret_access_key": reference("key"),
        }),
        ("amazon-bedrock", "claude-v2", CHAT, {
            **bedrock, "aws_access_key_id_plaintext": secret(), "aws_secret_access_key_plaintext": secret(),
        }),
        ("amazon-bedrock", "claude-v2", CHAT, {
            **bedrock, "instance_profile_arn": "arn:aws:iam::123456789012:instance-profile/contract",
        }),
        ("google-cloud-vertex-ai", "chat-bison", CHAT, {**vertex, "private_key": reference("vertex")}),
        ("google-cloud-vertex-ai", "chat-bison", CHAT, {**vertex, "private_key_plaintext": secret()}),
        ("databricks-model-serving", "other-chat", CHAT, {**workspace, "databricks_api_token": reference("token")}),
        ("databricks-model-serving", "other-chat", CHAT, {**workspace, "databricks_api_token_plaintext": secret()}),
        ("palm", "text-bison-001", COMPLETIONS, {"palm_api_key": reference("palm")}),
        ("palm", "text-bison-001", COMPLETIONS, {"palm_api_key_plaintext": secret()}),
        ("custom", "house-model", CHAT, {**other, "bearer_token_auth": {"token": reference("bearer")}}),
        ("custom", "house-model", CHAT, {**other, "bearer_token_auth": {"token_plaintext": secret()}}),
        ("custom", "house-model", CHAT, {**other, "api_key_auth": {"key": "x-api-key", "value": reference("key")}}),
        ("custom", "house-model", CHAT, {**other, "api_key_auth": {"key": "x-api-key", "value_plaintext": secret()}}),
    ]  # fmt: skip


def chat(text: str = "Name three rivers.", **more: Json) -> Json:
    """A chat request."""
    return {"messages": [{"role": "user", "content": text}], **more}
