"""The forms in which an endpoint can be asked: what each one's requests must keep, and who answers them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import jsonschema_rs
import orjson

from openapi import Spec

from ..domain.inference import chat, completions, embeddings
from ..domain.inference.answers import Answer
from ..domain.inference.drafting import Setting
from ..errors import BadRequest, InvalidParameterValue
from ..messages import Json
from .queries_target import Target

NO_PARAMETERS = 'Bad request: "parameters" is a required property for "function" object in parameter "tools"'
NOT_A_STRING = (
    "BAD_REQUEST: Unable to parse json body for request, field 'messages.content' expects input with json type "
    "'string' but got 'array'"
)


@dataclass(frozen=True, slots=True)
class Form:
    """One way of asking. ``name`` is what refusals call it, ``needed`` the member without which nothing is answered."""

    name: str
    schema: str
    needed: str
    answer: Callable[[dict[str, Json], Setting], Answer]
    names_events: bool = False
    terminator: str | None = "[DONE]"

    def check(self, spec: Spec, body: Mapping[str, Json], target: Target) -> None:
        """Refuse a body that is not of this form, in the service's words where they are known.

        Raises:
            BadRequest: a field is unknown to a hosted model, or missing, or has a value that is not accepted.
        """
        if target.hosted:
            known = _members(spec, self.schema)
            for name in body:
                if name not in known:
                    raise BadRequest(f'Bad request: json: unknown field "{name}"')
        if body.get(self.needed) is None:
            raise InvalidParameterValue(
                f"INVALID_PARAMETER_VALUE: Missing required {self.name} parameter: '{self.needed}'"
            )
        violations = spec.schema(self.schema).violations(body)
        if violations:
            if any(self.name == "agent" and _is_content_list(body, violation.where) for violation in violations):
                raise BadRequest(NOT_A_STRING)
            raise InvalidParameterValue(" ".join(violation.message for violation in violations[:3]))
        if target.hosted and _lacks_parameters(body.get("tools") or ()):
            raise BadRequest(NO_PARAMETERS)


CHAT = Form("chat", "ChatRequest", "messages", chat.answer)
COMPLETIONS = Form("completions", "CompletionsRequest", "prompt", completions.answer)
EMBEDDINGS = Form("embeddings", "EmbeddingsRequest", "input", embeddings.answer)

INVOCATIONS: Mapping[str, Form] = {
    "llm/v1/chat": CHAT,
    "agent/v1/chat": CHAT,
    "llm/v1/completions": COMPLETIONS,
    "llm/v1/embeddings": EMBEDDINGS,
}
"""What ``/invocations`` takes, by task; the others are what the routes do on which ``model`` names the endpoint."""

CHAT_ROUTE: Mapping[str, Form] = {"llm/v1/chat": CHAT, "agent/v1/chat": CHAT}
COMPLETIONS_ROUTE: Mapping[str, Form] = {"llm/v1/completions": COMPLETIONS}
EMBEDDINGS_ROUTE: Mapping[str, Form] = {"llm/v1/embeddings": EMBEDDINGS}


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
    return form


def present(body: Mapping[str, Json]) -> dict[str, Json]:
    """The members of a request that are not null: null counts as absent."""
    return {name: value for name, value in body.items() if value is not None}


def keeps(schema: Json, value: Json) -> bool:
    """Whether a value keeps a JSON Schema; one that is not a schema keeps nothing out."""
    try:
        return _validator(orjson.dumps(schema)).is_valid(value)
    except (jsonschema_rs.ValidationError, ValueError, TypeError):
        return True


@lru_cache(maxsize=256)
def _validator(schema: bytes) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(orjson.loads(schema))


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


def _lacks_parameters(tools: Iterable[Json]) -> bool:
    return any("parameters" not in tool.get("function", {}) for tool in tools)
