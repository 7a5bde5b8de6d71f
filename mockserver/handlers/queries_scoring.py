"""Custom models: rows in, predictions out, by the protocol of MLflow's scoring server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from openapi import Spec

from ..domain.inference import scoring
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


@dataclass(frozen=True, slots=True)
class Scoring:
    """Asking a custom model. ``batch`` is what was sent, ``media_type`` how."""

    batch: Batch
    media_type: str
    names_events: bool = False
    terminator: str | None = "[DONE]"

    @property
    def unified(self) -> Form | None:
        """The form that the request has instead of rows."""
        return next((form for name, form in UNIFIED.items() if name in (self.batch.unified or {})), None)

    def check(self, spec: Spec, body: dict[str, Json], target: Target) -> None:
        """What reading the rows did not find: the model's own form, when it is asked like a language model."""
        if self.unified is not None:
            self.unified.check(spec, body, target)

    def ask(self, exchange: Exchange, served: Served) -> Answer:
        """The predictions, or what a language model answers."""
        if self.unified is not None:
            return self.unified.ask(exchange, served)
        script = exchange.script
        if script is not None:
            value = script.text if script.value is None else script.value
            return predicted(value if isinstance(value, list | dict) else [value])
        name = served.entity.model if served.entity is not None else served.name
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


def predicted(value: Json) -> Answer:
    """What a model predicted, as its server answers."""
    return Answer({"predictions": value}, NO_USAGE)


def read(call: Call) -> Scoring:
    """The rows of a request.

    Raises:
        Refusal: the scoring server's own refusal of the content type, the body or the frame.
    """
    content_type = call.request.headers.get("content-type") or JSON_MEDIA_TYPE
    if isinstance(call.body, dict) and ";" not in content_type:
        return Scoring(scoring.of_json(call.body), JSON_MEDIA_TYPE)
    return Scoring(scoring.read(call.request.body, content_type), call.request.media_type)
