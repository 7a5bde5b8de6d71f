"""Findings: a law, the exchange that broke it, what was expected and what came. And the table of what was checked."""

from __future__ import annotations

import re
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from .exchange import Exchange
from .laws import Law, law
from .routes import match

LONGEST_SEQUENCE = 8
ANY = "any"
"""As the law to stop at: any law."""

HOPELESS = 6
"""So many replies that did not come, or came much too late, end the run: the target is lost."""
_NUMBERS = re.compile(r"\d+|[0-9a-f]{8,}")


@dataclass
class Finding:
    """A law that was seen broken. ``steps`` is a short sequence that shows it; the last exchange is the proof."""

    law: Law
    operation: str
    where: str
    expected: str
    got: str
    steps: tuple[Exchange, ...]
    count: int = 1
    known: str = ""

    @property
    def exchange(self) -> Exchange:
        return self.steps[-1]

    @property
    def key(self) -> str:
        """What stays the same when the same fault is found again in another run."""
        return f"{self.law.id} {self.operation} {_NUMBERS.sub('#', self.where)}".strip()


def shown(value: Any, longest: int = 300) -> str:
    """A value in words short enough for a report."""
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= longest else f"{text[: longest - 20]}... ({len(text)} characters)"


@dataclass
class Judge:
    """Collects findings and counts checks. All methods may be called from any thread."""

    asserted: frozenset[str] = frozenset()
    stop_at: str = ""
    on_stop: Callable[[], None] = lambda: None
    findings: dict[str, Finding] = field(default_factory=dict)
    checked: Counter[tuple[str, str]] = field(default_factory=Counter)
    history: dict[str, list[Exchange]] = field(default_factory=lambda: defaultdict(list))
    requests: Counter[str] = field(default_factory=Counter)
    first_at: int = 0
    lost: Counter[str] = field(default_factory=Counter)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def remember(self, exchange: Exchange, endpoint: str) -> None:
        """Keep the writes to an endpoint for the sequence of a finding."""
        with self._lock:
            self.requests[operation_of(exchange)] += 1
            if endpoint and exchange.asked.method not in ("GET", "HEAD", "OPTIONS"):
                self.history[endpoint].append(exchange)
                del self.history[endpoint][:-LONGEST_SEQUENCE]

    def hold(
        self, identifier: str, exchange: Exchange, kept: bool, expected: Any = "", got: Any = "", where: str = ""
    ) -> bool:
        """Note that a law was checked on an exchange, and a finding when it was not kept. Answers ``kept``."""
        found = law(identifier)
        if found.on_request and identifier not in self.asserted:
            return True
        operation = operation_of(exchange)
        with self._lock:
            self.checked[identifier, operation] += 1
            if not kept:
                self._add(Finding(found, operation, where, shown(expected), shown(got), (exchange,)))
        return bool(kept)

    def hold_all(self, identifier: str, exchange: Exchange, differences: Iterable[tuple[str, Any, Any]]) -> bool:
        """Like ``hold`` for a list of differences (where, expected, got); none means that the law was kept."""
        found = list(differences)
        for where, expected, got in found:
            self.hold(identifier, exchange, False, expected, got, where)
        return not found and self.hold(identifier, exchange, True)

    def _add(self, finding: Finding) -> None:
        if known := self.findings.get(finding.key):
            known.count += 1
        else:
            finding.steps = (*self._way_to(finding.exchange), finding.exchange)
            self.findings[finding.key] = finding
            self.first_at = self.first_at or finding.exchange.number
        self.lost[finding.law.id] += 1
        lost = finding.law.id in ("robust.replies", "robust.time") and self.lost[finding.law.id] >= HOPELESS
        if lost or self.stop_at in (finding.law.id, ANY):
            self.on_stop()

    def _way_to(self, exchange: Exchange) -> list[Exchange]:
        past = self.history.get(endpoint_of(exchange), [])
        return [step for step in past if step.number < exchange.number and step is not exchange]

    def broken(self) -> set[str]:
        with self._lock:
            return {finding.law.id for finding in self.findings.values()}


def operation_of(exchange: Exchange) -> str:
    """The operationId of an exchange, or its method and the beginning of its path."""
    hit = match(exchange.asked.method, exchange.asked.route)
    return hit.operation.id if hit else f"{exchange.asked.method} (no operation)"


def endpoint_of(exchange: Exchange) -> str:
    """The name of the endpoint that a request is about, or the empty string."""
    hit = match(exchange.asked.method, exchange.asked.route)
    if hit is None:
        return ""
    if name := hit.parameters.get("name"):
        return name
    sent = exchange.sent if isinstance(exchange.sent, dict) else {}
    named = sent.get("name") or sent.get("model") or ""
    return named if isinstance(named, str) else ""
