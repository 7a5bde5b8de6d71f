"""Language models of one's own with provisioned throughput: the request that was recorded in 2024, and their tasks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests
from endpoints_for_queries import ask, create

from mockserver import MockServer
from mockserver.replies import rule

Rest = Callable[..., requests.Response]
Asked = Callable[[Any], requests.Response]
BASE = "example_catalog.default.llama2-7b"
PROMPTS = ("### Instruction:\nWhat is Apache Spark?\n\n### Response:\n", "The three primary colours are")


@pytest.fixture
def llama(rest: Rest) -> Asked:
    provision(rest, "llama", BASE)
    return lambda body: ask(rest, "llama", body)


def provision(rest: Rest, name: str, model: str, version: Any = 1) -> Any:
    bounds = {"min_provisioned_throughput": 970, "max_provisioned_throughput": 970}
    create(rest, name, {"entity_name": model, "entity_version": version, **bounds})
    return rest("GET", f"/api/2.0/serving-endpoints/{name}").json().get("task")


def test_a_request_of_2024_is_answered_as_it_was(llama: Asked) -> None:
    body = {"inputs": {"prompt": [*PROMPTS]}, "params": {"max_tokens": 10, "temperature": 0.0}}
    reply = llama(body)
    assert reply.status_code == 200, reply.text
    assert list(reply.json()) == ["predictions"]
    first, second = reply.json()["predictions"]
    [candidate] = first["candidates"]
    assert candidate == {"text": candidate["text"], "metadata": {"finish_reason": "length"}}
    assert "Spark" in candidate["text"]
    counts = first["metadata"]
    assert list(counts) == ["input_tokens", "output_tokens", "total_tokens"]
    assert counts["total_tokens"] == counts["input_tokens"] + counts["output_tokens"]
    assert counts["output_tokens"] == second["metadata"]["output_tokens"] == 10
    assert llama(body).json() == reply.json()


def test_its_text_is_what_a_completion_says(llama: Asked) -> None:
    params = {"max_tokens": 40, "temperature": 0.0, "stop": ["."], "n": 2}
    older = llama({"inputs": {"prompt": PROMPTS[0]}, "params": params}).json()["predictions"]
    newer = llama({"prompt": PROMPTS[0], **params}).json()
    assert newer["object"] == "text_completion"
    assert [each["text"] for each in older[0]["candidates"]] == [each["text"] for each in newer["choices"]]
    assert older[0]["metadata"]["total_tokens"] == newer["usage"]["total_tokens"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"inputs": {"prompt": "x"}, "params": {"foo": 1}}, 'Bad request: json: unknown field "foo"'),
        ({"inputs": {"prompt": "x", "foo": 1}}, 'Bad request: json: unknown field "foo"'),
        ({"inputs": {"prompt": "x"}, "foo": 1}, 'Bad request: json: unknown field "foo"'),
        ({"inputs": {"prompt": "x"}, "params": 5}, 'Bad request: json: unknown field "params"'),
        ({"inputs": ["x"]}, 'Bad request: json: unknown field "inputs"'),
        ({"inputs": {"prompt": []}}, "Missing required Completions parameter: 'prompt'"),
        (
            {"inputs": {"prompt": "x"}, "params": {"max_tokens": 0}},
            "Bad request: parameter 'max_tokens' is 0; it must be a whole number of at least 1",
        ),
    ],
)
def test_what_no_completion_request_has_is_refused(llama: Asked, body: Any, message: str) -> None:
    reply = llama(body)
    assert (reply.status_code, reply.json()["message"]) == (400, message)


def test_its_tokens_are_counted_and_its_text_can_be_scripted(
    llama: Asked, rest: Rest, instant_server: MockServer, token: str
) -> None:
    instant_server.mock.replies.add(token, rule("Scripted."))
    [only] = llama({"inputs": {"prompt": ["x"]}}).json()["predictions"]
    assert only["candidates"][0] == {"text": "Scripted.", "metadata": {"finish_reason": "stop"}}
    metrics = rest("GET", "/api/2.0/serving-endpoints/llama/metrics").text
    labels = '{endpoint_name="llama",served_entity_name="llama2-7b-1"}'
    assert f"output_tokens_total{labels} {only['metadata']['output_tokens']}" in metrics


@pytest.mark.parametrize(
    ("model", "task"),
    [
        (BASE, "llm/v1/completions"),
        ("main.default.mpt-7b", "llm/v1/completions"),
        ("main.default.llama2-7b-chat", "llm/v1/chat"),
        ("main.default.mistral_7b_instruct", "llm/v1/chat"),
        ("main.default.llama-4-maverick", "llm/v1/chat"),
        ("main.default.my_model", "llm/v1/chat"),
        ("main.default.bge_mistral", "llm/v1/embeddings"),
        ("system.ai.mistral_7b_v0_1", "llm/v1/chat"),
    ],
)
def test_only_base_models_of_ones_own_are_for_completions(rest: Rest, model: str, task: str) -> None:
    assert provision(rest, "p", model, "1") == task
    reply = ask(rest, "p", {"inputs": {"prompt": "x"}})
    own = not model.startswith("system.ai.") and task != "llm/v1/embeddings"
    assert reply.status_code == (200 if own else 400)
