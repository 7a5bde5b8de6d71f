"""The laws of what is put together from the events of a stream: calls of tools, and other vendors' typed events."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from .exchange import Exchange

if TYPE_CHECKING:
    from .oracle import Oracle

Json = Any


def judge_calls(oracle: Oracle, exchange: Exchange, choices: list[dict[str, Json]], sent: dict[str, Json]) -> None:
    """The calls of tools in the events of one choice: the first event of each call says which, later ones go on."""
    judge = oracle.judge
    begun: dict[Json, str] = {}
    for delta in _call_deltas(choices):
        index, function = delta.get("index"), delta.get("function") or {}
        if index in begun:
            kept = delta.get("id") in (None, "", begun[index]) and delta.get("type") in (None, "function")
            judge.hold("query.tools", exchange, kept, f"more of {begun[index]}", delta, "streamed, later")
            continue
        judge.hold("query.tools", exchange, index == len(begun), len(begun), index, "streamed index")
        kept = delta.get("type") == "function" and bool(function.get("name")) and isinstance(delta.get("id"), str)
        judge.hold("query.tools", exchange, kept, "id, type and name at first", delta, "streamed, first")
        begun[index] = str(delta.get("id"))
        fresh = isinstance(delta.get("id"), str) and begun[index] not in oracle.answer_ids
        judge.hold("query.fresh", exchange, fresh, "an id of its own", delta.get("id"), "streamed tool call")
        oracle.answer_ids.add(begun[index])
    if begun:
        reasons = [choice["finish_reason"] for choice in choices if choice.get("finish_reason")]
        named = isinstance(sent.get("tool_choice"), dict)  # vendors differ only when the caller named the function
        kept = all(each in ("tool_calls", "length") or (named and each == "stop") for each in reasons)
        judge.hold("query.finish-reason", exchange, kept, "tool_calls", reasons, "streamed tools")


def _call_deltas(choices: list[dict[str, Json]]) -> Iterator[dict[str, Json]]:
    for choice in choices:
        yield from (choice.get("delta") or {}).get("tool_calls") or []


def streamed_calls(chunks: list[dict[str, Json]]) -> list[tuple[str, str]]:
    """The name and the arguments of each call of a tool in a stream, put together."""
    found: dict[Json, list[str]] = {}
    for delta in _call_deltas([choice for chunk in chunks for choice in chunk.get("choices") or []]):
        function = delta.get("function") or {}
        parts = found.setdefault(delta.get("index"), ["", ""])
        parts[0] += function.get("name") or ""
        parts[1] += function.get("arguments") or ""
    return [(name, arguments) for name, arguments in found.values()]


def judge_names(oracle: Oracle, exchange: Exchange, required: bool) -> None:
    """The name of an event is its type: by one of them clients choose what to do with it."""
    for named, kind in _named(exchange):
        kept = named == kind if named or required else True
        oracle.judge.hold("stream.frames", exchange, kept, f"event: {kind}", named or "none", "event name")


def _named(exchange: Exchange) -> Iterator[tuple[str, str]]:
    for block in exchange.body.decode("utf-8", "replace").replace("\r\n", "\n").split("\n\n"):
        fields = dict(line.partition(":")[::2] for line in block.split("\n") if ":" in line)
        try:
            event = json.loads(fields.get("data", ""))
        except ValueError:
            continue
        if isinstance(event, dict) and isinstance(event.get("type"), str):
            yield fields.get("event", "").strip(), event["type"]


def judge_blocks(oracle: Oracle, exchange: Exchange, chunks: list[dict[str, Json]]) -> None:
    """The blocks of an Anthropic stream begin and end in pairs, one after another, and pieces come in between."""
    expected: list[tuple[str, Json]] = []
    steps = [
        (str(chunk.get("type")), chunk.get("index"))
        for chunk in chunks
        if str(chunk.get("type")).startswith("content_block_")
    ]
    count = sum(kind == "content_block_start" for kind, _ in steps)
    for index in range(count):
        pieces = [step for step in steps if step == ("content_block_delta", index)]
        expected += [("content_block_start", index), *pieces, ("content_block_stop", index)]
    kept = bool(steps) and steps == expected
    oracle.judge.hold("stream.frames", exchange, kept, "start, deltas and stop of each block", steps[:8], "blocks")


def message_text(chunks: list[dict[str, Json]]) -> str:
    """The text of an Anthropic stream, joined."""
    deltas = [chunk.get("delta") or {} for chunk in chunks if chunk.get("type") == "content_block_delta"]
    return "".join(str(delta.get("text", "")) for delta in deltas if delta.get("type") == "text_delta")


def judge_response(oracle: Oracle, exchange: Exchange, chunks: list[dict[str, Json]]) -> None:
    """The last event of a streamed response holds what was streamed."""
    over = [chunk for chunk in chunks if chunk.get("type") in ("response.completed", "response.incomplete")]
    if not over:
        return
    streamed = "".join(
        str(chunk.get("delta", "")) for chunk in chunks if chunk.get("type") == "response.output_text.delta"
    )
    whole = response_text((over[-1].get("response") or {}).get("output"))
    oracle.judge.hold("stream.equal", exchange, whole == streamed, streamed, whole, "completed")


def response_text(output: Json) -> str:
    """The text of the messages in the output of a response."""
    messages = [item for item in output or [] if isinstance(item, dict) and item.get("type") == "message"]
    blocks = [block for item in messages for block in item.get("content") or [] if isinstance(block, dict)]
    return "".join(str(block.get("text", "")) for block in blocks if block.get("type") == "output_text")
