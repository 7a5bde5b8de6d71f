"""Lifecycles of every kind of endpoint: create, deploy, update, stop, start, delete, create again."""

from __future__ import annotations

from ..exchange import Exchange
from .hand import Hand, journey, words
from .recipes import CHAT, COMPLETIONS, custom, external, provisioned, reference, routes

OWN_URL_ONLY_SINCE = 1_758_499_200_000
"""2025-09-22 in milliseconds: since then route-optimised endpoints are made that the workspace's URL does not reach."""


@journey()
def external_lifecycle(hand: Hand) -> None:
    """An external model: created, updated while it serves, deleted, and created again."""
    name = hand.name("external")
    first = external("brain", "gpt-4", config={"openai_api_key_plaintext": hand.secret()})
    tags = [{"key": "team", "value": "contract"}, {"key": "lonely"}]
    born = hand.create(name, first, tags=tags, description="Made by a contract run.")
    if born.document.get("state", {}).get("config_update") == "IN_PROGRESS":
        early = hand.call("update_config", {"served_entities": [external("other")]}, name=name)
        _conflict_or_settled(hand, early)
        hand.sandwich(name)
    hand.settled(name)
    hand.sandwich(name)
    hand.rest(hand.around.pause)
    _update(hand, name, [external("brain", "gpt-4o-mini", config={"openai_api_key_plaintext": hand.secret()})])
    hand.settled(name)
    hand.sandwich(name)
    for operation in ("export_metrics", "get_open_api"):
        hand.accepted(hand.call(operation, name=name))
    for operation in ("get_logs", "get_build_logs"):
        hand.accepted(hand.call(operation, name=name, served_model_name="brain"))
    _update(hand, name, [external("brain", "gpt-4o-mini")])
    hand.settled(name)
    _update(
        hand,
        name,
        [external("successor", "claude-3", provider="anthropic", config={"anthropic_api_key": reference("a")})],
    )
    hand.accepted(
        hand.call("patch_tags", {"add_tags": [{"key": "during", "value": "update"}]}, name=name),
        "lifecycle.undisturbed",
    )
    hand.settled(name)
    answer = hand.accepted(hand.query(name, {"messages": [{"role": "user", "content": "Who are you now?"}]}))
    served_by = answer.header("served-model-name")
    hand.hold("query.served-model", answer, served_by == "successor", "successor", served_by, "after the update")
    _rebirth(hand, name, born)


def _update(hand: Hand, name: str, served: list[dict[str, object]], **more: object) -> Exchange:
    """An update, and a second one that comes too soon."""
    started = hand.accepted(hand.call("update_config", {"served_entities": served, **more}, name=name))
    again = hand.call("update_config", {"served_entities": served, **more}, name=name)
    _conflict_or_settled(hand, again)
    hand.get(name)
    return started


def _conflict_or_settled(hand: Hand, exchange: Exchange) -> None:
    """Refused as long as a deployment runs; on a target that deploys at once, accepted."""
    known = hand.around.oracle.alive.get(exchange.asked.route.split("/")[4])
    if exchange.ok and known is not None and not known.unsure:
        return  # the oracle has judged whether the deployment before had ended
    hand.refused("lifecycle.conflict", exchange, 409, ("RESOURCE_CONFLICT",))


def _rebirth(hand: Hand, name: str, born: Exchange) -> None:
    """Deleted, gone everywhere, and created again with a new identity and nothing inherited."""
    old = hand.get(name).reply
    hand.delete(name)
    gone(hand, name, "successor")
    hand.create(name, external("fresh", task=COMPLETIONS, model="davinci-002"))
    fresh = hand.get(name)
    document = fresh.reply if isinstance(fresh.reply, dict) else {}
    hand.hold(
        "identity.id-fresh", fresh, document.get("id") != (old or {}).get("id"), "a new id", document.get("id"), "again"
    )
    for member in ("tags", "ai_gateway", "email_notifications"):
        hand.hold("memory.recreate", fresh, member not in document, f"no {member}", document.get(member), member)
    for member in ("id", "creation_timestamp"):
        kept = isinstance(document.get(member), str | int)
        hand.hold("memory.recreate", fresh, kept, member, document.get(member), member)
    if hand.settled(name).ok:
        hand.get(name)
    hand.delete(name)
    gone(hand, name, "fresh")


