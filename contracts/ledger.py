"""The write-ahead ledger: each name is written down before it is created, so that a killed run can be swept."""

from __future__ import annotations

import json
import os
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

PREFIX = re.compile(r"^contract-[0-9a-f]{8}-")
"""What every name made by a run begins with: the word and the run's own eight digits."""


def new_prefix() -> str:
    """A prefix that no other run has."""
    return f"contract-{os.urandom(4).hex()}-"


def ledger_directory() -> Path:
    """Where the ledgers of this user's runs lie."""
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "serving-contracts"


@dataclass
class Ledger:
    """The names that a run has asked for and not yet seen gone."""

    prefix: str
    url: str
    directory: Path = field(default_factory=ledger_directory)
    names: dict[str, float] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def path(self) -> Path:
        return self.directory / f"{self.prefix.rstrip('-')}.jsonl"

    def open(self) -> None:
        """Start the file. Raises ``OSError`` when it cannot be written: then nothing may be created."""
        self.directory.mkdir(parents=True, exist_ok=True)
        self._append({"run": self.prefix, "url": self.url, "pid": os.getpid(), "at": time.time()})

    def will_create(self, name: str) -> None:
        """Record a name that is about to be created. Returns only when it is written down."""
        with self._lock:
            if name not in self.names:
                self.names[name] = time.time()
                self._append({"name": name, "at": time.time()})

    def close(self) -> None:
        """Remove the file when nothing is left."""
        if not self.names:
            self.path.unlink(missing_ok=True)

    def _append(self, entry: dict[str, object]) -> None:
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")
            file.flush()
            os.fsync(file.fileno())


@dataclass(frozen=True, slots=True)
class Remnant:
    """What the ledger of some run says."""

    path: Path
    prefix: str
    url: str
    alive: bool
    names: tuple[str, ...]


def remnants(directory: Path | None = None) -> Iterator[Remnant]:
    """The ledgers that lie on this machine; ``alive`` when the process that wrote one still runs."""
    for path in sorted((directory or ledger_directory()).glob("contract-*.jsonl")):
        entries = [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.endswith("}")]
        if not entries or "run" not in entries[0]:
            continue
        head = entries[0]
        names = tuple(entry["name"] for entry in entries[1:] if "name" in entry)
        yield Remnant(path, head["run"], head["url"], _is_alive(head["pid"]), names)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
