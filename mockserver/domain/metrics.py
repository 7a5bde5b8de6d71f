"""An endpoint's counts in the Prometheus text format."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

LATENCY_BUCKETS = (10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0, 2500.0, 5000.0, 10_000.0)
"""Upper bounds of the latency histogram, in milliseconds."""


class Counts(Protocol):
    """What has happened to one served entity; the last latency count is of what is above every bucket."""

    @property
    def requests(self) -> int: ...
    @property
    def client_errors(self) -> int: ...
    @property
    def server_errors(self) -> int: ...
    @property
    def latency_sum(self) -> float: ...
    @property
    def latency_counts(self) -> Sequence[int]: ...
    @property
    def input_tokens(self) -> int: ...
    @property
    def output_tokens(self) -> int: ...


def exposition(endpoint: str, entities: Sequence[str], usage: Mapping[str, Counts], *, ready: bool) -> str:
    """The metrics of an endpoint. Entities that have answered nothing yet stand at zero."""
    names = [*entities, *(name for name in usage if name not in entities)]
    lines: list[str] = []
    counters = (
        ("request_count_total", "Requests that the served entity has answered.", "requests"),
        ("request_4xx_count_total", "Requests answered with a client error.", "client_errors"),
        ("request_5xx_count_total", "Requests answered with a server error.", "server_errors"),
        ("input_tokens_total", "Tokens in the requests.", "input_tokens"),
        ("output_tokens_total", "Tokens in the answers.", "output_tokens"),
    )
    for metric, text, field in counters:
        values = ((name, getattr(usage[name], field) if name in usage else 0) for name in names)
        lines += _family(metric, "counter", text, (f"{_labels(endpoint, name)} {value}" for name, value in values))
    load = ((name, 1.5 + min(90.0, 0.1 * usage[name].requests) if name in usage else 1.5) for name in names)
    samples = (f"{_labels(endpoint, name)} {value if ready else 0.0:.1f}" for name, value in load)
    lines += _family("cpu_usage_percentage", "gauge", "Processor time used, in percent.", samples)
    memory = (f"{_labels(endpoint, name)} {(20 + len(name) % 30) if ready else 0.0:.1f}" for name in names)
    lines += _family("mem_usage_percentage", "gauge", "Memory used, in percent.", memory)
    lines += _histogram(endpoint, names, usage)
    return "\n".join(lines) + "\n"


def _histogram(endpoint: str, names: Iterable[str], usage: Mapping[str, Counts]) -> list[str]:
    metric = "request_latency_ms"
    lines = [f"# HELP {metric} Time to answer a request, in milliseconds.", f"# TYPE {metric} histogram"]
    for name in names:
        counts = usage[name].latency_counts if name in usage else [0] * (len(LATENCY_BUCKETS) + 1)
        total = 0
        for bound, count in zip((*map(str, LATENCY_BUCKETS), "+Inf"), counts, strict=True):
            total += count
            lines.append(f"{metric}_bucket{_labels(endpoint, name, bound)} {total}")
        lines.append(f"{metric}_sum{_labels(endpoint, name)} {usage[name].latency_sum if name in usage else 0.0:.3f}")
        lines.append(f"{metric}_count{_labels(endpoint, name)} {total}")
    return lines


def _family(metric: str, kind: str, text: str, samples: Iterable[str]) -> list[str]:
    return [f"# HELP {metric} {text}", f"# TYPE {metric} {kind}", *(f"{metric}{sample}" for sample in samples)]


def _labels(endpoint: str, entity: str, bound: str | None = None) -> str:
    pairs = {"endpoint_name": endpoint, "served_entity_name": entity, **({"le": bound} if bound else {})}
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in pairs.items()) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
