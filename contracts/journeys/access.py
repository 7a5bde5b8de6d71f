"""Who may ask: nobody without a credential, nobody with a wrong one, others only as far as their rights go."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from ..exchange import Exchange
from ..routes import fill, spec
from ..safety import HeldBack, Profile
from .hand import Abandoned, Hand, journey, words
from .recipes import external

Json = Any
DEVELOPMENT_CLIENT = {"client_id": "mock-client-id", "client_secret": "mock-client-secret"}
"""What development targets on loopback are asked for a second identity with, when none was given."""

DEVELOPMENT_IDENTITIES = "/__mock__/tokens"
"""Where a development target makes identities in the caller's own workspace."""

WORKSPACE_HEADER = "X-Databricks-Org-Id"

NOT_FOR_ALL = frozenset({"issue_token"})


@journey(Profile.READ)
def strangers_read(hand: Hand) -> None:
    """Every operation that only reads refuses who is not known, and answers the public ones."""
    _knock(hand, "GET", f"{hand.around.prefix}nobody")


@journey()
def strangers_write(hand: Hand) -> None:
    """No operation acts for who is not known."""
    name = hand.ready(hand.name("fort"), external("inside"))
    before = hand.get(name)
    for method in ("POST", "PUT", "PATCH", "DELETE", "GET"):
        _knock(hand, method, name)
    for identity, law in (("nobody", "access.no-token"), ("wrong", "access.wrong-token")):
        for operation, body in (
            ("update_config", {"served_entities": [external("intruder")]}),
            ("patch_tags", {"add_tags": [{"key": "intruder", "value": "yes"}]}),
            ("put_ai_gateway", {"usage_tracking_config": {"enabled": True}}),
            ("put_rate_limits", {"rate_limits": [{"calls": 0, "renewal_period": "minute"}]}),
            ("update_notifications", {"email_notifications": {"on_update_success": ["x@example.com"]}}),
            ("stop_endpoint", None),
            ("delete_serving_endpoint", None),
        ):
            exchange = hand.call(operation, body, name=name, identity=identity)
            hand.refused(law, exchange, 401 if identity == "nobody" else 403, (), operation)
            seen = hand.get(name)
            hand.hold("access.no-effect", seen, seen.reply == before.reply, before.body, seen.body, operation)
        hidden = hand.name("burglar")
        exchange = hand.call("create_serving_endpoint", {"name": hidden}, identity=identity)
        hand.refused(law, exchange, 401 if identity == "nobody" else 403, (), "create")
        seen = hand.get(hidden)
        hand.hold("access.no-effect", seen, seen.status == 404, "no endpoint", seen.status, "create")
        query = hand.query(name, {"messages": [{"role": "user", "content": "Let me in."}]}, identity=identity)
        hand.refused(law, query, 401 if identity == "nobody" else 403, (), "query")
    hand.delete(name)


def _knock(hand: Hand, method: str, name: str) -> None:
    for operation in spec().operations.values():
        if operation.method != method or operation.id in NOT_FOR_ALL:
            continue
        parameters = {
            "name": name,
            "served_model_name": "inside",
            "serving_endpoint_id": "0" * 32,
            "workspace_id": "1",
            "model": "m",
            "version": "1",
        }
        body = {"name": name, "model": name} if method in ("POST", "PUT", "PATCH") else None
        for identity, status in (("nobody", 401), ("wrong", 403)):
            try:
                exchange = hand.send(method, fill(operation.id, parameters), body, identity=identity)
            except HeldBack:
                continue
            if operation.public:
                kept = exchange.status not in (401, 403)
                hand.hold("access.public", exchange, kept, "an answer without a credential", exchange.status)
            else:
                law = "access.no-token" if identity == "nobody" else "access.wrong-token"
                hand.hold(law, exchange, exchange.status == status, status, exchange.status)


