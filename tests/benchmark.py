"""What the mock costs: ratios to a bare Flask on the same server, and to peers that are installed.

Run ``python tests/benchmark.py``; ``--brief`` for a minute's version. Servers and load run in processes of their own,
and those that are compared take turns, so that what else the machine does disturbs both alike. The result is printed,
and written as JSON and as a page with plots (``--report DIR``). The exit code is 1 when a figure is missed by more than
half that is not one beside a peer, which is what continuous integration asks.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from benchmark_growth import growth, memory
from benchmark_load import Job
from benchmark_report import Figure, Results, page
from benchmark_requests import (
    API,
    ASK,
    CHAT,
    CREATE,
    GET,
    KINDS,
    MODEL,
    NUMBERS,
    PER_TOKEN,
    STREAMED,
    Kind,
    against,
    body_of,
    creation,
    load,
)
from benchmark_servers import Answers, Server, bare, mock, peer, peers
from benchmark_start import start


def recorded(ours: Server) -> Answers:
    """What the mock answers to each kind of request, for servers that only repeat it."""
    answers = Answers()
    load(Job(ours.port, "POST", API, creation("bench"), rounds=1))
    for kind in KINDS:
        count = load(replace(kind.job, port=ours.port, rounds=1, first_number=next(NUMBERS)))
        place = f"{kind.job.method} {kind.job.path}"
        if kind.job.body == STREAMED:
            lines = body_of(count).replace("\r\n", "\n").split("\n")
            answers.streams[place] = [f"{line}\n\n" for line in lines if line.startswith("data:")]
        else:
            answers.bodies[place] = body_of(count)
    return answers


def one_process(results: Results, seconds: float, rounds: int) -> None:
    """Everything about one process with the default store."""
    with ExitStack() as stack:
        ours = stack.enter_context(mock("--provisioning", "0", "--log-level", "error"))
        answers = recorded(ours)
        plain = stack.enter_context(bare(answers))
        for kind in KINDS:
            for connections in (1, 16, 64):
                job = replace(kind.job, seconds=seconds, connections=connections)
                ratio, own, other = against(ours, plain, job, rounds)
                detail = f"{own:.0f}/s, bare {other:.0f}/s"
                results.add(Figure(f"{kind.name}, {connections} connections", ratio, kind.target, detail))
        beside_peers(results, ours, answers, seconds, rounds)


def beside_peers(results: Results, ours: Server, answers: Answers, seconds: float, rounds: int) -> None:
    """The same requests to other tools, at 16 connections, where they are installed."""
    asked = {
        "WireMock": [(GET, 1.0), (CREATE, 1.0)],
        "Prism": [(GET, 3.0)],
        "aimock": [(replace(ASK, job=replace(ASK.job, path="/v1/chat/completions")), 1.0)],
    }
    contract = subprocess.run([sys.executable, "-m", "openapi", "bundle"], capture_output=True, text=True, check=True)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "openapi.json")
        file.write_text(contract.stdout)
        for name, command in peers(answers, file, Path(folder)):
            with peer(name, command) as theirs:
                for kind, target in asked[name]:
                    _beside(results, ours, theirs, kind, target, seconds, rounds)


def _beside(
    results: Results, ours: Server, theirs: Server, kind: Kind, target: float, seconds: float, rounds: int
) -> None:
    job = replace(kind.job, seconds=seconds, connections=16)
    own_path = CHAT if kind.name == "chat" else job.path
    body = job.body.replace('"messages"', f'"model": "{MODEL}", "messages"') if kind.name == "chat" else job.body
    pairs = []
    for _ in range(rounds):
        own = load(replace(job, port=ours.port, path=own_path, first_number=next(NUMBERS))).rate
        other = load(replace(job, port=theirs.port, body=body, first_number=next(NUMBERS))).rate
        pairs.append((own, other))
    ratio = statistics.median(own / other for own, other in pairs)
    own, other = (statistics.median(side) for side in zip(*pairs, strict=True))
    detail = f"{own:.0f}/s, {theirs.name} {other:.0f}/s, {theirs.resident:.0f} MB, started in {theirs.start:.1f} s"
    results.add(Figure(f"{kind.name}, 16 connections", ratio, target, detail, f"x {theirs.name}", binding=False))


def paced(results: Results, rounds: int) -> None:
    """Streams at 10 ms a token: how near many of them at once come to the pace that was asked for."""
    with mock("--time-per-token", str(PER_TOKEN), "--log-level", "error") as ours:
        job = Job(ours.port, "POST", CHAT, STREAMED, rounds=rounds)
        load(replace(job, rounds=1))
        curve = []
        for connections in (1, 16, 64, 256):
            count = load(replace(job, connections=connections))
            tokens = json.loads(count.last.rsplit('"usage":', 1)[1].split("}", 1)[0] + "}")["completion_tokens"]
            share = tokens * PER_TOKEN / statistics.mean(count.took)
            curve.append((float(connections), share))
            if connections == 64:
                detail = f"{tokens} tokens in {statistics.mean(count.took):.3f} s"
                results.add(Figure("64 paced streams, 10 ms a token", share, 0.9, detail, "of the ideal"))
        results.curves["paced streams: share of the ideal rate by streams at once"] = {"mock": curve}


def parts(options: argparse.Namespace) -> Iterator[Callable[[Results], None]]:
    """The parts of the benchmark that were asked for."""
    brief = options.brief
    seconds, rounds = (0.4, 3) if brief else (2.0, 5)
    wanted: dict[str, Callable[[Results], None]] = {
        "start": lambda results: start(results, 3 if brief else 7),
        "requests": lambda results: one_process(results, seconds, rounds),
        "paced": lambda results: paced(results, 2 if brief else 6),
        "memory": lambda results: memory(results, 2000 if brief else 10_000),
        "growth": lambda results: growth(
            results, (10, 500, 2000) if brief else (10, 100, 1000, 10_000), seconds, 4000 if brief else 100_000
        ),
    }
    return iter(wanted[name] for name in options.part or wanted)


def machine() -> dict[str, Any]:
    """What it was measured on."""
    return {"system": platform.platform(), "python": platform.python_version(), "processors": os.cpu_count()}


def main() -> int:
    """Measure, print, write; 1 when a figure is missed by more than half."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--brief", action="store_true", help="a short run, for continuous integration")
    parser.add_argument("--part", action="append", choices=["start", "requests", "paced", "memory", "growth"])
    parser.add_argument("--report", type=Path, help="folder for benchmark.json and benchmark.html")
    options = parser.parse_args()
    results = Results()
    for part in parts(options):
        part(results)
    if options.report:
        options.report.mkdir(parents=True, exist_ok=True)
        document = {
            "machine": machine(),
            "figures": [{**asdict(figure), "kept": figure.kept} for figure in results.figures],
            "curves": results.curves,
        }
        (options.report / "benchmark.json").write_text(json.dumps(document, indent=2))
        (options.report / "benchmark.html").write_text(page(document))
    gross = [figure.name for figure in results.figures if figure.gross]
    if gross:
        print(f"missed by more than half: {', '.join(gross)}")
    return 1 if gross else 0


if __name__ == "__main__":
    sys.exit(main())
