"""The laws of answers that can be judged on one query alone: usage, choices, identity, embeddings, streams."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from .exchange import Exchange
from .pieces import judge_blocks, judge_calls, judge_names, judge_response
from .routes import Match

if TYPE_CHECKING:
    from .oracle import Oracle, Seen

Json = Any
EVENTS = "text/event-stream"
FINISHED = frozenset({"stop", "length", "tool_calls", "content_filter", "function_call"})
NAMED_IN_PATH = frozenset({"query_endpoint", "query_served_model", "query_route_optimized"})
MESSAGES = frozenset({"create_message", "gateway_anthropic_message"})
TYPED_STREAMS = MESSAGES | {"create_response", "gateway_response", "gateway_openai_response"}


def judge_answer(oracle: Oracle, exchange: Exchange, seen: Seen, hit: Match) -> None:
    """Judge the answer to a query."""
    sent = exchange.sent if isinstance(exchange.sent, dict) else {}
    if exchange.status >= 400:
        kept = exchange.media_type != EVENTS
        oracle.judge.hold("stream.refusal", exchange, kept, "a JSON refusal", exchange.media_type)
        return
    _served_model(oracle, exchange, seen, hit)
    if sent.get("stream") is True or hit.operation.id == "gateway_gemini_stream":
        kept = exchange.media_type == EVENTS and exchange.header("content-length") is None
        got = f"{exchange.media_type}, Content-Length {exchange.header('content-length')}"
        oracle.judge.hold("stream.media-type", exchange, kept, f"{EVENTS} of no length", got)
        if exchange.media_type == EVENTS:
            judge_stream(oracle, exchange, hit, sent)
        return
    document = exchange.document
    if "predictions" in document:
        return
    if document.get("error") is None:
        _identity(oracle, exchange, document)
    _usage(oracle, exchange, document.get("usage"), "shown" if "choices" in document else "")
    if "choices" in document:
        _choices(oracle, exchange, document, sent)
    elif isinstance(document.get("data"), list):
        _embeddings(oracle, exchange, document, sent)


def _served_model(oracle: Oracle, exchange: Exchange, seen: Seen, hit: Match) -> None:
    if hit.operation.id not in NAMED_IN_PATH:
        return
    shown = exchange.header("served-model-name")
    known = oracle.alive.get(seen.name)
    if known is None or known.unsure:
        oracle.judge.hold("query.served-model", exchange, bool(shown), "served-model-name", shown, "header")
        return
    wanted: set[str] = set()
    for config in (known.config, known.pending):
        if config is not None:
            shares = config.routes
            wanted |= {name for name in config.names() if shares is None or shares.get(name, 0) > 0}
    if hit.operation.id == "query_served_model":
        wanted = {hit.parameters["served_model_name"]}
    oracle.judge.hold("query.served-model", exchange, shown in wanted, sorted(wanted), shown, "header")


def _identity(oracle: Oracle, exchange: Exchange, document: dict[str, Json]) -> None:
    if "id" in document:
        fresh = isinstance(document["id"], str) and document["id"] not in oracle.answer_ids
        oracle.judge.hold("query.fresh", exchange, fresh, "an id of its own", document["id"], "id")
        oracle.answer_ids.add(str(document["id"]))
    made = document.get("created", document.get("created_at"))
    if "choices" in document or made is not None:
        tolerance = 3 if oracle.is_loopback else 300
        kept = isinstance(made, int | float) and exchange.sent_at - tolerance <= made <= exchange.ended_at + tolerance
        oracle.judge.hold("query.fresh", exchange, kept, f"about {int(exchange.sent_at)}", made, "created")
    if "choices" in document or "data" in document:
        model = document.get("model")
        kept = isinstance(model, str) and bool(model)
        oracle.judge.hold("query.model", exchange, kept, "the name of a model", model)


def usage_kept(usage: Json) -> bool:
    """Whether token counts are counts and add up."""
    if not isinstance(usage, dict):
        return False
    prompt: Json = usage.get("prompt_tokens", usage.get("input_tokens"))
    answer: Json = usage.get("completion_tokens", usage.get("output_tokens", 0))
    counts = (prompt, answer, *((usage["total_tokens"],) if "total_tokens" in usage else ()))
    if not all(isinstance(count, int) and not isinstance(count, bool) and count >= 0 for count in counts):
        return False
    cached = usage.get("cache_read_input_tokens"), usage.get("cache_creation_input_tokens")
    extra = sum(count for count in cached if isinstance(count, int))
    return "total_tokens" not in usage or usage["total_tokens"] in (prompt + answer, prompt + answer + extra)


def _usage(oracle: Oracle, exchange: Exchange, usage: Json, where: str) -> None:
    if usage is not None or where:
        kept = usage_kept(usage) and bool(usage.get("prompt_tokens", usage.get("input_tokens", 0)) > 0)
        oracle.judge.hold("query.usage", exchange, kept, "prompt + completion = total", usage, where)


def _choices_wanted(sent: dict[str, Json]) -> int:
    wanted = sent.get("n")
    return wanted if isinstance(wanted, int) else 1


def _choices(oracle: Oracle, exchange: Exchange, document: dict[str, Json], sent: dict[str, Json]) -> None:
    judge, choices = oracle.judge, document["choices"]
    wanted = _choices_wanted(sent)
    if isinstance(sent.get("prompt"), list):
        wanted *= max(1, len(sent["prompt"]))
    indexes = [choice.get("index") for choice in choices]
    judge.hold("query.choices", exchange, indexes == list(range(wanted)), list(range(wanted)), indexes)
    for choice in choices:
        reason = choice.get("finish_reason")
        judge.hold("query.finish-reason", exchange, reason in FINISHED, sorted(FINISHED), reason)
        message = choice.get("message")
        if document.get("object") == "text_completion":
            judge.hold("query.message", exchange, isinstance(choice.get("text"), str), "a text", choice, "text")
            continue
        role = message.get("role") if isinstance(message, dict) else None
        judge.hold("query.message", exchange, role == "assistant", "assistant", role, "role")
        has = isinstance(message, dict) and (message.get("content") is not None or bool(message.get("tool_calls")))
        judge.hold("query.message", exchange, has, "content or tool calls", message, "content")
        if isinstance(message, dict) and message.get("tool_calls"):
            _fresh_calls(oracle, exchange, message["tool_calls"])
            # vendors differ only when the function was named by the caller
            named = isinstance(sent.get("tool_choice"), dict)
            kept = reason in ("tool_calls", "length") or (named and reason == "stop")
            judge.hold("query.finish-reason", exchange, kept, "tool_calls", reason, "tools")
    limit = sent.get("max_tokens") or sent.get("max_completion_tokens")
    used = (document.get("usage") or {}).get("completion_tokens")
    if isinstance(limit, int) and isinstance(used, int):
        judge.hold("query.max-tokens", exchange, used <= limit * wanted, f"at most {limit * wanted}", used, "usage")


def _fresh_calls(oracle: Oracle, exchange: Exchange, calls: list[dict[str, Json]]) -> None:
    """Each call of a tool has an id that no other call has, in this answer or another."""
    for call in calls:
        identifier = call.get("id")
        fresh = isinstance(identifier, str) and identifier not in oracle.answer_ids
        oracle.judge.hold("query.fresh", exchange, fresh, "an id of its own", identifier, "tool call")
        oracle.answer_ids.add(str(identifier))


def _embeddings(oracle: Oracle, exchange: Exchange, document: dict[str, Json], sent: dict[str, Json]) -> None:
    judge, data = oracle.judge, document["data"]
    inputs = sent.get("input")
    wanted = len(inputs) if isinstance(inputs, list) and not all(isinstance(each, int) for each in inputs) else 1
    indexes = [each.get("index") for each in data]
    judge.hold("query.embedding-order", exchange, indexes == list(range(wanted)), list(range(wanted)), indexes)
    sizes = set()
    for each in data:
        vector = each.get("embedding")
        if isinstance(vector, str):
            continue  # base64, where it was asked for
        finite = isinstance(vector, list) and all(isinstance(x, int | float) and math.isfinite(x) for x in vector)
        norm = math.sqrt(sum(x * x for x in vector)) if finite else math.nan
        judge.hold("query.embedding-norm", exchange, abs(norm - 1) < 0.01, "length 1", norm)
        sizes.add(len(vector) if isinstance(vector, list) else 0)
    judge.hold("query.embedding-size", exchange, len(sizes) <= 1, "one size", sizes)


def chunks_of(exchange: Exchange) -> list[dict[str, Json]]:
    """The events of a stream that are JSON objects."""
    found = []
    for data in exchange.events:
        try:
            event = json.loads(data)
        except ValueError:
            continue
        if isinstance(event, dict):
            found.append(event)
    return found


def streamed_text(exchange: Exchange, index: int = 0) -> str:
    """The text of one choice of a stream, joined."""
    parts: list[str] = []
    for chunk in chunks_of(exchange):
        for choice in chunk.get("choices") or []:
            if choice.get("index") == index:
                piece = choice["text"] if "text" in choice else (choice.get("delta") or {}).get("content")
                parts.append(plain(piece))
    return "".join(parts)


def plain(content: Json) -> str:
    """The text of a message's content, which may be a list of blocks."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "".join(str(block.get("text", "")) for block in content if isinstance(block, dict))
    return ""


