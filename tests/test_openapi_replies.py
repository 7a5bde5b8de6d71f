"""JSON replies on their way out: nothing writeOnly in them, as JSON, and what is wrong with them."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from openapi.spec import Operation, Spec

SECRET = {"type": "string", "writeOnly": True}
SHELF = {"properties": {"name": {"type": "string"}, "key": SECRET}, "required": ["name"]}
BRANCHES = {"oneOf": [SHELF, {"properties": {"number": {"type": "integer"}}, "required": ["number"]}]}
DEEP = {"properties": {"shelves": {"items": {"allOf": [{"$ref": "#/components/schemas/Shelf"}]}}}}


def operation(schema: Any) -> Operation:
    reply = {"description": "Fine", "content": {"application/json": {"schema": schema}}}
    get = {"operationId": "get", "responses": {"200": reply}}
    return Spec({"paths": {"/x": {"get": get}}, "components": {"schemas": {"Shelf": SHELF}}}).operations["get"]


@pytest.mark.parametrize(
    ("schema", "value", "shown"),
    [
        (SHELF, {"name": "a", "odd": 1}, {"name": "a", "odd": 1}),
        (SHELF, {"name": "a", "key": "k"}, {"name": "a"}),
        (DEEP, {"shelves": [{"name": "a", "key": "k"}, {"name": "b"}]}, {"shelves": [{"name": "a"}, {"name": "b"}]}),
        # The second branch would let the key pass.
        (BRANCHES, {"name": "a", "number": 1, "key": "k"}, None),
        (BRANCHES, {"name": 1, "number": 1, "key": "k"}, {"name": 1, "number": 1}),
    ],
)
def test_what_is_write_only_leaves_wherever_it_is(schema: Any, value: Any, shown: Any) -> None:
    show = operation(schema).show(200)
    assert show is not None
    found = show(value)
    assert "key" not in str(found.value)
    assert bool(found.written) is not bool(found.violations)
    if shown is not None:
        assert found.value == shown
        assert orjson.loads(found.written) == shown


@pytest.mark.parametrize("value", [{}, {"name": 1}, {"name": float("nan")}, {"name": "a", "odd": object()}, {1: 2}])
def test_what_breaks_the_description_is_not_written(value: Any) -> None:
    show = operation(SHELF).show(200)
    assert show is not None
    _, written, violations = show(value)
    assert written == b""
    assert violations


def test_a_status_that_is_not_documented_is_not_shown() -> None:
    assert operation(SHELF).show(404) is None
