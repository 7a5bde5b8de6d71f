"""Clients of several replicas: one after the other, all at once, and in a race."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import requests

ENDPOINTS = "/api/2.0/serving-endpoints"
FOUNDATION = "databricks-meta-llama-3-3-70b-instruct"
EXTERNAL = {
    "name": "gpt-4o",
    "provider": "openai",
    "task": "llm/v1/chat",
    "openai_config": {"openai_api_key": "{{secrets/scope/key}}"},
}
ONE_WINS = ((200, None), (409, "RESOURCE_CONFLICT"))
"""What two replicas answer to updates of one endpoint at the same time."""

Call = Callable[..., requests.Response]


def caller(url: str, token: str) -> Call:
    """A function that calls a server, or several in turn, each on a connection of its own."""
    headers = {"Authorization": f"Bearer {token}", "X-Mock-Control-Token": "secret"}

    def call(method: str, path: str, base: str = url, **options: Any) -> requests.Response:
        return requests.request(method, base + path, headers=headers, timeout=30, **options)

    return call


def chat(name: str = FOUNDATION, **members: Any) -> dict[str, Any]:
    return {"model": name, "messages": [{"role": "user", "content": "Hello?"}], **members}


def at_once(count: int, work: Callable[[int], Any]) -> list[Any]:
    with ThreadPoolExecutor(min(count, 24)) as pool:
        return list(pool.map(work, range(count)))


def racing_updates(urls: list[str], token: str, rounds: int) -> tuple[Counter[tuple[Any, ...]], int]:
    """Let two replicas update one endpoint at once, again and again: what came of the rounds, and the last version.

    The clock stands still, so the winner's update stays under way until the next round begins.
    """
    outcomes: Counter[tuple[Any, ...]] = Counter()
    sessions = [requests.Session() for _ in urls]
    for session in sessions:
        session.headers.update({"Authorization": f"Bearer {token}", "X-Mock-Control-Token": "secret"})
    entity = {"name": "m", "entity_name": "main.default.m", "entity_version": "1", "workload_size": "Small",
              "scale_to_zero_enabled": True}  # fmt: skip
    made = {"name": "e", "config": {"served_entities": [entity]}}
    sessions[0].post(f"{urls[0]}/__mock__/clock", json={"freeze": True}, timeout=30).raise_for_status()
    sessions[0].post(urls[0] + ENDPOINTS, json=made, timeout=30).raise_for_status()

    def update(number: int) -> tuple[int, Any]:
        body = {"served_entities": [{**entity, "entity_version": str(number + 1)}]}
        answer = sessions[number].put(f"{urls[number]}{ENDPOINTS}/e/config", json=body, timeout=30)
        return answer.status_code, answer.json().get("error_code")

    with ThreadPoolExecutor(len(urls)) as pool:
        for _ in range(rounds):
            advance = {"advance": 60}
            sessions[0].post(f"{urls[0]}/__mock__/clock", json=advance, timeout=30).raise_for_status()
            outcomes[tuple(sorted(pool.map(update, range(len(urls))), key=str))] += 1
    found = sessions[1].get(f"{urls[1]}{ENDPOINTS}/e", timeout=30).json()
    for session in sessions:
        session.close()
    return outcomes, found["pending_config"]["config_version"]
