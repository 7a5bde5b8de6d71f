"""The forms in which an endpoint can be asked: what each one's requests must keep, and who answers them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol

import jsonschema_rs
import orjson

from openapi import Spec

from ..domain.inference import agents, anthropic, chat, checks, completions, embeddings, gemini, responses
from ..domain.inference.answers import Answer
from ..domain.inference.conversation import Conversation, from_chat
from ..domain.inference.profiles import ModelProfile
from ..errors import BadRequest, InvalidParameterValue
from ..messages import Json
from .queries_target import Served, Target

if TYPE_CHECKING:
    from .queries_exchange import Exchange

SENT_SCHEMAS = "SentSchemas"
"""The schema of the schemas in requests."""

NOT_A_STRING = (
    "BAD_REQUEST: Unable to parse json body for request, field 'messages.content' expects input with json type "
    "'string' but got 'array'"
)


class Asking(Protocol):
    """How a request is checked and put to a served model, and how its events are framed."""

    @property
    def names_events(self) -> bool: ...
    @property
    def terminator(self) -> str | None: ...

    def streams(self, body: Mapping[str, Json]) -> bool: ...

    def check(self, spec: Spec, body: dict[str, Json], target: Target) -> None: ...

    def ask(self, exchange: Exchange, served: Served) -> Answer: ...


@dataclass(frozen=True, slots=True)
class Form:
    """The form of one task or protocol. ``strict`` is the schema that hosted models hold requests to.

    ``check_model`` refuses what the served models refuse, in the service's own words where they are known. ``read`` is
    what is found out about a request whoever answers it, which ``answer`` is given as well. ``models`` are the only
    ones that are asked in this form; ``streamed`` says how the answer comes where the request has no ``stream``.
    """

    schema: str
    answer: Callable[..., Answer]
    check_model: Callable[[dict[str, Json], ModelProfile], None] | None = None
    read: Callable[[dict[str, Json]], Conversation] | None = None
    strict: str | None = None
    names_events: bool = False
    terminator: str | None = "[DONE]"
    models: str = ""
    streamed: bool | None = None

    def streams(self, body: Mapping[str, Json]) -> bool:
        """Whether the answer is to come in pieces."""
        return bool(body.get("stream")) if self.streamed is None else self.streamed

    def ask(self, exchange: Exchange, served: Served) -> Answer:
        """The model's answer."""
        setting = exchange.setting(served)
        if self.read is None:
            return self.answer(exchange.body, setting)
        return self.answer(exchange.body, setting, exchange.conversation(self.read))

    def check(self, spec: Spec, body: dict[str, Json], target: Target) -> None:
        """Refuse a body that is not of this form.

        Raises:
            BadRequest: a field is unknown to a hosted model, or missing, or has a value that is not accepted.
        """
        profile = target.served[0].profile
        if self.strict is not None and target.hosted:
            known = _members(spec, self.schema)
            for name in body:
                if name not in known:
                    raise BadRequest(f'Bad request: json: unknown field "{name}"')
        if self.check_model is not None and profile is not None:
            self.check_model(body, profile)
        violations = spec.schema(self.schema).violations(body)
        if not violations and not _members(spec, SENT_SCHEMAS).isdisjoint(body):
            violations = spec.schema(SENT_SCHEMAS).violations(body)
        if violations:
            if self is CHAT_AGENT and any(_is_content_list(body, violation.where) for violation in violations):
                raise BadRequest(NOT_A_STRING)
            raise InvalidParameterValue(" ".join(violation.message for violation in violations[:3]))


@dataclass(frozen=True, slots=True)
class Candidates:
    """A completion that is asked for with ``inputs`` and ``params``, and answered with ``predictions``."""

    names_events: bool = False
    terminator: str | None = "[DONE]"

    def check(self, spec: Spec, body: dict[str, Json], target: Target) -> None:
        """Refuse what is no completion request in the older form.

        Raises:
            BadRequest: a field is unknown, missing, or has a value that is not accepted.
        """
        COMPLETIONS.check(spec, present(completions.translated(body)), target)

    def streams(self, body: Mapping[str, Json]) -> bool:
        """Never: the older form has no streams."""
        return False

    def ask(self, exchange: Exchange, served: Served) -> Answer:
        """One prediction for each prompt."""
        return completions.candidates(exchange.body, exchange.setting(served))


