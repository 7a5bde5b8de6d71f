"""Endpoints with everything in them, put into a store."""

from __future__ import annotations

from mockserver.domain.config import Config, Entity, Route
from mockserver.domain.endpoint import Deployment, Endpoint, Recovery
from mockserver.store import Store

ENDPOINTS = "/api/2.0/serving-endpoints"


def endpoint(name: str) -> Endpoint:
    entity = Entity("m", {"entity_name": "main.default.m", "nested": {"deep": [1, 2.5, None, "x"]}}, "me", 5)
    config = Config(1, (entity,), (Route("m", 100),))
    return Endpoint(
        name, "id-" + name, "me", "Me", "User", 1, 2, config=config,
        deployment=Deployment(config._replace(version=2), 3, 4, "FAILED", "boom"),
        tags=({"key": "k"}, {"key": "k2", "value": "v"}),
        rate_limits=({"calls": 1},), recovery=Recovery("m", 1, 2, "lost"), ai_gateway={"a": {"b": []}},
    )  # fmt: skip


def put(store: Store, workspace: str, *names: str) -> None:
    with store.transaction(workspace) as transaction:
        for name in names:
            transaction.put(name, endpoint(name))
