"""One query from its admission to its record: limits, choice of the model, pace, counting, whatever the form."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from .. import catalog
from ..domain import traffic
from ..domain.inference import drafting, guardrails, seeds, tokens
from ..domain.inference.answers import Answer
from ..domain.inference.conversation import Conversation
from ..domain.inference.drafting import Script, Setting, Usage
from ..domain.inference.refusals import Refusal as ModelRefusal
from ..domain.refusals import Refusal
from ..domain.traffic import Pace
from ..errors import ApiError, EndpointNotFound, from_refusal
from ..limits import Requirement, requirements
from ..messages import Call, Event, Json, Reply, Stream
from ..turns import Turn
from ..vocabulary import vocabulary
from . import queries_forms as forms
from .queries_forms import Asking, keeps, present
from .queries_forwarded import forwarded, usage_of
from .queries_scripted import Verbatim, plugged_in, scripted
from .queries_target import NO_ENDPOINT, Served, Target, still_there

IDLE = 30 * 60 * 1000
"""Milliseconds without a request after which an endpoint that scales to zero has done so."""

NOTHING = Usage(0, 0)
FIRST = Turn(0, None)
UNHURRIED = Pace()
UNCHECKED = (None, None, None)


class Unavailable(ApiError):
    """The only model that could answer has lost its machine."""

    status, code = 503, "TEMPORARILY_UNAVAILABLE"


class ModelRefused(ApiError):
    """A model's own refusal, in the form that its server has for it."""

    def __init__(self, refusal: ModelRefusal) -> None:
        super().__init__(refusal.message)
        self.status, self.code = refusal.status, refusal.error_code or ""
        self.stack_trace = refusal.stack_trace

    def reply(self, request_id: str) -> Reply:
        if not self.code:
            return Reply(self.status, self.message, media_type="text/plain")
        trace = {} if self.stack_trace is None else {"stack_trace": self.stack_trace}
        return Reply(self.status, {**self.body(request_id), **trace})


