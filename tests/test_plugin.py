"""The pytest plugin: what a user's tests see of it, run in sessions of their own."""

from __future__ import annotations

import subprocess
import sys

import pytest

from mockserver.testing import shared_server

pytest_plugins = ["pytester"]


@pytest.fixture
def quiet(pytester: pytest.Pytester) -> pytest.Pytester:
    """A session of its own."""
    pytester.makeini("[pytest]\naddopts = -p no:cacheprovider --strict-markers\n")
    return pytester


def test_each_test_has_a_workspace_of_its_own_and_nothing_is_left_of_it(quiet: pytest.Pytester) -> None:
    quiet.makepyfile(
        """
        import pytest

        @pytest.mark.parametrize("round", [1, 2])
        def test_alone(serving_mock, round):
            client = serving_mock.workspace_client()
            assert [e.name for e in client.serving_endpoints.list() if e.creator] == []
            serving_mock.create("chat")
            serving_mock.token_for("ann@example.com")
            assert client.serving_endpoints.get("chat").state.ready.value == "READY"
            assert serving_mock.requests.count() == 2
        """
    )
    quiet.runpytest_inprocess().assert_outcomes(passed=2)
    assert [name for name in shared_server().mock.workspaces() if "test_alone" in name] == []
    assert shared_server().mock.store.workspaces() == []


def test_markers_and_configuration_say_how_the_mock_behaves(quiet: pytest.Pytester) -> None:
    quiet.makefile(".yaml", state="version: 1\nendpoints:\n  - name: given\n")
    quiet.makeini("[pytest]\nserving_mock_provisioning = 7\nserving_mock_state = state.yaml\nserving_mock_seed = 3\n")
    quiet.makepyfile(
        """
        import pytest

        def settings(serving_mock):
            return serving_mock.mock.of(serving_mock.workspace).settings

        def test_configured(serving_mock):
            assert (settings(serving_mock).provisioning, settings(serving_mock).seed) == (7, 3)
            assert serving_mock.session().get("http://serving-mock.localhost/api/2.0/serving-endpoints/given").ok
            assert serving_mock.clock.frozen

        @pytest.mark.serving_mock(seed=1, clock="real")
        class TestMarked:
            @pytest.mark.serving_mock(provisioning=5)
            def test_nearest_marker(self, serving_mock):
                assert (settings(serving_mock).provisioning, settings(serving_mock).seed) == (5, 1)
                assert not serving_mock.clock.frozen
        """
    )
    quiet.runpytest_inprocess().assert_outcomes(passed=2)


@pytest.mark.parametrize(
    ("marker", "complaint"),
    [("speed=1", "*unexpected keyword argument 'speed'; there are provisioning, seed*"),
     ("clock='broken'", "*clock is 'broken': manual or real*"), ("5", "*takes options by name*"),
     ("provisioning=-3", "*provisioning is -3: a number of seconds*"), ("seed='x'", "*seed is 'x': int is expected*"),
     ("state='nope.yaml'", "*serving_mock: *nope.yaml*")],
)  # fmt: skip
def test_a_marker_that_cannot_be_understood_is_an_error_that_says_so(
    quiet: pytest.Pytester, marker: str, complaint: str
) -> None:
    quiet.makepyfile(f"import pytest\n\n@pytest.mark.serving_mock({marker})\ndef test_it(serving_mock): pass\n")
    quiet.runpytest_inprocess().stdout.fnmatch_lines([complaint])


def test_the_same_seed_gives_the_same_ids_in_every_run(quiet: pytest.Pytester) -> None:
    quiet.makepyfile("def test_id(serving_mock): print('ID', serving_mock.create('a')['id'])")
    first, second = ([line for line in quiet.runpytest_inprocess("-s").outlines if "ID" in line] for _ in range(2))
    assert first == second
    assert first


def test_workers_of_xdist_do_not_see_each_other(quiet: pytest.Pytester) -> None:
    quiet.makepyfile(
        """
        import pytest

        @pytest.mark.parametrize("number", range(12))
        def test_it(serving_mock, number):
            client = serving_mock.workspace_client()
            serving_mock.create("same-name")
            assert [e.name for e in client.serving_endpoints.list() if e.creator] == ["same-name"]
        """
    )
    quiet.runpytest_subprocess("-n", "2").assert_outcomes(passed=12)


