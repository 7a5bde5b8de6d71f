"""Streams: equal to the unstreamed answer, delivered as they are made, by every route."""

from __future__ import annotations

from typing import Any

from ..answers import answer_text, chunks_of, streamed_text
from ..exchange import Exchange
from ..pieces import message_text, response_text, streamed_calls
from ..routes import fill
from .hand import Hand, journey
from .models import hosted
from .queries import HOSTED_CHAT, WEATHER, fits_weather
from .recipes import CHAT, COMPLETIONS, chat, external

Json = Any
HOSTED_COMPLETIONS = "databricks-mpt-7b-instruct"
TRIES = 28
LONGER_EACH_TIME = 0.02
"""Seconds by which the pause between two tries grows: on a busy machine a later one is seen as it is."""

SOON = 0.5
"""The share of a long stream's time after which its first piece must have come, in one try of many."""


@journey()
def chat_streams(hand: Hand) -> None:
    """Streamed chat is the unstreamed chat at temperature 0, in pieces."""
    own = hand.ready(hand.name("streamer"), external("streamer"))
    model = hosted(hand, CHAT, HOSTED_CHAT)
    for name in (own, model, "databricks-claude-sonnet-4"):
        if name.startswith("databricks-claude") and hand.get(name).status == 404:
            continue
        for text in ("Name three rivers.", "Why is the sky blue?", "Tell me about bread."):
            body = chat(text, temperature=0, stream_options={"include_usage": True})
            _equal(hand, name, body, text)
        _equal(hand, name, chat("Name three rivers.", temperature=0, max_tokens=6), "cut")
        for n in (2, 3):
            several = hand.accepted(hand.query(name, chat("Say something.", n=n, stream=True)))
            texts = [streamed_text(several, index) for index in range(n)]
            hand.hold("query.choices", several, all(texts), f"{n} texts", texts, "stream")
        _tools(hand, name)
    _routes(hand, own, model)
    _delivered(hand, model)
    hand.delete(own)


def _equal(hand: Hand, name: str, body: dict[str, object], where: str) -> None:
    unstreamed = {key: value for key, value in body.items() if key != "stream_options"}
    whole = hand.accepted(hand.query(name, unstreamed))
    for _ in range(2):
        pieces = hand.accepted(hand.query(name, {**body, "stream": True}))
        got = streamed_text(pieces)
        hand.hold("stream.equal", pieces, got == answer_text(whole) and bool(got), answer_text(whole), got, where)
        hand.hold(
            "stream.equal", pieces, len(chunks_of(pieces)) > 2, "several pieces", len(chunks_of(pieces)), "pieces"
        )
        chunks = chunks_of(pieces)
        model = chunks[0].get("model") if chunks else None
        hand.hold(
            "stream.one-id",
            pieces,
            model == whole.document.get("model"),
            whole.document.get("model"),
            model,
            "answer's",
        )
        reasons = [
            c.get("finish_reason") for chunk in chunks for c in chunk.get("choices") or [] if c.get("finish_reason")
        ]
        expected = whole.document["choices"][0].get("finish_reason")
        hand.hold("stream.finish", pieces, reasons == [expected], [expected], reasons, "answer's")
        usages = [chunk["usage"] for chunk in chunks if (chunk.get("usage") or {}).get("total_tokens") is not None]
        if usages:
            same = all(
                usages[-1].get(key) == whole.document["usage"].get(key)
                for key in ("prompt_tokens", "completion_tokens")
            )
            hand.hold("stream.usage", pieces, same, whole.document["usage"], usages[-1], "answer's")
        elif "stream_options" in body:
            hand.hold("stream.usage", pieces, False, "usage, which was asked for", "none", "asked")


def _tools(hand: Hand, name: str) -> None:
    forced = {"type": "function", "function": {"name": "get_weather"}}
    for choice in (forced, "required"):
        body = chat("The weather in Oslo?", tools=[WEATHER], tool_choice=choice, stream=True)
        exchange = hand.accepted(hand.query(name, body))
        calls = streamed_calls(chunks_of(exchange))
        names = {called for called, _ in calls}
        hand.hold("query.tools", exchange, names == {"get_weather"}, "get_weather", names, "streamed name")
        kept = all(fits_weather(arguments) for _, arguments in calls)
        hand.hold("query.tools", exchange, kept, "a city and a unit", calls, "streamed")


def _check_equal(hand: Hand, pieces: Exchange, whole: Exchange, where: str) -> None:
    """The text of a stream, put together, is that of the answer in one piece."""
    expected, got = answer_text(whole), streamed_text(pieces)
    hand.hold("stream.equal", pieces, got == expected, expected, got, where)


