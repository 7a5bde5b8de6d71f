"""Queries of every task: what holds between one answer and another, and what must be refused."""

from __future__ import annotations

import json
from typing import Any

from ..answers import answer_text
from ..exchange import Exchange
from ..safety import Profile
from .hand import Abandoned, Hand, journey, words
from .models import check_agent, hosted
from .recipes import CHAT, COMPLETIONS, EMBEDDINGS, chat, external

Json = Any
HOSTED_CHAT = "databricks-meta-llama-3-3-70b-instruct"
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "unit": {"enum": ["celsius", "fahrenheit"]}},
            "required": ["city", "unit"],
            "additionalProperties": False,
        },
    },
}


@journey(Profile.QUERY)
def named_endpoints(hand: Hand) -> None:
    """The endpoints that may be queried, each by its task."""
    for name in hand.around.query_endpoints:
        task = hand.get(name).document.get("task")
        if task == CHAT:
            asked_twice(hand, name, chat("Name three rivers.", temperature=0, max_tokens=32))
        elif task == EMBEDDINGS:
            hand.accepted(hand.query(name, {"input": ["one text", "another text"]}))
        elif task == COMPLETIONS:
            asked_twice(hand, name, {"prompt": "Once upon a time", "temperature": 0, "max_tokens": 32})
    if not hand.around.query_endpoints:
        raise Abandoned("no --query-endpoint")


def asked_twice(hand: Hand, name: str, body: Json) -> Exchange:
    """At temperature 0 the same request has the same answer, the same model and the same usage."""
    first, second = hand.accepted(hand.query(name, body)), hand.accepted(hand.query(name, body))
    choices = first.document.get("choices")
    kept = bool(choices) and choices == second.document.get("choices")
    hand.hold("query.deterministic", second, kept, first.document.get("choices"), second.document.get("choices"))
    for member, law in (("model", "query.model"), ("usage", "query.usage")):
        kept = first.document.get(member) == second.document.get(member)
        hand.hold(law, second, kept, first.document.get(member), second.document.get(member), "again")
    return first


@journey()
def chat_queries(hand: Hand) -> None:
    """Chat: deterministic at temperature 0, different for different prompts, cut, stopped, with several choices."""
    own = hand.ready(hand.name("chatter"), external("talker"))
    for name in (own, hosted(hand, CHAT, HOSTED_CHAT)):
        whole = asked_twice(hand, name, chat("Name three rivers.", temperature=0))
        other = hand.accepted(hand.query(name, chat("Why is the sky blue?", temperature=0)))
        kept = answer_text(whole) != answer_text(other) and bool(answer_text(whole).strip())
        hand.hold("query.varied", other, kept, "another answer", answer_text(other))
        _cut_and_stopped(hand, name, answer_text(whole), "chat")
        _usage_grows(hand, name)
        _whole_conversation(hand, name, whole)
        for n in (1, 2, 3):
            many = hand.accepted(hand.query(name, chat("Say something.", n=n, temperature=1.0)))
            texts = [answer_text(many, index) for index in range(n)]
            hand.hold("query.choices", many, all(texts), f"{n} answers", texts, "texts")
    hand.delete(own)


def _cut_and_stopped(hand: Hand, name: str, whole: str, kind: str) -> None:
    def ask(**more: Json) -> Exchange:
        body = chat("Name three rivers.") if kind == "chat" else {"prompt": "Once upon a time"}
        return hand.accepted(hand.query(name, {**body, "temperature": 0, **more}))

    limits: list[dict[str, Json]] = [{"max_tokens": limit} for limit in (1, 3, 8)]
    if kind == "chat":
        limits.append({"max_completion_tokens": 4})
    for given in limits:
        (limit,) = given.values()
        cut = ask(**given)
        used = (cut.document.get("usage") or {}).get("completion_tokens")
        reason = ((cut.document.get("choices") or [{}])[0]).get("finish_reason")
        hand.hold("query.max-tokens", cut, used == limit, limit, used, "exact")
        hand.hold("query.max-tokens", cut, reason == "length", "length", reason, "reason")
        text = answer_text(cut)
        kept = whole.startswith(text.rstrip()) and len(text) < len(whole)
        hand.hold("query.max-tokens", cut, kept, f"the beginning of {whole[:60]!r}", text, "beginning")
    stop = whole.split()[2] if len(whole.split()) > 3 else ""
    if stop:
        for stops in (stop, [stop, "never-occurs"]):
            ended = ask(stop=stops)
            text = answer_text(ended)
            kept = stop not in text and whole.startswith(text) and len(text) < len(whole)
            hand.hold("query.stop", ended, kept, f"the text before {stop!r}", text)
            reason = ended.document["choices"][0].get("finish_reason")
            hand.hold("query.finish-reason", ended, reason == "stop", "stop", reason, "stopped")


