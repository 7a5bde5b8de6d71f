"""The code that the pages offer: run as it is, against the server that offered it."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest
from conftest import caller

from mockserver import MockServer
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
