"""A result as plain values, and findings.json."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from ..laws import laws
from . import repro

if TYPE_CHECKING:
    from ..findings import Finding
    from ..run import Result


def finding_document(finding: Finding) -> dict[str, Any]:
    """One finding."""
    exchange = finding.exchange
    return {
        "law": finding.law.id,
        "sentence": finding.law.sentence,
        "why": finding.law.why,
        "source": finding.law.source,
        "operation": finding.operation,
        "where": finding.where,
        "expected": finding.expected,
        "got": finding.got,
        "times": finding.count,
        "known": finding.known or None,
        "origin": exchange.asked.origin,
        "identity": exchange.asked.identity,
        "steps": [repro.request_line(step) for step in finding.steps],
        "reply": {"status": exchange.status, "body": exchange.body[:2000].decode("utf-8", "replace")},
        "curl": repro.curl(exchange),
        "sdk": repro.sdk(exchange),
    }


def result_document(result: Result) -> dict[str, Any]:
    """The whole run."""
    return {
        "verdict": verdict(result),
        "exit_code": result.exit_code,
        "target": result.url,
        "seed": result.seed,
        "prefix": result.prefix,
        "seconds": round(result.seconds, 1),
        "budget": result.budget,
        "held_back": result.held_back,
        "survivors": {**dict.fromkeys(result.survivors.names, ""), **result.survivors.reasons}
        if result.survivors.names
        else {},
        "journeys": {"walked": result.walked, "abandoned": result.abandoned},
        "fuzzing": result.fuzzed,
        "lag": result.lag,
        "requests": result.requests,
        "checked": table(result),
        "never_checked": sorted(set(laws()) - {law for law, _ in result.checked}),
        "findings": [finding_document(each) for each in result.findings],
    }


def as_json(result: Result) -> str:
    """findings.json"""
    return json.dumps(result_document(result), indent=2, ensure_ascii=False) + "\n"


def table(result: Result) -> dict[str, dict[str, dict[str, int]]]:
    """Operations x laws: how often each law was checked on each operation, and how often it was broken."""
    rows: dict[str, dict[str, dict[str, int]]] = {}
    for (law, operation), count in sorted(result.checked.items()):
        rows.setdefault(operation, {})[law] = {"checked": count, "broken": 0}
    for finding in result.findings:
        rows[finding.operation][finding.law.id]["broken"] += finding.count
    return rows


def verdict(result: Result) -> str:
    """The outcome in a sentence."""
    checks = sum(result.checked.values())
    match result.exit_code:
        case 0:
            return f"The target keeps the contract: {checks} checks of {len({law for law, _ in result.checked})} laws."
        case 1:
            broken = len({finding.law.id for finding in result.new_findings})
            told = f"The target breaks {broken} laws, in {len(result.new_findings)} findings."
            if result.lag:
                told += (
                    f" Its reads lag behind its writes, by about {result.lag:.1f} s: much of this may come of that."
                    f" If that is meant to be, check it with --settle {math.ceil(2 * result.lag)}."
                )
            return told
        case 3:
            missed = "every journey was walked" if not result.walked_all else "anything was fuzzed"
            return f"No verdict: the budget of {result.exhausted or 'the run'} was spent before {missed}."
        case 4:
            return f"Left behind: {', '.join(result.survivors.names)}"
    return "Stopped before the end."
