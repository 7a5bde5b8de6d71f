"""The harness as a pytest fixture: each law is seen as a test of its own."""

from __future__ import annotations

import re
from importlib.metadata import entry_points

import contracts_defects as planted
import pytest

from mockserver.settings import Settings

pytest_plugins = ["pytester"]
INSTALLED = any(each.value == "mockserver.pytest_plugin" for each in entry_points(group="pytest11"))
PLUGIN = "serving_endpoints_mock" if INSTALLED else "mockserver.pytest_plugin"
QUICK = Settings(provisioning=0.2, log_level="error")
TEST = """
    import pytest

    @pytest.mark.serving_contract(no_fuzz=True, journey=("discovery", "tags"))
    def test_gateway(serving_contract):
        serving_contract.check({url!r}, token="dapi-mock")
"""


def test_a_test_of_a_good_target_passes_and_shows_the_laws(pytester: pytest.Pytester) -> None:
    with planted.Server(None, QUICK) as server:
        pytester.makepyfile(TEST.format(url=server.url))
        result = pytester.runpytest_subprocess("-v", "-p", PLUGIN)
    result.stdout.fnmatch_lines(["*test_gateway*memory.tags*PASSED*"])
    assert result.ret == 0


def test_a_test_of_a_broken_target_fails_by_the_law(pytester: pytest.Pytester) -> None:
    with planted.Server(planted.DEFECTS["tags-come-twice"], QUICK) as server:
        pytester.makepyfile(TEST.format(url=server.url))
        result = pytester.runpytest_subprocess("-v", "-p", PLUGIN)
    result.stdout.fnmatch_lines(["*test_gateway*memory.tags*FAILED*"])
    assert result.ret == 1


JOURNEYS = """
    import pytest

    CHOSEN = ("tags", "notifications", "racing-tags", "without-configuration", "witness")

    @pytest.mark.serving_contract(journey=CHOSEN, seed=7{more})
    def test_gateway(serving_journey):
        serving_journey.check({url!r}, token="dapi-mock")
"""


def failed(result: pytest.RunResult) -> set[str]:
    """What failed: the tests, and the laws with their operations; what came instead may depend on who was first."""
    tests = {line.partition(" - ")[0] for line in result.outlines if line.startswith("FAILED ")}
    found = re.findall(r"^E +([a-z]+\.[a-z-]+ \w+): expected", result.stdout.str(), re.M)
    return tests | set(found)


def test_the_laws_are_seen_from_a_worker_of_xdist_too(pytester: pytest.Pytester) -> None:
    with planted.Server(planted.DEFECTS["tags-come-twice"], QUICK) as server:
        pytester.makepyfile(TEST.format(url=server.url))
        alone = pytester.runpytest_subprocess("-v", "-p", PLUGIN)
        spread = pytester.runpytest_subprocess("-v", "-n", "2", "-p", PLUGIN)
    spread.stdout.fnmatch_lines(["*test_gateway*memory.tags*"])
    assert "INTERNALERROR" not in spread.stdout.str()
    assert spread.parseoutcomes()["failed"] == alone.parseoutcomes()["failed"]
    assert spread.parseoutcomes()["passed"] == alone.parseoutcomes()["passed"]
    assert failed(spread) == failed(alone)


def test_journeys_are_spread_over_processes_with_the_same_findings(pytester: pytest.Pytester) -> None:
    with planted.Server(planted.DEFECTS["tags-come-twice"], QUICK) as server:
        pytester.makepyfile(JOURNEYS.format(url=server.url, more=", no_fuzz=True"))
        alone = pytester.runpytest_subprocess("-p", PLUGIN)
        spread = pytester.runpytest_subprocess("-n", "2", "-p", PLUGIN)
    assert sum(alone.parseoutcomes()[kind] for kind in ("passed", "failed")) == 5
    assert alone.parseoutcomes()["passed"] > 0
    assert spread.parseoutcomes()["failed"] == alone.parseoutcomes()["failed"] > 0
    assert failed(spread) == failed(alone)


def test_the_fuzzing_is_a_test_beside_the_journeys(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(JOURNEYS.format(url="http://127.0.0.1:9", more=""))
    result = pytester.runpytest_subprocess("--collect-only", "-q", "-p", PLUGIN)
    result.stdout.fnmatch_lines(["*test_gateway?tags?", "*test_gateway?fuzzing?"])


def test_a_journey_that_the_options_do_not_allow_is_skipped(pytester: pytest.Pytester) -> None:
    with planted.Server(None, QUICK) as server:
        pytester.makepyfile(JOURNEYS.format(url=server.url, more=", no_fuzz=True, allow='read'"))
        result = pytester.runpytest_subprocess("-p", PLUGIN)
    result.assert_outcomes(skipped=5)


def test_importing_the_plugin_imports_nothing_of_the_harness(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import sys

        def test_light():
            heavy = [name for name in ("schemathesis", "contracts.run", "openapi", "rich") if name in sys.modules]
            assert not heavy
        """
    )
    result = pytester.runpytest_subprocess("-p", PLUGIN, "-p", "no:schemathesis")
    result.assert_outcomes(passed=1)
