"""What a reply must say, given what is known: the laws of memory, identity and life."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from .echo import changes, echo_differences, is_empty
from .exchange import Exchange
from .knowledge import Known, config_differences, tags_of
from .routes import Match
from .settings import SUB_RESOURCES, judge_gateway, known_notifications

if TYPE_CHECKING:
    from .oracle import Oracle, Seen

Json = Any
ID = re.compile(r"[0-9a-f]{32}")
NAME = re.compile(r"[a-zA-Z0-9]([a-zA-Z0-9_-]{0,61}[a-zA-Z0-9])?")
DETAILED = frozenset(
    {
        "get_serving_endpoint",
        "create_serving_endpoint",
        "create_provisioned_throughput_endpoint",
        "update_config",
        "update_provisioned_throughput_config",
        "patch_telemetry_config",
        "stop_endpoint",
        "start_endpoint",
    }
)
READS_OF_ONE = frozenset({"get_serving_endpoint", "export_metrics", "get_open_api", "get_logs", "get_build_logs"})
ALWAYS = (
    "name", "id", "creator", "creator_display_name", "creator_kind", "creation_timestamp", "last_updated_timestamp",
    "state", "permission_level", "route_optimized", "description",
)  # fmt: skip
ALWAYS_DETAILED = (*ALWAYS, "effective_budget_policy_id", "resource_credential_strategy")
IN_STATE = ("ready", "config_update", "suspend")
ENTITY_TYPES = {"external": {"EXTERNAL_MODEL"}, "custom": {"UC_MODEL", "FEATURE_SPEC", "CUSTOM_MODEL"}}


def judge_reply(oracle: Oracle, exchange: Exchange, seen: Seen, hit: Match) -> None:
    """Compare a reply to the caller with what is known."""
    identifier = hit.operation.id
    if identifier == "list_serving_endpoints" and exchange.ok:
        from .listing import judge_list

        judge_list(oracle, exchange, seen)
        return
    if identifier == "list_foundation_models" and exchange.ok:
        from .listing import judge_catalog

        judge_catalog(oracle, exchange)
        return
    if identifier == "get_current_user" and exchange.ok and isinstance(exchange.reply, dict):
        _identity(oracle, exchange)
        return
    if exchange.status == 404 and "name" in hit.parameters and oracle.undisturbed(seen):
        _missing(oracle, exchange, seen, hit)
    plain = seen.name.startswith(oracle.prefix) and bool(NAME.fullmatch(seen.name))
    if identifier in READS_OF_ONE and plain and oracle.undisturbed(seen):
        _existence(oracle, exchange, seen, hit)
    known = oracle.alive.get(seen.name)
    if known is None or not exchange.ok or not isinstance(exchange.reply, dict):
        if identifier == "get_serving_endpoint" and exchange.ok:
            from .listing import judge_foreign

            judge_foreign(oracle, exchange, seen.name)
        return
    if identifier in DETAILED:
        judge_document(oracle, known, exchange, seen, exchange.reply)
    elif identifier in SUB_RESOURCES and oracle.undisturbed(seen) and not known.unsure:
        SUB_RESOURCES[identifier](oracle, known, exchange)


def _identity(oracle: Oracle, exchange: Exchange) -> None:
    user = exchange.reply.get("userName")
    kept = isinstance(user, str) and bool(user) and oracle.caller in (None, user)
    oracle.judge.hold("memory.identity", exchange, kept, oracle.caller or "a user name", user)
    if isinstance(user, str):
        oracle.caller = oracle.caller or user


def _missing(oracle: Oracle, exchange: Exchange, seen: Seen, hit: Match) -> None:
    if seen.name in oracle.alive and hit.operation.id not in ("get_logs", "get_build_logs", "query_served_model"):
        oracle.judge.hold(
            "memory.stable", exchange, False, f"the endpoint {seen.name}, which exists", "404", hit.operation.id
        )
        return
    queries = "Queries" in hit.operation.tags
    if not NAME.fullmatch(seen.name) or hit.operation.id == "query_route_optimized":
        return
    expected = "ENDPOINT_NOT_FOUND" if queries else "RESOURCE_DOES_NOT_EXIST"
    law = "query.unknown-endpoint" if queries else "shape.error-code"
    oracle.judge.hold(law, exchange, exchange.code == expected, expected, exchange.code, "unknown endpoint")
    if not queries and isinstance(exchange.reply, dict):
        message = str(exchange.reply.get("message", ""))
        oracle.judge.hold(
            "shape.envelope", exchange, seen.name in message, f"a message about {seen.name}", message, "name"
        )
        details = exchange.reply.get("details")
        kept = isinstance(details, list) and any(isinstance(each, dict) and each.get("request_id") for each in details)
        oracle.judge.hold("shape.complete", exchange, kept, "details with a request_id", details, "details of a 404")


def _existence(oracle: Oracle, exchange: Exchange, seen: Seen, hit: Match) -> None:
    """An endpoint that exists is found, and one that does not is not."""
    if seen.name in oracle.alive:
        if hit.operation.id == "get_serving_endpoint":
            oracle.judge.hold(
                "memory.stable", exchange, exchange.status in (200, 429), "the endpoint, which exists", exchange.status
            )
        return
    if seen.name in oracle.gone:
        law = "memory.delete"
    else:
        law = "memory.refused-write" if seen.name in oracle.refused else "memory.list-has"
    oracle.judge.hold(law, exchange, exchange.status == 404, "404, there is no such endpoint", exchange.status)


def judge_document(oracle: Oracle, known: Known, exchange: Exchange, seen: Seen, document: dict[str, Json]) -> None:
    """Judge the reply of an operation that answers with the whole endpoint."""
    oracle.judge.hold("identity.name", exchange, document.get("name") == known.name, known.name, document.get("name"))
    _birth(oracle, known, exchange, document)
    missing = [key for key in ALWAYS_DETAILED if key not in document]
    raw = document.get("state")
    state: dict[str, Json] = raw if isinstance(raw, dict) else {}
    missing += [f"state.{key}" for key in IN_STATE if key not in state]
    oracle.judge.hold("shape.complete", exchange, not missing, "every member the service sends", f"without {missing}")
    if not oracle.undisturbed(seen):
        return
    if known.document is not None and seen.clock < known.seen_at:
        return
    if known.unsure:
        known.adopt(document)
    _phase(oracle, known, exchange, document)
    _members(oracle, known, exchange, document)
    _write_only(oracle, known, exchange, document)
    _history(oracle, known, exchange, document)
    known.document, known.seen_at, known.explained = document, oracle.clock, set()


def _birth(oracle: Oracle, known: Known, exchange: Exchange, document: dict[str, Json]) -> None:
    """Identity: the id, the creator and the times."""
    judge = oracle.judge
    identifier, created, updated = (document.get(key) for key in ("id", "creation_timestamp", "last_updated_timestamp"))
    if not known.id and isinstance(identifier, str):
        judge.hold("identity.id-form", exchange, bool(ID.fullmatch(identifier)), "32 hexadecimal digits", identifier)
        owner = oracle.ids.get(identifier)
        judge.hold("identity.id-fresh", exchange, owner is None, "an id that nobody had", f"the id of {owner}")
        known.id = identifier
        oracle.ids[identifier] = known.name
    judge.hold("identity.id-stable", exchange, identifier == known.id, known.id, identifier)
    creator = document.get("creator")
    known.creator = known.creator or oracle.caller or creator
    judge.hold("identity.creator", exchange, bool(creator) and creator == known.creator, known.creator, creator)
    if "@" in str(creator):
        kind = document.get("creator_kind")
        judge.hold("identity.creator", exchange, kind in ("User", None), "User", kind, "kind")
    level = document.get("permission_level")
    judge.hold("identity.caller", exchange, level == "CAN_MANAGE", "CAN_MANAGE, for the creator", level)
    if known.created is None:
        known.created = created
        if known.born is not None:
            kept = _is_now(oracle, created, known.born)
            judge.hold("identity.clock", exchange, kept, f"about {int(known.born.sent_at * 1000)}", created, "created")
    judge.hold("identity.creation-time", exchange, created == known.created, known.created, created)
    ordered = isinstance(created, int) and isinstance(updated, int) and updated >= created
    judge.hold("identity.update-time", exchange, ordered, f"not before {created}", updated, "order")
    if isinstance(updated, int):
        latest = (exchange.ended_at + _tolerance(oracle)) * 1000
        judge.hold("identity.clock", exchange, updated <= latest, f"not after {int(latest)}", updated, "updated")


def _tolerance(oracle: Oracle) -> float:
    return 2.0 if oracle.is_loopback else 300.0


def _is_now(oracle: Oracle, moment: Json, exchange: Exchange) -> bool:
    """Whether a time of the target, cut to whole seconds, falls into an exchange."""
    if not isinstance(moment, int) or isinstance(moment, bool):
        return False
    tolerance = _tolerance(oracle)
    return int(exchange.sent_at) - tolerance <= moment / 1000 <= exchange.ended_at + tolerance


def _phase(oracle: Oracle, known: Known, exchange: Exchange, document: dict[str, Json]) -> None:
    """The state, and the configurations that belong to it."""
    raw = document.get("state")
    state: dict[str, Json] = raw if isinstance(raw, dict) else {}
    update = state.get("config_update")
    judge = oracle.judge
    if update in ("UPDATE_FAILED", "UPDATE_CANCELED"):
        judge.hold("lifecycle.settles", exchange, False, "a deployment that succeeds", update)
        known.unsure = True
        return
    if known.pending is not None and update != "IN_PROGRESS":
        known.settle()
        oracle.settled_at[known.name] = exchange.ended_at
    if known.pending is not None:
        _while_updating(oracle, known, exchange, document, state)
        return
    judge.hold("lifecycle.transition", exchange, update == "NOT_UPDATING", "NOT_UPDATING", update, "config_update")
    law = "lifecycle.pending" if known.config else "lifecycle.config-less"
    shown = document.get("pending_config", "no pending_config")
    judge.hold(law, exchange, "pending_config" not in document, "no pending_config", shown, "gone")
    if known.config is None:
        judge.hold("lifecycle.config-less", exchange, "config" not in document, "no config", document.get("config"))
        ready = "NOT_READY"
        law = "lifecycle.config-less"
    else:
        ready = "NOT_READY" if known.stopped else "READY"
        law = "lifecycle.stop-start" if known.stopped else "lifecycle.transition"
        deployment = "DEPLOYMENT_STOPPED" if known.stopped else "DEPLOYMENT_READY"
        _config(oracle, exchange, known.config, document.get("config"), deployment, "")
    judge.hold(law, exchange, state.get("ready") == ready, ready, state.get("ready"), "ready")
    _suspend(oracle, known, exchange, state)


def _suspend(oracle: Oracle, known: Known, exchange: Exchange, state: dict[str, Json]) -> None:
    if "suspend" in state:
        expected = "STOPPED" if known.stopped and known.pending is None else "NOT_SUSPENDED"
        oracle.judge.hold("lifecycle.stop-start", exchange, state["suspend"] == expected, expected, state["suspend"])
    if "system_update_failure" in state:
        kept = state["system_update_failure"] is False
        oracle.judge.hold("lifecycle.transition", exchange, kept, False, state["system_update_failure"], "failure")


def _while_updating(
    oracle: Oracle, known: Known, exchange: Exchange, document: dict[str, Json], state: dict[str, Json]
) -> None:
    judge, pending = oracle.judge, known.pending
    assert pending is not None
    first = known.config is None
    law = "lifecycle.creating" if first else "lifecycle.old-serves"
    ready = "READY" if known.config and not known.stopped else "NOT_READY"
    judge.hold(law, exchange, state.get("ready") == ready, ready, state.get("ready"), "ready")
    update = state.get("config_update")
    judge.hold("lifecycle.transition", exchange, update == "IN_PROGRESS", "IN_PROGRESS", update, "while updating")
    shown: Json = document.get("pending_config")
    if judge.hold("lifecycle.pending", exchange, isinstance(shown, dict), "pending_config", shown, "shown"):
        _config(oracle, exchange, pending, shown, "DEPLOYMENT_CREATING", "pending ")
        started = shown.get("start_time")
        near = isinstance(started, int) and abs(started / 1000 - pending.asked_at) <= _tolerance(oracle) + 0.2
        judge.hold("identity.clock", exchange, near or not pending.asked_at, pending.asked_at, started, "start_time")
    if known.config is None:
        early = document.get("config", "no config")
        judge.hold("lifecycle.creating", exchange, "config" not in document, "no config yet", early, "config")
    else:
        differences = config_differences(known.config, document.get("config"), None)
        judge.hold_all("lifecycle.old-serves", exchange, differences)
    _suspend(oracle, known, exchange, state)


def _config(oracle: Oracle, exchange: Exchange, wanted: Any, shown: Json, deployment: str, when: str) -> None:
    found: dict[str, list[tuple[str, Json, Json]]] = {}
    for where, expected, got in config_differences(wanted, shown, deployment):
        found.setdefault(_law_of(where), []).append((when + where, expected, got))
    for law in ("lifecycle.version", "memory.traffic", "shape.mirror", "lifecycle.transition", "memory.config"):
        oracle.judge.hold_all(law, exchange, found.get(law, ()))
    if isinstance(shown, dict):
        _entities(oracle, exchange, shown, when)


def _law_of(where: str) -> str:
    if where.startswith("mirror"):
        return "shape.mirror"
    if "config_version" in where:
        return "lifecycle.version"
    if "traffic" in where:
        return "memory.traffic"
    return "lifecycle.transition" if where.endswith(".deployment") else "memory.config"


def _entities(oracle: Oracle, exchange: Exchange, shown: dict[str, Json], when: str) -> None:
    for entity in shown.get("served_entities") or []:
        if not isinstance(entity, dict):
            continue
        missing = [key for key in ("name", "state", "creator", "creation_timestamp") if key not in entity]
        if "entity_name" in entity:
            missing += [key for key in ("workload_type",) if key not in entity]
        oracle.judge.hold(
            "shape.complete", exchange, not missing, "every member", f"without {missing}", f"{when}entity"
        )
        if oracle.caller:
            kept = entity.get("creator") == oracle.caller
            oracle.judge.hold("identity.creator", exchange, kept, oracle.caller, entity.get("creator"), "entity")
        made = entity.get("creation_timestamp")
        latest = (exchange.ended_at + _tolerance(oracle)) * 1000
        kept = isinstance(made, int) and 1_000_000_000_000 < made <= latest
        oracle.judge.hold("identity.clock", exchange, kept, "milliseconds, not in the future", made, f"{when}entity")
        born = exchange.document.get("creation_timestamp")
        if isinstance(made, int) and isinstance(born, int):
            older = made < born - _tolerance(oracle) * 1000
            oracle.judge.hold("identity.clock", exchange, not older, f"not before {born}", made, f"{when}entity's age")


def _members(oracle: Oracle, known: Known, exchange: Exchange, document: dict[str, Json]) -> None:
    """Everything beside the configuration that was written."""
    judge = oracle.judge
    for key, value in known.members.items():
        shown = document.get(key)
        kept = shown == value and isinstance(shown, bool) is isinstance(value, bool)
        judge.hold("memory.description", exchange, kept or key not in document, value, shown, key)
    tags = tags_of(document.get("tags"))
    if known.tags is not None:
        judge.hold("memory.tags", exchange, tags == known.tags, known.tags, document.get("tags", "no tags"))
    judge_gateway(oracle, known, exchange, document.get("ai_gateway"))
    if known.notifications is not None:
        shown = document.get("email_notifications")
        judge.hold_all("memory.notifications", exchange, echo_differences(known.notifications, shown))
        judge.hold_all(
            "memory.notifications", exchange, echo_differences(known_notifications(shown), known.notifications)
        )
    kinds = {"external": "EXTERNAL_MODEL", "custom": "CUSTOM_MODEL"}
    if known.kind in kinds:
        kept = document.get("endpoint_type") == kinds[known.kind]
        judge.hold("shape.complete", exchange, kept, kinds[known.kind], document.get("endpoint_type"), "endpoint_type")
    if known.kind == "external":
        serving = known.config or known.pending
        task = (serving.entities[0].get("external_model") or {}).get("task") if serving else None
        later = (known.pending.entities[0].get("external_model") or {}).get("task") if known.pending else task
        kept = document.get("task") in (task, later)
        judge.hold("shape.complete", exchange, kept, task, document.get("task"), "task")


def _write_only(oracle: Oracle, known: Known, exchange: Exchange, document: dict[str, Json]) -> None:
    """Members that the service takes and does not show: a read that has them is drift for every client."""
    if exchange.asked.method != "GET":
        return
    hidden = ["rate_limits", "budget_policy_id"]
    if known.mailed and known.notifications is None:
        hidden.append("email_notifications")
    for member in hidden:
        kept = is_empty(document.get(member))
        oracle.judge.hold("memory.write-only", exchange, kept, f"no {member}", document.get(member), member)


def _history(oracle: Oracle, known: Known, exchange: Exchange, document: dict[str, Json]) -> None:
    """What was not written has not changed since the last read; the time of the update tells of what was."""
    before = known.document
    updated = document.get("last_updated_timestamp")
    if isinstance(updated, int) and known.changed_at:
        earliest = (int(known.changed_at) - 1) * 1000 if oracle.is_loopback else (known.changed_at - 300) * 1000
        kept = updated >= earliest
        oracle.judge.hold("identity.update-time", exchange, kept, f"at least {earliest}", updated, "moved")
    if before is None:
        return
    explained = known.explained | ({"task"} if "config" in known.explained else set())
    if {"config", "pending_config"} & explained:
        explained |= {"endpoint_url", "data_plane_info", "endpoint_type"}
    old = {key: value for key, value in before.items() if key not in explained}
    new = {key: value for key, value in document.items() if key not in explained}
    for where, was, now in changes(old, new):
        if where.endswith("deployment_state_message"):
            continue
        law = "identity.update-time" if where == "last_updated_timestamp" else "memory.stable"
        oracle.judge.hold(law, exchange, False, f"{was}, as before", now, where)
    oracle.judge.hold("memory.stable", exchange, True)
