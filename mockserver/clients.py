"""Ready-made clients of a test's workspace, made when their packages are installed. Each comes with what closes it."""

from __future__ import annotations

import time
from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from .clock import AdjustableClock
from .inprocess import URL

if TYPE_CHECKING:
    from .testing import ServingMock

Made = tuple[Any, Callable[[], object]]


class SimulatedTime:
    """What the SDK sees instead of the module ``time``: waiting moves a frozen clock and takes no time."""

    def __init__(self, clock: AdjustableClock) -> None:
        self._clock = clock

    def time(self) -> float:
        return self._clock.now() / 1000

    def sleep(self, seconds: float) -> None:
        if self._clock.frozen:
            self._clock.advance(max(0.0, seconds))
        else:
            time.sleep(seconds)

    def __getattr__(self, name: str) -> Any:
        return getattr(time, name)


def workspace_client(mock: ServingMock, in_process: bool, config: dict[str, Any]) -> Made:
    """A ``WorkspaceClient`` of the Databricks SDK."""
    from databricks.sdk import WorkspaceClient
    from databricks.sdk.core import Config

    Config.attributes()  # collects the class's own; a subclass that came first would find none

    class LocalConfig(Config):
        def _resolve_host_metadata(self) -> None:
            """Nothing is to be found out about the mock, and in process nothing listens where this would ask."""

    given = {"host": URL if in_process else mock.url, "token": mock.token, "auth_type": "pat", **config}
    clock: Any = SimulatedTime(mock.clock)
    client = WorkspaceClient(config=(LocalConfig if in_process else Config)(clock=clock, **given))
    http = client.api_client._api_client._session
    if in_process:
        from .inprocess_requests import MockAdapter

        http.mount(URL, MockAdapter(mock.mock))
    return client, http.close


def openai_client(mock: ServingMock, in_process: bool, asynchronous: bool, options: dict[str, Any]) -> Made:
    """An OpenAI client. In process it gets an HTTP client of the library that this version of ``openai`` uses."""
    import openai

    given = {"base_url": f"{URL if in_process else mock.url}/serving-endpoints", "api_key": mock.token, **options}
    if in_process:
        from .inprocess_httpx import async_transport, transport

        httpx = _http_library(openai)
        if asynchronous:
            given["http_client"] = httpx.AsyncClient(transport=async_transport(mock.mock, httpx))
        else:
            given["http_client"] = httpx.Client(transport=transport(mock.mock, httpx))
    if asynchronous:
        return openai.AsyncOpenAI(**given), lambda: None
    client = openai.OpenAI(**given)
    return client, client.close


def mlflow_client() -> Any:
    """MLflow's client for the workspace that the environment names."""
    from mlflow import deployments

    client: Any = deployments
    return client.get_deploy_client("databricks")


def session(mock: ServingMock) -> Made:
    """A ``requests`` session with the workspace's token, which opens no socket."""
    import requests

    from .inprocess_requests import ElsewhereAdapter, MockAdapter

    made = requests.Session()
    for scheme in ("http://", "https://"):
        made.mount(scheme, ElsewhereAdapter())
    made.mount(URL, MockAdapter(mock.mock))
    made.headers["Authorization"] = f"Bearer {mock.token}"
    return made, made.close


def _http_library(openai: ModuleType) -> ModuleType:
    """``httpx``, or ``httpx2`` where the installed ``openai`` is built on that."""
    base = next(kind for kind in openai.DefaultHttpxClient.__mro__ if kind.__name__ == "Client")
    return import_module(base.__module__.partition(".")[0])
