"""Custom models by the protocol of MLflow's scoring server: what it accepts, its literal errors, plausible predictions.

The texts are those of mlflow.pyfunc.scoring_server, which Databricks runs for custom models.
"""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import dataclass
from typing import Any

from . import embeddings, parquet, seeds
from .expressions import Expression
from .refusals import Refusal, bad_request

CSV, JSON, PARQUET = "text/csv", "application/json", "application/vnd.apache.parquet"
CONTENT_TYPES = [CSV, JSON, PARQUET]
FORMATS = ("dataframe_records", "dataframe_split", "instances", "inputs")
UNIFIED = ("messages", "prompt", "input")

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
FAILED_FRAME = (
    "Failed to parse input as a Pandas DataFrame. Ensure that the input is a valid {kind} Pandas DataFrame produced"
    " using the `pandas.DataFrame.{method}()` method. Error: '{error}'"
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
        return Batch(_csv_rows(data))
    if kind == PARQUET:
        return Batch(_parquet_rows(data))
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
    except (json.JSONDecodeError, UnicodeDecodeError) as reason:
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

    Raises:
        Refusal: not exactly one of the four formats is given, or its value is no frame.
    """
    body = checked_json(body)
    if any(key in body for key in UNIFIED) and not any(key in body for key in FORMATS):
        return Batch((), None, body)
    given = [key for key in FORMATS if key in body]
    params = body.get("params")
    if len(given) != 1:
        received = f"Received dictionary with input fields: {[key for key in body if key != 'params']}"
        raise bad_request(f"{REQUIRED}. {received}. {PROTOCOL_CHANGE}")
    readers = {
        "dataframe_records": _records,
        "dataframe_split": _split,
        "instances": _instances,
        "inputs": _inputs,
    }
    return Batch(tuple(readers[given[0]](body[given[0]])), params if isinstance(params, dict) else None)


def _records(value: Any) -> list[Any]:
    if not isinstance(value, list):
        kind = "dictionary" if isinstance(value, dict) else f"type {type(value)}"
        raise bad_request(f"Invalid input. Dataframe records format must be a list of records. Got {kind}.")
    return value


def _split(value: Any) -> list[Any]:
    if not isinstance(value, dict):
        kind = "list" if isinstance(value, list) else f"type {type(value)}"
        raise bad_request(f"Invalid input. Dataframe split format must be a dictionary. Got {kind}.")
    if "data" not in value or value.keys() - {"columns", "data", "index"}:
        raise bad_request(
            "Invalid input. Dataframe split format must have 'data' field and optionally 'columns' and "
            "'index' fields. "
            f"Got {{{', '.join(map(repr, value))}}}.'"
        )
    rows, columns, index = value["data"], value.get("columns"), value.get("index")
    reason = _misfit(rows, columns, index)
    if reason:
        raise bad_request(
            "Invalid input. Provided dataframe_split field is not a valid dataframe representation in 'split' "
            "format. "
            f"Error: '{reason}'"
        )
    if columns is None:
        return list(rows)
    return [dict(zip(columns, row, strict=True)) if isinstance(row, list) else row for row in rows]


def _misfit(rows: Any, columns: Any, index: Any) -> str:
    """Why rows, columns and index make no frame, in pandas' words; empty when they do."""
    if not isinstance(rows, list):
        return "DataFrame constructor not properly called!"
    if columns is not None:
        if not isinstance(columns, list):
            return f"Index(...) must be called with a collection of some kind, {columns!r} was passed"
        for row in rows:
            width = len(row) if isinstance(row, list) else 1
            if width != len(columns):
                return f"{len(columns)} columns passed, passed data had {width} columns"
    if isinstance(index, list) and len(index) != len(rows):
        width = len(columns) if isinstance(columns, list) else 1
        return f"Shape of passed values is ({len(rows)}, {width}), indices imply ({len(index)}, {width})"
    return ""


def _instances(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _inputs(value: Any) -> list[Any]:
    """Rows of columns ``{name: [..]}``, or of a plain list."""
    if isinstance(value, list):
        return value
    if not isinstance(value, dict):
        return [value]
    lengths = {len(column) for column in value.values() if isinstance(column, list)}
    if not lengths:
        return [value]
    if len(lengths) > 1:
        raise bad_request(
            "Invalid input. Ensure that the input is a valid JSON-formatted string.\n"
            "Error: ValueError('All arrays must be of the same length')"
        )
    size = lengths.pop()
    return [
        {name: column[at] if isinstance(column, list) else column for name, column in value.items()}
        for at in range(size)
    ]


def _csv_rows(data: bytes) -> tuple[Any, ...]:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as reason:
        raise bad_request(
            f"Invalid input. Ensure that input is a valid UTF-8 encoded string. Error: '{reason!r}'"
        ) from None
    lines = [line for line in csv.reader(io.StringIO(text, newline="")) if line]
    if not lines:
        raise _no_frame("CSV-formatted", "to_csv", "No columns to parse from file")
    header, *rows = lines
    for number, row in enumerate(rows, 2):
        if len(row) > len(header):
            fault = f"Error tokenizing data. C error: Expected {len(header)} fields in line {number}, saw {len(row)}\n"
            raise _no_frame("CSV-formatted", "to_csv", fault)
    return tuple(dict(zip(header, map(_cell, row), strict=False)) for row in rows)


def _cell(text: str) -> Any:
    """A CSV cell as a number where it is one."""
    try:
        return int(text)
    except ValueError:
        pass  # not a whole number; perhaps a fraction
    try:
        return float(text)
    except ValueError:
        return text


def _parquet_rows(data: bytes) -> tuple[Any, ...]:
    try:
        table = parquet.read(data)
    except parquet.NotParquet as reason:
        raise _no_frame("Parquet", "to_parquet", str(reason)) from None
    return tuple(dict.fromkeys(table.columns, index) for index in range(table.rows))


def _no_frame(kind: str, method: str, error: str) -> Refusal:
    return bad_request(FAILED_FRAME.format(kind=kind, method=method, error=error))


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
        return [embeddings.embedding(_row_text(row), name, 384) for row in batch.rows]
    if _TEXTS.search(lowered):
        return [f"About {_row_text(row)[:80].strip() or 'that'}: the main point is clear." for row in batch.rows]
    for pattern, labels in _LABELS:
        if pattern.search(lowered):
            return [labels[_number(seed, name, row) % len(labels)] for row in batch.rows]
    if _BINARY.search(lowered):
        return [int(_number(seed, name, row) % 100 < 30) for row in batch.rows]
    low, high = (5, 500) if re.search(r"price|cost|value|revenue|sales|house", lowered) else (0, 10)
    return [_figure(seed, name, row, low, high) for row in batch.rows]


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
        {**(row if isinstance(row, dict) else {"key": row}), "value": _figure(seed, name, row, 0, 1)}
        for row in batch.rows
    ]
