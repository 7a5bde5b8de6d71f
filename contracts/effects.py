"""What a write that was answered means for what is known: the effects of creates, updates, patches and deletes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .echo import REDACTED, echo_differences
from .exchange import Exchange
from .knowledge import Known, Wanted, tags_of, wanted_of
from .routes import Match

if TYPE_CHECKING:
    from openapi import Operation

    from .oracle import Oracle, Seen

Json = Any
CREATES = frozenset({"create_serving_endpoint", "create_provisioned_throughput_endpoint"})
BY_ID = frozenset({"get_permissions", "set_permissions", "update_permissions", "get_permission_levels"})
CHANGES_CONFIG = frozenset({"update_config", "update_provisioned_throughput_config", "start_endpoint"})
MOVES = CHANGES_CONFIG | {"stop_endpoint"}
"""Operations that always change an endpoint; the others do when they say something new."""

SOURCES = {
    "patch_tags": {"tags"},
    "put_rate_limits": {"rate_limits"},
    "put_ai_gateway": {"ai_gateway"},
    "update_notifications": {"email_notifications"},
    "patch_telemetry_config": {"telemetry_config"},
    "stop_endpoint": {"state", "config", "pending_config", "endpoint_url", "data_plane_info"},
    "start_endpoint": {"state", "config", "pending_config", "endpoint_url", "data_plane_info"},
    "update_config": {"state", "config", "pending_config", "task", "endpoint_url", "data_plane_info"},
    "update_provisioned_throughput_config": {"state", "config", "pending_config", "task"},
}
"""The members of an endpoint that each operation may change, besides the time of the update."""


def without_secrets(masked: Json) -> Json:
    """A masked request without the members that a reply never has."""
    if isinstance(masked, dict):
        return {key: without_secrets(value) for key, value in masked.items() if value != REDACTED}
    if isinstance(masked, list):
        return [without_secrets(item) for item in masked]
    return masked


def _kept(asked: Operation, sent: Json) -> Json:
    """What of a request its effects may show: neither secrets nor members that nobody knows."""
    return without_secrets(asked.masked(asked.without_unknown(sent)))


def apply(oracle: Oracle, exchange: Exchange, seen: Seen, hit: Match) -> None:
    """Change what is known by what the target says it has done."""
    if not seen.is_write or hit.operation.id in ("issue_token", "http_request"):
        return
    doubtful = exchange.status == 0 or exchange.status >= 500
    if hit.operation.id in CREATES:
        _created(oracle, exchange, seen, hit)
        return
    known = seen.known
    if known is None or oracle.alive.get(known.name) is not known:
        if known is None:
            _on_nothing(oracle, exchange, seen, hit)
        return
    if doubtful or (exchange.ok and not oracle.undisturbed(seen)):
        known.unsure = True
    if hit.operation.id == "delete_serving_endpoint":
        if exchange.ok:
            oracle.alive.pop(known.name, None)
            oracle.gone[known.name] = oracle.clock
        return
    if exchange.ok and hit.operation.id in BY_ID:
        known.explained.add("last_updated_timestamp")  # whether a grant counts as an update is not promised
        known.granted = True
        if known.unsure or not oracle.undisturbed(seen):
            known.grants = None
    elif exchange.ok:
        before = (dict(known.tags or {}), known.gateway, known.notifications)
        again = hit.operation.id == "stop_endpoint" and known.stopped
        known.explained |= SOURCES.get(hit.operation.id, set()) | {"last_updated_timestamp"}
        _changed(oracle, known, exchange, hit)
        moves = hit.operation.id in MOVES and not again
        if moves or before != (dict(known.tags or {}), known.gateway, known.notifications):
            known.changed_at = max(known.changed_at, exchange.sent_at)


def _on_nothing(oracle: Oracle, exchange: Exchange, seen: Seen, hit: Match) -> None:
    """A write to an endpoint that does not exist."""
    if not seen.name.startswith(oracle.prefix) or not oracle.undisturbed(seen):
        return
    expected = "404 RESOURCE_DOES_NOT_EXIST, or a refusal of the request itself"
    law = "memory.delete" if seen.name in oracle.gone else "memory.list-has"
    if hit.operation.id not in BY_ID:
        oracle.judge.hold(
            law, exchange, exchange.status in (400, 404, 413, 415), expected, exchange.status, hit.operation.id
        )


def _created(oracle: Oracle, exchange: Exchange, seen: Seen, hit: Match) -> None:
    judge, name = oracle.judge, seen.name
    before = oracle.alive.get(name)
    if not exchange.ok:
        if before is None and seen.alone:
            oracle.refused[name] = oracle.clock
        if exchange.status == 0 or exchange.status >= 500:
            oracle.refused.pop(name, None)
            oracle.gone.pop(name, None)
        return
    if before is not None:
        law = "memory.duplicate" if before.clock < seen.clock else "lifecycle.race"
        judge.hold(law, exchange, False, "409 RESOURCE_ALREADY_EXISTS", exchange.status)
        before.unsure = True
        return
    judge.hold("memory.duplicate", exchange, True)
    oracle.gone.pop(name, None)
    oracle.refused.pop(name, None)
    oracle.alive[name] = _newborn(oracle, exchange, name, hit.operation)


def _newborn(oracle: Oracle, exchange: Exchange, name: str, asked: Operation) -> Known:
    sent = exchange.sent if isinstance(exchange.sent, dict) else {}
    masked = _kept(asked, sent)
    known = Known(name, exchange, oracle.clock)
    try:
        known.pending = wanted_of(masked.get("config"), 1, exchange.sent_at)
    except (ValueError, TypeError, KeyError, AttributeError):
        known.unsure = True
    known.tags = tags_of(masked.get("tags"))
    if known.tags is None:
        known.unsure = True
    known.gateway = masked.get("ai_gateway") or None
    known.members = {
        "description": masked.get("description") or "",
        "route_optimized": bool(sent.get("route_optimized")),
    }
    if sent.get("budget_policy_id"):
        known.members["effective_budget_policy_id"] = sent["budget_policy_id"]
    known.mailed = bool(sent.get("email_notifications"))
    known.changed_at = exchange.sent_at
    return known


def _changed(oracle: Oracle, known: Known, exchange: Exchange, hit: Match) -> None:
    sent = _kept(hit.operation, exchange.sent) if exchange.sent is not None else {}
    if not isinstance(sent, dict):
        known.unsure = True
        return
    match hit.operation.id:
        case "update_config" | "update_provisioned_throughput_config" | "start_endpoint":
            _updated(oracle, known, exchange, hit, sent)
        case "stop_endpoint":
            if known.pending is not None:
                known.settle()  # it had ended, or the stop would have been refused
            known.stopped = True
        case "patch_tags":
            _tagged(known, sent)
        case "put_ai_gateway":
            known.gateway = {key: value for key, value in sent.items() if value is not None} or None
        case "update_notifications":
            known.notifications = sent.get("email_notifications") or {}


def _updated(oracle: Oracle, known: Known, exchange: Exchange, hit: Match, sent: dict[str, Json]) -> None:
    if known.pending is not None and not known.unsure:
        settled = _has_settled_before(known, exchange)
        oracle.judge.hold(
            "lifecycle.conflict", exchange, settled, "409 RESOURCE_CONFLICT while an update runs", exchange.status
        )
        if settled:
            known.settle()
        else:
            known.unsure = True
            return
    version = known.versions + 1
    before = known.config
    config = sent.get("config") if hit.operation.id == "update_provisioned_throughput_config" else sent
    if hit.operation.id == "start_endpoint" and before:
        known.pending = Wanted(version, before.entities, before.routes, exchange.sent_at, before.capture)
        return
    try:
        wanted = wanted_of(config, version, exchange.sent_at, before)
    except (ValueError, TypeError, KeyError, AttributeError):
        wanted = None
    if wanted is None:
        known.unsure = True
    else:
        known.pending = wanted


def _has_settled_before(known: Known, exchange: Exchange) -> bool:
    """Whether the reply to an update shows that the one before had ended, which no read has shown yet."""
    reply = exchange.reply
    if not isinstance(reply, dict) or known.pending is None:
        return False
    shown = reply.get("config")
    return isinstance(shown, dict) and shown.get("config_version") in (known.pending.version, known.pending.version + 1)


def _tagged(known: Known, sent: dict[str, Json]) -> None:
    if known.tags is None:
        return
    added = tags_of(list(sent.get("add_tags") or []))
    if added is None:
        known.unsure = True
        return
    known.tags |= added
    for key in sent.get("delete_tags") or []:
        known.tags.pop(key, None)


__all__ = ["BY_ID", "CREATES", "apply", "echo_differences"]
