"""What a client asks first, and the workspace's own foundation models. Reads only."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from ..safety import Profile
from .hand import Hand, journey


@journey(Profile.READ)
def discovery(hand: Hand) -> None:
    """Who am I, where are tokens issued: the same each time, with and without a credential where that is public."""
    documents: dict[str, Any] = {}
    for turn in range(3):
        for operation in ("get_databricks_config", "get_oauth_authorization_server"):
            exchange = hand.call(operation, identity="nobody" if turn == 1 else "caller")
            hand.hold("access.public", exchange, exchange.ok, 200, exchange.status)
            before = documents.setdefault(operation, exchange.reply)
            hand.hold("memory.identity", exchange, exchange.reply == before, before, exchange.reply, operation)
        exchange = hand.call("get_current_user")
        hand.hold("memory.identity", exchange, exchange.ok, 200, exchange.status)
        before = documents.setdefault("me", exchange.reply)
        hand.hold("memory.identity", exchange, exchange.reply == before, before, exchange.reply, "me")
        missing = [
            key for key in ("schemas", "id", "userName", "displayName", "active") if not exchange.document.get(key)
        ]
        hand.hold("shape.complete", exchange, not missing, "every member", f"without {missing}", "me")
        organisation = exchange.header("x-databricks-org-id")
        before = documents.setdefault("organisation", organisation)
        kept = organisation == before and bool(organisation) and str(organisation).isdecimal()
        hand.hold("memory.identity", exchange, kept, before or "X-Databricks-Org-Id", organisation, "organisation")
    _addresses(hand, documents)


def _addresses(hand: Hand, documents: dict[str, Any]) -> None:
    """The token endpoint is where the discovery says."""
    exchange = hand.call("get_oauth_authorization_server")
    oidc = str((documents["get_databricks_config"] or {}).get("oidc_endpoint", ""))
    token = str(exchange.document.get("token_endpoint", "")) if isinstance(exchange.reply, dict) else ""
    kept = oidc.endswith("/oidc") and token.endswith("/oidc/v1/token")
    hand.hold("memory.identity", exchange, kept, "addresses under /oidc", (oidc, token), "addresses")
    origins = {_origin(address) for address in (oidc, token)}
    target = hand.around.guard.target
    wanted = _origin(target.url) if target.is_loopback else "one host"
    kept = origins == {wanted} if target.is_loopback else len(origins) == 1
    hand.hold("memory.identity", exchange, kept, wanted, sorted(origins), "origin")
    workspace = (documents["get_databricks_config"] or {}).get("workspace_id")
    kept = workspace is None or str(workspace) == str(documents["organisation"])
    hand.hold("memory.identity", exchange, kept, documents["organisation"], workspace, "workspace")


def _origin(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}".lower()


@journey(Profile.READ)
def foundation_models(hand: Hand) -> None:
    """The foundation models are in every list, and alike in list and get."""
    first = hand.call("list_serving_endpoints")
    hosted = hand.call("list_foundation_models")
    names = [item.get("name") for item in hosted.document.get("endpoints") or [] if isinstance(item, dict)]
    listed = {item.get("name") for item in first.document.get("endpoints") or [] if isinstance(item, dict)}
    missing = sorted(map(str, set(names) - listed))
    hand.hold("memory.catalog", hosted, bool(names) and not missing, "in both lists", missing[:4], "both lists")
    for _ in range(2):
        for name in names[:40]:
            exchange = hand.call("get_serving_endpoint", name=str(name))
            hand.hold("memory.catalog", exchange, exchange.ok, 200, exchange.status, "get")
        hand.call("list_serving_endpoints")
    for item in first.document.get("endpoints") or []:
        entities = (item.get("config") or {}).get("served_entities") or [{}]
        model = entities[0].get("foundation_model")
        if item.get("endpoint_type") == "FOUNDATION_MODEL_API":
            kept = isinstance(model, dict) and bool(model.get("name")) and bool(item.get("task"))
            hand.hold("memory.catalog", first, kept, "a foundation_model and a task", item, "block")


@journey(Profile.READ)
def missing_endpoints(hand: Hand) -> None:
    """What does not exist is not found, in the service's own words."""
    for stem in ("nowhere", "n" * 40, "0"):
        name = hand.name(stem)
        for operation in ("get_serving_endpoint", "export_metrics", "get_open_api"):
            hand.refused(
                "shape.error-code", hand.call(operation, name=name), 404, ("RESOURCE_DOES_NOT_EXIST",), operation
            )
        for operation in ("get_logs", "get_build_logs"):
            exchange = hand.call(operation, name=name, served_model_name="m")
            hand.refused("shape.error-code", exchange, 404, ("RESOURCE_DOES_NOT_EXIST",), operation)
    for identifier in ("not-an-id", "null", hand.name("by-name")):
        exchange = hand.call("get_permissions", serving_endpoint_id=identifier)
        hand.refused("rules.by-id", exchange, (400, 404), (), "get")
