"""What the mock costs: ratios to a bare Flask on the same server, and to peers that are installed.

Run ``python tests/benchmark.py``; ``--brief`` for a minute's version. Servers and load run in processes of their own,
and those that are compared take turns, so that what else the machine does disturbs both alike. The result is printed,
and written as JSON and as a page with plots (``--report DIR``). The exit code is 1 when a figure is missed by more than
half that is not one beside a peer, which is what continuous integration asks.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from benchmark_load import NUMBER, Count, Job
from benchmark_report import page
from benchmark_servers import ROOT, Answers, Server, bare, mock, peer, peers

API = "/api/2.0/serving-endpoints"
MODEL = "databricks-meta-llama-3-3-70b-instruct"
CHAT = f"/serving-endpoints/{MODEL}/invocations"
STORY = [{"role": "user", "content": "Tell me about the history of tea in Europe and what came of it."}]
ASKED = json.dumps({"messages": STORY, "max_tokens": 64})
NEW = json.dumps({"messages": [{"role": "user", "content": f"{NUMBER.decode()}: what came of tea?"}], "max_tokens": 64})
STREAMED = json.dumps({"messages": STORY, "max_tokens": 48, "temperature": 0, "stream": True})
PER_TOKEN = 0.01


def creation(name: str) -> str:
    """A body of about 3 KB that creates an endpoint of this name."""
    value = "a value that says something about the endpoint and is about as long as those that people write"
    tags = [{"key": f"key-{number}", "value": value} for number in range(20)]
    entity = {
        "name": "gpt",
        "external_model": {
            "name": "gpt-4o",
            "provider": "openai",
            "task": "llm/v1/chat",
            "openai_config": {"openai_api_key": "{{secrets/scope/key}}"},
        },
    }
    traffic = {"routes": [{"served_model_name": "gpt", "traffic_percentage": 100}]}
    return json.dumps({"name": name, "config": {"served_entities": [entity], "traffic_config": traffic}, "tags": tags})


@dataclass(frozen=True)
class Figure:
    """One measured figure: ``value`` against ``target``; ``least`` says whether it is a lower bound.

    One that is not ``binding`` never fails a run: how fast another tool is on a machine is not the mock's doing.
    """

    name: str
    value: float
    target: float
    detail: str
    unit: str = "x bare Flask"
    least: bool = True
    binding: bool = True

    @property
    def kept(self) -> bool:
        """Whether the figure is what was promised."""
        return self.value >= self.target if self.least else self.value <= self.target

    @property
    def gross(self) -> bool:
        """Whether it is missed by more than half."""
        return self.binding and (self.value < self.target / 2 if self.least else self.value > self.target * 2)


@dataclass
class Results:
    """Everything that was measured: figures, and curves as (label, [(x, y)])."""

    figures: list[Figure] = field(default_factory=list)
    curves: dict[str, dict[str, list[tuple[float, float]]]] = field(default_factory=dict)

    def add(self, figure: Figure) -> None:
        """Note a figure and print it."""
        self.figures.append(figure)
        target = f"{'>=' if figure.least else '<='} {figure.target:<6g} {figure.unit}"
        print(
            f"{figure.name:44} {figure.value:8.2f} {target:24} {'kept' if figure.kept else 'MISSED':6} {figure.detail}"
        )
        sys.stdout.flush()


def load(job: Job) -> Count:
    """The outcome of a load generator in a process of its own. Raises RuntimeError when an answer was no success."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "job.json")
        file.write_text(json.dumps(asdict(job)))
        command = [sys.executable, str(ROOT / "tests" / "benchmark_load.py"), str(file)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    count = Count(**json.loads(done.stdout))
    if count.refused:
        raise RuntimeError(
            f"{job.method} {job.path}: {count.refused} of {count.answers} refused, the last: {count.last}"
        )
    return count


def body_of(count: Count) -> str:
    """The body of the last answer."""
    return count.last.partition("\r\n\r\n")[2]


_numbers = itertools.count(step=10**5)


def against(ours: Server, theirs: Server, job: Job, rounds: int) -> tuple[float, float, float]:
    """The ratio of ours to theirs (the median of rounds in turns), and both rates."""
    pairs = []
    for _ in range(rounds):
        pair = [load(replace(job, port=server.port, first_number=next(_numbers))).rate for server in (ours, theirs)]
        pairs.append(pair)
    ratio = statistics.median(own / other for own, other in pairs)
    return ratio, statistics.median(own for own, _ in pairs), statistics.median(other for _, other in pairs)


@dataclass(frozen=True)
class Kind:
    """One kind of request with what it must reach beside a bare Flask."""

    name: str
    job: Job
    target: float


KINDS = (
    Kind("GET one endpoint", Job(0, "GET", f"{API}/bench"), 0.75),
    Kind("POST create (3 KB)", Job(0, "POST", API, creation(f"n{NUMBER.decode()}")), 0.6),
    Kind("chat", Job(0, "POST", CHAT, ASKED), 0.6),
    Kind("chat, new questions", Job(0, "POST", CHAT, NEW), 0.5),
    Kind("stream of 40 chunks", Job(0, "POST", CHAT, STREAMED), 0.6),
)


def recorded(ours: Server) -> Answers:
    """What the mock answers to each kind of request, for servers that only repeat it."""
    answers = Answers()
    load(Job(ours.port, "POST", API, creation("bench"), rounds=1))
    for kind in KINDS:
        count = load(replace(kind.job, port=ours.port, rounds=1, first_number=next(_numbers)))
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
        "WireMock": [(KINDS[0], 1.0), (KINDS[1], 1.0)],
        "Prism": [(KINDS[0], 3.0)],
        "aimock": [(replace(KINDS[2], job=replace(KINDS[2].job, path="/v1/chat/completions")), 1.0)],
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
        own = load(replace(job, port=ours.port, path=own_path, first_number=next(_numbers))).rate
        other = load(replace(job, port=theirs.port, body=body, first_number=next(_numbers))).rate
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


def growth(results: Results, sizes: tuple[int, ...], seconds: float, queries: int) -> None:
    """How cost grows with the number of endpoints, beside a mock that has a few, and memory with that of queries."""
    kinds = (("GET one", KINDS[0].job), ("chat", KINDS[2].job))
    curves: dict[str, list[tuple[float, float]]] = {"GET one": [], "chat": []}
    lists: list[tuple[float, float]] = []
    with mock("--provisioning", "0", "--log-level", "error") as few, mock("--provisioning", "0") as many:
        for server in (few, many):
            load(Job(server.port, "POST", API, creation("bench"), rounds=1))
            load(replace(KINDS[2].job, port=server.port, rounds=20))
            _filled(server, 9)
        count = 10
        for size in sizes:
            count += _filled(many, size - count)
            for name, job in kinds:
                ratio, _, _ = against(many, few, replace(job, seconds=seconds), 3)
                curves[name].append((float(size), 1 / ratio))
            listed = load(Job(many.port, "GET", API, rounds=5)).took
            lists.append((float(size), statistics.median(listed) * 1e6 / size))
        for name, _ in kinds:
            detail = f"with {sizes[-1]} endpoints beside 10"
            results.add(Figure(f"{name}: growth", curves[name][-1][1], 1.25, detail, "x the cost", least=False))
        before, last = lists[-2:]
        detail = f"{before[1]:.1f} ms per 1000 with {before[0]:.0f}, {last[1]:.1f} ms with {last[0]:.0f} endpoints"
        results.add(Figure("list: cost of one endpoint in it", last[1] / before[1], 1.25, detail, "x", least=False))
        early, late = _asked(few, queries)
        detail = f"{early:.0f} -> {late:.0f} MB over {queries} queries"
        results.add(Figure("memory: growth with queries", late / early, 1.2, detail, "x", least=False))
        with mock("--provisioning", "0", "--log-level", "error") as fresh:
            load(Job(fresh.port, "POST", API, creation("bench"), rounds=1))
            for name, job in kinds:
                ratio, _, _ = against(few, fresh, replace(job, seconds=seconds), 3)
                detail = f"after {queries} requests in the journal beside a mock that was just started"
                results.add(
                    Figure(f"{name}: growth with the journal", 1 / ratio, 1.25, detail, "x the cost", least=False)
                )
    results.curves["cost beside a mock with 10 endpoints, by number of endpoints"] = curves
    results.curves["list: milliseconds per 1000 endpoints, by number of endpoints"] = {"list": lists}


def memory(results: Results, endpoints: int) -> None:
    """Kilobytes that an endpoint takes, what the journal keeps of its creation included."""
    with mock("--provisioning", "0", "--log-level", "error") as server:
        load(replace(KINDS[2].job, port=server.port, rounds=20))
        _filled(server, 100)
        before = server.resident
        _filled(server, endpoints)
        kilobytes = (server.resident - before) * 1024 / endpoints
        detail = f"{before:.0f} -> {server.resident:.0f} MB with {endpoints} endpoints more"
        results.add(Figure("memory per endpoint", kilobytes, 10, detail, "KB", least=False))


def _asked(server: Server, queries: int) -> tuple[float, float]:
    """Megabytes in use after half of so many queries and after all of them."""
    job = replace(KINDS[2].job, port=server.port, connections=4, rounds=queries // 8)
    load(job)
    early = server.resident
    load(job)
    return early, server.resident


def _filled(ours: Server, number: int) -> int:
    """Create so many endpoints; how many there are more than before."""
    small = json.dumps(
        {"name": f"e{NUMBER.decode()}", **{k: v for k, v in json.loads(creation("x")).items() if k == "config"}}
    )
    job = Job(ours.port, "POST", API, small, connections=1, rounds=number, first_number=next(_numbers))
    return load(job).answers if number > 0 else 0


def start(results: Results, rounds: int) -> None:
    """Milliseconds until the command answers, until the fixture is there, and of the import, with byte code kept."""
    with tempfile.TemporaryDirectory() as byte_code:
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": byte_code, "PYTHONPATH": str(ROOT)}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)

        def seconds(program: str) -> float:
            def once() -> float:
                done = subprocess.run(
                    [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
                )
                return float(done.stdout)

            return min(once() for _ in range(rounds))

        first = min(_first_answer(environment) for _ in range(rounds + 1))
        flask = seconds(_TIMED.format(code="import flask"))
        detail = f"import of Flask alone: {flask * 1000:.0f} ms"
        results.add(Figure("start: command to first answer", first, 0.3, detail, "s", least=False))
        use = seconds(_TIMED.format(code="from mockserver.testing import ServingMock; ServingMock(name='first').url"))
        results.add(Figure("start: first use of the fixture", use, 0.15, "", "s", least=False))
        whole = seconds(_TIMED.format(code="import mockserver"))
        results.add(Figure("start: import mockserver", whole, 0.1, "", "s", least=False))


_TIMED = "import time, pytest; began = time.perf_counter()\n{code}\nprint(time.perf_counter() - began)"


def _first_answer(environment: dict[str, str]) -> float:
    """Seconds from starting the command to its first answer."""
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "mockserver", "serve", "--port", str(port)]
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment)
    try:
        while True:
            try:
                with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
                    connection.sendall(Job(port, "GET", API).request())
                    connection.recv(1)
                return time.perf_counter() - began
            except ConnectionRefusedError:
                time.sleep(0.002)
    finally:
        process.kill()
        process.wait()


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
