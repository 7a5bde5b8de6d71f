"""Rate limits: who may still call an endpoint, and when those who may not can try again.

The well-known ``limits`` package cannot be used: its memory storage reads ``time.time()`` itself and clears up from a
timer thread, so its windows would not follow the mock's clock; and it has no way to charge tokens after the answer.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from .auth import Identity
from .errors import RequestLimitExceeded
from .memory_store import MemoryStore
from .store import Store

Json = Any
Unit = Literal["calls", "tokens"]
Place = tuple[str, str]
"""The workspace and the endpoint's id whose use is counted."""

WINDOW = 60_000
"""Milliseconds of the rolling window; the only renewal period there is, is the minute."""

OVERTAKEN = 5_000
"""Milliseconds by which requests may overtake one another on their way to being counted."""

MANY = 500
"""Moments that a window tells apart to the millisecond: it is written down as a whole with every call."""

_SCOPES = {
    "endpoint": "endpoint",
    "user": "user",
    "user_group": "user group",
    "service_principal": "service principal",
}
_RATES = {"calls": "Requests-per-minute (RPM)", "tokens": "Tokens-per-minute (TPM)"}
_HEADERS = {"calls": "Requests", "tokens": "Tokens"}


@dataclass(frozen=True, slots=True)
class Allowance:
    """So many calls or tokens a minute for everybody who is counted under ``subject``."""

    subject: str
    allowed: int


@dataclass(frozen=True, slots=True)
class Requirement:
    """What must hold before a caller is let in: at least one of the allowances has something left."""

    scope: str
    unit: Unit
    allowances: tuple[Allowance, ...]


def requirements(limits: Iterable[Mapping[str, Json]], identity: Identity) -> tuple[Requirement, ...]:
    """What the configured limits ask of this caller.

    The endpoint's limits hold for everybody. Of the others the most particular kind counts: a limit for this very user
    or service principal, else those of its groups (each shared by its members; the caller is refused only when all of
    them are used up), else the one for every user. Calls and tokens are judged apart.
    """
    given = list(limits)
    if not given:
        return ()
    found: list[Requirement] = []
    units: tuple[Unit, ...] = ("calls", "tokens")
    for unit in units:
        own: list[Requirement] = []
        groups: list[Allowance] = []
        everybody: list[Requirement] = []
        for limit in given:
            allowed = limit.get(unit)
            if allowed is None:
                continue
            key, principal = limit.get("key") or "endpoint", limit.get("principal")
            personal = Requirement(key, unit, (Allowance(f"user:{identity.name}", int(allowed)),))
            if key == "endpoint":
                found.append(Requirement(key, unit, (Allowance("endpoint", int(allowed)),)))
            elif key == "user_group":
                if principal in _groups_of(identity):
                    groups.append(Allowance(f"group:{principal}", int(allowed)))
            elif principal == identity.name:
                own.append(personal)
            elif not principal:
                everybody.append(personal)
        if own:
            found += own
        elif groups:
            found.append(Requirement("user_group", unit, tuple(groups)))
        else:
            found += everybody
    return tuple(found)


def _groups_of(identity: Identity) -> set[str]:
    return {principal.name for principal in identity.principals if principal.kind == "group_name"}


class Limiter:
    """Counts calls and tokens over the last minute. All that is counted stays in here, behind three methods."""

    def __init__(self, store: Store | None = None) -> None:
        self._windows = (store or MemoryStore()).documents(Windows)

    def admit(self, place: Place, name: str, required: tuple[Requirement, ...], now: int) -> dict[str, str]:
        """Count one call, when every requirement holds. Returns the headers that tell what is left.

        Raises:
            RequestLimitExceeded: one does not hold; nothing is counted, and ``Retry-After`` says when it will.
        """
        if not required:
            return {}
        with self._windows.changing(*place) as windows:
            waits = [(windows.wait(requirement, now), requirement) for requirement in required]
            longest, requirement = max(waits, key=lambda wait: wait[0])
            if longest == 0:
                windows.count(required, "calls", 1, now)
            headers = windows.headers(required, now)
        if longest == 0:
            return headers
        raise RequestLimitExceeded(
            f"User defined rate limit(s) exceeded for '{name}'. {_RATES[requirement.unit]} rate limit exceeded for "
            f"{_SCOPES[requirement.scope]}",
            {"Retry-After": str(_seconds(longest)), **headers},
        )

    def charge(self, place: Place, required: tuple[Requirement, ...], tokens: int, now: int) -> None:
        """Count the tokens of an answered call."""
        if tokens > 0 and any(requirement.unit == "tokens" for requirement in required):
            with self._windows.changing(*place) as windows:
                windows.count(required, "tokens", tokens, now)

    def clear(self, workspace: str) -> None:
        """Forget what was counted in one workspace."""
        self._windows.clear(workspace)


