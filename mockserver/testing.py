"""The mock for tests: a workspace of its own per test, on one server per process."""

from __future__ import annotations

import atexit
import functools
import inspect
import itertools
import os
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

from . import snapshot as snapshots
from .asked import Requests
from .auth import REGISTRY, RegisteredToken, identity_of
from .clock import AdjustableClock
from .core import Mock
from .faults_of_test import FaultsOfTest
from .messages import Json
from .ready_made import Kind, configuration
from .reply_rules import Answer, ReplyRule, rule
from .server import MockServer
from .settings import DEVELOPMENT_TOKEN, Settings
from .snapshot import Snapshot

if TYPE_CHECKING:
    import requests

R = TypeVar("R")
_NAME = re.compile(r"[^A-Za-z0-9_.-]+")
_numbers = itertools.count(1)
_lock = threading.Lock()
_server: MockServer | None = None
_taken: set[str] = set()


LONGEST = 86_400
"""Seconds that an option takes at the most, as the server's own do."""


@dataclass(frozen=True, slots=True)
class Options:
    """How the workspace of a test behaves.

    Args:
        provisioning: seconds a deployment takes on the workspace's clock; 0 makes it instant.
        seed: seed of everything that is invented.
        state: a YAML or JSON file that describes what the workspace starts with.
        clock: ``manual`` stands still until it is moved, ``real`` runs.
        auto_advance: seconds that a manual clock moves before each read (GET) is answered.
        strict: refuse queries that no scripted reply matches.
        settings: further settings by name, such as ``external_entities``.

    Raises:
        ValueError: an option has a value that cannot be used.
    """

    provisioning: float | None = 0.0
    seed: int = 0
    state: str | None = None
    clock: Literal["manual", "real"] = "manual"
    auto_advance: float = 0.0
    strict: bool = False
    settings: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        if self.clock not in ("manual", "real"):
            raise ValueError(f"clock is {self.clock!r}: manual or real")
        for name in ("provisioning", "auto_advance"):
            seconds = getattr(self, name)
            if seconds is not None and not (isinstance(seconds, int | float) and 0 <= seconds <= LONGEST):
                raise ValueError(f"{name} is {seconds!r}: a number of seconds from 0 to {LONGEST}")
        for name, kind in (("seed", int), ("strict", bool)):
            if not isinstance(getattr(self, name), kind):
                raise ValueError(f"{name} is {getattr(self, name)!r}: {kind.__name__} is expected")


