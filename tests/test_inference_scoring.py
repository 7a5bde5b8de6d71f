"""Custom models: MLflow's scoring protocol, its literal errors, and predictions for each row."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from mockserver.domain.inference import parquet, refusals, scoring

ROWS = [{"x": 1, "y": "a"}, {"x": 2, "y": "b"}, {"x": 3, "y": "c"}]
FORMS: list[dict[str, Any]] = [
    {"dataframe_records": ROWS},
    {"dataframe_split": {"columns": ["x", "y"], "data": [[1, "a"], [2, "b"], [3, "c"]]}},
    {"dataframe_split": {"columns": ["x"], "index": [0, 1, 2], "data": [[1], [2], [3]]}, "params": {"k": 1}},
    {"instances": [[1, 2], [3, 4], [5, 6]]},
    {"inputs": {"x": [1, 2, 3], "y": [4, 5, 6]}},
    {"inputs": [1, 2, 3], "client_request_id": "c"},
    {"dataframe_records": ["Hello", "Good", "Morning"]},
]


def read(body: Any, content_type: str = "application/json") -> scoring.Batch:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return scoring.read(data, content_type)


@pytest.mark.parametrize("body", FORMS, ids=lambda body: next(iter(body)))
def test_each_form_gives_its_rows(body: dict[str, Any]) -> None:
    batch = read(body)
    assert len(batch.rows) == 3
    assert batch.params == body.get("params")
    for name in ("churn_model", "house-prices", "sentiment", "e5-small", "my_model"):
        assert len(scoring.predictions(batch, name, 0)) == 3


def test_predictions_suit_the_name_and_repeat() -> None:
    batch = read(FORMS[0])
    assert set(scoring.predictions(batch, "churn_classifier", 0)) <= {0, 1}
    assert set(scoring.predictions(batch, "review_sentiment", 0)) <= {"positive", "negative", "neutral"}
    assert all(isinstance(value, float) for value in scoring.predictions(batch, "wine_quality", 0))
    assert all(len(value) == 384 for value in scoring.predictions(batch, "e5-small-v2", 0))
    assert scoring.predictions(batch, "m", 1) == scoring.predictions(batch, "m", 1)
    assert scoring.predictions(batch, "m", 1) != scoring.predictions(batch, "m", 2)


def test_features_stand_beside_the_keys_of_each_row() -> None:
    batch = read({"dataframe_records": [{"user": 1}, {"user": 2}]})
    features = scoring.features(batch, "main.default.lookup", 0)
    assert [row["user"] for row in features] == [1, 2]
    assert all(isinstance(row["value"], float) for row in features)


def test_csv_rows_are_counted_and_typed() -> None:
    batch = read(b"x,y\n1,a\n2.5,b\n", "text/csv; charset=utf-8")
    assert batch.rows == ({"x": 1, "y": "a"}, {"x": 2.5, "y": "b"})


def test_the_unified_llm_input_is_kept_as_it_is() -> None:
    body = {"messages": [{"role": "user", "content": "hi"}]}
    assert read(body).unified == body


FAULTS: list[tuple[Any, str, str]] = [
    (
        {"columns": ["x"], "data": [[1]]},
        "application/json",
        "Received dictionary with input fields: ['columns', 'data']",
    ),
    ({"inputs": [1], "instances": [1]}, "application/json", "exactly one of the input fields {'inputs', "),
    ([1], "application/json", "Received a list."),
    (7, "application/json", "Received unexpected input type '<class 'int'>."),
    (
        b"{nope",
        "application/json",
        "Invalid input. Ensure that input is a valid JSON formatted string. Error: 'JSONDecode",
    ),
    ({"dataframe_records": {"x": 1}}, "application/json", "must be a list of records. Got dictionary."),
    ({"dataframe_split": [1]}, "application/json", "Dataframe split format must be a dictionary. Got list."),
    (
        {"dataframe_split": {"rows": []}},
        "application/json",
        "must have 'data' field and optionally 'columns' and 'index'",
    ),
    (
        {"dataframe_split": {"columns": ["x"], "data": [[1, 2]]}},
        "application/json",
        "1 columns passed, passed data had 2 columns",
    ),
    (b"", "text/csv", "No columns to parse from file"),
    (b"a\n1\n1,2\n", "text/csv", "Expected 1 fields in line 3, saw 2"),
    (b"\xff", "text/csv", "valid UTF-8 encoded string"),
    (b"PAR0", "application/vnd.apache.parquet", "Parquet magic bytes not found"),
]


@pytest.mark.parametrize(("body", "kind", "said"), FAULTS, ids=[said[:40] for _, _, said in FAULTS])
def test_a_bad_body_is_refused_with_the_servers_words(body: Any, kind: str, said: str) -> None:
    with pytest.raises(refusals.Refusal) as caught:
        read(body, kind)
    assert (caught.value.status, caught.value.error_code) == (400, "BAD_REQUEST")
    assert said in caught.value.message


TYPES = [
    ("text/plain", "This predictor only supports the following content types: Types: ['text/csv', 'application/json'"),
    ("application/json; charset=latin-1", "The scoring server only supports UTF-8"),
    ("application/json; format=pandas", "Unrecognized content type parameters: format. IMPORTANT: The MLflow Model"),
]


@pytest.mark.parametrize(("kind", "said"), TYPES)
def test_a_wrong_content_type_is_refused_as_plain_text(kind: str, said: str) -> None:
    with pytest.raises(refusals.Refusal) as caught:
        read(b"{}", kind)
    assert (caught.value.status, caught.value.error_code) == (415, None)
    assert caught.value.message.startswith(said)


def field(step: int, kind: int, value: bytes) -> bytes:
    return bytes([step << 4 | kind]) + value


def number(value: int) -> bytes:
    coded, made = value << 1, bytearray()
    while coded > 0x7F:
        made.append(coded & 0x7F | 0x80)
        coded >>= 7
    return bytes([*made, coded])


def parquet_file(rows: int, *columns: str) -> bytes:
    """A Parquet file whose footer has a flat schema and a row count, and which holds no data."""

    def text(value: str) -> bytes:
        return bytes([len(value)]) + value.encode()

    root = field(4, 8, text("schema")) + field(1, 5, number(len(columns))) + b"\0"
    leaves = b"".join(field(1, 5, number(2)) + field(3, 8, text(column)) + b"\0" for column in columns)
    schema = bytes([(1 + len(columns)) << 4 | 12]) + root + leaves
    footer = field(1, 5, number(1)) + field(1, 9, schema) + field(1, 6, number(rows)) + field(1, 9, b"\x0c") + b"\0"
    return b"PAR1" + footer + len(footer).to_bytes(4, "little") + b"PAR1"


def test_parquet_rows_are_counted_from_the_footer() -> None:
    data = parquet_file(700, "sepal", "petal")
    assert parquet.read(data) == parquet.Table(700, ("sepal", "petal"))
    batch = read(data, "application/vnd.apache.parquet")
    assert len(scoring.predictions(batch, "iris", 0)) == 700


def test_a_damaged_parquet_footer_is_no_parquet() -> None:
    data = parquet_file(7, "x")
    for damaged in (data[:20] + data[24:], data[:4] + b"\xff" * (len(data) - 12) + data[-8:], base64.b64encode(data)):
        with pytest.raises(parquet.NotParquet):
            parquet.read(damaged)
