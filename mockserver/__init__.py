"""A local fake of Databricks Model Serving: stateful, deterministic, driven by the contract in ``openapi``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .core import Mock
    from .server import MockServer
    from .settings import Settings
    from .testing import ServingMock, mock_serving

__version__ = "0.1.0"
__all__ = ["Mock", "MockServer", "ServingMock", "Settings", "__version__", "mock_serving"]

_HOMES = {
    "Mock": "core",
    "MockServer": "server",
    "Settings": "settings",
    "ServingMock": "testing",
    "mock_serving": "testing",
}


def __getattr__(name: str) -> Any:
    """Import the public classes on first use, so that ``import mockserver`` costs nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f".{_HOMES[name]}", __name__), name)
