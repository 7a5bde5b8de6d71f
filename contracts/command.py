"""The ``check`` command: options to a run, a live display, the verdict, the reports."""

from __future__ import annotations

import signal
import sys
import traceback
from pathlib import Path
from types import FrameType
from typing import Any

import click

from .budget import Allowance
from .deviations import DeviationError, apply_deviations, read_deviations
from .findings import ANY
from .laws import law
from .plan import print_plan
from .report import write_reports
from .report.terminal import Display, print_result
from .run import Options, Run
from .safety import Profile
from .target import Target, TargetError, find_target


class Usage(Exception):
    """The command cannot be run as it was given."""


def run_check(
    url: str | None, token: str | None, profile: str | None, peer_token: str | None, given: dict[str, Any]
) -> int:
    """Run the command and answer its exit code."""
    try:
        target = find_target(url, token, profile, peer_token)
        options = options_of(target, given)
        known = read_deviations(Path(given["known"])) if given.get("known") else []
        run = Run(target, options)
        if given.get("dry_run"):
            print_plan(run)
            return 0
        _make_folder(given.get("report"))
        return _checked(run, known, given)
    except (TargetError, Usage, DeviationError) as problem:
        click.echo(f"serving-contracts: {problem}", err=True)
        return 2
    except Exception:
        click.echo(f"serving-contracts failed, through no fault of the target:\n{traceback.format_exc()}", err=True)
        return 2


def _make_folder(report: str | None) -> None:
    """Make the folder of the reports before the run, rather than find out after it that there can be none."""
    try:
        if report:
            Path(report).mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise Usage(f"--report {report}: {problem.strerror or problem}") from None


def _checked(run: Run, known: list[Any], given: dict[str, Any]) -> int:
    recorder = None
    if given.get("record"):
        from .record import Recorder

        recorder = Recorder(run.target, run.canaries)
        run.guard.watchers.append(recorder)
    with Display(run, quiet=bool(given.get("quiet"))), _stopping(run):
        result = run.go()
    stale = apply_deviations(result, known)
    print_result(result, run, stale)
    if recorder:
        recorder.write(Path(given["record"]))
    write_reports(result, run, Path(given["report"]) if given.get("report") else None)
    return 1 if stale and result.exit_code == 0 else result.exit_code


def options_of(target: Target, given: dict[str, Any]) -> Options:
    """The options of a run. Raises ``Usage`` when they do not fit the target."""
    from .__main__ import new_seed
    from .journeys import JOURNEYS

    near = target.is_loopback
    profile = Profile(given.get("allow") or ("write" if near else "read"))
    if profile is Profile.WRITE and not near and given.get("confirmed_host") != target.host:
        raise Usage(f"--allow write off loopback needs the host's name again: --host {target.host}")
    if profile is Profile.QUERY and not given.get("query_endpoint"):
        raise Usage("--allow query needs at least one --query-endpoint")
    for name in given.get("journey") or ():
        if name not in JOURNEYS:
            raise Usage(f"there is no journey {name!r}; there are {', '.join(JOURNEYS)}")
    for identifier in (*(given.get("asserted") or ()), *filter(None, [given.get("stop_at")])):
        if identifier == ANY:
            continue
        try:
            law(identifier)
        except KeyError as problem:
            raise Usage(problem.args[0]) from None
    allowance = Allowance(
        seconds=_or(given.get("max_time"), 60.0 * (1 + (given.get("settle") or 0.0)) if near else 600.0),
        requests=given.get("max_requests") or 0,
        endpoints=_or(given.get("max_endpoints"), 0 if near else 60),
        tokens=_or(given.get("max_tokens"), 0 if near else 20_000),
        rate=given.get("rate_limit") or 0.0,
    )
    return Options(
        profile=profile,
        query_endpoints=tuple(given.get("query_endpoint") or ()),
        allowance=allowance,
        seed=_or(given.get("seed"), new_seed()),
        workers=given.get("workers") or 1,
        fuzz=not given.get("no_fuzz"),
        journeys=tuple(given.get("journey") or ()),
        asserted=frozenset(given.get("asserted") or ()),
        deadline=_or(given.get("deadline"), 15.0 if near else 1800.0),
        settle=given.get("settle") or 0.0,
        slowest=_or(given.get("max_response_time"), 3.0 if near else 60.0),
        stop_at=given.get("stop_at") or "",
    )


def _or(value: Any, default: Any) -> Any:
    return default if value is None else value


class _stopping:
    """Ctrl-C and SIGTERM stop the run, which then cleans up; a second one has no effect on the clean-up."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.before: dict[int, Any] = {}

    def __enter__(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            try:
                self.before[number] = signal.signal(number, self._stop)
            except ValueError:
                return  # not in the main thread: whoever runs us handles signals

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self.run.interrupted = True
        self.run.budget.stopping.set()

    def __exit__(self, *_: object) -> None:
        for number, handler in self.before.items():
            signal.signal(number, handler)
        sys.stdout.flush()
