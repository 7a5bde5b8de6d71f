"""Nothing left: a run deletes what it made and looks at the list; a sweep removes what killed runs left."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from .exchange import Asked, Exchange
from .ledger import PREFIX, remnants
from .safety import Guard, Profile
from .target import Target, TargetError
from .wire import Wire

LIST = "/api/2.0/serving-endpoints"
ATTEMPTS = 4
RECENT = 3600.0


@dataclass
class Survivors:
    """What could not be removed, and why."""

    names: list[str] = field(default_factory=list)
    reasons: dict[str, str] = field(default_factory=dict)
    proof: Exchange | None = None
    unfaithful: list[str] = field(default_factory=list)
    """Endpoints whose deletion the target confirmed and which it lists all the same: broken contract, not leftovers."""


def clean_up(guard: Guard, progress: Callable[[str], None]) -> Survivors:
    """Delete everything of this run's that may exist, and look at the list whether it is gone."""
    if guard.rights.profile is not Profile.WRITE:
        return Survivors()
    progress("cleaning up")
    survivors = Survivors()
    headers = guard.target.headers_for("caller")
    confirmed: set[str] = set()
    for attempt in range(ATTEMPTS):
        listed = _listed(guard.clean_up(Asked("GET", LIST, headers, origin="clean-up")))
        names = guard.ledger.names.keys() - confirmed if listed is None else _own(guard, listed)
        if not names:
            break
        for name in sorted(names):
            reply = guard.clean_up(Asked("DELETE", f"{LIST}/{name}", headers, origin="clean-up"))
            if reply.ok or reply.status == 404:
                confirmed.add(name)
            survivors.reasons[name] = f"DELETE was answered {reply.status or reply.failure}"
        time.sleep(0.1 * attempt)
    survivors.proof = guard.clean_up(Asked("GET", LIST, headers, origin="clean-up"))
    listed = _listed(survivors.proof)
    left = guard.ledger.names.keys() - confirmed if listed is None else _own(guard, listed)
    survivors.unfaithful = sorted(left & confirmed)
    survivors.names = sorted(left - confirmed)
    if not left:
        guard.ledger.names.clear()
        guard.ledger.close()
    return survivors


def _own(guard: Guard, listed: dict[str, Any]) -> set[str]:
    return {name for name in listed if name.startswith(guard.rights.prefix)}


def _listed(exchange: Exchange) -> dict[str, Any] | None:
    """The endpoints of a list by name; ``None`` when there is no list."""
    reply = exchange.reply
    if not exchange.ok or not isinstance(reply, dict):
        return None
    items = [item for item in reply.get("endpoints") or [] if isinstance(item, dict)]
    return {str(item.get("name")): item for item in items}


@dataclass
class Swept:
    """What a sweep removed, left alone because a run may still use it, and could not remove."""

    removed: list[str] = field(default_factory=list)
    spared: list[str] = field(default_factory=list)
    survivors: list[str] = field(default_factory=list)


def sweep(target: Target, older_than: float | None = None, dry_run: bool = False) -> Swept:
    """Remove what killed runs left on a target. Raises ``TargetError`` when the target cannot be listed.

    A name is swept when the ledger of a dead process of this machine has its prefix, or when it is older than
    ``older_than`` seconds (an hour by default; any age on loopback, where every run is of this machine).
    """
    wire = Wire(target, 30.0)
    headers = target.headers_for("caller")
    before = _listed(wire.send(Asked("GET", LIST, headers)))
    if before is None:
        raise TargetError(f"{target.url} cannot be listed")
    mine = [each for each in remnants() if each.url == target.url]
    alive = {each.prefix for each in mine if each.alive}
    dead = {each.prefix for each in mine if not each.alive}
    age = older_than if older_than is not None else 0.0 if target.is_loopback else RECENT
    swept = Swept()
    for name, item in before.items():
        hit = PREFIX.match(name)
        if not hit:
            continue
        old = time.time() - (item.get("creation_timestamp") or 0) / 1000 >= age
        if hit.group() in alive or not (hit.group() in dead or old):
            swept.spared.append(name)
        else:
            swept.removed.append(name)
    if not dry_run:
        _remove(wire, headers, swept)
        for each in mine:
            if not each.alive and not any(name.startswith(each.prefix) for name in swept.survivors):
                each.path.unlink(missing_ok=True)
    return swept


def _remove(wire: Wire, headers: Any, swept: Swept) -> None:
    for _ in range(2):
        for name in _still_there(wire, headers, swept.removed):
            wire.send(Asked("DELETE", f"{LIST}/{name}", headers))
    swept.survivors = _still_there(wire, headers, swept.removed)
    swept.removed = [name for name in swept.removed if name not in swept.survivors]


def _still_there(wire: Wire, headers: Any, names: Iterable[str]) -> list[str]:
    listed = _listed(wire.send(Asked("GET", LIST, headers)))
    return list(names) if listed is None else [name for name in names if name in listed]
