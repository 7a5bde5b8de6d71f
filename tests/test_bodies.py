"""Queries with the same bytes are read once: what is remembered of them is never changed, and never lets one pass."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from mockserver.bodies import MEMORABLE, accepted
from mockserver.core import Mock
from mockserver.messages import Reply, Request, Stream
from mockserver.settings import Settings

HOSTED = "databricks-meta-llama-3-3-70b-instruct"
EXTERNAL = {
    "name": "gpt",
    "config": {
        "served_entities": [
            {
                "external_model": {
                    "name": "gpt-4o",
                    "provider": "openai",
                    "task": "llm/v1/chat",
                    "openai_config": {"openai_api_key_plaintext": "not-a-real-key"},
                }
            }
        ]
    },
    "ai_gateway": {"guardrails": {"input": {"pii": {"behavior": "MASK"}}}},
}
QUERY: dict[str, Any] = {
    "messages": [{"role": "user", "content": "I am jane.doe@example.com. What is the weather in Oslo?"}],
    "tools": [
        {
            "type": "function",
            "function": {
                "name": "get_weather",
                "description": "Get the weather in a city",
                "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
            },
        }
    ],
    "temperature": None,
}


@pytest.fixture
def mock() -> Mock:
    made = Mock(Settings(provisioning=0))
    assert ask(made, "create_serving_endpoint", EXTERNAL).status == 200
    return made


def request_of(operation: str, body: Any, mock: Mock, **parameters: str) -> Request:
    headers = {"authorization": "Bearer dapi-mock", "content-type": "application/json"}
    found = mock.spec.operations[operation]
    return Request(found.method, found.path, headers, parameters, body=orjson.dumps(body))


def ask(mock: Mock, operation: str, body: Any, **parameters: str) -> Reply:
    """The answer; a stream's events are made and thrown away."""
    answer = mock.respond(mock.spec.operations[operation], request_of(operation, body, mock, **parameters))
    if isinstance(answer, Stream):
        assert list(answer.events)
        return Reply(answer.status)
    assert isinstance(answer, Reply)
    return answer


@pytest.mark.parametrize("more", [{}, {"stream": True}, {"tools": None}, {"response_format": {"type": "json_object"}}])
@pytest.mark.parametrize("name", [HOSTED, "gpt"])
def test_answering_changes_nothing_in_a_remembered_body(mock: Mock, name: str, more: dict[str, Any]) -> None:
    body = {**QUERY, **more}
    request, operation = request_of("query_endpoint", body, mock), mock.spec.operations["query_endpoint"]
    for _ in range(3):
        assert ask(mock, "query_endpoint", body, name=name).status == 200
    remembered = accepted(operation, request)
    assert remembered is accepted(operation, request)
    assert remembered.value == body
    assert remembered.full == operation.with_defaults(body)


def test_what_one_model_lets_pass_another_still_refuses(mock: Mock) -> None:
    body = {"messages": [{"role": "user", "content": "Hi"}], "unheard_of": 1}
    for _ in range(2):
        assert ask(mock, "query_endpoint", body, name="gpt").status == 200
        refused = ask(mock, "query_endpoint", body, name=HOSTED)
        assert (refused.status, refused.body["message"]) == (400, 'Bad request: json: unknown field "unheard_of"')


def test_a_refused_body_is_refused_again(mock: Mock) -> None:
    body = {"model": HOSTED, "messages": [{"role": "user", "content": "Hi"}], "temperature": 9}
    first, second = (ask(mock, "create_chat_completion", body) for _ in range(2))
    assert first.status == second.status == 400
    assert first.body == second.body


def test_long_bodies_and_those_that_change_endpoints_are_not_kept(mock: Mock) -> None:
    long = {"messages": [{"role": "user", "content": "x" * MEMORABLE}]}
    for operation, body in (("query_endpoint", long), ("update_config", EXTERNAL["config"])):
        found, request = mock.spec.operations[operation], request_of(operation, body, mock)
        assert accepted(found, request) is not accepted(found, request)