def answer_text(exchange: Exchange, index: int = 0) -> str:
    """The text of one choice of an answer."""
    choices = exchange.document.get("choices") or []
    if index >= len(choices):
        return ""
    choice = choices[index]
    return plain(choice["text"] if "text" in choice else (choice.get("message") or {}).get("content"))


def judge_stream(oracle: Oracle, exchange: Exchange, hit: Match, sent: dict[str, Json]) -> None:
    """The laws of one stream."""
    judge = oracle.judge
    chunks = chunks_of(exchange)
    typed = hit.operation.id in TYPED_STREAMS
    text = exchange.body.decode("utf-8", "replace")
    if not typed:
        odd = [line for line in text.split("\n") if line.strip() and not line.startswith("data: ")]
        whole = text.endswith("\n\n") and text.count("\n\n") == len(exchange.events)
        judge.hold(
            "stream.frames", exchange, not odd and whole, "data lines between blank lines", odd[:2] or text[-40:]
        )
    if hit.operation.id == "gateway_gemini_stream":
        reasons = [each.get("finishReason") for chunk in chunks[-1:] for each in chunk.get("candidates") or ()]
        judge.hold(
            "stream.done", exchange, bool(reasons) and all(reasons), "a reason in the last event", reasons, "end"
        )
        kept = len(chunks) == len(exchange.events)
        judge.hold("stream.frames", exchange, kept, "JSON in every event", exchange.events[-2:], "JSON")
        kept = len({chunk.get("responseId") for chunk in chunks}) == 1
        judge.hold("stream.one-id", exchange, kept, "one responseId", [each.get("responseId") for each in chunks], "id")
    elif hit.operation.id not in MESSAGES:
        events = exchange.events
        kept = bool(events) and events[-1] == "[DONE]" and events.count("[DONE]") == 1
        judge.hold("stream.done", exchange, kept, "[DONE] at the end, once", [event[:40] for event in events[-2:]])
        kept = len(chunks) == len(events) - events.count("[DONE]")
        judge.hold("stream.frames", exchange, kept, "JSON in every event", events[:2], "JSON")
    elif chunks:
        ends = [chunk.get("type") for chunk in chunks]
        judge.hold("stream.done", exchange, ends[-1] == "message_stop", "message_stop", ends[-1], "message_stop")
    judge.hold("stream.frames", exchange, bool(chunks), "events", text[:80], "events")
    if hit.operation.id == "create_message":
        judge_blocks(oracle, exchange, chunks)
    if typed:
        judge_names(oracle, exchange, required=hit.operation.id == "create_message")
        judge_response(oracle, exchange, chunks)
    if any("sequence_number" in chunk for chunk in chunks):
        numbers = [chunk.get("sequence_number") for chunk in chunks]
        judge.hold("stream.equal", exchange, numbers == list(range(len(numbers))), "0, 1, 2...", numbers, "sequence")
    if any("choices" in chunk for chunk in chunks):
        _chat_stream(oracle, exchange, [chunk for chunk in chunks if "choices" in chunk], sent)