CHAT = Form("ChatRequest", chat.answer, checks.chat, from_chat, strict="ChatRequestStrict")
COMPLETIONS = Form("CompletionsRequest", completions.answer, checks.completions, strict="CompletionsRequestStrict")
EMBEDDINGS = Form("EmbeddingsRequest", embeddings.answer, checks.embeddings, strict="EmbeddingsRequestStrict")
CHAT_AGENT = Form("ChatAgentRequest", agents.chat_agent_answer)
RESPONSES_AGENT = Form("ResponsesRequest", responses.agent_answer, checks.responses)
RESPONSES = Form("ResponsesRequest", responses.answer, checks.responses)
CANDIDATES = Candidates()
MESSAGES = Form(
    "AnthropicMessagesRequest", anthropic.answer, checks.anthropic, names_events=True, terminator=None, models="Claude"
)
CONTENT = Form("GeminiRequest", gemini.answer, terminator=None, models="Gemini", streamed=False)
CONTENT_STREAM = replace(CONTENT, streamed=True)

INVOCATIONS: Mapping[str, Form] = {
    "llm/v1/chat": CHAT,
    "agent/v1/chat": CHAT,
    "llm/v1/completions": COMPLETIONS,
    "llm/v1/embeddings": EMBEDDINGS,
    "agent/v1/responses": RESPONSES_AGENT,
    "agent/v2/chat": CHAT_AGENT,
}
"""What ``/invocations`` takes, by task; the others are what the routes do on which ``model`` names the endpoint."""

CHAT_ROUTE: Mapping[str, Form] = {"llm/v1/chat": CHAT, "agent/v1/chat": CHAT, "agent/v2/chat": CHAT_AGENT}
COMPLETIONS_ROUTE: Mapping[str, Form] = {"llm/v1/completions": COMPLETIONS, "agent/v2/chat": CHAT_AGENT}
EMBEDDINGS_ROUTE: Mapping[str, Form] = {"llm/v1/embeddings": EMBEDDINGS}
RESPONSES_ROUTE: Mapping[str, Form] = {"agent/v1/responses": RESPONSES_AGENT, "llm/v1/chat": RESPONSES}
MESSAGES_ROUTE: Mapping[str, Form] = {"llm/v1/chat": MESSAGES}
CONTENT_ROUTE: Mapping[str, Form] = {"llm/v1/chat": CONTENT}
CONTENT_STREAM_ROUTE: Mapping[str, Form] = {"llm/v1/chat": CONTENT_STREAM}


def choose(forms: Mapping[str, Form], target: Target, route: str) -> Form:
    """The form in which an endpoint is asked on a route.

    Raises:
        BadRequest: the endpoint's task is not answered there.
    """
    form = forms.get(target.task or "")
    if form is None:
        raise BadRequest(
            f"Endpoint '{target.name}' {_described(target.task)}, which cannot be queried through {route}: that takes "
            f"endpoints with the task {' or '.join(forms)}."
        )
    profile = target.served[0].profile
    if form.models and profile is not None and not _is_one_of(form.models, profile):
        raise BadRequest(
            f"Endpoint '{target.name}' serves {profile.title}; {route} takes endpoints of {form.models} models."
        )
    return form


def _is_one_of(models: str, profile: ModelProfile) -> bool:
    """Whether a model is one of a vendor's own; Gemma answers as Gemini does, and is not asked in its form."""
    return profile.family.name == models.lower() and "gemma" not in profile.model.lower()


def present(body: dict[str, Json]) -> dict[str, Json]:
    """The members of a request that are not null: null counts as absent."""
    if None not in body.values():
        return body
    return {name: value for name, value in body.items() if value is not None}


def keeps(schema: Json, value: Json) -> bool:
    """Whether a value keeps a JSON Schema; one that is not a schema keeps nothing out."""
    try:
        return _validator(orjson.dumps(schema)).is_valid(value)
    except (jsonschema_rs.ValidationError, ValueError, TypeError):
        return True


@lru_cache(maxsize=256)
def _validator(schema: bytes) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(orjson.loads(schema), retriever=_not_fetched)


def _not_fetched(address: str) -> Json:
    """What a client's schema refers to outside of itself, which could be any address that the server can reach."""
    raise LookupError(address)


@lru_cache(maxsize=64)
def _members(spec: Spec, schema: str) -> frozenset[str]:
    """The members that a form knows."""
    return frozenset(spec.schema(schema).definition["properties"])


def _described(task: str | None) -> str:
    return f"has the task {task}" if task else "serves a custom model without a task"


def _is_content_list(body: Mapping[str, Json], where: str) -> bool:
    return (
        where.startswith("messages[")
        and where.endswith("].content")
        and any(isinstance(message.get("content"), list) for message in body["messages"] if isinstance(message, dict))
    )
