"""The mock's one source of time. Everything below the edge is given a moment; nothing else asks for one."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import NamedTuple

LAST = 253_402_300_799_999
"""The latest moment that a clock shows, the end of the year 9999; the first is 0, the beginning of 1970."""

RANGE = "moments are from 1970-01-01T00:00:00Z to 9999-12-31T23:59:59.999Z"
LONGEST = 3_153_600_000
"""Seconds that a clock may move by itself at a time: a hundred years."""


class Setting(NamedTuple):
    """How a clock is set: milliseconds ahead of the machine, or the moment at which it is frozen.

    ``auto_advance`` is the seconds by which a frozen clock moves before each read (GET) is answered.
    """

    offset: int = 0
    frozen_at: int | None = None
    auto_advance: float = 0.0

    def now(self) -> int:
        """Milliseconds since the epoch. A clock that runs stands still where time ends."""
        return self.frozen_at if self.frozen_at is not None else min(LAST, time.time_ns() // 1_000_000 + self.offset)

    def checked(self) -> Setting:
        """This setting. Raises ValueError when it shows a moment that cannot be, or moves too far by itself."""
        if self.frozen_at is not None and not 0 <= self.frozen_at <= LAST:
            raise ValueError(f"frozen_at {self.frozen_at} is out of range: {RANGE}")
        if self.frozen_at is None and not 0 <= time.time_ns() // 1_000_000 + self.offset <= LAST:
            raise ValueError(f"ahead {self.offset / 1000:g} is out of range: {RANGE}")
        if not 0 <= self.auto_advance <= LONGEST:
            raise ValueError(f"auto_advance {self.auto_advance} is out of range: 0 to {LONGEST} seconds")
        return self

    def advanced(self, seconds: float) -> Setting:
        """This many seconds later.

        Raises:
            ValueError: the number is negative, as time does not run back, or time would end.
        """
        if not seconds >= 0:
            raise ValueError(f"cannot move the clock by {seconds} s: only forward")
        if self.now() + seconds * 1000 > LAST:
            raise ValueError(f"advance {seconds} is out of range: {RANGE}")
        moved = round(seconds * 1000)
        if self.frozen_at is None:
            return self._replace(offset=self.offset + moved)
        return self._replace(frozen_at=self.frozen_at + moved)

    def frozen(self, at: int | None = None) -> Setting:
        """Standing still, at the current moment or at ``at`` (milliseconds since the epoch)."""
        return self._replace(frozen_at=self.now() if at is None else at)

    def polled(self) -> Setting:
        """As it stands when a read is answered: ``auto_advance`` later, and not later than time ends."""
        if self.frozen_at is None:
            return self
        return self._replace(frozen_at=min(LAST, self.frozen_at + round(self.auto_advance * 1000)))

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
        self._setting = Setting(frozen_at=frozen_at).checked()

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
        if setting.frozen_at is not None:
            return setting.frozen_at
        moment = time.time_ns() // 1_000_000 + setting.offset
        return moment if moment < LAST else LAST

    def polled(self) -> int:
        """The moment at which a read is answered: now, after ``auto_advance`` on a frozen clock."""
        setting = self._setting
        if setting.auto_advance and setting.frozen_at is not None:
            return self.change(Setting.polled).now()
        return self.now()

    def advance(self, seconds: float) -> None:
        """Move the clock forward.

        Raises:
            ValueError: the number is negative, as time does not run back, or the year 9999 would end.
        """
        self.change(lambda setting: setting.advanced(seconds))

    def freeze(self, at: int | None = None) -> None:
        """Stop the clock, at the current moment or at ``at`` (milliseconds since the epoch).

        Raises:
            ValueError: the moment is not one from 1970 to the year 9999.
        """
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
        """Set the clock to what ``transition`` makes of its setting; the new one.

        Raises:
            ValueError: it shows no moment from 1970 to the year 9999; the clock is left as it was.
        """
        with self._lock:
            self._setting = transition(self._setting).checked()
            return self._setting
