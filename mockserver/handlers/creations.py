"""Creating endpoints: one by one, or many that differ in their names only, as tests and load tests do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from ..auth import Identity
from ..domain import views
from ..domain.config import Config
from ..domain.endpoint import Endpoint
from ..domain.permissions import AccessList, Grant, Principal
from ..domain.refusals import invalid
from ..errors import ResourceAlreadyExists
from ..messages import Call, Json, Reply
from ..settings import Settings
from ..store import Transaction
from . import gateway, handler
from .access import foundation_endpoints
from .endpoints import built, check_provisioned, deployed
from .rendering import detailed, seeded_hex


@dataclass(frozen=True, slots=True)
class Created:
    """How many endpoints a workspace has ever had: what makes the id of a re-created one new."""

    count: int


@handler
def create_serving_endpoint(call: Call) -> Reply:
    body = call.body
    for name in ("ai_gateway", "rate_limits"):
        if body.get(name) and not body.get("config"):
            raise invalid(f"Cannot specify {name} when creating endpoints without a config.")
    return _created(call, _checked_no_further)


@handler
def create_provisioned_throughput_endpoint(call: Call) -> Reply:
    return _created(call, check_provisioned)


def _checked_no_further(config: Config) -> None:
    """Any configuration will do."""


class Sample(NamedTuple):
    """What a request made. Another one of the same second that differs in the name only makes the same.

    Whether that holds is seen from the second of them, which is made in full and compared with the first: tables and
    addresses may be named after the endpoint.
    """

    settings: Settings
    identity: Identity
    second: int
    endpoint: Endpoint
    view: dict[str, Json]
    holds: bool
    known: dict[str, Any]

    def concerns(self, call: Call) -> bool:
        """Whether a request that shares what is known of its body is answered in the same way."""
        mock = call.mock
        return (
            self.second == call.now // 1000
            and self.settings is mock.settings
            and self.identity == call.identity
            and not mock.faults.concern_deployments(call.workspace)
        )

    def proved_by(self, endpoint: Endpoint, view: dict[str, Json], now: int) -> bool:
        """Whether an endpoint of another name, made in full, is just what this one gives under that name."""
        other = endpoint.name != self.endpoint.name
        return other and self.renamed(endpoint.name, endpoint.id, now) == (endpoint, view)

    def renamed(self, name: str, identifier: str, now: int) -> tuple[Endpoint, dict[str, Json]]:
        """The endpoint and its view, under another name."""
        return self.endpoint.renamed(name, identifier, now), {**self.view, "name": name, "id": identifier}


def _created(call: Call, check: Callable[[Config], None]) -> Reply:
    name = call.body["name"]
    sample: Sample | None = call.known.get("sample")
    if sample is not None and not sample.concerns(call):
        sample = None
    with call.mock.transaction(call.workspace) as transaction:
        identifier = _new_id(call, transaction, name)
        if sample is not None and sample.holds:
            endpoint, view = sample.renamed(name, identifier, call.now)
        else:
            endpoint = _endpoint(call, name, identifier, check)
            view = detailed(call, endpoint, "CAN_MANAGE")
            holds = sample is not None and sample.proved_by(endpoint, view, call.now)
            sample = Sample(call.mock.settings, call.identity, call.now // 1000, endpoint, view, holds, {})
            call.known["sample"] = sample
        transaction.put(name, endpoint)
        transaction.put(identifier, AccessList(identifier, (Grant(_owner(call.identity), "CAN_MANAGE"),)))
    known = sample.known if sample.holds else None
    return Reply(call.operation.success, view, known=known, varying=("name", "id"))


def _new_id(call: Call, transaction: Transaction, name: str) -> str:
    """The id of an endpoint that is to have this name.

    Raises:
        ResourceAlreadyExists: the name is taken.
        Refusal: the workspace is full.
    """
    if transaction.get(Endpoint, name) is not None or name in foundation_endpoints():
        raise ResourceAlreadyExists(f"Endpoint with name '{name}' already exists.")
    limit = call.mock.settings.max_endpoints
    if limit and len(transaction.all(Endpoint)) >= limit:
        raise invalid(f"The workspace has {limit} serving endpoints, which is the limit: delete some first.")
    created = Created((transaction.get(Created, "") or Created(0)).count + 1)
    transaction.put("", created)
    return seeded_hex(call, "endpoint", name, str(created.count))


def _endpoint(call: Call, name: str, identifier: str, check: Callable[[Config], None]) -> Endpoint:
    """The endpoint that a creation asks for, its configuration on the way."""
    body, config = call.body, call.body.get("config")
    tags = {tag["key"]: tag for tag in body.get("tags") or ()}
    endpoint = Endpoint(
        name=name,
        id=identifier,
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
        if body.get("telemetry_config") and _is_custom(config)
        else None,
    )
    if not config:
        return endpoint
    wanted = built(call, endpoint, config)
    check(wanted)
    return deployed(call, endpoint, wanted)


def _owner(identity: Identity) -> Principal:
    return Principal("user_name" if identity.kind == "User" else "service_principal_name", identity.name)


def _is_custom(config: Mapping[str, Json] | None) -> bool:
    entities = (config or {}).get("served_entities") or (config or {}).get("served_models") or ()
    return bool(entities) and not any(entity.get("external_model") for entity in entities)
