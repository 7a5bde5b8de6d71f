"""Planted defects: thin WSGI layers over the mock, each of which breaks one law of the contract.

`python tests/contracts_defects.py serve NAME` puts one on a socket, `list` prints them; `serve clean` has none.
"""

from __future__ import annotations

import itertools
import json
import re
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

sys.path.insert(0, str(Path(__file__).absolute().parent.parent))

from werkzeug.serving import WSGIRequestHandler, make_server

from mockserver.app import create_app
from mockserver.core import Mock
from mockserver.settings import Settings

Json = Any
LIST = "/api/2.0/serving-endpoints"


@dataclass
class Case:
    """One request with its reply, both open to change. ``memory`` lasts as long as the server."""

    environ: dict[str, Any]
    sent: bytes
    memory: dict[str, Any]
    number: int
    status: int = 0
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    chunks: list[bytes] | None = None
    _json: Json = None
    _read: bool = False

    @property
    def method(self) -> str:
        return str(self.environ["REQUEST_METHOD"])

    @property
    def path(self) -> str:
        return str(self.environ["PATH_INFO"])

    @property
    def name(self) -> str:
        """The endpoint in the path."""
        hit = re.match(r"(?:/api/2\.0)?/serving-endpoints/(?:pt/)?([^/]+)", self.path)
        return unquote(hit.group(1)) if hit else ""

    @property
    def asked(self) -> Json:
        try:
            return json.loads(self.sent)
        except ValueError:
            return None

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    @property
    def json(self) -> Json:
        """The reply as JSON; changes are sent."""
        if not self._read:
            self._read = True
            try:
                self._json = json.loads(self.body)
            except ValueError:
                self._json = None
        return self._json

    @json.setter
    def json(self, value: Json) -> None:
        self._read, self._json = True, value

    @property
    def is_stream(self) -> bool:
        return self.header("content-type").startswith("text/event-stream")

    def header(self, name: str) -> str:
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")

    def set_header(self, name: str, value: str | None) -> None:
        self.headers = [(key, old) for key, old in self.headers if key.lower() != name.lower()]
        if value is not None:
            self.headers.append((name, value))

    def is_(self, method: str, tail: str = "") -> bool:
        """Whether this is a request of one endpoint's (sub-)resource, such as ``PUT /config``."""
        return self.method == method and bool(re.fullmatch(rf"{LIST}/[^/]+{tail}", self.path))

    @property
    def is_create(self) -> bool:
        return self.method == "POST" and self.path.rstrip("/") == LIST

    @property
    def is_list(self) -> bool:
        return self.method == "GET" and self.path.rstrip("/") == LIST

    @property
    def is_query(self) -> bool:
        return self.path.startswith("/serving-endpoints/") and self.method == "POST"

    def endpoints(self) -> Iterator[dict[str, Json]]:
        """The documents of own endpoints in the reply."""
        if not self.ok or not isinstance(self.json, dict):
            return
        items = self.json.get("endpoints") if self.is_list else [self.json]
        yield from (item for item in items or [] if isinstance(item, dict) and "id" in item and "creator" in item)

    def refuse(self, status: int, code: Json, message: str = "Refused.") -> None:
        self.status, self.headers = status, [("Content-Type", "application/json")]
        self.json = {"error_code": code, "message": message}


Change = Callable[[Case], Any]


@dataclass(frozen=True)
class Defect:
    """``before`` may answer by itself (True) or change the request; ``after`` changes the reply."""

    name: str
    law: str
    journeys: tuple[str, ...]
    change: Change
    before: bool = False


DEFECTS: dict[str, Defect] = {}


def defect(law: str, *journeys: str, before: bool = False) -> Callable[[Change], Change]:
    """Plant a defect that must be found as a breach of this law, on these journeys."""

    def plant(change: Change) -> Change:
        name = change.__name__.replace("_", "-")
        assert name not in DEFECTS, name
        DEFECTS[name] = Defect(name, law, journeys, change, before)
        return change

    return plant


class Tampered:
    """The mock's application with one defect."""

    def __init__(self, app: Callable[..., Iterable[bytes]], planted: Defect | None) -> None:
        self.app, self.planted = app, planted
        self.memory: dict[str, Any] = {"lock": threading.RLock()}
        self.numbers = itertools.count(1)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if self.planted is None:
            return self.app(environ, start_response)
        length = int(environ.get("CONTENT_LENGTH") or 0)
        sent = environ["wsgi.input"].read(length) if length else b""
        case = Case(environ, sent, self.memory, next(self.numbers))
        with self.memory["lock"] if self.planted.before else nullcontext():
            if not (self.planted.before and self.planted.change(case)):
                self._ask(case)
        if not self.planted.before:
            slow = self.planted.law == "robust.time"
            with nullcontext() if slow else self.memory["lock"]:
                self.planted.change(case)
        return self._answer(case, start_response)

    def _ask(self, case: Case) -> None:
        import io

        case.environ["wsgi.input"] = io.BytesIO(case.sent)
        if case.sent or case.environ.get("CONTENT_LENGTH"):
            case.environ["CONTENT_LENGTH"] = str(len(case.sent))
        caught: dict[str, Any] = {}

        def start(status: str, headers: list[tuple[str, str]], _: Any = None) -> Callable[[bytes], None]:
            caught.update(status=int(status.split()[0]), headers=list(headers))
            return lambda _: None

        parts = self.app(case.environ, start)
        chunks = list(parts)
        if hasattr(parts, "close"):
            parts.close()
        case.status, case.headers, case.body = caught["status"], caught["headers"], b"".join(chunks)
        if case.is_stream:
            case.chunks = chunks

    def _answer(self, case: Case, start_response: Callable[..., Any]) -> Iterable[bytes]:
        if case._read and case._json is not None:
            case.body = json.dumps(case._json).encode()
        stream = case.chunks is not None
        if not stream:
            case.set_header("Content-Length", str(len(case.body)) if case.method != "HEAD" else None)
        start_response(f"{case.status} Whatever", case.headers)
        return list(case.chunks or []) if stream else [case.body]


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


