"""Defects of memory: what was written is not what is read."""

from __future__ import annotations

from contracts_planting import Case, defect


@defect("memory.config", "custom-lifecycle")
def environment_is_lost(case: Case) -> None:
    for entity in case.entities():
        entity.pop("environment_vars", None)


@defect("memory.config", "accepted-providers")
def provider_config_is_lost(case: Case) -> None:
    for entity in case.entities():
        (entity.get("external_model") or {}).get("anthropic_config", {}).pop("anthropic_api_key", None)


@defect("memory.traffic", "custom-lifecycle")
def traffic_is_evened_out(case: Case) -> None:
    for config in case.configs():
        routes = (config.get("traffic_config") or {}).get("routes") or []
        for route in routes:
            route["traffic_percentage"] = 100 // len(routes)


@defect("memory.tags", "tags", before=True)
def deleted_tags_stay(case: Case) -> None:
    if case.is_("PATCH", "/tags") and case.members.get("delete_tags"):
        case.ask({**case.members, "delete_tags": []})


@defect("memory.tags", "tags")
def tags_come_twice(case: Case) -> None:
    for document in case.endpoints():
        document["tags"] = [*document.get("tags", []), *document.get("tags", [])[:1]]


@defect("memory.rate-limits", "gateway-and-limits")
def limits_are_off_by_one(case: Case) -> None:
    if case.is_("PUT", "/rate-limits") and case.ok:
        for limit in (case.json or {}).get("rate_limits") or []:
            limit["calls"] += 1


@defect("memory.ai-gateway", "gateway-and-limits")
def guardrails_are_not_shown(case: Case) -> None:
    for document in case.endpoints():
        (document.get("ai_gateway") or {}).pop("guardrails", None)


@defect("memory.notifications", "notifications")
def notifications_are_merged(case: Case) -> None:
    if case.is_("PATCH", "/notifications") and case.ok:
        kept = case.memory.setdefault(case.name, {})
        kept.update(case.json["email_notifications"])
        case.json["email_notifications"] = dict(kept)


@defect("memory.telemetry", "older-form")
def telemetry_is_not_removed(case: Case) -> None:
    for document in case.endpoints():
        kept = case.memory.setdefault(document["name"], {})
        if "telemetry_config" in document:
            kept["telemetry"] = document["telemetry_config"]
        elif "telemetry" in kept:
            document["telemetry_config"] = kept["telemetry"]


@defect("memory.permissions", "permissions", before=True)
def permissions_are_replaced_by_patch(case: Case) -> None:
    if case.method == "PATCH" and "/permissions/" in case.path:
        case.environ["REQUEST_METHOD"] = "PUT"


@defect("memory.description", "external-lifecycle")
def description_is_lost(case: Case) -> None:
    for document in case.endpoints():
        document["description"] = ""


@defect("memory.stable", "witness")
def budget_policy_wanders(case: Case) -> None:
    if case.is_("GET"):
        for document in case.endpoints():
            document["effective_budget_policy_id"] = f"00000000-0000-4000-8000-{case.number:012d}"


@defect("memory.stable", "steady-replies")
def every_20th_get_is_of_nothing(case: Case) -> None:
    if case.is_("GET") and case.ok:
        case.memory["gets"] = case.memory.get("gets", 0) + 1
        if case.memory["gets"] % 20 == 0:
            case.refuse(404, "RESOURCE_DOES_NOT_EXIST", f"Endpoint with name '{case.name}' does not exist.")


@defect("memory.list-has", "external-lifecycle")
def the_list_omits_the_latest(case: Case) -> None:
    if case.is_list and case.ok and any(True for _ in case.endpoints()):
        case.json["endpoints"].pop()


@defect("memory.list-has", "external-lifecycle")
def the_list_repeats_the_latest(case: Case) -> None:
    if case.is_list and case.ok and any(True for _ in case.endpoints()):
        case.json["endpoints"].append(case.json["endpoints"][-1])


