"""What is set beside the configuration: tags, limits, gateway, notifications, permissions, documents; and witnesses."""

from __future__ import annotations

import json
import re
from typing import Any

from ..exchange import Exchange
from .hand import Hand, journey, words
from .recipes import EMBEDDINGS, external

LEVELS = ("CAN_VIEW", "CAN_QUERY", "CAN_MANAGE")


@journey()
def tags(hand: Hand) -> None:
    """Tags are added, replaced, deleted, and refused when a key breaks the rule."""
    name = hand.ready(hand.name("tags"), external("tagged"), tags=[{"key": "first", "value": "1"}])
    hand.rest(hand.around.pause)
    steps: list[dict[str, Any]] = [
        {"add_tags": [{"key": "team", "value": "a"}, {"key": "stage"}]},
        {"add_tags": [{"key": "team", "value": "b"}]},
        {"delete_tags": ["first"]},
        {"add_tags": [{"key": "käse und brot", "value": "ünïcode ✓"}], "delete_tags": ["stage"]},
        {"delete_tags": ["never-there"]},
        {"add_tags": [{"key": "k" * 255, "value": "v" * 300}]},
        {"add_tags": [{"key": f"bulk{number}", "value": str(number)} for number in range(10)]},
        {"delete_tags": [f"bulk{number}" for number in range(0, 10, 2)]},
        {},
    ]
    for step in steps:
        hand.accepted(hand.call("patch_tags", step, name=name))
        hand.get(name)
    hand.sandwich(name)
    for key in ("a.b", "a,b", "a=b", "a/b", "a:b", "", "k" * 256):
        refusal = hand.call("patch_tags", {"add_tags": [{"key": key, "value": "x"}]}, name=name)
        hand.refused("rules.tag-key", refusal, 400, ("INVALID_PARAMETER_VALUE",), f"{key[:5]} ({len(key)})")
    for body in (
        {"add_tags": "team"},
        {"add_tags": [{"value": "x"}]},
        {"delete_tags": [1]},
        {"add_tags": [{"key": 7}]},
    ):
        hand.refused("rules.types", hand.call("patch_tags", body, name=name), 400, (), json.dumps(body)[:30])
    hand.get(name)
    hand.delete(name)


LIMIT = {"calls": 1000, "key": "endpoint", "renewal_period": "minute"}
GATEWAYS: list[dict[str, Any]] = [
    {"usage_tracking_config": {"enabled": True}},
    {"rate_limits": [LIMIT, {"calls": 900, "key": "user", "renewal_period": "minute"}]},
    {
        "guardrails": {
            "input": {"safety": True, "pii": {"behavior": "NONE"}, "invalid_keywords": ["forbidden"]},
            "output": {"safety": False, "pii": {"behavior": "MASK"}},
        },
        "usage_tracking_config": {"enabled": False},
    },
    {
        "inference_table_config": {
            "enabled": True,
            "catalog_name": "main",
            "schema_name": "logs",
            "table_name_prefix": "t",
        }
    },
    {
        "inference_table_config": {
            "enabled": False,
            "catalog_name": "main",
            "schema_name": "logs",
            "table_name_prefix": "t",
        }
    },
    {
        "rate_limits": [
            {
                "calls": 5000,
                "tokens": 100000,
                "key": "user_group",
                "principal": "analysts",
                "renewal_period": "minute",
            }
        ]
    },
    {},
]
BAD_LIMITS: list[dict[str, Any]] = [
    {"calls": -1, "renewal_period": "minute"},
    {"calls": 10, "renewal_period": "hour"},
    {"calls": 10, "renewal_period": "minute", "key": "planet"},
    {"calls": "many", "renewal_period": "minute"},
    {"renewal_period": "minute"},
    {"calls": 10},
]


@journey()
def gateway_and_limits(hand: Hand) -> None:
    """AI gateway and rate limits are replaced as a whole, read back, and refused when they cannot be met."""
    name = hand.ready(hand.name("gateway"), external("guarded"))
    hand.rest(hand.around.pause)
    for configuration in GATEWAYS:
        hand.accepted(hand.call("put_ai_gateway", configuration, name=name))
        hand.sandwich(name)
    hand.sandwich(name)
    for limits in ([LIMIT], [{"calls": 100, "key": "user", "renewal_period": "minute"}, LIMIT], []):
        hand.accepted(hand.call("put_rate_limits", {"rate_limits": limits}, name=name))
        hand.get(name)
    for wrong in BAD_LIMITS:
        where = json.dumps(wrong)
        old = hand.call("put_rate_limits", {"rate_limits": [wrong]}, name=name)
        hand.refused("rules.limit-values", old, 400, ("INVALID_PARAMETER_VALUE",), f"rate-limits {where}")
        new = hand.call("put_ai_gateway", {"rate_limits": [wrong]}, name=name)
        hand.refused("rules.limit-values", new, 400, ("INVALID_PARAMETER_VALUE",), f"ai-gateway {where}")
        hand.get(name)
    for wrong in (
        {"guardrails": {"input": {"pii": {"behavior": "SHOUT"}}}},
        {"inference_table_config": {"enabled": True}},
    ):
        hand.refused("rules.types", hand.call("put_ai_gateway", wrong, name=name), 400, (), json.dumps(wrong)[:40])
    hand.get(name)
    hand.delete(name)


