"""Cancelling an update: no operation of the API, yet asked for through the same core, journaled and permitted alike."""

from __future__ import annotations

from functools import cache

from openapi import Operation, Spec

from ..handlers.endpoints import cancel_update
from ..messages import Reply
from .session import Session, plain

PATH = "/ml/endpoints/{name}/cancel-update"


@cache
def operation(spec: Spec) -> Operation:
    """The page's own operation, described beside the contract's: it answers as stopping an endpoint does."""
    stop = spec.operations["stop_endpoint"]
    item = {
        "parameters": list(stop.parameters),
        "post": {
            "operationId": "cancel_update",
            "summary": "Cancel the update under way",
            "tags": ["Serving pages"],
            "x-required-permission": "CAN_MANAGE",
            "responses": stop.definition["responses"],
        },
    }
    return Spec({**spec.document, "paths": {PATH: item}}).operations["cancel_update"]


def cancel(session: Session, name: str) -> Reply:
    """Cancel the update of the endpoint of this name."""
    return plain(session.ask(operation(session.mock.spec), None, {"name": name}, cancel_update))