@defect("memory.list-agrees", "external-lifecycle")
def the_list_forgets_tags(case: Case) -> None:
    if case.is_list:
        for document in case.endpoints():
            document.pop("tags", None)


@defect("memory.list-agrees", "external-lifecycle")
def the_list_is_always_ready(case: Case) -> None:
    if case.is_list:
        for document in case.endpoints():
            document["state"] |= {"ready": "READY", "config_update": "NOT_UPDATING"}


@defect("memory.neighbours", "witness", "tags")
def tags_reach_the_neighbours(case: Case) -> None:
    if case.is_("PATCH", "/tags") and case.ok:
        case.memory["tagged"] = True
    elif case.is_("GET") and case.memory.get("tagged"):
        for document in case.endpoints():
            if "witness" in document["name"]:
                document["tags"] = [*document.get("tags", []), {"key": "stray"}]


@defect("memory.delete", "external-lifecycle")
def the_deleted_can_be_read(case: Case) -> None:
    kept = case.memory.setdefault("documents", {})
    if case.is_("GET") and case.ok:
        kept[case.name] = case.json
    elif case.is_("GET") and case.status == 404 and case.name in kept:
        case.status, case.json = 200, kept[case.name]


@defect("memory.delete", "external-lifecycle", before=True)
def deleting_does_nothing(case: Case) -> bool:
    if not case.is_("DELETE"):
        return False
    case.status, case.headers, case.json = 200, [("Content-Type", "application/json")], {}
    return True


@defect("memory.delete", "external-lifecycle")
def the_deleted_stay_listed(case: Case) -> None:
    kept = case.memory.setdefault("items", {})
    if case.is_list and case.ok:
        present = {document["name"] for document in case.endpoints()}
        kept.update({document["name"]: document for document in case.endpoints()})
        case.json["endpoints"] += [item for name, item in kept.items() if name not in present]


@defect("memory.duplicate", "refused-updates", before=True)
def duplicates_are_welcome(case: Case) -> bool:
    if not case.is_create or not case.members:
        return False
    known = case.memory.setdefault("names", {})
    name = str(case.members.get("name"))
    if name in known:
        case.status, case.headers, case.json = 200, [("Content-Type", "application/json")], known[name]
        return True
    known[name] = {"name": name}
    return False


@defect("memory.refused-write", "refused-updates")
def refused_updates_leave_a_tag(case: Case) -> None:
    refused = case.memory.setdefault("refused", set())
    if case.is_("PUT", "/config") and case.status == 400:
        refused.add(case.name)
    elif case.is_("GET") and case.name in refused:
        for document in case.endpoints():
            document["tags"] = [{"key": "half-done"}]


@defect("memory.recreate", "external-lifecycle")
def tags_survive_re_creation(case: Case) -> None:
    kept = case.memory.setdefault("tags", {})
    for document in case.endpoints():
        if document.get("tags"):
            kept[document["name"]] = document["tags"]
        elif document["name"] in kept:
            document["tags"] = kept[document["name"]]


@defect("memory.catalog", "foundation-models")
def foundation_models_have_ids(case: Case) -> None:
    if case.is_list and case.ok:
        for item in case.json["endpoints"]:
            item.setdefault("id", "0" * 32)


@defect("memory.documents", "documents")
def logs_are_empty(case: Case) -> None:
    if case.path.endswith("/logs") and case.ok:
        case.json["logs"] = ""


@defect("memory.documents", "documents")
def openapi_of_another(case: Case) -> None:
    if case.path.endswith("/openapi") and case.ok:
        case.body = case.body.replace(case.name.encode(), b"another-endpoint")


@defect("memory.identity", "discovery")
def the_user_changes(case: Case) -> None:
    if case.path.endswith("/Me") and case.ok:
        case.json["userName"] = f"user{case.number}@example.com"
