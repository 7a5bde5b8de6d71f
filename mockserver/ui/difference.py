"""Configurations in readable rows, and what differs between two of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

UNTOLD = frozenset({"name", "state", "creator", "creation_timestamp", "foundation_model", "type"})
"""Members of a served entity that are not part of what was configured, or are shown elsewhere."""


_EXTERNAL = re.compile(r"^external_model\.(?:\w+_config\.)?")
"""What every setting of an external model begins with, and so tells nobody anything."""


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that another configuration has otherwise; ``None`` where there is nothing."""

    entity: str
    what: str
    before: str | None
    after: str | None


def told(entity: Mapping[str, Any]) -> dict[str, str]:
    """What was configured of a served entity, by place."""
    members = leaves({name: value for name, value in entity.items() if name not in UNTOLD})
    return {_EXTERNAL.sub("", place): text for place, text in members}


def between(active: Mapping[str, Any], pending: Mapping[str, Any]) -> list[Change]:
    """What the pending configuration changes, entity by entity."""
    before, after = _entities(active), _entities(pending)
    changes = []
    for name in dict.fromkeys((*before, *after)):
        old, new = before.get(name), after.get(name)
        if old is None or new is None:
            changes.append(Change(name, "Served entity", None if old is None else "served", "served" if new else None))
            continue
        for place in dict.fromkeys((*old, *new)):
            if old.get(place) != new.get(place):
                changes.append(Change(name, place, old.get(place), new.get(place)))
    return changes


def shares(config: Mapping[str, Any]) -> dict[str, int]:
    """Each served entity's share of the traffic, in percent."""
    routes = config.get("traffic_config", {}).get("routes", ())
    return {route["served_model_name"]: route["traffic_percentage"] for route in routes}


def _entities(config: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    traffic = shares(config)
    return {
        entity["name"]: {**told(entity), "traffic": f"{traffic.get(entity['name'], 0)} %"}
        for entity in config.get("served_entities", ())
    }


def leaves(value: Any, place: str = "") -> Iterator[tuple[str, str]]:
    """The values inside a JSON value with their places, as text."""
    if isinstance(value, Mapping):
        for name, member in value.items():
            yield from leaves(member, f"{place}.{name}" if place else name)
    elif isinstance(value, list) and any(isinstance(item, Mapping) for item in value):
        for index, item in enumerate(value):
            yield from leaves(item, f"{place}[{index}]")
    elif isinstance(value, list):
        yield place, ", ".join(map(str, value))
    elif isinstance(value, bool):
        yield place, "yes" if value else "no"
    elif value is not None:
        yield place, str(value)