@dataclass(slots=True)
class Exchange:
    """One query of one endpoint.

    ``choose`` finds the form in which it is asked. ``model`` names the served model when the request picks it, past the
    traffic split; with ``shows_model`` the reply's header says which one answered.
    """

    call: Call
    target: Target
    choose: Callable[[], Asking]
    model: str | None = None
    shows_model: bool = False
    form: Asking = forms.CHAT
    body: dict[str, Json] = field(init=False)
    started: float = field(init=False)
    served: str = ""
    required: tuple[Requirement, ...] = ()
    turn: Turn = FIRST
    pace: Pace = UNHURRIED
    counted: Usage | None = None
    script: Script | None = None
    delay: float = 0.0
    chunk_delay: float = 0.0
    held: float = 0.0

    def answered(self) -> Reply | Stream:
        """The answer, or the refusal raised; counted and recorded either way."""
        try:
            return self._answered()
        except (ApiError, Refusal) as problem:
            refusal = _as_api_error(problem)
            if isinstance(refusal, Verbatim) and self.shows_model:
                refusal.headers["served-model-name"] = self.served
            reply = refusal.reply(self.call.request_id)
            self._close(reply.status, reply.body, NOTHING)
            raise refusal from None

    def _answered(self) -> Reply | Stream:
        call, target = self.call, self.target
        self.started = time.perf_counter()
        self.served = self.model or target.routes[0].entity
        self.body = present(call.body) if isinstance(call.body, dict) else {}
        self.form = self.choose()
        self._check()
        headers: Mapping[str, str] = {}
        if target.limits:
            self.required = requirements(target.limits, call.identity)
            headers = call.mock.limiter.admit(target.place, target.name, self.required, call.now)
        self.turn = call.mock.turns.next(target.place, call.now)
        self.pace = self._own_pace()
        self._guard_input()
        self._wake_up()
        answer = self._asked_in_turn()
        self._guard_output(answer)
        if self.shows_model:
            headers = {**headers, "served-model-name": self.served}
        if self.form.streams(self.body) and answer.stream is not None:
            return self._streamed(answer, headers)
        self.wait()
        self._hold(self.pace.time_to_first_token, answer.usage.completion * (self.pace.time_per_token or 0))
        self._close(200, answer.body, answer.usage)
        return Reply(200, answer.body, headers, delay=self.held, known=answer.known)

    def _check(self) -> None:
        """Refuse what the form and its models refuse. A body that was let pass is not looked at again."""
        profile, known = self.target.served[0].profile, self.call.known
        form, asked, body = known.get("checked", UNCHECKED)
        if form is not self.form or asked is not profile or body is not self.body:
            self.form.check(self.call.mock.spec, self.body, self.target)
            known["checked"] = self.form, profile, self.body

    def conversation(self, read: Callable[[dict[str, Json]], Conversation]) -> Conversation:
        """The request as ``read`` has it, read once for all requests with the same bytes."""
        conversation: Conversation
        reader, body, conversation = self.call.known.get("conversation", UNCHECKED)
        if reader is not read or body is not self.body:
            conversation = read(self.body)
            self.call.known["conversation"] = read, self.body, conversation
        return conversation

    def _guard_input(self) -> None:
        """Let the AI gateway's guardrails look at the request: refuse it, or take personal data out of it."""
        rules = self.target.gateway.input
        if rules is None:
            return
        verdict = guardrails.inspect(guardrails.texts_of(self.body), rules)
        if verdict.blocked:
            raise guardrails.refusal(verdict, "input")
        if verdict.personal:
            self.body = guardrails.masked_request(self.body)

    def _guard_output(self, answer: Answer) -> None:
        """Let the guardrails look at the answer. Masking is done by then, as the answer was made."""
        rules = self.target.gateway.output
        if rules is not None:
            verdict = guardrails.inspect(answer.texts, rules)
            if verdict.blocked:
                raise guardrails.refusal(verdict, "output", answer.usage.prompt)

    def _asked_in_turn(self) -> Answer:
        """The first answer that is not an overload or a failure; with fallback off, the chosen model's."""
        target = self.target
        if self.model is not None:
            return self._asked(self.model)
        first = target.routes[0].entity
        if len(target.routes) > 1:
            offset = _number(self.call.mock.settings.seed, *target.place) % 100
            first = traffic.entity_of(target.routes, self.turn.number, offset)
        if not target.gateway.falls_back:
            return self._asked(first)
        names = traffic.attempts(first, [served.name for served in target.served])
        for name in names[:-1]:
            try:
                return self._asked(name)
            except ApiError as problem:
                if not traffic.falls_back(problem.status):
                    raise
        return self._asked(names[-1])

    def _asked(self, name: str) -> Answer:
        """The answer of one served model."""
        served = self.target.model(name)
        if served is None:
            raise EndpointNotFound(NO_ENDPOINT)
        self.served = name
        if served.recovering:
            raise Unavailable(f"Served entity '{served.name}' is recovering, please retry later.")
        return (
            scripted(self, served) or plugged_in(self, served) or forwarded(self, served) or self.form.ask(self, served)
        )

    def setting(self, served: Served) -> Setting:
        """Who answers, and when. Turns are told apart by endpoint, so that no two answers have the same ids."""
        call, seed = self.call, self.call.mock.settings.seed
        profile = served.profile or catalog.custom_profile(served.entity.model if served.entity else served.name)
        turn = (_number(*self.target.place) >> 32 << 32) + self.turn.number
        mask = guardrails.anonymized if self.target.gateway.masks else drafting.as_it_is
        return Setting(profile, vocabulary(seed), seed, turn, call.now, keeps, mask, self.script)

    def wait(self) -> None:
        """Let the delay that was scripted pass, in real time."""
        if self.delay:
            self.call.mock.faults.wait(self.call.workspace, self.delay)

    def _streamed(self, answer: Answer, headers: Mapping[str, str]) -> Stream:
        sent: list[Json] = []

        def closed(complete: bool) -> None:
            usage = self.counted or answer.usage
            if not complete:
                usage = Usage(usage.prompt, min(sum(map(weight, sent)), usage.completion))
            self._close(200, sent, usage)

        return Stream(self._paced(answer, sent), headers, self.form.terminator, closed)

    def _paced(self, answer: Answer, sent: list[Json]) -> Iterator[Event]:
        """The events as they are made, no faster than the pace allows. Being late once does not slow the rest down."""
        names_events, per_token, clock = self.form.names_events, self.pace.time_per_token or 0.0, self.call.mock.clock
        self.wait()
        self._hold(self.pace.time_to_first_token)
        due, self.held = time.perf_counter() + self.held, 0.0
        pause = 0.0 if clock.frozen else due - time.perf_counter()
        delay, lasting, passed_on = self.chunk_delay, self.target.lasting, answer.body is None
        for data in answer.events():
            if per_token:
                pause = 0.0 if clock.frozen else due - time.perf_counter()
                due += per_token * weight(data)
            if delay and sent:
                self.call.mock.faults.wait(self.call.workspace, delay)
            if not lasting and not still_there(self.call, self.target):
                yield self._gone()
                return
            if passed_on:
                self.counted = usage_of(data) or self.counted
            sent.append(data)
            yield Event(data, data["type"] if names_events else None, pause)
            pause = 0.0

    def _gone(self) -> Event:
        """The endpoint was deleted while it answered."""
        if self.form.names_events:
            return Event({"type": "error", "error": {"type": "not_found_error", "message": NO_ENDPOINT}}, "error")
        return Event({"error": EndpointNotFound(NO_ENDPOINT).body(self.call.request_id)})

    def _wake_up(self) -> None:
        """A cold start, when the endpoint had scaled to zero and cold starts are switched on."""
        if not self.pace.cold_start or not self.target.scales_to_zero:
            return
        previous = self.turn.previous
        if previous is None or previous < self.target.deployed_at or self.call.now - previous >= IDLE:
            self._hold(self.pace.cold_start)

    def _own_pace(self) -> Pace:
        """The endpoint's own pace where it is set, the server's otherwise."""
        settings, own = self.call.mock.settings, self.call.mock.store.get(Pace, self.call.workspace, self.target.name)
        usual = Pace(settings.time_to_first_token, settings.time_per_token, settings.cold_start)
        return usual if own is None else own.over(usual)

    def _hold(self, *seconds: float | None) -> None:
        """Let the answer be late by so many seconds of the mock's clock: real ones, unless it stands still."""
        if any(seconds) and not self.call.mock.clock.frozen:
            self.held += sum(part or 0.0 for part in seconds)

    def _close(self, status: int, answer: Json, usage: Usage) -> None:
        """Count the answer, charge its tokens and keep its record."""
        call, mock, target = self.call, self.call.mock, self.target
        milliseconds = (time.perf_counter() - self.started + self.held) * 1000
        mock.meter.observe(
            *target.place,
            self.served,
            moment=call.now,
            status=status,
            milliseconds=milliseconds,
            input_tokens=usage.prompt,
            output_tokens=usage.completion,
        )
        if self.required:
            mock.limiter.charge(target.place, self.required, usage.total, mock.clock.now())
        if not target.logged and not target.gateway.tracks_usage:
            return
        mock.payloads.record(
            call.workspace,
            logged=target.logged,
            request=call.request.body,
            response=answer,
            endpoint=target.name,
            served_entity=self.served,
            moment=call.now,
            status=status,
            milliseconds=milliseconds,
            databricks_request_id=call.request_id,
            client_request_id=_of_kind(self.body.get("client_request_id"), str),
            requester=call.identity.name,
            streamed=self.form.streams(self.body),
            input_tokens=usage.prompt,
            output_tokens=usage.completion,
            usage_context=_of_kind(self.body.get("usage_context"), dict),
        )


