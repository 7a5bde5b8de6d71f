"""Which served entity answers a request, told from the request's number alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

_STRIDE = 61
"""Next to the golden section of 100 and prime to it: any 100 requests in a row visit every percentage once, and any few
of them are spread evenly."""


class Share(Protocol):
    """How many percent of the requests an entity gets."""

    @property
    def entity(self) -> str: ...
    @property
    def percentage(self) -> int: ...


def entity_of(shares: Sequence[Share], number: int, offset: int) -> str:
    """The entity that answers the request of this number. ``offset`` varies where the rota starts.

    >>> from mockserver.domain.config import Route
    >>> [entity_of([Route("a", 75), Route("b", 25)], number, 0) for number in range(8)]
    ['a', 'a', 'a', 'b', 'a', 'a', 'a', 'a']
    """
    position = (offset + number * _STRIDE) % 100
    for share in shares:
        position -= share.percentage
        if position < 0:
            return share.entity
    return shares[-1].entity


def attempts(first: str, entities: Sequence[str]) -> list[str]:
    """The entities that a request is tried on, in order: the chosen one, then the others as they are listed."""
    return [first, *(entity for entity in entities if entity != first)]


def falls_back(status: int) -> bool:
    """Whether an answer of this status moves the request on to the next entity."""
    return status == 429 or status >= 500


class Pace(NamedTuple):
    """How fast an endpoint answers, in seconds; what is ``None`` is as the server's settings say."""

    time_to_first_token: float | None = None
    time_per_token: float | None = None
    cold_start: float | None = None

    def over(self, usual: Pace) -> Pace:
        """This pace, with the usual one where nothing is set."""
        return Pace(
            usual.time_to_first_token if self.time_to_first_token is None else self.time_to_first_token,
            usual.time_per_token if self.time_per_token is None else self.time_per_token,
            usual.cold_start if self.cold_start is None else self.cold_start,
        )
