"""The rules over several fields: what breaks one is refused and changes nothing, what keeps it is accepted."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

from .hand import Hand, journey
from .recipes import (
    CHAT,
    COMPLETIONS,
    EMBEDDINGS,
    config_key,
    custom,
    external,
    providers,
    provisioned,
    reference,
    routes,
)

Json = Any
Case = tuple[str, str, Json]
"""The law, what is wrong in a word, and the body without its name."""


def config(*served: Json, **more: Json) -> Json:
    """A create body with this configuration."""
    return {"config": {"served_entities": list(served), **more}}


def broken_traffic() -> Iterator[Case]:
    """Traffic that does not add up, or goes nowhere."""
    two = (custom("a"), custom("b"))
    for shares in ({"a": 50, "b": 40}, {"a": 60, "b": 60}, {"a": 0, "b": 0}, {"a": 99}, {"a": 101, "b": -1}):
        yield "rules.traffic-sum", str(shares), config(*two, traffic_config=routes(**shares))
    for percentage in ("most", 50.5, None, True):
        route = {"served_entity_name": "a", "traffic_percentage": percentage}
        yield "rules.traffic-sum", f"percentage {percentage!r}", config(two[0], traffic_config={"routes": [route]})
    yield "rules.traffic-names", "unknown", config(*two, traffic_config=routes(a=50, c=50))
    twice = {"routes": [{"served_entity_name": "a", "traffic_percentage": 50}] * 2}
    yield "rules.traffic-names", "twice", config(*two, traffic_config=twice)
    yield "rules.traffic-names", "none", config(two[0], traffic_config={"routes": [{"traffic_percentage": 100}]})
    yield "rules.traffic-required", "two entities", config(*two)


def broken_entities() -> Iterator[Case]:
    """Served entities that contradict themselves or each other."""
    yield "rules.entity-names", "twice", config(custom("a"), custom("a"), traffic_config=routes(a=100))
    for name in ("has space", "dot.ted", "slash/ed", "Ünder", ""):
        yield "rules.entity-names", repr(name), config(custom(None) | {"name": name})
    older = {"model_name": "m", "model_version": "1", "scale_to_zero_enabled": True, "workload_size": "Small"}
    yield "rules.both-served", "both", config(custom("a"), served_models=[older])
    yield "rules.mix", "external and custom", config(external("a"), custom("b"), traffic_config=routes(a=50, b=50))
    yield "rules.foundation-kind", "both", config(external("a") | {"entity_name": "m"})
    yield "rules.foundation-kind", "neither", config({"name": "a", "scale_to_zero_enabled": True})
    for key, value in (
        ("workload_size", "Small"),
        ("workload_type", "CPU"),
        ("scale_to_zero_enabled", True),
        ("min_provisioned_throughput", 0),
        ("max_provisioned_throughput", 0),
        ("entity_version", "1"),
    ):
        yield "rules.external-exclusive", key, config(external("a") | {key: value})
    undecided = custom("a")
    del undecided["scale_to_zero_enabled"]
    yield "rules.scale-to-zero", "undefined", config(undecided)
    tasks = (external("a", task=CHAT), external("b", "ada", task=EMBEDDINGS))
    yield "rules.same-task", "two tasks", config(*tasks, traffic_config=routes(a=50, b=50))
    same = (external("a"), external("b", "gpt-3.5-turbo"))
    yield "rules.one-external", "two", config(*same, traffic_config=routes(a=50, b=50))
    both = custom("a", min_provisioned_concurrency=4, max_provisioned_concurrency=8)
    yield "rules.types", "size and concurrency", config(both)
    many = [custom(f"m{number}") for number in range(16)]
    share = routes(**{"m0": 100} | {f"m{number}": 0 for number in range(1, 16)})
    yield "rules.types", "16 entities", config(*many, traffic_config=share)
    yield "rules.types", "no entities", config()
    crowd = {f"V{number}": "x" for number in range(31)}
    yield "rules.types", "31 variables", config(custom("a", environment_vars=crowd))


def broken_providers(secret: Callable[[], str]) -> Iterator[Case]:
    """External models with the wrong, a foreign, an incomplete or a doubled configuration."""
    for provider, model, task, good in providers(secret):
        own = external("a", model, task, provider, good)
        empty = copy.deepcopy(own)
        empty["external_model"][config_key(provider)] = {}
        yield "rules.provider-config", f"{provider} empty", config(empty)
        none = copy.deepcopy(own)
        del none["external_model"][config_key(provider)]
        yield "rules.provider-config", f"{provider} missing", config(none)
        foreign = copy.deepcopy(own)
        other = ("anthropic_config", {"anthropic_api_key": reference("k")})
        if provider == "anthropic":
            other = ("cohere_config", {"cohere_api_key": reference("k")})
        foreign["external_model"][other[0]] = other[1]
        yield "rules.provider-config", f"{provider} and another", config(foreign)
        for key in list(good):
            if key.endswith("_plaintext"):
                doubled = copy.deepcopy(own)
                doubled["external_model"][config_key(provider)][key.removesuffix("_plaintext")] = reference("k")
                yield "rules.secret-pair", f"{provider} {key}", config(doubled)
            elif isinstance(good[key], str) and good[key].startswith("{{"):
                pasted = copy.deepcopy(own)
                pasted["external_model"][config_key(provider)][key] = "pasted-key-itself"
                yield "rules.secret-reference", f"{provider} {key}", config(pasted)
    for wrong in ("{{secrets/only-scope}}", "{secrets/scope/key}", "{{secret/scope/key}}", "{{secrets/sc ope/key}}"):
        body = external("a", config={"openai_api_key": wrong})
        yield "rules.secret-reference", wrong, config(body)
    for provider, task in (("closedai", CHAT), ("openai", "llm/v9/telepathy"), ("openai", "")):
        body = external("a", task=task)
        body["external_model"]["provider"] = provider
        yield "rules.provider-known", f"{provider} {task}", config(body)
    for key in ("name", "provider", "task"):
        body = external("a")
        del body["external_model"][key]
        yield "rules.required", f"external_model.{key}", config(body)


def broken_types() -> Iterator[Case]:
    """Members of the wrong type, outside their enumeration, or missing."""
    yield "rules.types", "config", {"config": "served"}
    yield "rules.types", "config list", {"config": []}
    yield "rules.types", "served_entities", {"config": {"served_entities": "all"}}
    yield "rules.types", "entity", config("model")
    yield "rules.types", "workload_type", config(custom("a", workload_type="QUANTUM"))
    yield "rules.types", "scale_to_zero_enabled", config(custom("a", scale_to_zero_enabled="yes"))
    yield "rules.types", "environment_vars", config(custom("a", environment_vars=["A=1"]))
    yield "rules.types", "environment value", config(custom("a", environment_vars={"A": 1}))
    yield "rules.types", "entity_name", config(custom("a", entity=7))  # type: ignore[arg-type]
    yield "rules.types", "tags", {"tags": {"team": "x"}}
    yield "rules.types", "tag value", {"tags": [{"key": "a", "value": 1}]}
    yield "rules.types", "description", {"description": 7}
    yield "rules.types", "route_optimized", {"route_optimized": "fast"}
    yield "rules.types", "21 tags", {"tags": [{"key": f"k{number}"} for number in range(21)]}
    yield "rules.types", "email", {"email_notifications": {"on_update_success": "me"}}
    yield "rules.required", "tag key", {"tags": [{"value": "x"}]}
    yield "rules.tag-key", "reserved", {"tags": [{"key": "holdout:project", "value": "x"}]}
    limit = {"calls": 5, "renewal_period": "minute"}
    yield "rules.gateway-config", "rate_limits", {"rate_limits": [limit]}
    yield "rules.gateway-config", "ai_gateway", {"ai_gateway": {"usage_tracking_config": {"enabled": True}}}
    yield "rules.limit-values", "period", config(external("a")) | {"rate_limits": [limit | {"renewal_period": "day"}]}
    yield "rules.limit-values", "calls", config(external("a")) | {"rate_limits": [limit | {"calls": -5}]}


def check_refused(hand: Hand, cases: Iterator[Case], stem: str) -> None:
    """Each body is refused at creation, and leaves nothing behind."""
    for law, where, body in cases:
        if law == "rules.one-external" and law not in hand.around.assertions:
            continue
        name = hand.name(stem)
        exchange = hand.call("create_serving_endpoint", {"name": name, **body})
        codes = ("INVALID_PARAMETER_VALUE", "BAD_REQUEST", "MALFORMED_REQUEST")
        if not hand.refused(law, exchange, 400, codes, where) and exchange.ok:
            hand.call("delete_serving_endpoint", name=name)
            continue
        hand.refused("memory.refused-write", hand.get(name), 404, (), law)


@journey()
def refused_traffic(hand: Hand) -> None:
    """Traffic rules."""
    check_refused(hand, broken_traffic(), "traffic")
    _names(hand)


@journey()
def refused_entities(hand: Hand) -> None:
    """Rules of served entities, types and required members."""
    check_refused(hand, broken_entities(), "entity")
    check_refused(hand, broken_types(), "types")
    exchange = hand.call("create_serving_endpoint", {"config": {"served_entities": [external()]}})
    hand.refused("rules.required", exchange, 400, ("INVALID_PARAMETER_VALUE", "MALFORMED_REQUEST"), "name")
    hand.call("list_serving_endpoints")


@journey()
def refused_providers(hand: Hand) -> None:
    """Rules of providers and secrets."""
    check_refused(hand, broken_providers(hand.secret), "wrong-provider")


def _names(hand: Hand) -> None:
    """Names of endpoints: 63 characters of letters, digits, hyphens, underscores."""
    start = hand.around.prefix
    longest = "x" * (63 - len(start))
    wrong = (
        "has space",
        "dot.ted",
        "ends-",
        "ends_",
        "Ünder",
        "a/b",
        "a" * 64,
        f"{longest}y",
        "tab\t",
        "quo'te",
        "a%20b",
    )
    for tail in wrong:
        exchange = hand.call("create_serving_endpoint", {"name": start + tail})
        hand.refused("rules.name", exchange, 400, ("INVALID_PARAMETER_VALUE",), tail[:12])
        if exchange.ok:
            hand.call("delete_serving_endpoint", name=start + tail)
    for tail in ("A_b-9", longest, "a__b--c"):
        name = start + tail
        created = hand.accepted(hand.call("create_serving_endpoint", {"name": name}), where=f"name {tail[:8]}")
        hand.hold("rules.name", created, True)
        hand.get(name)
        hand.delete(name)
        hand.refused("memory.delete", hand.get(name), 404)


@journey()
def refused_updates(hand: Hand) -> None:
    """An update that breaks a rule is refused, and the endpoint stays as it is."""
    outside = hand.ready(hand.name("outside"), external("keep"), tags=[{"key": "a", "value": "b"}])
    inside = hand.name("inside")
    hand.create(inside, custom("keep"))
    duplicate = hand.call(
        "create_serving_endpoint", {"name": outside, "config": {"served_entities": [custom("thief")]}}
    )
    hand.refused("memory.duplicate", duplicate, 409, ("RESOURCE_ALREADY_EXISTS", "ALREADY_EXISTS"))
    again = hand.call("create_serving_endpoint", {"name": outside})
    hand.refused("memory.duplicate", again, 409, ("RESOURCE_ALREADY_EXISTS", "ALREADY_EXISTS"), "name only")
    before = hand.get(outside)
    hand.settled(inside)
    broken = [(outside, *update) for update in _broken_external_updates()]
    broken += [(inside, *update) for update in _broken_custom_updates()]
    for name, law, where, body in broken:
        exchange = hand.call("update_config", body, name=name)
        codes = ("INVALID_PARAMETER_VALUE", "BAD_REQUEST", "MALFORMED_REQUEST")
        hand.refused(law, exchange, 400, codes, f"update {where}")
        seen = hand.get(name)
        if name == outside:
            hand.hold("memory.refused-write", seen, seen.reply == before.reply, before.body, seen.body, law)
    for name in (outside, inside):
        hand.delete(name)


def _broken_external_updates() -> list[tuple[str, str, Json]]:
    """(law, where, update): updates of an external endpoint that break a rule."""
    pasted, foreign = {"openai_api_key": "sk-pasted"}, {"openai_api_key": reference("k")}
    return [
        ("rules.kind-fixed", "to custom", _serving(custom("keep"))),
        ("rules.mix", "mix", _serving(external("keep"), custom("b"), keep=50, b=50)),
        ("rules.secret-reference", "pasted", _serving(external("keep", config=pasted))),
        ("rules.provider-config", "foreign", _serving(external("keep", provider="cohere", config=foreign))),
        ("rules.external-exclusive", "size", _serving(external("keep") | {"workload_size": "Small"})),
    ]


def _broken_custom_updates() -> list[tuple[str, str, Json]]:
    """(law, where, update): updates of a custom endpoint that break a rule."""
    return [
        ("rules.kind-fixed", "to external", _serving(external("keep"))),
        ("rules.traffic-sum", "sum", _serving(custom("keep"), custom("b"), keep=50, b=49)),
        ("rules.traffic-required", "missing", _serving(custom("keep"), custom("b"))),
        ("rules.traffic-names", "unknown", _serving(custom("keep"), lost=100)),
        ("rules.entity-names", "twice", _serving(custom("keep"), custom("keep"), keep=100)),
        ("rules.types", "entities", {"served_entities": "none"}),
        ("rules.types", "no entities", {"served_entities": []}),
        ("rules.types", "type", _serving(custom("keep", workload_type="ABACUS"))),
    ]


def _serving(*entities: Json, **shares: int) -> Json:
    """A config of these served entities, with traffic routes when there are shares."""
    return {"served_entities": [*entities], **({"traffic_config": routes(**shares)} if shares else {})}


@journey()
def accepted_providers(hand: Hand) -> None:
    """Every provider in every form is accepted, its references are shown and its plain secrets are not."""
    for provider, model, task, good in providers(hand.secret):
        name = hand.name("provider")
        hand.create(name, external("model", model, task, provider, good))
        hand.get(name)
        hand.delete(name)
    hand.call("list_serving_endpoints")


@journey()
def accepted_forms(hand: Hand) -> None:
    """Unusual but valid requests are accepted."""
    for law, where, body in _unusual_forms():
        name = hand.name("valid")
        hand.accepted(hand.call("create_serving_endpoint", {"name": name, **body}), law, where)
        hand.get(name)
        hand.delete(name)
    for kind in ("EMBEDDINGS", "pt"):
        name = hand.name(kind)
        hand.create(name)
        hand.delete(name)


def _unusual_forms() -> list[tuple[str, str, Json]]:
    """(law, where, body): creates that are valid, though few clients send them."""
    fifteen = [custom(f"m{number}") for number in range(15)]
    share = routes(**{"m0": 100} | {f"m{number}": 0 for number in range(1, 15)})
    text = [
        {"served_model_name": "a", "traffic_percentage": "90"},
        {"served_model_name": "b", "traffic_percentage": "10"},
    ]
    concurrency = custom("a", min_provisioned_concurrency=4, max_provisioned_concurrency=8)
    del concurrency["workload_size"]
    twenty = [{"key": f"k{number}", "value": "v"} for number in range(20)]
    return [
        ("rules.accepts", "15 entities", config(*fifteen, traffic_config=share)),
        ("rules.accepts", "percentages as text", config(custom("a"), custom("b"), traffic_config={"routes": text})),
        ("rules.accepts", "version as number", config(custom("a", version=3))),  # type: ignore[arg-type]
        ("rules.accepts", "default names", config(custom(None, "main.contract.sorter", "7"))),
        ("rules.accepts", "default external name", config(external(None, "gpt-3.5:latest"))),
        ("rules.accepts", "concurrency", config(concurrency)),
        ("rules.accepts", "20 tags", {"tags": twenty}),
        ("rules.accepts", "unicode", {"description": "Käse 🧀 and 漢字", "tags": [{"key": "größe", "value": "XL"}]}),
        (
            "rules.accepts",
            "notifications",
            config(external()) | {"email_notifications": {"on_update_failure": ["a@example.com"]}},
        ),
        (
            "rules.accepts",
            "limits",
            config(external()) | {"rate_limits": [{"calls": 9, "key": "user", "renewal_period": "minute"}]},
        ),
        ("rules.accepts", "gateway", config(external()) | {"ai_gateway": {"usage_tracking_config": {"enabled": True}}}),
        ("rules.accepts", "completions", config(external("a", "davinci-002", COMPLETIONS))),
        ("rules.unknown-fields", "task", {"task": "llm/v1/chat", "made_up_member": {"deep": [1]}}),
        ("rules.unknown-fields", "config.name", {"config": {"name": "old-client", "served_entities": [external()]}}),
        ("rules.accepts", "large", {"description": "long " * 6000, "tags": [{"key": "big", "value": "v" * 2000}]}),
        (
            "rules.accepts",
            "large environment",
            config(custom("a", environment_vars={f"V{n}": "x" * 900 for n in range(30)})),
        ),
        ("rules.accepts", "no config", {"route_optimized": False}),
        *(
            ("rules.accepts", kind, config(custom("a", workload_type=kind)))
            for kind in ("CPU", "GPU_MEDIUM", "MULTIGPU_MEDIUM")
        ),
        *(("rules.accepts", size, config(custom("a", workload_size=size))) for size in ("Medium", "Large")),
    ]


@journey()
def refused_throughput(hand: Hand) -> None:
    """Provisioned throughput needs its model, its units and its configuration."""
    good = provisioned()
    for missing in ("entity_name", "provisioned_model_units"):
        broken = {key: value for key, value in good.items() if key != missing}
        _refused_pt(hand, {"config": {"served_entities": [broken]}}, missing)
    _refused_pt(hand, {}, "config")
    _refused_pt(hand, {"config": {"served_entities": []}}, "no entities")
    _refused_pt(hand, {"config": {"served_entities": [good | {"provisioned_model_units": "lots"}]}}, "units")


def _refused_pt(hand: Hand, body: Json, where: str) -> None:
    name = hand.name("ptbad")
    exchange = hand.call("create_provisioned_throughput_endpoint", {"name": name, **body})
    if hand.refused("rules.provisioned", exchange, 400, ("INVALID_PARAMETER_VALUE", "MALFORMED_REQUEST"), where):
        hand.refused("memory.refused-write", hand.get(name), 404, (), where)
