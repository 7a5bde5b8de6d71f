"""Plots as inline SVG: counts as stacked bars, times as lines, one colour for each served entity."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import floor, log10

from ..usage import Sample
from .rendering import clock, number

BUCKETS = 60
WIDTH, HEIGHT = 640, 180
LEFT, RIGHT, TOP, BOTTOM = 44, 8, 10, 24
COLOURS = 6
"""Colours in the style sheet; further entities begin again with the first."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A bar: where it is and what it says."""

    x: float
    y: float
    width: float
    height: float
    colour: int
    title: str


@dataclass(frozen=True, slots=True)
class Plot:
    """One drawing. ``ticks`` are heights with their labels, ``times`` places with theirs."""

    title: str
    unit: str
    ticks: tuple[tuple[float, str], ...]
    times: tuple[tuple[float, str], ...]
    bars: tuple[Mark, ...]
    lines: tuple[tuple[int, str], ...]
    dots: tuple[Mark, ...]
    summary: str


@dataclass(frozen=True, slots=True)
class Span:
    """The stretch of time that is drawn, in milliseconds, ending with the current bucket."""

    end: int
    step: int

    @property
    def start(self) -> int:
        """Its first moment."""
        return self.end - self.step * BUCKETS

    def bucket(self, moment: int) -> int | None:
        """The bucket of a moment, ``None`` outside."""
        index = (moment - self.start) // self.step
        return int(index) if 0 <= index < BUCKETS else None


def span(now: int, seconds: int) -> Span:
    """The latest ``seconds`` before ``now``, in whole buckets."""
    step = max(1, seconds * 1000 // BUCKETS)
    return Span((now // step + 1) * step, step)


def counts(
    title: str, samples: Iterable[Sample], entities: Sequence[str], over: Span, value: Callable[[Sample], int]
) -> Plot:
    """How much there was in each bucket, stacked by served entity."""
    sums = [[0] * len(entities) for _ in range(BUCKETS)]
    for sample in samples:
        index = over.bucket(sample.moment)
        if index is not None:
            sums[index][entities.index(sample.entity)] += value(sample)
    top = _ceiling(max((sum(bucket) for bucket in sums), default=0))
    bars = []
    for index, bucket in enumerate(sums):
        base = 0
        for place, amount in enumerate(bucket):
            if amount:
                y, below = _y(base + amount, top), _y(base, top)
                label = f"{clock(over.start + index * over.step)}: {number(amount)} ({entities[place]})"
                bars.append(Mark(_x(index) + 0.5, y, _bucket_width() - 1, below - y, place % COLOURS, label))
                base += amount
    total = sum(map(sum, sums))
    summary = f"{title}: {number(total)} in this time, at most {number(max(map(sum, sums)))} in one bar."
    return Plot(title, "", _ticks(top), _times(over), tuple(bars), (), (), summary)


def means(
    title: str, samples: Iterable[Sample], entities: Sequence[str], over: Span, value: Callable[[Sample], float]
) -> Plot:
    """The mean in each bucket that has any, as a line for each served entity."""
    found: list[list[list[float]]] = [[[] for _ in range(BUCKETS)] for _ in entities]
    for sample in samples:
        index = over.bucket(sample.moment)
        if index is not None:
            found[entities.index(sample.entity)][index].append(value(sample))
    averages = [[(index, sum(values) / len(values)) for index, values in enumerate(row) if values] for row in found]
    top = _ceiling(max((mean for row in averages for _, mean in row), default=0))
    lines, dots = [], []
    for place, row in enumerate(averages):
        points = [(_x(index) + _bucket_width() / 2, _y(mean, top)) for index, mean in row]
        lines.append((place % COLOURS, " ".join(f"{x:.1f},{y:.1f}" for x, y in points)))
        for (x, y), (index, mean) in zip(points, row, strict=True):
            label = f"{clock(over.start + index * over.step)}: {mean:.1f} ms ({entities[place]})"
            dots.append(Mark(x, y, 0, 0, place % COLOURS, label))
    every = [mean for row in averages for _, mean in row]
    summary = f"{title}: between {min(every):.1f} and {max(every):.1f} ms." if every else f"{title}: nothing yet."
    return Plot(title, "ms", _ticks(top), _times(over), (), tuple(lines), tuple(dots), summary)


def _ceiling(value: float) -> float:
    """The next round number from which an axis can hang."""
    if value <= 0:
        return 4
    if value <= 4:
        return next(top for top in (1, 2, 4) if top >= value)
    size = 10.0 ** floor(log10(value))
    return next(step * size for step in (1, 2, 4, 6, 8, 10) if step * size >= value)


def _bucket_width() -> float:
    return (WIDTH - LEFT - RIGHT) / BUCKETS


def _x(index: float) -> float:
    return LEFT + index * _bucket_width()


def _y(value: float, top: float) -> float:
    return TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / top)


def _ticks(top: float) -> tuple[tuple[float, str], ...]:
    parts = 2 if top > 1 or top < 1 else 1
    return tuple((_y(top * i / parts, top), f"{top * i / parts:,.10g}") for i in range(parts + 1))


def _times(over: Span) -> tuple[tuple[float, str], ...]:
    return tuple((_x(index), clock(over.start + index * over.step)[:5]) for index in range(0, BUCKETS, 15))
