"""Log lines of a served entity, told from its history: the same history gives the same lines."""

from __future__ import annotations

from dataclasses import dataclass

from .config import Entity
from .endpoint import Deployed
from .metrics import Counts

SECOND = 1000


@dataclass(frozen=True, slots=True)
class Machine:
    """Where a model server runs."""

    replica: str
    address: str
    image: str
    process: int


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a log, without its time stamp. ``moment`` is in milliseconds since the epoch."""

    moment: int
    text: str


def service(
    entity: Entity, host: Machine, started: int, state: Deployed, message: str, counts: Counts | None
) -> list[Line]:
    """What the model server has printed."""
    tag = f"[{host.replica}]"
    if entity.kind == "external":
        external = entity.definition["external_model"]
        lines = [
            Line(started, f"{tag} [INFO] Registered route {entity.name} -> {external['provider']}/{external['name']}"),
            Line(started, f"{tag} [INFO] Requests of task {external['task']} go to {external['provider']}"),
        ]
    else:
        lines = [
            Line(started, f"{tag} [INFO] Starting model server for {entity.model}, version {_version(entity)}"),
            Line(started, f"{tag} [INFO] Listening at: http://{host.address}:8080 (pid {host.process})"),
            Line(started + SECOND, f"{tag} [INFO] Booting worker with pid: {host.process + 7}"),
        ]
    if state in ("DEPLOYMENT_FAILED", "DEPLOYMENT_ABORTED"):
        return [*lines, Line(started + 2 * SECOND, f"{tag} [ERROR] {message}")]
    if state == "DEPLOYMENT_CREATING":
        return lines
    lines.append(Line(started + 2 * SECOND, f"{tag} [INFO] {entity.name} is ready to answer requests"))
    if counts is not None and counts.requests:
        errors = counts.client_errors + counts.server_errors
        mean = counts.latency_sum / counts.requests
        summary = f"{counts.requests} requests answered, {errors} with an error, {mean:.1f} ms on average"
        lines.append(Line(started + 3 * SECOND, f"{tag} [INFO] {summary}"))
    if state == "DEPLOYMENT_STOPPED":
        lines.append(Line(started + 4 * SECOND, f"{tag} [INFO] Handling signal: term; worker exiting"))
    return lines


def build(entity: Entity, host: Machine, started: int, progress: float, *, failed: bool) -> list[Line]:
    """What building the container has printed so far; ``progress`` runs from 0 to 1."""
    steps = [
        f"Building container image {host.image} for {entity.model}, version {_version(entity)}",
        "Downloading model artifacts",
        "Creating the environment from the model's requirements",
        "Installing build dependencies: started",
        "Installing build dependencies: finished with status 'done'",
        f"Pushing image {host.image}",
        "Container image creation completed successfully.",
    ]
    if failed:
        steps[4:] = ["The environment could not be created; see the service logs of the served entity."]
    shown = max(1, min(len(steps), round(progress * len(steps))))
    return [Line(started + index * SECOND // 4, f"#{index + 1} {step}") for index, step in enumerate(steps[:shown])]


def _version(entity: Entity) -> str:
    return str(entity.definition.get("entity_version", "latest"))