@journey()
def notifications(hand: Hand) -> None:
    """Notifications are set, replaced and cleared."""
    name = hand.ready(hand.name("mail"), external("mailer"))
    hand.rest(hand.around.pause)
    for mail in (
        {"on_update_success": ["ok@example.com"], "on_update_failure": ["bad@example.com", "worse@example.com"]},
        {"on_update_failure": ["bad@example.com"]},
        {},
    ):
        hand.accepted(hand.call("update_notifications", {"email_notifications": mail}, name=name))
        hand.get(name)
    wrong = hand.call(
        "update_notifications", {"email_notifications": {"on_update_success": "ok@example.com"}}, name=name
    )
    hand.refused("rules.types", wrong, 400, (), "on_update_success")
    hand.get(name)
    telemetry = hand.call("patch_telemetry_config", {"telemetry_config": {"telemetry_profile_id": "p"}}, name=name)
    hand.refused("rules.telemetry-kind", telemetry, 400, ("INVALID_PARAMETER_VALUE",), "external")
    hand.get(name)
    hand.delete(name)


@journey()
def permissions(hand: Hand) -> None:
    """The access-control list: replaced, merged, read, and addressed by id only."""
    name = hand.name("granted")
    created = hand.create(name)
    who = str(created.document.get("id"))
    start = hand.accepted(hand.call("get_permissions", serving_endpoint_id=who))
    owner: list[dict[str, Any]] = [{"user_name": hand.around.oracle.caller, "permission_level": "CAN_MANAGE"}]
    grants: tuple[list[dict[str, Any]], ...] = (
        [{"user_name": "alice@example.com", "permission_level": "CAN_QUERY"}],
        [{"group_name": "analysts", "permission_level": "CAN_VIEW"}],
        [{"user_name": "alice@example.com", "permission_level": "CAN_MANAGE"}],
        [{"service_principal_name": "6e2b1c50-8a0e-4d55-a9a0-7c3f3f6d6f01", "permission_level": "CAN_QUERY"}],
    )
    for entries in grants:
        hand.accepted(hand.call("update_permissions", {"access_control_list": entries}, serving_endpoint_id=who))
        hand.call("get_permissions", serving_endpoint_id=who)
    for entries in ([*owner, {"group_name": "readers", "permission_level": "CAN_VIEW"}], owner):
        hand.accepted(hand.call("set_permissions", {"access_control_list": entries}, serving_endpoint_id=who))
        hand.call("get_permissions", serving_endpoint_id=who)
    _levels(hand, who)
    bad: list[list[dict[str, Any]]] = [
        [{"user_name": "a@example.com", "permission_level": "CAN_FLY"}],
        [{"user_name": "a@example.com"}],
        [{"permission_level": "CAN_VIEW"}],
        [{"user_name": "a@example.com", "group_name": "b", "permission_level": "CAN_VIEW"}],
    ]
    for operation in ("set_permissions", "update_permissions"):
        for entries in bad:
            refusal = hand.call(operation, {"access_control_list": entries}, serving_endpoint_id=who)
            hand.refused("rules.grants", refusal, 400, ("INVALID_PARAMETER_VALUE",), json.dumps(entries))
    hand.call("get_permissions", serving_endpoint_id=who)
    for operation, body in (("get_permissions", None), ("set_permissions", {"access_control_list": owner})):
        refusal = hand.call(operation, body, serving_endpoint_id=name)
        hand.refused("rules.by-id", refusal, (400, 404), (), operation)
    hand.hold("memory.permissions", start, True)
    hand.get(name)
    hand.delete(name)
    again = hand.create(name)
    fresh = str(again.document.get("id"))
    shown = hand.accepted(hand.call("get_permissions", serving_endpoint_id=fresh))
    hand.hold(
        "memory.recreate",
        shown,
        b"alice" not in shown.body and b"readers" not in shown.body,
        "no old grants",
        shown.body,
    )
    hand.delete(name)


def _levels(hand: Hand, who: str) -> None:
    exchange = hand.accepted(hand.call("get_permission_levels", serving_endpoint_id=who))
    entries = exchange.document.get("permission_levels") or []
    levels = sorted(str(entry.get("permission_level")) for entry in entries)
    described = all(entry.get("description") for entry in entries)
    hand.hold("memory.permissions", exchange, levels == sorted(LEVELS) and described, LEVELS, entries, "levels")


