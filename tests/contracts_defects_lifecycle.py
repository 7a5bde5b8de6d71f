"""Defects of lifecycles and of rate limits."""

from __future__ import annotations

from contracts_planting import Case, defect

# --- lifecycle ---


@defect("lifecycle.creating", "external-lifecycle")
def ready_while_creating(case: Case) -> None:
    for document in case.endpoints():
        document["state"]["ready"] = "READY"


@defect("lifecycle.settles", "external-lifecycle")
def updates_never_end(case: Case) -> None:
    for document in case.endpoints():
        document["state"]["config_update"] = "IN_PROGRESS"


@defect("lifecycle.config-less", "without-configuration")
def an_empty_config_appears(case: Case) -> None:
    for document in case.endpoints():
        if "pending_config" not in document:
            document.setdefault("config", {})


@defect("lifecycle.version", "external-lifecycle")
def the_version_stays_one(case: Case) -> None:
    for config in case.configs():
        config["config_version"] = 1


@defect("lifecycle.old-serves", "external-lifecycle")
def the_new_config_is_shown_early(case: Case) -> None:
    for document in case.endpoints():
        if "config" in document and "pending_config" in document:
            pending = dict(document["pending_config"])
            pending.pop("start_time", None)
            document["config"] = pending


@defect("lifecycle.old-serves", "external-lifecycle")
def not_ready_while_updating(case: Case) -> None:
    for document in case.endpoints():
        if document["state"]["config_update"] == "IN_PROGRESS":
            document["state"]["ready"] = "NOT_READY"


@defect("lifecycle.old-answers", "custom-lifecycle")
def no_answers_while_updating(case: Case) -> None:
    for document in case.endpoints():
        case.memory[document["name"]] = "config" in document and "pending_config" in document
    if case.is_query and case.memory.get(case.name):
        case.refuse(400, "BAD_REQUEST", "The endpoint is being updated.")


@defect("lifecycle.pending", "external-lifecycle")
def pending_is_not_shown(case: Case) -> None:
    for document in case.endpoints():
        document.pop("pending_config", None)


@defect("lifecycle.pending", "external-lifecycle")
def pending_stays_for_ever(case: Case) -> None:
    for document in case.endpoints():
        if "pending_config" in document:
            case.memory[document["name"]] = document["pending_config"]
        elif document["name"] in case.memory:
            document["pending_config"] = case.memory[document["name"]]


@defect("lifecycle.conflict", "custom-lifecycle")
def second_updates_are_accepted(case: Case) -> None:
    if case.is_("PUT", "/config") and case.ok:
        case.memory[case.name] = case.body
    elif case.is_("PUT", "/config") and case.status == 409 and case.name in case.memory:
        case.status, case.body = 200, case.memory[case.name]


@defect("lifecycle.race", "racing-creates")
def both_racers_win(case: Case) -> None:
    name = str(case.members.get("name"))
    if case.is_create and "race" in name:
        if case.ok:
            case.memory[name] = case.body
        elif name in case.memory:
            case.status, case.body = 200, case.memory[name]


@defect("lifecycle.transition", "external-lifecycle")
def entities_are_creating_for_ever(case: Case) -> None:
    for document in case.endpoints():
        for entity in (document.get("config") or {}).get("served_entities") or []:
            if "state" in entity:
                entity["state"]["deployment"] = "DEPLOYMENT_CREATING"


@defect("lifecycle.stop-start", "stop-and-start")
def stopped_is_not_said(case: Case) -> None:
    for document in case.endpoints():
        document["state"]["suspend"] = "NOT_SUSPENDED"


@defect("lifecycle.not-ready", "custom-lifecycle")
def answers_before_it_is_ready(case: Case) -> None:
    if case.is_query and case.status == 400:
        case.status, case.json = 200, {"predictions": [1]}
        case.set_header("served-model-name", "blue")


@defect("lifecycle.undisturbed", "custom-lifecycle")
def no_tags_while_updating(case: Case) -> None:
    if case.is_("PATCH", "/tags"):
        case.refuse(409, "RESOURCE_CONFLICT", "The endpoint is being updated.")


@defect("lifecycle.telemetry-conflict", "custom-lifecycle")
def telemetry_conflict_is_a_400(case: Case) -> None:
    if case.path.endswith("/telemetry-config") and case.status == 409:
        case.refuse(400, "BAD_REQUEST", "Busy.")


# --- limits ---


@defect("limits.enforced", "enforced-limits", before=True)
def limits_are_forgotten(case: Case) -> None:
    if case.path.endswith("/rate-limits"):
        case.sent = case.sent.replace(b'"calls": 4', b'"calls": 400')


@defect("limits.not-early", "enforced-limits", before=True)
def limits_come_one_early(case: Case) -> None:
    if case.path.endswith("/rate-limits"):
        case.sent = case.sent.replace(b'"calls": 4', b'"calls": 3')


@defect("limits.envelope", "enforced-limits")
def limits_are_overloads(case: Case) -> None:
    if case.status == 429 and isinstance(case.json, dict):
        case.json["error_code"] = "RESOURCE_EXHAUSTED"


@defect("limits.retry-after", "enforced-limits")
def no_retry_after(case: Case) -> None:
    if case.status == 429:
        case.set_header("Retry-After", None)


@defect("limits.retry-after", "limits-by-every-route")
def the_wait_is_not_long_enough(case: Case) -> None:
    if case.status == 429:
        case.set_header("Retry-After", "1")


@defect("limits.scope", "enforced-limits")
def limits_are_never_lifted(case: Case) -> None:
    if case.is_query and case.status == 429:
        case.memory[case.name] = (case.body, list(case.headers))
    elif case.is_query and case.name in case.memory:
        case.status, (case.body, case.headers) = 429, case.memory[case.name]


@defect("limits.enforced", "token-limits", before=True)
def tokens_are_not_limited(case: Case) -> None:
    if case.path.endswith("/ai-gateway"):
        case.sent = case.sent.replace(b'"tokens": 30', b'"tokens": 3000000')


@defect("limits.enforced", "limits-of-none", before=True)
def a_limit_of_none_is_no_limit(case: Case) -> None:
    if case.path.endswith("/ai-gateway"):
        case.sent = case.sent.replace(b'"calls": 0', b'"calls": 900')


@defect("limits.enforced", "limits-by-every-route")
def one_route_is_not_limited(case: Case) -> None:
    if case.path == "/serving-endpoints/chat/completions":
        if case.ok:
            case.memory["answer"] = case.body, list(case.headers)
        elif case.status == 429:
            case.status, (case.body, case.headers) = 200, case.memory["answer"]


@defect("limits.enforced", "limits-of-groups", before=True)
def groups_are_not_limited(case: Case) -> None:
    if case.path.endswith("/ai-gateway"):
        case.sent = case.sent.replace(b'"principal": "', b'"principal": "not-')
