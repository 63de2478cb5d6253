"""Where a running run stands against those before it, and when it will be done at its rate."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from heartbeat_client.lengths import spoken
from heartbeat_client.run import Run
from heartbeat_client.run_forecast import LEAST_DONE, projected_end, rate_of

from .history import History
from .wording import ago, progress_text, rate_text

__all__ = ["Forecast", "forecast", "standing"]


@dataclass(frozen=True)
class Forecast:
    """When a run will be done. late_by: after its deadline, below zero before it, None without a deadline.

    basis: what it rests on, in words; firm: whether enough was counted to rest anything on it.
    """

    done_at: datetime
    late_by: timedelta | None
    rate: float
    basis: str
    firm: bool

    def text(self, deadline: datetime | None) -> str:
        """`at this rate done at 10:41:05 UTC, 11 min after its deadline at 10:30:00 UTC`."""
        said = f"at this rate ({rate_text(self.rate)}) done at {self.done_at:%H:%M:%S} UTC"
        if self.late_by is None or deadline is None:
            return said
        seconds = self.late_by.total_seconds()
        away = f"{spoken(abs(seconds))} {'after' if seconds > 0 else 'before'}"
        return f"{said}, {away} its deadline at {deadline:%H:%M:%S} UTC"


def forecast(run: Run, now: datetime) -> Forecast | None:
    """When the run will be done; None where it counts towards no total, has not moved, or has ended.

    While it stands its rate is that from before, and it is done now at the earliest.
    """
    progress = run.progress
    end = projected_end(progress) if progress is not None and not run.ended else None
    rate = rate_of(progress) if progress is not None else None
    if progress is None or end is None or rate is None or progress.at is None or progress.since is None:
        return None
    done_at = max(end, now)
    late_by = done_at - run.deadline if run.deadline is not None else None
    basis = f"{progress_text(run)} in {ago(progress.at, progress.since)}"
    return Forecast(done_at, late_by, rate, basis, progress.done >= LEAST_DONE)


def standing(history: History, seconds: float) -> str:
    """`longer than 48 of the last 50 healthy runs (median 12 min, longest 25 min)`; nothing without any.

    seconds: how long a run has taken so far, or took.
    """
    lengths = history.lengths
    if not lengths:
        return ""
    shorter = sum(length < seconds for length in lengths)
    many = f"all {len(lengths)}" if shorter == len(lengths) else f"{shorter} of the last {len(lengths)}"
    if len(lengths) == 1:
        return f"{'longer' if shorter else 'not longer'} than the only healthy run ({spoken(lengths[0])})"
    return f"longer than {many} healthy runs (median {spoken(median(lengths))}, longest {spoken(lengths[-1])})"
