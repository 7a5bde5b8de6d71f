"""Fuzzing with schemathesis: its generation and its stock checks, our transport and our oracle."""

from __future__ import annotations

import copy
import warnings
from collections import Counter
from typing import Any

import schemathesis
from schemathesis import hooks
from schemathesis.engine import events, from_schema
from schemathesis.engine.core import EventStream

from .budget import Spent, Stopped
from .checks import LAW_OF_CHECK, Steering, is_ours_to_judge, oracle_at_the_transport, register_check
from .exchange import Asked, Exchange
from .findings import Judge
from .oracle import Oracle
from .routes import spec
from .safety import Guard, Profile

LONGEST = 20
SHORTEST = 4
CASES_PER_OPERATION = 6


def fuzz(guard: Guard, oracle: Oracle, judge: Judge, seed: int, seconds: float) -> dict[str, Any]:
    """Fuzz the target for some seconds; answers what was done. Findings go to the judge."""
    limit = int(min(LONGEST, seconds))
    if limit < SHORTEST:
        return {"skipped": f"only {max(0, limit)} s were left"}
    counted: Counter[str] = Counter()
    register_check(judge)
    try:
        with guard.over_requests("fuzz"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _stream(guard, judge, seed, limit, counted)
    except (Spent, Stopped) as reason:
        counted[f"ended: {reason}"] += 1
    finally:
        register_check(None)
    return dict(counted)


def _stream(guard: Guard, judge: Judge, seed: int, limit: int, counted: Counter[str]) -> None:
    document = copy.deepcopy(spec().document)
    schema = schemathesis.openapi.from_dict(document, config=_config(guard, seed, limit))
    schema.hook("filter_failure")(is_ours_to_judge)
    steering = Steering(guard.rights, seed)

    def steer(context: Any, case: schemathesis.Case[Any], kwargs: dict[str, Any]) -> None:
        steering.steer(case)

    schemathesis.hook("before_call")(steer)
    try:
        _follow(from_schema(schema).execute(), guard, judge, counted)
    finally:
        hooks.unregister(steer)


def _follow(stream: EventStream, guard: Guard, judge: Judge, counted: Counter[str]) -> None:
    for event in stream:
        if isinstance(event, events.ScenarioFinished):
            counted["scenarios"] += 1
            counted["cases"] += len(event.recorder.interactions)
            _collect(event, judge)
        elif isinstance(event, events.NonFatalError):
            counted["errors"] += 1
        elif isinstance(event, events.EngineFinished):
            counted[f"ended: {event.stop_reason.value}"] += 1
        if guard.budget.stopping.is_set():
            stream.stop()


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


def _config(guard: Guard, seed: int, limit: int) -> schemathesis.Config:
    writes = guard.rights.profile is Profile.WRITE
    checks: dict[str, Any] = {name: {"enabled": True} for name in LAW_OF_CHECK}
    return schemathesis.Config.from_dict(
        {
            "seed": seed,
            "max-time": limit,
            "base-url": guard.target.url,
            "headers": {"Authorization": guard.target.authorization},
            "workers": 1,
            "request-timeout": 20.0,
            "max-redirects": 0,
            "continue-on-failure": True,
            "cache": {"enabled": False},
            "analysis": {"constants": {"enabled": False}},
            "suppress-health-check": ["all"],
            "generation": {"max-examples": CASES_PER_OPERATION, "no-shrink": True, "database": "none"},
            "phases": {
                "coverage": {
                    "unexpected-methods": ["GET", "PUT", "POST", "PATCH", "DELETE"] if writes else [],
                    "extra-data-sources": {"responses": guard.rights.is_loopback},
                },
                "fuzzing": {"extra-data-sources": {"responses": guard.rights.is_loopback}},
                "stateful": {"enabled": writes, "max-steps": 5},
            },
            "checks": {"enabled": False, oracle_at_the_transport.__name__: {"enabled": True}, **checks},
        }
    )
