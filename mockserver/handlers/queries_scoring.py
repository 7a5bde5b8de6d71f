"""Custom models: rows in, predictions out, by the protocol of MLflow's scoring server."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import orjson

from openapi import Spec

from ..bodies import FORM_MEDIA_TYPE
from ..domain.inference import embeddings, scoring
from ..domain.inference.answers import Answer
from ..domain.inference.drafting import Usage
from ..domain.inference.scoring import Batch
from ..errors import BadRequest
from ..messages import JSON_MEDIA_TYPE, Call, Json
from . import queries_forms as forms
from .queries_forms import Form
from .queries_target import Served, Target

if TYPE_CHECKING:
    from .queries_exchange import Exchange

NO_USAGE = Usage(0, 0)
UNIFIED: Mapping[str, Form] = {
    "messages": forms.CHAT,
    "prompt": forms.COMPLETIONS,
    "input": forms.RESPONSES_AGENT,
}
"""How a model is asked that is given one of these instead of rows; its answer is not wrapped in ``predictions``."""

DATABRICKS_OWN = ("client_request_id", "databricks_options", "usage_context")
"""What Databricks takes beside the scoring server's members."""

AS_JSON = (JSON_MEDIA_TYPE, FORM_MEDIA_TYPE)
"""The content types of bodies that are read as JSON; the second is the one that curl sends unasked."""


@dataclass(frozen=True, slots=True)
class Scoring:
    """Asking a custom model. ``batch`` is what was sent, ``media_type`` how."""

    batch: Batch
    media_type: str
    names_events: bool = False
    terminator: str | None = "[DONE]"

    def unified(self, served: Served) -> Form | None:
        """The form that the request has instead of rows. ``input`` has texts for an embedder, or turns for an agent."""
        asked = self.batch.unified
        if asked is None:
            return None
        name = next(name for name in UNIFIED if name in asked)
        embeds = name == "input" and scoring.is_to_embed(asked[name], model_of(served))
        return forms.EMBEDDINGS if embeds else UNIFIED[name]

    def streams(self, body: Mapping[str, Json]) -> bool:
        """Whether a language model's answer is to come in pieces."""
        return bool(body.get("stream"))

    def check(self, spec: Spec, body: dict[str, Json], target: Target) -> None:
        """What reading the rows did not find: the model's own form, when it is asked like a language model."""
        form = self.unified(target.served[0])
        if form is not None:
            form.check(spec, body, target)

    def ask(self, exchange: Exchange, served: Served) -> Answer:
        """The predictions, or what a language model answers."""
        form = self.unified(served)
        if form is forms.EMBEDDINGS:
            setting = exchange.setting(served)
            profile = replace(setting.profile, dimension=scoring.DIMENSION)
            return embeddings.answer(exchange.body, setting._replace(profile=profile))
        if form is not None:
            return form.ask(exchange, served)
        script = exchange.script
        if script is not None:
            value = script.text if script.value is None else script.value
            return predicted(value if isinstance(value, list | dict) else [value])
        name = model_of(served)
        seed = exchange.call.mock.settings.seed
        if served.entity is not None and served.entity.is_feature_spec:
            return Answer({"outputs": scoring.features(self.batch, name, seed)}, NO_USAGE)
        return predicted(scoring.predictions(self.batch, name, seed))

    def rows(self, body: dict[str, Json]) -> dict[str, Json]:
        """The request as JSON, for a model that really computes.

        Raises:
            BadRequest: it came as Parquet, of which the mock reads no more than the shape.
        """
        if self.media_type == scoring.PARQUET:
            raise BadRequest("Models that are plugged into the mock take JSON and CSV; this request is Parquet.")
        return {"dataframe_records": list(self.batch.rows)} if self.media_type == scoring.CSV else body


def model_of(served: Served) -> str:
    """The name of the model that answers."""
    return served.entity.model if served.entity is not None else served.name


def predicted(value: Json) -> Answer:
    """What a model predicted, as its server answers."""
    return Answer({"predictions": value}, NO_USAGE)


def read(call: Call) -> Scoring:
    """The rows of a request.

    Raises:
        Refusal: the scoring server's own refusal of the content type, the body or the frame.
    """
    content_type = call.request.headers.get("content-type") or JSON_MEDIA_TYPE
    if isinstance(call.body, dict) and content_type.strip().lower() in AS_JSON:
        return Scoring(scoring.of_json(call.body), JSON_MEDIA_TYPE)
    return Scoring(scoring.read(call.request.body, content_type), call.request.media_type)


def decoded(body: bytes) -> Json:
    """A body as the scoring server reads it, to which ``NaN`` and ``Infinity`` are numbers; ``None`` for no JSON."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def suits(call: Call) -> bool:
    """Whether a body that breaks the contract is fine for the scoring server all the same.

    What is Databricks' own in it has to keep the contract, and an answer must be able to repeat the rest: half a
    surrogate pair and what is nested too deeply cannot be written.
    """
    body, judge = call.body, call.operation.member_judge
    if not isinstance(body, dict) or not all(judge(name)(body[name]) for name in DATABRICKS_OWN if name in body):
        return False
    try:
        orjson.dumps({"outputs": [{"key": body}]})
    except TypeError:
        return False
    return True
