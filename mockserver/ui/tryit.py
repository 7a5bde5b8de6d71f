"""Asking an endpoint from the browser: chat with streaming, completions, embeddings, and a custom model's JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import orjson
from flask import Response, request
from flask.typing import ResponseReturnValue

from ..app import delivered
from ..settings import Settings
from . import snippets
from .rendering import kind_of, page, state_of, update_of
from .session import Session

MODES = {"llm/v1/chat": "chat", "llm/v1/completions": "completions", "llm/v1/embeddings": "embeddings"}
SAMPLES: dict[str, dict[str, Any]] = {
    "chat": {"messages": [{"role": "user", "content": "What is a serving endpoint?"}], "max_tokens": 256},
    "completions": {"prompt": "Serving endpoints are", "max_tokens": 64},
    "embeddings": {"input": ["How do I return an item?", "Where can I send something back?", "What is the weather?"]},
    "json": {"dataframe_split": {"columns": ["feature_1", "feature_2"], "data": [[1.5, 2.0], [3.0, 4.5]]}},
    "agent": {"input": [{"role": "user", "content": "What can you do?"}]},
}


def form(session: Session, name: str) -> str:
    """The page."""
    view = session.read("get_serving_endpoint", name=name)
    sample = SAMPLES[_sample(view)]
    return page(
        "try.html",
        view=view,
        name=name,
        state=state_of(view),
        update=update_of(view),
        kind=kind_of(view),
        mode=MODES.get(view.get("task", ""), "json"),
        sample=sample,
        text=json.dumps(sample, indent=2, ensure_ascii=False),
        snippets=_snippets(session, view, sample),
    )


def query(session: Session, name: str) -> Response:
    """Ask the endpoint exactly what was sent, as any client would."""
    operation = session.mock.spec.operations["query_endpoint"]
    return delivered(session.ask(operation, request.get_data(cache=False), {"name": name}, from_page=True))


def code(session: Session, name: str) -> ResponseReturnValue:
    """The query that was sent, in code."""
    view = session.read("get_serving_endpoint", name=name)
    try:
        body = orjson.loads(request.get_data(cache=False))
    except orjson.JSONDecodeError:
        body = None
    if not isinstance(body, dict):
        body = SAMPLES[_sample(view)]
    return page("_snippets.html", snippets=_snippets(session, view, body))


def _sample(view: Mapping[str, Any]) -> str:
    task = view.get("task", "")
    return MODES.get(
        task, "chat" if task in ("agent/v1/chat", "agent/v2/chat") else "agent" if "agent" in task else "json"
    )


def _snippets(session: Session, view: Mapping[str, Any], body: Mapping[str, Any]) -> list[snippets.Snippet]:
    query = snippets.Query(session.base_url, session.token, view["name"], view.get("task", ""), body)
    if not view.get("route_optimized"):
        return snippets.of(query)
    settings, info = session.mock.settings, view.get("data_plane_info", {}).get("query_info", {})
    secret = settings.client_secret if settings.client_secret == Settings().client_secret else "YOUR-CLIENT-SECRET"
    return snippets.of_data_plane(query, snippets.DataPlane(settings.client_id, secret, **info))
