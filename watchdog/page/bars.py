"""The bar of a run: how long it has taken, against what is usual and against its deadline. Geometry in per cent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from heartbeat_client.lengths import spoken
from heartbeat_client.run import Run

from ..history import History, quantile
from ..wording import sentence

__all__ = ["Bar", "bar", "share"]

# Without a deadline the bar ends a little beyond what there is to show.
ROOM = 1.15


@dataclass(frozen=True)
class Bar:
    """Where things lie on the bar, from 0 to 100. said: the same in words, for those who can't see it.

    usual: from the median to the 90th percentile of the healthy runs, None where nothing is known. warn: from where it
    is overdue. deadline: where the deadline lies, None without one. over: whether it lies behind.
    """

    elapsed: float
    said: str
    usual: tuple[float, float] | None = None
    warn: float | None = None
    deadline: float | None = None
    over: bool = False


def bar(run: Run, history: History, now: datetime) -> Bar:
    """The bar of a run that goes on, or the one that it ended with."""
    elapsed = max(0.0, ((run.ended_at or now) - run.started_at).total_seconds())
    allowed = (run.deadline - run.started_at).total_seconds() if run.deadline else None
    lengths = history.lengths
    usual = (history.summary["median"], quantile(lengths, 0.9)) if lengths else None
    whole = max(elapsed, allowed) if allowed else ROOM * max(elapsed, usual[1] if usual else 0.0, 1.0)
    return Bar(
        elapsed=share(elapsed, whole),
        said=_said(elapsed, allowed, usual),
        usual=(share(usual[0], whole), share(usual[1], whole)) if usual else None,
        warn=share(allowed * run.thresholds.warn_at, whole) if allowed else None,
        deadline=share(allowed, whole) if allowed else None,
        over=allowed is not None and elapsed > allowed,
    )


def share(part: float, whole: float) -> float:
    """A part of the whole in per cent, from 0 to 100, to a hundredth."""
    return round(100 * min(1.0, max(0.0, part / whole)), 2) if whole > 0 else 0.0


def _said(elapsed: float, allowed: float | None, usual: tuple[float, float] | None) -> str:
    of = f" of {spoken(allowed)}" if allowed else ""
    return sentence(f"{spoken(elapsed)}{of}", f"usually {spoken(usual[0])}" if usual else "")
