"""What replies must say of what is set beside a configuration: tags, limits, gateway, notifications, permissions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .echo import echo_differences, is_empty
from .exchange import Exchange
from .knowledge import Known, tags_of
from .routes import operation

if TYPE_CHECKING:
    from .oracle import Oracle

Json = Any


def judge_gateway(oracle: Oracle, known: Known, exchange: Exchange, shown: Json) -> None:
    """The AI Gateway is shown as it was set."""
    differences = list(echo_differences(known.gateway or {}, shown or {}))
    members = operation("put_ai_gateway").without_unknown(shown) if isinstance(shown, dict) else {}
    extra = sorted(key for key in set(members) - set(known.gateway or {}) if not is_empty(members[key]))
    differences += [(f"ai_gateway.{key}", "(not there)", members[key]) for key in extra]
    oracle.judge.hold_all("memory.ai-gateway", exchange, differences)


def _tags_reply(oracle: Oracle, known: Known, exchange: Exchange) -> None:
    shown = exchange.reply.get("tags")
    oracle.judge.hold("memory.tags", exchange, tags_of(shown) == known.tags, known.tags, shown)


def _limits_reply(oracle: Oracle, known: Known, exchange: Exchange) -> None:
    sent = operation("put_rate_limits").without_unknown(exchange.sent or {}).get("rate_limits") or []
    shown = operation("put_rate_limits").without_unknown(exchange.reply).get("rate_limits") or []
    named = ({key: value for key, value in limit.items() if value is not None} for limit in sent)
    expected = [limit if "key" in limit else {**limit, "key": "endpoint"} for limit in named]
    shown = [limit if "key" in limit else {**limit, "key": "endpoint"} for limit in shown]
    differences = [*echo_differences(expected, shown), *echo_differences(shown, expected)]
    kept = len(shown) == len(expected) and not differences
    oracle.judge.hold("memory.rate-limits", exchange, kept, expected, shown)


def _gateway_reply(oracle: Oracle, known: Known, exchange: Exchange) -> None:
    judge_gateway(oracle, known, exchange, exchange.reply)


def known_notifications(shown: Json) -> Json:
    """Notifications without members that nobody knows: a newer service may show more."""
    known = operation("update_notifications").without_unknown({"email_notifications": shown or {}})
    return known["email_notifications"]


def _notifications_reply(oracle: Oracle, known: Known, exchange: Exchange) -> None:
    reply = exchange.reply
    oracle.judge.hold("identity.name", exchange, reply.get("name") == known.name, known.name, reply.get("name"))
    shown = reply.get("email_notifications")
    oracle.judge.hold_all("memory.notifications", exchange, echo_differences(known.notifications or {}, shown or {}))
    told = known_notifications(shown)
    oracle.judge.hold_all("memory.notifications", exchange, echo_differences(told, known.notifications or {}))


def _permissions_reply(oracle: Oracle, known: Known, exchange: Exchange) -> None:
    from .grants import judge_permissions

    judge_permissions(oracle, known, exchange)


SUB_RESOURCES = {
    "patch_tags": _tags_reply,
    "put_rate_limits": _limits_reply,
    "put_ai_gateway": _gateway_reply,
    "update_notifications": _notifications_reply,
    "get_permissions": _permissions_reply,
    "set_permissions": _permissions_reply,
    "update_permissions": _permissions_reply,
}
