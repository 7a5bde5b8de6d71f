"""Reading, configuring, stopping and deleting serving endpoints."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import chain

from ..domain import config as configs
from ..domain import throughput, views
from ..domain.config import Config
from ..domain.endpoint import Endpoint, Plan
from ..domain.refusals import invalid
from ..messages import Call, Json, Listing
from . import handler
from .access import Snapshot, endpoint_of, foundation_endpoints, foundation_of, level_of
from .rendering import detailed, foundation_summary, foundation_view

LONG_LIST = 200
"""Endpoints of a workspace that are listed at once; a longer list is sent while it is made."""


@handler
def list_serving_endpoints(call: Call) -> Json | Listing:
    reader = Snapshot(call)
    levels = [(own, level_of(call, own, reader)) for own in call.mock.store.all(Endpoint, call.workspace)]
    hosted = [foundation_summary(call, model, reader) for model in foundation_endpoints().values()]
    own = (views.summary(endpoint, call.now, level) for endpoint, level in levels if level is not None)
    endpoints = chain(hosted, own)
    return Listing("endpoints", endpoints) if len(levels) > LONG_LIST else {"endpoints": [*endpoints]}


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
    return _changed(call, lambda endpoint: deployed(call, endpoint, built(call, endpoint, call.body)))


@handler
def update_provisioned_throughput_config(call: Call) -> Json:
    def change(endpoint: Endpoint) -> Endpoint:
        config = built(call, endpoint, call.body["config"])
        check_provisioned(config)
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
    return {"endpoints": [foundation_summary(call, model, reader) for model in foundation_endpoints().values()]}


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


def built(call: Call, endpoint: Endpoint, body: Mapping[str, Json]) -> Config:
    """The configuration that a request asks for. Raises Refusal where a rule over several fields is broken."""
    endpoint.check_settled(call.now)
    return configs.build(
        body,
        version=endpoint.versions + 1,
        creator=call.identity.name,
        now=call.now,
        previous=endpoint.at(call.now).any_config,
        many_external=call.mock.settings.external_entities == "many",
    )


def deployed(call: Call, endpoint: Endpoint, config: Config) -> Endpoint:
    """The endpoint with a configuration on its way, as the settings or a fault have it."""
    return endpoint.update(config, call.mock.plan(call.workspace, endpoint.name, config.kind), call.now)


def check_provisioned(config: Config) -> None:
    """Raises Refusal where the models cannot have provisioned throughput."""
    for index, entity in enumerate(config.entities):
        if entity.kind == "external":
            raise invalid(f"'served_entities[{index}]' has an external_model, which has no provisioned throughput.")
