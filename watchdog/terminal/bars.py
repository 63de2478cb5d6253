"""Bars and sparklines of a fixed number of cells."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from rich.text import Text

from heartbeat_client.run import Progress, Run

from ..history import History, Taken, quantile
from .ink import DIM, Signs

__all__ = ["cell", "progress_bar", "sparkline", "time_bar"]

# Without a deadline the bar ends a little beyond what there is to show.
ROOM = 1.15


def cell(part: float, whole: float, width: int) -> int:
    """The cell in which a part of the whole ends, from 0 to width - 1."""
    share = part / whole if whole > 0 else 0.0
    return min(width - 1, max(0, int(share * width)))


def time_bar(run: Run, history: History, now: datetime, *, width: int, drawn: Signs, style: str) -> Text:
    """How long the run has taken, against what is usual and against its deadline.

    The bar ends at the deadline, or at the run's own length where that is behind. style: of the part that is over.
    """
    elapsed = max(0.0, ((run.ended_at or now) - run.started_at).total_seconds())
    allowed = (run.deadline - run.started_at).total_seconds() if run.deadline else None
    usual = history.summary.get("median")
    most = quantile(history.lengths, 0.9) if history.lengths else 0.0
    whole = max(elapsed, allowed) if allowed and allowed > 0 else ROOM * max(elapsed, most, 1.0)
    bar = _filled(elapsed / whole, width, drawn, style)
    if usual is not None and usual <= whole:
        bar = _marked(bar, cell(usual, whole, width), drawn.usual)
    return bar if not allowed or allowed <= 0 else _marked(bar, cell(allowed, whole, width), drawn.deadline)


def progress_bar(progress: Progress, width: int, drawn: Signs) -> Text:
    """Done of the total; nothing where no total is known."""
    if not progress.total:
        return Text("")
    return _filled(min(1.0, progress.done / progress.total), width, drawn, "cyan")


def _filled(share: float, width: int, drawn: Signs, style: str) -> Text:
    # Begun is never drawn as nothing, and unfinished never as full.
    cells = 0 if share <= 0 else width if share >= 1 else min(width - 1, max(1, round(share * width)))
    return Text.assemble((drawn.done * cells, style), (drawn.left * (width - cells), DIM))


def _marked(bar: Text, at: int, sign: str) -> Text:
    before, _, after = bar.divide([at, at + 1])
    return Text.assemble(before, (sign, "bold"), after)


def sparkline(runs: Sequence[Taken], this: str, drawn: Signs) -> Text:
    """How long each run took, the oldest first; those that did not end well in red, the run `this` reversed."""
    longest = max((taken.seconds for taken in runs), default=0.0)
    line = Text()
    for taken in runs:
        style = "" if taken.healthy else "red"
        level = drawn.levels[cell(taken.seconds, longest, len(drawn.levels))]
        line.append(level, style=f"{style} reverse".strip() if taken.run == this else style)
    return line
