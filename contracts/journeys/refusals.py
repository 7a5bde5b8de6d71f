"""What the routes of other vendors' clients refuse: whatever the contract does not allow them."""

from __future__ import annotations

from typing import Any

from ..routes import operation
from .hand import Hand, journey
from .models import hosted
from .queries import HOSTED_CHAT
from .recipes import CHAT, COMPLETIONS, EMBEDDINGS, custom, external

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
    "gateway_openai_chat_completion": (CHAT, {"messages": MESSAGES}),
    "gateway_openai_response": ("hosted", {"input": "Name three rivers."}),
    "create_message": ("hosted", {"messages": MESSAGES, "max_tokens": 5}),
    "gateway_anthropic_message": ("hosted", {"messages": MESSAGES, "max_tokens": 5}),
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


@journey()
def refused_sizes(hand: Hand) -> None:
    """Sizes whose least is above their most, that are negative, or that the model does not come in."""
    ranges: list[tuple[str, str, Json]] = [
        ("rules.types", "concurrency", {"min_provisioned_concurrency": 8, "max_provisioned_concurrency": 4}),
        ("rules.types", "negative", {"min_provisioned_concurrency": -4, "max_provisioned_concurrency": 4}),
        ("rules.types", "throughput", {"min_provisioned_throughput": 970, "max_provisioned_throughput": 0}),
    ]
    for law, where, sizes in ranges:
        name = hand.name("sizes")
        entity = custom("a", "system.ai.meta_llama_v3_1_8b_instruct", **sizes)
        del entity["workload_size"]
        refusal = hand.call("create_serving_endpoint", {"name": name, "config": {"served_entities": [entity]}})
        hand.refused(law, refusal, 400, ("INVALID_PARAMETER_VALUE",), where)
        hand.refused("memory.refused-write", hand.get(name), 404, (), where)
    name = hand.name("forked")
    route = {"served_entity_name": "a", "served_model_name": "b", "traffic_percentage": 100}
    config = {"served_entities": [custom("a"), custom("b")], "traffic_config": {"routes": [route]}}
    refusal = hand.call("create_serving_endpoint", {"name": name, "config": config})
    hand.refused("rules.traffic-names", refusal, 400, ("INVALID_PARAMETER_VALUE",), "two names")


@journey()
def refused_capture(hand: Hand) -> None:
    """Where requests are captured cannot be moved, and capture cannot be enabled again."""
    name = hand.name("capture")
    capture = {"catalog_name": "main", "schema_name": "logs", "table_name_prefix": "t", "enabled": True}
    config = {"served_entities": [custom("a")], "auto_capture_config": capture}
    hand.accepted(hand.call("create_serving_endpoint", {"name": name, "config": config}))
    hand.settled(name)
    for member in ("catalog_name", "schema_name", "table_name_prefix"):
        moved = {**config, "auto_capture_config": {**capture, member: "elsewhere"}}
        refusal = hand.call("update_config", moved, name=name)
        hand.refused("rules.kind-fixed", refusal, 400, ("INVALID_PARAMETER_VALUE",), f"capture {member}")
    off = {**config, "auto_capture_config": {**capture, "enabled": False}}
    hand.accepted(hand.call("update_config", off, name=name))
    hand.settled(name)
    hand.get(name)
    refusal = hand.call("update_config", config, name=name)
    hand.refused("rules.kind-fixed", refusal, 400, ("INVALID_PARAMETER_VALUE",), "capture again")
    hand.get(name)
    hand.delete(name)


@journey()
def refused_rows(hand: Hand) -> None:
    """Rows that are no table, vectors of no such size or encoding, and tools of no kind."""
    scorer, grid = hand.name("rows"), hand.name("lattice")
    hand.create(scorer, custom("rows"))
    hand.create(grid, external("lattice", "text-embedding-3-small", EMBEDDINGS))
    hand.settled(grid)
    for wrong in ({"dimensions": 0}, {"dimensions": 10**6}, {"encoding_format": "hex"}):
        refusal = hand.query(grid, {"input": "a text", **wrong})
        hand.refused("query.refuses", refusal, 400, CODES, str(wrong))
    hand.settled(scorer)
    tables: list[Json] = [
        {"dataframe_split": [[1]]},
        {"dataframe_split": {"columns": ["a"]}},
        {"dataframe_split": {"columns": ["a"], "data": [[1], [2, 3]]}},
        {"dataframe_records": {"a": 1}},
        {"dataframe_split": {"columns": ["a"], "data": [[1]]}, "dataframe_records": [{"a": 1}]},
    ]
    for table in tables:
        hand.refused("query.input-forms", hand.query(scorer, table), 400, ("BAD_REQUEST",), str(table)[:40])
    bare = {"type": "function", "function": {"name": "f"}}
    refusal = hand.query(hosted(hand, CHAT, HOSTED_CHAT), {"messages": MESSAGES, "tools": [bare]})
    hand.refused("query.refuses", refusal, 400, CODES, "tool without parameters")
    for name in (scorer, grid):
        hand.delete(name)