# --- memory ---


@defect("memory.config", "custom-lifecycle")
def environment_is_lost(case: Case) -> None:
    for document in case.endpoints():
        for form in ("config", "pending_config"):
            for entity in (document.get(form) or {}).get("served_entities") or []:
                entity.pop("environment_vars", None)


@defect("memory.config", "accepted-providers")
def provider_config_is_lost(case: Case) -> None:
    for document in case.endpoints():
        for form in ("config", "pending_config"):
            for entity in (document.get(form) or {}).get("served_entities") or []:
                (entity.get("external_model") or {}).get("anthropic_config", {}).pop("anthropic_api_key", None)


@defect("memory.traffic", "custom-lifecycle")
def traffic_is_evened_out(case: Case) -> None:
    for document in case.endpoints():
        for form in ("config", "pending_config"):
            routes = ((document.get(form) or {}).get("traffic_config") or {}).get("routes") or []
            for route in routes:
                route["traffic_percentage"] = 100 // len(routes)


@defect("memory.tags", "tags")
def deleted_tags_stay(case: Case) -> bool:
    if case.is_("PATCH", "/tags") and isinstance(case.asked, dict) and case.asked.get("delete_tags"):
        case.sent = json.dumps({**case.asked, "delete_tags": []}).encode()
    return False


DEFECTS["deleted-tags-stay"] = Defect("deleted-tags-stay", "memory.tags", ("tags",), deleted_tags_stay, before=True)


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
def permissions_are_replaced_by_patch(case: Case) -> bool:
    if case.method == "PATCH" and "/permissions/" in case.path:
        case.environ["REQUEST_METHOD"] = "PUT"
    return False


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
    if not case.is_create or not isinstance(case.asked, dict):
        return False
    known = case.memory.setdefault("names", {})
    name = case.asked.get("name")
    if name in known:
        case.status, case.headers, case.json = 200, [("Content-Type", "application/json")], known[name]
        return True
    known[name] = {"name": name}
    return False


@defect("memory.refused-write", "refused-updates", before=True)
def refused_updates_leave_a_tag(case: Case) -> bool:
    if case.is_("PUT", "/config"):
        case.memory.setdefault("updated", set()).add(case.name)
    return False


def _mark_refused(case: Case) -> None:
    refused = case.memory.setdefault("refused", set())
    if case.is_("PUT", "/config") and case.status == 400:
        refused.add(case.name)
    elif case.is_("GET") and case.name in refused:
        for document in case.endpoints():
            document["tags"] = [{"key": "half-done"}]


DEFECTS["refused-updates-leave-a-tag"] = Defect(
    "refused-updates-leave-a-tag", "memory.refused-write", ("refused-updates",), _mark_refused
)


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
    for document in case.endpoints():
        for form in ("config", "pending_config"):
            if form in document:
                document[form]["config_version"] = 1


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
    if case.is_create and isinstance(case.asked, dict) and "race" in str(case.asked.get("name")):
        if case.ok:
            case.memory[case.asked["name"]] = case.body
        elif case.asked["name"] in case.memory:
            case.status, case.body = 200, case.memory[case.asked["name"]]


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


# --- rules: an invalid request slips through ---


def _let_through(law: str, journey: str, name: str, fits: Callable[[Case], bool]) -> None:
    """A defect that accepts what ``fits`` says although it is refused."""

    def change(case: Case) -> None:
        if case.status in (400, 415) and fits(case):
            case.status = 200
            case.headers = [("Content-Type", "application/json")]
            case.json = {
                "name": (case.asked or {}).get("name", case.name) if isinstance(case.asked, dict) else case.name
            }

    DEFECTS[name] = Defect(name, law, (journey,), change)


def _entities(case: Case) -> list[dict[str, Json]]:
    body = case.asked if isinstance(case.asked, dict) else {}
    config = body.get("config") if case.is_create else body
    entities = (config or {}).get("served_entities") if isinstance(config, dict) else None
    return [each for each in entities or [] if isinstance(each, dict)] if isinstance(entities, list) else []


def _routes(case: Case) -> list[dict[str, Json]]:
    body = case.asked if isinstance(case.asked, dict) else {}
    config = body.get("config") if case.is_create else body
    return ((config or {}).get("traffic_config") or {}).get("routes") or [] if isinstance(config, dict) else []


