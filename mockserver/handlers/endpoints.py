"""Creating, reading, configuring, stopping and deleting serving endpoints."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import chain

from ..domain import config as configs
from ..domain import throughput, views
from ..domain.config import Config
from ..domain.endpoint import Endpoint, Plan
from ..domain.permissions import AccessList, Grant, Principal
from ..domain.refusals import invalid
from ..errors import ResourceAlreadyExists
from ..messages import Call, Json, Listing
from ..store import Transaction
from . import gateway, handler
from .access import Snapshot, endpoint_of, foundation_endpoints, foundation_of, level_of
from .rendering import detailed, foundation_view, seeded_hex

LONG_LIST = 200
"""Endpoints of a workspace that are listed at once; a longer list is sent while it is made."""


@dataclass(frozen=True, slots=True)
class Created:
    """How many endpoints a workspace has ever had: what makes the id of a re-created one new."""

    count: int


@handler
def list_serving_endpoints(call: Call) -> Json | Listing:
    reader = Snapshot(call)
    levels = [(own, level_of(call, own, reader)) for own in call.mock.store.all(Endpoint, call.workspace)]
    hosted = [foundation_view(call, model, reader) for model in foundation_endpoints().values()]
    own = (views.summary(endpoint, call.now, level) for endpoint, level in levels if level is not None)
    endpoints = chain(hosted, own)
    return Listing("endpoints", endpoints) if len(levels) > LONG_LIST else {"endpoints": [*endpoints]}


@handler
def create_serving_endpoint(call: Call) -> Json:
    body = call.body
    config = body.get("config")
    for name in ("ai_gateway", "rate_limits"):
        if body.get(name) and not config:
            raise invalid(f"Cannot specify {name} when creating endpoints without a config.")
    with call.mock.transaction(call.workspace) as transaction:
        endpoint = _new_endpoint(call, transaction)
        if config:
            endpoint = _deploy(call, endpoint, _built(call, endpoint, config))
        return _stored(call, transaction, endpoint)


@handler
def create_provisioned_throughput_endpoint(call: Call) -> Json:
    with call.mock.transaction(call.workspace) as transaction:
        endpoint = _new_endpoint(call, transaction)
        config = _built(call, endpoint, call.body["config"])
        _check_provisioned(config)
        return _stored(call, transaction, _deploy(call, endpoint, config))


@handler
def get_serving_endpoint(call: Call) -> Json:
    model = foundation_of(call)
    if model is not None:
        return foundation_view(call, model, Snapshot(call))
    endpoint, level = endpoint_of(call)
    return detailed(call, endpoint, level)


@handler
def delete_serving_endpoint(call: Call) -> Json:
    with call.mock.transaction(call.workspace) as transaction:
        endpoint, _ = endpoint_of(call, transaction)
        # The access list stays: the service, too, goes on answering for the id of a deleted endpoint.
        transaction.delete(Endpoint, endpoint.name)
    return {}


@handler
def update_config(call: Call) -> Json:
    return _changed(call, lambda endpoint: _deploy(call, endpoint, _built(call, endpoint, call.body)))


@handler
def update_provisioned_throughput_config(call: Call) -> Json:
    def change(endpoint: Endpoint) -> Endpoint:
        config = _built(call, endpoint, call.body["config"])
        _check_provisioned(config)
        # The vendor's SDK says of this operation alone that updates are instantaneous.
        return endpoint.update(config, Plan(0), call.now)

    return _changed(call, change)


@handler
def stop_endpoint(call: Call) -> Json:
    return _changed(call, lambda endpoint: endpoint.stop(call.now))


@handler
def start_endpoint(call: Call) -> Json:
    def change(endpoint: Endpoint) -> Endpoint:
        kind = endpoint.config.kind if endpoint.config else "custom"
        return endpoint.start(call.mock.plan(call.workspace, endpoint.name, kind), call.now)

    return _changed(call, change)


@handler
def list_foundation_models(call: Call) -> Json:
    reader = Snapshot(call)
    return {"endpoints": [foundation_view(call, model, reader) for model in foundation_endpoints().values()]}


@handler
def get_model_optimization_info(call: Call) -> Json:
    model, version = call.parameters["model"], call.parameters["version"]
    if not version.isdecimal():
        raise invalid(f"Invalid value for 'version': '{version}'; a model version is a whole number.")
    chunk = throughput.chunk_of(model)
    if chunk is None or not throughput.is_eligible(model):
        return {"optimizable": False}
    return {
        "optimizable": True,
        "model_type": chunk.model_type,
        "throughput_chunk_size": chunk.size,
        "dbus": chunk.dbus,
    }


def cancel_update(call: Call) -> Json:
    """Cancel the deployment under way. Not an operation of the API: the Serving UI is the only place that has it."""
    return _changed(call, lambda endpoint: endpoint.cancel(call.now))


def _changed(call: Call, change: Callable[[Endpoint], Endpoint]) -> Json:
    with call.mock.transaction(call.workspace) as transaction:
        endpoint, level = endpoint_of(call, transaction)
        endpoint = change(endpoint)
        transaction.put(endpoint.name, endpoint)
    return detailed(call, endpoint, level)


def _stored(call: Call, transaction: Transaction, endpoint: Endpoint) -> Json:
    owner = Principal("user_name" if call.identity.kind == "User" else "service_principal_name", call.identity.name)
    transaction.put(endpoint.name, endpoint)
    transaction.put(endpoint.id, AccessList(endpoint.id, (Grant(owner, "CAN_MANAGE"),)))
    return detailed(call, endpoint, "CAN_MANAGE")


def _new_endpoint(call: Call, transaction: Transaction) -> Endpoint:
    """An endpoint without a configuration, from everything else that a create request says."""
    body, name = call.body, call.body["name"]
    if transaction.get(Endpoint, name) is not None or name in foundation_endpoints():
        raise ResourceAlreadyExists(f"Endpoint with name '{name}' already exists.")
    limit = call.mock.settings.max_endpoints
    if limit and len(transaction.all(Endpoint)) >= limit:
        raise invalid(f"The workspace has {limit} serving endpoints, which is the limit: delete some first.")
    created = Created((transaction.get(Created, "") or Created(0)).count + 1)
    transaction.put("", created)
    tags = {tag["key"]: tag for tag in body.get("tags") or ()}
    return Endpoint(
        name=name,
        id=_new_id(call, name, created.count),
        creator=call.identity.name,
        creator_display_name=call.identity.display_name,
        creator_kind=call.identity.kind,
        created_at=call.now,
        updated_at=call.now,
        description=body.get("description") or "",
        tags=tuple(tags.values()),
        task=body["task"] if body.get("task") in views.TASKS else None,
        route_optimized=bool(body.get("route_optimized")),
        budget_policy_id=body.get("budget_policy_id") or None,
        rate_limits=tuple(gateway.checked_limits(body["rate_limits"])) if body.get("rate_limits") else (),
        ai_gateway=gateway.checked(body["ai_gateway"], name, None) if body.get("ai_gateway") else None,
        email_notifications=body.get("email_notifications"),
        telemetry=gateway.telemetry_of(call, name, body["telemetry_config"], None)
        if body.get("telemetry_config") and _is_custom(body.get("config"))
        else None,
    )


def _is_custom(config: Mapping[str, Json] | None) -> bool:
    entities = (config or {}).get("served_entities") or (config or {}).get("served_models") or ()
    return bool(entities) and not any(entity.get("external_model") for entity in entities)


def _new_id(call: Call, name: str, generation: int) -> str:
    return seeded_hex(call, "endpoint", name, str(generation))


def _built(call: Call, endpoint: Endpoint, body: Mapping[str, Json]) -> Config:
    endpoint.check_settled(call.now)
    return configs.build(
        body,
        version=endpoint.versions + 1,
        creator=call.identity.name,
        now=call.now,
        previous=endpoint.at(call.now).any_config,
        many_external=call.mock.settings.external_entities == "many",
    )


def _deploy(call: Call, endpoint: Endpoint, config: Config) -> Endpoint:
    return endpoint.update(config, call.mock.plan(call.workspace, endpoint.name, config.kind), call.now)


def _check_provisioned(config: Config) -> None:
    for index, entity in enumerate(config.entities):
        if entity.kind == "external":
            raise invalid(f"'served_entities[{index}]' has an external_model, which has no provisioned throughput.")
