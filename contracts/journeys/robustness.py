"""Bad bodies, wrong methods, foreign media types, unknown routes: refused in the API's own shape, without effect."""

from __future__ import annotations

import json

from ..routes import methods
from ..safety import Profile
from .hand import Hand, journey
from .recipes import external

DEEP = b"[" * 5000 + b"]" * 5000


@journey()
def malformed_bodies(hand: Hand) -> None:
    """Bodies that are not JSON objects are refused by every operation that takes one."""
    name = hand.name("mangled")
    hand.create(name)
    before = hand.get(name)
    quoted = json.dumps(name).encode()
    bodies = [
        b"",
        b"{",
        b"[]",
        b'"text"',
        b"null",
        b"17",
        b"{'name': 'single quotes'}",
        b'{"name": ' + quoted,
        b"\xff\xfe\x00",
        b'{"tags": NaN}',
        DEEP,
        b'{"add_tags": ' + DEEP + b"}",
    ]
    for body in bodies:
        exchange = hand.call("create_serving_endpoint", raw=body)
        hand.refused("robust.malformed", exchange, 400, (), f"create {body[:12]!r}")
        for operation in ("update_config", "patch_tags", "put_ai_gateway", "put_rate_limits", "update_notifications"):
            if not body and operation != "update_config":
                continue  # these take an empty body for an empty object
            exchange = hand.call(operation, raw=body, name=name)
            hand.refused("robust.malformed", exchange, 400, (), f"{operation} {body[:12]!r}")
    after = hand.get(name)
    hand.hold("memory.refused-write", after, after.reply == before.reply, before.body, after.body, "malformed")
    _media_types(hand, name)
    hand.delete(name)


def _media_types(hand: Hand, name: str) -> None:
    body = json.dumps({"add_tags": [{"key": "typed", "value": "x"}]}).encode()
    for media_type in ("text/plain", "application/xml", "multipart/form-data", "image/png"):
        exchange = hand.call("patch_tags", raw=body, media_type=media_type, name=name)
        hand.refused("robust.content-type", exchange, (400, 415), (), media_type)
        created = json.dumps({"name": hand.name("typed")}).encode()
        exchange = hand.call("create_serving_endpoint", raw=created, media_type=media_type)
        hand.refused("robust.content-type", exchange, (400, 415), (), f"create {media_type}")
    hand.get(name)
    exchange = hand.call("patch_tags", raw=body, media_type="application/json; charset=utf-8", name=name)
    hand.accepted(exchange, where="charset")
    hand.get(name)


@journey()
def wrong_methods(hand: Hand) -> None:
    """A method that a path does not have is refused with the list of those it has."""
    name = hand.name("methods")
    hand.create(name)
    path = f"/api/2.0/serving-endpoints/{name}"
    pairs = [
        ("PUT", path),
        ("POST", path),
        ("PATCH", path),
        ("GET", f"{path}/config"),
        ("POST", f"{path}/config"),
        ("DELETE", f"{path}/config"),
        ("GET", f"{path}/tags"),
        ("PUT", f"{path}/tags"),
        ("POST", f"{path}/ai-gateway"),
        ("DELETE", f"{path}/rate-limits"),
        ("PUT", f"{path}/metrics"),
        ("POST", f"{path}/openapi"),
        ("DELETE", f"{path}/notifications"),
        ("GET", f"/serving-endpoints/{name}/invocations"),
        ("PUT", f"/serving-endpoints/{name}/invocations"),
        ("DELETE", f"/serving-endpoints/{name}/invocations"),
        ("POST", f"/api/2.0/permissions/serving-endpoints/{name}"),
        ("GET", "/serving-endpoints/chat/completions"),
        ("TRACE", path),
    ]
    for method, where in pairs:
        exchange = hand.send(method, where, {} if method in ("PUT", "POST", "PATCH") else None)
        allowed = ", ".join(sorted(methods(where)))
        kept = exchange.status in ((404, 405, 501) if method == "TRACE" else (404, 405))
        hand.hold(
            "robust.method",
            exchange,
            kept,
            f"405 with Allow: {allowed}",
            exchange.status,
            f"{method} {where.rsplit('/', 1)[-1]}",
        )
        hand.get(name)
    _quiet_methods(hand, path)
    hand.delete(name)


