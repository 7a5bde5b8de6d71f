"""The rows of a scoring request, read as pandas and MLflow's scoring server read each of the forms that they come in.

Where they make no frame, the refusal has the texts of mlflow.utils.proto_json_utils and of pandas.
"""

from __future__ import annotations

import csv
import io
from itertools import chain
from typing import Any

from . import parquet
from .refusals import Refusal, bad_request

INVALID = "Invalid input. "
NO_JSON = INVALID + "Ensure that the input is a valid JSON-formatted string.\nError: "
UNEQUAL = INVALID + "The length of values for each input/column name are not the same"
NO_LENGTH = NO_JSON + "TypeError('len() of unsized object')"
NO_FRAME = (
    INVALID + "Provided dataframe_{orient} field is not a valid dataframe representation in '{orient}' format. "
    "Error: '{why}'"
)
FAILED_FRAME = (
    "Failed to parse input as a Pandas DataFrame. Ensure that the input is a valid {kind} Pandas DataFrame produced"
    " using the `pandas.DataFrame.{method}()` method. Error: '{error}'"
)


def of_records(value: Any) -> list[Any]:
    """The rows of ``dataframe_records``.

    Raises:
        Refusal: it is no list, or its first row is an object and another is none.
    """
    if not isinstance(value, list):
        kind = "dictionary" if isinstance(value, dict) else f"type {type(value)}"
        raise bad_request(f"{INVALID}Dataframe records format must be a list of records. Got {kind}.")
    try:
        return _even(value)
    except (TypeError, ValueError) as reason:
        raise bad_request(NO_FRAME.format(orient="records", why=reason)) from None


def of_split(value: Any) -> list[Any]:
    """The rows of ``dataframe_split``: objects where the columns are named.

    Raises:
        Refusal: rows, columns and index make no frame.
    """
    if not isinstance(value, dict):
        kind = "list" if isinstance(value, list) else f"type {type(value)}"
        raise bad_request(f"{INVALID}Dataframe split format must be a dictionary. Got {kind}.")
    if "data" not in value or value.keys() - {"columns", "data", "index"}:
        raise bad_request(
            f"{INVALID}Dataframe split format must have 'data' field and optionally 'columns' and 'index' fields. "
            f"Got {{{', '.join(map(repr, value))}}}.'"
        )
    try:
        return _framed(value["data"], value.get("columns"), value.get("index"))
    except (TypeError, ValueError) as reason:
        raise bad_request(NO_FRAME.format(orient="split", why=reason)) from None


def of_instances(value: Any) -> list[Any]:
    """The rows of ``instances``: a list of them, an object of columns, or a single value.

    Raises:
        Refusal: only the first of them is an object, or the columns are not of the same length.
    """
    if isinstance(value, dict):
        columns = value
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        columns = {}
        for row in value:
            if not isinstance(row, dict):
                fault = AttributeError(f"'{type(row).__name__}' object has no attribute 'items'")
                raise bad_request(f"{NO_JSON}{fault!r}")
            for name, cell in row.items():
                columns.setdefault(name, []).append(cell)
    else:
        return value if isinstance(value, list) else [value]
    size: int | None = None
    for column in columns.values():
        if not isinstance(column, list):
            raise bad_request(NO_LENGTH)
        size = len(column) if size is None else size
        if len(column) != size:
            raise bad_request(UNEQUAL)
    return [value] if size is None else _transposed(columns, size)


def of_inputs(value: Any) -> list[Any]:
    """The rows of ``inputs``: a list of them, an object of columns, or a single value.

    Each column is an array of its own, so they may have different lengths: there are as many rows as in the first.
    """
    if not isinstance(value, dict):
        return value if isinstance(value, list) else [value]
    size = next((len(column) for column in value.values() if isinstance(column, list)), None)
    return [value] if size is None else _transposed(value, size)


