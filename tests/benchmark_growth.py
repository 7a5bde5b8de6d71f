"""How the cost of a request and the memory grow with what a mock keeps."""

from __future__ import annotations

import json
import statistics
from dataclasses import replace

from benchmark_load import Job
from benchmark_report import Figure, Results
from benchmark_requests import ANY, API, ASK, GET, NUMBERS, against, creation, load
from benchmark_servers import Server, mock


def growth(results: Results, sizes: tuple[int, ...], seconds: float, queries: int) -> None:
    """How cost grows with the number of endpoints, beside a mock that has a few, and memory with that of queries."""
    kinds = (("GET one", GET.job), ("chat", ASK.job))
    curves: dict[str, list[tuple[float, float]]] = {"GET one": [], "chat": []}
    lists: list[tuple[float, float]] = []
    with mock("--provisioning", "0", "--log-level", "error") as few, mock("--provisioning", "0") as many:
        for server in (few, many):
            load(Job(server.port, "POST", API, creation("bench"), rounds=1))
            load(replace(ASK.job, port=server.port, rounds=20))
            _filled(server, 9)
        count = 10
        for size in sizes:
            count += _filled(many, size - count)
            for name, job in kinds:
                ratio, _, _ = against(many, few, replace(job, seconds=seconds), 3)
                curves[name].append((float(size), 1 / ratio))
            listed = load(Job(many.port, "GET", API, rounds=5)).took
            lists.append((float(size), statistics.median(listed) * 1e6 / size))
        for name, _ in kinds:
            detail = f"with {sizes[-1]} endpoints beside 10"
            results.add(Figure(f"{name}: growth", curves[name][-1][1], 1.25, detail, "x the cost", least=False))
        before, last = lists[-2:]
        detail = f"{before[1]:.1f} ms per 1000 with {before[0]:.0f}, {last[1]:.1f} ms with {last[0]:.0f} endpoints"
        results.add(Figure("list: cost of one endpoint in it", last[1] / before[1], 1.25, detail, "x", least=False))
        early, late = _asked(few, queries)
        detail = f"{early:.0f} -> {late:.0f} MB over {queries} queries"
        results.add(Figure("memory: growth with queries", late / early, 1.2, detail, "x", least=False))
        with mock("--provisioning", "0", "--log-level", "error") as fresh:
            load(Job(fresh.port, "POST", API, creation("bench"), rounds=1))
            for name, job in kinds:
                ratio, _, _ = against(few, fresh, replace(job, seconds=seconds), 3)
                detail = f"after {queries} requests in the journal beside a mock that was just started"
                results.add(
                    Figure(f"{name}: growth with the journal", 1 / ratio, 1.25, detail, "x the cost", least=False)
                )
    results.curves["cost beside a mock with 10 endpoints, by number of endpoints"] = curves
    results.curves["list: milliseconds per 1000 endpoints, by number of endpoints"] = {"list": lists}


def memory(results: Results, endpoints: int) -> None:
    """Kilobytes that an endpoint takes, what the journal keeps of its creation included."""
    with mock("--provisioning", "0", "--log-level", "error") as server:
        load(replace(ASK.job, port=server.port, rounds=20))
        _filled(server, 100)
        before = server.resident
        _filled(server, endpoints)
        kilobytes = (server.resident - before) * 1024 / endpoints
        detail = f"{before:.0f} -> {server.resident:.0f} MB with {endpoints} endpoints more"
        results.add(Figure("memory per endpoint", kilobytes, 10, detail, "KB", least=False))


def _asked(server: Server, queries: int) -> tuple[float, float]:
    """Megabytes in use after half of so many queries and after all of them."""
    job = replace(ASK.job, port=server.port, connections=4, rounds=queries // 8)
    load(job)
    early = server.resident
    load(job)
    return early, server.resident


def _filled(ours: Server, number: int) -> int:
    """Create so many endpoints, no two of which have their settings in common; how many there are more than before."""
    body = {**json.loads(creation(f"e{ANY}", f"Number {ANY}")), "tags": []}
    job = Job(ours.port, "POST", API, json.dumps(body), connections=1, rounds=number, first_number=next(NUMBERS))
    return load(job).answers if number > 0 else 0
