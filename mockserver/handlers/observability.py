"""Logs, build logs, metrics and the per-endpoint OpenAPI document."""

from __future__ import annotations

from datetime import UTC, datetime

from ..domain import logs, metrics, query_document, views
from ..domain.config import Config, Entity
from ..domain.endpoint import Endpoint
from ..errors import ResourceDoesNotExist
from ..machines import machine
from ..messages import Call, Json, Reply
from . import handler
from .access import Snapshot, endpoint_of, foundation_of
from .rendering import seeded_hex

TEXT_MEDIA_TYPE = "text/plain"


@handler
def export_metrics(call: Call) -> Reply:
    model = foundation_of(call)
    if model is not None:
        usage = call.mock.meter.of(call.workspace, model.name)
        text = metrics.exposition(model.name, [model.name], usage, ready=True)
    else:
        endpoint, _ = endpoint_of(call)
        config = endpoint.at(call.now).config
        names = [entity.name for entity in config.entities] if config else []
        usage = call.mock.meter.of(call.workspace, endpoint.id)
        text = metrics.exposition(endpoint.name, names, usage, ready=endpoint.is_ready(call.now))
    return Reply(call.operation.success, text, media_type=TEXT_MEDIA_TYPE)


@handler
def get_open_api(call: Call) -> Reply:
    model = foundation_of(call)
    url = f"{call.request.base_url}/serving-endpoints"
    if model is not None:
        document = query_document.build(url, model.name, "1", [model.name], model.task)
    else:
        endpoint, _ = endpoint_of(call)
        config = endpoint.at(call.now).any_config
        names = [entity.name for entity in config.entities] if config else []
        version = str(config.version if config else 0)
        document = query_document.build(url, endpoint.name, version, names, views.task_of(endpoint))
    return Reply(call.operation.success, document, media_type=call.operation.media_type or TEXT_MEDIA_TYPE)


@handler
def get_logs(call: Call) -> Json:
    endpoint, config, entity = _served(call)
    settled = endpoint.at(call.now)
    pending = settled.config is not config
    state, message = settled.entity_state(entity.name, call.now, pending=pending)
    usage = call.mock.meter.of(call.workspace, endpoint.id).get(entity.name)
    host = machine(seeded_hex(call, "machine", endpoint.id, entity.name, str(config.version)))
    lines = logs.service(entity, host, _started_at(endpoint, config, entity), state, message, usage)
    return {"logs": _text(lines)}


@handler
def get_build_logs(call: Call) -> Json:
    endpoint, config, entity = _served(call)
    if entity.kind == "external":
        return {"logs": ""}  # nothing is built for a model that runs elsewhere
    host = machine(seeded_hex(call, "machine", endpoint.id, entity.name, str(config.version)))
    deployment = endpoint.deployment if endpoint.deployment and endpoint.deployment.config is config else None
    progress = 1.0
    if deployment is not None and not deployment.is_over(call.now):
        progress = (call.now - deployment.started_at) / max(1, deployment.due_at - deployment.started_at)
    failed = deployment is not None and deployment.is_over(call.now) and deployment.outcome != "READY"
    return {"logs": _text(logs.build(entity, host, _started_at(endpoint, config, entity), progress, failed=failed))}


def _served(call: Call) -> tuple[Endpoint, Config, Entity]:
    """The endpoint, and the entity that the path names with the configuration it is in, the pending one first."""
    endpoint, _ = endpoint_of(call, Snapshot(call))
    endpoint = endpoint.at(call.now)
    name = call.parameters["served_model_name"]
    for config in (endpoint.deployment.config if endpoint.deployment else None, endpoint.config):
        entity = config.entity(name) if config else None
        if config is not None and entity is not None:
            return endpoint, config, entity
    raise ResourceDoesNotExist(f"Served entity '{name}' does not exist on endpoint '{endpoint.name}'.")


def _started_at(endpoint: Endpoint, config: Config, entity: Entity) -> int:
    deployment = endpoint.deployment
    return deployment.started_at if deployment is not None and deployment.config is config else entity.created_at


def _text(lines: list[logs.Line]) -> str:
    return "".join(f"{_clock(line.moment)} {line.text}\n" for line in lines)


def _clock(moment: int) -> str:
    return datetime.fromtimestamp(moment / 1000, UTC).strftime("[%Y-%m-%d %H:%M:%S +0000]")