def test_the_plugin_can_be_left_out(quiet: pytest.Pytester) -> None:
    quiet.makepyfile("def test_it(serving_mock): pass")
    result = quiet.runpytest_inprocess("-p", "no:serving_endpoints_mock")
    result.stdout.fnmatch_lines(["*fixture 'serving_mock' not found*"])


def test_an_intruder_named_openapi_is_called_by_its_place(quiet: pytest.Pytester) -> None:
    quiet.mkpydir("openapi")
    quiet.makepyfile("def test_it(serving_mock): pass")
    result = quiet.runpytest_subprocess("-o", "pythonpath=.")
    result.stdout.fnmatch_lines(["*The package 'openapi' of serving-endpoints-mock is hidden by *openapi*"])


@pytest.mark.parametrize("how", [(), ("-o", "pythonpath=.")])
def test_a_project_with_packages_of_our_names_is_left_alone(quiet: pytest.Pytester, how: tuple[str, ...]) -> None:
    for name in ("contracts", "openapi"):
        (quiet.mkpydir(name) / "__init__.py").write_text("VALUE = 'theirs'")
    quiet.makepyfile("def test_it(): import contracts, openapi; assert contracts.VALUE == openapi.VALUE == 'theirs'")
    quiet.makeconftest("")
    quiet.runpytest_subprocess(*how).assert_outcomes(passed=1)


def test_an_intruder_named_contracts_is_called_by_its_place(quiet: pytest.Pytester) -> None:
    quiet.mkpydir("contracts")
    quiet.makepyfile("def test_it(serving_contract): pass")
    result = quiet.runpytest_subprocess("-o", "pythonpath=.")
    result.stdout.fnmatch_lines(["*The package 'contracts' of serving-endpoints-mock is hidden by *contracts*"])


def test_the_fixtures_of_the_harness_can_be_switched_off(quiet: pytest.Pytester) -> None:
    quiet.makepyfile("def test_it(serving_contract): pass")
    result = quiet.runpytest_subprocess("-p", "no:serving_contract")
    result.stdout.fnmatch_lines(["*fixture 'serving_contract' not found*"])


def test_importing_the_plugin_imports_nothing_else() -> None:
    program = (
        "import sys, pytest; before = set(sys.modules); import mockserver.pytest_plugin; "
        "print(sorted(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['mockserver', 'mockserver.pytest_plugin']"


def test_the_session_wide_server_is_for_others(quiet: pytest.Pytester) -> None:
    quiet.makepyfile(
        """
        import urllib.request

        def test_it(serving_mock_server, serving_mock):
            headers = {"Authorization": f"Bearer {serving_mock_server.token}"}
            request = urllib.request.Request(serving_mock_server.url + "/api/2.0/serving-endpoints", headers=headers)
            with urllib.request.urlopen(request) as answer:
                assert answer.status == 200
            assert serving_mock.url == serving_mock_server.url
            assert serving_mock.requests.count() == 0
        """
    )
    quiet.runpytest_subprocess().assert_outcomes(passed=1)


def test_a_session_of_a_thousand_tests_has_flat_memory(quiet: pytest.Pytester) -> None:
    quiet.makepyfile(
        """
        import gc, resource
        import pytest, requests

        peaks = {}

        @pytest.mark.parametrize("number", range(1000))
        def test_it(serving_mock, number):
            serving_mock.create("chat")
            headers = {"Authorization": f"Bearer {serving_mock.token}"}
            url = serving_mock.url + "/api/2.0/serving-endpoints"
            for path in ("", "/chat"):
                assert requests.get(url + path, headers=headers, timeout=30).ok
            serving_mock.requests.assert_called("get_serving_endpoint", times=1)
            peaks[number] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

        def test_memory():
            grown = (peaks[999] - peaks[299]) / 1024
            print("MB grown over 700 tests:", grown)
            assert grown < 16  # pytest itself keeps a report of each test
        """
    )
    quiet.runpytest_subprocess("-s", "-p", "no:xdist").assert_outcomes(passed=1001)
