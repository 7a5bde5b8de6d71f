"""The endpoint a query is for: found by name on the data plane, permitted, ready, and the body not too large for it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from .. import catalog
from ..auth import workspace_id
from ..domain import views
from ..domain.config import Entity, Route
from ..domain.endpoint import Endpoint
from ..domain.inference.profiles import ModelProfile
from ..domain.permissions import suffices
from ..errors import BadRequest, EndpointNotFound, PayloadTooLarge, PermissionDenied, Unauthenticated
from ..limits import Place
from ..messages import Call, Json
from .access import FoundationSettings, Snapshot, foundation_endpoints, level_of
from .rendering import authorization_details, endpoint_url

NO_ENDPOINT = (
    "The given endpoint does not exist, please retry after checking the specified model and version deployment exists."
)
STOPPED = "The given endpoint is stopped, please retry after starting the endpoint."
NOT_READY = "The given endpoint is not ready, please retry after its deployment has finished."
OWN_URL_ONLY_SINCE = 1_758_499_200_000
"""2025-09-22 in milliseconds: route-optimised endpoints made since then are not queried through the workspace's URL,
says the documentation ("Query route-optimized serving endpoints"). What the refusal says is not published.
"""
MAX_CUSTOM_BODY = 16 * 2**20
MAX_BODY = 4 * 2**20
"""Bytes of a request to foundation models, external models and agents; custom models take more."""


class QueryDenied(PermissionDenied):
    """The data plane's refusal, which has no details."""

    detailed = False


@dataclass(frozen=True, slots=True)
class Served:
    """One model behind an endpoint: the name its answers are told apart by, and how it answers.

    ``profile`` is ``None`` for a custom model without a task, ``entity`` for a pay-per-token model.
    """

    name: str
    profile: ModelProfile | None
    entity: Entity | None = None
    recovering: bool = False


class Gateway(NamedTuple):
    """What an endpoint's AI gateway does with its queries; its rate limits are among the endpoint's.

    ``input`` and ``output`` are the guardrails' rules; with ``masks`` personal data is taken out of answers.
    """

    input: Mapping[str, Json] | None = None
    output: Mapping[str, Json] | None = None
    masks: bool = False
    falls_back: bool = False
    logs: bool = False
    tracks_usage: bool = False


NO_GATEWAY = Gateway()


class Target(NamedTuple):
    """An endpoint that is ready to answer, as its configuration in force describes it.

    ``logged``: whether requests and answers are kept as payloads.
    """

    name: str
    place: Place
    task: str | None
    served: tuple[Served, ...]
    routes: tuple[Route, ...]
    limits: tuple[Mapping[str, Json], ...] = ()
    gateway: Gateway = NO_GATEWAY
    logged: bool = False
    scales_to_zero: bool = False
    deployed_at: int = 0

    @property
    def hosted(self) -> bool:
        """Whether the models run on Databricks, which makes them refuse fields they do not know."""
        profile = self.served[0].profile
        return profile is not None and profile.hosted

    @property
    def takes_older_completions(self) -> bool:
        """Whether it is a language model of the user's own with provisioned throughput.

        One was recorded in 2024 that took ``inputs`` and ``params``.
        """
        entity = self.served[0].entity
        return entity is not None and entity.is_own_language_model and self.task != "llm/v1/embeddings"

    @property
    def lasting(self) -> bool:
        """Whether the endpoint is a pay-per-token one, which cannot be deleted."""
        return self.place[1] == self.name

    def model(self, name: str) -> Served | None:
        """The served model of this name."""
        for served in self.served:
            if served.name == name:
                return served
        return None


def find(call: Call, name: str) -> Target:
    """The endpoint of this name, if the caller may query it and it is ready.

    Raises:
        EndpointNotFound: there is none, in the data plane's words.
        QueryDenied: the caller may not query it.
        BadRequest: it is stopped or not ready yet, or is queried through its own URL only.
        PayloadTooLarge: the body is larger than its models take.
    """
    endpoint = call.mock.store.get(Endpoint, call.workspace, name)
    if endpoint is None:
        target = _foundation_target(call, name)
    else:
        target = _permitted(call, endpoint)
        if endpoint.route_optimized and endpoint.created_at >= OWN_URL_ONLY_SINCE and not call.request.from_page:
            raise BadRequest(
                f"Endpoint '{name}' is route-optimised, and such endpoints are not queried through the workspace's URL "
                f"when they were created since 2025-09-22. Send the query to {endpoint_url(call, endpoint)} with an "
                "OAuth token that was requested with the authorization_details of the endpoint's data_plane_info, as "
                "WorkspaceClient.serving_endpoints_data_plane.query does."
            )
    _check_size(call, target)
    return target


def find_route_optimized(call: Call) -> Target:
    """The route-optimised endpoint that the path names, for a caller with a data-plane token made for it."""
    if not call.identity.oauth:
        raise Unauthenticated
    name = call.parameters["name"]
    endpoint = call.mock.store.get(Endpoint, call.workspace, name)
    belongs = call.parameters["workspace_id"] == workspace_id(call.workspace)
    if endpoint is None or not endpoint.route_optimized or not belongs:
        raise EndpointNotFound(NO_ENDPOINT)
    if call.identity.audience != authorization_details(endpoint):
        # The service prints the audience of the token it was given, and an empty one for what it wanted.
        was = hashlib.md5((call.identity.audience or call.workspace).encode(), usedforsecurity=False).hexdigest()
        audience = f"{was[:8]}-{was[8:12]}-{was[12:16]}-{was[16:20]}-{was[20:]}"
        raise BadRequest(f"io.jsonwebtoken.IncorrectClaimException: Expected aud claim to be: , but was: {audience}.")
    target = _permitted(call, endpoint)
    _check_size(call, target)
    return target


