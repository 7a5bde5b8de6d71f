"""Response times beyond the plain bound: delays that come with an operation, or now and then.

Of a stream the time counts until its first piece comes.
"""

from __future__ import annotations

import os
import threading
from bisect import bisect_left
from collections import defaultdict
from dataclasses import dataclass, field

from .exchange import Asked, Exchange
from .findings import Judge, operation_of

EVENTS = "text/event-stream"
ALWAYS = 0.4
"""An operation, streamed or not, whose fastest reply of several takes longer is slow (on loopback, in seconds)."""

NOW_AND_THEN = 0.75
"""A reply that takes longer while many others were quick is slow by itself, not because the machine is busy."""

BUSY_FLOOR = 0.25
"""When even the quickest replies take longer, the target is slow, not the machine busy."""

QUICK = 0.2
COMPANIONS = 10
FEW = 2
SAMPLES = 3


def strain() -> float:
    """How many times longer a reply may take because processes wait for a processor: 1 on a quiet machine."""
    try:
        load = os.getloadavg()[0]
    except (AttributeError, OSError):  # not on every system
        return 1.0
    return max(1.0, load / (os.cpu_count() or 1))


def awaited(exchange: Exchange) -> float:
    """Seconds until a reader had something: the whole reply, or the first piece of a stream."""
    is_stream = exchange.media_type == EVENTS and bool(exchange.pieces)
    return exchange.pieces[0][0] if is_stream else exchange.seconds


@dataclass
class Pace:
    """Watches how long replies take; ``judge_all`` says what was slow."""

    judge: Judge
    exchanges: list[Exchange] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def before(self, asked: Asked) -> object:
        return None

    def after(self, exchange: Exchange, token: object) -> None:
        with self._lock:
            if not exchange.failure:
                self.exchanges.append(exchange)

    def judge_all(self) -> None:
        """Judge what was seen so far, and forget it."""
        with self._lock:
            seen, self.exchanges = self.exchanges, []
        if not seen:
            return
        times = sorted(map(awaited, seen))
        self._always(seen, times[len(times) // 10])
        self._now_and_then(seen, times[len(times) // 2])

    def _always(self, seen: list[Exchange], floor: float) -> None:
        """Operations that never answer quickly. ``floor`` is what the quickest tenth of all replies takes."""
        bound = (ALWAYS if floor > BUSY_FLOOR else max(ALWAYS, 20 * floor)) * strain()
        by_kind: dict[tuple[str, bool], list[Exchange]] = defaultdict(list)
        for exchange in seen:
            by_kind[operation_of(exchange), exchange.media_type == EVENTS].append(exchange)
        for (_, streamed), exchanges in by_kind.items():
            fastest = min(exchanges, key=awaited)
            if len(exchanges) >= SAMPLES:
                got = f"{awaited(fastest):.2f} s at the fastest of {len(exchanges)}"
                kept, where = awaited(fastest) <= bound, "first piece of a stream" if streamed else "always"
                self.judge.hold("robust.time", fastest, kept, f"{bound:.2f} s on loopback", got, where)

    def _now_and_then(self, seen: list[Exchange], median: float) -> None:
        """Replies that took long while others were quick; on a busy machine, where all take longer, much longer,
        and more of them."""
        bound = max(NOW_AND_THEN, 40 * median)
        ends = sorted(each.ended_at for each in seen if each.seconds < QUICK)
        lonely = [each for each in seen if awaited(each) > bound and _companions(each, ends) >= COMPANIONS]
        if len(lonely) >= FEW * strain():
            got = f"{len(lonely)} replies of up to {max(map(awaited, lonely)):.2f} s while others were quick"
            self.judge.hold("robust.time", lonely[-1], False, f"{bound:.2f} s on loopback", got, "now and then")


def _companions(exchange: Exchange, ends: list[float]) -> int:
    """How many quick replies came while this one was awaited."""
    return bisect_left(ends, exchange.ended_at) - bisect_left(ends, exchange.sent_at)
