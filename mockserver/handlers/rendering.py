"""Endpoints as a caller sees them: the domain's views with what only the workspace and the server know."""

from __future__ import annotations

import hashlib
from functools import lru_cache

from .. import catalog
from ..auth import workspace_id
from ..domain import views
from ..domain.endpoint import Endpoint
from ..domain.permissions import Level
from ..messages import Call, Json
from .access import Reader, foundation_level, foundation_settings


def detailed(call: Call, endpoint: Endpoint, level: Level) -> Json:
    """What create, get and the updates answer."""
    asked_at = call.mock.turns.last((call.workspace, endpoint.id))
    view = views.detailed(endpoint, call.now, level, budget_policy_id=default_budget_policy(call), asked_at=asked_at)
    if endpoint.route_optimized and endpoint.is_ready(call.now):
        url = endpoint_url(call, endpoint)
        query_info = {"endpoint_url": url, "authorization_details": authorization_details(endpoint)}
        view |= {"endpoint_url": url, "data_plane_info": {"query_info": query_info}}
    return view


def foundation_view(call: Call, model: catalog.FoundationModel, reader: Reader) -> Json:
    """A pay-per-token endpoint on its own."""
    return {**foundation_summary(call, model, reader), "route_optimized": False}


def foundation_summary(call: Call, model: catalog.FoundationModel, reader: Reader) -> Json:
    """A pay-per-token endpoint in a list: without id and creator, always ready."""
    settings = foundation_settings(model.name, reader)
    view = {
        "name": model.name,
        "creation_timestamp": model.created,
        "last_updated_timestamp": max(model.created, views.whole_seconds(settings.updated_at)),
        "state": {"ready": "READY", "config_update": "NOT_UPDATING"},
        "config": {
            "served_entities": [
                {
                    "name": model.name,
                    "entity_name": model.entity_name,
                    "type": "FOUNDATION_MODEL",
                    "foundation_model": model.foundation_model,
                }
            ]
        },
        "task": model.task,
        "endpoint_type": "FOUNDATION_MODEL_API",
        "permission_level": foundation_level(call),
        "capabilities": model.capabilities,
    }
    return view if settings.ai_gateway is None else {**view, "ai_gateway": settings.ai_gateway}


def endpoint_url(call: Call, endpoint: Endpoint) -> str:
    """Where a route-optimised endpoint is queried."""
    return f"{call.request.base_url}/{workspace_id(call.workspace)}/serving-endpoints/{endpoint.name}/invocations"


def authorization_details(endpoint: Endpoint) -> str:
    """What a data-plane token for this endpoint is asked for with, and is bound to."""
    return (
        '[{"type":"workspace_permission","object_type":"serving-endpoints",'
        f'"object_path":"/serving-endpoints/{endpoint.id}","actions":["query_inference_endpoint"]}}]'
    )


def default_budget_policy(call: Call) -> str:
    """The budget policy that a workspace's endpoints have unless they are given another."""
    return seeded_uuid(call, "budget")


def seeded_uuid(call: Call, *parts: str) -> str:
    """A UUID that depends on the seed, the workspace and these parts only."""
    return _uuid(seeded_hex(call, *parts))


def seeded_hex(call: Call, *parts: str) -> str:
    """32 hexadecimal digits that depend on the seed, the workspace and these parts only."""
    return _hex("/".join((str(call.mock.settings.seed), call.workspace, *parts)))


@lru_cache(maxsize=1024)
def _uuid(digits: str) -> str:
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


@lru_cache(maxsize=1024)
def _hex(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
