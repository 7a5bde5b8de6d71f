"""The pytest plugin: ``serving_mock``, a workspace of its own for each test, and ``serving_mock_server``.

Nothing but pytest is imported until a fixture is used. The plugin of the contract harness is brought along by its file,
not by its name: many projects have a package ``contracts`` of their own, which must neither break pytest nor find ours
in its place.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .server import MockServer
    from .testing import Options, ServingMock

MARKER = "serving_mock"
HARNESS = "serving_contract"
"""The name by which the harness's plugin can be switched off: ``-p no:serving_contract``."""

HOME = Path(__file__).resolve().parent.parent
INI = {
    "provisioning": "seconds that a deployment takes in tests (default: 0, instant)",
    "seed": "seed of everything that the mock invents in tests (default: 0)",
    "state": "file that describes what the workspace of each test starts with, relative to the root directory",
    "clock": "manual or real (default: manual)",
    "auto_advance": "seconds that a manual clock moves before each read is answered (default: 0)",
    "strict": "whether queries that no scripted reply matches are refused (default: false)",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    for name, text in INI.items():
        parser.addini(f"serving_mock_{name}", text)


def pytest_configure(config: pytest.Config) -> None:
    options = ", ".join(f"{name}=..." for name in INI)
    config.addinivalue_line("markers", f"{MARKER}({options}): how the serving_mock of a test behaves")
    if not config.pluginmanager.is_blocked(HARNESS):
        config.pluginmanager.register(_harness(), HARNESS)


def _harness() -> ModuleType:
    """The harness's plugin, which imports its package when a fixture is used."""
    spec = spec_from_file_location("contracts.pytest_plugin", HOME / "contracts" / "pytest_plugin.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def serving_mock_server() -> Iterator[MockServer]:
    """A running mock for the whole session: for other processes and languages, with ``url`` and ``token``.

    It is the one that ``serving_mock`` uses; the token's workspace is the default one.
    """
    _check_neighbours()
    from . import testing

    server = testing.shared_server()
    if not server.running:
        server.start()
    yield server
    testing.stop_shared_server()


@pytest.fixture
def serving_mock(request: pytest.FixtureRequest) -> Iterator[ServingMock]:
    """A workspace of a running mock that belongs to this test alone and is gone after it."""
    _check_neighbours()
    from .testing import ServingMock

    options = _options(request)
    try:
        mock = ServingMock(name=request.node.nodeid, options=options)
    except (OSError, ValueError) as problem:
        raise pytest.UsageError(f"serving_mock: {problem}") from None
    yield mock
    mock.close()


def _options(request: pytest.FixtureRequest) -> Options:
    """The options of the test: those of its markers, the nearest first, then those of the configuration."""
    from .testing import Options

    given: dict[str, Any] = {name: _ini(request.config, name) for name in INI}
    given = {name: value for name, value in given.items() if value is not None}
    for marker in reversed(list(request.node.iter_markers(MARKER))):
        if marker.args:
            raise pytest.UsageError(f"@pytest.mark.{MARKER} takes options by name, such as provisioning=5")
        given.update(marker.kwargs)
    try:
        return Options(**given)
    except (TypeError, ValueError) as problem:
        raise pytest.UsageError(f"@pytest.mark.{MARKER}: {problem}; there are {', '.join(INI)}") from None


def _ini(config: pytest.Config, name: str) -> Any:
    text = str(config.getini(f"serving_mock_{name}") or "").strip()
    if not text:
        return None
    try:
        if name in ("provisioning", "auto_advance"):
            return float(text)
        if name == "seed":
            return int(text)
        if name == "strict":
            return {"true": True, "false": False, "1": True, "0": False}[text.lower()]
    except (KeyError, ValueError):
        raise pytest.UsageError(f"serving_mock_{name} = {text!r} cannot be understood: {INI[name]}") from None
    return str(config.rootpath / text) if name == "state" else text


def _check_neighbours() -> None:
    """See that ``openapi`` is ours: the name is a common one.

    Raises:
        pytest.UsageError: another package or folder of that name comes first on the path.
    """
    try:
        found = find_spec("openapi")
    except ValueError:  # a module that was put into sys.modules by hand
        found = None
    places = [Path(place).resolve() for place in (found.submodule_search_locations or ())] if found else []
    if HOME / "openapi" not in places:
        intruder = ", ".join(map(str, places)) or (found.origin if found else None) or "nothing that can be found"
        raise pytest.UsageError(
            f"The package 'openapi' of serving-endpoints-mock is hidden by {intruder}: it should be "
            f"{HOME / 'openapi'}; rename the intruder or take its folder off sys.path."
        )