def _externals(case: Case) -> list[dict[str, Json]]:
    return [each["external_model"] for each in _entities(case) if "external_model" in each]


def _sums(case: Case) -> bool:
    shares = [route.get("traffic_percentage") for route in _routes(case)]
    return bool(shares) and all(type(share) is int for share in shares) and sum(shares) != 100


def _provider_configs(case: Case) -> list[tuple[str, dict[str, Json]]]:
    return [(key, value) for each in _externals(case) for key, value in each.items() if key.endswith("_config")]


def _wrong_reference(case: Case) -> bool:
    return any(
        key.endswith(("_key", "_token")) and isinstance(value, str) and not value.startswith("{{secrets/")
        for _, config in _provider_configs(case)
        for key, value in config.items()
    )


for _law, _journey, _name, _fits in (
    (
        "rules.name",
        "refused-traffic",
        "any-name-goes",
        lambda case: case.is_create and " " in str((case.asked or {}).get("name")),
    ),
    ("rules.traffic-sum", "refused-traffic", "sums-are-not-checked", _sums),
    (
        "rules.traffic-names",
        "refused-traffic",
        "routes-to-nowhere",
        lambda case: any(r.get("served_entity_name") == "c" for r in _routes(case)),
    ),
    (
        "rules.traffic-required",
        "refused-traffic",
        "traffic-is-guessed",
        lambda case: len(_entities(case)) == 2 and not _routes(case),
    ),
    (
        "rules.entity-names",
        "refused-entities",
        "entity-names-are-free",
        lambda case: any(" " in str(e.get("name")) for e in _entities(case)),
    ),
    (
        "rules.both-served",
        "refused-entities",
        "both-forms-together",
        lambda case: "served_models" in ((case.asked or {}).get("config") or {}),
    ),
    (
        "rules.mix",
        "refused-entities",
        "kinds-are-mixed",
        lambda case: len(_externals(case)) == 1 and len(_entities(case)) == 2,
    ),
    (
        "rules.foundation-kind",
        "refused-entities",
        "neither-kind",
        lambda case: any(not {"entity_name", "external_model"} & set(e) for e in _entities(case)),
    ),
    (
        "rules.external-exclusive",
        "refused-entities",
        "external-with-a-size",
        lambda case: any("external_model" in e and "workload_size" in e for e in _entities(case)),
    ),
    (
        "rules.scale-to-zero",
        "refused-entities",
        "scale-to-zero-is-guessed",
        lambda case: any("entity_name" in e and "scale_to_zero_enabled" not in e for e in _entities(case)),
    ),
    (
        "rules.same-task",
        "refused-entities",
        "tasks-are-mixed",
        lambda case: len({e.get("task") for e in _externals(case)}) == 2,
    ),
    (
        "rules.provider-config",
        "refused-providers",
        "empty-provider-config",
        lambda case: any(not config for _, config in _provider_configs(case)),
    ),
    (
        "rules.provider-known",
        "refused-providers",
        "unknown-provider",
        lambda case: any(e.get("provider") == "closedai" for e in _externals(case)),
    ),
    (
        "rules.secret-pair",
        "refused-providers",
        "both-halves-of-a-secret",
        lambda case: any(key + "_plaintext" in config for _, config in _provider_configs(case) for key in config),
    ),
    ("rules.secret-reference", "refused-providers", "pasted-secrets", _wrong_reference),
    (
        "rules.required",
        "refused-providers",
        "no-task-needed",
        lambda case: any("task" not in e for e in _externals(case)),
    ),
    (
        "rules.types",
        "refused-entities",
        "any-workload",
        lambda case: any(e.get("workload_type") == "QUANTUM" for e in _entities(case)),
    ),
    (
        "rules.gateway-config",
        "without-configuration",
        "gateway-without-config",
        lambda case: case.path.endswith("/ai-gateway"),
    ),
    (
        "rules.telemetry-kind",
        "notifications",
        "telemetry-for-everybody",
        lambda case: case.path.endswith("/telemetry-config"),
    ),
    ("rules.limit-values", "gateway-and-limits", "limits-by-the-hour", lambda case: b"hour" in case.sent),
    ("rules.tag-key", "tags", "dots-in-tags", lambda case: b'"a.b"' in case.sent),
    (
        "rules.kind-fixed",
        "refused-updates",
        "kinds-may-change",
        lambda case: case.is_("PUT", "/config") and len(_entities(case)) == 1 and b"keep" in case.sent,
    ),
    ("rules.grants", "permissions", "grants-of-nothing", lambda case: b"CAN_FLY" in case.sent),
    ("rules.by-id", "permissions", "permissions-by-name", lambda case: "/permissions/" in case.path),
    ("rules.provisioned", "refused-throughput", "units-are-optional", lambda case: case.path.endswith("/pt")),
    (
        "robust.malformed",
        "malformed-bodies",
        "half-a-document-will-do",
        lambda case: case.sent.startswith(b"{") and case.asked is None,
    ),
    (
        "robust.content-type",
        "malformed-bodies",
        "any-media-type",
        lambda case: case.environ.get("CONTENT_TYPE") == "application/xml",
    ),
):
    _let_through(_law, _journey, _name, _fits)


