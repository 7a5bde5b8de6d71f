"""One function per operation of the contract, registered under its own name, which is the operationId."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pkgutil import iter_modules

from openapi import Spec

from ..messages import Call, Json, Reply, Stream

Answer = Json | Reply | Stream
Handler = Callable[[Call], Answer]

HANDLERS: dict[str, Handler] = {}


def handler(function: Handler) -> Handler:
    """Register a function as the handler of the operation it is named after."""
    HANDLERS[function.__name__] = function
    return function


def check_handlers(spec: Spec) -> None:
    """Load the handlers and compare them with the contract in both directions.

    Raises:
        RuntimeError: an operation has no handler, or a handler no operation.
    """
    for module in iter_modules(__path__):
        import_module(f"{__name__}.{module.name}")
    missing, superfluous = spec.operations.keys() - HANDLERS.keys(), HANDLERS.keys() - spec.operations.keys()
    if missing or superfluous:
        raise RuntimeError(f"operations without a handler: {sorted(missing)}; handlers without: {sorted(superfluous)}")