def _whole_conversation(hand: Hand, name: str, alone: Exchange) -> None:
    """What stands before the last message counts: the answer is another one, or at least more was read."""
    question = chat("Name three rivers.")["messages"]
    earlier = [
        {"role": "user", "content": "Where do herons live?"},
        {"role": "assistant", "content": "By slow rivers, where they wait for fish."},
    ]
    for where, before in (("system", [{"role": "system", "content": "Answer in French."}]), ("history", earlier)):
        exchange = hand.accepted(hand.query(name, {"messages": [*before, *question], "temperature": 0}))
        read = [(each.document.get("usage") or {}).get("prompt_tokens", 0) for each in (alone, exchange)]
        kept = answer_text(exchange) != answer_text(alone) or read[1] > read[0]
        hand.hold("query.varied", exchange, kept, "another answer, or more tokens read", read, where)


def _usage_grows(hand: Hand, name: str) -> None:
    short = hand.accepted(hand.query(name, chat("Hello.", max_tokens=1)))
    long = hand.accepted(hand.query(name, chat("Hello. " * 40, max_tokens=1)))
    counts = [(each.document.get("usage") or {}).get("prompt_tokens", 0) for each in (short, long)]
    hand.hold(
        "query.usage", long, counts[0] + 30 < counts[1] < counts[0] + 400, "more for a longer text", counts, "grows"
    )


@journey()
def completion_queries(hand: Hand) -> None:
    """Completions: as chat, with a text."""
    name = hand.ready(hand.name("writer"), external("writer", "gpt-3.5-turbo-instruct", COMPLETIONS))
    whole = asked_twice(hand, name, {"prompt": "Once upon a time", "temperature": 0})
    _cut_and_stopped(hand, name, answer_text(whole), "completion")
    several = hand.accepted(hand.query(name, {"prompt": "Once", "n": 2}))
    hand.hold("query.choices", several, len(several.document.get("choices") or []) == 2, 2, several.document, "n")
    routed = hand.call("create_completion", {"model": name, "prompt": "Once upon a time", "temperature": 0})
    kept = routed.ok and answer_text(routed) == answer_text(whole)
    hand.hold("query.routes", routed, kept, answer_text(whole), words(routed), "completions")
    wrong = hand.query(name, {"input": "no prompt"})
    hand.refused("query.refuses", wrong, 400, ("BAD_REQUEST", "INVALID_PARAMETER_VALUE"), "no prompt")
    hand.delete(name)


@journey()
def openai_routes(hand: Hand) -> None:
    """The routes of other vendors' clients reach the same endpoint with the same answer."""
    own = hand.ready(hand.name("routed"), external("routed"))
    model = hosted(hand, CHAT, HOSTED_CHAT)
    for name in (own, model):
        body = chat("Name three rivers.", temperature=0)
        direct = hand.accepted(hand.query(name, body))
        for operation in ("create_chat_completion", "gateway_chat_completion", "gateway_openai_chat_completion"):
            routed = hand.call(operation, {**body, "model": name})
            kept = routed.ok and answer_text(routed) == answer_text(direct)
            hand.hold("query.routes", routed, kept, answer_text(direct), words(routed), operation)
            kept = routed.document.get("model") == direct.document.get("model")
            hand.hold(
                "query.model", routed, kept, direct.document.get("model"), routed.document.get("model"), operation
            )
            hand.hold(
                "query.usage",
                routed,
                routed.document.get("usage") == direct.document.get("usage"),
                direct.document.get("usage"),
                routed.document.get("usage"),
                operation,
            )
    served = hand.call(
        "query_served_model", chat("Name three rivers.", temperature=0), name=own, served_model_name="routed"
    )
    kept = served.ok and answer_text(served) == answer_text(hand.query(own, chat("Name three rivers.", temperature=0)))
    hand.hold("query.routes", served, kept, "the same answer", words(served), "served model")
    _other_forms(hand, model)
    _gemini(hand)
    for operation in (
        "create_chat_completion", "gateway_chat_completion", "gateway_openai_chat_completion", "create_embeddings",
        "create_completion",
    ):  # fmt: skip
        content = {"messages": [{"role": "user", "content": "x"}], "input": "x", "prompt": "x"}
        wanted = {"create_embeddings": "input", "create_completion": "prompt"}.get(operation, "messages")
        missing = hand.call(operation, {"model": hand.name("nobody"), wanted: content[wanted]})
        hand.refused("query.unknown-endpoint", missing, 404, ("ENDPOINT_NOT_FOUND",), operation)
    for _ in range(3):
        missing = hand.query(hand.name("nobody"), chat("Anyone?"))
        hand.refused("query.unknown-endpoint", missing, 404, ("ENDPOINT_NOT_FOUND",), "invocations")
    hand.delete(own)


