"""How often each endpoint has been asked, and when last: what the traffic split and cold starts go by."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from .limits import Place


@dataclass(frozen=True, slots=True)
class Turn:
    """One request to an endpoint: its number, from 0, and the moment of the one before it."""

    number: int
    previous: int | None


class Turns:
    """Numbers the requests to each endpoint."""

    def __init__(self) -> None:
        self._last: dict[Place, tuple[int, int | None]] = {}
        self._lock = threading.Lock()

    def next(self, place: Place, now: int) -> Turn:
        """The turn of a request that is made now."""
        with self._lock:
            number, previous = self._last.get(place, (-1, None))
            self._last[place] = (number + 1, now)
        return Turn(number + 1, previous)

    def last(self, place: Place) -> int | None:
        """The moment of the latest request, ``None`` when there was none."""
        return self._last.get(place, (0, None))[1]

    def clear(self, workspace: str) -> None:
        """Start again in one workspace."""
        with self._lock:
            for place in [place for place in self._last if place[0] == workspace]:
                del self._last[place]
