"""``serving-contracts``: check, sweep, laws, explain, diff, drift, selftest."""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path
from typing import Any

import click

from .target import TargetError, find_target

EXTRA = frozenset({"schemathesis", "requests", "rich", "urllib3", "certifi", "hypothesis"})
INSTALL = "pip install 'serving-endpoints-mock[contracts]'"
EXIT_CODES = """
Exit codes: 0 keeps the contract; 1 breaks it; 2 usage, or the target cannot be reached; 3 the budget was spent before
the minimum was covered; 4 something was left behind.
"""


class _Commands(click.Group):
    """Says what is missing when the extra is not installed."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ModuleNotFoundError as missing:
            if missing.name not in EXTRA:
                raise
            click.echo(f"serving-contracts: {missing.name} is not installed; {INSTALL}", err=True)
            sys.exit(2)


SECONDS = click.FloatRange(min=0)
COUNT = click.IntRange(min=0)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]}, epilog=EXIT_CODES)
@click.version_option(package_name="serving-endpoints-mock", prog_name="serving-contracts")
def main() -> None:
    """Whether a target keeps the contract of the serving-endpoints API."""


def credentials(command: Any) -> Any:
    """The options that say who asks."""
    for option in (
        click.option(
            "--peer-token", envvar="CONTRACTS_PEER_TOKEN", help="Token of a second identity with fewer rights."
        ),
        click.option("--profile", help="Profile of databricks-sdk's configuration file."),
        click.option("--token", help="Bearer token; else DATABRICKS_TOKEN, else databricks-sdk's configuration chain."),
    ):
        command = option(command)
    return command


@main.command()
@click.argument("url", required=False)
@credentials
@click.option(
    "--allow", type=click.Choice(["read", "query", "write"]), help="What may be done [write on loopback, else read]."
)
@click.option("--host", "confirmed_host", help="The host's name again: needed for --allow write off loopback.")
@click.option("--query-endpoint", multiple=True, help="An endpoint that may be queried; may be given more than once.")
@click.option("--max-time", type=SECONDS, help="Seconds [60 on loopback, and as many for each of --settle; else 600].")
@click.option("--max-requests", type=COUNT, default=0, help="Requests; 0 for no limit.")
@click.option("--max-endpoints", type=COUNT, help="Endpoints created [no limit on loopback, else 60].")
@click.option("--max-tokens", type=COUNT, help="Tokens of queries [no limit on loopback, else 20000].")
@click.option("--rate-limit", type=SECONDS, default=0.0, help="Requests a second; 0 for no limit.")
@click.option(
    "--settle", type=SECONDS, default=0.0, help="Seconds that a target may take until its reads agree with its writes."
)
@click.option("--deadline", type=SECONDS, help="Seconds that a deployment may take [15 on loopback, else 1800].")
@click.option("--max-response-time", type=SECONDS, help="Seconds that a reply may take [3 on loopback, else 60].")
@click.option("--seed", type=int, help="Repeats a run.")
@click.option(
    "--workers",
    type=click.IntRange(1, 64),
    default=1,
    help="So many times the journeys and the generated requests at a time, for a target that is far or large [1].",
)
@click.option("--no-fuzz", is_flag=True, help="Only the journeys.")
@click.option("--journey", multiple=True, help="Only this journey; may be given more than once.")
@click.option("--assert", "asserted", multiple=True, help="A law that is asserted only when asked for.")
@click.option("--stop-at", default="", help="Stop as soon as this law, or `any`, is seen broken.")
@click.option(
    "--known", type=click.Path(dir_okay=False), help="Known deviations (JSON), each with a reason and an expiry."
)
@click.option(
    "--report",
    type=click.Path(file_okay=False),
    help="Folder for report.html, junit.xml, findings.json, SARIF, summary.md.",
)
@click.option("--record", type=click.Path(dir_okay=False), help="Write the journeys' exchanges, scrubbed, for diff.")
@click.option("--dry-run", is_flag=True, help="Print the plan and send nothing.")
@click.option("--quiet", is_flag=True, help="Only the findings and the verdict.")
def check(url: str | None, token: str | None, profile: str | None, peer_token: str | None, **options: Any) -> None:
    """Check a target."""
    from .command import run_check

    sys.exit(run_check(url, token, profile, peer_token, options))


@main.command()
@click.argument("url", required=False)
@credentials
@click.option("--older-than", type=SECONDS, help="Seconds of age [any on loopback, else 3600].")
@click.option("--dry-run", is_flag=True, help="Only say what would be removed.")
def sweep(
    url: str | None,
    token: str | None,
    profile: str | None,
    peer_token: str | None,
    older_than: float | None,
    dry_run: bool,
) -> None:
    """Remove what killed runs left behind."""
    from .cleanup import sweep as remove

    try:
        swept = remove(find_target(url, token, profile, peer_token), older_than, dry_run)
    except TargetError as problem:
        click.echo(f"serving-contracts: {problem}", err=True)
        sys.exit(2)
    for name in swept.removed:
        click.echo(f"{'would remove' if dry_run else 'removed'} {name}")
    for name in swept.spared:
        click.echo(f"left alone, a run may still use it: {name}")
    for name in swept.survivors:
        click.echo(f"could not be removed: {name}", err=True)
    sys.exit(4 if swept.survivors else 0)


@main.command()
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def laws(as_json: bool) -> None:
    """List the laws."""
    from .laws import laws as table

    if as_json:
        click.echo(
            json.dumps(
                [{"id": each.id, "sentence": each.sentence, "source": each.source} for each in table().values()],
                indent=1,
            )
        )
        return
    family = ""
    for each in table().values():
        if each.family != family:
            family = each.family
            click.echo(f"\n{family}")
        click.echo(f"  {each.id:28} {each.sentence}")


@main.command()
@click.argument("identifier")
def explain(identifier: str) -> None:
    """Explain a law."""
    from .laws import SOURCES, law

    try:
        found = law(identifier)
    except KeyError as problem:
        click.echo(f"serving-contracts: {problem.args[0]}", err=True)
        sys.exit(2)
    click.echo(f"{found.id}\n  {found.sentence}\n  Why: {found.why}\n  Source: {SOURCES[found.source]}")
    if found.on_request:
        click.echo(f"  Asserted only with --assert {found.id}: versions of the service differ.")


@main.command()
@click.argument("left")
@click.argument("right")
@click.option("--token", help="Token for the left side; DATABRICKS_TOKEN otherwise.")
@click.option("--right-token", help="Token for the right side; the left one's otherwise.")
@click.option("--journey", multiple=True, help="Only this journey; may be given more than once.")
@click.option("--report", type=click.Path(dir_okay=False), help="Write the differences as JSON.")
def diff(
    left: str, right: str, token: str | None, right_token: str | None, journey: tuple[str, ...], report: str | None
) -> None:
    """Walk the same journeys on two targets (URLs or recordings) and compare."""
    from .diff import compare_sources

    sys.exit(compare_sources(left, right, token, right_token, journey, report))


@main.command()
@click.argument("releases", nargs=-1, type=click.Path(exists=True, dir_okay=False))
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def drift(releases: tuple[str, ...], as_json: bool) -> None:
    """Compare the contract with databricks-sdk: the installed one, or the serving.py of each release given."""
    from .drift import report_drift

    sys.exit(report_drift([Path(each) for each in releases], as_json))


@main.command()
@click.option("--defects", default="tests/contracts_defects.py", help="The table of planted defects.")
@click.option("--only", multiple=True, help="Only these defects.")
@click.option("--stock", is_flag=True, help="Also run plain schemathesis on each defect.")
@click.option("--jobs", type=click.IntRange(1, 64), default=2, help="Defects at the same time.")
@click.option("--seeds", type=COUNT, default=5, help="Clean runs that must stay silent.")
def selftest(defects: str, only: tuple[str, ...], stock: bool, jobs: int, seeds: int) -> None:
    """Whether the harness catches planted defects, and stays silent without one."""
    from .selftest import run_selftest

    sys.exit(run_selftest(Path(defects), only, stock, jobs, seeds))


def new_seed() -> int:
    """A seed for a run that was given none."""
    return random.SystemRandom().randrange(1, 1_000_000)


if __name__ == "__main__":
    main(prog_name="serving-contracts")
