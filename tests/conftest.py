"""Servers and clients that the tests share."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any

import pytest
import requests
from databricks.sdk import WorkspaceClient
from databricks.sdk.core import Config

import openapi
from mockserver import MockServer, Settings
from mockserver.handlers import load as load_handlers

load_handlers(openapi.load())  # what is first imported in a pytester's test is forgotten, and then there twice
collect_ignore_glob = ["test_ui_*.py"] if find_spec("playwright") is None else []
"""The tests of the pages need a browser: the extra ``ui-test``."""

_workspaces = itertools.count()


@pytest.fixture(scope="session")
def instant_server() -> Iterator[MockServer]:
    """A running mock on which every deployment is instant. Shared: use a ``token`` of your own."""
    with MockServer(Settings(port=0, provisioning=0)) as server:
        yield server


@pytest.fixture(scope="session")
def paced_server() -> Iterator[MockServer]:
    """A running mock on which deployments take the default time, on a clock that tests move. Shared."""
    with MockServer(Settings(port=0)) as server:
        yield server


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Any]:
    """A running PostgreSQL server, whose ``url()`` makes a database. Skips where PostgreSQL is not installed."""
    from machinery import cluster

    with cluster() as running:
        yield running


@pytest.fixture
def token() -> str:
    """A token that is a workspace of its own."""
    return f"dapi-mock-test-{next(_workspaces)}"


@pytest.fixture
def rest(instant_server: MockServer, token: str) -> Callable[..., requests.Response]:
    """Call the instant mock over real HTTP: ``rest("GET", "/api/2.0/serving-endpoints", json=...)``."""
    return caller(instant_server.url, token)


@pytest.fixture
def workspace(instant_server: MockServer, token: str) -> WorkspaceClient:
    """The unmodified SDK on the instant mock."""
    return sdk(instant_server.url, token)


def caller(url: str, token: str | None) -> Callable[..., requests.Response]:
    """A function that calls a server with a token of its workspace."""
    session = requests.Session()
    if token is not None:
        session.headers["Authorization"] = f"Bearer {token}"

    def call(method: str, path: str, **options: Any) -> requests.Response:
        return session.request(method, url + path, timeout=30, **options)

    return call


def sdk(url: str, token: str) -> WorkspaceClient:
    """The unmodified SDK, giving up on refusals soon instead of after five minutes."""
    return WorkspaceClient(config=Config(host=url, token=token, auth_type="pat", retry_timeout_seconds=5))


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """The system's Chromium, for one module: while it is there, its event loop keeps others from running."""
    from pages import chromium

    with chromium() as running:
        yield running


@pytest.fixture
def tab(browser: Any, instant_server: MockServer, token: str) -> Iterator[Any]:
    """A browser tab on a workspace of its own, where every deployment is instant."""
    from pages import tab_of

    with tab_of(browser, instant_server, token) as opened:
        yield opened


@pytest.fixture
def paced_tab(browser: Any, paced_server: MockServer, token: str) -> Iterator[Any]:
    """A browser tab on a workspace of its own, where deployments take their time."""
    from pages import tab_of

    with tab_of(browser, paced_server, token) as opened:
        yield opened
