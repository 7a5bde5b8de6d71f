"""Writes at the same moment: of two that exclude each other exactly one succeeds, and the state says which."""

from __future__ import annotations

import threading
from collections.abc import Callable

from ..exchange import Exchange
from .hand import Hand, journey, words
from .recipes import custom, external

ROUNDS = 4


def together(calls: list[Callable[[], Exchange]]) -> list[Exchange]:
    """Make these calls at the same moment."""
    barrier = threading.Barrier(len(calls))
    results: dict[int, Exchange] = {}
    raised: list[BaseException] = []

    def run(index: int) -> None:
        try:
            barrier.wait(10)
            results[index] = calls[index]()
        except BaseException as problem:  # handed on to the journey's own thread below
            raised.append(problem)

    threads = [threading.Thread(target=run, args=(index,), daemon=True) for index in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if raised:
        raise raised[0]
    return [results[index] for index in sorted(results)]


def _in_turn(exchanges: list[Exchange], version: int) -> bool:
    """Whether the reply to an accepted update shows that another one of the round had been deployed before it."""
    shown = [exchange.document.get("config") for exchange in exchanges if exchange.ok]
    return any(isinstance(config, dict) and (config.get("config_version") or 0) > version for config in shown)


def one_wins(hand: Hand, exchanges: list[Exchange], where: str) -> None:
    """Exactly one is accepted, the others are refused with 409."""
    won = [exchange for exchange in exchanges if exchange.ok]
    lost = [exchange for exchange in exchanges if exchange.status == 409]
    kept = len(won) == 1 and len(lost) == len(exchanges) - 1
    got = [words(exchange)[:60] for exchange in exchanges]
    hand.hold("lifecycle.race", exchanges[-1], kept, "one accepted, the others 409", got, where)


@journey()
def racing_creates(hand: Hand) -> None:
    """Two creates of one name."""
    for _ in range(ROUNDS):
        name = hand.name("race")

        def create(model: str, name: str = name) -> Exchange:
            return hand.call("create_serving_endpoint", {"name": name, "description": model})

        exchanges = together([lambda: create("first"), lambda: create("second"), lambda: create("third")])
        one_wins(hand, exchanges, "create")
        winner = next((exchange for exchange in exchanges if exchange.ok), None)
        shown = hand.get(name)
        if winner is not None and isinstance(winner.reply, dict) and isinstance(shown.reply, dict):
            for member in ("id", "description"):
                kept = shown.reply.get(member) == winner.reply.get(member)
                hand.hold("lifecycle.race", shown, kept, winner.reply.get(member), shown.reply.get(member), member)
        hand.delete(name)
        hand.refused("memory.delete", hand.get(name), 404)


@journey()
def racing_updates(hand: Hand) -> None:
    """Two updates of one endpoint, then an update and a deletion."""
    name = hand.name("rally")
    hand.create(name, external("start"))
    hand.settled(name)
    version = 1
    for number in range(2):

        def update(entity: str) -> Exchange:
            return hand.call("update_config", {"served_entities": [external(entity)]}, name=name)

        exchanges = together([lambda: update(f"left{number}"), lambda: update(f"right{number}")])  # noqa: B023
        in_turn = _in_turn(exchanges, version)
        if not in_turn:
            one_wins(hand, exchanges, "update")
        version += sum(exchange.ok for exchange in exchanges) if in_turn else 1
        settled = hand.settled(name)
        shown = settled.document.get("config") or {}
        got = shown.get("config_version")
        hand.hold("lifecycle.version", settled, got == version, version, got, "race")
        winners = [
            f"{side}{number}" for side, exchange in zip(("left", "right"), exchanges, strict=True) if exchange.ok
        ]
        entities = [entity.get("name") for entity in shown.get("served_entities") or []]
        kept = len(entities) == 1 and entities[0] in winners
        hand.hold("lifecycle.race", settled, kept, winners, entities, "winner")
    exchanges = together(
        [
            lambda: hand.call("update_config", {"served_entities": [external("late")]}, name=name),
            lambda: hand.call("delete_serving_endpoint", name=name),
        ]
    )
    kept = exchanges[1].ok and (exchanges[0].ok or exchanges[0].status == 404)
    hand.hold(
        "lifecycle.race", exchanges[1], kept, "deleted", [words(exchange)[:80] for exchange in exchanges], "delete"
    )
    hand.refused("memory.delete", hand.get(name), 404)
    hand.hold("memory.delete", exchanges[1], hand.listed(name) is None, "not listed", name, "race")


@journey()
def racing_tags(hand: Hand) -> None:
    """Tags added at the same moment are all kept."""
    name = hand.name("crowd")
    hand.create(name)

    def add(key: str) -> Callable[[], Exchange]:
        return lambda: hand.call("patch_tags", {"add_tags": [{"key": key, "value": "v"}]}, name=name)

    calls = [add(f"k{number}") for number in range(6)]
    exchanges = together(calls)
    for exchange in exchanges:
        hand.accepted(exchange)
    shown = hand.get(name)
    keys = sorted(tag.get("key") for tag in shown.document.get("tags") or [])
    hand.hold("memory.tags", shown, keys == [f"k{number}" for number in range(6)], "all six tags", keys, "race")
    hand.delete(name)


@journey()
def crowded_list(hand: Hand) -> None:
    """Many endpoints at once, some with names that begin alike: all are listed, and deleting one leaves the others."""
    count = 60 if hand.around.guard.target.is_loopback else 4
    stem = f"{hand.around.prefix}many-{hand.round}"
    names = [stem, f"{stem}-1", *(f"{stem}-1{number}" for number in range(count))]
    for name in names:
        hand.create(name)
    shown = {item.get("name") for item in hand.call("list_serving_endpoints").document.get("endpoints") or []}
    exchange = hand.delete(f"{stem}-1")
    left = {item.get("name") for item in hand.call("list_serving_endpoints").document.get("endpoints") or []}
    missing = sorted(set(names) - shown)
    hand.hold("memory.list-has", exchange, not missing, f"all {len(names)}", f"without {missing[:5]}", "many")
    lost = sorted(set(names) - {f"{stem}-1"} - left)
    hand.hold(
        "memory.neighbours", exchange, not lost and f"{stem}-1" not in left, "only one deleted", lost[:5], "delete"
    )
    for name in names:
        if name != f"{stem}-1":
            hand.get(name)
            hand.delete(name)


@journey()
def deleted_while_deploying(hand: Hand) -> None:
    """An endpoint may be deleted while it deploys, and its name used again at once."""
    ids = []
    for _ in range(4):
        name = f"{hand.around.prefix}phoenix-{hand.round}"
        created = hand.create(name, custom("bird"))
        ids.append(created.document.get("id"))
        hand.accepted(hand.call("delete_serving_endpoint", name=name), "lifecycle.undisturbed")
        gone = hand.get(name)
        hand.refused("memory.delete", gone, 404, ("RESOURCE_DOES_NOT_EXIST",))
        hand.hold("identity.id-fresh", gone, len(set(ids)) == len(ids), "new ids", ids, "again")
    again = hand.call("delete_serving_endpoint", name=f"{hand.around.prefix}phoenix-{hand.round}")
    hand.refused("memory.delete", again, 404, ("RESOURCE_DOES_NOT_EXIST",), "twice")
