"""Finding the endpoint a request is about, and whether the caller may do what was asked with it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import NamedTuple, Protocol, TypeVar

from .. import catalog
from ..domain.endpoint import Endpoint
from ..domain.permissions import LEVELS, REFUSED_VERB, AccessList, Level, suffices
from ..domain.refusals import invalid
from ..errors import PermissionDenied, ResourceDoesNotExist
from ..messages import Call, Json

Record = TypeVar("Record")


class Reader(Protocol):
    """Whatever records of one workspace can be read from: the store itself, or a transaction under way."""

    def get(self, kind: type[Record], key: str) -> Record | None: ...


class Snapshot(NamedTuple):
    """The workspace of a call as it stands, read without a lock."""

    call: Call

    def get(self, kind: type[Record], key: str) -> Record | None:
        return self.call.mock.store.get(kind, self.call.workspace, key)


@dataclass(frozen=True, slots=True)
class FoundationSettings:
    """What can be set on a pay-per-token endpoint of one workspace."""

    name: str
    updated_at: int
    rate_limits: tuple[Json, ...] = ()
    ai_gateway: Json = None


def endpoint_of(call: Call, reader: Reader | None = None) -> tuple[Endpoint, Level]:
    """The endpoint that the path names, and the caller's level, when it is enough for the operation.

    Raises:
        ResourceDoesNotExist: there is none of that name.
        PermissionDenied: the caller's level is too low for the operation.
        Refusal: it is a pay-per-token endpoint, which has no configuration of its own.
    """
    name = call.parameters["name"]
    reader = reader or Snapshot(call)
    endpoint = reader.get(Endpoint, name)
    if endpoint is None:
        if name in foundation_endpoints():
            raise invalid(
                f"Endpoint '{name}' is a pay-per-token foundation model endpoint: it can be queried and take rate "
                "limits and AI gateway settings, but it has no configuration, tags or logs of its own and cannot be "
                "deleted."
            )
        raise missing(name)
    return endpoint, permitted(call, endpoint.id, endpoint.name, reader)


def permitted(call: Call, endpoint_id: str, shown: str, reader: Reader) -> Level:
    """The caller's level on the endpoint of this id, which the refusal calls ``shown``.

    Raises:
        PermissionDenied: it is too low for the operation.
    """
    required = required_level(call)
    level = level_by_id(call, endpoint_id, reader)
    if level is None or not suffices(level, required):
        verb = REFUSED_VERB[required]
        raise PermissionDenied(f"User does not have permission '{verb}' on Endpoint {shown}")
    return level


def required_level(call: Call) -> Level:
    """The level that the contract asks for on this operation."""
    return next((level for level in LEVELS if level == call.operation.required_permission), "CAN_VIEW")


def level_of(call: Call, endpoint: Endpoint, reader: Reader) -> Level | None:
    """The caller's effective level on this endpoint, ``None`` when it may not even see it."""
    return level_by_id(call, endpoint.id, reader)


def level_by_id(call: Call, endpoint_id: str, reader: Reader) -> Level | None:
    """The caller's effective level on the endpoint of this id, which may have been deleted."""
    if call.identity.admin:
        return "CAN_MANAGE"
    access = reader.get(AccessList, endpoint_id) or AccessList(endpoint_id)
    return access.level(call.identity.principals, admin=False)


@cache
def foundation_endpoints() -> dict[str, catalog.FoundationModel]:
    """The pay-per-token endpoints that every workspace has, by name, in the order in which they are listed."""
    return {model.name: model for model in catalog.foundation_models()}


def foundation_level(call: Call) -> Level:
    """The caller's level on the pay-per-token endpoints: everybody may query them."""
    return "CAN_MANAGE" if call.identity.admin else "CAN_QUERY"


def foundation_of(call: Call) -> catalog.FoundationModel | None:
    """The pay-per-token model that the path names, when the caller may do what was asked with it.

    Raises:
        PermissionDenied: only administrators may change the settings of these endpoints.
    """
    model = foundation_endpoints().get(call.parameters["name"])
    if model is not None and not suffices(foundation_level(call), required_level(call)):
        raise PermissionDenied(f"User does not have permission 'Manage' on Endpoint {model.name}")
    return model


def foundation_settings(name: str, reader: Reader) -> FoundationSettings:
    """What is set on this pay-per-token endpoint in the caller's workspace."""
    return reader.get(FoundationSettings, name) or FoundationSettings(name, 0)


def missing(name: str) -> ResourceDoesNotExist:
    """The control plane's refusal for an endpoint that is not there."""
    return ResourceDoesNotExist(f"Endpoint with name '{name}' does not exist.")
