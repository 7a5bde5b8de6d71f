"""Queries of what is no chat: embeddings, custom models by MLflow's scoring protocol, agents."""

from __future__ import annotations

import json
import math
from typing import Any

from ..exchange import Exchange
from .hand import Abandoned, Hand, journey, words
from .recipes import EMBEDDINGS, chat, custom, external, routes

Json = Any
DIMENSIONS = {"databricks-gte-large-en": 1024, "databricks-bge-large-en": 1024}


def hosted(hand: Hand, task: str, preferred: str = "") -> str:
    """A foundation model of the workspace for a task. Raises ``Abandoned`` when none may be asked."""
    if not hand.around.guard.target.is_loopback:
        raise Abandoned("foundation models are asked on loopback only, or with --query-endpoint")
    listed = hand.call("list_foundation_models").document.get("endpoints") or []
    names = [str(item.get("name")) for item in listed if isinstance(item, dict) and item.get("task") == task]
    if not names:
        raise Abandoned(f"no foundation model for {task}")
    return preferred if preferred in names else names[0]


@journey()
def embedding_queries(hand: Hand) -> None:
    """Embeddings: sizes, order, length, sense."""
    own = hand.ready(hand.name("vectors"), external("vectors", "text-embedding-ada-002", EMBEDDINGS))
    for name in (own, hosted(hand, EMBEDDINGS, "databricks-gte-large-en")):
        texts = [
            "The cat sat on the mat in the sun.",
            "A cat was sitting on a mat in the sun.",
            "Quarterly revenue grew by seven percent.",
            "The rain in Spain stays mainly in the plain.",
        ]
        one = [vectors(hand.accepted(hand.query(name, {"input": text})))[0] for text in texts]
        together = hand.accepted(hand.query(name, {"input": texts}))
        found = vectors(together)
        sizes = {len(each) for each in (*one, *found)}
        expected = 1536 if name == own else DIMENSIONS.get(name)
        hand.hold("query.embedding-size", together, len(sizes) == 1, "one size", sizes, "between requests")
        hand.hold(
            "query.embedding-size", together, expected is None or sizes == {expected}, expected, sizes, "of the model"
        )
        order = len(found) == len(one) and all(_near(a, b) for a, b in zip(one, found, strict=True))
        hand.hold("query.embedding-order", together, order, "in the order of the inputs", "another", "order")
        again = vectors(hand.accepted(hand.query(name, {"input": texts[0]})))[0]
        hand.hold("query.embedding-sense", together, _near(one[0], again), "the same again", again[:4], "same")
        close, far = similarity(one[0], one[1]), similarity(one[0], one[2])
        hand.hold(
            "query.embedding-sense", together, close > far and far < 0.999, f"{close:.3f} above", f"{far:.3f}", "near"
        )
        routed = hand.call("create_embeddings", {"model": name, "input": texts[0], "encoding_format": "float"})
        kept = routed.ok and _near(vectors(routed)[0], one[0])
        hand.hold("query.routes", routed, kept, "the same embedding", words(routed)[:80], "embeddings")
        usage = together.document.get("usage") or {}
        kept = usage.get("prompt_tokens") == usage.get("total_tokens") and usage.get("prompt_tokens", 0) > 20
        hand.hold("query.usage", together, kept, "prompt_tokens = total_tokens", usage, "embeddings")
        for wrong in ({"messages": [{"role": "user", "content": "x"}]}, {"input": None}, {}):
            refusal = hand.query(name, wrong)
            hand.refused(
                "query.refuses", refusal, 400, ("BAD_REQUEST", "INVALID_PARAMETER_VALUE"), json.dumps(wrong)[:20]
            )
    hand.delete(own)


def vectors(exchange: Exchange) -> list[list[float]]:
    """The embeddings of an answer."""
    data = exchange.document.get("data") or []
    return [each["embedding"] for each in data if isinstance(each.get("embedding"), list)] or [[0.0]]


