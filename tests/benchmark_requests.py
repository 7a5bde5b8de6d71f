"""What the benchmark asks of a server, and how it counts the answers."""

from __future__ import annotations

import itertools
import json
import statistics
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from benchmark_load import NUMBER, Count, Job
from benchmark_servers import ROOT, Server

API = "/api/2.0/serving-endpoints"
MODEL = "databricks-meta-llama-3-3-70b-instruct"
CHAT = f"/serving-endpoints/{MODEL}/invocations"
ANY = NUMBER.decode()
STORY = [{"role": "user", "content": "Tell me about the history of tea in Europe and what came of it."}]
ASKED = json.dumps({"messages": STORY, "max_tokens": 64})
NEW = json.dumps({"messages": [{"role": "user", "content": f"{ANY}: what came of tea?"}], "max_tokens": 64})
STREAMED = json.dumps({"messages": STORY, "max_tokens": 48, "temperature": 0, "stream": True})
PER_TOKEN = 0.01


def creation(name: str, description: str = "") -> str:
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
    config = {"served_entities": [entity], "traffic_config": traffic}
    return json.dumps({"name": name, "config": config, "tags": tags, "description": description})


@dataclass(frozen=True)
class Kind:
    """One kind of request with what it must reach beside a bare Flask."""

    name: str
    job: Job
    target: float


GET = Kind("GET one endpoint", Job(0, "GET", f"{API}/bench"), 0.75)
CREATE = Kind("POST create (3 KB)", Job(0, "POST", API, creation(f"n{ANY}")), 0.6)
CREATE_UNLIKE = Kind("POST create, none alike", Job(0, "POST", API, creation(f"n{ANY}", f"Number {ANY}")), 0.6)
ASK = Kind("chat", Job(0, "POST", CHAT, ASKED), 0.6)
ASK_ANEW = Kind("chat, new questions", Job(0, "POST", CHAT, NEW), 0.5)
STREAM = Kind("stream of 40 chunks", Job(0, "POST", CHAT, STREAMED), 0.6)
KINDS = (GET, CREATE, CREATE_UNLIKE, ASK, ASK_ANEW, STREAM)


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


NUMBERS = itertools.count(step=10**5)


def against(ours: Server, theirs: Server, job: Job, rounds: int) -> tuple[float, float, float]:
    """The ratio of ours to theirs (the median of rounds in turns), and both rates."""
    pairs = []
    for _ in range(rounds):
        pair = [load(replace(job, port=server.port, first_number=next(NUMBERS))).rate for server in (ours, theirs)]
        pairs.append(pair)
    ratio = statistics.median(own / other for own, other in pairs)
    return ratio, statistics.median(own for own, _ in pairs), statistics.median(other for _, other in pairs)
