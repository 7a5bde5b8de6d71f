"""Whether imported records can be served: what the codec takes may still be nothing that a handler could make."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from .clock import LAST
from .codec import encode
from .domain import views
from .domain.config import Config
from .domain.endpoint import Endpoint
from .domain.permissions import AccessList
from .domain.refusals import Refusal
from .domain.traffic import Pace
from .errors import ApiError
from .handlers import HANDLERS
from .handlers.access import FoundationSettings
from .handlers.external_function import Stub
from .handlers.queries_target import target_of
from .limits import requirements
from .messages import Call, Json, Request

if TYPE_CHECKING:
    from .core import Mock

BY_CONTROL: tuple[tuple[type, str], ...] = ((Pace, "Pace"), (Stub, "Upstream"))
"""The kinds of records that the control plane makes, and its schemas of them."""


def problems(mock: Mock, workspace: str) -> Iterator[str]:
    """What of the records in the mock's store could not be shown or queried, each with its place and the reason."""
    for key, endpoint in mock.store.items(Endpoint, workspace):
        for problem in _of_endpoint(mock, workspace, key, endpoint):
            yield f"records.{Endpoint.__name__}.{key}: {problem}"
    for key, settings in mock.store.items(FoundationSettings, workspace):
        for problem in (*_of_limits(mock, settings.rate_limits), *_of_gateway(mock, settings.ai_gateway)):
            yield f"records.{FoundationSettings.__name__}.{key}: {problem}"
    for key, access in mock.store.items(AccessList, workspace):
        if access.endpoint_id != key:
            yield f"records.{AccessList.__name__}.{key}: endpoint_id is {access.endpoint_id!r}, not the key"
    for kind, name in BY_CONTROL:
        found: list[tuple[str, Any]] = mock.store.items(kind, workspace)
        for key, record in found:
            for problem in _of_schema(name, record):
                yield f"records.{kind.__name__}.{key}: {problem}"


def _of_endpoint(mock: Mock, workspace: str, key: str, endpoint: Endpoint) -> Iterable[str]:
    """The first problems of one endpoint: what is found later may only follow from them."""
    if endpoint.name != key:
        return [f"name is {endpoint.name!r}, not the key"]
    checks: tuple[Callable[[], Iterable[str]], ...] = (
        lambda: _of_configs(endpoint),
        lambda: _of_moments(endpoint),
        lambda: _of_limits(mock, endpoint.rate_limits),
        lambda: _of_views(mock, workspace, endpoint),
    )
    return next((found for check in checks if (found := [*check()])), ())


def _of_configs(endpoint: Endpoint) -> Iterator[str]:
    for place, config in _configs(endpoint):
        names = [entity.name for entity in config.entities]
        if not names:
            yield f"{place}.entities is empty: a configuration serves at least one"
        if not config.routes:
            yield f"{place}.routes is empty: each entity has one"
        for route in config.routes:
            if route.entity not in names:
                yield f"{place}.routes: there is no entity {route.entity!r}; there are {', '.join(names)}"


def _configs(endpoint: Endpoint) -> Iterator[tuple[str, Config]]:
    if endpoint.config is not None:
        yield "config", endpoint.config
    if endpoint.deployment is not None:
        yield "deployment.config", endpoint.deployment.config


def _of_moments(endpoint: Endpoint) -> Iterator[str]:
    for place, moment in _moments(endpoint):
        if not 0 <= moment <= LAST:
            yield f"{place} is {moment}, not a moment from 1970 to the year 9999 in milliseconds"


def _moments(endpoint: Endpoint) -> Iterator[tuple[str, int]]:
    yield from (("created_at", endpoint.created_at), ("updated_at", endpoint.updated_at))
    if endpoint.deployment is not None:
        yield "deployment.started_at", endpoint.deployment.started_at
        yield "deployment.due_at", min(LAST, endpoint.deployment.due_at)  # which may lie beyond the end of time
    for place, config in _configs(endpoint):
        yield from ((f"{place}.entities.{entity.name}.created_at", entity.created_at) for entity in config.entities)
    yield from ((f"past[{index}].moment", ended.moment) for index, ended in enumerate(endpoint.past))


def _of_limits(mock: Mock, limits: Iterable[Json]) -> Iterator[str]:
    return _of_reply(mock, "put_rate_limits", lambda: {"rate_limits": [*limits]})


def _of_gateway(mock: Mock, gateway: Json) -> Iterator[str]:
    return _of_reply(mock, "put_ai_gateway", lambda: gateway or {})


def _of_views(mock: Mock, workspace: str, endpoint: Endpoint) -> Iterator[str]:
    """What is wrong with the endpoint as it is shown, listed and queried, now and when its deployment has ended."""
    now, identity = mock.clock.now(), mock.authenticator.administrator(workspace)
    get = mock.spec.operations["get_serving_endpoint"]
    request = Request(get.method, get.path, parameters={"name": endpoint.name})
    for moment in sorted({now, now if endpoint.deployment is None else max(now, endpoint.deployment.due_at)}):
        yield from _of_view(mock, endpoint, Call(mock, get, request, identity, None, moment, "", {}))


def _of_view(mock: Mock, endpoint: Endpoint, call: Call) -> Iterator[str]:
    yield from _of_reply(mock, call.operation.id, lambda: HANDLERS[call.operation.id](call))
    yield from _made(lambda: views.summary(endpoint, call.now, "CAN_MANAGE"))
    yield from _made(lambda: requirements(target_of(call, endpoint).limits, call.identity))


def _of_reply(mock: Mock, operation: str, make: Callable[[], Json]) -> Iterator[str]:
    """What is wrong with an answer of an operation, or why it cannot be made."""
    made: list[Json] = []
    yield from _made(lambda: made.append(make()))
    described = mock.spec.operations[operation]
    show = described.show(described.success)
    assert show is not None
    yield from (violation.message for body in made for violation in show(body).violations)


def _made(make: Callable[[], Any]) -> Iterator[str]:
    """Why something cannot be made; nothing when it can, or when the service would refuse it, too."""
    try:
        make()
    except (ApiError, Refusal):
        return
    except Exception as problem:  # whatever a handler stumbles over in a record that none has made
        yield f"cannot be served: {type(problem).__name__}: {problem}"


def _of_schema(name: str, record: object) -> Iterator[str]:
    from .control_operations import control_spec

    for violation in control_spec().schema(name).violations(encode(record)):
        yield violation.message