class ServingMock:
    """One workspace of a running mock, for one test.

    Args:
        server: the server that answers; the one of this process when absent, which listens once ``url`` is asked for.
        name: what the workspace is called after; ids and answers depend on it and on the seed.
        options: how the workspace behaves.
    """

    def __init__(self, server: MockServer | None = None, name: str = "", options: Options | None = None) -> None:
        self._served = server or shared_server()
        self._options = options or Options()
        self.mock: Mock = self._served.mock
        self.token = _new_token(name)
        self.workspace = self.token
        self.clock = AdjustableClock(_now() if self._options.clock == "manual" else None)
        self.clock.auto_advance = self._options.auto_advance
        settings = replace(
            self.mock.settings,
            **{
                "provisioning": self._options.provisioning,
                "seed": self._options.seed,
                **(self._options.settings or {}),
            },
        )
        self.mock.configure(self.workspace, clock=self.clock, settings=settings)
        self.mock.replies.strict(self.workspace, self._options.strict)
        self.requests = Requests(self.mock.journal, self.workspace)
        self.faults = FaultsOfTest(self.mock, self.workspace)
        self._closing: list[Callable[[], object]] = []
        self._tokens: list[str] = []
        if self._options.state is not None:
            self.load(self._options.state)

    def __enter__(self) -> ServingMock:
        return self

    def __exit__(self, *problem: object) -> None:
        self.close()

    @property
    def url(self) -> str:
        """The server's base URL; the server is started when it is not running yet."""
        with _lock:
            if not self._served.running:
                self._served.start()
        return self._served.url

    @property
    def env(self) -> dict[str, str]:
        """Environment variables that make clients, also in other processes and languages, talk to this workspace."""
        url = self.url
        direct = ",".join(filter(None, (os.environ.get("NO_PROXY", ""), "127.0.0.1,localhost")))
        return {
            "DATABRICKS_HOST": url,
            "DATABRICKS_TOKEN": self.token,
            "DATABRICKS_AUTH_TYPE": "pat",
            "OPENAI_BASE_URL": f"{url}/serving-endpoints",
            "OPENAI_API_KEY": self.token,
            "NO_PROXY": direct,
            "no_proxy": direct,
        }

    def set_env(self, monkeypatch: Any) -> None:
        """Set ``env`` with pytest's monkeypatch, so that the code under test finds the mock by itself."""
        for name, value in self.env.items():
            monkeypatch.setenv(name, value)

    def workspace_client(self, *, in_process: bool = False, **config: Any) -> Any:
        """A ``databricks.sdk.WorkspaceClient``. Its retries wait on the workspace's clock, so not at all by default.

        Args:
            in_process: call the mock directly instead of over a socket.
        """
        from .clients import workspace_client

        return self._owned(workspace_client(self, in_process, config))

    def openai_client(self, *, in_process: bool = False, asynchronous: bool = False, **options: Any) -> Any:
        """An ``openai.OpenAI`` (or ``AsyncOpenAI``) for the workspace's endpoints."""
        from .clients import openai_client

        return self._owned(openai_client(self, in_process, asynchronous, options))

    def mlflow_client(self) -> Any:
        """An MLflow deployments client. MLflow reads its credentials from the environment: ``set_env`` comes first.

        Raises:
            RuntimeError: the environment does not name this workspace.
        """
        if os.environ.get("DATABRICKS_TOKEN") != self.token:
            raise RuntimeError("mlflow takes host and token from the environment: call set_env(monkeypatch) first")
        from .clients import mlflow_client

        return mlflow_client()

    def session(self) -> requests.Session:
        """A ``requests.Session`` that calls the mock in this process; URLs start with ``mockserver.inprocess.URL``."""
        from .clients import session

        made: requests.Session = self._owned(session(self))
        return made

    def create(self, name: str = "endpoint", kind: Kind = "chat", **members: Any) -> Json:
        """Make an endpoint that is ready, as the API shows it. It is not among ``requests``.

        Args:
            kind: an external model's task, or ``custom``, ``provisioned``, ``agent``.
            members: of the body of the creation, such as ``tags`` or ``config``, instead of the usual ones.
        """
        return snapshots.created(self.mock, self.workspace, {"name": name, "config": configuration(kind), **members})

    def reply(self, answer: Answer | Callable[[Json], Answer] | Sequence[Any], **conditions: Any) -> ReplyRule:
        """Script what is answered; the conditions are those of ``mockserver.reply_rules.ReplyRule``.

        Raises:
            ValueError: the answer or a condition cannot be understood.
        """
        return self.mock.replies.add(self.workspace, rule(answer, **conditions))

    def strict(self, on: bool = True) -> None:
        """Refuse queries that no scripted reply matches, or answer them as usual again."""
        self.mock.replies.strict(self.workspace, on)

    def model(self, name: str, model: Callable[..., Any] | str | Path) -> None:
        """Serve a Python callable, or an MLflow model folder, as the custom model of this name."""
        self.mock.models.register(self.workspace, name, model)

    def token_for(self, user_name: str | None = None, **members: Any) -> str:
        """A token of somebody else in this workspace: ``user_name`` or ``service_principal``, ``groups``, ``admin``."""
        given = {"workspace": self.workspace, "user_name": user_name, **members}
        token = f"{self.token}.{len(self._tokens) + 1}".replace(DEVELOPMENT_TOKEN, "dapi-made", 1)
        with self.mock.transaction(REGISTRY) as transaction:
            transaction.put(token, RegisteredToken(token, identity_of(given)))
        self._tokens.append(token)
        return token

    def payloads(self, endpoint: str | None = None) -> list[Any]:
        """The rows that the workspace's inference tables would hold."""
        return list(self.mock.payloads.entries(self.workspace, endpoint))

    def snapshot(self) -> Snapshot:
        """The workspace's state and clock as they are now."""
        return snapshots.taken(self.mock, self.workspace)

    def restore(self, taken: Snapshot) -> None:
        """Put state and clock back, also those of another workspace's snapshot."""
        snapshots.restore(self.mock, taken, self.workspace)

    def load(self, state: str | Path | Mapping[str, Json]) -> int:
        """Make the workspace what a file, or a document, describes. Raises StateError with what is wrong in it."""
        if isinstance(state, Mapping):
            return snapshots.imported(self.mock, self.workspace, dict(state))
        return snapshots.load_file(self.mock, state, self.workspace)

    def drive_waiters(self, monkeypatch: Any) -> None:
        """Let the SDK's waiters wait on the manual clock: their ``time.sleep`` moves it instead of taking time.

        Replaces the name ``time`` in ``databricks.sdk.service.serving`` only.
        """
        from .clients import SimulatedTime

        monkeypatch.setattr("databricks.sdk.service.serving.time", SimulatedTime(self.clock))

    def close(self) -> None:
        """Close the clients that were made and forget everything about the workspace."""
        for close in self._closing:
            with suppress(Exception):  # a client that a test broke on purpose may not close cleanly
                close()
        self._closing.clear()
        if self._tokens:
            with self.mock.transaction(REGISTRY) as transaction:
                for token in self._tokens:
                    transaction.delete(RegisteredToken, token)
        self.mock.clear(self.workspace)
        _taken.discard(self.token)

    def _owned(self, made: tuple[Any, Callable[[], object]]) -> Any:
        client, close = made
        self._closing.append(close)
        return client


