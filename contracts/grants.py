"""Permissions: what the access-control list of an endpoint must show after it was set, merged or read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .exchange import Exchange
from .routes import match

if TYPE_CHECKING:
    from .knowledge import Known
    from .oracle import Oracle

Json = Any
PRINCIPALS = ("user_name", "group_name", "service_principal_name")
LEVELS = ("CAN_VIEW", "CAN_QUERY", "CAN_MANAGE")
Grants = dict[tuple[str, str], str]


def grants_sent(body: Json) -> Grants:
    """The grants that a request asks for."""
    grants: Grants = {}
    for entry in (body or {}).get("access_control_list") or []:
        for kind in PRINCIPALS:
            if entry.get(kind):
                grants[kind, entry[kind]] = entry.get("permission_level")
    return grants


def grants_shown(body: Json) -> tuple[Grants, Grants]:
    """The direct and the inherited grants that a reply shows."""
    direct: Grants = {}
    inherited: Grants = {}
    for entry in (body or {}).get("access_control_list") or []:
        if not isinstance(entry, dict):
            continue
        principal = next(((kind, entry[kind]) for kind in PRINCIPALS if entry.get(kind)), ("nobody", ""))
        for permission in entry.get("all_permissions") or []:
            side = inherited if permission.get("inherited") else direct
            side[principal] = permission.get("permission_level")
    return direct, inherited


def judge_permissions(oracle: Oracle, known: Known, exchange: Exchange) -> None:
    """Compare a reply of the permissions API with what is known, and learn from it."""
    judge, reply = oracle.judge, exchange.reply
    hit = match(exchange.asked.method, exchange.asked.route)
    assert hit is not None
    expected_id = f"/serving-endpoints/{hit.parameters['serving_endpoint_id']}"
    judge.hold(
        "identity.name", exchange, reply.get("object_id") == expected_id, expected_id, reply.get("object_id"), "acl"
    )
    kind = reply.get("object_type")
    judge.hold("shape.complete", exchange, kind == "serving-endpoint", "serving-endpoint", kind, "object_type")
    direct, inherited = grants_shown(reply)
    principals = [
        next(((each, entry[each]) for each in PRINCIPALS if entry.get(each)), None)
        for entry in reply.get("access_control_list") or []
        if isinstance(entry, dict)
    ]
    judge.hold(
        "memory.permissions",
        exchange,
        len(set(principals)) == len(principals),
        "each principal once",
        principals,
        "twice",
    )
    expected = _expected(oracle, known, exchange, hit.operation.id)
    if expected is not None:
        judge.hold("memory.permissions", exchange, direct == expected, expected, direct, "direct")
    admins = inherited.get(("group_name", "admins"))
    judge.hold(
        "memory.permissions", exchange, admins == "CAN_MANAGE", "admins, inherited CAN_MANAGE", inherited, "admins"
    )
    known.grants = direct


def _expected(oracle: Oracle, known: Known, exchange: Exchange, operation: str) -> Grants | None:
    sent = grants_sent(exchange.sent)
    if operation == "set_permissions":
        return sent
    before = known.grants
    if before is None and known.granted:
        return None
    if before is None:
        before = {("user_name", oracle.caller): "CAN_MANAGE"} if oracle.caller and "@" in oracle.caller else None
        if known.written_at > known.clock and before is None:
            return None
    if operation == "update_permissions":
        return {**before, **sent} if before is not None else None
    return before
