"""The prover proved: each planted defect is found by the law it breaks, and without one nothing is."""

from __future__ import annotations

from typing import Any

import contracts_defects as planted
import pytest

from contracts.budget import Allowance
from contracts.laws import laws
from contracts.run import Options, Result, Run
from contracts.target import find_target
from mockserver.settings import Settings

QUICK = Settings(provisioning_external=0.6, provisioning_custom=1.0, provisioning_provisioned=1.0, log_level="error")
UNHURRIED = Settings(provisioning_external=2, provisioning_custom=3, provisioning_provisioned=3, log_level="error")
"""For a second try: on a busy machine a quick deployment may be over before anybody has looked at it."""


def check(url: str, deadline: float = 4, **options: Any) -> tuple[Result, set[str]]:
    run = Run(
        find_target(url, "dapi-mock"),
        Options(fuzz=False, deadline=deadline, allowance=Allowance(seconds=60), **options),
    )
    return run.go(), run.judge.broken()


@pytest.mark.parametrize("name", sorted(planted.DEFECTS))
def test_a_planted_defect_is_found_by_its_law(name: str) -> None:
    defect = planted.DEFECTS[name]
    for settings, deadline in ((QUICK, 4), (UNHURRIED, 12)):
        with planted.Server(defect, settings) as server:
            result, broken = check(server.url, deadline, journeys=("discovery", *defect.journeys), stop_at=defect.law)
        if defect.law in broken:
            break
    assert defect.law in broken
    assert result.exit_code == 1


def test_every_law_has_a_planted_defect() -> None:
    without = set(laws()) - {defect.law for defect in planted.DEFECTS.values()}
    assert without <= {law.id for law in laws().values() if law.on_request}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_all_journeys_are_silent_on_the_clean_mock_and_exercise_every_law(seed: int) -> None:
    for settings, deadline in ((QUICK, 4), (UNHURRIED, 12)):
        with planted.Server(None, settings) as server:
            result, broken = check(server.url, deadline, seed=seed)
        assert not broken, [(each.law.id, each.operation, each.where, each.got) for each in result.findings]
        assert result.exit_code == 0
        unchecked = set(laws()) - {law for law, _ in result.checked}
        if not result.abandoned:
            break
    assert not result.abandoned
    assert unchecked <= {law.id for law in laws().values() if law.on_request}


def test_a_law_that_differs_between_versions_is_asserted_only_when_asked_for() -> None:
    with planted.Server(None, Settings(provisioning=0.2, external_entities="many", log_level="error")) as server:
        _, silent = check(server.url, journeys=("discovery", "refused-entities"))
        _, asked = check(
            server.url, journeys=("discovery", "refused-entities"), asserted=frozenset({"rules.one-external"})
        )
    assert "rules.one-external" not in silent
    assert "rules.one-external" in asked
