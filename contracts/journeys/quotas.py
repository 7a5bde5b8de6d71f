"""Rate limits of other kinds than so many calls: tokens, none at all, of groups, and by whatever route they are met."""

from __future__ import annotations

from typing import Any

from ..exchange import Exchange
from .hand import Hand, journey, words
from .recipes import chat, external

Json = Any
TOKENS = 30
TRIES = 8
CALLS = 3
SHORT_WAIT = 2
"""A wait of so few seconds can be tried out."""


@journey()
def token_limits(hand: Hand) -> None:
    """A limit of tokens lets calls pass until the tokens of a minute are used up."""
    name = hand.ready(hand.name("metered"), external("metered"))
    for key in ("endpoint", "user"):
        limit = {"tokens": TOKENS, "key": key, "renewal_period": "minute"}
        hand.accepted(hand.call("put_ai_gateway", {"rate_limits": [limit]}, name=name))
        used, passed = 0, 0
        exchange = hand.query(name, chat("Name three rivers."))
        while exchange.ok and passed < TRIES:
            used += int((exchange.document.get("usage") or {}).get("total_tokens") or 0)
            passed += 1
            exchange = hand.query(name, chat("Name three rivers."))
        hand.hold("limits.not-early", exchange, passed > 0, "the first call passes", words(exchange), f"tokens {key}")
        spent = f"{used} tokens used in {passed} calls, {TOKENS} allowed"
        if hand.hold("limits.enforced", exchange, exchange.status == 429, spent, words(exchange), f"tokens {key}"):
            _usable(hand, exchange, name, f"tokens {key}")
    hand.accepted(hand.call("put_ai_gateway", {}, name=name))
    exchange = hand.query(name, chat("And now?"))
    hand.hold("limits.scope", exchange, exchange.ok, "no limit any more", words(exchange), "tokens lifted")
    hand.delete(name)


@journey()
def limits_of_none(hand: Hand) -> None:
    """A limit of 0 lets nothing pass; the stricter of two limits counts."""
    name = hand.ready(hand.name("closed"), external("closed"))
    for limits in ([{"calls": 0}], [{"tokens": 0}], [{"calls": 100, "key": "user"}, {"calls": 0, "key": "endpoint"}]):
        body = {"rate_limits": [{"key": "endpoint", "renewal_period": "minute", **limit} for limit in limits]}
        hand.accepted(hand.call("put_ai_gateway", body, name=name))
        for _ in range(2):
            exchange = hand.query(name, chat("May I?"))
            hand.refused("limits.enforced", exchange, (403, 429), (), f"limit 0, {sorted(limits[-1])[0]}")
    hand.delete(name)


@journey()
def limits_by_every_route(hand: Hand) -> None:
    """A limit counts the calls of all routes together, and refuses on each."""
    name = hand.ready(hand.name("doors"), external("doors"))
    limit = {"calls": CALLS, "key": "endpoint", "renewal_period": "minute"}
    hand.accepted(hand.call("put_ai_gateway", {"rate_limits": [limit]}, name=name))
    for turn in range(2):
        for number, (where, exchange) in enumerate(_doors(hand, name)):
            law = "limits.enforced" if turn else "limits.not-early"
            kept = exchange.status == 429 if turn else exchange.ok
            hand.hold(law, exchange, kept, f"{CALLS} calls pass, and no more", words(exchange), where)
            counted = exchange.header("x-ratelimit-remaining-requests")
            left = 0 if turn else CALLS - 1 - number
            hand.hold("limits.envelope", exchange, counted in (None, str(left)), left, counted, f"{where} remaining")
            allowed = exchange.header("x-ratelimit-limit-requests")
            hand.hold("limits.envelope", exchange, allowed in (None, str(CALLS)), CALLS, allowed, f"{where} limit")
            if turn and kept:
                _usable(hand, exchange, name, where)
    streamed = hand.query(name, chat("One more?", stream=True))
    hand.hold("limits.enforced", streamed, streamed.status == 429, 429, words(streamed), "streamed")
    hand.delete(name)


def _doors(hand: Hand, name: str) -> list[tuple[str, Exchange]]:
    return [
        ("invocations", hand.query(name, chat("First."))),
        ("served model", hand.call("query_served_model", chat("Second."), name=name, served_model_name="doors")),
        ("chat/completions", hand.call("create_chat_completion", chat("Third.", model=name))),
    ]


@journey()
def limits_of_groups(hand: Hand) -> None:
    """A limit of a group the caller is in counts; one of somebody else's does not."""
    name = hand.ready(hand.name("groups"), external("groups"))
    me = hand.call("get_current_user").document
    groups = [group.get("display") for group in me.get("groups") or [] if isinstance(group, dict)]
    foreign = [
        {"calls": 1, "key": "user_group", "principal": "contract-strangers", "renewal_period": "minute"},
        {"calls": 1, "key": "service_principal", "principal": "contract-stranger", "renewal_period": "minute"},
    ]
    hand.accepted(hand.call("put_ai_gateway", {"rate_limits": foreign}, name=name))
    for call in range(3):
        exchange = hand.query(name, chat(f"Call {call}."))
        hand.hold("limits.not-early", exchange, exchange.ok, "no limit for this caller", words(exchange), "foreign")
    for key in ("user_group", "service_principal"):
        body = {"rate_limits": [{"calls": 1, "key": key, "renewal_period": "minute"}]}
        refusal = hand.call("put_ai_gateway", body, name=name)
        hand.refused("rules.limit-values", refusal, 400, ("INVALID_PARAMETER_VALUE",), f"{key} of nobody")
    if groups:
        own = {"calls": 2, "key": "user_group", "principal": groups[0], "renewal_period": "minute"}
        hand.accepted(hand.call("put_ai_gateway", {"rate_limits": [own]}, name=name))
        for call in range(2):
            exchange = hand.query(name, chat(f"Call {call}."))
            hand.hold("limits.not-early", exchange, exchange.ok, f"call {call + 1} of 2", words(exchange), "group")
        exchange = hand.query(name, chat("One too many."))
        hand.hold("limits.enforced", exchange, exchange.status == 429, 429, words(exchange), "group")
    hand.delete(name)


def _usable(hand: Hand, exchange: Exchange, name: str, where: str) -> None:
    """The refusal names the limit, and says for how long."""
    message = str(exchange.document.get("message", ""))
    kept = exchange.code == "REQUEST_LIMIT_EXCEEDED" and name in message and "limit" in message.lower()
    hand.hold("limits.envelope", exchange, kept, f"REQUEST_LIMIT_EXCEEDED, about {name}", exchange.body, where)
    wait = exchange.header("retry-after") or ""
    kept = wait.isdecimal() and 1 <= int(wait) <= 60
    hand.hold("limits.retry-after", exchange, kept, "1 to 60 seconds", wait or "none", where)
    if kept and int(wait) <= SHORT_WAIT:
        hand.rest(int(wait) + 0.1)
        later = hand.query(name, chat("And after the wait?"))
        hand.hold("limits.retry-after", later, later.ok, f"a place after {wait} s", words(later), f"{where} honest")