def of_csv(data: bytes) -> tuple[Any, ...]:
    """The rows of a CSV file. What its first row has too many of is the index, as pandas has it.

    Raises:
        Refusal: it is not encoded as UTF-8, has no columns, or a row that is longer than the first one.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as reason:
        raise bad_request(f"{INVALID}Ensure that input is a valid UTF-8 encoded string. Error: '{reason!r}'") from None
    lines = [line for line in csv.reader(io.StringIO(text, newline="")) if line]
    if not lines:
        raise _no_frame("CSV-formatted", "to_csv", "No columns to parse from file")
    header, *rows = lines
    width = max(map(len, lines[:2]))
    for number, row in enumerate(rows, 2):
        if len(row) > width:
            fault = f"Error tokenizing data. C error: Expected {width} fields in line {number}, saw {len(row)}\n"
            raise _no_frame("CSV-formatted", "to_csv", fault)
    labels = width - len(header)
    return tuple(dict(zip(header, _padded(list(map(_cell, row[labels:])), len(header)), strict=True)) for row in rows)


def of_parquet(data: bytes) -> tuple[Any, ...]:
    """The rows of a Parquet file, without their values.

    Raises:
        Refusal: it is no Parquet file.
    """
    try:
        table = parquet.read(data)
    except parquet.NotParquet as reason:
        raise _no_frame("Parquet", "to_parquet", str(reason)) from None
    return tuple(dict.fromkeys(table.columns, index) for index in range(table.rows))


def _no_frame(kind: str, method: str, error: str) -> Refusal:
    return bad_request(FAILED_FRAME.format(kind=kind, method=method, error=error))


def _framed(data: Any, columns: Any, index: Any) -> list[Any]:
    """The rows of a frame.

    Raises:
        TypeError, ValueError: they make none; the text is pandas'.
    """
    if data is not None and not isinstance(data, list):
        raise ValueError("DataFrame constructor not properly called!")
    names = None if columns is None else _labels(columns)
    rows = _even(data or [])
    if not rows:
        return []
    size = len(rows) if index is None else len(_labels(index))
    if not isinstance(rows[0], list | dict):
        width = 1 if names is None else len(names)
        if (size, width) != (len(rows), 1):
            raise ValueError(f"Shape of passed values is ({len(rows)}, 1), indices imply ({size}, {width})")
    elif len(rows) == 1:  # a single row stands for every label of the index
        rows *= size
    elif size != len(rows):
        raise ValueError(f"Length of values ({len(rows)}) does not match length of index ({size})")
    return rows if names is None else [_named(row, names) for row in rows]


def _labels(given: Any) -> list[str]:
    """The names of columns, or the labels of an index. Lists are the levels of names that have several parts.

    Raises:
        ValueError: they name nothing.
    """
    if not isinstance(given, list | dict):
        raise ValueError(f"Index(...) must be called with a collection of some kind, {given!r} was passed")
    names: list[Any] = list(given)
    if names and all(isinstance(level, list) for level in names):
        if len({len(level) for level in names}) > 1:
            raise ValueError("all arrays must be same length")
        part = next((part for part in chain(*names) if isinstance(part, list | dict)), None)
        if part is not None:
            raise ValueError(f"unhashable type: '{type(part).__name__}'")
        names = list(zip(*names, strict=True))
    return [str(name) for name in names]


def _even(rows: list[Any]) -> list[Any]:
    """Rows of one kind, the kind of the first: lists of the same length, objects, or anything as it is.

    Raises:
        TypeError, ValueError: a row is not of that kind; the text is pandas'.
    """
    if not rows:
        return []
    if isinstance(rows[0], dict):
        return [row if isinstance(row, dict) else {str(name): cell for name, cell in dict(row).items()} for row in rows]
    if isinstance(rows[0], list):
        width = max(map(len, rows))
        return [_padded(list(row), width) for row in rows]
    return rows


def _named(row: Any, names: list[str]) -> dict[str, Any]:
    """A row as an object.

    Raises:
        ValueError: there are more or fewer names than cells; the text is pandas'.
    """
    if isinstance(row, dict):
        return {name: row.get(name) for name in names}
    cells = row if isinstance(row, list) else [row]
    if len(cells) != len(names):
        raise ValueError(f"{len(names)} columns passed, passed data had {len(cells)} columns")
    return dict(zip(names, cells, strict=True))


def _padded(row: list[Any], width: int) -> list[Any]:
    return row if len(row) == width else row + [None] * (width - len(row))


def _transposed(columns: dict[str, Any], size: int) -> list[dict[str, Any]]:
    """So many rows of columns, of which the single values are the same in each."""
    even = {
        name: _padded(column[:size], size) if isinstance(column, list) else [column] * size
        for name, column in columns.items()
    }
    return [{name: column[at] for name, column in even.items()} for at in range(size)]


def _cell(text: str) -> Any:
    """A CSV cell as a number where it is one."""
    if "_" in text:  # 1_000 is a number in Python, but not in a CSV file
        return text
    try:
        return int(text)
    except ValueError:
        pass  # not a whole number; perhaps a fraction
    try:
        return float(text)
    except ValueError:
        return text
