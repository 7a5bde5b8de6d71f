"""The document for other tools says the same, in words that they know."""

from __future__ import annotations

from typing import Any

from openapi_spec_validator import validate

import openapi
from openapi import Operation, Spec
from openapi.portable import portable


def test_a_member_that_must_not_be_there_has_a_schema_that_is_an_object() -> None:
    schema = {
        "properties": {"properties": False, "a": {"properties": {"b": False}}, "c": True},
        "additionalProperties": False,
    }
    document = {"schema": schema, "examples": [{"properties": {"d": False}}]}
    nothing: dict[str, Any] = {"not": {}}
    assert portable(document) == {
        "schema": {
            "properties": {"properties": nothing, "a": {"properties": {"b": nothing}}, "c": True},
            "additionalProperties": False,
        },
        "examples": [{"properties": {"d": False}}],
    }


def test_the_contract_for_other_tools_is_valid_and_judges_alike() -> None:
    document = portable(openapi.load().document)
    validate(document)
    assert denied(document) == []
    entity = {"entity_name": "a.b.c", "scale_to_zero_enabled": True, "workload_size": "Small"}
    both = {"name": "e", "config": {"served_entities": [{**entity, "min_provisioned_concurrency": 4}]}}
    one = {"name": "e", "config": {"served_entities": [entity]}}
    for operation in (creation(openapi.load()), creation(Spec(document))):
        assert operation.request_violations(one) == []
        assert operation.request_violations(both) != []


def creation(spec: Spec) -> Operation:
    return spec.operations["create_serving_endpoint"]


def denied(value: Any, where: str = "") -> list[str]:
    """The places where a member's schema is `false`."""
    if isinstance(value, list):
        return [place for index, item in enumerate(value) for place in denied(item, f"{where}/{index}")]
    if not isinstance(value, dict):
        return []
    schemas = value.get("properties")
    found = (
        [f"{where}/{name}" for name, child in schemas.items() if child is False] if isinstance(schemas, dict) else []
    )
    return found + [place for key, child in value.items() for place in denied(child, f"{where}/{key}")]
