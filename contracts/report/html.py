"""report.html: one file, no network, filterable."""

from __future__ import annotations

from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING

from ..laws import SOURCES, laws
from . import repro
from .document import table, verdict

if TYPE_CHECKING:
    from ..findings import Finding
    from ..run import Result


def render(result: Result) -> str:
    """The report as a page."""
    page = files(__package__).joinpath("page.html").read_text("utf-8")
    parts = {
        "VERDICT": escape(verdict(result)),
        "CLASS": "good" if result.exit_code == 0 else "bad",
        "FACTS": _facts(result),
        "FINDINGS": "".join(_finding(each) for each in result.findings) or "<p class=quiet>No findings.</p>",
        "TABLE": _table(result),
        "LAWS": _laws(result),
    }
    for key, value in parts.items():
        page = page.replace(f"<!--{key}-->", value)
    return page


def _facts(result: Result) -> str:
    facts = [("Target", result.url), ("Seed", str(result.seed)), ("Time", f"{result.seconds:.1f} s")]
    for kind, numbers in result.budget.items():
        facts.append((kind.capitalize(), f"{numbers['spent']:g} of {numbers['allowed'] or 'no limit'}"))
    facts.append(("Journeys", f"{len(result.walked)} walked, {len(result.abandoned)} given up"))
    facts.append(("Held back", f"{sum(result.held_back.values())} requests"))
    if result.fuzzed:
        facts.append(("Fuzzing", ", ".join(f"{key} {value}" for key, value in result.fuzzed.items())))
    facts.append(("Left behind", ", ".join(result.survivors.names) or "nothing"))
    return "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in facts)


def _finding(finding: Finding) -> str:
    steps = "".join(f"<li><code>{escape(repro.request_line(step))}</code></li>" for step in finding.steps)
    body = escape(finding.exchange.body[:3000].decode("utf-8", "replace"))
    known = f"<p class=known>Known: {escape(finding.known)}</p>" if finding.known else ""
    words = escape(f"{finding.law.id} {finding.operation} {finding.where} {finding.expected} {finding.got}".lower())
    kind = "finding known" if finding.known else "finding"
    return f"""<details class="{kind}" data-family="{finding.law.family}" data-words="{words}">
<summary><b>{finding.law.id}</b> <span>{escape(finding.operation)} {escape(finding.where)}</span>
<em>{finding.count} times</em></summary>{known}
<p>{escape(finding.law.sentence)} <i>{escape(finding.law.why)}</i></p>
<table class=pair><tr><th>Expected</th><td>{escape(finding.expected)}</td></tr>
<tr><th>Got</th><td>{escape(finding.got)}</td></tr></table>
<h4>The shortest sequence that shows it ({escape(finding.exchange.asked.origin)})</h4><ol>{steps}</ol>
<h4>Reply, status {finding.exchange.status}</h4><pre>{body}</pre>
<h4>Again, with curl</h4><pre>{escape(repro.curl(finding.exchange))}</pre>
<h4>Again, with databricks-sdk</h4><pre>{escape(repro.sdk(finding.exchange))}</pre></details>
"""


def _table(result: Result) -> str:
    rows = table(result)
    families = list(dict.fromkeys(law.family for law in laws().values()))
    head = "".join(f"<th>{family}</th>" for family in families)
    lines = []
    for operation, cells in rows.items():
        sums = {family: [0, 0] for family in families}
        for law, numbers in cells.items():
            sums[law.partition(".")[0]][0] += numbers["checked"]
            sums[law.partition(".")[0]][1] += numbers["broken"]
        shown = "".join(_cell(*sums[family]) for family in families)
        lines.append(f"<tr><th>{escape(operation)}</th>{shown}</tr>")
    return f"<table class=grid><tr><th>operation</th>{head}</tr>{''.join(lines)}</table>"


def _cell(checked: int, broken: int) -> str:
    if not checked:
        return "<td></td>"
    return f'<td class="{"bad" if broken else "good"}">{f"{broken} of " if broken else ""}{checked}</td>'


def _laws(result: Result) -> str:
    counted: dict[str, int] = {}
    for (law, _), count in result.checked.items():
        counted[law] = counted.get(law, 0) + count
    broken = {finding.law.id for finding in result.findings}
    rows = []
    for each in laws().values():
        state = "bad" if each.id in broken else "good" if counted.get(each.id) else ""
        rows.append(
            f'<tr class="{state}"><th>{each.id}</th><td>{escape(each.sentence)}</td>'
            f"<td>{escape(SOURCES[each.source])}</td>"
            f"<td>{counted.get(each.id, 'not checked')}</td></tr>"
        )
    return f"<table class=laws>{''.join(rows)}</table>"
