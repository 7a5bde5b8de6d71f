"""One function per operation of the contract, registered under its own name, which is the operationId."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib import import_module
from threading import RLock
from typing import Protocol

from openapi import Spec

from ..errors import ApiError
from ..messages import Call, Json, Listing, Reply, Stream

Answer = Json | Listing | Reply | Stream
Handler = Callable[[Call], Answer]


class Refuser(Protocol):
    """A handler that is also given the refusal which the contract has ready."""

    def __call__(self, call: Call, refusal: ApiError) -> Answer: ...


CONTROL_PLANE = ("endpoints", "creations", "gateway", "permissions", "workspace", "observability", "external_function")
QUERIES = ("queries",)
"""The modules with handlers; those of the queries bring the models with them, and take much longer to import."""


IMPORTING = RLock()
"""Held by whoever imports modules while the server runs. Under pytest, which parses the package to rewrite it, Python
3.11 may fail when two threads have it parse at once (https://github.com/python/cpython/issues/106905).
"""


class _Handlers(dict[str, Handler]):
    """The handlers by operation; modules are imported when an operation of theirs is first asked for."""

    def __missing__(self, operation: str) -> Handler:
        for module in (*CONTROL_PLANE, *QUERIES):
            _import(module)
            if operation in self:
                return self[operation]
        raise KeyError(operation)


HANDLERS: dict[str, Handler] = _Handlers()
REFUSERS: dict[str, Refuser] = {}
_FOUND: list[Handler] = []
"""The handlers of modules that are still being imported: what they call may not be there yet."""


def _import(module: str) -> None:
    """Import a module and register its handlers."""
    name = f"{__name__}.{module}"
    with IMPORTING:
        import_module(name)
    HANDLERS.update({found.__name__: found for found in [*_FOUND] if found.__module__ == name})


def handler(function: Handler) -> Handler:
    """Let a function be the handler of the operation it is named after, once its module has been imported."""
    _FOUND.append(function)
    return function


def refuser(*operations: str) -> Callable[[Refuser], Refuser]:
    """Let a function answer requests to these operations whose body cannot be read or breaks the contract."""

    def register(function: Refuser) -> Refuser:
        REFUSERS.update(dict.fromkeys(operations, function))
        return function

    return register


def refusing(operation: str, refusal: ApiError) -> Handler:
    """What handles a request whose body was refused: the operation's refuser, if it has one.

    Raises:
        ApiError: it has none, so the refusal stands.
    """
    _ = HANDLERS[operation]  # the module that has it registers the refuser, too
    function = REFUSERS.get(operation)
    if function is None:
        raise refusal
    return partial(function, refusal=refusal)


def load(spec: Spec) -> None:
    """Load every handler and compare them with the contract in both directions.

    Raises:
        RuntimeError: an operation has no handler, or a handler no operation.
    """
    for module in (*CONTROL_PLANE, *QUERIES):
        _import(module)
    missing, superfluous = spec.operations.keys() - HANDLERS.keys(), HANDLERS.keys() - spec.operations.keys()
    if missing or superfluous:
        raise RuntimeError(f"operations without a handler: {sorted(missing)}; handlers without: {sorted(superfluous)}")