@dataclass(slots=True)
class Windows:
    """What is counted of one endpoint, by the unit and whose use it is."""

    windows: dict[str, _Window] = field(default_factory=dict)

    def wait(self, requirement: Requirement, now: int) -> int:
        """Milliseconds until the requirement holds; 0 when it does."""
        return min(
            self._window(allowance.subject, requirement.unit).wait(allowance.allowed, now)
            for allowance in requirement.allowances
        )

    def count(self, required: tuple[Requirement, ...], unit: Unit, amount: int, now: int) -> None:
        """Count an amount under every subject that a requirement of this unit names."""
        subjects = {
            allowance.subject
            for requirement in required
            if requirement.unit == unit
            for allowance in requirement.allowances
        }
        for subject in subjects:
            self._window(subject, unit).add(amount, now)

    def headers(self, required: tuple[Requirement, ...], now: int) -> dict[str, str]:
        """What is left of the tightest allowance of each unit, in the headers that the gateway's proxies hand on."""
        tightest: dict[Unit, tuple[int, int, int]] = {}
        for requirement in required:
            for allowance in requirement.allowances:
                window = self._window(allowance.subject, requirement.unit)
                left = max(0, allowance.allowed - window.total(now))
                state = (left, allowance.allowed, _seconds(window.age_out(now)))
                tightest[requirement.unit] = min(tightest.get(requirement.unit, state), state)
        headers: dict[str, str] = {}
        for unit, (left, allowed, reset) in tightest.items():
            for part, value in (("Limit", allowed), ("Remaining", left), ("Reset", reset)):
                headers[f"X-Ratelimit-{part}-{_HEADERS[unit]}"] = str(value)
        return headers

    def _window(self, subject: str, unit: Unit) -> _Window:
        return self.windows.setdefault(f"{unit} {subject}", _Window())


class _Window:
    """Amounts of the last minute, in the order of the moments at which they were counted.

    Beyond MANY moments, those of the same tenth of a second are counted as the latest of them.
    """

    __slots__ = ("_entries", "_total")

    def __init__(self, entries: Iterable[tuple[int, int]] = ()) -> None:
        self._entries: deque[tuple[int, int]] = deque(entries)
        self._total = sum(amount for _, amount in self._entries)

    def to_json(self) -> Json:
        return list(self._entries)

    @classmethod
    def from_json(cls, value: Json) -> _Window:
        return cls((int(moment), int(amount)) for moment, amount in value)

    def total(self, now: int) -> int:
        entries = self._entries
        while entries and entries[0][0] <= now - WINDOW:
            self._total -= entries.popleft()[1]
        # A clock that was set back leaves entries of a future that has not happened: they are dropped, too. Those of
        # the next seconds are requests that began later than this one and were counted sooner.
        while entries and entries[-1][0] > now + OVERTAKEN:
            self._total -= entries.pop()[1]
        return self._total

    def add(self, amount: int, now: int) -> None:
        self._total += amount
        entries, grain = self._entries, 1 if len(self._entries) < MANY else 100
        overtaken = self._later(now, grain) if entries and entries[-1][0] > now else None
        if entries and entries[-1][0] // grain == now // grain:
            latest, counted = entries.pop()
            now, amount = latest if latest > now else now, amount + counted
        entries.append((now, amount))
        if overtaken:
            entries.extend(overtaken)

    def _later(self, now: int, grain: int) -> list[tuple[int, int]]:
        """Take out the entries that are later than what is counted now."""
        later: list[tuple[int, int]] = []
        while self._entries and self._entries[-1][0] // grain > now // grain:
            later.append(self._entries.pop())
        return later[::-1]

    def wait(self, allowed: int, now: int) -> int:
        """Milliseconds until less than ``allowed`` is counted; a whole window when that will never be."""
        total = self.total(now)
        if total < allowed:
            return 0
        if allowed <= 0:
            return WINDOW
        for moment, amount in self._entries:
            total -= amount
            if total < allowed:
                return moment + WINDOW - now
        return WINDOW

    def age_out(self, now: int) -> int:
        """Milliseconds until everything counted so far has left the window."""
        return self._entries[-1][0] + WINDOW - now if self._entries else 0


def _seconds(milliseconds: int) -> int:
    """Whole seconds, rounded up: whoever waits that long is let in."""
    return -(-milliseconds // 1000)
