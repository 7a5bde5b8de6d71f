"""The code that the pages offer: run as it is, against the server that offered it."""

from __future__ import annotations

import html
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from conftest import caller
from endpoints_for_queries import external

from mockserver import MockServer
from mockserver.app import create_app
from mockserver.core import Mock
from mockserver.settings import Settings
from mockserver.ui.snippets import Query, of

MESSAGES = [{"role": "user", "content": "It's \"quoted\": say 'hello' & $HOME"}]
ENDPOINTS: dict[str, tuple[str, dict[str, Any]]] = {
    "databricks-llama-2-70b-chat": ("llm/v1/chat", {"messages": MESSAGES, "max_tokens": 20, "temperature": 0.5}),
    "databricks-mpt-7b-instruct": ("llm/v1/completions", {"prompt": "Once upon a time", "max_tokens": 8}),
    "databricks-bge-large-en": ("llm/v1/embeddings", {"input": ["a", "b"]}),
    "ads": ("", {"dataframe_split": {"columns": ["a"], "data": [[1], [2]]}}),
}


@pytest.fixture
def url(instant_server: MockServer, token: str) -> str:
    """A server whose workspace has an endpoint of a custom model."""
    entity = {"entity_name": "main.default.ads", "entity_version": "1", "scale_to_zero_enabled": True}
    body = {"name": "ads", "config": {"served_entities": [entity]}}
    assert caller(instant_server.url, token)("POST", "/api/2.0/serving-endpoints", json=body).status_code == 200
    return instant_server.url


def run(title: str, text: str) -> str:
    """What a snippet prints when it is run."""
    command = ["bash", "-c", text] if title == "curl" else [sys.executable, "-c", text]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DATABRICKS_")}
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment, check=False)
    assert done.returncode == 0, done.stderr[-1500:]
    return done.stdout


@pytest.mark.parametrize("name", ENDPOINTS)
@pytest.mark.parametrize("way", ["curl", "databricks-sdk", "MLflow", "openai"])
def test_a_snippet_asks_this_server_as_it_stands(url: str, token: str, name: str, way: str) -> None:
    task, body = ENDPOINTS[name]
    snippets = {snippet.title: snippet.text for snippet in of(Query(url, token, name, task, body))}
    if way == "openai" and not task:
        assert way not in snippets
        return
    shown = run(way, snippets[way])
    assert shown.strip()
    assert "error_code" not in shown


@pytest.mark.parametrize("way", ["curl", "MLflow", "openai"])
def test_a_streamed_snippet_prints_the_pieces(url: str, token: str, way: str) -> None:
    body = {"messages": MESSAGES, "max_tokens": 12, "stream": True}
    query = Query(url, token, "databricks-llama-2-70b-chat", "llm/v1/chat", body)
    shown = run(way, {snippet.title: snippet.text for snippet in of(query)}[way])
    assert ("[DONE]" in shown) == (way == "curl")
    assert shown.strip()


def test_a_token_that_is_somebodys_secret_is_not_in_the_code(url: str) -> None:
    texts = [each.text for each in of(Query(url, "secret-token", "x", "llm/v1/chat", {"messages": MESSAGES}))]
    assert all("secret-token" not in text and "YOUR-TOKEN" in text for text in texts)


class TestARouteOptimisedEndpoint:
    """What the page "Try it" offers for an endpoint that the workspace's URL does not reach."""

    PAGE = "/ml/endpoints/fast"

    @pytest.fixture
    def offered(self) -> Iterator[tuple[MockServer, Callable[[dict[str, Any]], dict[str, str]]]]:
        """A server with such an endpoint, which its service principal may query, and the code offered for a query."""
        with MockServer(Settings(port=0, provisioning=0)) as server:
            self.create(caller(server.url, "dapi-mock"))

            def code(body: dict[str, Any]) -> dict[str, str]:
                shown = requests.post(
                    f"{server.url}{self.PAGE}/code", json=body, headers={"Origin": server.url}, timeout=10
                )
                assert shown.status_code == 200, shown.text
                found = re.findall(r"<summary>(.*?)</summary>.*?<pre[^>]*>(.*?)</pre>", shown.text, re.DOTALL)
                return {html.unescape(title): html.unescape(text) for title, text in found}

            yield server, code

    @staticmethod
    def create(call: Callable[..., requests.Response]) -> None:
        config = {"served_entities": [external()]}
        made = call(
            "POST",
            "/api/2.0/serving-endpoints",
            json={"name": "fast", "config": config, "route_optimized": True},
        ).json()
        grant = {"service_principal_name": "mock-client-id", "permission_level": "CAN_QUERY"}
        path = f"/api/2.0/permissions/serving-endpoints/{made['id']}"
        assert call("PATCH", path, json={"access_control_list": [grant]}).status_code == 200

    def test_the_code_asks_with_an_oauth_token(self, offered: Any) -> None:
        _, code = offered
        snippets = code({"messages": MESSAGES, "max_tokens": 20})
        assert list(snippets) == ["databricks-sdk", "curl"]
        for way, text in snippets.items():
            shown = run(way, text)
            assert shown.strip()
            assert "error_code" not in shown
            assert "CAN_QUERY" in text

    def test_a_stream_is_asked_for_with_curl(self, offered: Any) -> None:
        _, code = offered
        snippets = code({"messages": MESSAGES, "max_tokens": 20, "stream": True})
        assert "[DONE]" in run("curl", snippets["curl"])
        assert run("databricks-sdk", snippets["databricks-sdk"]).strip()

    def test_the_page_asks_it_all_the_same_and_so_does_a_replay(self, offered: Any) -> None:
        server, _ = offered
        page = requests.Session()
        page.headers["Origin"] = server.url
        for body, status in (({"messages": MESSAGES}, 200), ({"messages": 7}, 400)):
            answer = page.post(f"{server.url}{self.PAGE}/query", json=body, timeout=10)
            assert answer.status_code == status, answer.text
            assert "data_plane" not in answer.text
        number = server.mock.journal.count("default") - 1
        shown = page.post(f"{server.url}/ui/journal/{number}/replay", timeout=10)
        assert shown.status_code == 200
        entries = server.mock.journal.entries("default")
        assert [(entry.operation, entry.status) for entry in entries[-3:]] == [
            ("query_endpoint", 200), ("query_endpoint", 400), ("query_endpoint", 200),
        ]  # fmt: skip


def test_a_secret_that_was_set_is_not_in_the_code() -> None:
    client = create_app(Mock(Settings(provisioning=0, client_secret="hush-hush"))).test_client()
    headers = {"Authorization": "Bearer dapi-mock"}
    body = {"name": "fast", "config": {"served_entities": [external()]}, "route_optimized": True}
    assert client.post("/api/2.0/serving-endpoints", json=body, headers=headers).status_code == 200
    page = client.get("/ml/endpoints/fast/try").text
    assert "hush-hush" not in page
    assert "YOUR-CLIENT-SECRET" in page
