"""Does the harness work? Each planted defect must be found, and clean runs must stay silent.

The defects are in a script of their own, which is run as a process: ``list`` prints them, ``serve NAME`` puts one on a
socket and prints its address. So the harness need not know what it is planted in.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

TOKEN = "dapi-mock"
STOCK_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Trial:
    """One defect, tried: whether it was found by its own law, and at what cost."""

    name: str
    law: str
    exit_code: int
    laws: tuple[str, ...]
    requests: int
    seconds: float
    stock: bool | None = None

    @property
    def is_killed(self) -> bool:
        return self.exit_code == 1 and self.law in self.laws


def run_selftest(defects: Path, only: tuple[str, ...], stock: bool, jobs: int, seeds: int) -> int:
    """Try every defect and as many clean runs as wanted; 0 when all are found and nothing else is."""
    if not defects.is_file():
        click.echo(f"serving-contracts: there is no table of defects at {defects}", err=True)
        return 2
    listed = json.loads(subprocess.run([sys.executable, str(defects), "list"], capture_output=True, check=True).stdout)
    chosen = [each for each in listed if not only or each["name"] in only]
    with ThreadPoolExecutor(max(1, jobs)) as pool:
        trials = list(pool.map(lambda each: _try(defects, each, stock), chosen))
        clean = list(pool.map(lambda seed: _clean(defects, seed), range(1, seeds + 1)))
    _print(trials, clean, stock)
    if stock:
        with _serving(defects, "clean") as url:
            click.echo(f"Plain schemathesis on a clean target: {'a false alarm' if _stock(url) else 'silent'}")
    return 0 if all(trial.is_killed for trial in trials) and not any(code for code, _ in clean) else 1


@contextmanager
def _serving(defects: Path, name: str) -> Iterator[str]:
    process = subprocess.Popen([sys.executable, str(defects), "serve", name], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()


def _check(url: str, *options: str) -> tuple[int, dict[str, Any], float]:
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "contracts", "check", url, "--quiet", "--report", folder, *options]
        done = subprocess.run(command, capture_output=True, env=_environment(), check=False)
        report = Path(folder) / "findings.json"
        found = json.loads(report.read_text("utf-8")) if report.is_file() else {}
    return done.returncode, found, time.monotonic() - started


def _environment() -> dict[str, str]:
    import os

    return {**os.environ, "DATABRICKS_TOKEN": TOKEN}


def _try(defects: Path, entry: dict[str, Any], stock: bool) -> Trial:
    with _serving(defects, entry["name"]) as url:
        code, found, seconds = _check(url, "--no-fuzz", "--stop-at", entry["law"])
        laws = tuple(sorted({each["law"] for each in found.get("findings", ())}))
        requests = int(found.get("budget", {}).get("requests", {}).get("spent", 0))
        plain = _stock(url) if stock else None
    return Trial(entry["name"], entry["law"], code, laws, requests, seconds, plain)


def _clean(defects: Path, seed: int) -> tuple[int, int]:
    with _serving(defects, "clean") as url:
        code, found, _ = _check(url, "--seed", str(seed))
    return code, len(found.get("findings", ()))


def _stock(url: str) -> bool:
    """Whether plain schemathesis, with all its checks, finds the defect."""
    from .routes import spec

    with tempfile.TemporaryDirectory() as folder:
        contract = Path(folder) / "openapi.json"
        contract.write_text(json.dumps(spec().document), "utf-8")
        command = [sys.executable, "-m", "schemathesis.cli", "run", str(contract), "--url", url, "--max-time"]
        command += [str(STOCK_SECONDS), "-H", f"Authorization: Bearer {TOKEN}"]
        done = subprocess.run(command, capture_output=True, cwd=folder, check=False)
    return done.returncode == 1


def _print(trials: list[Trial], clean: list[tuple[int, int]], stock: bool) -> None:
    click.echo(
        f"{'defect':38} {'law':28} {'found':7} {'requests':>8} {'seconds':>8}" + ("  schemathesis" if stock else "")
    )
    for trial in trials:
        found = "yes" if trial.is_killed else "NO"
        line = f"{trial.name:38} {trial.law:28} {found:7} {trial.requests:8} {trial.seconds:8.1f}"
        click.echo(line + (f"  {'yes' if trial.stock else 'no'}" if stock else ""))
    killed = sum(trial.is_killed for trial in trials)
    click.echo(f"\nMutation score: {killed} of {len(trials)}")
    if stock:
        click.echo(f"Plain schemathesis: {sum(bool(trial.stock) for trial in trials)} of {len(trials)}")
    false = sum(1 for code, _ in clean if code)
    click.echo(f"False alarms: {false} of {len(clean)} clean runs")
