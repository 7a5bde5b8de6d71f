"""The mock's one source of time. Everything below the edge is given a moment; nothing else asks for one."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import NamedTuple


class Setting(NamedTuple):
    """How a clock is set: milliseconds ahead of the machine, or the moment at which it is frozen.

    ``auto_advance`` is the seconds by which a frozen clock moves before each read (GET) is answered.
    """

    offset: int = 0
    frozen_at: int | None = None
    auto_advance: float = 0.0

    def now(self) -> int:
        """Milliseconds since the epoch."""
        return self.frozen_at if self.frozen_at is not None else time.time_ns() // 1_000_000 + self.offset

    def advanced(self, seconds: float) -> Setting:
        """This many seconds later. Raises ValueError for a negative number of seconds: time does not run back."""
        if not seconds >= 0:
            raise ValueError(f"cannot move the clock by {seconds} s: only forward")
        moved = round(seconds * 1000)
        if self.frozen_at is None:
            return self._replace(offset=self.offset + moved)
        return self._replace(frozen_at=self.frozen_at + moved)

    def frozen(self, at: int | None = None) -> Setting:
        """Standing still, at the current moment or at ``at`` (milliseconds since the epoch)."""
        return self._replace(frozen_at=self.now() if at is None else at)

    def running(self) -> Setting:
        """Running on from the moment it shows."""
        if self.frozen_at is None:
            return self
        return self._replace(offset=self.frozen_at - time.time_ns() // 1_000_000, frozen_at=None)


class AdjustableClock:
    """The machine's clock, which can be frozen, moved forward and set going again.

    >>> clock = AdjustableClock(frozen_at=1_700_000_000_000)
    >>> clock.advance(1.5)
    >>> clock.now()
    1700000001500
    """

    def __init__(self, frozen_at: int | None = None) -> None:
        self._lock = threading.Lock()
        self._setting = Setting(frozen_at=frozen_at)

    @property
    def frozen(self) -> bool:
        """Whether time stands still until ``advance`` is called."""
        return self._setting.frozen_at is not None

    @property
    def auto_advance(self) -> float:
        """Seconds by which a frozen clock moves before each read (GET) is answered, so that a client that polls sees
        time pass; 0 leaves it where it is."""
        return self._setting.auto_advance

    @auto_advance.setter
    def auto_advance(self, seconds: float) -> None:
        self.change(lambda setting: setting._replace(auto_advance=seconds))

    def now(self) -> int:
        setting = self._setting
        frozen = setting.frozen_at
        return frozen if frozen is not None else time.time_ns() // 1_000_000 + setting.offset

    def polled(self) -> int:
        """The moment at which a read is answered: now, after ``auto_advance`` on a frozen clock."""
        setting = self._setting
        if setting.auto_advance and setting.frozen_at is not None:
            return self.change(lambda setting: setting.advanced(setting.auto_advance)).now()
        return self.now()

    def advance(self, seconds: float) -> None:
        """Move the clock forward. Raises ValueError for a negative number of seconds: time does not run back."""
        self.change(lambda setting: setting.advanced(seconds))

    def freeze(self, at: int | None = None) -> None:
        """Stop the clock, at the current moment or at ``at`` (milliseconds since the epoch)."""
        self.change(lambda setting: setting.frozen(at))

    def run(self) -> None:
        """Let the clock run on from the moment it shows."""
        self.change(Setting.running)

    @property
    def setting(self) -> Setting:
        """How the clock is set."""
        return self._setting

    def set(self, offset: int, frozen_at: int | None, auto_advance: float) -> None:
        """Put the clock back as it was when this was its ``setting``."""
        self.change(lambda _: Setting(offset, frozen_at, auto_advance))

    def reset(self) -> None:
        """Show the machine's own time again."""
        self.change(lambda _: Setting())

    def refresh(self) -> None:
        """Take over what other processes did to the clock: nothing, as this one belongs to its process."""

    def change(self, transition: Callable[[Setting], Setting]) -> Setting:
        """Set the clock to what ``transition`` makes of its setting; the new one."""
        with self._lock:
            self._setting = transition(self._setting)
            return self._setting
