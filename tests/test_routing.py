"""Slashes, unknown routes, wrong methods, HEAD, headers: what stands around the operations."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import requests
from conftest import caller
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.exceptions import HTTPException

from mockserver import MockServer
from mockserver.app import create_app
from mockserver.core import Mock
from openapi import load
from openapi.portable import portable
from openapi.routing import Routes

Rest = Callable[..., requests.Response]
ENDPOINTS = "/api/2.0/serving-endpoints"


def test_a_trailing_slash_is_the_same_operation_without_a_redirect(rest: Rest) -> None:
    created = rest("POST", f"{ENDPOINTS}/", json={"name": "slash"}, allow_redirects=False)
    assert created.status_code == 200
    assert rest("GET", f"{ENDPOINTS}/", allow_redirects=False).json()["endpoints"][-1]["name"] == "slash"
    assert rest("GET", f"{ENDPOINTS}/slash/", allow_redirects=False).json()["name"] == "slash"


@pytest.mark.parametrize(
    ("method", "path", "printed"),
    [
        ("GET", "/api/2.0/permissions/serving-endpoints/", "GET /permissions/serving-endpoints/"),
        ("POST", "/api/2.0/serving-endpoints/x/stop", "POST /serving-endpoints/x/stop"),
        ("GET", "/nothing/here", "GET /nothing/here"),
    ],
)
def test_an_unknown_route_is_refused_in_the_services_words(rest: Rest, method: str, path: str, printed: str) -> None:
    reply = rest(method, path)
    assert reply.status_code == 404
    assert reply.json() == {"error_code": "ENDPOINT_NOT_FOUND", "message": f"No API found for '{printed}'"}


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        (ENDPOINTS, {"GET", "HEAD", "POST"}),
        (f"{ENDPOINTS}/x", {"GET", "HEAD", "DELETE"}),
        (f"{ENDPOINTS}/x/config", {"PUT"}),
        (f"{ENDPOINTS}/x/config:stop", {"POST"}),
        ("/serving-endpoints/x/invocations", {"POST"}),
        ("/openapi.json", {"GET", "HEAD"}),
    ],
)
@pytest.mark.parametrize("method", ["TRACE", "OPTIONS", "PATCH"])
def test_a_wrong_method_is_refused_and_the_right_ones_are_named(
    rest: Rest, path: str, allowed: set[str], method: str
) -> None:
    reply = rest(method, path)
    assert reply.status_code == 405
    assert set(reply.headers["Allow"].split(", ")) == allowed
    assert reply.json()["error_code"] == "ENDPOINT_NOT_FOUND"


def test_head_is_get_without_a_body(rest: Rest) -> None:
    reply = rest("HEAD", ENDPOINTS)
    assert reply.status_code == 200
    assert reply.content == b""
    assert int(reply.headers["Content-Length"]) == len(rest("GET", ENDPOINTS).content)


def test_an_endpoint_may_be_called_pt_or_chat(rest: Rest) -> None:
    for name in ("pt", "chat", "completions", "anthropic"):
        assert rest("POST", ENDPOINTS, json={"name": name}).status_code == 200
        assert rest("GET", f"{ENDPOINTS}/{name}").json()["name"] == name
        assert rest("DELETE", f"{ENDPOINTS}/{name}").json() == {}


def test_the_contract_is_served_without_a_credential(instant_server: MockServer) -> None:
    document = caller(instant_server.url, None)("GET", "/openapi.json").json()
    assert document == portable(instant_server.mock.spec.document)


def test_a_missing_credential_and_a_wrong_one_are_told_apart(instant_server: MockServer) -> None:
    missing = caller(instant_server.url, None)("GET", ENDPOINTS)
    assert missing.status_code == 401
    assert missing.headers["WWW-Authenticate"] == 'Bearer realm="DatabricksRealm"'
    assert missing.json() == {
        "error_code": 401,
        "message": "Credential was not sent or was of an unsupported type for this API.",
    }
    wrong = caller(instant_server.url, "dapi-nobody")("GET", ENDPOINTS)
    assert wrong.status_code == 403
    assert wrong.json()["error_code"] == 403
    assert wrong.json()["message"].startswith("Invalid access token. [ReqId: ")
    assert wrong.headers["X-Databricks-Reason-Phrase"] == "Invalid access token."


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ("Basic dG9rZW46ZGFwaS1tb2Nr", 200),  # token:dapi-mock
        ("Basic dG9rZW46bm8=", 403),
        ("Basic dXNlcjpkYXBpLW1vY2s=", 401),  # a user name is not a credential
        ("Basic !!!", 401),
        ("Bearer", 401),
        ("Bearer ", 401),
        ("Digest x", 401),
        ("bearer dapi-mock", 200),
        ("Bearer dapi-mock-", 403),
        ("Bearer a.b.c", 403),
        ("Bearer ..", 403),
    ],
)
def test_which_credentials_are_accepted(instant_server: MockServer, header: str, status: int) -> None:
    reply = requests.get(instant_server.url + ENDPOINTS, headers={"Authorization": header}, timeout=10)
    assert reply.status_code == status, reply.text


def test_every_reply_of_a_workspace_names_the_request_and_the_workspace(rest: Rest) -> None:
    replies = [rest("GET", ENDPOINTS), rest("GET", f"{ENDPOINTS}/none"), rest("POST", ENDPOINTS, json=[])]
    assert [reply.status_code for reply in replies] == [200, 404, 400]
    assert len({reply.headers["x-request-id"] for reply in replies}) == 3
    assert len({reply.headers["x-databricks-org-id"] for reply in replies}) == 1
    assert replies[0].headers["server"] == "databricks"


def test_workspaces_do_not_see_each_other(instant_server: MockServer) -> None:
    one, other = (caller(instant_server.url, f"dapi-mock-{name}") for name in ("one", "other"))
    one("POST", ENDPOINTS, json={"name": "mine"})
    assert other("GET", f"{ENDPOINTS}/mine").status_code == 404
    assert "mine" not in other("GET", ENDPOINTS).text
    assert other("POST", ENDPOINTS, json={"name": "mine"}).json()["id"] != one("GET", f"{ENDPOINTS}/mine").json()["id"]


def test_plaintext_secrets_never_come_back(rest: Rest, instant_server: MockServer, token: str) -> None:
    secret = "sk-canary-plaintext-13579"
    model = {"name": "gpt-4o", "provider": "openai", "task": "llm/v1/chat"}
    body = {
        "name": "hush",
        "config": {
            "served_entities": [
                {"external_model": {**model, "openai_config": {"openai_api_key_plaintext": secret}}, "name": "e"}
            ]
        },
    }
    replies = [
        rest("POST", ENDPOINTS, json=body),
        rest("POST", ENDPOINTS, json=body),
        rest("PUT", f"{ENDPOINTS}/hush/config", json=body["config"]),
        rest("PUT", f"{ENDPOINTS}/hush/config", json={**body["config"], "traffic_config": {"routes": secret}}),  # type: ignore[dict-item]
        rest("GET", f"{ENDPOINTS}/hush"),
        rest("GET", ENDPOINTS),
        rest("GET", f"{ENDPOINTS}/hush/openapi"),
        rest("GET", f"{ENDPOINTS}/hush/served-models/e/logs"),
        rest("GET", f"{ENDPOINTS}/hush/metrics"),
    ]
    assert [reply.status_code for reply in replies] == [200, 409, 200, 400, 200, 200, 200, 200, 200]
    assert not [reply.request.url for reply in replies if "openai_api_key_plaintext" in reply.text]
    assert not [reply.request.url for reply in replies[:3] + replies[4:] if secret in reply.text]
    journal = instant_server.mock.journal.entries(token)
    assert secret not in repr([entry for entry in journal if entry.status == 200])


def test_a_body_of_another_kind_is_refused_in_words_that_fit_the_operation(rest: Rest) -> None:
    odd = {"Content-Type": "text/plain"}
    control = rest("POST", ENDPOINTS, data=b"{}", headers=odd)
    assert control.status_code == 415
    assert control.json()["message"] == "Content type 'text/plain' is not accepted; send application/json."
    token = rest("POST", "/oidc/v1/token", json={"grant_type": "client_credentials"})
    assert token.status_code == 400
    assert token.json() == {
        "error": "invalid_request",
        "error_description": "Content type 'application/json' is not accepted; send application/x-www-form-urlencoded.",
    }


SEGMENTS = sorted({part for each in load().operations.values() for part in each.path.split("/") if "{" not in part})
ENDINGS = sorted(
    {part.partition("}")[2] for each in load().operations.values() for part in each.path.split("/")} - {""}
)
PATHS = st.lists(
    st.sampled_from(
        [
            *SEGMENTS,
            *ENDINGS,
            *(f"x{end}" for end in ENDINGS),
            *(f"x{end}{end}" for end in ENDINGS),
            "x",
            "a b",
            "%",
            "é",
        ]
    ),
    max_size=8,
).map("/".join)
RULES = create_app(Mock()).url_map.bind("")


@given(path=PATHS, method=st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]))
def test_what_the_contracts_routes_find_is_what_flask_finds(path: str, method: str) -> None:
    found = load().routes.find(method, path)
    try:
        rule, parameters = RULES.match(path, method)
    except HTTPException:
        rule, parameters = None, None
    if found is not None:
        assert (found[0].id, found[1]) == (rule, parameters)
    elif rule in load().operations:  # Flask also takes a slash at the end, and HEAD for GET
        assert path.endswith("/") or method == "HEAD"


@given(
    name=st.sampled_from(["x", "x:y", ":", "x:generateContent", "é", "system.ai.x", ""]), end=st.sampled_from(ENDINGS)
)
def test_a_parameter_may_have_an_ending(name: str, end: str) -> None:
    path = f"/ai-gateway/gemini/v1beta/models/{name}{end}"
    found = load().routes.find("POST", path)
    try:
        rule, parameters = RULES.match(path, "POST")
    except HTTPException:
        rule = None
    assert (found is None) == (rule is None) == (not name)
    if found is not None:
        assert (found[0].id, found[1]) == (rule, parameters) == (found[0].id, {"name": name})


@pytest.mark.parametrize("segment", ["x{a}", "{a}{b}", "{a}-{b}", "{a", "x{a}y"])
def test_a_segment_that_is_no_parameter_with_an_ending_is_refused(segment: str) -> None:
    found = load().operations["get_serving_endpoint"]
    odd = copy.copy(found)
    odd.path = f"/things/{segment}"
    with pytest.raises(ValueError, match="not a parameter"):
        Routes([odd])


def test_every_operation_is_found_at_its_own_path() -> None:
    for operation in load().operations.values():
        found = load().routes.find(operation.method, operation.path.replace("{", "").replace("}", ""))
        assert found is not None
        assert found[0] is operation
