"""The harness as a pytest fixture: each law is seen as a test of its own."""

from __future__ import annotations

from importlib.metadata import entry_points

import contracts_defects as planted
import pytest

from mockserver.settings import Settings

pytest_plugins = ["pytester"]
INSTALLED = any(each.name == "serving_contract" for each in entry_points(group="pytest11"))
PLUGIN = "serving_contract" if INSTALLED else "contracts.pytest_plugin"
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