def similarity(left: list[float], right: list[float]) -> float:
    """The cosine of two vectors."""
    norm = math.sqrt(sum(x * x for x in left) * sum(x * x for x in right)) or 1.0
    return sum(a * b for a, b in zip(left, right, strict=False)) / norm


def _near(left: list[float], right: list[float]) -> bool:
    return len(left) == len(right) and similarity(left, right) > 0.9999


@journey()
def custom_queries(hand: Hand) -> None:
    """Custom models by MLflow's scoring protocol, with a traffic split."""
    name = hand.name("scorer")
    served = [custom("major"), custom("minor", version="2"), custom("idle", version="3")]
    config = {"served_entities": served, "traffic_config": routes(major=90, minor=10, idle=0)}
    hand.accepted(hand.call("create_serving_endpoint", {"name": name, "config": config}))
    hand.settled(name)
    rows = [{"a": number, "b": "x"} for number in range(3)]
    forms: list[tuple[str, Json, int]] = [
        ("dataframe_records", {"dataframe_records": rows}, 3),
        ("dataframe_split", {"dataframe_split": {"columns": ["a"], "data": [[1], [2], [3], [4]]}}, 4),
        ("instances", {"instances": [1, 2]}, 2),
        ("inputs", {"inputs": [1, 2, 3]}, 3),
        ("inputs by column", {"inputs": {"a": [1, 2], "b": [3, 4]}}, 2),
        ("params", {"dataframe_records": rows, "params": {"k": 1}}, 3),
    ]
    answers = {}
    for where, body, count in forms:
        exchange = hand.accepted(hand.query(name, body))
        predictions = exchange.document.get("predictions")
        kept = isinstance(predictions, list) and len(predictions) == count
        hand.hold("query.predictions", exchange, kept, f"{count} predictions", predictions, where)
        answers[where] = predictions
    csv = hand.call("query_endpoint", raw=b"a,b\n1,2\n3,4\n", media_type="text/csv", name=name)
    kept = csv.ok and len(csv.document.get("predictions") or []) == 2
    hand.hold("query.predictions", csv, kept, "2 predictions", words(csv), "csv")
    for wrong in ({}, {"inputs": [1], "instances": [1]}, {"columns": ["a"], "data": [[1]]}, [1, 2]):
        refusal = hand.query(name, wrong)
        hand.refused("query.input-forms", refusal, 400, ("BAD_REQUEST",), json.dumps(wrong)[:20])
    refusal = hand.call("query_endpoint", raw=b"<a/>", media_type="application/xml", name=name)
    hand.refused("query.input-forms", refusal, 415, (), "media type")
    refusal = hand.call("query_endpoint", raw=b'{"inputs": [', name=name)
    hand.refused("query.input-forms", refusal, 400, ("BAD_REQUEST",), "broken JSON")
    _by_position(hand, name)
    _traffic(hand, name)
    hand.delete(name)


def _by_position(hand: Hand, name: str) -> None:
    """Of a model that says the same of a row each time: it says so in whatever company and form the row comes.

    One entity is asked, as another one may answer otherwise; a model that answers by chance is not judged.
    """
    rows = [{"a": number, "b": text} for number, text in enumerate(("x", "yy", "x", "zzz", "x"))]
    columns = {key: [row[key] for row in rows] for key in ("a", "b")}
    table = {"columns": ["a", "b"], "data": [list(row.values()) for row in rows]}
    forms: list[tuple[str, Json]] = [
        ("records", {"dataframe_records": rows}),
        ("split", {"dataframe_split": table}),
        ("instances", {"instances": rows}),
        ("columns", {"inputs": columns}),
    ]

    def ask(body: Json) -> list[Json]:
        exchange = hand.call("query_served_model", body, name=name, served_model_name="major")
        found = hand.accepted(exchange, "query.routes", "served model").document.get("predictions")
        predictions = found if isinstance(found, list) else []
        said = bool(predictions) and any(each is not None for each in predictions)
        hand.hold("query.predictions", exchange, said, "a prediction", found, "nothing")
        return predictions

    single, again = ([ask({"dataframe_records": [row]})[:1] for row in rows] for _ in range(2))
    if single != again or all(each == single[0] for each in single):
        return
    expected = [prediction for each in single for prediction in each]
    for where, body in forms:
        got = ask(body)
        assert hand.last is not None
        hand.hold("query.predictions", hand.last, _alike(got, expected), expected, got, f"position, {where}")


