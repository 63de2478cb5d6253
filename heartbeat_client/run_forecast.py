"""When a run that counts will be done at its rate, and whether that is so far past its deadline that it can be told.

Shared by the client, which must make the run due in time, and the watchdog. Everything follows from the record alone:
between two beats nothing changes, so that the instant at which a run is foreseen to be late is known at each beat.

Two rates are looked at, that since counting began and that of the last minute or so, and the better one counts. A
pause, a burst or a slow beginning lowers one of them, hardly ever both. What is left must take longer than the time
left by a factor that is the larger the less was counted. `docs/foreseen.md` has the false alarms that were counted.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta

from .run_parts import Progress

__all__ = ["LEAST_DONE", "NOT_BEFORE", "foreseen_at", "projected_end", "rate_of"]

# Of the way to the deadline, in which a slow beginning looks like a slow run; and with history, which knows better.
NOT_BEFORE = 0.6
NOT_BEFORE_LEARNED = 0.25
ABOVE_LONGEST = 1.5

LEAST_DONE = 10
LEAST_FACTOR = 1.5
DOUBT = 4.0
FOR_EVER = 1e9


def rate_of(progress: Progress) -> float | None:
    """Items a second: the better of the rate since counting began and the latest; None where nothing moved yet."""
    if progress.since is None or progress.at is None or progress.done <= 0:
        return None
    seconds = (progress.at - progress.since).total_seconds()
    since_then = progress.done / seconds if seconds > 0 else 0.0
    return max(since_then, progress.rate or 0.0) or None


def projected_end(progress: Progress) -> datetime | None:
    """When all items are done, going on at the rate from the last move; None where that can't be said."""
    seconds = _seconds_to_go(progress)
    return None if seconds is None or progress.at is None else progress.at + timedelta(seconds=seconds)


def foreseen_at(
    progress: Progress | None, started_at: datetime, deadline: datetime | None, longest: float | None = None
) -> datetime | None:
    """The instant from which a run with this record is foreseen to miss its deadline; None where it is not.

    longest: how long the longest of several healthy runs took, in seconds, None where too few are known.
    """
    if progress is None or deadline is None or progress.at is None or progress.done < LEAST_DONE:
        return None
    seconds = _seconds_to_go(progress)
    left = (deadline - progress.at).total_seconds()
    if seconds is None or left <= 0 or seconds < left * max(LEAST_FACTOR, 1 + DOUBT / math.sqrt(progress.done)):
        return None
    return _not_before(started_at, deadline, longest)


def _not_before(started_at: datetime, deadline: datetime, longest: float | None) -> datetime:
    way = deadline - started_at
    if longest is None:
        return started_at + way * NOT_BEFORE
    return started_at + max(way * NOT_BEFORE_LEARNED, timedelta(seconds=ABOVE_LONGEST * longest))


def _seconds_to_go(progress: Progress) -> float | None:
    rate = rate_of(progress)
    if rate is None or progress.total is None or progress.total <= progress.done:
        return None
    return min((progress.total - progress.done) / rate, FOR_EVER)
