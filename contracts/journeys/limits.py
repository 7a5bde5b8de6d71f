"""Rate limits: so many calls and no more, a usable Retry-After, for the one endpoint only."""

from __future__ import annotations

from typing import Any

from .hand import Hand, journey, words
from .recipes import chat, external

Json = Any
CALLS = 4


@journey()
def enforced_limits(hand: Hand) -> None:
    """A limit of the older kind on one endpoint, and its neighbour without one."""
    name, free = hand.name("limited"), hand.name("unlimited")
    for each in (name, free):
        hand.create(each, external("busy"))
    for each in (name, free):
        hand.settled(each)
    for key in ("endpoint", "user"):
        limit = {"rate_limits": [{"calls": CALLS, "key": key, "renewal_period": "minute"}]}
        hand.accepted(hand.call("put_rate_limits", limit, name=name))
        _exhaust(hand, name, key)
        exchange = hand.query(free, chat("Am I free?"))
        hand.hold("limits.scope", exchange, exchange.ok, "a neighbour without a limit", words(exchange), key)
        read = hand.get(name)
        hand.hold("limits.scope", read, read.ok, "reads are not limited", words(read), "get")
        hand.accepted(hand.call("put_rate_limits", {"rate_limits": []}, name=name))
        for _ in range(2):
            exchange = hand.query(name, chat("And now?"))
            hand.hold("limits.scope", exchange, exchange.ok, "no limit any more", words(exchange), f"{key} lifted")
    for each in (name, free):
        hand.delete(each)


@journey()
def gateway_limits(hand: Hand) -> None:
    """A limit of the AI gateway, and one given at creation."""
    name = hand.ready(hand.name("gated"), external("busy"))
    gateway = {"rate_limits": [{"calls": CALLS, "key": "endpoint", "renewal_period": "minute"}]}
    hand.accepted(hand.call("put_ai_gateway", gateway, name=name))
    _exhaust(hand, name, "gateway")
    hand.accepted(hand.call("put_ai_gateway", {}, name=name))
    exchange = hand.query(name, chat("And now?"))
    hand.hold("limits.scope", exchange, exchange.ok, "no limit any more", words(exchange), "gateway lifted")
    hand.delete(name)
    born = hand.name("born-limited")
    limits = [{"calls": CALLS, "key": "endpoint", "renewal_period": "minute"}]
    hand.create(born, external("busy"), rate_limits=limits)
    hand.settled(born)
    _exhaust(hand, born, "at creation")
    hand.delete(born)
    hand.create(born, external("busy"))
    hand.settled(born)
    exchange = hand.query(born, chat("A new life?"))
    hand.hold("memory.recreate", exchange, exchange.ok, "no limit of the endpoint before", words(exchange), "limits")
    hand.delete(born)


def _exhaust(hand: Hand, name: str, where: str) -> None:
    for call in range(CALLS):
        exchange = hand.query(name, chat(f"Call {call}."))
        hand.hold(
            "limits.not-early", exchange, exchange.ok, f"call {call + 1} of {CALLS} passes", words(exchange), where
        )
    for _ in range(3):
        exchange = hand.query(name, chat("One too many."))
        if not hand.hold("limits.enforced", exchange, exchange.status == 429, 429, words(exchange), where):
            continue
        message = str(exchange.document.get("message", "")) if isinstance(exchange.reply, dict) else ""
        kept = exchange.code == "REQUEST_LIMIT_EXCEEDED" and name in message and "limit" in message.lower()
        hand.hold("limits.envelope", exchange, kept, f"REQUEST_LIMIT_EXCEEDED, about {name}", exchange.body, where)
        wait = exchange.header("retry-after") or ""
        kept = wait.isdecimal() and 1 <= int(wait) <= 60
        hand.hold("limits.retry-after", exchange, kept, "1 to 60 seconds", wait or "none", where)