@defect("rules.accepts", "accepted-forms")
def fifteen_entities_are_too_many(case: Case) -> None:
    if case.is_create and len(_entities(case)) > 10 and case.ok:
        case.refuse(400, "INVALID_PARAMETER_VALUE", "At most 10.")


@defect("rules.unknown-fields", "accepted-forms")
def unknown_members_are_refused(case: Case) -> None:
    if case.is_create and b"made_up_member" in case.sent:
        case.refuse(400, "INVALID_PARAMETER_VALUE", "Unknown member.")


# --- access ---


@defect("access.no-token", "strangers-read", before=True)
def nobody_is_let_in(case: Case) -> bool:
    case.environ.setdefault("HTTP_AUTHORIZATION", "Bearer dapi-mock")
    return False


@defect("access.wrong-token", "strangers-read", before=True)
def every_token_is_good(case: Case) -> bool:
    if case.environ.get("HTTP_AUTHORIZATION", "").startswith("Bearer dapi"):
        case.environ["HTTP_AUTHORIZATION"] = "Bearer dapi-mock"
    return False


@defect("access.public", "discovery")
def discovery_wants_a_token(case: Case) -> None:
    if "well-known" in case.path and "HTTP_AUTHORIZATION" not in case.environ:
        case.refuse(401, 401)
        case.set_header("WWW-Authenticate", "Bearer realm=x")


@defect("access.basic", "basic-credentials")
def basic_is_refused(case: Case) -> None:
    if case.environ.get("HTTP_AUTHORIZATION", "").startswith("Basic") and case.ok:
        case.refuse(401, 401)
        case.set_header("WWW-Authenticate", "Bearer realm=x")


@defect("access.no-effect", "strangers-write", before=True)
def refused_and_done_all_the_same(case: Case) -> bool:
    if "HTTP_AUTHORIZATION" not in case.environ and case.is_("PATCH", "/tags"):
        case.environ["HTTP_AUTHORIZATION"] = "Bearer dapi-mock"
        case.memory["sneaked"] = True
    return False


def _sneak(case: Case) -> None:
    if case.is_("PATCH", "/tags") and case.status == 401:
        case.memory[case.name] = True
    elif case.is_("GET") and case.memory.get(case.name):
        for document in case.endpoints():
            document["tags"] = [*document.get("tags", []), {"key": "intruder", "value": "yes"}]


DEFECTS["refused-and-done-all-the-same"] = Defect(
    "refused-and-done-all-the-same", "access.no-effect", ("strangers-write",), _sneak
)


@defect("access.secret", "accepted-providers")
def plain_secrets_are_echoed(case: Case) -> None:
    if case.is_create:
        case.memory[(case.asked or {}).get("name")] = case.asked
    elif case.is_("GET") and case.name in case.memory:
        for document in case.endpoints():
            document["request"] = case.memory[case.name]


@defect("access.tokens", "issued-tokens")
def tokens_expire_at_once(case: Case) -> None:
    if case.path.endswith("/token") and case.ok:
        case.json["expires_in"] = 0


@defect("access.workspace", "other-workspace", before=True)
def workspaces_are_one(case: Case) -> bool:
    if case.environ.get("HTTP_AUTHORIZATION", "").startswith("Bearer dapi-mock-"):
        case.environ["HTTP_AUTHORIZATION"] = "Bearer dapi-mock"
    return False


@defect("access.levels", "lesser-rights", before=True)
def rights_are_not_enforced(case: Case) -> bool:
    credential = case.environ.get("HTTP_AUTHORIZATION", "")
    of_another = "sk-canary-" in credential or credential.count(".") == 2
    if of_another and not case.path.endswith("/Me"):
        case.environ["HTTP_AUTHORIZATION"] = "Bearer dapi-mock"
    return False


# --- robustness ---


@defect("robust.server-error", "malformed-bodies")
def bad_json_is_a_crash(case: Case) -> None:
    if case.sent and case.asked is None and case.status == 400:
        case.refuse(500, "INTERNAL_ERROR", "Oops.")


@defect("robust.replies", "steady-replies")
def every_30th_reply_is_cut(case: Case) -> None:
    if case.number % 30 == 0:
        case.chunks = [case.body[:10]]
        case.set_header("Content-Length", str(len(case.body) + 10))
        case.set_header("Connection", "close")


@defect("robust.time", "external-lifecycle")
def lists_are_slow(case: Case) -> None:
    if case.is_list:
        time.sleep(3.5)


@defect("robust.method", "wrong-methods")
def wrong_methods_are_bad_requests(case: Case) -> None:
    if case.status == 405:
        case.refuse(400, "BAD_REQUEST")


@defect("robust.route", "unknown-routes")
def unknown_routes_are_bad_requests(case: Case) -> None:
    if case.status == 404 and isinstance(case.json, dict) and case.json.get("error_code") == "ENDPOINT_NOT_FOUND":
        case.refuse(400, "BAD_REQUEST")


@defect("robust.slash", "unknown-routes")
def slashes_matter(case: Case) -> None:
    if case.path == f"{LIST}/":
        case.refuse(404, "ENDPOINT_NOT_FOUND")


@defect("robust.head", "wrong-methods")
def head_is_unknown(case: Case) -> None:
    if case.method == "HEAD":
        case.status, case.body = 400, b""