def _other_forms(hand: Hand, model: str) -> None:
    """Responses and messages, by each of their routes."""
    for operation in ("create_response", "gateway_openai_response"):
        response = hand.accepted(
            hand.call(operation, {"model": model, "input": "Name three rivers."}), "query.routes", operation
        )
        check_agent(hand, response)
    said = {"model": "databricks-claude-sonnet-4", "max_tokens": 20, "messages": [{"role": "user", "content": "Hi"}]}
    for operation in ("create_message", "gateway_anthropic_message"):
        message = hand.call(operation, said)
        if message.status != 404:
            hand.accepted(message, "query.routes", operation)
            blocks = message.document.get("content") or [{}]
            kept = message.document.get("role") == "assistant" and bool(blocks[0].get("text"))
            hand.hold("query.message", message, kept, "an assistant's text", message.document, operation)


def _gemini(hand: Hand) -> None:
    turn = {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}], "generationConfig": {"maxOutputTokens": 50}}
    generated = hand.call("gateway_gemini_content", turn, name="databricks-gemini-2-5-flash")
    if generated.status != 404:
        hand.accepted(generated, "query.routes", "gemini")
        usage = generated.document.get("usageMetadata") or {}
        counted = [usage.get(f"{name}TokenCount", 0) for name in ("prompt", "candidates", "thoughts", "total")]
        kept = 0 < sum(counted[:3]) == counted[3] and counted[1] <= 50
        hand.hold("query.usage", generated, kept, "prompt + candidates + thoughts = total", usage, "gemini")
    missing = hand.call("gateway_gemini_content", turn, name=hand.name("nobody"))
    hand.refused("query.unknown-endpoint", missing, 404, ("ENDPOINT_NOT_FOUND",), "gemini")


@journey()
def refused_queries(hand: Hand) -> None:
    """Queries that do not fit are refused with 400."""
    own = hand.ready(hand.name("strict"), external("strict"))
    model = hosted(hand, CHAT, HOSTED_CHAT)
    bad: list[tuple[str, Json]] = [
        ("no messages", {"max_tokens": 5}),
        ("empty messages", {"messages": []}),
        ("bad role", {"messages": [{"role": "wizard", "content": "x"}]}),
        ("no content", {"messages": [{"role": "user"}]}),
        ("hot", chat("x", temperature=2.5)),
        ("cold", chat("x", temperature=-1)),
        ("no tokens", chat("x", max_tokens=0)),
        ("n=0", chat("x", n=0)),
        ("n=6", chat("x", n=6)),
        ("top_p", chat("x", top_p=1.5)),
        ("stream", chat("x", stream="yes")),
        ("text", {"messages": "hello"}),
        ("stop", chat("x", stop=7)),
    ]
    for name in (own, model):
        for where, body in bad:
            hand.refused(
                "query.refuses", hand.query(name, body), 400, ("BAD_REQUEST", "INVALID_PARAMETER_VALUE"), where
            )
        streamed = hand.query(name, {"messages": [], "stream": True})
        hand.refused("stream.refusal", streamed, 400, ("BAD_REQUEST", "INVALID_PARAMETER_VALUE"), "empty messages")
    for body in (chat("x", made_up=1), {"inputs": ["x"]}, chat("x", dataframe_records=[])):
        hand.refused("query.unknown-field", hand.query(model, body), 400, ("BAD_REQUEST",), json.dumps(body)[-20:])
    for _ in range(2):
        hand.accepted(hand.query(own, chat("Still there?")), where="after refusals")
    hand.delete(own)