@journey()
def documents(hand: Hand) -> None:
    """Logs, build logs, metrics and the OpenAPI document speak of the endpoint that was asked for."""
    names = [hand.name("papers"), hand.name("others")]
    for name, task in zip(names, ("llm/v1/chat", EMBEDDINGS), strict=True):
        hand.create(name, external("writer" if name == names[0] else "painter", task=task))
    for name in names:
        hand.settled(name)
    before = [read_counter(hand.call("export_metrics", name=name)) for name in names]
    for count in range(3):
        hand.accepted(hand.query(names[0], {"messages": [{"role": "user", "content": f"Count to {count}."}]}))
    for name, entity in zip(names, ("writer", "painter"), strict=True):
        other = names[1] if name == names[0] else names[0]
        _read_documents(hand, name, entity, other)
    after = [hand.call("export_metrics", name=name) for name in names]
    for index, expected in ((0, 3), (1, 0)):
        counted = read_counter(after[index])
        kept = counted is not None and counted - (before[index] or 0) == expected
        hand.hold("query.counted", after[index], kept, f"{expected} more requests", counted)
    _unknown_entity(hand, names[0])
    for name in names:
        hand.delete(name)


def read_counter(exchange: Exchange) -> float | None:
    """The number of requests that a metrics document shows in all."""
    text = exchange.body.decode("utf-8", "replace")
    lines = re.findall(
        r"^(?P<name>request_count_total|requests_total|request_total)\b[^\n]*?\s([0-9.eE+]+)(?:\s\d+)?$", text, re.M
    )
    return sum(float(value) for _, value in lines) if lines else 0.0 if exchange.ok else None


def _read_documents(hand: Hand, name: str, entity: str, other: str) -> None:
    for operation in ("get_logs", "get_build_logs"):
        exchange = hand.accepted(hand.call(operation, name=name, served_model_name=entity))
        logs = exchange.document.get("logs")
        # an external model is not built, so it may have no build logs
        kept = isinstance(logs, str) and (bool(logs.strip()) or operation == "get_build_logs")
        hand.hold("memory.documents", exchange, kept, "logs in words", exchange.body, operation)
        hand.hold(
            "memory.documents", exchange, other not in str(logs), f"nothing of {other}", logs, f"{operation} other"
        )
    exchange = hand.accepted(hand.call("export_metrics", name=name))
    text = exchange.body.decode("utf-8", "replace")
    metrics = [line for line in text.splitlines() if line and not line.startswith("#")]
    form = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*(\{.*\})? [-+]?([0-9.]+([eE][-+]?\d+)?|NaN|Inf)( \d+)?")
    odd = [line for line in metrics if not form.fullmatch(line)]
    hand.hold("memory.documents", exchange, bool(metrics) and not odd, "Prometheus text", odd or text[:80], "metrics")
    hand.hold("memory.documents", exchange, other not in text, f"nothing of {other}", text, "metrics other")
    if "{" in text:
        hand.hold("memory.documents", exchange, name in text, f"metrics of {name}", text, "metrics name")
    exchange = hand.accepted(hand.call("get_open_api", name=name))
    paths = exchange.document.get("paths") or {} if isinstance(exchange.reply, dict) else {}
    whole = exchange.body.decode("utf-8", "replace")
    kept = any("invocations" in path for path in paths) and name in whole and other not in whole
    hand.hold("memory.documents", exchange, kept, f"the invocations path of {name}", list(paths), "openapi")
    servers = exchange.document.get("servers")
    hand.hold("memory.documents", exchange, bool(servers), "servers", servers, "openapi servers")
    version = str(exchange.document.get("openapi")) if isinstance(exchange.reply, dict) else words(exchange)
    hand.hold("memory.documents", exchange, version.startswith("3."), "OpenAPI 3", version, "version")


def _unknown_entity(hand: Hand, name: str) -> None:
    for operation in ("get_logs", "get_build_logs"):
        exchange = hand.call(operation, name=name, served_model_name="nobody")
        hand.refused("memory.documents", exchange, 404, ("RESOURCE_DOES_NOT_EXIST",), f"{operation} unknown")


@journey()
def witness(hand: Hand) -> None:
    """Endpoints that nobody touches stay as they are, to the byte, while everything else goes on."""
    idle = hand.ready(
        hand.name("witness"), external("still"), tags=[{"key": "do-not", "value": "touch"}], description="Idle."
    )
    longest = hand.name("w" * (63 - len(hand.around.prefix) - 4))
    hand.ready(longest, external("still"), tags=[{"key": "long", "value": "name"}])
    pristine = {name: hand.get(name) for name in (idle, longest)}
    items = {name: hand.listed(name) for name in pristine}
    for _ in range(12):
        hand.rest(0.25 * hand.around.pause)
        for name, first in pristine.items():
            exchange = hand.get(name)
            hand.hold("memory.neighbours", exchange, exchange.reply == first.reply, first.body, exchange.body)
        hand.call("list_serving_endpoints")
    exchange = hand.call("list_serving_endpoints")
    for item in exchange.document.get("endpoints") or []:
        if item.get("name") in items:
            before = items[item["name"]]
            hand.hold("memory.neighbours", exchange, item == before, before, item, "list")
    for name in pristine:
        hand.delete(name)
