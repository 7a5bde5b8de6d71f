"""The mock's one source of time. Everything below the edge is given a moment; nothing else asks for one."""

from __future__ import annotations

import threading
import time
from typing import Protocol


class Clock(Protocol):
    """Where the current moment comes from."""

    def now(self) -> int:
        """Milliseconds since the epoch."""
        ...

    def sleep(self, seconds: float) -> None:
        """Let ``seconds`` pass on this clock."""
        ...


class AdjustableClock:
    """The machine's clock, which can be frozen, moved forward and set going again.

    >>> clock = AdjustableClock(frozen_at=1_700_000_000_000)
    >>> clock.advance(1.5)
    >>> clock.now()
    1700000001500

    Attributes:
        auto_advance: seconds by which a frozen clock moves before each read (GET) is answered, so that a client that
            polls sees time pass; 0 leaves it where it is.
    """

    def __init__(self, frozen_at: int | None = None) -> None:
        self._lock = threading.Lock()
        self._offset = 0
        self._frozen_at = frozen_at
        self.auto_advance = 0.0

    @property
    def frozen(self) -> bool:
        """Whether time stands still until ``advance`` is called."""
        return self._frozen_at is not None

    def now(self) -> int:
        frozen = self._frozen_at
        return frozen if frozen is not None else time.time_ns() // 1_000_000 + self._offset

    def polled(self) -> int:
        """The moment at which a read is answered: now, after ``auto_advance`` on a frozen clock."""
        if self.auto_advance and self.frozen:
            self.advance(self.auto_advance)
        return self.now()

    def sleep(self, seconds: float) -> None:
        """Pass time: a running clock really waits, a frozen one is left where it is."""
        if not self.frozen and seconds > 0:
            time.sleep(seconds)

    def advance(self, seconds: float) -> None:
        """Move the clock forward. Raises ValueError for a negative number of seconds: time does not run back."""
        if not seconds >= 0:
            raise ValueError(f"cannot move the clock by {seconds} s: only forward")
        with self._lock:
            if self._frozen_at is not None:
                self._frozen_at += round(seconds * 1000)
            else:
                self._offset += round(seconds * 1000)

    def freeze(self, at: int | None = None) -> None:
        """Stop the clock, at the current moment or at ``at`` (milliseconds since the epoch)."""
        with self._lock:
            self._frozen_at = self.now() if at is None else at

    def run(self) -> None:
        """Let the clock run on from the moment it shows."""
        with self._lock:
            if self._frozen_at is not None:
                self._offset = self._frozen_at - time.time_ns() // 1_000_000
                self._frozen_at = None

    @property
    def setting(self) -> tuple[int, int | None, float]:
        """What ``set`` takes: milliseconds ahead of the machine, the moment at which it is frozen, auto-advance."""
        with self._lock:
            return self._offset, self._frozen_at, self.auto_advance

    def set(self, offset: int, frozen_at: int | None, auto_advance: float) -> None:
        """Put the clock back as it was when this was its ``setting``."""
        with self._lock:
            self._offset, self._frozen_at, self.auto_advance = offset, frozen_at, auto_advance

    def reset(self) -> None:
        """Show the machine's own time again."""
        with self._lock:
            self._offset, self._frozen_at, self.auto_advance = 0, None, 0.0
