"""What a run may spend: time, requests, endpoints, tokens, and how fast."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field


class Spent(Exception):
    """A part of the budget is used up; the message names it."""


class Stopped(Exception):
    """The run was asked to stop."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """The limits of a run; 0 means none. ``rate`` is in requests a second."""

    seconds: float = 0
    requests: int = 0
    endpoints: int = 0
    tokens: int = 0
    rate: float = 0


@dataclass
class Budget:
    """Counts what is spent against what is allowed. All methods may be called from any thread."""

    allowed: Allowance
    requests: int = 0
    endpoints: int = 0
    tokens: int = 0
    reserved: int = 0
    """Tokens that the queries under way may cost."""
    started: float = field(default_factory=time.monotonic)
    stopping: threading.Event = field(default_factory=threading.Event)
    exhausted: str = ""
    _lock: threading.Condition = field(default_factory=threading.Condition)
    _next: float = 0.0

    def elapsed(self) -> float:
        return time.monotonic() - self.started

    def is_over(self) -> bool:
        """Whether nothing more may be sent: a part of the budget is spent, or the run was asked to stop."""
        return bool(self.exhausted) or self.stopping.is_set()

    def left(self) -> float:
        """Seconds left; infinite without a time limit."""
        return self.allowed.seconds - self.elapsed() if self.allowed.seconds else float("inf")

    def take_request(self, creates: bool, tokens: int = 0) -> None:
        """Account for one request before it is sent. Raises ``Spent`` or ``Stopped`` instead when it must not be.

        ``tokens`` is what a query may cost, which is reserved until ``settle_tokens``. While what is spent and what is
        reserved together reach what is allowed, a query waits for the answers of the others.
        """
        if self.stopping.is_set():
            raise Stopped("the run was stopped")
        with self._lock:
            allowed = self.allowed
            while tokens and self._is_all_reserved():
                self._lock.wait(0.1)
            if self.left() <= 0:
                self._spent("time", f"{allowed.seconds:g} s")
            if allowed.requests and self.requests >= allowed.requests:
                self._spent("requests", str(allowed.requests))
            if creates and allowed.endpoints and self.endpoints >= allowed.endpoints:
                self._spent("endpoints", str(allowed.endpoints))
            if allowed.tokens and self.tokens >= allowed.tokens:
                self._spent("tokens", str(allowed.tokens))
            self.requests += 1
            self.endpoints += creates
            self.reserved += tokens
            wait = self._slot()
        if wait > 0 and self.stopping.wait(wait):
            self.settle_tokens(tokens, 0)
            raise Stopped("the run was stopped")

    def _is_all_reserved(self) -> bool:
        """Whether the answers under way decide if there are tokens left."""
        allowed = self.allowed.tokens
        undecided = self.reserved > 0 and self.tokens < allowed <= self.tokens + self.reserved
        return undecided and not self.stopping.is_set() and self.left() > 0

    def settle_tokens(self, reserved: int, used: int) -> None:
        """Account for what a query has cost, in place of what was reserved for it."""
        with self._lock:
            self.reserved -= reserved
            self.tokens += used
            self._lock.notify_all()

    def _spent(self, what: str, allowed: str) -> None:
        self.exhausted = f"{what} ({allowed})"
        raise Spent(f"the budget of {what} is spent: {allowed}")

    def _slot(self) -> float:
        if not self.allowed.rate:
            return 0.0
        now = time.monotonic()
        self._next = max(self._next, now) + 1 / self.allowed.rate
        return self._next - now - 1 / self.allowed.rate

    def report(self) -> dict[str, dict[str, float]]:
        """Spent against allowed, by kind."""
        spent = {"seconds": round(self.elapsed(), 1), "requests": self.requests}
        spent |= {"endpoints": self.endpoints, "tokens": self.tokens}
        return {kind: {"spent": value, "allowed": getattr(self.allowed, kind)} for kind, value in spent.items()}
