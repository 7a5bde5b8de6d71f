"""The contract against recorded replies of real workspaces, where they lie beside the checkout; never copied here."""

from __future__ import annotations

import copy
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import openapi
from openapi import Operation, Spec, Violation

SAMPLES = Path(__file__).resolve().parents[2] / "shared" / "facts" / "samples.jsonl"
ABSENT = pytest.mark.skip(reason="the recorded replies (../shared/facts/samples.jsonl) are not beside this checkout")
ERROR_SCHEMAS = {400: "BadRequestError", 401: "UnauthenticatedError", 403: "PermissionDeniedError"}
EXAMPLE_ID = "3de32e137428281d0e2b967ed2f4c1fb"

Row = dict[str, Any]


def recorded() -> list[Row]:
    if not SAMPLES.is_file():
        return []
    return [json.loads(line) for line in SAMPLES.read_text(encoding="utf-8").splitlines() if line.strip()]


ROWS = recorded()


def each(rows: list[Row]) -> pytest.MarkDecorator:
    cases = [pytest.param(row, id=f"{row['n']}-{row['operation']}") for row in rows]
    return pytest.mark.parametrize("row", cases or [pytest.param({}, id="none", marks=ABSENT)])


@each([row for row in ROWS if row["response"] is not None])
def test_the_contract_accepts_a_recorded_reply(row: Row) -> None:
    assert complaints(row) == []


@each([row for row in ROWS if row["request"] is not None and row["status"] == 200])
def test_the_contract_accepts_a_request_that_the_service_accepted(row: Row) -> None:
    operation = operation_of(openapi.load(), row)
    assert operation is not None
    assert operation.request_violations(row["request"]) == []


@each(
    [row for row in ROWS if row["operation"] in ("listServingEndpoints", "getServingEndpoint") and not row["partial"]]
)
def test_every_member_of_a_recorded_endpoint_is_named_in_the_contract(row: Row) -> None:
    operation = operation_of(openapi.load(), row)
    assert operation is not None
    schema = operation.definition["responses"]["200"]
    document = openapi.load().document
    assert unnamed(document, resolved(document, schema)["content"]["application/json"]["schema"], row["response"]) == []


DEFECTS: dict[str, tuple[tuple[str | int, ...], Any]] = {
    "no name": (("name",), None),
    "no state": (("state",), None),
    "no timestamp": (("creation_timestamp",), None),
    "no permission level": (("permission_level",), None),
    "an id with dashes": (("id",), "3de32e13-7428-281d-0e2b-967ed2f4c1fb"),
    "a creator without an id": (("id",), None),
    "a timestamp as a string": (("last_updated_timestamp",), "1780005637000"),
    "a timestamp before the epoch": (("creation_timestamp",), -1),
    "an unknown readiness": (("state", "ready"), "MAYBE"),
    "an unknown update state": (("state", "config_update"), "UPDATE_CANCELLED"),
    "an update under way with nothing pending": (("pending_config",), None),
    "something pending without an update": (("state", "config_update"), "NOT_UPDATING"),
    "an unknown permission level": (("permission_level",), "CAN_RUN"),
    "an unknown deployment state": (("config", "served_entities", 0, "state", "deployment"), "READY"),
    "a version as a number": (("config", "served_entities", 0, "entity_version"), 1),
    "readiness without a configuration": (("config",), None),
    "an entity that is nothing": (("config", "served_entities", 0, "entity_name"), None),
    "an entity without a name": (("config", "served_entities", 0, "name"), None),
    "an unknown workload type": (("config", "served_entities", 0, "workload_type"), "TPU"),
    "more than all traffic": (("config", "traffic_config", "routes", 0, "traffic_percentage"), 101),
    "traffic as a string": (("config", "traffic_config", "routes", 0, "traffic_percentage"), "100"),
    "a version of zero": (("config", "config_version"), 0),
    "a configuration that is a list": (("config",), []),
    "a flag as a word": (("route_optimized",), "false"),
    "tags as an object": (("tags",), {"team": "gen-ai"}),
}