@journey(Profile.READ)
def basic_credentials(hand: Hand) -> None:
    """The token as a password, and credentials of other kinds."""
    if not hand.around.guard.target.authorization.startswith("Bearer "):
        raise Abandoned("the credential is no bearer token")
    exchange = hand.call("get_current_user", identity="basic")
    hand.hold("access.basic", exchange, exchange.ok, 200, exchange.status)
    user = exchange.document.get("userName") if isinstance(exchange.reply, dict) else None
    hand.hold("access.basic", exchange, user == hand.around.oracle.caller, hand.around.oracle.caller, user, "user")
    listed = hand.call("list_serving_endpoints", identity="basic")
    hand.hold("access.basic", listed, listed.ok, 200, listed.status, "list")
    for value, status in (("Bearer", 401), ("Negotiate abc", 401), ("Bearer  ", 401)):
        exchange = hand.call("list_serving_endpoints", identity="nobody", headers={"Authorization": value})
        hand.hold("access.no-token", exchange, exchange.status == status, status, exchange.status, value)
    token = hand.around.guard.target.token
    for value in (
        f"Bearer x{token}",
        f"Bearer {token.swapcase()}",
        f"Bearer {token[::-1]}",
        "Bearer dapi-unknown",
        "Basic dG9rZW46d3Jvbmc=",
        "Bearer x.y.z",
    ):
        exchange = hand.call("list_serving_endpoints", identity="wrong", headers={"Authorization": value})
        hand.hold("access.wrong-token", exchange, exchange.status == 403, 403, exchange.status, value[:7])


@journey()
def lesser_rights(hand: Hand) -> None:
    """A second identity of the same workspace, where a development target gives one: it may what was granted."""
    token = _second_identity(hand)
    other = {"Authorization": f"Bearer {token}"}
    me = hand.call("get_current_user", identity="other", headers=other)
    who = me.document.get("userName") if isinstance(me.reply, dict) else None
    if not me.ok or not who or who == hand.around.oracle.caller:
        raise Abandoned("there is no second identity")
    mine = hand.call("get_current_user")
    if mine.header(WORKSPACE_HEADER) != me.header(WORKSPACE_HEADER):
        raise Abandoned("the second identity works in another workspace")
    name = hand.ready(hand.name("shared"), external("shared"))
    identifier = str(hand.get(name).document.get("id"))
    principal = {"user_name": who} if "@" in who else {"service_principal_name": who}
    for level in (None, "CAN_VIEW", "CAN_QUERY", "CAN_MANAGE"):
        if level:
            grant = {"access_control_list": [{**principal, "permission_level": level}]}
            hand.accepted(hand.call("update_permissions", grant, serving_endpoint_id=identifier))
        _as_other(hand, name, identifier, level, other)
    hand.get(name)
    hand.delete(name)
    _forget_identity(hand, who)


def _second_identity(hand: Hand) -> str:
    """A token of another identity: the one that was given, or one that a development target issues."""
    target = hand.around.guard.target
    if target.stranger:
        return target.stranger
    if not target.is_loopback:
        raise Abandoned("no second identity was given")
    token = hand.secret()
    peer = {"token": token, "service_principal": f"{hand.around.prefix}peer", "admin": False}
    if hand.send("POST", DEVELOPMENT_IDENTITIES, peer).ok:
        return token
    issued = _token(hand, {"grant_type": "client_credentials", "scope": "all-apis", **DEVELOPMENT_CLIENT})
    found = issued.document.get("access_token") if isinstance(issued.reply, dict) else None
    if not issued.ok or not found:
        raise Abandoned("the target issues no token to a development client")
    return str(found)


def _forget_identity(hand: Hand, who: str) -> None:
    """Take back the token of an identity that was made for this run."""
    if who != f"{hand.around.prefix}peer":
        return
    for known in hand.send("GET", DEVELOPMENT_IDENTITIES).document.get("tokens") or []:
        if known.get("name") == who:
            hand.send("DELETE", f"{DEVELOPMENT_IDENTITIES}/{known.get('id')}")


@journey()
def issued_tokens(hand: Hand) -> None:
    """The token endpoint of a development target: who is refused, and what is issued."""
    if not hand.around.guard.target.is_loopback:
        raise Abandoned("tokens are asked for on loopback only")
    for form, status, error in (
        ({"grant_type": "client_credentials", "client_id": "nobody", "client_secret": "wrong"}, 401, "invalid_client"),
        ({"grant_type": "password", "username": "x", "password": "y"}, 400, None),
        ({"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": "x.y.z"}, 400, None),
    ):
        exchange = _token(hand, form)
        kept = exchange.status == status and (error is None or exchange.document.get("error") == error)
        hand.hold("access.tokens", exchange, kept, f"{status} {error}", words(exchange), form["grant_type"])
    good = {"grant_type": "client_credentials", "scope": "all-apis", **DEVELOPMENT_CLIENT}
    for _ in range(2):
        exchange = _token(hand, good)
        if not exchange.ok:
            raise Abandoned("the target issues no token to a development client")
        reply = exchange.document
        kept = str(reply.get("token_type")).lower() == "bearer" and 0 < int(reply.get("expires_in") or 0) <= 86400
        hand.hold("access.tokens", exchange, kept and bool(reply.get("access_token")), "a bearer token", sorted(reply))
        other = {"Authorization": f"Bearer {reply.get('access_token')}"}
        me = hand.call("get_current_user", identity="other", headers=other)
        kept = me.ok and me.document.get("userName") == DEVELOPMENT_CLIENT["client_id"]
        hand.hold("access.tokens", me, kept, "the service principal", words(me), "me")
        broken = {"Authorization": f"Bearer {reply.get('access_token')}x"}
        refused = hand.call("get_current_user", identity="other", headers=broken)
        hand.hold("access.tokens", refused, refused.status == 403, 403, refused.status, "broken")