def gone(hand: Hand, name: str, entity: str) -> None:
    """Nothing of a deleted endpoint is left, by any route."""
    for _ in range(2):
        hand.refused("memory.delete", hand.get(name), 404, ("RESOURCE_DOES_NOT_EXIST",), "get")
    item = hand.listed(name)
    exchange = hand.call("export_metrics", name=name)
    hand.hold("memory.delete", exchange, item is None, f"{name} is not listed", item, "list")
    hand.refused("memory.delete", exchange, 404, ("RESOURCE_DOES_NOT_EXIST",), "metrics")
    hand.refused("memory.delete", hand.call("get_open_api", name=name), 404, (), "openapi")
    for operation in ("get_logs", "get_build_logs"):
        exchange = hand.call(operation, name=name, served_model_name=entity)
        hand.refused("memory.delete", exchange, 404, (), operation)
    query = hand.query(name, {"messages": [{"role": "user", "content": "Are you there?"}]})
    hand.refused("memory.delete", query, 404, ("ENDPOINT_NOT_FOUND",), "query")
    for operation, body in (
        ("update_config", {"served_entities": [external()]}),
        ("put_rate_limits", {"rate_limits": []}),
        ("put_ai_gateway", {}),
        ("patch_tags", {"add_tags": [{"key": "ghost"}]}),
        ("update_notifications", {"email_notifications": {}}),
        ("stop_endpoint", None),
        ("delete_serving_endpoint", None),
    ):
        exchange = hand.call(operation, body, name=name)
        hand.refused("memory.delete", exchange, 404, ("RESOURCE_DOES_NOT_EXIST",), operation)
    hand.refused("memory.delete", hand.get(name), 404, ("RESOURCE_DOES_NOT_EXIST",), "get")


@journey()
def custom_lifecycle(hand: Hand) -> None:
    """Custom models with a traffic split, updated while they serve; the older form of the same."""
    name = hand.name("custom")
    environment = {"MODE": "contract", "TOKEN": reference("token")}
    served = [custom("blue", environment_vars=environment), custom("green", version="2", workload_type="GPU_SMALL")]
    body = {"name": name, "config": {"served_entities": served, "traffic_config": routes(blue=70, green=30)}}
    hand.accepted(hand.call("create_serving_endpoint", body))
    early = hand.query(name, {"inputs": [1]})
    if (hand.get(name).document.get("state") or {}).get("ready") != "READY":
        hand.refused("lifecycle.not-ready", early, (400, 404, 409, 503), ())
    hand.sandwich(name)
    hand.refused_while_updating(
        "lifecycle.telemetry-conflict",
        name,
        lambda: hand.call("patch_telemetry_config", {"telemetry_config": _telemetry()}, name=name),
    )
    hand.settled(name)
    hand.sandwich(name)
    update = {
        "served_entities": [
            custom("blue", version="3", scale_to_zero_enabled=False, environment_vars=environment),
            custom("teal", version="9"),
        ],
        "traffic_config": routes(blue=0, teal=100),
    }
    hand.accepted(hand.call("update_config", update, name=name))
    _while_it_runs(hand, name)
    hand.settled(name)
    hand.sandwich(name)
    exchange = hand.query(name, {"inputs": [1, 2]})
    served_by = exchange.header("served-model-name")
    hand.hold("query.served-model", exchange, served_by == "teal", "teal", served_by, "after the update")
    old = hand.call("query_served_model", {"inputs": [1]}, name=name, served_model_name="green")
    hand.refused("query.routes", old, 404, (), "an entity that was replaced")
    hand.delete(name)
    gone(hand, name, "teal")


def _while_it_runs(hand: Hand, name: str) -> None:
    """What must and must not be possible while an update runs."""

    def update() -> Exchange:
        return hand.call("update_config", {"served_entities": [custom("late")]}, name=name)

    hand.refused_while_updating("lifecycle.conflict", name, update)
    for _ in range(4):
        exchange = hand.query(name, {"inputs": [1]})
        state = hand.get(name).document.get("state") or {}
        hand.hold("lifecycle.old-answers", exchange, exchange.ok, "an answer of the old configuration", words(exchange))
        served = exchange.header("served-model-name")
        kept = served in ("blue", "green") or state.get("config_update") != "IN_PROGRESS"
        hand.hold("lifecycle.old-answers", exchange, kept, "blue or green", served, "header")
    for operation, body in (
        ("patch_tags", {"add_tags": [{"key": "busy", "value": "yes"}]}),
        ("put_ai_gateway", {"usage_tracking_config": {"enabled": True}}),
        ("update_notifications", {"email_notifications": {"on_update_success": ["a@example.com"]}}),
    ):
        hand.accepted(hand.call(operation, body, name=name), "lifecycle.undisturbed")
        hand.get(name)
    hand.sandwich(name)


