"""An endpoint as the API shows it. Secrets are still inside: the contract's ``writeOnly`` takes them out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import throughput
from .config import THROUGHPUT_FIELDS, Config, Entity
from .endpoint import Endpoint
from .permissions import Level

Json = Any
ENDPOINT_TYPES = {"external": "EXTERNAL_MODEL", "custom": "CUSTOM_MODEL", "provisioned": "CUSTOM_MODEL"}
ENTITY_TYPES = {"external": "EXTERNAL_MODEL", "custom": "UC_MODEL", "provisioned": "PT_FOUNDATION_MODEL"}
TASKS = frozenset(
    {"llm/v1/chat", "llm/v1/completions", "llm/v1/embeddings", "agent/v1/responses", "agent/v1/chat", "agent/v2/chat"}
)
IDLE = 30 * 60 * 1000
"""Milliseconds without a request after which an entity that may scale to zero has done so."""

SCALED_TO_ZERO = "Scaled to zero"
NEVER_SHOWN = ("burst_scaling_enabled",)
"""Fields the service takes and does not show again, although its output type has them."""

COSTS = (*zip(THROUGHPUT_FIELDS, ("min_dbus", "max_dbus"), strict=True),)
"""The bounds of throughput, each with the field that says what it costs."""


def detailed(
    endpoint: Endpoint, now: int, level: Level, *, budget_policy_id: str, asked_at: int | None = None
) -> dict[str, Json]:
    """What create, get and the updates answer. ``asked_at`` is the moment of the latest query, if there was one."""
    settled = endpoint.at(now)
    view = _head(settled, now, level)
    view["description"] = settled.description
    view["effective_budget_policy_id"] = settled.budget_policy_id or budget_policy_id
    view["resource_credential_strategy"] = "EMBEDDED_CREDENTIALS"
    if settled.config is not None:
        view["config"] = _config(settled, settled.config, now)
        _show_rest(view["config"], now - max(settled.updated_at, asked_at or 0))
    if settled.email_notifications is not None and settled.notifications_shown:
        view["email_notifications"] = settled.email_notifications
    return view


def summary(endpoint: Endpoint, now: int, level: Level) -> dict[str, Json]:
    """An item of the list: what is served without traffic, workloads and states; what is pending in full."""
    settled = endpoint.at(now)
    view = _head(settled, now, level)
    view["description"] = settled.description
    if settled.budget_policy_id is not None:
        view["budget_policy_id"] = settled.budget_policy_id
    if settled.config is not None:
        view["config"] = _config_summary(settled.config)
    return view


def task_of(endpoint: Endpoint) -> str | None:
    """The task the endpoint answers, where its configuration tells it."""
    config = endpoint.any_config
    if config is None:
        return endpoint.task
    first = config.entities[0]
    if first.kind == "external":
        return str(first.definition["external_model"]["task"])
    if endpoint.task is not None:
        return endpoint.task
    name = first.model.rsplit(".", 1)[-1].lower()
    if first.kind == "provisioned" or first.model.startswith("system.ai."):
        if any(word in name for word in ("bge", "gte", "embed", "e5")):
            return "llm/v1/embeddings"
        return "llm/v1/completions" if first.is_own_language_model and _is_base_model(name) else "llm/v1/chat"
    if "chat_agent" in name or "chatagent" in name:
        return "agent/v2/chat"
    return "agent/v1/responses" if "agent" in name else None


def _is_base_model(name: str) -> bool:
    """Whether a name is that of a model which continues texts, of a family whose chat models say so in their names.

    Llama 4's do not: its chat models are called Maverick and Scout.
    """
    families, chats = ("llama", "mistral", "mixtral", "mpt"), ("instruct", "chat", "maverick", "scout")
    return any(family in name for family in families) and not any(chat in name for chat in chats)


def whole_seconds(moment: int) -> int:
    """Milliseconds, cut to whole seconds as every timestamp of the service is."""
    return moment // 1000 * 1000


def _head(endpoint: Endpoint, now: int, level: Level) -> dict[str, Json]:
    config = endpoint.any_config
    view: dict[str, Json] = {
        "name": endpoint.name,
        "creator": endpoint.creator,
        "creator_display_name": endpoint.creator_display_name,
        "creator_kind": endpoint.creator_kind,
        "creation_timestamp": whole_seconds(endpoint.created_at),
        "last_updated_timestamp": whole_seconds(endpoint.updated_at),
        "state": {
            "ready": "READY" if endpoint.is_ready(now) else "NOT_READY",
            "config_update": endpoint.config_update(now),
            "suspend": "STOPPED" if endpoint.is_suspended(now) else "NOT_SUSPENDED",
            "system_update_failure": False,
        },
        "id": endpoint.id,
        "permission_level": level,
        "route_optimized": endpoint.route_optimized,
    }
    if config is not None:
        view["endpoint_type"] = ENDPOINT_TYPES[config.kind]
    task = task_of(endpoint)
    if task is not None:
        view["task"] = task
    if endpoint.tags:
        view["tags"] = [*endpoint.tags]
    if endpoint.ai_gateway is not None:
        view["ai_gateway"] = endpoint.ai_gateway
    if endpoint.telemetry is not None:
        view["telemetry_config"] = endpoint.telemetry
    if endpoint.deployment is not None:
        view["pending_config"] = {
            "start_time": whole_seconds(endpoint.deployment.started_at),
            **_config(endpoint, endpoint.deployment.config, now, pending=True),
        }
    return view


def _config(endpoint: Endpoint, config: Config, now: int, *, pending: bool = False) -> dict[str, Json]:
    entities = [_entity(endpoint, entity, now, pending=pending) for entity in config.entities]
    view: dict[str, Json] = {"served_entities": entities}
    if config.kind != "external":  # an external model has no counterpart among the older served_models
        view["served_models"] = [_as_served_model(entity) for entity in entities]
    view["traffic_config"] = {
        "routes": [
            {
                "served_model_name": route.entity,
                "served_entity_name": route.entity,
                "traffic_percentage": route.percentage,
            }
            for route in config.routes
        ]
    }
    view["config_version"] = config.version
    if config.auto_capture is not None:
        view["auto_capture_config"] = _auto_capture(endpoint, config.auto_capture)
    return view


def _entity(endpoint: Endpoint, entity: Entity, now: int, *, pending: bool) -> dict[str, Json]:
    deployment, message = endpoint.entity_state(entity.name, now, pending=pending)
    view: dict[str, Json] = {"name": entity.name, **entity.definition}
    for name in NEVER_SHOWN:
        view.pop(name, None)
    for bound, cost in COSTS:
        if view.get(bound) is not None:
            view[cost] = throughput.cost(entity.model, view[bound])
    view["state"] = {"deployment": deployment, "deployment_state_message": message}
    view["creator"] = entity.creator
    view["creation_timestamp"] = whole_seconds(entity.created_at)
    return view


def _as_served_model(entity: Mapping[str, Json]) -> dict[str, Json]:
    model = dict(entity)
    model["model_name"] = model.pop("entity_name")
    if "entity_version" in model:
        model["model_version"] = model.pop("entity_version")
    return model


def _show_rest(config: dict[str, Json], idle: int) -> None:
    """Say of the entities that nobody has asked anything for long that they have no machine at the moment."""
    if idle < IDLE:
        return
    for entity in (*config["served_entities"], *config.get("served_models", ())):
        ready = entity["state"] == {"deployment": "DEPLOYMENT_READY", "deployment_state_message": ""}
        if ready and entity.get("scale_to_zero_enabled"):
            entity["state"] = {**entity["state"], "deployment_state_message": SCALED_TO_ZERO}


def _auto_capture(endpoint: Endpoint, given: Mapping[str, Json]) -> dict[str, Json]:
    prefix = given.get("table_name_prefix") or endpoint.name
    state = {"payload_table": {"name": f"{prefix}_payload", "status": "READY", "status_message": ""}}
    return {**given, "state": state} if given.get("enabled", True) else dict(given)


def _entity_type(entity: Entity) -> str:
    return "FEATURE_SPEC" if entity.is_feature_spec else ENTITY_TYPES[entity.kind]


def _config_summary(config: Config) -> dict[str, Json]:
    entities = []
    for entity in config.entities:
        view: dict[str, Json] = {"name": entity.name}
        for name in ("entity_name", "entity_version", "external_model"):
            if name in entity.definition:
                view[name] = entity.definition[name]
        entities.append({**view, "type": _entity_type(entity)})
    summary: dict[str, Json] = {"served_entities": entities}
    if config.kind != "external":
        summary["served_models"] = [_as_served_model(entity) for entity in entities]
    return summary