def _chat_stream(oracle: Oracle, exchange: Exchange, chunks: list[dict[str, Json]], sent: dict[str, Json]) -> None:
    judge = oracle.judge
    for member in ("id", "model", "created", "object"):
        values = {chunk.get(member) for chunk in chunks}
        kept = len(values) == 1 and None not in values
        judge.hold("stream.one-id", exchange, kept, f"one {member}", values, member)
    _identity(oracle, exchange, chunks[0])
    wanted = _choices_wanted(sent)
    by_index: dict[int, list[dict[str, Json]]] = {}
    for chunk in chunks:
        for choice in chunk["choices"]:
            by_index.setdefault(choice.get("index"), []).append(choice)
    if not isinstance(sent.get("prompt"), list):
        judge.hold(
            "query.choices", exchange, sorted(by_index) == list(range(wanted)), wanted, sorted(by_index), "stream"
        )
    for choices in by_index.values():
        reasons = [choice.get("finish_reason") for choice in choices]
        kept = reasons[-1] in FINISHED and all(reason is None for reason in reasons[:-1])
        judge.hold("stream.finish", exchange, kept, "one finish_reason, at the end", [each for each in reasons if each])
        judge_calls(oracle, exchange, choices, sent)
        if "delta" in choices[0]:
            role = choices[0]["delta"].get("role")
            judge.hold("stream.role", exchange, role == "assistant", "assistant", role)
    usages = [chunk["usage"] for chunk in chunks if isinstance(chunk.get("usage"), dict)]
    counted = [usage for usage in usages if usage.get("total_tokens") is not None]
    for usage in counted:
        judge.hold("stream.usage", exchange, usage_kept(usage), "prompt + completion = total", usage)
    growing = [usage.get("completion_tokens") or 0 for usage in counted]
    judge.hold("stream.usage", exchange, growing == sorted(growing), "counts that grow", growing, "order")
