"""What has happened to an endpoint, from the journal and from its own dates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..domain.endpoint import Ended, Endpoint
from ..journal import Entry, Filter
from .session import Session

DEEDS = {
    "update_config": "Update started",
    "update_provisioned_throughput_config": "Update started",
    "cancel_update": "Update cancelled",
    "stop_endpoint": "Stopped",
    "start_endpoint": "Started again",
    "patch_tags": "Tags changed",
    "put_ai_gateway": "AI Gateway changed",
    "put_rate_limits": "Rate limits changed",
    "update_notifications": "Notifications changed",
    "patch_telemetry_config": "Telemetry changed",
}
SHOWN = 12
"""Events on the page; older ones are in the journal."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to the endpoint. ``tone`` is good, bad or plain."""

    moment: int
    text: str
    who: str | None = None
    tone: str = "plain"


def events_of(session: Session, view: Mapping[str, Any]) -> list[Event]:
    """The endpoint's latest events, the newest first."""
    endpoint = session.workspace.store.get(Endpoint, session.user.workspace, view["name"])
    events = [Event(view["creation_timestamp"], "Created", view["creator"])]
    for entry in _entries(session, view["name"]):
        if entry.status < 400 and entry.operation in DEEDS and entry.moment >= view["creation_timestamp"]:
            events.append(Event(entry.moment, DEEDS[entry.operation], entry.identity))
    told = {event.moment for event in events if event.text == DEEDS["cancel_update"]}
    events += (_event(ended) for ended in endpoint.history(session.now) if ended.moment not in told) if endpoint else ()
    return sorted(events, key=lambda event: event.moment)[: -SHOWN - 1 : -1]


def _entries(session: Session, name: str) -> Iterator[Entry]:
    for path in ("/api/2.0/*", "/ml/*"):
        for method in ("PUT", "PATCH", "POST"):
            only = Filter(endpoint=name, method=method, path=path)
            yield from session.workspace.journal.entries(session.user.workspace, only)


def _event(ended: Ended) -> Event:
    """How a deployment ended, which no request tells."""
    if ended.outcome == "READY":
        return Event(ended.moment, f"Version {ended.version} went into service", tone="good")
    if ended.outcome == "CANCELED":
        return Event(ended.moment, DEEDS["cancel_update"])
    return Event(ended.moment, f"Version {ended.version} failed: {ended.message or ended.outcome}", tone="bad")