def shared_server() -> MockServer:
    """The server of this process. It listens as soon as somebody asks for its URL."""
    global _server
    with _lock:
        if _server is None:
            _server = MockServer(Settings(port=0, provisioning=0))
            atexit.register(stop_shared_server)
        return _server


def stop_shared_server() -> None:
    """Stop the server of this process, if there is one."""
    global _server
    with _lock:
        server, _server = _server, None
    if server is not None:
        server.stop()
        atexit.unregister(stop_shared_server)


@contextmanager
def _serving(options: Options) -> Iterator[ServingMock]:
    mock = ServingMock(options=options)
    before = dict(os.environ)
    os.environ.update(mock.env)
    try:
        yield mock
    finally:
        for name in mock.env:
            os.environ.pop(name, None)
            if name in before:
                os.environ[name] = before[name]
        mock.close()


@overload
def mock_serving(function: Callable[..., R], /) -> Callable[..., R]: ...
@overload
def mock_serving(**options: Any) -> Serving: ...
def mock_serving(function: Callable[..., Any] | None = None, /, **options: Any) -> Any:
    """The mock around a function or a block, for people without pytest: a fresh workspace, and ``env`` set meanwhile.

    The function, which may be a coroutine function, is given the ``ServingMock`` when it has a parameter named
    ``serving_mock``. The options are those of ``Options``.

    >>> @mock_serving
    ... def names():
    ...     from databricks.sdk import WorkspaceClient
    ...     return [endpoint.name for endpoint in WorkspaceClient().serving_endpoints.list()]
    >>> with mock_serving(provisioning=5) as mock:
    ...     client = mock.workspace_client()
    """
    serving = Serving(Options(**options))
    return serving if function is None else serving(function)


class Serving:
    """What ``mock_serving`` makes: a decorator that is a context manager as well."""

    def __init__(self, options: Options) -> None:
        self._options = options

    def __call__(self, function: Callable[..., R]) -> Callable[..., R]:
        """The function with the mock around it.

        Raises:
            TypeError: it is a class or a generator function, around which there can be no mock.
        """
        if inspect.isclass(function):
            raise TypeError(f"mock_serving decorates functions: put it on the test methods of {function.__name__}")
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            name = function.__name__
            raise TypeError(f"mock_serving would be over before the generator {name} runs: use it as a block in it")
        signature = inspect.signature(function)
        wanted = "serving_mock" in signature.parameters

        @functools.wraps(function)
        def wrapped(*arguments: Any, **named: Any) -> R:
            with _serving(self._options) as mock:
                if wanted:
                    named["serving_mock"] = mock
                return function(*arguments, **named)

        @functools.wraps(function)
        async def awaited(*arguments: Any, **named: Any) -> Any:
            with _serving(self._options) as mock:
                if wanted:
                    named["serving_mock"] = mock
                result: Any = function(*arguments, **named)
                return await result

        made: Any = awaited if inspect.iscoroutinefunction(function) else wrapped
        left = [parameter for name, parameter in signature.parameters.items() if name != "serving_mock"]
        made.__signature__ = signature.replace(parameters=left)
        decorated: Callable[..., R] = made
        return decorated

    def __enter__(self) -> ServingMock:
        self._block = _serving(self._options)
        return self._block.__enter__()

    def __exit__(self, *problem: Any) -> None:
        self._block.__exit__(*problem)


def _new_token(name: str) -> str:
    """A token, which is a workspace of its own. The same name gives the same one while nobody else has it."""
    plain = _NAME.sub("-", name).strip("-.")[-80:] or "workspace"
    token = f"{DEVELOPMENT_TOKEN}-{plain}"
    with _lock:
        while token in _taken:
            token = f"{DEVELOPMENT_TOKEN}-{plain}-{next(_numbers)}"
        _taken.add(token)
    return token


def _now() -> int:
    return time.time_ns() // 1_000_000
