"""How often each endpoint has been asked, and when last: what the traffic split and cold starts go by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from .limits import Place
from .memory_store import MemoryStore
from .store import Store


class Turn(NamedTuple):
    """One request to an endpoint: its number, from 0, and the moment of the one before it."""

    number: int
    previous: int | None


@dataclass(slots=True)
class Asked:
    """How many requests an endpoint has had, and when the latest was."""

    count: int = 0
    latest: int | None = None


class Turns:
    """Numbers the requests to each endpoint."""

    def __init__(self, store: Store | None = None) -> None:
        self._asked = (store or MemoryStore()).documents(Asked)

    def next(self, place: Place, now: int) -> Turn:
        """The turn of a request that is made now."""
        with self._asked.changing(*place) as asked:
            turn = Turn(asked.count, asked.latest)
            asked.count, asked.latest = asked.count + 1, now
        return turn

    def last(self, place: Place) -> int | None:
        """The moment of the latest request, ``None`` when there was none."""
        asked = self._asked.read(*place)
        return None if asked is None else asked.latest

    def clear(self, workspace: str) -> None:
        """Start again in one workspace."""
        self._asked.clear(workspace)
