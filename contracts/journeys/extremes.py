"""Values at the edge of what JSON can say: no reply to them is a 5xx, and none of them changes what it should not."""

from __future__ import annotations

import json
from typing import Any

from .hand import Hand, journey, words
from .recipes import chat, custom, external, routes

Json = Any
HUGE = 10**30
LONE = "\ud800"
"""Half of a surrogate pair: JSON can write it, UTF-8 cannot."""

ODD_TEXTS = ("nul \u0000 inside", LONE, "\U0001f600 smile", "\u202e right to left", "x" * 20000, "é" * 300, " ", "\n")


@journey()
def extreme_numbers(hand: Hand) -> None:
    """Numbers beyond 64 bits, negative ones, and floats that are none."""
    name = hand.ready(hand.name("digits"), external("digits"))
    for number in (HUGE, -HUGE, 2**63, 2**63 - 1, 1e308, -1, 0.5):
        limit = {"calls": number, "renewal_period": "minute"}
        hand.call("put_rate_limits", {"rate_limits": [limit]}, name=name)
        hand.call("put_ai_gateway", {"rate_limits": [{"tokens": number, "renewal_period": "minute"}]}, name=name)
        hand.call("update_config", {"served_entities": [custom("a", min_provisioned_throughput=number)]}, name=name)
        split = {"routes": [{"served_entity_name": "digits", "traffic_percentage": number}]}
        config = {"served_entities": [external("digits")], "traffic_config": split}
        hand.refused("rules.traffic-sum", hand.call("update_config", config, name=name), 400, (), f"{number:.3g}")
    hand.accepted(hand.call("put_ai_gateway", {}, name=name))
    hand.accepted(hand.call("put_rate_limits", {"rate_limits": []}, name=name))
    for member in ("max_tokens", "temperature", "n", "top_p", "seed"):
        for number in (HUGE, -HUGE, 1e308):
            hand.query(name, chat("How much?", **{member: number}))
    for text in (b'{"rate_limits": [{"calls": 1e999, "renewal_period": "minute"}]}', b'{"rate_limits": -Infinity}'):
        exchange = hand.call("put_rate_limits", raw=text, name=name)
        hand.refused("robust.malformed", exchange, 400, (), text[:30].decode())
    hand.get(name)
    hand.delete(name)


@journey()
def extreme_texts(hand: Hand) -> None:
    """Texts with characters that break naive programs, in values, keys, names and addresses."""
    name = hand.ready(hand.name("glyphs"), external("glyphs"))
    for number, text in enumerate(ODD_TEXTS):
        hand.call("patch_tags", {"add_tags": [{"key": f"k{number}", "value": text}]}, name=name)
        hand.call("patch_tags", {"add_tags": [{"key": text, "value": "v"}]}, name=name)
        hand.call("update_notifications", {"email_notifications": {"on_update_success": [text]}}, name=name)
        hand.call("create_serving_endpoint", {"name": hand.name("odd") + text})
        hand.query(name, chat(text, max_tokens=3))
        hand.query(name, chat(text, stop=[text], max_tokens=3))
        hand.call("get_logs", name=name, served_model_name=text.encode("utf-8", "replace").decode()[:40])
    long = hand.query(name, chat("many words " * 15000, max_tokens=3))
    hand.hold("robust.malformed", long, long.ok or long.status in (400, 413), "an answer, or 400 or 413", words(long))
    for text in ODD_TEXTS[2:4]:
        exchange = hand.get(hand.name("odd") + text)
        hand.refused("robust.route", exchange, (400, 404), (), f"name {ascii(text)[:12]}")
    hand.delete(name)


@journey()
def nothing_where_something_is(hand: Hand) -> None:
    """null for each member, one after another, and members twice."""
    name = hand.ready(hand.name("void"), external("void"), tags=[{"key": "keep", "value": "me"}])
    update = {"served_entities": [custom("a")], "traffic_config": routes(a=100)}
    for operation, body in (
        ("update_config", update),
        ("patch_tags", {"add_tags": [], "delete_tags": []}),
        ("put_rate_limits", {"rate_limits": []}),
        ("update_notifications", {"email_notifications": {}}),
        ("query_endpoint", chat("x", max_tokens=1, temperature=0, n=1, stop="y", stream=False)),
    ):
        for member in body:
            hand.call(operation, {**body, member: None}, name=name)
        twice = json.dumps(body)[:-1] + ", " + json.dumps(body)[1:]
        hand.call(operation, raw=twice.encode(), name=name)
    for member in ("name", "config", "tags", "ai_gateway", "rate_limits", "description", "route_optimized"):
        body = {"name": hand.name("null"), member: None}
        hand.call("create_serving_endpoint", body)
    hand.get(name)
    hand.delete(name)
