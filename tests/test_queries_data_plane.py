"""Route-optimised endpoints: their own URL, their own token, and the SDK's data-plane client."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from conftest import caller
from databricks.sdk import WorkspaceClient
from databricks.sdk.service.serving import ChatMessage, ChatMessageRole
from endpoints_for_queries import QUESTION, create, external

from mockserver import MockServer, Settings

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
OLD = 1_736_000_000_000
FIRST_REFUSED = 1_758_499_200_000
"""4 January and 22 September 2025."""
_names = itertools.count()


@pytest.fixture(scope="module")
def server() -> Iterator[MockServer]:
    with MockServer(Settings(port=0, provisioning=0)) as running:
        yield running


@pytest.fixture
def robot(server: MockServer) -> Callable[..., requests.Response]:
    """Calls of the service principal, with an OAuth token of the control plane."""
    return caller(server.url, oauth_token(server, grant_type="client_credentials", scope="all-apis"))


@pytest.fixture
def endpoint(robot: Callable[..., requests.Response]) -> dict[str, Any]:
    """A route-optimised endpoint that the service principal created."""
    name = f"fast-{next(_names)}"
    create(robot, name, external(), route_optimized=True)
    detailed: dict[str, Any] = robot("GET", f"/api/2.0/serving-endpoints/{name}").json()
    return detailed


def oauth_token(server: MockServer, **form: str) -> str:
    credentials = None if "assertion" in form else ("mock-client-id", "mock-client-secret")
    reply = requests.post(f"{server.url}/oidc/v1/token", data=form, auth=credentials, timeout=10)
    assert reply.status_code == 200, reply.text
    token: str = reply.json()["access_token"]
    return token


def data_plane_token(server: MockServer, details: str) -> str:
    assertion = oauth_token(server, grant_type="client_credentials", scope="all-apis")
    return oauth_token(server, grant_type=JWT_BEARER, assertion=assertion, authorization_details=details)


def query(url: str, token: str) -> requests.Response:
    return requests.post(url, json=QUESTION, headers={"Authorization": f"Bearer {token}"}, timeout=10)


def test_the_sdks_data_plane_client_exchanges_its_token_and_asks(server: MockServer, endpoint: dict[str, Any]) -> None:
    workspace = WorkspaceClient(host=server.url, client_id="mock-client-id", client_secret="mock-client-secret")
    answer = workspace.serving_endpoints_data_plane.query(
        endpoint["name"],
        messages=[ChatMessage(role=ChatMessageRole.USER, content="Which planet do humans live on?")],
    )
    assert answer.choices is not None
    assert answer.choices[0].message is not None
    assert answer.choices[0].message.content == "Humans live on the planet Earth."
    assert answer.served_model_name == "gpt"


def test_a_personal_access_token_is_of_an_unsupported_type_there(endpoint: dict[str, Any]) -> None:
    reply = query(endpoint["endpoint_url"], "dapi-mock")
    assert reply.status_code == 401
    assert reply.json()["error_code"] == 401


def test_a_control_plane_token_has_the_wrong_audience(server: MockServer, endpoint: dict[str, Any]) -> None:
    token = oauth_token(server, grant_type="client_credentials", scope="all-apis")
    reply = query(endpoint["endpoint_url"], token)
    assert reply.status_code == 400
    assert reply.json()["message"].startswith(
        "io.jsonwebtoken.IncorrectClaimException: Expected aud claim to be: , but was: "
    )


def test_a_token_for_another_endpoint_has_the_wrong_audience(
    server: MockServer, robot: Callable[..., requests.Response], endpoint: dict[str, Any]
) -> None:
    create(robot, f"other-{endpoint['name']}", external(), route_optimized=True)
    other = robot("GET", f"/api/2.0/serving-endpoints/other-{endpoint['name']}").json()
    token = data_plane_token(server, other["data_plane_info"]["query_info"]["authorization_details"])
    assert query(endpoint["endpoint_url"], token).status_code == 400
    assert query(other["endpoint_url"], token).status_code == 200


def test_a_data_plane_token_is_good_for_nothing_else(server: MockServer, endpoint: dict[str, Any]) -> None:
    token = data_plane_token(server, endpoint["data_plane_info"]["query_info"]["authorization_details"])
    assert query(f"{server.url}/serving-endpoints/{endpoint['name']}/invocations", token).status_code == 403
    listed = caller(server.url, token)("GET", "/api/2.0/serving-endpoints")
    assert (listed.status_code, listed.json()["error_code"]) == (403, 403)


def test_the_url_belongs_to_the_workspace_and_to_route_optimised_endpoints(
    server: MockServer, robot: Callable[..., requests.Response], endpoint: dict[str, Any]
) -> None:
    token = data_plane_token(server, endpoint["data_plane_info"]["query_info"]["authorization_details"])
    plain = f"plain-{endpoint['name']}"
    create(robot, plain, external())
    for url in (
        endpoint["endpoint_url"].replace(endpoint["name"], plain),
        endpoint["endpoint_url"].replace(endpoint["name"], "nowhere"),
        f"{server.url}/1/serving-endpoints/{endpoint['name']}/invocations",
    ):
        reply = query(url, token)
        assert reply.status_code == 404
        assert reply.json()["error_code"] == "ENDPOINT_NOT_FOUND"


@pytest.mark.parametrize("model", ["", "/served-models/gpt"])
@pytest.mark.parametrize("body", [QUESTION, {"messages": 7}])
def test_the_workspaces_url_refuses_an_endpoint_and_says_where_it_is_asked(
    robot: Callable[..., requests.Response], endpoint: dict[str, Any], model: str, body: dict[str, Any]
) -> None:
    reply = robot("POST", f"/serving-endpoints/{endpoint['name']}{model}/invocations", json=body)
    assert (reply.status_code, reply.json()["error_code"]) == (400, "BAD_REQUEST")
    for told in (endpoint["name"], endpoint["endpoint_url"], "authorization_details", "serving_endpoints_data_plane"):
        assert told in reply.json()["message"]


@pytest.mark.parametrize(
    "path", ["/serving-endpoints/chat/completions", "/serving-endpoints/responses", "/ai-gateway/mlflow/v1/responses"]
)
def test_so_do_the_routes_that_name_the_model_in_the_body(
    server: MockServer, endpoint: dict[str, Any], path: str
) -> None:
    body = {"model": endpoint["name"], "input": "x"} if "responses" in path else {"model": endpoint["name"], **QUESTION}
    reply = caller(server.url, "dapi-mock")("POST", path, json=body)
    assert (reply.status_code, reply.json()["error_code"]) == (400, "BAD_REQUEST")
    assert endpoint["endpoint_url"] in reply.json()["message"]


@pytest.mark.parametrize(("made", "status"), [(OLD, 200), (FIRST_REFUSED - 1, 200), (FIRST_REFUSED, 400)])
def test_the_workspaces_url_reaches_older_endpoints_only(made: int, status: int) -> None:
    with MockServer(Settings(port=0, provisioning=0)) as server:
        server.mock.clock.freeze(made)
        call = caller(server.url, "dapi-mock")
        create(call, "fast", external(), route_optimized=True)
        server.mock.clock.freeze(FIRST_REFUSED + 1)
        assert call("POST", "/serving-endpoints/fast/invocations", json=QUESTION).status_code == status
        chat = {"model": "fast", **QUESTION}
        assert call("POST", "/serving-endpoints/chat/completions", json=chat).status_code == status
