"""How figures of a run are put into words, alike in verdicts, messages and tables."""

from __future__ import annotations

from datetime import datetime

from heartbeat_client.lengths import LONGEST, spoken
from heartbeat_client.run import Run

__all__ = ["ago", "progress_text", "rate_text", "remaining", "sentence"]


def progress_text(run: Run) -> str:
    """`41 of 450 done`, `41 done`, or nothing where nothing is declared."""
    if run.progress is None:
        return ""
    done = (
        f"{run.progress.done} of {run.progress.total} done"
        if run.progress.total is not None
        else f"{run.progress.done} done"
    )
    return f"{done} ({run.progress.note})" if run.progress.note else done


def rate_text(rate: float) -> str:
    """`12.1/s`, or `4.3/min` and `2.0/h` where a second is too short to say it."""
    for unit, seconds in (("s", 1), ("min", 60), ("h", 3600)):
        if rate * seconds >= 1 or unit == "h":
            return f"{rate * seconds:.1f}/{unit}"
    raise AssertionError("the last unit takes every rate")


def remaining(run: Run) -> str:
    """`12.1/s, about 17 s to go` for a run that counts towards a total; nothing where that can't be known."""
    progress = run.progress
    if progress is None or not progress.rate:
        return ""
    seconds = ((progress.total or 0) - progress.done) / progress.rate
    rate = rate_text(progress.rate)
    return f"{rate}, about {spoken(seconds)} to go" if 0 < seconds <= LONGEST else rate


def ago(now: datetime, then: datetime) -> str:
    """How long since `then`."""
    return spoken((now - then).total_seconds())


def sentence(*parts: str) -> str:
    """The parts that say something, as one sentence."""
    return "; ".join(part for part in parts if part)
