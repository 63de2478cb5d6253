"""A run's trail in cells: a letter for what it did, a level for what was done, a sign where no beat came."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from rich.text import Text

from heartbeat_client.run import Run
from heartbeat_client.trail_point import LETTERS, TrailPoint

from ..course import KIND_WORDS, Stretch, gaps_of, kinds_of
from .bars import cell
from .ink import DIM, Signs

__all__ = ["activity_cells", "done_cells", "gap_cells", "letters"]

KIND_STYLES = {
    "progressing": "green",
    "working": "cyan",
    "waiting": "blue",
    "task_waiting": "magenta",
    "blocked": "magenta",
    "loop_blocked": "bold magenta",
    "gil_held": "bold magenta",
    "spinning": "yellow",
    "looping": "yellow",
    "starved": "bold yellow",
    "frozen": "bold yellow",
    "thread_ended": "bold red",
}

PAUSE = "  "

At = Callable[[datetime], int]  # the cell of an instant


def activity_cells(run: Run, points: Sequence[TrailPoint], at: At, drawn: Signs) -> Text:
    """What the run did for most of each cell, in the letters of the record; quiet where nobody looked."""
    placed = [(*_cells(run, point, at), point) for point in points]
    line: list[tuple[str, str]] = []
    for index in range(placed[-1][1] + 1):
        inside = kinds_of(point for first, last, point in placed if first <= index <= last)
        kind = max(inside, key=inside.__getitem__, default="")
        line.append((LETTERS.get(kind, drawn.quiet), KIND_STYLES.get(kind, DIM)))
    return Text.assemble(*line)


def done_cells(run: Run, points: Sequence[TrailPoint], at: At, drawn: Signs) -> Text:
    """What was done by the end of each cell, as levels up to the total, or to the most that was done."""
    counts = [(_cells(run, point, at)[1], point.done) for point in points if point.done is not None]
    total = run.progress.total if run.progress is not None else None
    top = max(1, total or 0, *(done for _, done in counts))
    levels: list[str] = []
    for last, done in counts:
        level = drawn.levels[cell(done, top, len(drawn.levels))]
        levels += level * (last + 1 - len(levels))
    return Text("".join(levels), style="green")


def gap_cells(run: Run, points: Sequence[TrailPoint], at: At) -> list[tuple[int, int]]:
    """The first and the last cell of each time without a beat."""
    return [_cells(run, gap, at) for gap in gaps_of(points)]


def letters(points: Sequence[TrailPoint], width: int) -> list[Text]:
    """What the letters say, of those that occur, in lines of that width."""
    lines: list[Text] = []
    for kind in filter(None, kinds_of(points)):
        pair = Text.assemble((LETTERS[kind], KIND_STYLES[kind]), (f" {KIND_WORDS[kind]}", DIM))
        if lines and len(lines[-1]) + len(PAUSE) + len(pair) <= width:
            lines[-1] = Text.assemble(lines[-1], PAUSE, pair)
        else:
            lines.append(pair)
    return lines


def _cells(run: Run, stretch: TrailPoint | Stretch, at: At) -> tuple[int, int]:
    first, last = (at(run.started_at + timedelta(seconds=seconds)) for seconds in (stretch.since, stretch.until))
    return first, max(first, last - 1)
