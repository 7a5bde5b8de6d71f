"""Fifty threads on one server lose nothing and duplicate nothing."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import requests
from conftest import caller

from mockserver import MockServer

ENDPOINTS = "/api/2.0/serving-endpoints"
THREADS = 50
ENTITY = {"entity_name": "m", "entity_version": "1", "scale_to_zero_enabled": True}


def test_what_fifty_threads_create_is_all_there_once(instant_server: MockServer, token: str) -> None:
    def create(thread: int) -> list[str]:
        call = caller(instant_server.url, token)
        replies = [call("POST", ENDPOINTS, json={"name": f"t{thread}-{number}"}) for number in range(6)]
        deleted = call("DELETE", f"{ENDPOINTS}/t{thread}-0")
        assert deleted.status_code == 200
        return [reply.json()["id"] for reply in replies]

    with ThreadPoolExecutor(THREADS) as pool:
        ids = [endpoint_id for made in pool.map(create, range(THREADS)) for endpoint_id in made]
    assert len(set(ids)) == THREADS * 6
    listed = caller(instant_server.url, token)("GET", ENDPOINTS).json()["endpoints"]
    own = [endpoint["name"] for endpoint in listed if "id" in endpoint]
    assert sorted(own) == sorted(f"t{thread}-{number}" for thread in range(THREADS) for number in range(1, 6))


def test_of_fifty_equal_creations_one_succeeds(instant_server: MockServer, token: str) -> None:
    barrier = Barrier(THREADS)

    def create(_: int) -> requests.Response:
        barrier.wait()
        return caller(instant_server.url, token)("POST", ENDPOINTS, json={"name": "one"})

    with ThreadPoolExecutor(THREADS) as pool:
        replies = list(pool.map(create, range(THREADS)))
    assert Counter(reply.status_code for reply in replies) == {200: 1, 409: THREADS - 1}
    codes = {reply.json()["error_code"] for reply in replies if reply.status_code == 409}
    assert codes == {"RESOURCE_ALREADY_EXISTS"}


def test_of_fifty_updates_at_once_one_succeeds(paced_server: MockServer, token: str) -> None:
    call = caller(paced_server.url, token)
    call("POST", ENDPOINTS, json={"name": "one", "config": {"served_entities": [ENTITY]}})
    paced_server.mock.clock.advance(10)
    barrier = Barrier(THREADS)

    def update(thread: int) -> int:
        mine = caller(paced_server.url, token)
        barrier.wait()
        entity = {**ENTITY, "entity_version": str(thread)}
        return mine("PUT", f"{ENDPOINTS}/one/config", json={"served_entities": [entity]}).status_code

    with ThreadPoolExecutor(THREADS) as pool:
        statuses = Counter(pool.map(update, range(THREADS)))
    assert statuses == {200: 1, 409: THREADS - 1}
    assert call("GET", f"{ENDPOINTS}/one").json()["pending_config"]["config_version"] == 2


def test_tags_set_by_fifty_threads_are_never_half_applied(instant_server: MockServer, token: str) -> None:
    call = caller(instant_server.url, token)
    call("POST", ENDPOINTS, json={"name": "one"})

    def tag(thread: int) -> int:
        add = [{"key": key, "value": str(thread)} for key in "ab"]
        return caller(instant_server.url, token)("PATCH", f"{ENDPOINTS}/one/tags", json={"add_tags": add}).status_code

    with ThreadPoolExecutor(THREADS) as pool:
        assert set(pool.map(tag, range(THREADS))) == {200}
    first, second = call("GET", f"{ENDPOINTS}/one").json()["tags"]
    assert first["value"] == second["value"]
