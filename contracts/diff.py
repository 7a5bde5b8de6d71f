"""Two targets compared by the same journeys, either of them perhaps a recording: what differs, and how much."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click

from .echo import changes
from .record import Recorder, RecordingError, read_recording, shape_of
from .target import TargetError, find_target

Json = Any
Key = tuple[str, str, str, str, str]
MOST = 60


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference: its kind is status, error_code, shape, value, order or headers."""

    kind: str
    operation: str
    journey: str
    request: str
    where: str
    left: Json
    right: Json


@dataclass(frozen=True, slots=True)
class Comparison:
    """All differences, and for each operation how many replies were alike, of how many."""

    differences: list[Difference]
    scores: dict[str, tuple[int, int]]

    @property
    def fidelity(self) -> float:
        """The share of replies that are alike."""
        alike, total = (sum(column) for column in zip(*self.scores.values(), strict=True)) if self.scores else (0, 0)
        return alike / total if total else 0.0


def compare(left: list[dict[str, Json]], right: list[dict[str, Json]]) -> Comparison:
    """Compare two recordings: requests that are alike, reply by reply. How often somebody waited is no difference."""
    ours, theirs = _grouped(left), _grouped(right)
    found: list[Difference] = []
    alike: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for key in ours.keys() & theirs.keys():
        journey, operation, _, request, _ = key
        same, pairs = _paired(ours[key], theirs[key])
        alike[operation] += same
        total[operation] += same + len(pairs)
        for one, other in pairs:
            differences = [Difference(kind, operation, journey, request, *rest) for kind, *rest in _between(one, other)]
            found += differences
            alike[operation] += not differences
    for key in ours.keys() ^ theirs.keys():
        journey, operation, _, request, _ = key
        there = "left" if key in ours else "right"
        total[operation] += 1
        found.append(Difference("order", operation, journey, request, "asked only on one side", there, ""))
    ordered = sorted(found, key=lambda each: (each.operation, each.kind, each.journey, each.request, each.where))
    return Comparison(ordered, {operation: (alike[operation], total[operation]) for operation in sorted(total)})


def _grouped(entries: list[dict[str, Json]]) -> dict[Key, list[dict[str, Json]]]:
    """The replies to each request of each journey, without those that say the same as the one before."""
    groups: dict[Key, list[dict[str, Json]]] = defaultdict(list)
    for entry in entries:
        sent = json.dumps(entry["sent"], sort_keys=True)
        key = (entry["journey"], entry["operation"], entry["identity"], entry["request"], sent)
        if not groups[key] or groups[key][-1] != entry:
            groups[key].append(entry)
    return groups


def _paired(
    ours: list[dict[str, Json]], theirs: list[dict[str, Json]]
) -> tuple[int, list[tuple[dict[str, Json], dict[str, Json]]]]:
    """How many replies both sides gave, and the others in pairs. A state that only one side was seen to pass through
    is a question of when it was looked at, not a difference."""
    rest, same = list(theirs), 0
    left = []
    for entry in ours:
        if entry in rest:
            rest.remove(entry)
            same += 1
        else:
            left.append(entry)
    if same and key_is_a_read(ours):
        left, rest = [each for each in left if not _on_the_way(each)], [each for each in rest if not _on_the_way(each)]
    return same, list(zip(left, rest, strict=False))


def key_is_a_read(entries: list[dict[str, Json]]) -> bool:
    """Whether the replies of a group are to a read."""
    return bool(entries) and str(entries[0]["request"]).startswith("GET ")


def _on_the_way(entry: dict[str, Json]) -> bool:
    reply = entry["reply"]
    return isinstance(reply, dict) and (reply.get("state") or {}).get("config_update") == "IN_PROGRESS"


def _between(one: dict[str, Json], other: dict[str, Json]) -> Iterator[tuple[str, str, Json, Json]]:
    if one["status"] != other["status"]:
        yield "status", "", one["status"], other["status"]
    elif one["error_code"] != other["error_code"]:
        yield "error_code", "", one["error_code"], other["error_code"]
    for name in sorted(one["headers"].keys() | other["headers"].keys()):
        if one["headers"].get(name) != other["headers"].get(name):
            yield "headers", name, one["headers"].get(name), other["headers"].get(name)
    if one["status"] != other["status"]:
        return
    if one["reply"] == other["reply"]:
        return
    differences = list(changes(one["reply"], other["reply"]))
    if not differences:
        yield "order", "", "the same items", "in another order"
    for where, left, right in differences:
        if where == "message" and one["status"] >= 400:
            continue  # the words of a refusal are for people
        kind = "value" if shape_of(left) == shape_of(right) and "(not there)" not in (left, right) else "shape"
        yield kind, where, left, right


def compare_sources(
    left: str, right: str, token: str | None, right_token: str | None, journeys: tuple[str, ...], report: str | None
) -> int:
    """The ``diff`` command: 0 when nothing differs, 1 when something does, 2 when a side cannot be had."""
    try:
        comparison = compare(_entries(left, token, journeys), _entries(right, right_token or token, journeys))
    except (TargetError, RecordingError) as problem:
        click.echo(f"serving-contracts: {problem}", err=True)
        return 2
    for each in comparison.differences[:MOST]:
        click.echo(f"{each.kind:10} {each.operation} {each.where}  ({each.journey}: {each.request})")
        click.echo(f"           left  {json.dumps(each.left)[:200]}\n           right {json.dumps(each.right)[:200]}")
    if len(comparison.differences) > MOST:
        click.echo(f"and {len(comparison.differences) - MOST} more; --report writes them all")
    click.echo("\nfidelity  alike  of     operation")
    for operation, (alike, total) in comparison.scores.items():
        click.echo(f"{alike / total:8.0%}  {alike:5}  {total:5}  {operation}")
    kinds = Counter(each.kind for each in comparison.differences)
    click.echo(f"\n{comparison.fidelity:.1%} alike; differences: {dict(kinds) or 'none'}")
    if report:
        document = {
            "fidelity": comparison.fidelity,
            "scores": comparison.scores,
            "differences": [asdict(each) for each in comparison.differences],
        }
        Path(report).write_text(json.dumps(document, indent=1) + "\n", "utf-8")
    return 1 if comparison.differences else 0


def _entries(source: str, token: str | None, journeys: tuple[str, ...]) -> list[dict[str, Json]]:
    """The exchanges of a side: of a recording, or of the journeys walked now."""
    if "://" not in source and Path(source).is_file():
        entries = read_recording(Path(source))
        return [entry for entry in entries if not journeys or entry["journey"] in journeys]
    from .command import options_of
    from .run import Run

    target = find_target(source, token)
    options = options_of(target, {"no_fuzz": True, "journey": journeys, "seed": 1, "max_time": 300.0})
    run = Run(target, options)
    recorder = Recorder(target, run.canaries)
    run.guard.watchers.append(recorder)
    run.go()
    secrets = [*target.secrets, *run.canaries.planted]
    from .report.scrub import Scrubber

    scrubbed: list[dict[str, Json]] = json.loads(Scrubber.knowing(secrets).text(json.dumps(recorder.entries)))
    return scrubbed
