"""What the control plane can set about queries: an endpoint's pace, and what outside services answer."""

from __future__ import annotations

import time
from collections.abc import Callable

import requests
from endpoints_for_queries import QUESTION, ask, create

Rest = Callable[..., requests.Response]


def test_an_endpoint_can_be_given_a_pace_of_its_own(rest: Rest) -> None:
    create(rest, "gpt")
    path = "/__mock__/endpoints/gpt/pace"
    assert rest("GET", path).json() == {}
    assert rest("PUT", path, json={"time_to_first_token": 0.3}).json() == {"time_to_first_token": 0.3}
    started = time.monotonic()
    ask(rest, "gpt")
    assert time.monotonic() - started > 0.3
    assert rest("PUT", path, json={"time_to_first_token": -1}).status_code == 400
    assert rest("DELETE", path).status_code == 200
    assert rest("GET", path).json() == {}


def test_outside_services_can_be_told_what_to_answer(rest: Rest) -> None:
    call = {"connection_name": "github", "method": "GET", "path": "/user"}
    answer = {"connection": "github", "path": "/user", "body": {"login": "octocat"}}
    assert rest("POST", "/__mock__/upstreams", json=answer).status_code == 200
    assert rest("POST", "/api/2.0/external-function", json=call).json() == {"login": "octocat"}
    (told,) = rest("GET", "/__mock__/upstreams").json()["upstreams"]
    assert told["body"] == {"login": "octocat"}
    assert rest("DELETE", "/__mock__/upstreams").status_code == 200
    assert rest("POST", "/api/2.0/external-function", json=call).json()["method"] == "GET"


def test_the_rows_of_inference_tables_can_be_read_and_say_how_many_were_dropped(rest: Rest) -> None:
    table = {"enabled": True, "catalog_name": "main", "schema_name": "default"}
    create(rest, "gpt", ai_gateway={"inference_table_config": table})
    ask(rest, "gpt", {**QUESTION, "client_request_id": "mine"})
    told = rest("GET", "/__mock__/payloads", params={"endpoint": "gpt"}).json()
    assert (told["count"], told["dropped"]) == (1, 0)
    assert told["payloads"][0]["client_request_id"] == "mine"
    assert "Earth" in told["payloads"][0]["response"]
