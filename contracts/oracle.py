"""The oracle: a model of the API that watches all traffic, whoever makes it, and knows what must follow.

It is told of every request before it goes and of every reply when it is complete. What overlaps with a write to the
same endpoint is not compared with what was known before, because either order would be right.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from . import answers, effects, reading
from .exchange import Asked, Exchange
from .findings import Judge, endpoint_of
from .knowledge import Known
from .routes import Match, match
from .shape import Shape

Json = Any
QUIET = frozenset({"GET", "HEAD", "OPTIONS"})
DEVELOPMENT = "/__mock__/"
"""Where a development target is controlled: no part of the contract."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What the oracle noted when a request was about to go."""

    clock: int
    hit: Match | None
    name: str
    known: Known | None
    is_write: bool
    writes: int
    alone: bool
    at: float


@dataclass
class Oracle:
    """Watches the exchanges of a run. ``prefix`` is what the names of this run begin with."""

    judge: Judge
    shape: Shape
    prefix: str
    is_loopback: bool = True
    settle: float = 0.0
    alive: dict[str, Known] = field(default_factory=dict)
    gone: dict[str, int] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)
    catalog: dict[str, Json] = field(default_factory=dict)
    catalog_read: dict[str, Json] = field(default_factory=dict)
    caller: str | None = None
    answer_ids: set[str] = field(default_factory=set)
    documents: dict[str, Any] = field(default_factory=dict)
    clock: int = 0
    creating: Counter[str] = field(default_factory=Counter)
    deleting: Counter[str] = field(default_factory=Counter)
    written: dict[str, float] = field(default_factory=dict)
    settled_at: dict[str, float] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def before(self, asked: Asked) -> Seen:
        """Note that a request is about to go."""
        hit = match(asked.method, asked.route)
        name = _name(asked, hit)
        with self.lock:
            self.clock += 1
            is_write = self._is_write(asked, hit)
            known = self.alive.get(name)
            creates = hit is not None and hit.operation.id in effects.CREATES and asked.identity == "caller"
            if hit and hit.operation.id in effects.BY_ID and not name:
                name = self.ids.get(hit.parameters.get("serving_endpoint_id", ""), "")
                known = self.alive.get(name)
            alone = not self.creating[name] and not self.deleting[name] and (known is None or not known.flying)
            if creates:
                self.creating[name] += 1
            if is_write and asked.method == "DELETE":
                self.deleting[name] += 1
            if known and is_write:
                known.flying += 1
                known.writes += 1
            return Seen(self.clock, hit, name, known, is_write, known.writes if known else 0, alone, time.monotonic())

    def after(self, exchange: Exchange, token: object) -> None:
        """Judge an exchange and learn from it."""
        assert isinstance(token, Seen)
        if exchange.asked.route.startswith(DEVELOPMENT):
            return
        self.shape.check(exchange)
        self.judge.remember(exchange, token.name or endpoint_of(exchange))
        with self.lock:
            self.clock += 1
            self._landed(exchange, token)
            if token.hit is None or exchange.failure or exchange.asked.method in ("HEAD", "OPTIONS"):
                return
            if exchange.asked.identity == "caller":
                self._caller(exchange, token, token.hit)
            elif exchange.asked.identity in ("nobody", "wrong"):
                self._unknown_caller(exchange, token.hit)

    def may_lag(self, name: str, seen: Seen) -> bool:
        """Whether a read may show an endpoint as it was before the last write, by what ``--settle`` allows."""
        return bool(self.settle) and seen.at - self.written.get(name, -1e9) < self.settle

    def undisturbed(self, seen: Seen) -> bool:
        """Whether no write to the same endpoint overlapped with this exchange."""
        known = seen.known
        if self.may_lag(seen.name, seen):
            return False
        if not seen.alone or self.creating[seen.name] or self.deleting[seen.name]:
            return False
        return known is None or (known.flying == 0 and known.writes == seen.writes)

    def _is_write(self, asked: Asked, hit: Match | None) -> bool:
        return (
            asked.method not in QUIET
            and asked.identity == "caller"
            and hit is not None
            and "Queries" not in hit.operation.tags
        )

    def _landed(self, exchange: Exchange, seen: Seen) -> None:
        if seen.is_write and exchange.ok:
            self.written[seen.name] = time.monotonic()
        if seen.hit and seen.hit.operation.id in effects.CREATES and exchange.asked.identity == "caller":
            self.creating[seen.name] -= 1
        if seen.is_write and exchange.asked.method == "DELETE":
            self.deleting[seen.name] -= 1
        if seen.known and seen.is_write:
            seen.known.flying -= 1
            seen.known.written_at = self.clock

    def _unknown_caller(self, exchange: Exchange, hit: Match) -> None:
        if hit.operation.public:
            return
        if exchange.asked.identity == "nobody":
            kept = exchange.status == 401
            self.judge.hold("access.no-token", exchange, kept, 401, exchange.status)
            if kept:
                right = exchange.code == 401 and not isinstance(exchange.code, bool)
                self.judge.hold("shape.error-code", exchange, right, "the integer 401", exchange.code, "no credential")
        else:
            # a fuzzer's credentials may also be of no kind that the API knows, which is a 401
            kept = exchange.status == 403 or (exchange.status == 401 and exchange.asked.origin == "fuzz")
            self.judge.hold("access.wrong-token", exchange, kept, 403, exchange.status)
            if exchange.status == 403:
                right = exchange.code == 403 and not isinstance(exchange.code, bool)
                self.judge.hold("shape.error-code", exchange, right, "the integer 403", exchange.code, "wrong token")
                reason = exchange.header("x-databricks-reason-phrase")
                self.judge.hold("shape.headers", exchange, bool(reason), "X-Databricks-Reason-Phrase", reason, "403")

    def _caller(self, exchange: Exchange, seen: Seen, hit: Match) -> None:
        accepted = exchange.ok and seen.is_write
        if accepted and hit.operation.request_media_types and hit.operation.id != "issue_token":
            self._accepted(exchange, hit)
        if not self.judge.hold(
            "access.wrong-token",
            exchange,
            exchange.status != 401 or hit.operation.public or hit.operation.id == "query_route_optimized",
            "the token is good",
            exchange.status,
            "refused",
        ):
            return
        try:
            effects.apply(self, exchange, seen, hit)
            reading.judge_reply(self, exchange, seen, hit)
            if "Queries" in hit.operation.tags:
                self._answered(exchange, hit)
                answers.judge_answer(self, exchange, seen, hit)
        except (AttributeError, TypeError, KeyError, ValueError) as problem:
            got = f"{type(problem).__name__}: {problem}"
            self.judge.hold("shape.body", exchange, False, "a reply that can be understood", got, "odd")

    def _accepted(self, exchange: Exchange, hit: Match) -> None:
        violations = hit.operation.request_violations(exchange.sent, "application/json")
        law = "rules.required" if any("required" in each.message for each in violations) else "rules.types"
        expected = "a refusal: " + "; ".join(each.message for each in violations[:2])
        if exchange.asked.body and exchange.sent is None:
            law, expected = "robust.malformed", "a refusal: the body is no JSON, or nested too deeply to be read"
        self.judge.hold(law, exchange, not violations, expected, f"{exchange.status}")

    def _answered(self, exchange: Exchange, hit: Match) -> None:
        """A query that the contract does not allow has no answer."""
        if exchange.ok and exchange.asked.media_type == "application/json" and exchange.sent is not None:
            violations = hit.operation.request_violations(exchange.sent, "application/json")
            expected = "a refusal: " + "; ".join(each.message for each in violations[:2])
            self.judge.hold("query.refuses", exchange, not violations, expected, exchange.status, "contract")


def _name(asked: Asked, hit: Match | None) -> str:
    if hit is None:
        return ""
    if "name" in hit.parameters:
        return hit.parameters["name"]
    if hit.operation.id in effects.CREATES:
        sent = Exchange(0, asked, 0, 0, 0, 0).sent
        named = sent.get("name") if isinstance(sent, dict) else None
        return named if isinstance(named, str) else ""
    return ""