def _routes(hand: Hand, own: str, model: str) -> None:
    for name in (own, model):
        for operation in ("create_chat_completion", "gateway_chat_completion", "gateway_openai_chat_completion"):
            body = chat("Name three rivers.", temperature=0, model=name)
            whole = hand.accepted(hand.call(operation, body))
            pieces = hand.accepted(hand.call(operation, {**body, "stream": True}))
            _check_equal(hand, pieces, whole, operation)
    for operation in ("create_response", "gateway_openai_response"):
        asked = {"model": model, "stream": True, "input": "Name three rivers."}
        pieces = hand.accepted(hand.call(operation, asked))
        chunks = chunks_of(pieces)
        deltas = "".join(
            chunk.get("delta", "") for chunk in chunks if chunk.get("type") == "response.output_text.delta"
        )
        done = "".join(chunk.get("text", "") for chunk in chunks if chunk.get("type") == "response.output_text.done")
        hand.hold("stream.equal", pieces, bool(deltas) and (deltas == done or not done), done, deltas, operation)
        whole = hand.accepted(hand.call(operation, {**asked, "temperature": 0, "stream": False}))
        again = hand.accepted(hand.call(operation, {**asked, "temperature": 0}))
        ended = chunks_of(again)[-1:] or [{}]
        said = (ended[0].get("response") or {}).get("output")
        expected, got = response_text(whole.document.get("output")), response_text(said)
        hand.hold("stream.equal", again, got == expected and bool(got), expected, got, f"{operation} answer's")
        kinds = [chunk.get("type") for chunk in chunks]
        kept = kinds[:1] == ["response.created"] and kinds[-1:] in (["response.completed"], ["response.incomplete"])
        hand.hold("stream.done", pieces, kept, "created ... completed", kinds[:1] + kinds[-1:], operation)
    for operation in ("create_message", "gateway_anthropic_message"):
        _message(hand, operation)
    _gemini(hand)


def _message(hand: Hand, operation: str) -> None:
    """An Anthropic stream is the message in pieces, with its usage."""
    message = {"model": "databricks-claude-sonnet-4", "max_tokens": 30, **chat("Hello", temperature=0)}
    whole = hand.call(operation, message)
    pieces = hand.call(operation, {**message, "stream": True})
    if not (whole.ok and pieces.ok):
        return
    chunks = chunks_of(pieces)
    kinds = [chunk.get("type") for chunk in chunks]
    kept = kinds[:1] == ["message_start"] and kinds[-1:] == ["message_stop"] and kinds.count("message_stop") == 1
    hand.hold("stream.done", pieces, kept, "message_start ... message_stop", kinds, operation)
    blocks = whole.document.get("content") or []
    expected = "".join(str(block.get("text", "")) for block in blocks if block.get("type") == "text")
    got = message_text(chunks)
    hand.hold("stream.equal", pieces, got == expected and bool(got), expected, got, operation)
    usage: dict[str, object] = {}
    for chunk in chunks:
        usage |= (chunk.get("message") or chunk).get("usage") or {}
    for member in ("input_tokens", "output_tokens"):
        counted = (whole.document.get("usage") or {}).get(member)
        hand.hold("stream.usage", pieces, usage.get(member) == counted, counted, usage, f"{operation} {member}")


def _gemini(hand: Hand) -> None:
    """A stream in Google's form is the content in pieces."""
    asked = {"contents": [{"role": "user", "parts": [{"text": "Hello"}]}], "generationConfig": {"temperature": 0}}
    name = "databricks-gemini-2-5-flash"
    content = hand.call("gateway_gemini_content", asked, name=name)
    if not content.ok:
        return
    route = fill("gateway_gemini_stream", {"name": name})
    pieces = hand.accepted(hand.send("POST", f"{route}?alt=sse", asked))
    told = "".join(_gemini_text(chunk) for chunk in chunks_of(pieces))
    hand.hold("stream.equal", pieces, told == _gemini_text(content.document), content.document, told, "gemini")


def _gemini_text(document: Json) -> str:
    """The text of the first candidate of an answer, or of a piece of it."""
    candidates = document.get("candidates") or [{}]
    parts = (candidates[0].get("content") or {}).get("parts") or ()
    return "".join(str(part.get("text") or "") for part in parts)


def _delivered(hand: Hand, name: str) -> None:
    """Of several long streams at least one must have begun to arrive well before its end, and in many pieces."""
    seen: list[tuple[float, int]] = []
    exchange: Exchange | None = None
    for number in range(TRIES):
        hand.rest(number * LONGER_EACH_TIME)
        exchange = hand.accepted(hand.query(name, chat(f"Tell me {number % 12 + 3} long stories.", stream=True, n=5)))
        if exchange.pieces:
            last = exchange.pieces[-1][0]
            seen.append((exchange.pieces[0][0] / last if last else 1.0, len(exchange.pieces)))
        if seen and seen[-1][0] < SOON and seen[-1][1] > 3:
            break
    if exchange is not None:
        kept = bool(seen) and min(share for share, _ in seen) < SOON and max(count for _, count in seen) > 3
        got = [f"first after {share:.0%} of the time, {count} pieces" for share, count in seen]
        hand.hold("stream.delivered", exchange, kept, f"the first piece within {SOON:.0%} of the time", got)


@journey()
def completion_streams(hand: Hand) -> None:
    """Streamed completions."""
    name = hand.ready(hand.name("teller"), external("teller", "gpt-3.5-turbo-instruct", COMPLETIONS))
    for limit in (None, 5):
        body = {"prompt": "Once upon a time", "temperature": 0, **({"max_tokens": limit} if limit else {})}
        whole = hand.accepted(hand.query(name, body))
        pieces = hand.accepted(hand.query(name, {**body, "stream": True}))
        _check_equal(hand, pieces, whole, "completion")
    for one in (name, hosted(hand, COMPLETIONS, HOSTED_COMPLETIONS)):
        for number in (1, 3):
            body = {"prompt": "Once upon a time", "n": number, "max_tokens": 12}
            pieces = hand.accepted(hand.query(one, {**body, "stream": True}))
            texts = [streamed_text(pieces, index) for index in range(number)]
            hand.hold("query.choices", pieces, all(texts), f"{number} texts", texts, "streamed completion")
    hand.delete(name)