def _own_logs(hand: Hand, name: str) -> None:
    """A custom model has logs of its own, and of its building, for each served entity."""
    texts = {}
    for operation in ("get_logs", "get_build_logs"):
        for entity in ("blue", "teal"):
            exchange = hand.accepted(hand.call(operation, name=name, served_model_name=entity))
            logs = exchange.document.get("logs")
            kept = isinstance(logs, str) and bool(logs.strip())
            hand.hold("memory.documents", exchange, kept, "logs in words", exchange.body, operation)
            texts[operation, entity] = logs
            hand.hold(
                "memory.documents", exchange, len(set(texts.values())) == len(texts), "different logs", logs, "alike"
            )


def _telemetry() -> dict[str, object]:
    return {"telemetry_profile_id": "contract-profile", "inference_table_config": {"sampling_fraction": 0.25}}


@journey()
def older_form(hand: Hand) -> None:
    """served_models instead of served_entities; then telemetry set, kept, and removed."""
    name = hand.name("older")
    model = {
        "name": "old",
        "model_name": "classifier",
        "model_version": "4",
        "scale_to_zero_enabled": True,
        "workload_size": "Small",
    }
    hand.accepted(hand.call("create_serving_endpoint", {"name": name, "config": {"served_models": [model]}}))
    hand.sandwich(name)
    hand.settled(name)
    hand.sandwich(name)
    set_ = hand.accepted(hand.call("patch_telemetry_config", {"telemetry_config": _telemetry()}, name=name))
    for exchange in (set_, hand.get(name), hand.get(name)):
        shown = exchange.document.get("telemetry_config") or {}
        kept = shown.get("telemetry_profile_id") == "contract-profile"
        kept = kept and (shown.get("inference_table_config") or {}).get("sampling_fraction") == 0.25
        hand.hold("memory.telemetry", exchange, kept, _telemetry(), shown)
    hand.sandwich(name)
    removed = hand.accepted(hand.call("patch_telemetry_config", {}, name=name))
    for exchange in (removed, hand.get(name)):
        hand.hold("memory.telemetry", exchange, "telemetry_config" not in exchange.document, "none", exchange.reply)
    entity = {"entity_name": "classifier", "entity_version": 5, "scale_to_zero_enabled": True, "name": "old"}
    hand.accepted(hand.call("update_config", {"name": name, "served_entities": [entity]}, name=name))
    hand.settled(name)
    hand.get(name)
    hand.delete(name)
    hand.refused("memory.delete", hand.get(name), 404)


@journey()
def stop_and_start(hand: Hand) -> None:
    """Stopped, an endpoint keeps its configuration and refuses queries; started, it deploys a new version."""
    name = hand.name("stopping")
    hand.create(name, external("napper"))
    busy = hand.call("stop_endpoint", name=name)
    if busy.ok:
        if not isinstance(busy.document.get("config"), dict):
            hand.refused("lifecycle.conflict", busy, 409, ("RESOURCE_CONFLICT",), "stop")
        hand.accepted(hand.call("start_endpoint", name=name))
    else:
        hand.refused("lifecycle.conflict", busy, 409, ("RESOURCE_CONFLICT",), "stop")
    version = 3 if busy.ok else 2
    hand.settled(name)
    hand.refused("lifecycle.stop-start", hand.call("start_endpoint", name=name), (400, 409), (), "not stopped")
    hand.get(name)
    stopped = hand.accepted(hand.call("stop_endpoint", name=name))
    for exchange in (stopped, hand.get(name), hand.get(name)):
        state = exchange.document.get("state") or {}
        kept = state.get("suspend") == "STOPPED" and state.get("ready") == "NOT_READY"
        hand.hold("lifecycle.stop-start", exchange, kept, "STOPPED and NOT_READY", state, "stopped")
    hand.sandwich(name)
    for _ in range(2):
        query = hand.query(name, {"messages": [{"role": "user", "content": "Wake up."}]})
        hand.refused("lifecycle.stop-start", query, 400, ("BAD_REQUEST",), "query")
        hand.hold("lifecycle.stop-start", query, "stopped" in str(query.document.get("message")), "stopped", query.body)
    started = hand.accepted(hand.call("start_endpoint", name=name))
    shown = started.document.get("pending_config") or started.document.get("config") or {}
    hand.hold(
        "lifecycle.version",
        started,
        shown.get("config_version") == version,
        version,
        shown.get("config_version"),
        "start",
    )
    hand.settled(name)
    hand.sandwich(name)
    hand.accepted(hand.query(name, {"messages": [{"role": "user", "content": "Good morning."}]}))
    hand.delete(name)
    hand.refused("memory.delete", hand.get(name), 404)


