"""A run's trail as it is drawn: a band of what it did, a curve of what was done, and both as a table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from heartbeat_client.lengths import spoken
from heartbeat_client.run import Run

from ..course import KIND_WORDS, Stretch, kinds_of, points_of, stretches, summary
from .bars import share

__all__ = ["Curve", "DrawnTrail", "Row", "drawn_trail"]

Across = Callable[[float], float]  # seconds after the start, to per cent of the drawing's width


@dataclass(frozen=True)
class Curve:
    """What was done over time. line, area: SVG paths in a box of 100 by 100, its top being `top` items done."""

    line: str
    area: str
    top: int


@dataclass(frozen=True)
class Row:
    """A line of the table: texts, empty where nothing is known."""

    since: str
    until: str
    doing: str
    where: str
    done: str
    gap: str


@dataclass(frozen=True)
class DrawnTrail:
    """All of it. stretches: what it did, one after the other. legend: kinds and words of those that occur.

    said: the whole in a sentence. curve: None where nothing is counted.
    """

    stretches: tuple[Stretch, ...]
    legend: tuple[tuple[str, str], ...]
    rows: tuple[Row, ...]
    said: str
    curve: Curve | None


def drawn_trail(run: Run, across: Across) -> DrawnTrail | None:
    """The trail of a run, None where it has none that could be drawn."""
    points = points_of(run)
    if not points:
        return None
    alike = tuple(stretches(points))
    counted = [(point.until, point.done) for point in points if point.done is not None]
    total = run.progress.total if run.progress is not None else None
    return DrawnTrail(
        stretches=alike,
        legend=tuple((kind or "unseen", KIND_WORDS[kind]) for kind in kinds_of(points)),
        rows=tuple(map(_row, alike)),
        said=summary(points),
        curve=_curve(counted, total or 0, across) if counted else None,
    )


def _row(stretch: Stretch) -> Row:
    return Row(
        since=spoken(stretch.since),
        until=spoken(stretch.until),
        doing=KIND_WORDS[stretch.kind],
        where=stretch.where,
        done="" if stretch.done is None else str(stretch.done),
        gap=spoken(stretch.gap) if stretch.gap else "",
    )


def _curve(counted: Sequence[tuple[float, int]], total: int, across: Across) -> Curve:
    top = max(1, total, *(done for _, done in counted))
    drawn = [(0.0, 100.0), *((across(at), round(100 - share(done, top), 2)) for at, done in counted)]
    line = " ".join(f"{x:g},{y:g}" for x, y in drawn)
    return Curve(f"M{line}", f"M{line} {drawn[-1][0]:g},100Z", top)
