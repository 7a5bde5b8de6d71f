"""What is known of one endpoint from what was written to it and read of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from .echo import Difference, changes, echo_differences
from .exchange import Exchange

Json = Any
Kind = Literal["external", "custom", "provisioned", "none", "unknown"]


@dataclass
class Wanted:
    """A configuration that was asked for. ``routes`` is ``None`` when the traffic was left to the service."""

    version: int
    entities: list[dict[str, Json]]
    routes: dict[str, int] | None
    asked_at: float = 0.0
    capture: Json = None
    """Where requests are captured, as far as this configuration says so itself."""

    def names(self) -> list[str]:
        return [str(entity.get("name") or default_name(entity)) for entity in self.entities]


LONGEST_NAME = 255


def default_name(entity: Mapping[str, Json]) -> str:
    """The name that the service gives to an entity without one."""
    external = entity.get("external_model")
    if isinstance(external, dict):
        name = str(external.get("name", ""))
    else:
        name = str(entity.get("entity_name", "")).rsplit(".", 1)[-1] or "model"
        name = f"{name}-{entity['entity_version']}" if entity.get("entity_version") else name
    kept = (each if (each.isascii() and each.isalnum()) or each in "-_" else "-" for each in name)
    return "".join(kept)[:LONGEST_NAME]


def wanted_of(config: Json, version: int, asked_at: float, before: Wanted | None = None) -> Wanted | None:
    """The configuration that a request asks for; ``None`` when it asks for none."""
    if not isinstance(config, dict):
        return None
    entities = config.get("served_entities")
    if not entities and config.get("served_models"):
        entities = [_as_entity(model) for model in config["served_models"] if isinstance(model, dict)]
    if not entities:
        entities = before.entities if before else None
    if not isinstance(entities, list) or not all(isinstance(each, dict) for each in entities):
        return None
    routes = (config.get("traffic_config") or {}).get("routes") or None
    shares: dict[str, int] | None = None
    if routes:
        shares = {
            str(route.get("served_entity_name") or route.get("served_model_name")): int(route["traffic_percentage"])
            for route in routes
        }
    return Wanted(version, [dict(entity) for entity in entities], shares, asked_at, config.get("auto_capture_config"))


def _as_entity(model: Mapping[str, Json]) -> dict[str, Json]:
    entity = dict(model)
    entity["entity_name"] = entity.pop("model_name", None)
    entity["entity_version"] = entity.pop("model_version", None)
    return entity


@dataclass
class Known:
    """One endpoint, from its creation to its deletion."""

    name: str
    born: Exchange | None
    clock: int
    config: Wanted | None = None
    pending: Wanted | None = None
    members: dict[str, Json] = field(default_factory=dict)
    """Top-level members that reads must repeat: description, route_optimized, telemetry..."""
    tags: dict[str, Json] | None = field(default_factory=dict)
    gateway: Json = None
    notifications: Json = None
    mailed: bool = False
    """Whether notifications were given at creation, which reads do not show."""
    grants: dict[tuple[str, str], str] | None = None
    granted: bool = False
    """Whether a grant was written, so that grants that are not known are not those of a new endpoint."""
    id: str = ""
    created: int | None = None
    creator: str | None = None
    stopped: bool = False
    document: dict[str, Json] | None = None
    seen_at: int = 0
    explained: set[str] = field(default_factory=set)
    changed_at: float = 0.0
    writes: int = 0
    flying: int = 0
    written_at: int = 0
    unsure: bool = False

    @property
    def versions(self) -> int:
        latest = self.pending or self.config
        return latest.version if latest else 0

    @property
    def kind(self) -> Kind:
        wanted = self.pending or self.config
        if wanted is None or not wanted.entities:
            return "none"
        first = wanted.entities[0]
        if first.get("external_model"):
            return "external"
        units = ("provisioned_model_units", "min_provisioned_throughput", "max_provisioned_throughput")
        return "provisioned" if any(first.get(each) is not None for each in units) else "custom"

    def settle(self) -> None:
        """The pending configuration has become the one that serves."""
        self.config, self.pending, self.stopped = self.pending, None, False
        self.explained |= {"config", "pending_config", "state"}

    def adopt(self, document: dict[str, Json]) -> None:
        """Take a document for the truth, when the outcome of writes was not certain."""
        for member in ("config", "pending_config"):
            shown = document.get(member)
            wanted = wanted_of(shown, shown.get("config_version") or 0, 0.0) if isinstance(shown, dict) else None
            for entity in wanted.entities if wanted else ():
                entity.pop("state", None)
            if wanted and isinstance(wanted.capture, dict):
                wanted.capture = {key: value for key, value in wanted.capture.items() if key != "state"}
            setattr(self, "config" if member == "config" else "pending", wanted)
        self.tags = tags_of(document.get("tags"))
        self.gateway = document.get("ai_gateway")
        self.notifications = document.get("email_notifications")
        self.members = {key: document[key] for key in self.members if key in document}
        self.stopped = (document.get("state") or {}).get("suspend") == "STOPPED"
        self.grants = None
        self.unsure = False
        self.document = None
        self.explained = set()


def tags_of(tags: Json) -> dict[str, Json] | None:
    """Tags as a mapping; ``None`` when a key appears twice or they are no tags."""
    if tags is None:
        return {}
    if not isinstance(tags, list) or not all(isinstance(tag, dict) and isinstance(tag.get("key"), str) for tag in tags):
        return None
    found = {tag["key"]: tag.get("value") for tag in tags}
    return found if len(found) == len(tags) else None


def config_differences(wanted: Wanted, shown: Json, deployment: str | None) -> Iterator[Difference]:
    """Where a configuration that is shown is not the one that was asked for. ``deployment`` is the state that each
    entity must have."""
    if not isinstance(shown, dict):
        yield "", "a configuration", "(not there)"
        return
    if shown.get("config_version") != wanted.version or isinstance(shown.get("config_version"), bool):
        yield "config_version", wanted.version, shown.get("config_version")
    entities = [each for each in shown.get("served_entities") or [] if isinstance(each, dict)]
    named = {each.get("name"): each for each in entities}
    names = wanted.names()
    if sorted(map(str, named)) != sorted(names) or len(entities) != len(names):
        yield "served_entities", names, [each.get("name") for each in entities]
    for name, sent in zip(names, wanted.entities, strict=True):
        if name in named:
            yield from echo_differences(
                {key: value for key, value in sent.items() if key != "burst_scaling_enabled"},
                named[name],
                "served_entities[]",
            )
            state = (named[name].get("state") or {}).get("deployment")
            if deployment and state != deployment:
                yield "served_entities[].state.deployment", deployment, state
    yield from echo_differences(wanted.capture, shown.get("auto_capture_config"), "auto_capture_config")
    yield from _route_differences(wanted, names, shown)
    yield from mirror_differences(shown)


def _route_differences(wanted: Wanted, names: list[str], shown: dict[str, Json]) -> Iterator[Difference]:
    expected = wanted.routes if wanted.routes is not None else {names[0]: 100} if len(names) == 1 else None
    routes = (shown.get("traffic_config") or {}).get("routes") or []
    found = {route.get("served_entity_name") or route.get("served_model_name"): route for route in routes}
    shares = {name: route.get("traffic_percentage") for name, route in found.items()}
    if expected is not None and (shares != expected or len(routes) != len(expected)):
        yield "traffic_config", expected, shares


def mirror_differences(shown: dict[str, Json]) -> Iterator[Difference]:
    """Where the older names for entities and routes do not say the same as the present ones."""
    for route in (shown.get("traffic_config") or {}).get("routes") or []:
        if route.get("served_entity_name") != route.get("served_model_name"):
            yield "mirror.routes", route.get("served_entity_name"), route.get("served_model_name")
    registered = [each for each in shown.get("served_entities") or [] if "entity_name" in each]
    if "served_models" not in shown and registered:
        yield "mirror.served_models", [each.get("name") for each in registered], "(not there)"
    models = {each.get("name"): each for each in shown.get("served_models") or [] if isinstance(each, dict)}
    if len(models) != len(registered) and registered:
        yield "mirror.served_models", [each.get("name") for each in registered], sorted(map(str, models))
    for entity in registered:
        model = models.get(entity.get("name"), {})
        mirrored = {
            **{key: value for key, value in entity.items() if key not in ("entity_name", "entity_version")},
            "model_name": entity["entity_name"],
        }
        if "entity_version" in entity:
            mirrored["model_version"] = entity["entity_version"]
        yield from changes(mirrored, model, "mirror.served_models[]")