@journey()
def without_configuration(hand: Hand) -> None:
    """Created with a name only, then configured."""
    name = hand.name("bare")
    hand.create(name)
    for _ in range(3):
        hand.get(name)
    hand.sandwich(name)
    gateway = hand.call("put_ai_gateway", {"usage_tracking_config": {"enabled": True}}, name=name)
    hand.refused("rules.gateway-config", gateway, 400, ("INVALID_PARAMETER_VALUE",), "ai_gateway")
    limits = hand.call("put_rate_limits", {"rate_limits": [{"calls": 1, "renewal_period": "minute"}]}, name=name)
    hand.refused("rules.gateway-config", limits, 400, ("INVALID_PARAMETER_VALUE",), "rate_limits")
    telemetry = hand.call("patch_telemetry_config", {"telemetry_config": _telemetry()}, name=name)
    hand.refused("rules.telemetry-kind", telemetry, 400, ("INVALID_PARAMETER_VALUE",), "no config")
    hand.get(name)
    query = hand.query(name, {"messages": [{"role": "user", "content": "Anyone?"}]})
    hand.refused("lifecycle.not-ready", query, (400, 404, 409, 503))
    hand.accepted(hand.call("patch_tags", {"add_tags": [{"key": "bare", "value": "1"}]}, name=name))
    hand.get(name)
    hand.accepted(hand.call("update_config", {"served_entities": [external("late", task=CHAT)]}, name=name))
    hand.get(name)
    hand.sandwich(name)
    hand.settled(name)
    hand.sandwich(name)
    hand.delete(name)
    hand.refused("memory.delete", hand.get(name), 404)


@journey()
def provisioned_throughput(hand: Hand) -> None:
    """Provisioned throughput by model units, created and updated by its own operations."""
    name = hand.name("units")
    body = {"name": name, "config": {"served_entities": [provisioned()]}, "tags": [{"key": "kind", "value": "pt"}]}
    hand.accepted(hand.call("create_provisioned_throughput_endpoint", body))
    hand.get(name)
    hand.sandwich(name)
    hand.settled(name)
    hand.sandwich(name)
    change = {"config": {"served_entities": [provisioned(units=100)]}}
    updated = hand.call("update_provisioned_throughput_config", change, name=name)
    hand.accepted(updated)
    hand.settled(name)
    hand.sandwich(name)
    hand.delete(name)
    hand.refused("memory.delete", hand.get(name), 404)


@journey()
def throughput_by_tokens(hand: Hand) -> None:
    """Provisioned throughput by tokens per second, created by the general operation."""
    model = "system.ai.meta_llama_v3_1_8b_instruct"
    info = hand.call("get_model_optimization_info", model=model, version="1")
    reply = info.reply if isinstance(info.reply, dict) else {}
    hand.accepted(info)
    chunk = reply.get("throughput_chunk_size") or 100
    kept = isinstance(reply.get("optimizable"), bool)
    hand.hold("shape.complete", info, kept, "optimizable", reply)
    again = hand.call("get_model_optimization_info", model=model, version="1")
    hand.hold("memory.stable", again, again.reply == reply, reply, again.reply, "optimization-info")
    name = hand.name("tokens")
    entity = {
        "entity_name": model,
        "entity_version": "1",
        "min_provisioned_throughput": 0,
        "max_provisioned_throughput": int(chunk),
    }
    hand.create(name, entity)
    hand.get(name)
    hand.settled(name)
    hand.sandwich(name)
    hand.delete(name)
    hand.refused("memory.delete", hand.get(name), 404)


@journey()
def route_optimised(hand: Hand) -> None:
    """A route-optimised endpoint says where it is queried, and cannot become an ordinary one."""
    name = hand.name("fast")
    hand.create(name, custom("fast"), route_optimized=True)
    hand.get(name)
    exchange = hand.settled(name)
    info = (exchange.document.get("data_plane_info") or {}).get("query_info") or {}
    hand.hold(
        "shape.complete", exchange, name in str(info.get("endpoint_url")), "endpoint_url", info, "data_plane_info"
    )
    details = info.get("authorization_details")
    hand.hold("shape.complete", exchange, bool(details), "authorization_details", info, "authorization_details")
    url = exchange.document.get("endpoint_url")
    hand.hold(
        "shape.complete", exchange, url == info.get("endpoint_url"), info.get("endpoint_url"), url, "endpoint_url"
    )
    if (exchange.document.get("creation_timestamp") or 0) >= OWN_URL_ONLY_SINCE:
        refusal = hand.query(name, {"dataframe_records": [{"a": 1}]})
        hand.refused("query.own-url", refusal, (400, 401, 403, 404), (), "invocations")
    for _ in range(3):
        hand.get(name)
    hand.sandwich(name)
    hand.delete(name)
    hand.refused("memory.delete", hand.get(name), 404)
