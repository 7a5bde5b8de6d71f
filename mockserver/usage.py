"""What really happened to the endpoints: counts of requests, errors, latency and tokens by served entity."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field

from .domain.metrics import LATENCY_BUCKETS


@dataclass(slots=True)
class Usage:
    """The counts of one served entity since it was created. Latencies are in milliseconds."""

    requests: int = 0
    client_errors: int = 0
    server_errors: int = 0
    latency_sum: float = 0.0
    latency_counts: list[int] = field(default_factory=lambda: [0] * (len(LATENCY_BUCKETS) + 1))
    input_tokens: int = 0
    output_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Sample:
    """One answered query, as plots over time need it. ``moment`` is on the mock's clock."""

    moment: int
    entity: str
    status: int
    milliseconds: float
    tokens: int


SAMPLES = 5000
"""Answered queries remembered per endpoint; older ones count in the totals only."""


class Meter:
    """Counts by workspace, endpoint id and served entity."""

    def __init__(self) -> None:
        self._usage: dict[tuple[str, str], dict[str, Usage]] = {}
        self._samples: dict[tuple[str, str], deque[Sample]] = {}
        self._lock = threading.Lock()

    def observe(
        self,
        workspace: str,
        endpoint: str,
        entity: str,
        *,
        moment: int,
        status: int,
        milliseconds: float,
        input_tokens: int = 0,
        output_tokens: int = 0,
    ) -> None:
        """Count one answered query. ``endpoint`` is its id (its name for a pay-per-token endpoint)."""
        bucket = sum(1 for bound in LATENCY_BUCKETS if milliseconds > bound)
        with self._lock:
            usage = self._usage.setdefault((workspace, endpoint), {}).setdefault(entity, Usage())
            usage.requests += 1
            usage.client_errors += 400 <= status < 500
            usage.server_errors += status >= 500
            usage.latency_sum += milliseconds
            usage.latency_counts[bucket] += 1
            usage.input_tokens += input_tokens
            usage.output_tokens += output_tokens
            samples = self._samples.get((workspace, endpoint))
            if samples is None:
                samples = self._samples[workspace, endpoint] = deque(maxlen=SAMPLES)
            samples.append(Sample(moment, entity, status, milliseconds, input_tokens + output_tokens))

    def of(self, workspace: str, endpoint: str) -> dict[str, Usage]:
        """The counts of one endpoint by served entity."""
        return dict(self._usage.get((workspace, endpoint), {}))

    def samples(self, workspace: str, endpoint: str) -> list[Sample]:
        """The latest answered queries of one endpoint, oldest first."""
        with self._lock:
            return list(self._samples.get((workspace, endpoint), ()))

    def clear(self, workspace: str) -> None:
        """Forget the counts of one workspace."""
        with self._lock:
            for place in [place for place in self._usage if place[0] == workspace]:
                del self._usage[place]
            for place in [place for place in self._samples if place[0] == workspace]:
                del self._samples[place]
