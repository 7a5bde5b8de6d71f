"""Answers that a test scripted, and those of models that were plugged in, in the form in which was asked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, get_args

from ..domain.inference import gemini
from ..domain.inference.answers import Answer
from ..domain.inference.conversation import ToolCall
from ..domain.inference.drafting import Finish, Script, Usage
from ..errors import InjectedError
from ..messages import Json
from ..replies import ScriptedReply
from .queries_scoring import Scoring, predicted
from .queries_target import Served

if TYPE_CHECKING:
    from .queries_exchange import Exchange


class Verbatim(InjectedError):
    """A whole answer that is sent as it is, whatever the contract says of such an answer."""

    def __init__(self, body: Json) -> None:
        super().__init__(200, body=body)


def scripted(exchange: Exchange, served: Served) -> Answer | None:
    """The answer that was scripted for this request; ``None`` when one is to be made up.

    Raises:
        ApiError: an error was scripted, or nothing matches and the workspace is strict.
        Verbatim: a whole body was scripted.
    """
    call = exchange.call
    reply = call.mock.replies.find(call.workspace, exchange.target.name, call.body)
    if reply is None:
        return None
    if reply.error is not None:
        raise reply.error
    exchange.delay, exchange.chunk_delay = reply.delay, reply.chunk_delay
    if reply.body is not None:
        exchange.wait()
        raise Verbatim(reply.body)
    exchange.script = _script(reply)
    answer = exchange.form.ask(exchange, served)
    return _with_usage(answer, reply.usage) if reply.usage else answer


def plugged_in(exchange: Exchange, served: Served) -> Answer | None:
    """The answer of a plugged-in model; ``None`` when none is plugged in here.

    Raises:
        ModelFailure: the model raised an exception.
        Verbatim: it answered with a whole body.
    """
    call = exchange.call
    model = call.mock.models.find(call.workspace, served.entity.model) if served.entity is not None else None
    if model is None:
        return None
    if isinstance(exchange.form, Scoring) and exchange.form.batch.unified is None:
        return predicted(model(exchange.form.rows(exchange.body)))
    said = model(exchange.body)
    if isinstance(said, Mapping):
        raise Verbatim(said)
    exchange.script = Script(said if isinstance(said, str) else json.dumps(said))
    return exchange.form.ask(exchange, served)


def _script(reply: ScriptedReply) -> Script:
    calls = tuple(
        ToolCall(call.id or "", call.name, json.dumps(dict(call.arguments), ensure_ascii=False))
        for call in reply.tool_calls
    )
    finish = next((finish for finish in get_args(Finish) if finish == reply.finish_reason), None)
    return Script(reply.content or "", calls, finish, reply.chunks or (), reply.json)


def _with_usage(answer: Answer, given: Mapping[str, int]) -> Answer:
    """The answer with these token counts in the place of those that were counted."""
    name = "usageMetadata" if "usageMetadata" in answer.body else "usage"
    shown = gemini.counts(given) if name == "usageMetadata" else given
    counted = {"prompt_tokens": answer.usage.prompt, "completion_tokens": answer.usage.completion, **given}
    usage = Usage(counted["prompt_tokens"], counted["completion_tokens"])
    stream = answer.stream

    def events() -> Json:
        for event in stream() if stream else ():
            yield {**event, name: {**event[name], **shown}} if event.get(name) else event

    body = {**answer.body, name: {**answer.body.get(name, {}), **shown}}
    return answer._replace(body=body, usage=usage, stream=events if stream else None)