def _of_kind(value: Json, kind: type) -> Json:
    """What a client sent, unless it is of another kind: a refused query has a record, too."""
    return value if isinstance(value, kind) else None


_number = lru_cache(maxsize=1024)(seeds.number)


def weight(event: Mapping[str, Json]) -> int:
    """How many tokens of the answer an event carries."""
    total = 0
    for choice in event.get("choices") or ():
        delta = choice.get("delta") or {}
        content = choice.get("text") or delta.get("content")
        if isinstance(content, list):
            content = "".join(part.get("text", "") for block in content for part in block.get("summary") or (block,))
        if content:
            total += _tokens(content)
        for call in delta.get("tool_calls") or ():
            total += _tokens(call.get("function", {}).get("arguments") or "")
    for candidate in event.get("candidates") or ():
        for part in candidate["content"]["parts"]:
            total += _tokens(part.get("text") or json.dumps((part.get("functionCall") or {}).get("args") or ""))
    delta = event.get("delta")
    if isinstance(delta, str):
        total += _tokens(delta)
    elif isinstance(delta, dict):
        text = delta.get("text") or delta.get("content") or delta.get("thinking") or delta.get("partial_json")
        total += _tokens(text) if isinstance(text, str) else 0
    return total


def _tokens(piece: str) -> int:
    """The tokens of a piece of a text. A blank at its end belongs to the token that follows it."""
    return tokens.count(piece.rstrip(" "))


def _as_api_error(problem: ApiError | Refusal) -> ApiError:
    if isinstance(problem, ApiError):
        return problem
    return ModelRefused(problem) if isinstance(problem, ModelRefusal) else from_refusal(problem)
