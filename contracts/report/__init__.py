"""The artefacts of a run. Everything that is written goes through the scrubber first."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from . import github, html, junit, sarif, summary
from .document import as_json
from .scrub import Scrubber

if TYPE_CHECKING:
    from ..run import Result, Run

FILES: dict[str, Callable[[Result], str]] = {
    "report.html": html.render,
    "junit.xml": junit.render,
    "findings.json": as_json,
    "findings.sarif": sarif.render,
    "summary.md": summary.render,
}


def write_reports(result: Result, run: Run, folder: Path | None) -> None:
    """Write the artefacts into a folder, and what GitHub Actions reads where it runs."""
    scrubber = Scrubber.of(run)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        for name, render in FILES.items():
            (folder / name).write_text(scrubber.text(render(result)), "utf-8")
    if os.environ.get("GITHUB_ACTIONS") == "true":
        print(scrubber.text(github.workflow_commands(result)), end="")
        if target := os.environ.get("GITHUB_STEP_SUMMARY"):
            with Path(target).open("a", encoding="utf-8") as file:
                file.write(scrubber.text(summary.render(result)))


__all__ = ["FILES", "Scrubber", "write_reports"]
