"""The life of a serving endpoint as a function of time.

An update is stored as a deployment with a moment at which it ends; ``Endpoint.at(now)`` is the endpoint as it stands at
that moment. Nothing runs in the background and reading changes nothing, so the same code serves a running clock, a
test's clock and a store that several processes share.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Literal, NamedTuple

from .config import Config
from .refusals import bad_request, conflict, invalid

Json = Any
Outcome = Literal["READY", "FAILED", "ABORTED"]
ConfigUpdate = Literal["NOT_UPDATING", "IN_PROGRESS", "UPDATE_FAILED", "UPDATE_CANCELED"]
Deployed = Literal[
    "DEPLOYMENT_CREATING",
    "DEPLOYMENT_READY",
    "DEPLOYMENT_RECOVERING",
    "DEPLOYMENT_FAILED",
    "DEPLOYMENT_ABORTED",
    "DEPLOYMENT_STOPPED",
]

UPDATING = "Endpoint served entities are currently being updated"
CREATING_MESSAGE = "Creating resources for served entity."
STOPPED_MESSAGE = "Stopped"
FAILED_MESSAGE = "Model server failed to load the model"
ABORTED_MESSAGE = (
    "Served model creation aborted because the endpoint update timed out. Please see service logs for more information."
)
TORN_DOWN_MESSAGE = "Served entity creation aborted because another served entity of the configuration failed."
"""The SDK says that this happens; what the service says of it is not known."""

RECOVERING_MESSAGE = "The machine of this served entity was lost. Creating resources for served entity."

Tag = Mapping[str, str]
"""A label of an endpoint, as it was given and is shown: a ``key``, and a ``value`` if it has one."""

MAX_TAGS = 20
REMEMBERED = 50
"""Ended deployments that an endpoint remembers; the earliest are forgotten first."""


class Plan(NamedTuple):
    """How a deployment will go: how many milliseconds it takes, how it ends, and the message of a failure.

    ``lost_after`` milliseconds after it ended well, the first entity loses its machine and gets another within
    ``recovery`` milliseconds.
    """

    duration: int
    outcome: Outcome = "READY"
    message: str = ""
    lost_after: int | None = None
    recovery: int = 0

    def loss(self, config: Config, due_at: int) -> Recovery | None:
        """When the machine is lost, if it is."""
        if self.lost_after is None or self.outcome != "READY":
            return None
        since = due_at + self.lost_after
        return Recovery(config.entities[0].name, since, since + self.recovery, RECOVERING_MESSAGE)


class Deployment(NamedTuple):
    """A configuration on its way: it started at one moment and ends at another, one way or the other."""

    config: Config
    started_at: int
    due_at: int
    outcome: Outcome = "READY"
    message: str = ""

    def is_over(self, now: int) -> bool:
        """Whether the deployment has ended by this moment."""
        return now >= self.due_at


class Ended(NamedTuple):
    """How and when the deployment of a version ended. ``message`` is the reason of a failure."""

    version: int
    moment: int
    outcome: Literal["READY", "FAILED", "ABORTED", "CANCELED"]
    message: str = ""


class Recovery(NamedTuple):
    """A stretch of time in which an entity that had been ready is not: it lost its machine and gets another."""

    entity: str
    since: int
    until: int
    message: str


class _Endpoint(NamedTuple):
    """What an endpoint consists of: a named tuple, as a frozen dataclass of so many members takes five times as long to
    make, and each creation makes some.
    """

    name: str
    id: str
    creator: str
    creator_display_name: str
    creator_kind: Literal["User", "ServicePrincipal"]
    created_at: int
    updated_at: int
    config: Config | None = None
    deployment: Deployment | None = None
    versions: int = 0
    canceled: bool = False
    stopped: bool = False
    description: str = ""
    tags: tuple[Tag, ...] = ()
    task: str | None = None
    route_optimized: bool = False
    budget_policy_id: str | None = None
    rate_limits: tuple[Mapping[str, Json], ...] = ()
    ai_gateway: Mapping[str, Json] | None = None
    email_notifications: Mapping[str, Json] | None = None
    notifications_shown: bool = False
    telemetry: Mapping[str, Json] | None = None
    recovery: Recovery | None = None
    past: tuple[Ended, ...] = ()


class Endpoint(_Endpoint):
    """A serving endpoint. Times are milliseconds since the epoch; mappings are never changed in place."""

    def at(self, now: int) -> Endpoint:
        """The endpoint as it stands at ``now``: a deployment that ended well has become the configuration."""
        deployment = self.deployment
        if deployment is None or not deployment.is_over(now) or deployment.outcome != "READY":
            return self
        return self._settled

    @cached_property
    def _settled(self) -> Endpoint:
        """The endpoint as it stands once its deployment has ended well."""
        assert self.deployment is not None
        return self._replace(config=self.deployment.config, deployment=None, stopped=False)

    def config_update(self, now: int) -> ConfigUpdate:
        """The state of the latest update."""
        settled = self.at(now)
        if settled.deployment is not None:
            return "UPDATE_FAILED" if settled.deployment.is_over(now) else "IN_PROGRESS"
        return "UPDATE_CANCELED" if settled.canceled else "NOT_UPDATING"

    def is_updating(self, now: int) -> bool:
        """Whether a deployment is under way."""
        return self.config_update(now) == "IN_PROGRESS"

    def is_ready(self, now: int) -> bool:
        """Whether the endpoint answers queries."""
        settled = self.at(now)
        return settled.config is not None and not settled.stopped

    def is_suspended(self, now: int) -> bool:
        """Whether the endpoint was stopped and is not being started again."""
        return self.at(now).stopped and not self.is_updating(now)

    def history(self, now: int) -> tuple[Ended, ...]:
        """The deployments that have ended by this moment, the earliest first."""
        deployment = self.deployment
        if deployment is None or not deployment.is_over(now):
            return self.past
        version, moment = deployment.config.version, deployment.due_at
        return (*self.past[1 - REMEMBERED :], Ended(version, moment, deployment.outcome, deployment.message))

    @property
    def any_config(self) -> Config | None:
        """What is served, or else what is on its way."""
        return self.config or (self.deployment.config if self.deployment else None)

    def update(self, config: Config, plan: Plan, now: int) -> Endpoint:
        """Start to deploy another configuration; the present one goes on serving until that has succeeded.

        Raises:
            Refusal: 409 RESOURCE_CONFLICT while another deployment is under way.
        """
        self.check_settled(now)
        deployment = Deployment(config, now, now + plan.duration, plan.outcome, plan.message)
        return self.at(now)._replace(
            deployment=deployment,
            versions=config.version,
            canceled=False,
            updated_at=now,
            recovery=plan.loss(config, deployment.due_at),
            past=self.history(now),
        )

    def renamed(self, name: str, identifier: str, now: int) -> Endpoint:
        """The endpoint as it would be if it had been created under another name, at ``now`` of the same second."""
        deployment = self.deployment
        if deployment is not None:
            config, started_at, due_at, outcome, message = deployment
            deployment = Deployment(config, now, now + due_at - started_at, outcome, message)
        return self._replace(name=name, id=identifier, created_at=now, updated_at=now, deployment=deployment)

    def cancel(self, now: int) -> Endpoint:
        """Give up the deployment under way: what was served before goes on serving.

        Raises:
            Refusal: 400 when nothing is being deployed.
        """
        if self.deployment is None or not self.is_updating(now):
            raise bad_request(f"Endpoint '{self.name}' has no update in progress that could be cancelled.")
        canceled = Ended(self.deployment.config.version, now, "CANCELED")
        past = (*self.past[1 - REMEMBERED :], canceled)
        return self._replace(deployment=None, canceled=True, updated_at=now, past=past)

    def stop(self, now: int) -> Endpoint:
        """Take the endpoint out of service and keep its configuration.

        Raises:
            Refusal: 409 during an update, 400 when there is nothing to stop.
        """
        self.check_settled(now)
        settled = self.at(now)
        if settled.config is None:
            raise bad_request(f"Endpoint '{self.name}' has no configuration that is served, so it cannot be stopped.")
        if settled.stopped:
            return settled
        past = self.history(now)
        return settled._replace(stopped=True, deployment=None, canceled=False, updated_at=now, past=past)

    def start(self, plan: Plan, now: int) -> Endpoint:
        """Deploy the configuration of a stopped endpoint again, as a new version.

        Raises:
            Refusal: 409 during an update, 400 when the endpoint is not stopped.
        """
        self.check_settled(now)
        settled = self.at(now)
        if not settled.stopped or settled.config is None:
            raise bad_request(f"Endpoint '{self.name}' is not stopped.")
        return self.update(settled.config._replace(version=settled.versions + 1), plan, now)

    def entity_state(self, name: str, now: int, *, pending: bool) -> tuple[Deployed, str]:
        """The deployment state of one entity and its message, in the pending or in the active configuration."""
        if pending and self.deployment is not None:
            deployment = self.deployment
            if not deployment.is_over(now):
                return "DEPLOYMENT_CREATING", CREATING_MESSAGE
            if deployment.outcome == "ABORTED":
                return "DEPLOYMENT_ABORTED", deployment.message or ABORTED_MESSAGE
            if name != deployment.config.entities[0].name:
                return "DEPLOYMENT_ABORTED", TORN_DOWN_MESSAGE
            return "DEPLOYMENT_FAILED", deployment.message or FAILED_MESSAGE
        if self.stopped:
            return "DEPLOYMENT_STOPPED", STOPPED_MESSAGE
        recovery = self.recovery
        if recovery is not None and recovery.entity == name and recovery.since <= now < recovery.until:
            return "DEPLOYMENT_RECOVERING", recovery.message
        return "DEPLOYMENT_READY", ""

    def tag(self, add: tuple[Tag, ...], delete: tuple[str, ...], now: int) -> Endpoint:
        """Set and remove tags; a key that is both added and deleted ends up deleted.

        Raises:
            Refusal: there would be too many tags.
        """
        tags = {tag["key"]: tag for tag in self.tags}
        tags.update({tag["key"]: tag for tag in add})
        for key in delete:
            tags.pop(key, None)
        if len(tags) > MAX_TAGS:
            raise invalid(f"An endpoint can have at most {MAX_TAGS} tags; this would make {len(tags)}.")
        return self.changed(now, tags=tuple(tags.values()))

    def changed(self, now: int, **settings: Any) -> Endpoint:
        """The endpoint with these fields set; one that has them already stays as it is, and its last update too."""
        if all(getattr(self, name) == value for name, value in settings.items()):
            return self
        return self._replace(**settings, updated_at=now)

    def check_settled(self, now: int) -> None:
        """Raises Refusal, 409 RESOURCE_CONFLICT, while a deployment is under way."""
        if self.is_updating(now):
            raise conflict(UPDATING)
