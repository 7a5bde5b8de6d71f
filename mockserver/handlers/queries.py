"""The queries: one function for each route, all leading to one exchange with the endpoint."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import orjson

from ..domain.inference import completions, gemini
from ..errors import ApiError, EndpointNotFound, UnsupportedMediaType
from ..messages import Call, Json, Reply, Stream
from . import handler, queries_scoring, refuser
from . import queries_forms as forms
from .queries_exchange import Exchange
from .queries_forms import Asking, Form, choose, present
from .queries_target import NO_ENDPOINT, Target, find, find_route_optimized

ROUTES: Mapping[str, Mapping[str, Form]] = {
    "create_chat_completion": forms.CHAT_ROUTE,
    "create_completion": forms.COMPLETIONS_ROUTE,
    "create_embeddings": forms.EMBEDDINGS_ROUTE,
    "create_response": forms.RESPONSES_ROUTE,
    "create_message": forms.MESSAGES_ROUTE,
    "gateway_response": forms.RESPONSES_ROUTE,
    "gateway_chat_completion": forms.CHAT_ROUTE,
    "gateway_embeddings": forms.EMBEDDINGS_ROUTE,
    "gateway_openai_chat_completion": forms.CHAT_ROUTE,
    "gateway_openai_response": forms.RESPONSES_ROUTE,
    "gateway_anthropic_message": forms.MESSAGES_ROUTE,
    "gateway_gemini_content": forms.CONTENT_ROUTE,
    "gateway_gemini_stream": forms.CONTENT_STREAM_ROUTE,
}
"""What the operations take that have one vendor's form. The body names the endpoint, as ``model``, or the path does."""


@handler
def query_endpoint(call: Call) -> Reply | Stream:
    return _invoked(call, find(call, call.parameters["name"]))


@handler
def query_served_model(call: Call) -> Reply | Stream:
    return _invoked(call, find(call, call.parameters["name"]))


@handler
def query_route_optimized(call: Call) -> Reply | Stream:
    return _invoked(call, find_route_optimized(call))


@handler
def create_chat_completion(call: Call) -> Reply | Stream:
    return _named_in_body(call)


@handler
def create_completion(call: Call) -> Reply | Stream:
    return _named_in_body(call)


@handler
def create_embeddings(call: Call) -> Reply | Stream:
    return _named_in_body(call)


@handler
def create_response(call: Call) -> Reply | Stream:
    return _named_in_body(call)


@handler
def create_message(call: Call) -> Reply | Stream:
    return _named_in_body(call)


@handler
def gateway_response(call: Call) -> Reply | Stream:
    try:
        return _named_in_body(call)
    except EndpointNotFound as refusal:
        inner = orjson.dumps(refusal.body(call.request_id)).decode()
        raise EndpointNotFound(f"responses self-call returned status {refusal.status}: {inner}") from None


@handler
def gateway_chat_completion(call: Call) -> Reply | Stream:
    return _named_in_body(call)


@handler
def gateway_embeddings(call: Call) -> Reply | Stream:
    return _named_in_body(call)


@handler
def gateway_openai_chat_completion(call: Call) -> Reply | Stream:
    return _named_in_body(call)


@handler
def gateway_openai_response(call: Call) -> Reply | Stream:
    return _named_in_body(call)


@handler
def gateway_anthropic_message(call: Call) -> Reply | Stream:
    return _named_in_body(call)


@handler
def gateway_gemini_content(call: Call) -> Reply | Stream:
    return _asked(call._replace(body=gemini.spelled(call.body)), call.parameters["name"])


@handler
def gateway_gemini_stream(call: Call) -> Reply | Stream:
    return _asked(call._replace(body=gemini.spelled(call.body)), call.parameters["name"])


@refuser("query_endpoint", "query_served_model", "query_route_optimized")
def refuse_query(call: Call, refusal: ApiError) -> Reply | Stream:
    """Refuse a body that breaks the contract: in the words of the endpoint's model server, and counted as its error.

    What the scoring server of a custom model takes all the same, such as ``NaN``, is answered.
    """
    if call.operation.id == "query_route_optimized":
        target = find_route_optimized(call)
    else:
        target = find(call, call.parameters["name"])
    body = _read_anyway(call)
    if body is None and target.task is None:
        body = queries_scoring.decoded(call.request.body)
    call = call._replace(body=body, known={})

    def choose() -> Asking:
        # Custom models read the body themselves; of the others, the model's own refusal comes before the contract's.
        if target.task is None:
            asking = queries_scoring.read(call)
            if queries_scoring.suits(call):
                return asking
        elif isinstance(call.body, dict):
            _form_of_task(call, target).check(call.mock.spec, present(call.body), target)
        raise refusal

    return Exchange(call, target, choose, _model_in_path(call, target), shows_model=True).answered()


@refuser(*ROUTES)
def refuse_named_query(call: Call, refusal: ApiError) -> Reply | Stream:
    """Refuse a body that breaks the contract, counted as an error of the endpoint when it names one.

    The model's own refusal comes before the contract's, as on ``/invocations``.
    """
    body = _read_anyway(call)
    name = call.parameters.get("name") or (body.get("model") if isinstance(body, dict) else None)
    if not isinstance(name, str) or not name:
        raise refusal
    target = find(call, name)

    def refuse() -> Asking:
        form = _form_of_route(call, target)
        if isinstance(body, dict):
            form.check(call.mock.spec, present(body), target)
        raise refusal

    return Exchange(call._replace(body=body, known={}), target, refuse).answered()


def _read_anyway(call: Call) -> Json:
    """The body as JSON although it was refused; ``None`` when it is none."""
    try:
        return orjson.loads(call.request.body)
    except orjson.JSONDecodeError:
        return None


def _invoked(call: Call, target: Target) -> Reply | Stream:
    """The answer of an endpoint that the path names; the reply's header says which model gave it."""
    model = _model_in_path(call, target)
    return Exchange(call, target, partial(_form_of_task, call, target), model, shows_model=True).answered()


def _model_in_path(call: Call, target: Target) -> str | None:
    """The served model that the path names; ``None`` where it names the endpoint alone.

    Raises:
        EndpointNotFound: the endpoint has no such model.
    """
    model = call.parameters.get("served_model_name")
    if model is not None and target.model(model) is None:
        raise EndpointNotFound(NO_ENDPOINT)
    return model


def _form_of_task(call: Call, target: Target) -> Asking:
    if target.task is None:
        return queries_scoring.read(call)
    if not isinstance(call.body, dict):
        raise UnsupportedMediaType(
            f"The content type '{call.request.media_type}' is not accepted; send application/json."
        )
    if target.takes_older_completions and completions.older(call.body):
        return forms.CANDIDATES
    return choose(forms.INVOCATIONS, target, "/invocations")


def _named_in_body(call: Call) -> Reply | Stream:
    """The answer of the endpoint that ``model`` names."""
    return _asked(call, call.body["model"])


def _asked(call: Call, name: str) -> Reply | Stream:
    target = find(call, name)
    return Exchange(call, target, partial(_form_of_route, call, target)).answered()


def _form_of_route(call: Call, target: Target) -> Form:
    return choose(ROUTES[call.operation.id], target, call.operation.path)
