"""How far a target's reads lag behind its writes: said beside findings that may have no other cause."""

from __future__ import annotations

import time

from .journeys import Hand, Surroundings

LONGEST = 5.0
POLL_SECONDS = 0.05


def measure_lag(around: Surroundings) -> float:
    """Seconds until an endpoint that was just created can be read; 0 when it can be at once, or never."""
    hand = Hand(around, "lag")
    name = hand.name("lag")
    if not hand.call("create_serving_endpoint", {"name": name}).ok:
        return 0.0
    created, tries = time.monotonic(), 0
    while time.monotonic() - created < LONGEST:
        if hand.get(name).ok:
            return time.monotonic() - created if tries else 0.0
        tries += 1
        hand.rest(POLL_SECONDS)
    return 0.0
