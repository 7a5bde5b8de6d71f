"""What is set beside a configuration outlives the configuration, letter by letter."""

from __future__ import annotations

from typing import Any

from .hand import Hand, journey
from .recipes import custom

Json = Any
GATEWAY: dict[str, Json] = {
    "usage_tracking_config": {"enabled": True},
    "rate_limits": [{"calls": 5000, "key": "endpoint", "renewal_period": "minute"}],
}
TELEMETRY: dict[str, Json] = {
    "telemetry_profile_id": "contract-kept",
    "inference_table_config": {"sampling_fraction": 0.5},
}
MAIL: dict[str, Json] = {"on_update_failure": ["Keeper@example.com"]}
KEPT = ("tags", "ai_gateway", "telemetry_config", "description", "effective_budget_policy_id", "endpoint_type")


@journey()
def kept_through_updates(hand: Hand) -> None:
    """Tags, gateway, telemetry and description outlive an update of the configuration, however long it takes."""
    name = hand.name("keeper")
    more: dict[str, Json] = {"description": "Kept As Written.", "email_notifications": MAIL}
    entity: dict[str, Json] = {"environment_vars": {"lower_case": "Mixed Case", "UPPER_CASE": "x"}}
    if hand.around.guard.target.is_loopback:  # elsewhere these must name something that exists
        more["budget_policy_id"] = "3f2a9c84-5d10-4c77-9a58-0b6f1e2d7c93"
        entity["instance_profile_arn"] = "arn:aws:iam::123456789012:instance-profile/contract"
    tags = [{"key": "CostCentre", "value": "NORTH"}, {"key": "stage"}]
    hand.ready(name, custom("keeper", **entity), tags=tags, **more)
    hand.accepted(hand.call("put_ai_gateway", GATEWAY, name=name))
    hand.accepted(hand.call("patch_telemetry_config", {"telemetry_config": TELEMETRY}, name=name))
    before = hand.get(name).document
    for version in ("2", "3"):
        update = {"served_entities": [custom("keeper", version=version, **entity)]}
        hand.accepted(hand.call("update_config", update, name=name))
        hand.settled(name)
        exchange = hand.get(name)
        for member in KEPT:
            old, new = before.get(member), exchange.document.get(member)
            kept = sorted(map(repr, old)) == sorted(map(repr, new or [])) if isinstance(old, list) else old == new
            hand.hold("memory.stable", exchange, kept, old, new, f"{member} after an update")
    hand.sandwich(name)
    hand.delete(name)
