"""pytest: ``serving_contract.check(url)`` in a test, and each law reported as a test of its own.

>>> def test_gateway(serving_contract):                                   # doctest: +SKIP
...     serving_contract.check("http://127.0.0.1:8080", token="dapi-mock")

With ``@pytest.mark.serving_contract(no_fuzz=True, seed=7)`` the options of ``serving-contracts check`` are set for a
test. With the fixture ``serving_journey`` instead, each journey, and the fuzzing, is a test of its own, which
pytest-xdist may give to any of its workers: what is found is the same. Nothing of the harness is imported until a
fixture is used.
"""

from __future__ import annotations

from collections.abc import Generator
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .run import Result


RESULTS = pytest.StashKey[list["Result"]]()
FUZZING = "fuzzing"
LAW = "serving_contract_law"
"""The attribute of a report that is about a law: pytest-xdist sends only reports with the name of the test itself."""


class ContractBroken(AssertionError):
    """A target does not keep the contract; the text lists the laws."""


class ServingContract:
    """What the fixtures give: ``check`` runs the harness, ``result`` is how the last run went."""

    def __init__(self, request: pytest.FixtureRequest, options: dict[str, Any], journey: str = "") -> None:
        self._request = request
        self._options = options
        self._journey = journey
        self.result: Result | None = None

    def check(self, url: str, *, token: str | None = None, **options: Any) -> Result:
        """Check a target. Raises ``ContractBroken`` when it breaks a law, or the run covered too little.

        Args:
            url: the target.
            token: its bearer token; else found as the command line finds it.
            options: as the command line's, with underscores: ``no_fuzz=True``, ``journey=("tags",)``, ``max_time=30``.
        """
        from .command import options_of
        from .report.document import verdict
        from .run import Run
        from .target import find_target

        target = find_target(url, token)
        run = Run(target, options_of(target, {**self._options, **options, **self._part()}))
        if self._journey not in ("", FUZZING, *(each.name for each in run.plan())):
            pytest.skip(f"the journey {self._journey} needs more than these options allow")
        self.result = result = run.go()
        if not self._journey:
            self._request.node.stash.setdefault(RESULTS, []).append(result)
        if result.exit_code:
            lines = [
                f"{each.law.id} {each.operation}: expected {each.expected}; got {each.got}"
                for each in result.new_findings
            ]
            raise ContractBroken("\n".join([verdict(result), *lines]))
        return result

    def _part(self) -> dict[str, Any]:
        """The options that make a run of one journey, or of the fuzzing; the seed is the same in all of them."""
        if not self._journey:
            return {}
        walked = () if self._journey == FUZZING else (self._journey,)
        seed = {} if "seed" in self._options else {"seed": 1}
        return {"journey": ("discovery", *walked), "no_fuzz": self._journey != FUZZING, **seed}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, bool | None, bool | None]:
    """Once a test is over, and its output no longer captured, report each law that it checked."""
    done = yield
    for result in item.stash.get(RESULTS, []):
        _report_laws(item, result)
    return done


def _report_laws(item: pytest.Item, result: Result) -> None:
    """One report for each law that was checked, under the test's own name."""
    from .laws import laws

    broken: dict[str, list[str]] = {}
    for finding in result.new_findings:
        text = f"{finding.operation} {finding.where}\nexpected {finding.expected}\ngot {finding.got}"
        broken.setdefault(finding.law.id, []).append(text)
    checked = {law for law, _ in result.checked}
    file, line, name = item.location
    sent_on = hasattr(item.config, "workerinput")  # by pytest-xdist, to the process that reports
    for law in laws().values():
        if law.id not in checked:
            continue
        nodeid, location = f"{item.nodeid}[{law.id}]", (file, line, f"{name}[{law.id}]")
        report = pytest.TestReport(
            nodeid=item.nodeid if sent_on else nodeid,
            location=location,
            keywords={law.id: 1},
            outcome="failed" if law.id in broken else "passed",
            longrepr="\n\n".join([f"{law.sentence} {law.why}", *broken[law.id]]) if law.id in broken else None,
            when="call",
        )
        setattr(report, LAW, law.id)
        if sent_on:
            item.ihook.pytest_runtest_logreport(report=report)
            continue
        item.ihook.pytest_runtest_logstart(nodeid=nodeid, location=location)
        item.ihook.pytest_runtest_logreport(report=report)
        item.ihook.pytest_runtest_logfinish(nodeid=nodeid, location=location)


@pytest.hookimpl(tryfirst=True)
def pytest_report_from_serializable(data: dict[str, Any]) -> None:
    """Give a law's report that a worker has sent its own name."""
    if law := data.pop(LAW, None):
        data["nodeid"] += f"[{law}]"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make a test with the fixture ``serving_journey`` one for each journey, and one for the fuzzing."""
    if "serving_journey" not in metafunc.fixturenames:
        return
    _check_neighbours()
    from .journeys import JOURNEYS

    options = _options(metafunc.definition)
    names = list(options.get("journey") or JOURNEYS)
    metafunc.parametrize("serving_journey", [*names, *(() if options.get("no_fuzz") else (FUZZING,))], indirect=True)


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line(
        "markers", "serving_contract(**options): options of `serving-contracts check` for the serving_contract fixture"
    )


@pytest.fixture
def serving_contract(request: pytest.FixtureRequest) -> ServingContract:
    """Checks targets against the contract of the serving-endpoints API."""
    _check_neighbours()
    return ServingContract(request, _options(request.node))


@pytest.fixture
def serving_journey(request: pytest.FixtureRequest) -> ServingContract:
    """Like ``serving_contract``, for one journey in each test, so that they can be spread over processes."""
    _check_neighbours()
    return ServingContract(request, _options(request.node), request.param)


def _check_neighbours() -> None:
    """See that ``contracts`` and ``openapi`` are ours: the names are common ones.

    Raises:
        pytest.UsageError: another package or folder of that name comes first on the path.
    """
    home = Path(__file__).resolve().parent.parent
    for name in ("contracts", "openapi"):
        places = [Path(place).resolve() for place in getattr(import_module(name), "__path__", ())]
        if home / name not in places:
            intruder = ", ".join(map(str, places)) or name
            raise pytest.UsageError(
                f"The package '{name}' of serving-endpoints-mock is hidden by {intruder}: it should be {home / name}; "
                "rename the intruder or take its folder off sys.path."
            )


def _options(item: pytest.Item) -> dict[str, Any]:
    marker = item.get_closest_marker("serving_contract")
    return dict(marker.kwargs) if marker else {}
