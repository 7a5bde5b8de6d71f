"""Valid values at the edge of what is allowed: they are accepted, by every kind of model."""

from __future__ import annotations

import base64
import json
import struct
from typing import Any

from ..answers import answer_text
from .hand import Abandoned, Hand, journey, words
from .models import check_agent, hosted, similarity
from .models import vectors as vectors_of
from .queries import HOSTED_CHAT, WEATHER
from .recipes import CHAT, COMPLETIONS, EMBEDDINGS, chat, external

Json = Any
CALL = {"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city": "Oslo"}'}}
CONVERSATION = [
    {"role": "system", "content": "You are brief."},
    {"role": "user", "content": "What is the weather in Oslo?"},
    {"role": "assistant", "content": None, "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "call_1", "content": "12 degrees, rain"},
]
PARTS = [{"role": "user", "content": [{"type": "text", "text": "Name three"}, {"type": "text", "text": " rivers."}]}]


@journey()
def accepted_queries(hand: Hand) -> None:
    """Parameters at their bounds, and every form of a conversation."""
    own = hand.ready(hand.name("bounds"), external("bounds"))
    bodies: list[Json] = [
        *(chat("Hi.", temperature=value) for value in (0, 0.0, 2, 1.5)),
        *(chat("Hi.", top_p=value) for value in (1, 0.01)),
        *(chat("Hi.", n=value) for value in (1, 5)),
        *(chat("Hi.", max_tokens=value) for value in (1, 4096)),
        *(chat("Hi.", stop=value) for value in ("zzz", ["zzz"], ["a1", "b2", "c3", "d4"])),
        chat("Hi.", stream=False),
        chat("Hi.", tools=[WEATHER], tool_choice="auto"),
        chat("Hi.", response_format={"type": "text"}),
        {"messages": CONVERSATION, "tools": [WEATHER]},
        {"messages": [CONVERSATION[0], *PARTS]},
        {"messages": [*chat("Hello.")["messages"], {"role": "assistant", "content": "Hi."}, *PARTS]},
        chat("A long story. " * 300, max_tokens=2),
    ]
    for name in (own, hosted(hand, CHAT, HOSTED_CHAT)):
        for body in bodies:
            _accepted(hand, name, body)
    several = hand.accepted(hand.query(own, chat("Tell me something.", n=5, temperature=1.0)))
    texts = {answer_text(several, index) for index in range(5)}
    hand.hold("query.varied", several, len(texts) > 1, "different choices", texts, "choices")
    hand.delete(own)


@journey()
def accepted_gateways(hand: Hand) -> None:
    """Every part of an AI gateway, one after another and all at once."""
    name = hand.ready(hand.name("portal"), external("portal"))
    hand.rest(hand.around.pause)
    topics = {"valid_topics": ["rivers", "bread"], "safety": True}
    parts: list[dict[str, Json]] = [
        {"fallback_config": {"enabled": True}},
        {"guardrails": {"input": topics, "output": {"pii": {"behavior": "BLOCK"}}}},
        {"rate_limits": [{"tokens": 90000, "key": "user", "renewal_period": "minute"}]},
        {"usage_tracking_config": {"enabled": True}},
    ]
    whole = {key: value for part in parts for key, value in part.items()}
    for configuration in (*parts, whole, {}):
        hand.accepted(hand.call("put_ai_gateway", configuration, name=name))
        hand.get(name)
    hand.sandwich(name)
    hand.delete(name)


@journey()
def accepted_texts(hand: Hand) -> None:
    """Completions and embeddings, one and several texts, with parameters at their bounds."""
    writer, vectors = hand.name("pen"), hand.name("raster")
    hand.create(writer, external("pen", "gpt-3.5-turbo-instruct", COMPLETIONS))
    hand.create(vectors, external("raster", "text-embedding-ada-002", EMBEDDINGS))
    hand.settled(writer)
    for more in ({}, {"temperature": 2}, {"n": 5}, {"max_tokens": 1}, {"stop": ["zzz"]}, {"top_p": 1}):
        _accepted(hand, writer, {"prompt": "Once upon a time", **more})
    hand.settled(vectors)
    for given in ("a", "word " * 200, ["a"], [f"text {number}" for number in range(32)], "naïve café ☕"):
        _accepted(hand, vectors, {"input": given})
    _encoded(hand, vectors)
    for name in (writer, vectors):
        hand.delete(name)
    short = hand.ready(hand.name("short"), external("short", "text-embedding-3-small", EMBEDDINGS))
    for size in (64, 256):
        exchange = hand.accepted(hand.query(short, {"input": ["a text"], "dimensions": size}))
        found = len(vectors_of(exchange)[0])
        hand.hold("query.embedding-size", exchange, found == size, size, found, "dimensions")
    hand.delete(short)


def _encoded(hand: Hand, name: str) -> None:
    """An embedding in base64 is the one in numbers."""
    plain = hand.accepted(hand.query(name, {"input": "a text", "encoding_format": "float"}))
    coded = hand.accepted(hand.query(name, {"input": "a text", "encoding_format": "base64"}))
    given = ((coded.document.get("data") or [{}])[0]).get("embedding")
    try:
        raw = base64.b64decode(given, validate=True) if isinstance(given, str) else b""
    except ValueError:
        raw = b""
    numbers = list(struct.unpack(f"<{len(raw) // 4}f", raw)) if raw and len(raw) % 4 == 0 else [0.0]
    near = similarity(numbers, vectors_of(plain)[0])
    hand.hold("query.embedding-sense", coded, near > 0.9999, "the same in base64", str(given)[:40], "base64")


@journey()
def other_vendors_answers(hand: Hand) -> None:
    """Responses and messages in each form of their input, complete, and each with an identity of its own."""
    model = hosted(hand, CHAT, HOSTED_CHAT)
    said = [{"role": "user", "content": "Name three rivers."}]
    for operation in ("create_response", "gateway_response"):
        for given in ("Name three rivers.", said):
            exchange = hand.accepted(hand.call(operation, {"model": model, "input": given}), "query.routes", operation)
            check_agent(hand, exchange)
            status = exchange.document.get("status")
            hand.hold("query.agent", exchange, status in ("completed", None), "completed", status, "status")
    claude = "databricks-claude-sonnet-4"
    for limit, reasons in ((200, ("end_turn",)), (2, ("max_tokens",))):
        exchange = hand.call("create_message", {"model": claude, "max_tokens": limit, "messages": said})
        if exchange.status == 404:
            raise Abandoned(f"no {claude} on this target")
        hand.accepted(exchange, "query.routes", "messages")
        reason = exchange.document.get("stop_reason")
        hand.hold("query.finish-reason", exchange, reason in reasons, reasons, reason, "messages")
        used = (exchange.document.get("usage") or {}).get("output_tokens")
        kept = isinstance(used, int) and 0 < used <= limit
        hand.hold("query.usage", exchange, kept, f"1 to {limit} output tokens", used, "messages")


@journey()
def probable_tokens(hand: Hand) -> None:
    """Log probabilities are given for each token of the answer, when asked for."""
    name = hand.ready(hand.name("odds"), external("odds"))
    exchange = hand.accepted(hand.query(name, chat("Name three rivers.", logprobs=True, top_logprobs=2)))
    choice = (exchange.document.get("choices") or [{}])[0]
    tokens = (choice.get("logprobs") or {}).get("content") or []
    joined = "".join(str(token.get("token")) for token in tokens)
    kept = bool(tokens) and joined == answer_text(exchange)
    hand.hold("query.message", exchange, kept, answer_text(exchange), joined, "logprobs")
    kept = all(isinstance(each.get("logprob"), int | float) and each["logprob"] <= 0 for each in tokens)
    kept = kept and all(len(each.get("top_logprobs") or []) == 2 for each in tokens)
    hand.hold("query.message", exchange, kept, "logarithms, and two candidates each", tokens[:2], "top_logprobs")
    hand.delete(name)


def _accepted(hand: Hand, name: str, body: Json) -> None:
    exchange = hand.query(name, body)
    where = json.dumps({key: value for key, value in body.items() if key != "messages"})[:40]
    hand.hold("rules.accepts", exchange, exchange.ok, "the query is answered", words(exchange), where)
