"""The plot of an operation's last runs: how long each took, this one among them. Geometry in per cent."""

from __future__ import annotations

from dataclasses import dataclass

from heartbeat_client.lengths import spoken

from ..history import History, Taken
from .bars import share

__all__ = ["Column", "Plot", "plot"]

SHOWN = 50
GAP = 0.25
# The deadline is drawn where it does not press the columns flat.
DEADLINE_WITHIN = 2.5


@dataclass(frozen=True)
class Column:
    """One run. x, width, height: per cent of the plot. kind: healthy, late, bad, or this: the one that is looked at."""

    x: float
    width: float
    height: float
    kind: str
    said: str


@dataclass(frozen=True)
class Plot:
    """Columns, the oldest first. median, deadline: heights of lines, None for none. top: what the full height means."""

    columns: tuple[Column, ...]
    top: str
    median: float | None
    median_said: str
    deadline: float | None
    said: str


def plot(history: History, this: Taken | None = None, allowed: float | None = None) -> Plot | None:
    """The last runs; this: the run that is looked at, with how long it has taken. None where there is nothing to show.

    allowed: seconds from start to deadline.
    """
    others = [taken for taken in history.runs if this is None or taken.run != this.run]
    known = this is not None and any(taken.run == this.run for taken in history.runs)
    shown = history.runs if known else (*others, *([this] if this else []))
    shown = _with_this(tuple(shown), this)
    if not shown:
        return None
    longest = max(taken.seconds for taken in shown)
    deadline = allowed if allowed and allowed <= DEADLINE_WITHIN * longest else None
    whole = 1.06 * max(longest, deadline or 0.0)
    middle = history.summary.get("median")
    return Plot(
        columns=tuple(_columns(shown, this, whole)),
        top=spoken(whole),
        median=share(middle, whole) if middle else None,
        median_said=spoken(middle) if middle else "",
        deadline=share(deadline, whole) if deadline else None,
        said=_said(shown, middle, this),
    )


def _with_this(runs: tuple[Taken, ...], this: Taken | None) -> tuple[Taken, ...]:
    last = runs[-SHOWN:]
    if this is None or any(taken.run == this.run for taken in last):
        return last
    return (this, *last[1 - SHOWN :])


def _columns(shown: tuple[Taken, ...], this: Taken | None, whole: float) -> list[Column]:
    pitch = 100 / max(len(shown), 20)
    return [
        Column(
            x=round(number * pitch + pitch * GAP / 2, 3),
            width=round(pitch * (1 - GAP), 3),
            height=max(1.0, share(taken.seconds, whole)),
            kind="this" if this is not None and taken.run == this.run else _kind(taken),
            said=f"{taken.state} after {spoken(taken.seconds)}{', past its deadline' if taken.late else ''}",
        )
        for number, taken in enumerate(shown)
    ]


def _kind(taken: Taken) -> str:
    return "healthy" if taken.healthy else "late" if taken.late and taken.state == "succeeded" else "bad"


def _said(shown: tuple[Taken, ...], middle: float | None, this: Taken | None) -> str:
    words = f"how long the last {len(shown)} runs took" if len(shown) > 1 else "how long one run took"
    words += f"; the median of the healthy ones is {spoken(middle)}" if middle else ""
    return words + (f"; this one: {spoken(this.seconds)}" if this else "")