def _alike(left: Json, right: Json) -> bool:
    """Equality, but for what a model may calculate a little differently in company."""
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_alike, left, right))
    if isinstance(left, float) and isinstance(right, int | float):
        return math.isclose(left, right, rel_tol=1e-5, abs_tol=1e-9)
    return bool(left == right)


def _traffic(hand: Hand, name: str) -> None:
    """The split is kept, an entity without traffic is not asked, and each can be asked by itself."""
    served: dict[str | None, int] = {}
    for number in range(60):
        exchange = hand.accepted(hand.query(name, {"inputs": [number]}))
        entity = exchange.header("served-model-name")
        served[entity] = served.get(entity, 0) + 1
    kept = served.get("major", 0) >= 44 and set(served) == {"major", "minor"}
    hand.hold("query.served-model", exchange, kept, "about 90 % major, 10 % minor", served, "split")
    for entity in ("major", "minor", "idle"):
        exchange = hand.call("query_served_model", {"inputs": [1]}, name=name, served_model_name=entity)
        hand.accepted(exchange, "query.routes", "served model")
    exchange = hand.call("query_served_model", {"inputs": [1]}, name=name, served_model_name="nobody")
    hand.refused("query.routes", exchange, 404, (), "unknown served model")


@journey()
def agent_queries(hand: Hand) -> None:
    """Agents, where the target takes an entity for one."""
    name = hand.ready(hand.name("agent"), custom("helper", "main.contract.support_agent"))
    if hand.get(name).document.get("task") != "agent/v1/responses":
        hand.delete(name)
        raise Abandoned("the entity is no agent on this target")
    exchange = hand.accepted(hand.query(name, {"input": [{"role": "user", "content": "Hello, who are you?"}]}))
    check_agent(hand, exchange)
    hand.refused(
        "query.refuses", hand.query(name, chat("hi")), 400, ("BAD_REQUEST", "INVALID_PARAMETER_VALUE"), "messages"
    )
    streamed = hand.accepted(hand.query(name, {"input": [{"role": "user", "content": "Hello."}], "stream": True}))
    events = [json.loads(data) for data in streamed.events if data != "[DONE]"]
    texts = "".join(event.get("delta", "") for event in events if event.get("type") == "response.output_text.delta")
    done = [event for event in events if event.get("type") == "response.output_item.done"]
    items = [event["item"] for event in done if event["item"].get("type") == "message"]
    said = "".join(block.get("text", "") for item in items for block in item.get("content") or [])
    hand.hold("stream.equal", streamed, bool(texts) and texts == said, said, texts, "agent")
    hand.delete(name)


def check_agent(hand: Hand, exchange: Exchange) -> None:
    """The reply of an agent has an assistant's message with text."""
    output = exchange.document.get("output") or []
    messages = [item for item in output if item.get("type") == "message"]
    blocks = [block for item in messages for block in item.get("content") or []]
    texts = [block.get("text") for block in blocks if block.get("type") == "output_text"]
    kept = (
        len(texts) == len(blocks)
        and bool(messages)
        and all(item.get("role") == "assistant" for item in messages)
        and all(texts)
        and bool(texts)
    )
    hand.hold("query.agent", exchange, kept, "output messages of the assistant with text", output)
    hand.hold(
        "query.agent",
        exchange,
        exchange.document.get("object") == "response",
        "response",
        exchange.document.get("object"),
        "object",
    )
