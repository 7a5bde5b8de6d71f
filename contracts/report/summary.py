"""summary.md: for people in a hurry, and for the step summary of GitHub Actions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import repro
from .document import verdict

if TYPE_CHECKING:
    from ..run import Result

MOST = 30


def render(result: Result) -> str:
    """The verdict, the findings, what was spent and what was not done."""
    lines = ["# serving-contracts", "", f"**{verdict(result)}**", ""]
    lines += [f"Target `{result.url}`, seed `{result.seed}`, {result.seconds:.1f} s.", ""]
    if result.findings:
        lines += ["| law | operation | expected | got | times |", "|---|---|---|---|---|"]
        for finding in result.findings[:MOST]:
            cells = (
                finding.law.id,
                f"{finding.operation} {finding.where}",
                finding.expected,
                finding.got,
                str(finding.count),
            )
            lines.append("| " + " | ".join(_cell(each) for each in cells) + " |")
        if len(result.findings) > MOST:
            lines.append(f"\nand {len(result.findings) - MOST} more in findings.json")
        first = result.findings[0]
        lines += ["", f"The first, {first.law.id}: {first.law.sentence} {first.law.why}", ""]
        lines += [
            "```sh",
            *(f"# {repro.request_line(step)}" for step in first.steps),
            repro.curl(first.exchange),
            "```",
            "",
        ]
    lines += ["| budget | spent | allowed |", "|---|---|---|"]
    for kind, numbers in result.budget.items():
        lines.append(f"| {kind} | {numbers['spent']:g} | {numbers['allowed'] or 'no limit'} |")
    lines += ["", f"Journeys walked: {len(result.walked)}; given up: {len(result.abandoned)}."]
    lines += [f"- {name}: {_cell(reason)}" for name, reason in sorted(result.abandoned.items())]
    held = sum(result.held_back.values())
    lines.append(f"\nRequests held back: {held}.")
    if result.survivors.names:
        lines += ["", "**Left behind:**", *(f"- `{name}`" for name in result.survivors.names)]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return text[:160].replace("|", "\\|").replace("\n", " ").replace("<", "&lt;")
