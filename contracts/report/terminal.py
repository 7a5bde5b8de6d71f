"""What a person sees: a line while the run goes on, the table and the findings at the end."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from . import repro
from .document import table, verdict
from .scrub import Scrubber

if TYPE_CHECKING:
    from ..run import Result, Run

MOST_FINDINGS = 25
NARROWEST = 150


class Display:
    """The live line on standard error, where that is a terminal."""

    def __init__(self, run: Run, quiet: bool) -> None:
        self.run = run
        self.doing = "starting"
        run.progress = self._note
        console = Console(stderr=True)
        self.live = Live(get_renderable=self._line, console=console, refresh_per_second=4, transient=True)
        self.shown = console.is_terminal and not quiet

    def __enter__(self) -> Display:
        if self.shown:
            self.live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.shown:
            self.live.stop()

    def _note(self, doing: str) -> None:
        self.doing = doing

    def _line(self) -> Text:
        budget, findings = self.run.budget, len(self.run.judge.findings)
        limit = f" of {budget.allowed.seconds:g}" if budget.allowed.seconds else ""
        text = f"{budget.elapsed():.0f}{limit} s  {budget.requests} requests  {findings} findings  {self.doing}"
        return Text(text, style="red" if findings else "green")


def print_result(result: Result, run: Run, stale: list[Any]) -> None:
    """The table of operations and laws, each finding, and the verdict."""
    console = Console(highlight=False, soft_wrap=True)
    scrubber = Scrubber.of(run)
    console.print(_table(result), width=max(console.width, NARROWEST))
    for finding in result.findings[:MOST_FINDINGS]:
        lines = [
            f"\n{finding.law.id}  {finding.operation} {finding.where}  ({finding.count} times)",
            f"  {finding.law.sentence} {finding.law.why}",
            f"  expected  {finding.expected}",
            f"  got       {finding.got}",
            *(f"  {number}. {repro.request_line(step)}" for number, step in enumerate(finding.steps, 1)),
            f"  {repro.curl(finding.exchange)}",
            *(f"  {line}" for line in repro.sdk(finding.exchange).splitlines()),
        ]
        if finding.known:
            lines.insert(1, f"  known: {finding.known}")
        console.print(Text(scrubber.text("\n".join(lines))))
    if len(result.findings) > MOST_FINDINGS:
        console.print(f"\nand {len(result.findings) - MOST_FINDINGS} more findings; --report writes them all")
    _closing(console, result, stale, scrubber)


def _table(result: Result) -> Table:
    rows = table(result)
    families = list(dict.fromkeys(law.partition(".")[0] for cells in rows.values() for law in cells))
    shown = Table(title="Checks of each family of laws on each operation", title_justify="left", pad_edge=False)
    shown.add_column("operation")
    for family in families:
        shown.add_column(family, justify="right")
    for operation, cells in rows.items():
        line = [operation]
        for family in families:
            checked = sum(each["checked"] for law, each in cells.items() if law.startswith(f"{family}."))
            broken = sum(each["broken"] for law, each in cells.items() if law.startswith(f"{family}."))
            line.append(f"[red]{broken}/{checked}[/red]" if broken else str(checked or ""))
        shown.add_row(*line)
    return shown


def _closing(console: Console, result: Result, stale: list[Any], scrubber: Scrubber) -> None:
    spent = ", ".join(
        f"{numbers['spent']:g} {kind}" + (f" of {numbers['allowed']:g}" if numbers["allowed"] else "")
        for kind, numbers in result.budget.items()
    )
    console.print(f"\nSpent: {spent}. Held back: {sum(result.held_back.values())} requests. Seed {result.seed}.")
    for name, reason in sorted(result.abandoned.items()):
        console.print(f"Given up: {name}: {scrubber.text(reason)[:200]}", markup=False)
    for deviation in stale:
        console.print(
            f"A known deviation no longer occurs, remove it: {deviation.law} {deviation.operation}", markup=False
        )
    for name in result.survivors.names:
        reason = scrubber.text(result.survivors.reasons.get(name, "it is still listed"))
        console.print(f"Left behind: {name} ({reason})", markup=False)
    console.print(verdict(result), style="bold", markup=False)