def _quiet_methods(hand: Hand, path: str) -> None:
    """HEAD is like GET without a body, OPTIONS says what is allowed; where a front does not speak them it says 501."""
    for where in (path, "/api/2.0/serving-endpoints"):
        for _ in range(3):
            exchange = hand.send("HEAD", where)
            kept = exchange.status in (200, 405, 501) and not exchange.body
            hand.hold(
                "robust.head",
                exchange,
                kept,
                "like GET, without a body",
                f"{exchange.status} {exchange.body[:50]!r}",
                "HEAD",
            )
            exchange = hand.send("OPTIONS", where)
            kept = exchange.status in (200, 204, 405, 501)
            allowed = {each.strip() for each in (exchange.header("allow") or "").split(",")} - {"", "OPTIONS", "HEAD"}
            if exchange.status in (200, 204):
                kept = allowed == methods(where)
            hand.hold(
                "robust.head", exchange, kept, f"Allow: {sorted(methods(where))}", exchange.header("allow"), "OPTIONS"
            )
    exchange = hand.send("HEAD", f"{path}-missing")
    kept = exchange.status in (404, 405, 501)
    hand.hold("robust.head", exchange, kept, 404, exchange.status, "HEAD missing")


@journey(Profile.READ)
def unknown_routes(hand: Hand) -> None:
    """Paths that the API does not have are refused with ENDPOINT_NOT_FOUND; a slash after the list is harmless."""
    name = hand.name("route")
    for path in (
        "/api/2.0/serving-endpointz",
        f"/api/2.0/serving-endpoints/{name}/no-such-thing",
        "/api/2.1/serving-endpoints",
        "/api/2.0/permissions/serving-endpoints/",
        "/no/such/path",
        "/api/2.0/serving-endpoints/a/b/c/d",
    ):
        exchange = hand.send("GET", path)
        hand.refused("robust.route", exchange, 404, ("ENDPOINT_NOT_FOUND",), path.replace(name, "NAME"))
    plain, slashed = hand.call("list_serving_endpoints"), hand.send("GET", "/api/2.0/serving-endpoints/")
    hand.hold("robust.slash", slashed, slashed.status == plain.status, plain.status, slashed.status, "list")
    queried = hand.send("GET", "/api/2.0/serving-endpoints?page=2&unknown=x")
    hand.hold("rules.unknown-fields", queried, queried.ok, 200, queried.status, "query string")
    for odd in ("%00", "%2e%2e", "a%2Fb", "%F0%9F%90%8D", "x" * 3000, "%ff", "a;b", "'--"):
        exchange = hand.send("GET", f"/api/2.0/serving-endpoints/{hand.around.prefix}{odd}")
        kept = 400 <= exchange.status < 500
        hand.hold("robust.route", exchange, kept, "4xx", exchange.status, f"odd name {odd[:8]}")


@journey()
def trailing_slash(hand: Hand) -> None:
    """mlflow posts to the collection with a slash at the end."""
    name = hand.name("slash")
    body = {"name": name, "config": {"served_entities": [external()]}}
    created = hand.send("POST", "/api/2.0/serving-endpoints/", body)
    hand.accepted(created, "robust.slash", "create")
    hand.get(name)
    listed = hand.send("GET", "/api/2.0/serving-endpoints/")
    names = [item.get("name") for item in listed.document.get("endpoints") or []] if listed.ok else []
    hand.hold("robust.slash", listed, name in names, f"{name} is listed", names[-3:], "list")
    hand.delete(name)


@journey()
def steady_replies(hand: Hand) -> None:
    """The same few requests very often: what is wrong now and then shows here."""
    name = hand.ready(hand.name("steady"), external("steady"), tags=[{"key": "same", "value": "again"}])
    first = hand.get(name)
    missing = hand.get(f"{name}-missing")
    for _ in range(40):
        exchange = hand.get(name)
        hand.hold("memory.stable", exchange, exchange.reply == first.reply, first.body, exchange.body, "again")
        exchange = hand.get(f"{name}-missing")
        same = exchange.status == missing.status and exchange.code == missing.code
        hand.hold(
            "shape.error-code",
            exchange,
            same,
            (missing.status, missing.code),
            (exchange.status, exchange.code),
            "again",
        )
        exchange = hand.call("list_serving_endpoints")
        hand.hold("memory.list-has", exchange, exchange.ok, 200, exchange.status, "again")
        tagged = hand.call("patch_tags", {}, name=name) if _ % 5 == 0 else None
        if tagged is not None:
            first = hand.get(name)
    hand.delete(name)
