"""The moment between two configurations: who answers, and what is shown, until the new one takes over."""

from __future__ import annotations

from typing import Any

from ..exchange import Exchange
from .hand import Abandoned, Hand, journey, words
from .recipes import chat, custom, external

Json = Any
LOOKS = 6


@journey()
def served_until_replaced(hand: Hand) -> None:
    """The old entity answers as long as the update runs, the new one as soon as it has ended."""
    outside, inside = hand.name("relay"), hand.name("baton")
    for name, served in ((outside, external("veteran")), (inside, custom("veteran"))):
        hand.create(name, served)
    for name, served, question in (
        (outside, external("rookie", "gpt-4o-mini"), chat("Who is there?")),
        (inside, custom("rookie", version="2"), {"inputs": [1]}),
    ):
        hand.settled(name)
        started = hand.accepted(hand.call("update_config", {"served_entities": [served]}, name=name))
        _old_answers(hand, name, question, started)
        hand.settled(name)
        exchange = hand.accepted(hand.query(name, question))
        _served_by(hand, "query.served-model", exchange, "rookie", "after")
    for name in (outside, inside):
        hand.delete(name)


def _old_answers(hand: Hand, name: str, question: Json, started: Exchange) -> None:
    """Each answer between two reads that both show the update running is the old entity's."""
    running = _updating(started)
    for _ in range(LOOKS):
        answer = hand.query(name, question)
        before, running = running, _updating(hand.get(name))
        if not (before and running):
            return
        if hand.hold("lifecycle.old-answers", answer, answer.ok, "an answer", words(answer), "running"):
            _served_by(hand, "lifecycle.old-answers", answer, "veteran", "running")


def _served_by(hand: Hand, law: str, exchange: Exchange, entity: str, where: str) -> None:
    shown = exchange.header("served-model-name")
    hand.hold(law, exchange, shown == entity, entity, shown, f"entity {where}")


def _updating(exchange: Exchange) -> bool:
    state = exchange.document.get("state")
    return isinstance(state, dict) and state.get("config_update") == "IN_PROGRESS"


@journey()
def documents_of_the_day(hand: Hand) -> None:
    """The OpenAPI document and the metrics are of the endpoint as it is now, at its own address."""
    name = hand.ready(hand.name("address"), external("first"))
    exchange = hand.accepted(hand.call("get_open_api", name=name))
    servers = exchange.document.get("servers") or []
    urls = [str(server.get("url")) for server in servers if isinstance(server, dict)]
    kept = bool(urls) and all(url.rstrip("/").endswith(f"/serving-endpoints/{name}") for url in urls)
    hand.hold("memory.documents", exchange, kept, f"servers at /serving-endpoints/{name}", urls, "servers")
    info = exchange.document.get("info") or {}
    kept = isinstance(info, dict) and bool(info.get("title")) and bool(info.get("version"))
    hand.hold("memory.documents", exchange, kept, "a title and a version", info, "info")
    paths = exchange.document.get("paths") or {}
    queried = [item for path, item in paths.items() if path.endswith("/invocations")] if isinstance(paths, dict) else []
    kept = bool(queried) and all(isinstance(item, dict) and "post" in item for item in queried)
    hand.hold("memory.documents", exchange, kept, "a post of invocations", paths, "post")
    if hand.get(name).document.get("task") != "llm/v1/chat":
        raise Abandoned("the model is no chat model on this target")
    for _ in range(2):
        refusal = hand.query(name, {"messages": []})
        hand.refused("query.refuses", refusal, 400, (), "no messages")
    hand.delete(name)
