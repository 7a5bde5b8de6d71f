"""Custom models by the protocol of MLflow's scoring server: what it accepts, its literal errors, plausible predictions.

The texts are those of mlflow.pyfunc.scoring_server, which Databricks runs for custom models.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from . import embeddings, frames, seeds
from .expressions import Expression
from .refusals import Refusal, bad_request

CSV, JSON, PARQUET = "text/csv", "application/json", "application/vnd.apache.parquet"
CONTENT_TYPES = [CSV, JSON, PARQUET]
_READERS: dict[str, Callable[[Any], list[Any]]] = {
    "dataframe_records": frames.of_records,
    "dataframe_split": frames.of_split,
    "instances": frames.of_instances,
    "inputs": frames.of_inputs,
}
FORMATS = tuple(_READERS)
UNIFIED = ("messages", "prompt", "input")
DIMENSION = 384
"""The length of a custom embedder's vectors, whichever way it is asked."""

# A Python set is printed there, so the order of the four names is not fixed on the service; here it is.
REQUIRED = (
    "The input must be a JSON dictionary with exactly one of the input fields "
    "{'inputs', 'dataframe_records', 'dataframe_split', 'instances'}"
)
PROTOCOL_CHANGE = (
    "IMPORTANT: The MLflow Model scoring protocol has changed in MLflow version 2.0. If you are"
    " seeing this error, you are likely using an outdated scoring request format. To resolve the"
    " error, either update your request format or adjust your MLflow Model's requirements file to"
    " specify an older version of MLflow (for example, change the 'mlflow' requirement specifier"
    " to 'mlflow==1.30.0'). If you are making a request using the MLflow client"
    " (e.g. via `mlflow.pyfunc.spark_udf()`), upgrade your MLflow client to a version >= 2.0 in"
    " order to use the new request format. For more information about the updated MLflow"
    " Model scoring protocol in MLflow 2.0, see"
    " https://mlflow.org/docs/latest/models.html#deploy-mlflow-models."
)


@dataclass(frozen=True, slots=True)
class Batch:
    """The rows a model is to score. ``unified`` requests (messages, prompt, input) are answered unwrapped."""

    rows: tuple[Any, ...]
    params: dict[str, Any] | None = None
    unified: dict[str, Any] | None = None


def read(data: bytes, content_type: str) -> Batch:
    """The rows of a request's body.

    Raises:
        Refusal: the scoring server's own refusal of the content type, the body or the frame.
    """
    kind = _media_type(content_type)
    if kind == CSV:
        return Batch(frames.of_csv(data))
    if kind == PARQUET:
        return Batch(frames.of_parquet(data))
    return of_json(_decoded(data))


def _media_type(content_type: str) -> str:
    kind, *parameters = (part.strip() for part in content_type.split(";"))
    named = {name.strip(): value for name, _, value in (pair.partition("=") for pair in parameters if pair)}
    if named.get("charset", "utf-8").strip("\"'").lower() != "utf-8":
        raise Refusal(415, None, "The scoring server only supports UTF-8")
    unknown = [name for name in named if name != "charset"]
    if unknown:
        raise Refusal(415, None, f"Unrecognized content type parameters: {', '.join(unknown)}. {PROTOCOL_CHANGE}")
    if kind not in CONTENT_TYPES:
        types = f"This predictor only supports the following content types: Types: {CONTENT_TYPES}."
        raise Refusal(415, None, f"{types} Got '{content_type}'.")
    return kind


def _decoded(data: bytes) -> dict[str, Any]:
    try:
        decoded = json.loads(data)
    except (ValueError, RecursionError) as reason:
        shown = data.decode("utf-8", "replace")
        text = f"Ensure that input is a valid JSON formatted string. Error: '{reason!r}'\nInput: \n{shown}\n"
        raise bad_request(f"Invalid input. {text}") from None
    return checked_json(decoded)


def checked_json(decoded: Any) -> dict[str, Any]:
    """A decoded body that is an object.

    Raises:
        Refusal: it is a list or a scalar.
    """
    if isinstance(decoded, dict):
        return decoded
    if isinstance(decoded, list):
        raise bad_request(f"Invalid input. {REQUIRED}. Received a list.")
    raise bad_request(f"Invalid input. {REQUIRED}. Received unexpected input type '{type(decoded)}.")


