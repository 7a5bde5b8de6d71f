"""Defects of shape, identity and time."""

from __future__ import annotations

import time

from contracts_planting import Case, defect

# --- shape ---


@defect("shape.body", "external-lifecycle")
def ready_is_a_boolean(case: Case) -> None:
    for document in case.endpoints():
        document["state"]["ready"] = document["state"]["ready"] == "READY"


@defect("shape.status", "external-lifecycle")
def created_is_201(case: Case) -> None:
    if case.is_create and case.status == 200:
        case.status = 201


@defect("shape.media-type", "tags")
def tags_as_text(case: Case) -> None:
    if case.is_("PATCH", "/tags"):
        case.set_header("Content-Type", "text/plain")


@defect("shape.envelope", "missing-endpoints")
def refusals_in_html(case: Case) -> None:
    if case.status == 404:
        case.set_header("Content-Type", "text/html")
        case.body = b"<html><body>Not Found</body></html>"


@defect("shape.envelope", "missing-endpoints")
def refusals_without_a_message(case: Case) -> None:
    if case.status == 404 and isinstance(case.json, dict):
        case.json["message"] = ""


@defect("shape.error-code", "missing-endpoints")
def not_found_says_endpoint_not_found(case: Case) -> None:
    if case.status == 404 and isinstance(case.json, dict):
        case.json["error_code"] = "ENDPOINT_NOT_FOUND"


@defect("shape.headers", "strangers-read")
def no_way_to_authenticate(case: Case) -> None:
    if case.status == 401:
        case.set_header("WWW-Authenticate", None)


@defect("shape.headers", "wrong-methods")
def no_allow_header(case: Case) -> None:
    case.set_header("Allow", None)


@defect("shape.complete", "external-lifecycle")
def creator_kind_is_lost(case: Case) -> None:
    for document in case.endpoints():
        document.pop("creator_kind", None)


@defect("shape.mirror", "custom-lifecycle")
def served_models_are_lost(case: Case) -> None:
    for document in case.endpoints():
        (document.get("config") or {}).pop("served_models", None)


@defect("shape.mirror", "external-lifecycle")
def routes_lose_the_older_name(case: Case) -> None:
    for document in case.endpoints():
        for route in ((document.get("config") or {}).get("traffic_config") or {}).get("routes") or []:
            route.pop("served_model_name", None)


# --- identity ---


@defect("identity.id-form", "external-lifecycle")
def ids_with_dashes(case: Case) -> None:
    for document in case.endpoints():
        text = document["id"]
        document["id"] = "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


@defect("identity.id-stable", "external-lifecycle")
def ids_change_on_update(case: Case) -> None:
    for document in case.endpoints():
        version = (document.get("config") or {}).get("config_version", 1)
        if version > 1:
            document["id"] = f"{version:032x}"


@defect("identity.id-fresh", "deleted-while-deploying")
def recreated_endpoints_keep_their_id(case: Case) -> None:
    ids = case.memory.setdefault("ids", {})
    for document in case.endpoints():
        document["id"] = ids.setdefault(document["name"], document["id"])


@defect("identity.name", "notifications")
def notifications_name_another(case: Case) -> None:
    if case.is_("PATCH", "/notifications") and case.ok:
        case.json["name"] += "x"


@defect("identity.creator", "external-lifecycle")
def somebody_else_created_it(case: Case) -> None:
    for document in case.endpoints():
        document["creator"] = "somebody@else.example"


@defect("identity.creation-time", "external-lifecycle")
def creation_time_moves(case: Case) -> None:
    for document in case.endpoints():
        document["creation_timestamp"] = document["last_updated_timestamp"]


@defect("identity.update-time", "external-lifecycle")
def update_time_is_frozen(case: Case) -> None:
    for document in case.endpoints():
        document["last_updated_timestamp"] = document["creation_timestamp"]


@defect("identity.update-time", "witness")
def update_time_moves_on_reads(case: Case) -> None:
    for document in case.endpoints():
        document["last_updated_timestamp"] = int(time.time()) * 1000


@defect("identity.clock", "external-lifecycle")
def times_in_seconds(case: Case) -> None:
    for document in case.endpoints():
        for key in ("creation_timestamp", "last_updated_timestamp"):
            document[key] //= 1000


@defect("identity.caller", "external-lifecycle")
def owners_may_only_view(case: Case) -> None:
    for document in case.endpoints():
        document["permission_level"] = "CAN_VIEW"
