"""What really happened to the endpoints: counts of requests, errors, latency and tokens by served entity."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field

from .domain.metrics import LATENCY_BUCKETS
from .memory_store import MemoryStore
from .store import Store


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


@dataclass(slots=True)
class Sample:
    """One answered query, as plots over time need it. ``moment`` is on the mock's clock."""

    endpoint: str
    moment: int
    entity: str
    status: int
    milliseconds: float
    tokens: int


@dataclass(slots=True)
class Entities:
    """The counts of one endpoint by served entity."""

    usage: dict[str, Usage] = field(default_factory=dict)


SAMPLES = 5000
"""Answered queries remembered per workspace; older ones count in the totals only."""


class Meter:
    """Counts by workspace, endpoint id and served entity."""

    def __init__(self, store: Store | None = None) -> None:
        self._store = store or MemoryStore()
        self._entities = self._store.documents(Entities)
        self._samples = self._store.log(Sample, capacity=SAMPLES)

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
        with self._store.together():
            with self._entities.changing(workspace, endpoint) as entities:
                usage = entities.usage.get(entity)
                if usage is None:
                    usage = entities.usage[entity] = Usage()
                usage.requests += 1
                usage.client_errors += 400 <= status < 500
                usage.server_errors += status >= 500
                usage.latency_sum += milliseconds
                usage.latency_counts[bisect_left(LATENCY_BUCKETS, milliseconds)] += 1
                usage.input_tokens += input_tokens
                usage.output_tokens += output_tokens
            tokens = input_tokens + output_tokens
            self._samples.append(workspace, Sample(endpoint, moment, entity, status, milliseconds, tokens))

    def of(self, workspace: str, endpoint: str) -> dict[str, Usage]:
        """The counts of one endpoint by served entity."""
        entities = self._entities.read(workspace, endpoint)
        return dict(entities.usage) if entities else {}

    def samples(self, workspace: str, endpoint: str) -> list[Sample]:
        """The latest answered queries of one endpoint, oldest first."""
        return [line.item for line in self._samples.lines(workspace) if line.item.endpoint == endpoint]

    def clear(self, workspace: str) -> None:
        """Forget the counts of one workspace."""
        self._entities.clear(workspace)
        self._samples.clear(workspace)
