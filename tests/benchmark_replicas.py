"""Requests a second of 1, 2 and 3 replicas on one PostgreSQL behind nginx: run this file, and it prints JSON.

Everything runs on this machine: the load, nginx, the database and the replicas share its processors, which is what
limits the sum. ``processors`` says how many there are, and ``busy`` how much of them was used. The last figures are
those of one process that keeps its state in memory, behind the same nginx.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import statistics
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).parent))

from machinery import Replica, balancer, cluster

HEADERS = {"Authorization": "Bearer dapi-mock", "Content-Type": "application/json"}
CHAT = {"model": "databricks-meta-llama-3-3-70b-instruct", "messages": [{"role": "user", "content": "Hello?"}]}
ENTITY = {"name": "m", "entity_name": "main.default.m", "entity_version": "1", "scale_to_zero_enabled": True}
ENDPOINTS = "/api/2.0/serving-endpoints"
Ask = tuple[str, str, bytes | None]
Kind = Callable[[int], Ask]


def kinds() -> dict[str, Kind]:
    """What is asked, by its name: requests by their number."""
    return {
        "get": lambda number: ("GET", f"{ENDPOINTS}/bench", None),
        "chat": lambda number: ("POST", "/serving-endpoints/chat/completions", json.dumps(CHAT).encode()),
        "tags": lambda number: (
            "PATCH",
            f"{ENDPOINTS}/bench/tags",
            json.dumps({"add_tags": [{"key": f"k{number % 10}", "value": str(number)}]}).encode(),
        ),
    }


def load(url: str, kind: Kind, connections: int, seconds: float) -> dict[str, float]:
    """Ask for so long on so many connections; requests a second and latencies in milliseconds."""
    address = urlsplit(url)
    until = time.perf_counter() + seconds
    latencies: list[float] = []
    failures: list[str] = []

    def work(worker: int) -> None:
        connection = http.client.HTTPConnection(str(address.hostname), int(address.port or 80), timeout=30)
        number = worker
        while (started := time.perf_counter()) < until:
            method, path, body = kind(number)
            connection.request(method, path, body, HEADERS)
            answer = connection.getresponse()
            content = answer.read()
            if answer.status != 200:
                failures.append(f"{method} {path}: {answer.status} {content[:200]!r}")
                return
            latencies.append((time.perf_counter() - started) * 1000)
            number += connections
        connection.close()

    busy, started = _busy(), time.perf_counter()
    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise SystemExit(failures[0])
    passed = time.perf_counter() - started
    cuts = statistics.quantiles(latencies, n=100)
    return {
        "per_second": round(len(latencies) / passed, 1),
        "p50_ms": round(cuts[49], 2),
        "p99_ms": round(cuts[98], 2),
        "busy": round((_busy() - busy) / passed / (os.cpu_count() or 1), 2),
    }


def _busy() -> float:
    """Seconds for which this machine's processors have worked; 0 where that cannot be read."""
    try:
        ticks = [int(part) for part in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    except OSError:
        return 0.0
    return (sum(ticks) - ticks[3] - ticks[4]) / os.sysconf("SC_CLK_TCK")


def figures(replicas: list[Replica], connections: int, seconds: float) -> dict[str, Any]:
    """The figures of these replicas behind nginx."""
    for replica in replicas:
        replica.wait()
    with balancer([replica.port for replica in replicas]) as url:
        made = json.dumps({"name": "bench", "config": {"served_entities": [ENTITY]}}).encode()
        _once(url, "POST", ENDPOINTS, made)
        for kind in kinds().values():
            load(url, kind, connections, 0.3)
        return {name: load(url, kind, connections, seconds) for name, kind in kinds().items()}


def _once(url: str, method: str, path: str, body: bytes) -> None:
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=30)
    connection.request(method, path, body, HEADERS)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    if answer.status != 200:
        raise SystemExit(f"{method} {path}: {answer.status} {content[:200]!r}")


def measured(counts: list[int], connections: int, seconds: float) -> dict[str, Any]:
    """The figures by the number of replicas, and those of one process in memory."""
    results: dict[str, Any] = {"processors": os.cpu_count(), "connections": connections, "postgresql": {}}
    with cluster() as database:
        for count in counts:
            with ExitStack() as stack:
                url = database.url()
                running = [Replica(url, "--provisioning", "0") for _ in range(count)]
                for replica in running:
                    stack.callback(replica.end)
                    stack.callback(replica.stop)
                results["postgresql"][str(count)] = figures(running, connections, seconds)
    with ExitStack() as stack:
        alone = Replica(None, "--provisioning", "0")
        stack.callback(alone.end)
        stack.callback(alone.stop)
        results["memory"] = {"1": figures([alone], connections, seconds)}
    return results


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replicas", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=2.0)
    given = parser.parse_args()
    print(json.dumps(measured(given.replicas, given.connections, given.seconds), indent=2))