@pytest.mark.parametrize(("place", "value"), DEFECTS.values(), ids=DEFECTS.keys())
def test_a_defect_planted_in_a_reply_is_noticed(place: tuple[str | int, ...], value: Any) -> None:
    spec = openapi.load()
    content = resolved(spec.document, spec.operations["get_serving_endpoint"].definition["responses"]["200"])
    reply = copy.deepcopy(content["content"]["application/json"]["examples"]["updating"]["value"])
    assert reply["id"] == EXAMPLE_ID
    assert spec.operations["get_serving_endpoint"].reply_violations(200, reply) == []
    *above, member = place
    holder: Any = reply
    for step in above:
        holder = holder[step]
    if value is None:
        del holder[member]
    else:
        holder[member] = value
    assert spec.operations["get_serving_endpoint"].reply_violations(200, reply) != []


def complaints(row: Row) -> list[Violation]:
    """What the contract says against a recorded reply; a cut one is not blamed for what was cut off."""
    spec = lenient() if row["partial"] else openapi.load()
    operation = operation_of(spec, row)
    if operation is None:
        assert row["operation"].startswith("error"), f"no operation for {row['method']} {row['path']}"
        return spec.schema(ERROR_SCHEMAS.get(row["status"], "NotFoundError")).violations(row["response"])
    if row["operation"].endswith("Stream"):
        events = [event for event in row["response"] if event != "[DONE]"]
        assert events
        return [violation for event in events for violation in operation.event_violations(event)]
    return operation.reply_violations(row["status"] or 400, row["response"])


def operation_of(spec: Spec, row: Row) -> Operation | None:
    """The operation of a row's method and path; a literal path before one with parameters."""
    if row["path"] is None:
        return None
    for operation in sorted(spec.operations.values(), key=lambda operation: operation.path.count("{")):
        pattern = re.sub(r"\\{[^}]*\\}", "[^/]+", re.escape(operation.path))
        if operation.method == row["method"] and re.fullmatch(pattern, row["path"]):
            return operation
    return None


@cache
def lenient() -> Spec:
    """The contract with nothing required."""
    return Spec(without_required(openapi.load().document))


def without_required(schema: Any, condition: bool = False) -> Any:
    """A copy without `required`, except in conditions, where it says when a rule applies and not what must be there."""
    if isinstance(schema, list):
        return [without_required(item, condition) for item in schema]
    if not isinstance(schema, dict):
        return schema
    result = {}
    for key, value in schema.items():
        if key == "required" and isinstance(value, list) and not condition:
            continue
        name = "anyOf" if key == "oneOf" and not condition else key
        result[name] = without_required(value, condition or key in ("if", "not"))
    return result


def unnamed(document: Row, schema: Any, value: Any, where: str = "") -> list[str]:
    """The members of `value` that no part of `schema` names."""
    if isinstance(value, list):
        items = [part["items"] for part in parts(document, schema) if "items" in part]
        return [found for item in value for found in unnamed(document, {"allOf": items}, item, where + "[]")]
    if not isinstance(value, dict):
        return []
    found = []
    known = list(parts(document, schema))
    for name, child in value.items():
        named = [part["properties"][name] for part in known if name in part.get("properties", {})]
        free = [part["additionalProperties"] for part in known if "additionalProperties" in part]
        if not named and not free:
            found.append(f"{where}.{name}")
        found += unnamed(document, {"allOf": named or free}, child, f"{where}.{name}")
    return found


def parts(document: Row, schema: Any) -> list[Row]:
    """The schema and all that hold, or may hold, for the same value."""
    schema = resolved(document, schema) if isinstance(schema, dict) and set(schema) == {"$ref"} else schema
    if not isinstance(schema, dict):
        return []
    more = [*schema.get("allOf", ()), *schema.get("anyOf", ()), *schema.get("oneOf", ())]
    if "$ref" in schema:
        more.append({"$ref": schema["$ref"]})
    return [schema, *(part for other in more for part in parts(document, other))]


def resolved(document: Row, value: Any) -> Any:
    while isinstance(value, dict) and "$ref" in value:
        target: Any = document
        for step in value["$ref"].removeprefix("#/").split("/"):
            target = target[step.replace("~1", "/").replace("~0", "~")]
        value = target
    return value
