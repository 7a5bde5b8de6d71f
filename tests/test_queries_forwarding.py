"""Queries of external models passed on to a server of the user's own, which here is another mock."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests
from conftest import caller
from endpoints_for_queries import LLAMA, QUESTION, ask, create, external, split, text_of

from mockserver import MockServer, Settings


@pytest.fixture(scope="module")
def provider() -> Iterator[MockServer]:
    with MockServer(Settings(port=0, provisioning=0)) as server:
        yield server


@pytest.fixture(scope="module")
def forwarding() -> Iterator[MockServer]:
    with MockServer(Settings(port=0, provisioning=0, forward=True, external_entities="many")) as server:
        yield server


@pytest.fixture
def rest(forwarding: MockServer, token: str) -> Callable[..., requests.Response]:
    return caller(forwarding.url, token)


def elsewhere(
    provider: MockServer, name: str = "own", model: str = LLAMA, key: str = "dapi-mock-own"
) -> dict[str, object]:
    return external(
        name, model=model, openai_api_base=f"{provider.url}/serving-endpoints", openai_api_key_plaintext=key
    )


def test_the_answer_is_the_providers_own(rest: Callable[..., requests.Response], provider: MockServer) -> None:
    create(rest, "own", elsewhere(provider))
    reply = ask(rest, "own")
    assert text_of(reply) == "Humans live on the planet Earth."
    assert reply.json()["model"] == "meta-llama-3.3-70b-instruct-121024"
    assert reply.headers["served-model-name"] == "own"


def test_a_stream_is_passed_on_as_it_comes(rest: Callable[..., requests.Response], provider: MockServer) -> None:
    create(rest, "own", elsewhere(provider))
    reply = ask(rest, "own", {**QUESTION, "stream": True})
    data = [line.removeprefix("data: ") for line in reply.text.split("\n\n") if line]
    assert data[-1] == "[DONE]"
    chunks = [json.loads(text) for text in data[:-1]]
    assert "".join(chunk["choices"][0]["delta"].get("content") or "" for chunk in chunks) == (
        "Humans live on the planet Earth."
    )
    metrics = rest("GET", "/api/2.0/serving-endpoints/own/metrics").text
    assert 'output_tokens_total{endpoint_name="own",served_entity_name="own"} 8' in metrics


@pytest.mark.parametrize("stream", [False, True])
def test_a_refusal_of_the_provider_comes_inside_the_services_own_body(
    rest: Callable[..., requests.Response], provider: MockServer, stream: bool
) -> None:
    create(rest, "own", elsewhere(provider, key="wrong"))
    reply = ask(rest, "own", {**QUESTION, "stream": stream})
    assert reply.status_code == 403
    assert reply.headers["content-type"] == "application/json"
    assert reply.json()["error"] == "Received error from openai"
    assert reply.json()["external_model_message"]["message"].startswith("Invalid access token.")


def test_a_provider_that_cannot_be_reached_is_an_error_of_the_external_model(
    rest: Callable[..., requests.Response],
) -> None:
    create(rest, "own", external("own", openai_api_base="http://127.0.0.1:9"))
    reply = ask(rest, "own")
    assert reply.status_code == 502
    assert reply.json()["error"] == "Received error from openai"
    assert "cannot be reached" in reply.json()["external_model_message"]["message"]


class _Canned(BaseHTTPRequestHandler):
    """A provider that answers everything with a greeting."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        body = b'{"hello": "world"}'
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def greeter() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Canned) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_that_is_no_chat_completion_is_an_error_of_the_external_model(
    rest: Callable[..., requests.Response], greeter: str, stream: bool
) -> None:
    create(rest, "own", external("own", openai_api_base=greeter))
    reply = ask(rest, "own", {**QUESTION, "stream": stream})
    assert reply.status_code == 502
    assert reply.json()["error"] == "Received error from openai"


def test_with_fallback_the_next_entity_answers_when_the_first_one_fails(
    rest: Callable[..., requests.Response], provider: MockServer
) -> None:
    create(
        rest,
        "own",
        external("broken", openai_api_base="http://127.0.0.1:9"),
        elsewhere(provider, "working"),
        traffic=split(broken=100, working=0),
        ai_gateway={"fallback_config": {"enabled": True}},
    )
    reply = ask(rest, "own")
    assert text_of(reply) == "Humans live on the planet Earth."
    assert reply.headers["served-model-name"] == "working"


def test_without_forward_nothing_leaves_the_mock(instant_server: MockServer, token: str, provider: MockServer) -> None:
    rest = caller(instant_server.url, token)
    create(rest, "own", external("own", openai_api_base="http://127.0.0.1:9"))
    assert ask(rest, "own").status_code == 200


def test_guardrails_of_the_output_see_what_the_provider_said(
    rest: Callable[..., requests.Response], provider: MockServer
) -> None:
    create(
        rest,
        "own",
        elsewhere(provider),
        ai_gateway={"guardrails": {"output": {"invalid_keywords": ["Earth"]}}},
    )
    for stream in (False, True):
        reply = ask(rest, "own", {**QUESTION, "stream": stream})
        assert reply.status_code == 400
        assert json.loads(reply.json()["message"])["finishReason"] == "output_guardrail_triggered"
