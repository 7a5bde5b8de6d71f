"""``--dry-run``: what a run would do, without sending anything."""

from __future__ import annotations

from collections import Counter

import click

from .routes import spec
from .run import Run
from .safety import Profile

REQUESTS_PER_JOURNEY = 60
ENDPOINTS_PER_JOURNEY = {
    "accepted-providers": 23,
    "accepted-forms": 21,
    "deleted-while-deploying": 4,
    "racing-creates": 4,
}


def print_plan(run: Run) -> None:
    """Print operations, an estimate of requests, and what could cost money."""
    journeys, options = run.plan(), run.options
    endpoints = sum(ENDPOINTS_PER_JOURNEY.get(each.name, 2) for each in journeys if each.needs is Profile.WRITE)
    click.echo(f"Target        {run.target.url} ({'loopback' if run.target.is_loopback else 'not loopback'})")
    click.echo(f"Allowed       {options.profile}")
    click.echo(f"Prefix        every name that is written begins with {run.guard.rights.prefix}")
    click.echo(f"Journeys      {len(journeys)}: {', '.join(each.name for each in journeys)}")
    methods = (
        ("GET",) if options.profile is Profile.READ else ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")
    )
    operations = [each for each in spec().operations.values() if each.method in methods]
    counted = Counter(each.method for each in operations)
    click.echo(
        f"Operations    {len(operations)}: {', '.join(f'{count} {method}' for method, count in counted.items())}"
    )
    for each in operations:
        click.echo(f"              {each.method:7} {each.path}")
    requests = REQUESTS_PER_JOURNEY * len(journeys)
    click.echo(
        f"Requests      about {requests} by journeys"
        + (", and as many by fuzzing as the time allows" if options.fuzz else "")
    )
    click.echo(f"Budget        {_budget(run)}")
    click.echo("Could cost    " + _cost(run, endpoints))


def _budget(run: Run) -> str:
    allowed = run.options.allowance
    parts = [f"{allowed.seconds:g} s" if allowed.seconds else "no time limit"]
    parts += [f"{value} {kind}" for kind in ("requests", "endpoints", "tokens") if (value := getattr(allowed, kind))]
    return ", ".join(parts)


def _cost(run: Run, endpoints: int) -> str:
    match run.options.profile:
        case Profile.READ:
            return "nothing: reads only"
        case Profile.QUERY:
            return f"queries of {', '.join(run.options.query_endpoints)}"
    if run.target.is_loopback:
        return f"nothing on loopback; elsewhere about {endpoints} endpoints, some with provisioned throughput"
    return f"about {endpoints} endpoints for minutes each, some with provisioned throughput, and their queries"
