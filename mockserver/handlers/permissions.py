"""Access control lists of endpoints, by endpoint id."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from ..domain.endpoint import Endpoint
from ..domain.permissions import DESCRIPTIONS, LEVELS, AccessList, Grant, grants_of, rendered
from ..domain.refusals import invalid
from ..errors import ResourceDoesNotExist
from ..messages import Call, Json
from . import handler
from .access import Reader, Snapshot, permitted

ENDPOINT_ID = re.compile("[0-9a-f]{32}")


@handler
def get_permissions(call: Call) -> Json:
    return rendered(_access_list(call, Snapshot(call)), _display_names(call))


@handler
def get_permission_levels(call: Call) -> Json:
    _access_list(call, Snapshot(call))
    levels = [{"permission_level": level, "description": DESCRIPTIONS[level]} for level in reversed(LEVELS)]
    return {"permission_levels": levels}


@handler
def set_permissions(call: Call) -> Json:
    return _changed(call, lambda access, grants: access.replaced(grants))


@handler
def update_permissions(call: Call) -> Json:
    return _changed(call, lambda access, grants: access.merged(grants))


def _changed(call: Call, change: Callable[[AccessList, Iterable[Grant]], AccessList]) -> Json:
    grants = grants_of(call.body.get("access_control_list") or ())
    with call.mock.transaction(call.workspace) as transaction:
        access = change(_access_list(call, transaction), grants)
        transaction.put(access.endpoint_id, access)
    return rendered(access, _display_names(call))


def _access_list(call: Call, reader: Reader) -> AccessList:
    """The access list of the id in the path. That of a deleted endpoint can still be had, as in the service."""
    endpoint_id = call.parameters["serving_endpoint_id"]
    access = reader.get(AccessList, endpoint_id)
    if access is None and ENDPOINT_ID.fullmatch(endpoint_id):
        raise ResourceDoesNotExist(f"Endpoint with ID '{endpoint_id}' does not exist.")
    if access is None:
        raise invalid(f"'{endpoint_id}' is not a valid Inference Endpoint ID.")
    endpoints = call.mock.store.all(Endpoint, call.workspace)
    shown = next((endpoint.name for endpoint in endpoints if endpoint.id == endpoint_id), endpoint_id)
    permitted(call, endpoint_id, shown, reader)
    return access


def _display_names(call: Call) -> dict[str, str]:
    """The names for people of everybody this workspace knows."""
    authenticator = call.mock.authenticator
    known = (authenticator.administrator(call.workspace), authenticator.service_principal(), call.identity)
    return {identity.name: identity.display_name for identity in known}
