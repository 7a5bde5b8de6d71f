"""Calls of outside services through a connection: the echo, and stubs in its place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests

from mockserver import MockServer
from mockserver.handlers.external_function import Stub

Rest = Callable[..., requests.Response]
PATH = "/api/2.0/external-function"


def through(rest: Rest, **fields: Any) -> requests.Response:
    return rest("POST", PATH, json={"connection_name": "git_hub", "method": "GET", "path": "/user", **fields})


def test_without_a_stub_the_request_is_echoed(rest: Rest) -> None:
    reply = through(
        rest, method="POST", json='{"a": 1}', params='{"page": 2}', headers='{"X-A": "b"}', sub_domain="api"
    )
    assert reply.json() == {
        "url": "https://api.git-hub.example.com/user",
        "method": "POST",
        "args": {"page": 2},
        "headers": {"X-A": "b"},
        "json": {"a": 1},
        "origin": "203.0.113.7",
    }


def test_json_inside_the_strings_must_be_json(rest: Rest) -> None:
    reply = through(rest, headers="not json")
    assert (reply.status_code, reply.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert "'headers'" in reply.json()["message"]


@pytest.mark.parametrize(
    ("stub", "status", "content"),
    [
        (Stub("git_hub", body={"login": "octocat"}), 200, b'{"login":"octocat"}'),
        (Stub("git_*", "GET", "/us*", body="plain"), 200, b"plain"),
        (Stub("git_hub", status=404, body={"message": "Not Found"}), 404, b'{"message":"Not Found"}'),
    ],
)
def test_a_stub_answers_in_its_place(
    instant_server: MockServer, rest: Rest, token: str, stub: Stub, status: int, content: bytes
) -> None:
    with instant_server.mock.transaction(token) as transaction:
        transaction.put("stub", stub)
    reply = through(rest)
    assert (reply.status_code, reply.content) == (status, content)
    assert through(rest, connection_name="other").json()["method"] == "GET"