# --- limits ---


@defect("limits.enforced", "enforced-limits", before=True)
def limits_are_forgotten(case: Case) -> bool:
    if case.path.endswith("/rate-limits") and isinstance(case.asked, dict):
        case.sent = case.sent.replace(b'"calls": 4', b'"calls": 400')
    return False


@defect("limits.not-early", "enforced-limits", before=True)
def limits_come_one_early(case: Case) -> bool:
    if case.path.endswith("/rate-limits"):
        case.sent = case.sent.replace(b'"calls": 4', b'"calls": 3')
    return False


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
def tokens_are_not_limited(case: Case) -> bool:
    if case.path.endswith("/ai-gateway"):
        case.sent = case.sent.replace(b'"tokens": 30', b'"tokens": 3000000')
    return False


@defect("limits.enforced", "limits-of-none", before=True)
def a_limit_of_none_is_no_limit(case: Case) -> bool:
    if case.path.endswith("/ai-gateway"):
        case.sent = case.sent.replace(b'"calls": 0', b'"calls": 900')
    return False


@defect("limits.enforced", "limits-by-every-route")
def one_route_is_not_limited(case: Case) -> None:
    if case.path == "/serving-endpoints/chat/completions":
        if case.ok:
            case.memory["answer"] = case.body, list(case.headers)
        elif case.status == 429:
            case.status, (case.body, case.headers) = 200, case.memory["answer"]


@defect("limits.enforced", "limits-of-groups", before=True)
def groups_are_not_limited(case: Case) -> bool:
    if case.path.endswith("/ai-gateway"):
        case.sent = case.sent.replace(b'"principal": "', b'"principal": "not-')
    return False


# --- queries ---


def _answers(case: Case) -> list[dict[str, Json]]:
    """The choices of an unstreamed answer."""
    return (case.json or {}).get("choices") or [] if case.is_query and case.ok and isinstance(case.json, dict) else []


@defect("query.usage", "chat-queries")
def usage_does_not_add_up(case: Case) -> None:
    if _answers(case):
        case.json["usage"]["total_tokens"] += 1


@defect("query.choices", "chat-queries")
def one_choice_for_all(case: Case) -> None:
    if len(_answers(case)) > 1:
        del case.json["choices"][1:]


@defect("query.choices", "chat-queries")
def indexes_are_swapped(case: Case) -> None:
    for choice in _answers(case):
        choice["index"] = len(case.json["choices"]) - 1 - choice["index"] + (len(case.json["choices"]) == 1)


@defect("query.max-tokens", "chat-queries", before=True)
def max_tokens_are_ignored(case: Case) -> bool:
    if case.is_query and isinstance(case.asked, dict) and isinstance(case.asked.get("max_tokens"), int):
        case.sent = json.dumps({**case.asked, "max_tokens": max(case.asked["max_tokens"], 4) * 3}).encode()
    return False


@defect("query.stop", "chat-queries", before=True)
def stop_is_ignored(case: Case) -> bool:
    if case.is_query and isinstance(case.asked, dict) and "stop" in case.asked:
        case.sent = json.dumps({key: value for key, value in case.asked.items() if key != "stop"}).encode()
    return False


@defect("query.finish-reason", "chat-queries")
def finished_for_no_reason(case: Case) -> None:
    for choice in _answers(case):
        choice["finish_reason"] = "content_filter" if choice["finish_reason"] == "stop" else choice["finish_reason"]


@defect("query.message", "chat-queries")
def the_user_answers(case: Case) -> None:
    for choice in _answers(case):
        if "message" in choice:
            choice["message"]["role"] = "user"


@defect("query.model", "chat-queries")
def models_take_turns(case: Case) -> None:
    if _answers(case):
        case.json["model"] = f"model-{case.number % 3}"


@defect("query.fresh", "chat-queries")
def answers_share_an_id(case: Case) -> None:
    if _answers(case):
        case.json["id"] = "chatcmpl_always-the-same"


@defect("query.fresh", "chat-queries")
def answers_are_of_yesterday(case: Case) -> None:
    if _answers(case):
        case.json["created"] -= 86400


@defect("query.deterministic", "chat-queries")
def zero_is_not_zero(case: Case) -> None:
    for choice in _answers(case):
        if "message" in choice and isinstance(choice["message"].get("content"), str):
            choice["message"]["content"] += f" ({case.number})"


@defect("query.varied", "chat-queries", before=True)
def one_answer_for_everybody(case: Case) -> bool:
    if case.is_query and isinstance(case.asked, dict) and case.asked.get("messages"):
        same = [{"role": "user", "content": "Hello."}]
        case.sent = json.dumps({**case.asked, "messages": same}).encode()
    return False


@defect("query.served-model", "custom-queries")
def no_served_model_name(case: Case) -> None:
    case.set_header("served-model-name", None)


@defect("query.served-model", "custom-queries", before=True)
def all_traffic_to_the_first(case: Case) -> bool:
    if case.method == "POST" and case.path.endswith("scorer-001/invocations") and "served-models" not in case.path:
        case.environ["PATH_INFO"] = case.path.replace("/invocations", "/served-models/major/invocations")
    return False


