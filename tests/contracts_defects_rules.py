"""Defects of rules, access and robustness: an invalid request slips through."""

from __future__ import annotations

import time
from collections.abc import Callable

from contracts_planting import DEFECTS, LIST, Case, Defect, Json, defect

# --- rules: an invalid request slips through ---


def _let_through(law: str, journey: str, name: str, fits: Callable[[Case], bool]) -> None:
    """A defect that accepts what ``fits`` says although it is refused."""

    def change(case: Case) -> None:
        if case.status in (400, 415) and fits(case):
            case.status = 200
            case.headers = [("Content-Type", "application/json")]
            case.json = {"name": case.members.get("name", case.name)}

    DEFECTS[name] = Defect(name, law, (journey,), change)


def _config(case: Case) -> dict[str, Json]:
    config = case.members.get("config") if case.is_create else case.members
    return config if isinstance(config, dict) else {}


def _objects(value: Json) -> list[dict[str, Json]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _entities(case: Case) -> list[dict[str, Json]]:
    return _objects(_config(case).get("served_entities"))


def _routes(case: Case) -> list[dict[str, Json]]:
    traffic = _config(case).get("traffic_config")
    return _objects(traffic.get("routes")) if isinstance(traffic, dict) else []


def _externals(case: Case) -> list[dict[str, Json]]:
    return _objects([each.get("external_model") for each in _entities(case)])


def _sums(case: Case) -> bool:
    shares = [route.get("traffic_percentage") for route in _routes(case)]
    whole = [share for share in shares if type(share) is int]
    return bool(shares) and whole == shares and sum(whole) != 100


def _provider_configs(case: Case) -> list[dict[str, Json]]:
    return _objects([value for each in _externals(case) for key, value in each.items() if key.endswith("_config")])


def _wrong_reference(case: Case) -> bool:
    return any(
        key.endswith(("_key", "_token")) and isinstance(value, str) and not value.startswith("{{secrets/")
        for config in _provider_configs(case)
        for key, value in config.items()
    )


for _law, _journey, _name, _fits in (
    (
        "rules.name",
        "refused-traffic",
        "any-name-goes",
        lambda case: case.is_create and " " in str(case.members.get("name")),
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
        lambda case: "served_models" in _config(case),
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
        lambda case: len({str(e.get("task")) for e in _externals(case)}) == 2,
    ),
    (
        "rules.provider-config",
        "refused-providers",
        "empty-provider-config",
        lambda case: any(not config for config in _provider_configs(case)),
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
        lambda case: any(key + "_plaintext" in config for config in _provider_configs(case) for key in config),
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
def nobody_is_let_in(case: Case) -> None:
    case.environ.setdefault("HTTP_AUTHORIZATION", "Bearer dapi-mock")


@defect("access.wrong-token", "strangers-read", before=True)
def every_token_is_good(case: Case) -> None:
    if case.environ.get("HTTP_AUTHORIZATION", "").startswith("Bearer dapi"):
        case.environ["HTTP_AUTHORIZATION"] = "Bearer dapi-mock"


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


@defect("access.no-effect", "strangers-write")
def refused_and_done_all_the_same(case: Case) -> None:
    if case.is_("PATCH", "/tags") and case.status == 401:
        case.memory[case.name] = True
    elif case.is_("GET") and case.memory.get(case.name):
        for document in case.endpoints():
            document["tags"] = [*document.get("tags", []), {"key": "intruder", "value": "yes"}]


@defect("access.secret", "accepted-providers")
def plain_secrets_are_echoed(case: Case) -> None:
    if case.is_create:
        case.memory[str(case.members.get("name"))] = case.asked
    elif case.is_("GET") and case.name in case.memory:
        for document in case.endpoints():
            document["request"] = case.memory[case.name]


@defect("access.tokens", "issued-tokens")
def tokens_expire_at_once(case: Case) -> None:
    if case.path.endswith("/token") and case.ok:
        case.json["expires_in"] = 0


@defect("access.workspace", "other-workspace", before=True)
def workspaces_are_one(case: Case) -> None:
    if case.environ.get("HTTP_AUTHORIZATION", "").startswith("Bearer dapi-mock-"):
        case.environ["HTTP_AUTHORIZATION"] = "Bearer dapi-mock"


@defect("access.levels", "lesser-rights", before=True)
def rights_are_not_enforced(case: Case) -> None:
    credential = case.environ.get("HTTP_AUTHORIZATION", "")
    of_another = "sk-canary-" in credential or credential.count(".") == 2
    if of_another and not case.path.endswith("/Me"):
        case.environ["HTTP_AUTHORIZATION"] = "Bearer dapi-mock"


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
