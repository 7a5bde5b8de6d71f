"""External models that are asked for real: with ``--forward``, where the configuration names a server of their own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from .. import forwarding
from ..domain.inference import guardrails
from ..domain.inference.answers import Answer
from ..domain.inference.drafting import Usage
from ..forwarding import ProviderFailed, Upstream
from ..messages import Json
from .queries_forms import CHAT, COMPLETIONS, EMBEDDINGS, Asking
from .queries_target import Served

if TYPE_CHECKING:
    from .queries_exchange import Exchange

_ROUTES: tuple[tuple[Asking, str, str], ...] = (
    (CHAT, "/chat/completions", "ChatCompletion"),
    (COMPLETIONS, "/completions", "TextCompletion"),
    (EMBEDDINGS, "/embeddings", "EmbeddingList"),
)
"""Forms that are passed on: to which path of the provider, and the schema of what must come back."""


def forwarded(exchange: Exchange, served: Served) -> Answer | None:
    """The provider's own answer; ``None`` when the query is not to be passed on.

    Raises:
        ProviderFailed: the provider refused or failed.
    """
    if not exchange.call.mock.settings.forward or served.entity is None:
        return None
    upstream = forwarding.upstream_of(served.entity)
    route = next(((path, schema) for form, path, schema in _ROUTES if form is exchange.form), None)
    if upstream is None or route is None:
        return None
    path, schema = route
    if not exchange.body.get("stream"):
        return _whole(exchange, upstream, path, schema)
    if exchange.target.gateway.output:
        # What is judged or masked as a whole cannot be sent on piece by piece.
        answer = _whole(exchange, upstream, path, schema)
        return Answer(answer.body, answer.usage, answer.texts, lambda: _as_chunks(answer.body))
    events = forwarding.ask_streaming(upstream, path, exchange.body)
    return Answer(None, Usage(0, 0), (), lambda: events)


def usage_of(body: Json) -> Usage | None:
    """The token counts of a provider's answer or chunk, where it has them."""
    usage = body.get("usage") if isinstance(body, dict) else None
    if not isinstance(usage, dict):
        return None
    counts = [usage.get(name) or 0 for name in ("prompt_tokens", "completion_tokens")]
    return Usage(*counts) if all(isinstance(count, int) for count in counts) else None


def _whole(exchange: Exchange, upstream: Upstream, path: str, schema: str) -> Answer:
    body = forwarding.ask(upstream, path, {**exchange.body, "stream": False})
    if exchange.target.gateway.masks:
        body = guardrails.masked_request(body)
    violations = exchange.call.mock.spec.schema(schema).violations(body)
    if violations:
        problem = f"The provider's answer cannot be passed on: {violations[0].message}"
        raise ProviderFailed(upstream.provider, 502, {"message": problem})
    return Answer(body, usage_of(body) or Usage(0, 0), guardrails.texts_of(body))


def _as_chunks(body: Json) -> Iterator[Json]:
    """A whole answer as a stream of one chunk for each choice."""
    frame = {name: body[name] for name in ("id", "created", "model")}
    for choice in body["choices"]:
        ended = {"index": choice["index"], "finish_reason": choice["finish_reason"]}
        if "message" in choice:
            message = dict(choice["message"])
            calls = message.pop("tool_calls", None) or ()
            delta = {**message, **({"tool_calls": _numbered(calls)} if calls else {})}
            yield {**frame, "object": "chat.completion.chunk", "choices": [{**ended, "delta": delta}]}
        else:
            yield {**frame, "object": "text_completion", "choices": [{**ended, "text": choice["text"]}]}


def _numbered(calls: Json) -> list[Json]:
    return [{"index": index, **call} for index, call in enumerate(calls)]
