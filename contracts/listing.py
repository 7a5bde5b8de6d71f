"""What the list must say: every endpoint once, as get says it, and the workspace's foundation models unchanged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .echo import changes
from .exchange import Exchange
from .reading import ALWAYS

if TYPE_CHECKING:
    from .knowledge import Known
    from .oracle import Oracle, Seen

Json = Any
NOT_LISTED = frozenset({"config", "pending_config", "effective_budget_policy_id", "resource_credential_strategy"})

MOVE_WHEN_DEPLOYED = ("state", "task", "endpoint_url", "data_plane_info")
"""What changes at the end of a deployment, which may come between a get and a list."""


def judge_list(oracle: Oracle, exchange: Exchange, seen: Seen) -> None:
    """Judge a list of the endpoints."""
    judge = oracle.judge
    reply = exchange.reply if isinstance(exchange.reply, dict) else {}
    items = [item for item in reply.get("endpoints") or [] if isinstance(item, dict)]
    names = [item.get("name") for item in items]
    twice = sorted({str(name) for name in names if names.count(name) > 1})
    judge.hold("memory.list-has", exchange, not twice, "each endpoint once", f"{twice} twice", "twice")
    found = {item.get("name"): item for item in items}
    for name, known in oracle.alive.items():
        if known.clock < seen.clock and not oracle.deleting[name] and _is_quiet(oracle, known, seen):
            judge.hold(
                "memory.list-has", exchange, name in found, f"{name}, which exists", "it is not listed", "exists"
            )
    for listed in found:
        if isinstance(listed, str) and listed.startswith(oracle.prefix) and listed not in oracle.alive:
            _unexpected(oracle, exchange, seen, listed)
    for name, known in oracle.alive.items():
        if name in found and _is_quiet(oracle, known, seen):
            judge_item(oracle, exchange, known, found[name])
    _catalog(oracle, exchange, items)


def _unexpected(oracle: Oracle, exchange: Exchange, seen: Seen, name: str) -> None:
    if oracle.creating[name] or oracle.may_lag(name, seen):
        return
    if name in oracle.gone:
        if oracle.gone[name] < seen.clock:
            oracle.judge.hold("memory.delete", exchange, False, f"{name} is deleted", "it is listed", "listed")
    elif oracle.refused.get(name, seen.clock) < seen.clock:
        oracle.judge.hold("memory.refused-write", exchange, False, f"{name} was refused", "it is listed", "listed")


def _is_quiet(oracle: Oracle, known: Known, seen: Seen) -> bool:
    if oracle.may_lag(known.name, seen):
        return False
    return (
        not known.flying
        and not known.unsure
        and known.written_at < seen.clock
        and known.seen_at < seen.clock
        and known.clock < seen.clock
        and not oracle.deleting[known.name]
        and not oracle.creating[known.name]
    )


def judge_item(oracle: Oracle, exchange: Exchange, known: Known, item: dict[str, Json]) -> None:
    """Compare an item of the list with the last get of the endpoint."""
    missing = [key for key in ALWAYS if key not in item]
    oracle.judge.hold("shape.complete", exchange, not missing, "every member", f"without {missing}", "item")
    document = known.document
    if document is None or known.explained:
        return
    expected = {key: value for key, value in document.items() if key in item and key not in NOT_LISTED}
    shown = {key: value for key, value in item.items() if key in document and key not in NOT_LISTED}
    for always in ("tags", "ai_gateway", "task", "endpoint_type"):
        if always in document and always not in item:
            expected[always] = document[always]
    if known.pending is not None:
        for moving in MOVE_WHEN_DEPLOYED:
            expected.pop(moving, None)
            shown.pop(moving, None)
    oracle.judge.hold_all("memory.list-agrees", exchange, changes(expected, shown))
    for form in ("config", "pending_config"):
        if isinstance(document.get(form), dict) and isinstance(item.get(form), dict):
            if form == "config" and known.pending is not None:
                continue  # it may have settled between the get and the list
            oracle.judge.hold_all("memory.list-agrees", exchange, _config_differences(document, item, form))
    if known.pending is None and known.config is not None:
        kept = isinstance(item.get("config"), dict) and "pending_config" not in item
        oracle.judge.hold("memory.list-agrees", exchange, kept, "a config and no pending_config", sorted(item), "forms")


def _config_differences(document: dict[str, Json], item: dict[str, Json], which: str) -> list[tuple[str, Json, Json]]:
    full, short = document[which], item[which]
    found: list[tuple[str, Json, Json]] = []
    for form in ("served_entities", "served_models"):
        wanted = {each.get("name"): each for each in full.get(form) or []}
        listed = {each.get("name"): each for each in short.get(form) or []}
        if wanted.keys() != listed.keys():
            found.append((f"{which}.{form}", sorted(map(str, wanted)), sorted(map(str, listed))))
            continue
        for name, each in listed.items():
            identifying = ("name", "entity_name", "entity_version", "external_model", "model_name", "model_version")
            whole = {key: wanted[name][key] for key in identifying if key in wanted[name]}
            brief = {key: each[key] for key in identifying if key in each}
            found += changes(whole, brief, f"{which}.{form}[]")
            if form == "served_entities":
                kind = each.get("type")
                right = (kind == "EXTERNAL_MODEL") is ("external_model" in whole)
                if (kind is None and which == "config") or (kind is not None and not right):
                    found.append((f"{which}.{form}[].type", "the type of the entity", kind))
    return found


def judge_catalog(oracle: Oracle, exchange: Exchange) -> None:
    """Judge the list of the foundation models alone."""
    reply = exchange.reply if isinstance(exchange.reply, dict) else {}
    items = [item for item in reply.get("endpoints") or [] if isinstance(item, dict)]
    _catalog(oracle, exchange, items)


def _catalog(oracle: Oracle, exchange: Exchange, items: list[dict[str, Json]]) -> None:
    """Foundation models have no id, are ready, and stay as they are."""
    judge = oracle.judge
    hosted = {item["name"]: item for item in items if _is_foundation(item) and isinstance(item.get("name"), str)}
    if not oracle.catalog:
        oracle.catalog = dict(hosted)
    missing = sorted(oracle.catalog.keys() - hosted.keys())
    judge.hold("memory.catalog", exchange, not missing, "every foundation model", f"without {missing}", "listed")
    for name, item in hosted.items():
        before = oracle.catalog.setdefault(name, item)
        judge.hold_all("memory.catalog", exchange, changes(_still(before), _still(item)))
        state = item.get("state") or {}
        ready = state.get("ready") == "READY" and state.get("config_update") == "NOT_UPDATING"
        judge.hold("memory.catalog", exchange, ready, "READY and NOT_UPDATING", state, "state")
        judge.hold(
            "memory.catalog", exchange, "id" not in item and "creator" not in item, "no id", item.get("id"), "id"
        )


def _is_foundation(item: dict[str, Json]) -> bool:
    entities = (item.get("config") or {}).get("served_entities") or [{}]
    return item.get("endpoint_type") == "FOUNDATION_MODEL_API" or "foundation_model" in entities[0]


def _still(item: dict[str, Json]) -> dict[str, Json]:
    return {key: value for key, value in item.items() if key not in ("ai_gateway", "last_updated_timestamp")}


def judge_foreign(oracle: Oracle, exchange: Exchange, name: str) -> None:
    """Judge a get of an endpoint that the run has not made: a foundation model says the same each time."""
    item = exchange.document
    oracle.judge.hold("identity.name", exchange, item.get("name") == name, name, item.get("name"))
    if name in oracle.catalog:
        listed = oracle.catalog[name]
        agreed = {key: item[key] for key in item if key in listed}
        expected = {key: listed[key] for key in listed if key in item or key in ALWAYS}
        oracle.judge.hold_all("memory.catalog", exchange, changes(_still(expected), _still(agreed)))
        before = oracle.catalog_read.setdefault(name, item)
        oracle.judge.hold_all("memory.catalog", exchange, changes(_still(before), _still(item)))