def _token(hand: Hand, form: dict[str, str]) -> Exchange:
    content = urlencode(form).encode()
    return hand.call("issue_token", raw=content, media_type="application/x-www-form-urlencoded", identity="nobody")


def _as_other(hand: Hand, name: str, identifier: str, level: str | None, headers: dict[str, str]) -> None:
    rank = ("CAN_VIEW", "CAN_QUERY", "CAN_MANAGE").index(level) + 1 if level else 0

    def expect(needed: int, operation: str, body: Json = None, **parameters: Any) -> None:
        exchange = hand.call(operation, body, identity="other", headers=headers, **parameters)
        if rank >= needed:
            hand.hold("access.levels", exchange, exchange.ok, f"{level} suffices", exchange.status, operation)
        else:
            hand.refused(
                "access.levels", exchange, (403, 404), ("PERMISSION_DENIED", "RESOURCE_DOES_NOT_EXIST"), operation
            )
        if operation == "get_serving_endpoint" and exchange.ok:
            shown = exchange.document.get("permission_level")
            hand.hold("access.levels", exchange, shown == level, level, shown, "own level")

    expect(1, "get_serving_endpoint", name=name)
    listed = hand.call("list_serving_endpoints", identity="other", headers=headers)
    items = {item.get("name"): item for item in listed.document.get("endpoints") or []}
    hand.hold("access.levels", listed, (name in items) == (rank >= 1), rank >= 1, name in items, "listed")
    if name in items:
        shown = items[name].get("permission_level")
        hand.hold("access.levels", listed, shown == level, level, shown, "own level in the list")
    expect(2, "query_endpoint", {"messages": [{"role": "user", "content": "May I?"}]}, name=name)
    if rank < 3:
        expect(3, "patch_tags", {"add_tags": [{"key": "graffiti", "value": "x"}]}, name=name)
        expect(3, "update_config", {"served_entities": [external("coup")]}, name=name)
        expect(3, "put_ai_gateway", {"usage_tracking_config": {"enabled": True}}, name=name)
        expect(3, "delete_serving_endpoint", name=name)
    grant = {"access_control_list": [{"group_name": "friends", "permission_level": "CAN_VIEW"}]}
    if rank < 3:
        expect(3, "update_permissions", grant, serving_endpoint_id=identifier)
    hand.get(name)


@journey()
def other_workspace(hand: Hand) -> None:
    """A caller of another workspace, where a development target has one, sees nothing of this one."""
    target = hand.around.guard.target
    if not target.is_loopback:
        raise Abandoned("no other workspace was given")
    other = {"Authorization": f"Bearer {target.token}-{hand.around.prefix}{hand.round}elsewhere"}
    me = hand.call("get_current_user", identity="other", headers=other)
    if not me.ok:
        raise Abandoned("the target has no workspaces for the asking")
    name = hand.name("private")
    created = hand.create(name)
    identifier = str(created.document.get("id"))
    doors: tuple[tuple[str, dict[str, Any]], ...] = (
        ("get_serving_endpoint", {"name": name}),
        ("export_metrics", {"name": name}),
        ("get_open_api", {"name": name}),
        ("get_permissions", {"serving_endpoint_id": identifier}),
        ("delete_serving_endpoint", {"name": name}),
        ("patch_tags", {"name": name}),
    )
    for operation, parameters in doors:
        body = {"add_tags": [{"key": "x"}]} if operation == "patch_tags" else None
        exchange = hand.call(operation, body, identity="other", headers=other, **parameters)
        hand.hold("access.workspace", exchange, exchange.status in (400, 403, 404), 404, exchange.status, operation)
    listed = hand.call("list_serving_endpoints", identity="other", headers=other)
    names = [item.get("name") for item in listed.document.get("endpoints") or []]
    own = [each for each in names if str(each).startswith(hand.around.prefix)]
    hand.hold("access.workspace", listed, not own, "none of this workspace's endpoints", own, "list")
    hand.get(name)
    hand.delete(name)