def still_there(call: Call, target: Target) -> bool:
    """Whether the endpoint has not been deleted since it was found."""
    workspace, identifier = target.place
    endpoint = call.mock.store.get(Endpoint, workspace, target.name)
    return endpoint is not None and endpoint.id == identifier


def _permitted(call: Call, endpoint: Endpoint) -> Target:
    """The endpoint as it answers, if the caller may query it."""
    if not suffices(level_of(call, endpoint, Snapshot(call)), "CAN_QUERY"):
        raise QueryDenied(f"User does not have permission 'Query' on Endpoint {endpoint.name}")
    return target_of(call, endpoint)


def _check_size(call: Call, target: Target) -> None:
    most = MAX_CUSTOM_BODY if target.task is None else MAX_BODY
    size = len(call.request.body)
    if size > most:
        raise PayloadTooLarge(f"The request body has {size} bytes; at most {most} are accepted.")


def target_of(call: Call, endpoint: Endpoint) -> Target:
    """What a query of this endpoint is about. Raises BadRequest when it is stopped or not ready yet."""
    now = call.now
    endpoint = endpoint.at(now)
    if endpoint.stopped:
        raise BadRequest(STOPPED)
    config = endpoint.config
    if config is None:
        raise BadRequest(NOT_READY)
    task = views.task_of(endpoint)
    served = tuple(
        Served(
            entity.name,
            profile_of(entity, task),
            entity,
            endpoint.entity_state(entity.name, now, pending=False)[0] == "DEPLOYMENT_RECOVERING",
        )
        for entity in config.entities
    )
    gateway = _gateway(endpoint.ai_gateway)
    return Target(
        endpoint.name,
        (call.workspace, endpoint.id),
        task,
        served,
        config.routes,
        _limits(endpoint),
        gateway,
        logged=gateway.logs or bool(config.auto_capture and config.auto_capture.get("enabled", True)),
        scales_to_zero=any(entity.definition.get("scale_to_zero_enabled") for entity in config.entities),
        deployed_at=max(entity.created_at for entity in config.entities),
    )


def profile_of(entity: Entity, task: str | None) -> ModelProfile | None:
    """How an entity answers when it is asked in the form of this task."""
    if entity.kind == "external":
        external = entity.definition["external_model"]
        return catalog.external_profile(external["provider"], external["name"])
    if entity.kind == "provisioned" or entity.model.startswith("system.ai."):
        return catalog.hosted_profile(entity.model)
    return None if task is None else catalog.custom_profile(entity.model)


def _foundation_target(call: Call, name: str) -> Target:
    model = foundation_endpoints().get(name) or _by_newer_name().get(name)
    if model is None:
        raise EndpointNotFound(NO_ENDPOINT)
    place = call.workspace, model.name
    settings = call.mock.store.get(FoundationSettings, *place)
    if settings is None:
        return Target(model.name, place, model.task, *_alone(model.name))
    gateway = _gateway(settings.ai_gateway)
    return Target(
        model.name,
        place,
        model.task,
        *_alone(model.name),
        _limits(settings),
        gateway,
        gateway.logs,
    )


def _limits(configured: Endpoint | FoundationSettings) -> tuple[Mapping[str, Json], ...]:
    """The rate limits of an endpoint, those of its AI gateway among them."""
    return (*configured.rate_limits, *((configured.ai_gateway or {}).get("rate_limits") or ()))


def _gateway(configured: Mapping[str, Json] | None) -> Gateway:
    if not configured:
        return NO_GATEWAY
    guardrails = configured.get("guardrails") or {}
    output = guardrails.get("output") or None
    return Gateway(
        input=guardrails.get("input") or None,
        output=output,
        masks=bool(output and (output.get("pii") or {}).get("behavior") == "MASK"),
        falls_back=_is_enabled(configured, "fallback_config"),
        logs=_is_enabled(configured, "inference_table_config"),
        tracks_usage=_is_enabled(configured, "usage_tracking_config"),
    )


def _is_enabled(configured: Mapping[str, Json], part: str) -> bool:
    return bool((configured.get(part) or {}).get("enabled"))


@cache
def _alone(name: str) -> tuple[tuple[Served, ...], tuple[Route, ...]]:
    """The one model behind a pay-per-token endpoint, and its traffic."""
    return (Served(name, foundation_endpoints()[name].profile),), (Route(name, 100),)


@cache
def _by_newer_name() -> dict[str, catalog.FoundationModel]:
    """The pay-per-token models by their newer names: their entity's, and ``system.ai.`` with the endpoint's."""
    models = catalog.foundation_models()
    short = {f"system.ai.{model.name.removeprefix('databricks-')}": model for model in models}
    return short | {model.entity_name: model for model in models}