def of_json(body: dict[str, Any]) -> Batch:
    """The rows of a JSON body. Beside the data, ``params`` and Databricks' own fields are allowed.

    One with ``messages``, ``prompt`` or ``input`` is a language model's, whatever else is in it.

    Raises:
        Refusal: not exactly one of the four formats is given, or its value is no frame.
    """
    body = checked_json(body)
    if any(key in body for key in UNIFIED):
        return Batch((), None, body)
    given = [key for key in FORMATS if key in body]
    params = body.get("params")
    if len(given) != 1:
        received = f"Received dictionary with input fields: {[key for key in body if key != 'params']}"
        raise bad_request(f"{REQUIRED}. {received}. {PROTOCOL_CHANGE}")
    return Batch(tuple(_READERS[given[0]](body[given[0]])), params if isinstance(params, dict) else None)


_LABELS = (
    (Expression(r"sentiment|review"), ("positive", "negative", "neutral")),
    (Expression(r"spam"), ("ham", "spam")),
    (Expression(r"iris|species|flower"), ("setosa", "versicolor", "virginica")),
    (Expression(r"topic|categor|intent"), ("billing", "support", "sales", "other")),
)
_BINARY = Expression(
    r"churn|fraud|default|click|conver|classif|detect|approve|attrition|anomal|diabet|cancer|titanic|risk"
)
_VECTORS = Expression(r"embed|e5|bge|gte|encoder|sentence|minilm|vector")
_TEXTS = Expression(r"llm|llama|mistral|gpt|generat|summar|chat|qa\b|translate|t5")


def predictions(batch: Batch, name: str, seed: int) -> list[Any]:
    """One prediction for each row: labels, classes, vectors or numbers, as the model's name suggests."""
    lowered = name.lower()
    if _VECTORS.search(lowered):
        short = name.rpartition(".")[2] or name
        return [embeddings.embedding(_row_text(row), short, DIMENSION) for row in batch.rows]
    if _TEXTS.search(lowered):
        return [f"About {_row_text(row)[:80].strip() or 'that'}: the main point is clear." for row in batch.rows]
    for pattern, labels in _LABELS:
        if pattern.search(lowered):
            return [labels[_number(seed, name, row) % len(labels)] for row in batch.rows]
    if _BINARY.search(lowered):
        return [int(_number(seed, name, row) % 100 < 30) for row in batch.rows]
    low, high = (5, 500) if re.search(r"price|cost|value|revenue|sales|house", lowered) else (0, 10)
    return [_figure(seed, name, row, low, high) for row in batch.rows]


def is_to_embed(given: Any, name: str) -> bool:
    """Whether ``input`` has texts to turn into vectors: several, or one for a model that is named like an embedder."""
    if isinstance(given, str):
        return bool(given and _VECTORS.search(name.lower()))
    return isinstance(given, list) and bool(given) and all(isinstance(text, str) for text in given)


def _number(seed: int, name: str, row: Any) -> int:
    return seeds.number(seed, name, json.dumps(row, sort_keys=True, default=str))


def _figure(seed: int, name: str, row: Any, low: float, high: float) -> float:
    share = _number(seed, name, row) / 2**64
    return low + (high - low) * share


def _row_text(row: Any) -> str:
    if isinstance(row, str):
        return row
    if isinstance(row, dict):
        return " ".join(str(value) for value in row.values())
    return json.dumps(row)


def features(batch: Batch, name: str, seed: int) -> list[dict[str, Any]]:
    """What a feature specification looks up for each row, beside the keys that were given."""
    return [
        {**(_finite(row) if isinstance(row, dict) else {"key": _finite(row)}), "value": _figure(seed, name, row, 0, 1)}
        for row in batch.rows
    ]


def _finite(value: Any) -> Any:
    """A value that JSON can say: with null for the numbers that are not finite."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return {name: _finite(item) for name, item in value.items()} if isinstance(value, dict) else value