@defect("query.routes", "openai-routes")
def the_gateway_is_closed(case: Case) -> None:
    if case.path.startswith("/ai-gateway/") and case.ok:
        case.refuse(400, "BAD_REQUEST")


def _embedded(case: Case) -> list[dict[str, Json]]:
    data = (case.json or {}).get("data") if case.is_query and case.ok and isinstance(case.json, dict) else None
    return data if isinstance(data, list) else []


@defect("query.embedding-size", "embedding-queries")
def embeddings_lose_a_dimension(case: Case) -> None:
    for each in _embedded(case)[1:]:
        each["embedding"].pop()


@defect("query.embedding-order", "embedding-queries")
def embeddings_come_in_reverse(case: Case) -> None:
    if _embedded(case):
        vectors = [each["embedding"] for each in case.json["data"]]
        for each, vector in zip(case.json["data"], reversed(vectors), strict=True):
            each["embedding"] = vector


@defect("query.embedding-norm", "embedding-queries")
def embeddings_are_doubled(case: Case) -> None:
    for each in _embedded(case):
        each["embedding"] = [2 * x for x in each["embedding"]]


@defect("query.embedding-sense", "embedding-queries")
def embeddings_are_all_alike(case: Case) -> None:
    for each in _embedded(case):
        case.memory.setdefault("vector", {}).setdefault(len(each["embedding"]), each["embedding"])
        each["embedding"] = case.memory["vector"][len(each["embedding"])]


@defect("query.predictions", "custom-queries")
def the_last_row_is_lost(case: Case) -> None:
    if case.is_query and case.ok and isinstance(case.json, dict) and len(case.json.get("predictions") or []) > 2:
        case.json["predictions"].pop()


@defect("query.input-forms", "custom-queries")
def two_forms_are_fine(case: Case) -> None:
    if case.is_query and case.status == 400:
        case.status, case.json = 200, {"predictions": [0]}
        case.set_header("served-model-name", "major")


@defect("query.refuses", "refused-queries", before=True)
def temperatures_are_clamped(case: Case) -> bool:
    if case.is_query and isinstance(case.asked, dict) and isinstance(case.asked.get("temperature"), int | float):
        case.sent = json.dumps({**case.asked, "temperature": min(2, max(0, case.asked["temperature"]))}).encode()
    return False


@defect("query.unknown-field", "refused-queries", before=True)
def unknown_members_are_dropped(case: Case) -> bool:
    if case.is_query and isinstance(case.asked, dict):
        case.sent = json.dumps({key: value for key, value in case.asked.items() if key != "made_up"}).encode()
    return False


@defect("query.unknown-endpoint", "openai-routes")
def unknown_endpoints_do_not_exist(case: Case) -> None:
    if case.is_query and case.status == 404:
        case.json["error_code"] = "RESOURCE_DOES_NOT_EXIST"


@defect("query.agent", "agent-queries")
def agents_are_silent(case: Case) -> None:
    if case.is_query and case.ok and isinstance(case.json, dict) and case.json.get("object") == "response":
        case.json["output"] = []


@defect("query.tools", "tools-and-formats")
def tools_lose_an_argument(case: Case) -> None:
    for choice in _answers(case):
        for call in (choice.get("message") or {}).get("tool_calls") or []:
            call["function"]["arguments"] = json.dumps({"city": "Oslo"})


@defect("query.json", "tools-and-formats")
def json_with_a_preface(case: Case) -> None:
    if isinstance(case.asked, dict) and "response_format" in case.asked:
        for choice in _answers(case):
            choice["message"]["content"] = "Here you are: " + str(choice["message"]["content"])


@defect("query.guardrail", "guardrails")
def guardrails_are_painted_on(case: Case) -> None:
    if case.is_query and case.status == 400 and b"guardrail" in case.body:
        case.status, case.json = 200, {"id": f"x{case.number}", "choices": []}


@defect("robust.time", "steady-replies", "refused-entities", "refused-providers", "accepted-providers")
def some_gets_are_slow(case: Case) -> None:
    if case.is_("GET") and case.number % 20 == 0:
        time.sleep(1)


@defect("query.counted", "documents")
def metrics_stand_still(case: Case) -> None:
    if case.path.endswith("/metrics") and case.ok:
        case.body = case.memory.setdefault(case.name, case.body)


# --- streams ---


def _events(case: Case) -> list[bytes]:
    return [b"data: " + part for part in case.body.split(b"data: ") if part.strip()] if case.is_stream else []


def _each(case: Case, change: Callable[[int, dict[str, Json]], Any]) -> None:
    """Change each JSON event of a chat stream."""
    if not case.is_stream:
        return
    changed = []
    for number, event in enumerate(_events(case)):
        data = event.removeprefix(b"data: ").strip()
        if data.startswith(b"{"):
            document = json.loads(data)
            change(number, document)
            event = b"data: " + json.dumps(document).encode() + b"\n\n"
        changed.append(event)
    case.chunks = changed


@defect("stream.media-type", "chat-streams")
def streams_are_plain_text(case: Case) -> None:
    if case.is_stream:
        case.chunks = case.chunks or [case.body]
        case.set_header("Content-Type", "text/plain")


