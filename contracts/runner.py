"""Fuzzing with schemathesis: its generation and its stock checks, our transport and our oracle."""

from __future__ import annotations

import copy
import threading
import time
import warnings
from collections import Counter
from typing import Any

import schemathesis
from schemathesis import hooks
from schemathesis.engine import events, from_schema
from schemathesis.engine.core import EventStream

from .budget import Budget, Spent, Stopped
from .checks import LAW_OF_CHECK, Steering, choice_of, is_ours_to_judge, oracle_at_the_transport, register_check
from .exchange import Asked, Exchange
from .findings import Judge
from .routes import spec
from .safety import Guard, Profile

LONGEST = 36.0
SHORTEST = 2.0
CASES_PER_OPERATION = 4
LOOK_SECONDS = 0.1
SHARE_OF_COVERAGE = 3
"""One of so many boundary values is sent, each seed another third of them: all would take most of a minute."""

PARTS = (
    ("examples", frozenset({"examples"}), 0.3),
    ("coverage", frozenset({"coverage"}), 0.6),
    ("fuzzing", frozenset({"fuzzing", "stateful"}), 1.0),
)
"""The parts of fuzzing: their phases, and which share of the time that is left each may use. Each part ends when all
that the seed gives has been sent; a time limit inside schemathesis would make what is sent depend on the machine."""


def fuzz(guard: Guard, judge: Judge, seed: int, seconds: float, workers: int = 1) -> dict[str, Any]:
    """Fuzz the target for some seconds; answers what was done. Findings go to the judge."""
    until = time.monotonic() + min(LONGEST, seconds)
    if seconds < SHORTEST:
        return {"skipped": f"only {max(0.0, seconds):.1f} s were left"}
    counted: Counter[str] = Counter()
    register_check(judge)
    steering = Steering(guard.rights, seed)

    def steer(context: Any, case: schemathesis.Case[Any], kwargs: dict[str, Any]) -> None:
        steering.steer(case)

    schemathesis.hook("before_call")(steer)
    try:
        with guard.over_requests("fuzz") as adapter, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                for name, phases, share in PARTS:
                    now = time.monotonic()
                    stream = from_schema(_schema(guard, seed, workers, phases)).execute()
                    with _Ending(stream, guard.budget, now + (until - now) * share) as ending:
                        _follow(stream, judge, counted)
                    if ending.is_early:
                        counted[f"{name} cut short"] += 1
            except (Spent, Stopped) as reason:
                counted[f"ended: {reason}"] += 1
            counted["cases"] = adapter.sent
    finally:
        hooks.unregister(steer)
        register_check(None)
    return dict(counted)


class _Ending:
    """Stops a stream at a moment, or when the run stops or has spent its budget, and then says that it did.

    Events come too seldom to look at the clock between them: one may stand for hundreds of requests.
    """

    def __init__(self, stream: EventStream, budget: Budget, until: float) -> None:
        self._stream, self._budget, self._until = stream, budget, until
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="fuzz-ending", daemon=True)
        self.is_early = False

    def __enter__(self) -> _Ending:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(LOOK_SECONDS):
            if self._budget.is_over() or time.monotonic() >= self._until:
                self.is_early = True
                self._stream.stop()
                return


def _schema(guard: Guard, seed: int, workers: int, phases: frozenset[str]) -> Any:
    document = copy.deepcopy(spec().document)
    schema = schemathesis.openapi.from_dict(document, config=_config(guard, seed, workers, phases))
    schema.hook("filter_failure")(is_ours_to_judge)
    if "coverage" in phases:

        def a_share(context: Any, case: schemathesis.Case[Any]) -> bool:
            return choice_of(f"{seed} covered", case, SHARE_OF_COVERAGE) == 0

        schema.hook("filter_case")(a_share)
    return schema


def _follow(stream: EventStream, judge: Judge, counted: Counter[str]) -> None:
    for event in stream:
        if isinstance(event, events.ScenarioFinished):
            counted["scenarios"] += 1
            _collect(event, judge)
        elif isinstance(event, events.NonFatalError):
            counted["errors"] += 1


def _collect(event: events.ScenarioFinished, judge: Judge) -> None:
    for case_id, checks in event.recorder.checks.items():
        for check in checks:
            if check.failure_info is None or check.name == oracle_at_the_transport.__name__:
                continue
            interaction = event.recorder.interactions.get(case_id)
            if interaction is None or interaction.response is None:
                continue
            failure = check.failure_info.failure
            law = LAW_OF_CHECK.get(check.name, "shape.body")
            where = f"{type(failure).__name__} (schemathesis)"
            judge.hold(law, _exchange(interaction), False, failure.title, failure.message, where)


def _exchange(interaction: Any) -> Exchange:
    """An interaction that schemathesis recorded, as one of our exchanges."""
    request, response = interaction.request, interaction.response
    path = "/" + request.uri.split("://", 1)[1].partition("/")[2]
    headers = {name: ", ".join(values) for name, values in request.headers.items()}
    identity = "caller" if any(name.lower() == "authorization" for name in headers) else "nobody"
    asked = Asked(request.method, path, headers, request.body, identity, "fuzz")
    shown = tuple((name, ", ".join(values)) for name, values in response.headers.items())
    return Exchange(0, asked, 0.0, 0.0, response.elapsed, response.status_code, shown, response.content or b"")


def _config(guard: Guard, seed: int, workers: int, phases: frozenset[str]) -> schemathesis.Config:
    writes = guard.rights.profile is Profile.WRITE
    checks: dict[str, Any] = {name: {"enabled": True} for name in LAW_OF_CHECK}
    return schemathesis.Config.from_dict(
        {
            "seed": seed,
            "base-url": guard.target.url,
            "headers": {"Authorization": guard.target.authorization},
            "workers": workers,
            "request-timeout": 20.0,
            "max-redirects": 0,
            "continue-on-failure": True,
            "cache": {"enabled": False},
            "analysis": {"constants": {"enabled": False}},
            "suppress-health-check": ["all"],
            "generation": {"max-examples": CASES_PER_OPERATION, "no-shrink": True, "database": "none"},
            "phases": {
                "examples": {"enabled": "examples" in phases},
                "coverage": {
                    "enabled": "coverage" in phases,
                    "unexpected-methods": ["GET", "PUT", "POST", "PATCH", "DELETE"] if writes else [],
                    "extra-data-sources": {"responses": guard.rights.is_loopback},
                },
                "fuzzing": {
                    "enabled": "fuzzing" in phases,
                    "extra-data-sources": {"responses": guard.rights.is_loopback},
                },
                "stateful": {
                    "enabled": writes and "stateful" in phases,
                    "max-steps": 5,
                    # not by Location headers, which the API has none of: with them a URL in a reply that cannot be
                    # parsed ends the whole run
                    "inference": {"algorithms": ["dependency-analysis"]},
                },
            },
            "checks": {"enabled": False, oracle_at_the_transport.__name__: {"enabled": True}, **checks},
        }
    )
