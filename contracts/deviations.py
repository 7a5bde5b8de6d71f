"""Known deviations: findings that are expected for now. Each needs a reason and an expiry, and must still occur.

The file has the form of schemathesis' baseline, ``{"failures": [{...}]}``, where entries may have further members; ours
are ``law``, ``operation``, ``where`` (optional), ``reason`` and ``expires``.
"""

from __future__ import annotations

import datetime
import json
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from .findings import Finding
from .run import Result


class DeviationError(Exception):
    """The file of known deviations cannot be used; the message names the entry."""


@dataclass(frozen=True, slots=True)
class Deviation:
    """One expected finding. ``operation`` and ``where`` may have wildcards."""

    law: str
    operation: str
    where: str
    reason: str
    expires: datetime.date

    def covers(self, finding: Finding) -> bool:
        return (
            fnmatch(finding.law.id, self.law)
            and fnmatch(finding.operation, self.operation)
            and fnmatch(finding.where, self.where)
        )


def read_deviations(path: Path) -> list[Deviation]:
    """The entries of a file. Raises ``DeviationError`` when one has no law, no reason, no expiry, or has expired."""
    try:
        entries = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as problem:
        raise DeviationError(f"{path}: {problem}") from problem
    if isinstance(entries, dict):
        entries = entries.get("failures", [])
    return [_deviation(entry, f"{path}, entry {number}") for number, entry in enumerate(entries, 1)]


def _deviation(entry: Any, where: str) -> Deviation:
    if not isinstance(entry, dict) or not entry.get("law"):
        raise DeviationError(f"{where} names no law")
    if not str(entry.get("reason") or "").strip():
        raise DeviationError(f"{where} ({entry['law']}) gives no reason")
    try:
        expires = datetime.date.fromisoformat(str(entry.get("expires")))
    except ValueError:
        raise DeviationError(f"{where} ({entry['law']}) has no expiry date (YYYY-MM-DD)") from None
    if expires < datetime.date.today():
        raise DeviationError(f"{where} ({entry['law']}) expired on {expires}")
    return Deviation(entry["law"], entry.get("operation", "*"), entry.get("where", "*"), entry["reason"], expires)


def apply_deviations(result: Result, known: list[Deviation]) -> list[Deviation]:
    """Mark the findings that are known; answer the entries that no longer occur."""
    stale = []
    for deviation in known:
        covered = [finding for finding in result.findings if deviation.covers(finding)]
        for finding in covered:
            finding.known = f"{deviation.reason} (until {deviation.expires})"
        if not covered:
            stale.append(deviation)
    return stale