@defect("stream.frames", "chat-streams")
def streams_keep_alive(case: Case) -> None:
    if case.is_stream:
        case.chunks = [b": keep-alive\n\n", *_events(case)]


@defect("stream.done", "chat-streams")
def streams_have_no_end(case: Case) -> None:
    if case.is_stream:
        case.chunks = [event for event in _events(case) if b"[DONE]" not in event]


@defect("stream.one-id", "chat-streams")
def every_event_has_an_id(case: Case) -> None:
    _each(case, lambda number, document: document.update(id=f"chatcmpl_{case.number}_{number}"))


@defect("stream.role", "chat-streams")
def streams_have_no_role(case: Case) -> None:
    def change(_: int, document: dict[str, Json]) -> None:
        for choice in document.get("choices") or []:
            (choice.get("delta") or {}).pop("role", None)

    _each(case, change)


@defect("stream.finish", "chat-streams")
def every_event_is_the_last(case: Case) -> None:
    def change(_: int, document: dict[str, Json]) -> None:
        for choice in document.get("choices") or []:
            choice["finish_reason"] = "stop"

    _each(case, change)


@defect("stream.equal", "chat-streams")
def one_event_comes_twice(case: Case) -> None:
    events = _events(case)
    if len(events) > 4:
        case.chunks = [*events[:3], events[2], *events[3:]]


@defect("stream.equal", "chat-streams")
def two_events_change_places(case: Case) -> None:
    events = _events(case)
    if len(events) > 5:
        case.chunks = [*events[:2], events[3], events[2], *events[4:]]


@defect("stream.delivered", "chat-streams")
def streams_come_at_once(case: Case) -> None:
    if case.is_stream:
        case.chunks = [case.body]


@defect("stream.usage", "chat-streams")
def streamed_usage_is_wrong(case: Case) -> None:
    def change(_: int, document: dict[str, Json]) -> None:
        if (document.get("usage") or {}).get("total_tokens"):
            document["usage"]["total_tokens"] += 5

    _each(case, change)


@defect("stream.refusal", "refused-queries")
def refusals_are_streamed(case: Case) -> None:
    if case.is_query and case.status == 400 and isinstance(case.asked, dict) and case.asked.get("stream") is True:
        case.set_header("Content-Type", "text/event-stream")


@defect("shape.event", "chat-streams")
def events_without_choices(case: Case) -> None:
    _each(case, lambda number, document: document.update(choices="none") if number == 1 else None)


# --- edges ---


@defect("lifecycle.old-answers", "served-until-replaced")
def the_new_entity_answers_at_once(case: Case) -> None:
    if case.is_("PUT", "/config") and case.ok:
        case.memory[case.name] = case.json["pending_config"]["served_entities"][0]["name"]
    elif case.is_query and case.ok and case.name in case.memory:
        case.set_header("served-model-name", case.memory[case.name])


@defect("memory.documents", "documents-of-the-day")
def the_document_names_another_server(case: Case) -> None:
    if case.is_("GET", "/openapi") and case.ok:
        case.json["servers"] = [{"url": "http://127.0.0.1/serving-endpoints/another"}]


@defect("robust.server-error", "extreme-numbers")
def numbers_overflow(case: Case) -> None:
    if re.search(rb"\d{19,}", case.sent):
        case.refuse(500, "INTERNAL_ERROR", "int too large")


@defect("robust.server-error", "extreme-texts")
def half_a_surrogate_crashes(case: Case) -> None:
    if b"\\ud800" in case.sent:
        case.refuse(500, "INTERNAL_ERROR", "surrogates not allowed")


@defect("robust.server-error", "nothing-where-something-is")
def null_crashes(case: Case) -> None:
    if b": null" in case.sent and case.is_("PATCH", "/tags"):
        case.refuse(500, "INTERNAL_ERROR", "'NoneType' object is not iterable")


@defect("shape.headers", "external-lifecycle")
def replies_claim_to_be_compressed(case: Case) -> None:
    if case.is_("GET") and case.ok:
        case.set_header("Content-Encoding", "gzip")


@defect("shape.media-type", "external-lifecycle")
def documents_claim_another_charset(case: Case) -> None:
    if case.is_("GET") and case.ok:
        case.set_header("Content-Type", "application/json; charset=latin-1")


@defect("query.refuses", "refused-on-every-route", before=True)
def nothing_is_embedded(case: Case) -> bool:
    if case.path == "/serving-endpoints/embeddings" and isinstance(case.asked, dict) and "input" not in case.asked:
        case.sent = json.dumps({**case.asked, "input": "nothing"}).encode()
    return False


@defect("rules.accepts", "accepted-queries")
def the_hottest_is_too_hot(case: Case) -> None:
    if case.is_query and isinstance(case.asked, dict) and case.asked.get("temperature") == 2:
        case.refuse(400, "INVALID_PARAMETER_VALUE", "temperature is too high")


@defect("query.fresh", "other-vendors-answers")
def responses_share_an_id(case: Case) -> None:
    if case.is_query and isinstance(case.json, dict) and case.json.get("object") == "response":
        case.json["id"] = "resp_1"


@defect("robust.method", "wrong-methods")
def traces_are_answered(case: Case) -> None:
    if case.method == "TRACE":
        case.status, case.json = 200, {}


