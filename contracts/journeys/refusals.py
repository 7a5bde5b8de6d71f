"""What the routes of other vendors' clients refuse: whatever the contract does not allow them."""

from __future__ import annotations

from typing import Any

from ..routes import operation
from .hand import Hand, journey
from .models import hosted
from .queries import HOSTED_CHAT
from .recipes import CHAT, COMPLETIONS, EMBEDDINGS, external

Json = Any
MESSAGES = [{"role": "user", "content": "Name three rivers."}]
CODES = ("BAD_REQUEST", "INVALID_PARAMETER_VALUE", "MALFORMED_REQUEST")
ROUTES: dict[str, tuple[str, Json]] = {
    "create_chat_completion": (CHAT, {"messages": MESSAGES}),
    "gateway_chat_completion": (CHAT, {"messages": MESSAGES}),
    "create_completion": (COMPLETIONS, {"prompt": "Once"}),
    "create_embeddings": (EMBEDDINGS, {"input": "a text"}),
    "gateway_embeddings": (EMBEDDINGS, {"input": "a text"}),
    "create_response": ("hosted", {"input": "Name three rivers."}),
    "gateway_response": ("hosted", {"input": "Name three rivers."}),
    "create_message": ("hosted", {"messages": MESSAGES, "max_tokens": 5}),
}
WRONG: dict[str, tuple[Json, ...]] = {
    "model": (7, None),
    "messages": ([], "hello", [{"role": "wizard", "content": "x"}], [7]),
    "prompt": (None, {}),
    "input": (None, {}),
    "max_tokens": (0, -1, "many"),
    "temperature": (5, "hot"),
    "n": (0, 99, "two"),
    "stream": ("yes",),
    "tools": ([{"type": "function", "function": {}}], [{"type": "function"}], ["get_weather"], "all"),
    "tool_choice": ("perhaps", 7),
    "response_format": ("json", {"type": "poem"}, {"type": "json_schema"}),
}


@journey()
def refused_on_every_route(hand: Hand) -> None:
    """A body without a required member, or with one of the wrong kind, is refused on each route."""
    names = {"hosted": hosted(hand, CHAT, HOSTED_CHAT)}
    for task, stem, model in (
        (CHAT, "prim", "gpt-4"),
        (COMPLETIONS, "quill", "gpt-3.5-turbo-instruct"),
        (EMBEDDINGS, "grid", "text-embedding-ada-002"),
    ):
        names[task] = hand.name(stem)
        hand.create(names[task], external(stem, model, task))
    for task in (CHAT, COMPLETIONS, EMBEDDINGS):
        hand.settled(names[task])
    for identifier, (task, good) in ROUTES.items():
        _refused(hand, identifier, {"model": names[task], **good})
    for task in (CHAT, COMPLETIONS, EMBEDDINGS):
        hand.delete(names[task])


def _refused(hand: Hand, identifier: str, good: dict[str, Json]) -> None:
    found = operation(identifier)
    without = [(f"no {key}", {each: value for each, value in good.items() if each != key}) for key in good]
    wrong = [(f"{key} {value!r}"[:24], {**good, key: value}) for key, values in WRONG.items() for value in values]
    for where, body in (*without, *wrong):
        if found.request_violations(body):
            exchange = hand.call(identifier, body)
            hand.refused("query.refuses", exchange, 400, CODES, f"{identifier} {where}")
