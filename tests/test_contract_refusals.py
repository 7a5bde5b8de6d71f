"""The refusals that the contract shows as examples are the ones that the mock gives."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest
import requests
from conftest import caller

import openapi
from mockserver import MockServer

ENDPOINTS = "/api/2.0/serving-endpoints"
ENTITY = {"name": "ads", "entity_name": "main.ads.model", "entity_version": "1", "scale_to_zero_enabled": True}
MODEL = {"model_name": "main.ads.model", "model_version": "1", "scale_to_zero_enabled": True}
Rest = Callable[..., requests.Response]


def example(response: str, name: str) -> Any:
    """The body of an example of a response that the operations share."""
    responses = openapi.load().document["components"]["responses"]
    return responses[response]["content"]["application/json"]["examples"][name]["value"]


def token_example(status: str, name: str) -> Any:
    operation = openapi.load().operations["issue_token"]
    return operation.definition["responses"][status]["content"]["application/json"]["examples"][name]["value"]


def test_the_control_planes_refusals_are_the_examples(paced_server: MockServer, token: str) -> None:
    rest = caller(paced_server.url, token)
    both = {"name": "other", "config": {"served_entities": [ENTITY], "served_models": [MODEL]}}
    created = {"name": "openai_endpoint", "config": {"served_entities": [ENTITY]}}
    config = f"{ENDPOINTS}/openai_endpoint/config"
    xml = {"Content-Type": "text/xml"}
    steps: list[tuple[str, str, requests.Response]] = [
        ("NotFound", "no_endpoint", rest("GET", f"{ENDPOINTS}/openai_endpoint")),
        ("NotFound", "no_route", rest("GET", "/api/2.0/permissions/serving-endpoints/")),
        ("BadRequest", "invalid_value", rest("POST", ENDPOINTS, json={"name": "-"})),
        ("BadRequest", "unreadable", rest("POST", ENDPOINTS, data=b"")),
        ("BadRequest", "not_possible", rest("POST", ENDPOINTS, json=both)),
        ("UnsupportedMediaType", "xml", rest("POST", ENDPOINTS, data=b"<x/>", headers=xml)),
        ("PayloadTooLarge", "large", rest("POST", ENDPOINTS, data=b" " * (16 * 2**20 + 1))),
        ("Unauthenticated", "no_credential", caller(paced_server.url, None)("GET", ENDPOINTS)),
    ]
    assert rest("POST", ENDPOINTS, json=created).status_code == 200
    steps += [
        ("Conflict", "name_taken", rest("POST", ENDPOINTS, json=created)),
        ("Conflict", "updating", rest("PUT", config, json={"served_entities": [ENTITY]})),
    ]
    for response, name, reply in steps:
        assert without_details(reply.json()) == without_details(example(response, name)), name
        assert ("details" in reply.json()) == ("details" in example(response, name)), name


def without_details(body: dict[str, Any]) -> dict[str, Any]:
    """The body without the part that holds a request's id."""
    return {name: value for name, value in body.items() if name != "details"}


def test_a_refused_token_has_its_request_id_in_the_message(paced_server: MockServer) -> None:
    refused = caller(paced_server.url, "dapi-nobody")("GET", ENDPOINTS).json()
    shown = example("PermissionDenied", "bad_token")
    assert refused["error_code"] == shown["error_code"] == 403
    assert refused["message"].partition("[ReqId: ")[0] == shown["message"].partition("[ReqId: ")[0]


@pytest.mark.parametrize(
    ("form", "secret", "status", "name"),
    [
        ({"grant_type": "password"}, "mock-client-secret", "400", "grant"),
        ({"grant_type": "client_credentials"}, "wrong", "401", "client"),
    ],
)
def test_the_token_services_refusals_are_the_examples(
    paced_server: MockServer, form: dict[str, str], secret: str, status: str, name: str
) -> None:
    basic = base64.b64encode(f"mock-client-id:{secret}".encode()).decode()
    ask = caller(paced_server.url, None)
    reply = ask("POST", "/oidc/v1/token", data=form, headers={"Authorization": f"Basic {basic}"})
    assert reply.status_code == int(status)
    assert reply.json() == token_example(status, name)