@defect("query.embedding-sense", "accepted-texts", before=True)
def base64_is_ignored(case: Case) -> bool:
    if case.is_query:
        case.sent = case.sent.replace(b'"encoding_format": "base64"', b'"encoding_format": "float"')
    return False


@defect("query.embedding-size", "accepted-texts", before=True)
def dimensions_are_ignored(case: Case) -> bool:
    if case.is_query and isinstance(case.asked, dict) and "dimensions" in case.asked:
        case.sent = json.dumps({key: value for key, value in case.asked.items() if key != "dimensions"}).encode()
    return False


@defect("limits.envelope", "limits-by-every-route")
def the_rest_is_never_counted_down(case: Case) -> None:
    if case.header("x-ratelimit-remaining-requests"):
        case.set_header("X-Ratelimit-Remaining-Requests", "99")


@defect("rules.name", "refused-traffic", before=True)
def names_of_64_are_accepted(case: Case) -> bool:
    if case.is_create and isinstance(case.asked, dict) and len(str(case.asked.get("name"))) == 64:
        case.sent = json.dumps({**case.asked, "name": case.asked["name"][:-1]}).encode()
    return False


@defect("rules.types", "refused-sizes", before=True)
def sizes_are_turned_round(case: Case) -> bool:
    if case.is_create:
        case.sent = case.sent.replace(b'"min_provisioned_concurrency": 8', b'"min_provisioned_concurrency": 4')
    return False


@defect("rules.kind-fixed", "refused-capture", before=True)
def captures_can_be_moved(case: Case) -> bool:
    if case.is_("PUT", "/config"):
        case.sent = case.sent.replace(b'"elsewhere"', b'"main"').replace(
            b'"schema_name": "main"', b'"schema_name": "logs"'
        )
    return False


@defect("query.input-forms", "refused-rows", before=True)
def ragged_rows_are_cut(case: Case) -> bool:
    if case.is_query:
        case.sent = case.sent.replace(b"[[1], [2, 3]]", b"[[1], [2]]")
    return False


@defect("query.varied", "accepted-queries")
def choices_are_copies(case: Case) -> None:
    for choice in _answers(case)[1:]:
        choice["message"] = _answers(case)[0]["message"]


@defect("memory.ai-gateway", "accepted-gateways")
def the_fallback_is_lost(case: Case) -> None:
    if case.is_("PUT", "/ai-gateway") and case.ok:
        case.json.pop("fallback_config", None)
    for document in case.endpoints():
        (document.get("ai_gateway") or {}).pop("fallback_config", None)


@defect("robust.server-error", "extreme-texts")
def long_bodies_crash(case: Case) -> None:
    if len(case.sent) > 100_000:
        case.refuse(500, "INTERNAL_ERROR", "too long")


@defect("query.message", "probable-tokens")
def probabilities_are_left_out(case: Case) -> None:
    for choice in _answers(case):
        choice.pop("logprobs", None)


@defect("rules.limit-values", "limits-of-groups", before=True)
def nobodys_limits_are_accepted(case: Case) -> bool:
    if case.path.endswith("/ai-gateway") and b"principal" in case.sent and b'"principal":' not in case.sent:
        case.sent = case.sent.replace(b'"key"', b'"principal": "somebody", "key"')
    return False


@defect("shape.envelope", "missing-endpoints")
def refusals_show_a_traceback(case: Case) -> None:
    if case.status == 404 and isinstance(case.json, dict):
        case.json["stack_trace"] = 'Traceback (most recent call last):\n  File "server.py", line 3'


@defect("query.finish-reason", "tools-and-formats")
def calls_of_tools_just_stop(case: Case) -> None:
    for choice in _answers(case):
        if choice.get("finish_reason") == "tool_calls":
            choice["finish_reason"] = "stop"


@defect("shape.body", "external-lifecycle")
def documents_begin_with_a_mark(case: Case) -> None:
    if case.is_("GET") and case.ok:
        case.body = b"\xef\xbb\xbf" + case.body


@defect("access.secret", "missing-endpoints")
def refusals_repeat_the_credential(case: Case) -> None:
    if case.status == 404 and isinstance(case.json, dict):
        case.json["message"] += f" Asked with {case.environ.get('HTTP_AUTHORIZATION')}"


@defect("query.fresh", "tools-and-formats")
def tool_calls_share_an_id(case: Case) -> None:
    for choice in _answers(case):
        for call in (choice.get("message") or {}).get("tool_calls") or []:
            call["id"] = "call_1"


class _Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, *_: Any, **__: Any) -> None: ...


class Server:
    """The mock with a defect (or none) on a socket."""

    def __init__(self, planted: Defect | None, settings: Settings | None = None) -> None:
        app = Tampered(create_app(Mock(settings or Settings())), planted)
        self.server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> Server:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(5)


if __name__ == "__main__":
    command, *names = sys.argv[1:] or ["list"]
    if command == "list":
        print(
            json.dumps([{"name": each.name, "law": each.law, "journeys": each.journeys} for each in DEFECTS.values()])
        )
    else:
        with Server(None if names[0] == "clean" else DEFECTS[names[0]]) as running:
            print(running.url, flush=True)
            running.thread.join()
