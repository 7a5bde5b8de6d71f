"""What the benchmark found: figures and curves, and the page that shows them, in one file without scripts."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass, field
from html import escape
from typing import Any

WIDTH, HEIGHT, EDGE = 560, 240, 48
COLOURS = ("#1b6ca8", "#c2571a", "#3a7d44", "#7a4fa3")
STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; color: #1c2024 }
table { border-collapse: collapse; width: 100% }
td, th { padding: .25rem .6rem; border-bottom: 1px solid #ddd; text-align: left }
td.number { text-align: right; font-variant-numeric: tabular-nums } .missed { color: #b3261e; font-weight: 600 }
"""


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


def page(document: dict[str, Any]) -> str:
    """The whole page."""
    machine = ", ".join(f"{name} {value}" for name, value in document["machine"].items())
    rows = "".join(_row(figure) for figure in document["figures"])
    plots = "".join(f"<h2>{escape(title)}</h2>{plot(curves)}" for title, curves in document["curves"].items())
    head = "<tr><th>figure<th>measured<th>target<th>unit<th><th>detail</tr>"
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Benchmark</title><style>{STYLE}</style>'
        f"<h1>Benchmark</h1><p>{escape(machine)}</p><table>{head}{rows}</table>{plots}</html>"
    )


def _row(figure: dict[str, Any]) -> str:
    verdict = "kept" if figure["kept"] else '<span class="missed">missed</span>'
    sign = "≥" if figure["least"] else "≤"
    return (
        f'<tr><td>{escape(figure["name"])}<td class="number">{figure["value"]:.2f}'
        f'<td class="number">{sign} {figure["target"]:g}<td>{escape(figure["unit"])}<td>{verdict}'
        f"<td>{escape(figure['detail'])}</tr>"
    )


def plot(curves: dict[str, list[tuple[float, float]]]) -> str:
    """The curves over a logarithmic axis, from zero upwards, as SVG."""
    points = [point for curve in curves.values() for point in curve]
    low, high = math.log10(min(x for x, _ in points)), math.log10(max(x for x, _ in points))
    top = max(y for _, y in points) * 1.1 or 1.0

    def place(x: float, y: float) -> tuple[float, float]:
        across = EDGE + (WIDTH - 2 * EDGE) * (math.log10(x) - low) / ((high - low) or 1.0)
        return across, HEIGHT - EDGE - (HEIGHT - 2 * EDGE) * y / top

    parts = [
        f'<line x1="{EDGE}" y1="{HEIGHT - EDGE}" x2="{WIDTH - EDGE}" y2="{HEIGHT - EDGE}" stroke="#888"/>',
        f'<line x1="{EDGE}" y1="{EDGE}" x2="{EDGE}" y2="{HEIGHT - EDGE}" stroke="#888"/>',
        f'<text x="4" y="{EDGE}">{top:.3g}</text><text x="4" y="{HEIGHT - EDGE}">0</text>',
    ]
    for x in sorted({x for x, _ in points}):
        parts.append(f'<text x="{place(x, 0)[0]:.0f}" y="{HEIGHT - EDGE + 18}" text-anchor="middle">{x:g}</text>')
    for (name, curve), colour in zip(curves.items(), COLOURS, strict=False):
        line = " ".join(f"{across:.1f},{down:.1f}" for across, down in (place(x, y) for x, y in curve))
        across, down = place(*curve[-1])
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts.append(
            f'<text x="{across:.0f}" y="{down - 6:.0f}" text-anchor="end" fill="{colour}">{escape(name)}</text>'
        )
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" font-size="12" font-family="system-ui, sans-serif" '
        f'role="img">{"".join(parts)}</svg>'
    )
