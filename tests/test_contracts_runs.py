"""Whole runs: what many workers, a target that settles late and a busy machine change, and what they must not."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

import contracts_defects as planted
import pytest
import requests
from machinery import balancer

from contracts import pace
from contracts.budget import Allowance
from contracts.exchange import Asked, Exchange
from contracts.findings import Judge
from contracts.report.document import verdict
from contracts.run import Options, Run
from contracts.safety import is_create
from contracts.target import find_target
from mockserver.settings import Settings

QUICK = Settings(provisioning_external=0.6, provisioning_custom=1.0, provisioning_provisioned=1.0, log_level="error")
SOME = ("discovery", "tags", "racing-creates", "without-configuration", "notifications", "deleted-while-deploying")

MIXED = (*SOME, "external-lifecycle", "chat-queries", "tools-and-formats", "racing-tags", "permissions", "documents")


def run_on(url: str, **options: object) -> Run:
    given: dict[str, object] = {"fuzz": False, "deadline": 4, "allowance": Allowance(seconds=90), **options}
    return Run(find_target(url, "dapi-mock"), Options(**given))  # type: ignore[arg-type]  # names are checked by Options


def test_a_target_that_settles_late_is_told_of_and_tolerated_when_asked_for() -> None:
    with planted.Server(None, QUICK) as server:
        headers = {"Authorization": "Bearer dapi-mock"}
        stale = requests.post(f"{server.url}/__mock__/stale-reads", json={"seconds": 0.3}, headers=headers, timeout=10)
        stale.raise_for_status()
        strict = run_on(server.url, journeys=SOME).go()
        tolerant = run_on(server.url, journeys=SOME, settle=0.8).go()
    assert strict.exit_code == 1
    assert {finding.law.family for finding in strict.findings} & {"memory", "lifecycle"}
    assert 0.1 < strict.lag < 3
    assert "reads lag behind its writes" in verdict(strict)
    assert "--settle" in verdict(strict)
    assert tolerant.exit_code == 0, [(each.law.id, each.operation, each.where, each.got) for each in tolerant.findings]
    assert not tolerant.abandoned
    assert not tolerant.lag


def test_a_broken_target_that_does_not_lag_is_not_said_to() -> None:
    with planted.Server(planted.DEFECTS["tags-come-twice"], QUICK) as server:
        result = run_on(server.url, journeys=("discovery", "tags")).go()
    assert result.exit_code == 1
    assert not result.lag
    assert "lag" not in verdict(result)


@pytest.mark.parametrize(
    ("name", "journeys"), [("clean", ()), ("tags-come-twice", MIXED), ("tool-calls-share-an-id", MIXED)]
)
def test_any_number_of_workers_finds_the_same_for_the_same_seed(name: str, journeys: tuple[str, ...]) -> None:
    found = []
    for workers in (1, 4):
        with planted.Server(planted.DEFECTS.get(name), QUICK) as server:
            result = run_on(server.url, seed=5, workers=workers, journeys=journeys).go()
        # what plants a defect answers streams as a whole, so whether that is seen is a matter of chance
        broken = {(each.law.id, each.operation) for each in result.findings if each.law.id != "stream.delivered"}
        found.append((broken, result.exit_code))
        assert result.budget["endpoints"]["spent"] > (5 if journeys else 100)
        assert not result.survivors.names
    assert found[0] == found[1]
    assert bool(found[0][0]) is (name != "clean")


class Counting:
    """Counts what is really sent, whoever sends it."""

    def __init__(self) -> None:
        self.requests, self.creates, self._lock = 0, 0, threading.Lock()

    def before(self, asked: Asked) -> object:
        with self._lock:
            self.requests += 1
            self.creates += is_create(asked)
        return None

    def after(self, exchange: Exchange, token: object) -> None: ...


@pytest.mark.parametrize("kind", ["requests", "endpoints"])
def test_budgets_are_exact_with_many_workers(kind: str) -> None:
    allowed = {"requests": 300, "endpoints": 40}[kind]
    with planted.Server(None, QUICK) as server:
        run = run_on(server.url, workers=4, allowance=Allowance(seconds=90, **{kind: allowed}))
        sent = Counting()
        run.guard.watchers.append(sent)
        result = run.go()
    assert result.exit_code == 3
    assert result.budget[kind]["spent"] == allowed
    assert result.budget["requests"]["spent"] == sent.requests
    assert result.budget["endpoints"]["spent"] <= sent.creates
    assert not result.survivors.names


def test_generated_requests_of_many_workers_stay_within_the_run() -> None:
    with planted.Server(None, QUICK) as server:
        run = run_on(server.url, fuzz=True, journeys=("discovery",), workers=4, allowance=Allowance(requests=700))
        result = run.go()
    assert result.fuzzed["cases"] > 300
    assert result.budget["requests"]["spent"] == 700
    assert not result.findings, [(each.law.id, each.operation, each.where, each.got) for each in result.findings]
    assert not result.survivors.names


def test_a_balancer_before_the_target_is_no_fault_of_the_target() -> None:
    """nginx refuses a null byte in a path, and the method TRACE, with pages of its own."""
    with planted.Server(None, QUICK) as server, balancer([int(server.url.rpartition(":")[2])]) as url:
        result = run_on(url, journeys=("unknown-routes", "wrong-methods", "extreme-texts")).go()
    assert not result.findings, [(each.law.id, each.operation, each.where, each.got) for each in result.findings]
    assert result.exit_code == 0


def late_update(case: planted.Case) -> None:
    """Every second update comes when the first has been deployed."""
    if case.is_("PUT", "/config"):
        case.memory["updates"] = case.memory.get("updates", 0) + 1
        if case.memory["updates"] % 2 == 0:
            time.sleep(0.3)


def shuffled_list(case: planted.Case) -> None:
    if case.is_list and case.ok:
        case.json["endpoints"] = case.json["endpoints"][3:] + case.json["endpoints"][:3]


def altered_bodies(case: planted.Case) -> None:
    """As a front does that writes JSON anew, which makes a GET longer than its HEAD said."""
    if case.method == "HEAD":
        case.set_header("Content-Length", "17")
    elif case.is_("GET") and case.ok:
        case.body = case.body + b" " * 9


def newer_members(case: planted.Case) -> None:
    """Members that a later version of the service may add."""
    if case.path.endswith(("/ai-gateway", "/notifications", "/rate-limits")) and case.ok:
        case.json["since"] = 2027
        for value in case.json.values():
            for item in value if isinstance(value, list) else [value]:
                if isinstance(item, dict):
                    item["since"] = 2027
    for document in case.endpoints():
        for member in ("ai_gateway", "email_notifications"):
            if document.get(member):
                document[member]["since"] = 2027


@pytest.mark.parametrize(
    ("change", "before", "journeys"),
    [
        (late_update, True, ("discovery", "racing-updates")),
        (shuffled_list, False, ("discovery", "foundation-models", "external-lifecycle")),
        (altered_bodies, False, ("discovery", "wrong-methods")),
        (newer_members, False, ("discovery", "gateway-and-limits", "notifications", "accepted-gateways")),
    ],
)
def test_what_no_fact_promises_is_no_fault(
    change: Callable[[planted.Case], None], before: bool, journeys: tuple[str, ...]
) -> None:
    settings = Settings(provisioning=0.1, log_level="error")
    with planted.Server(planted.Defect(change.__name__, "none", journeys, change, before), settings) as server:
        result = run_on(server.url, journeys=journeys).go()
    assert not result.findings, [(each.law.id, each.operation, each.where, each.got) for each in result.findings]
    assert result.exit_code == 0


def streams(count: int, begin: float) -> list[Exchange]:
    """Streams that begin so late, among quick plain answers of the same operation."""
    asked = Asked("POST", "/serving-endpoints/chat/completions")
    plain = [Exchange(number, asked, number, number + 0.01, 0.01, 200) for number in range(100)]
    head = (("Content-Type", "text/event-stream"),)
    return [
        *plain,
        *(
            Exchange(1000 + number, asked, number, number + 9, 9.0, 200, head, b"x", ((begin, 1), (9.0, 1)))
            for number in range(count)
        ),
    ]


@pytest.mark.parametrize(("begin", "is_late"), [(0.05, False), (0.9, True)])
def test_a_stream_is_late_when_its_first_piece_is(monkeypatch: pytest.MonkeyPatch, begin: float, is_late: bool) -> None:
    monkeypatch.setattr(os, "getloadavg", lambda: (0.0, 0.0, 0.0))
    judge = Judge()
    pace.Pace(judge, exchanges=streams(4, begin)).judge_all()
    assert ("robust.time" in judge.broken()) is is_late


def slow_replies(count: int) -> list[Exchange]:
    """Many quick replies, and some of two seconds while those came."""
    asked = Asked("GET", "/api/2.0/serving-endpoints")
    quick = [Exchange(number, asked, number / 10, number / 10 + 0.01, 0.01, 200) for number in range(400)]
    slow = [Exchange(1000 + number, asked, number + 5.0, number + 7.0, 2.0, 200) for number in range(count)]
    return [*quick, *slow]


@pytest.mark.parametrize(("load", "few_are_found"), [(0.0, True), (8.0, False)])
def test_on_a_busy_machine_it_takes_more_slow_replies(
    monkeypatch: pytest.MonkeyPatch, load: float, few_are_found: bool
) -> None:
    monkeypatch.setattr(os, "getloadavg", lambda: (load * (os.cpu_count() or 1), 0.0, 0.0))
    for count, expected in ((3, few_are_found), (30, True)):
        judge = Judge()
        watch = pace.Pace(judge, exchanges=slow_replies(count))
        watch.judge_all()
        assert ("robust.time" in judge.broken()) is expected