@journey()
def guardrails(hand: Hand) -> None:
    """Guardrails on the input: what they name is refused, everything else passes, and nothing when they are gone."""
    name = hand.ready(hand.name("guarded"), external("guarded"))
    rules = {"input": {"invalid_keywords": ["xylophone"], "pii": {"behavior": "BLOCK"}}}
    hand.accepted(hand.call("put_ai_gateway", {"guardrails": rules}, name=name))
    hand.get(name)
    for where, text in (
        ("keyword", "Tell me of the xylophone."),
        ("pii", "Mail jane.doe@example.com, card 4111 1111 1111 1111."),
    ):
        for _ in range(2):
            refusal = hand.query(name, chat(text))
            if hand.refused("query.guardrail", refusal, 400, ("BAD_REQUEST",), where):
                kept = "guardrail" in str(refusal.document.get("message"))
                hand.hold("query.guardrail", refusal, kept, "input_guardrail_triggered", refusal.body, f"{where} words")
    for _ in range(2):
        passed = hand.query(name, chat("Name three rivers."))
        hand.hold("query.guardrail", passed, passed.ok, "an answer", words(passed), "harmless")
    hand.accepted(hand.call("put_ai_gateway", {}, name=name))
    passed = hand.query(name, chat("Tell me of the xylophone."))
    hand.hold("query.guardrail", passed, passed.ok, "an answer", words(passed), "lifted")
    hand.delete(name)


@journey()
def tools_and_formats(hand: Hand) -> None:
    """Forced tool calls fit the tool; a response format is kept."""
    own = hand.ready(hand.name("tooling"), external("tooling"))
    for name in (own, hosted(hand, CHAT, HOSTED_CHAT)):
        forced = {"type": "function", "function": {"name": "get_weather"}}
        for choice in (forced, "required"):
            exchange = hand.accepted(
                hand.query(name, chat("The weather in Oslo?", tools=[WEATHER], tool_choice=choice))
            )
            check_tool_call(hand, exchange)
        none = hand.accepted(hand.query(name, chat("The weather in Oslo?", tools=[WEATHER], tool_choice="none")))
        calls = ((none.document.get("choices") or [{}])[0].get("message") or {}).get("tool_calls")
        hand.hold("query.tools", none, not calls, "no call", calls, "none")
        free = hand.accepted(hand.query(name, chat("Reply with JSON.", response_format={"type": "json_object"})))
        hand.hold(
            "query.json",
            free,
            isinstance(_parsed(answer_text(free)), dict),
            "a JSON object",
            answer_text(free),
            "object",
        )
        schema = {
            "type": "object",
            "properties": {"age": {"type": "integer"}, "name": {"type": "string"}},
            "required": ["age", "name"],
            "additionalProperties": False,
        }
        wanted = {"type": "json_schema", "json_schema": {"name": "person", "schema": schema, "strict": True}}
        shaped = hand.accepted(hand.query(name, chat("Describe a person.", response_format=wanted)))
        person = _parsed(answer_text(shaped))
        kept = (
            isinstance(person, dict)
            and set(person) == {"age", "name"}
            and type(person["age"]) is int
            and isinstance(person["name"], str)
        )
        hand.hold("query.json", shaped, kept, "a person by the schema", answer_text(shaped), "schema")
    hand.delete(own)


def check_tool_call(hand: Hand, exchange: Exchange) -> None:
    """A forced call names the tool, with arguments that fit."""
    choice = (exchange.document.get("choices") or [{}])[0]
    calls = (choice.get("message") or {}).get("tool_calls") or []
    functions = [call.get("function") or {} for call in calls]
    named = bool(calls) and all(each.get("name") == "get_weather" for each in functions)
    hand.hold("query.tools", exchange, named, "get_weather", functions, "name")
    kept = all(fits_weather(str(each.get("arguments"))) for each in functions)
    hand.hold("query.tools", exchange, kept, "a city and a unit", functions, "arguments")
    identifiers = [call.get("id") for call in calls]
    hand.hold(
        "query.tools",
        exchange,
        all(identifiers) and all(call.get("type") == "function" for call in calls),
        "ids",
        identifiers,
        "ids",
    )


def fits_weather(text: str) -> bool:
    """Whether the arguments of a call fit ``get_weather``."""
    arguments = _parsed(text)
    return (
        isinstance(arguments, dict)
        and set(arguments) == {"city", "unit"}
        and isinstance(arguments["city"], str)
        and arguments["unit"] in ("celsius", "fahrenheit")
    )


def _parsed(text: str) -> Json:
    try:
        return json.loads(text)
    except ValueError:
        return None
