"""When an operation that declares nothing has stood in one call for so long that it is a stall.

Shared by the client, which must make the run due in time, and the watchdog, which learns the limits. Both follow from
the record alone. Few runs say little of how long the next one may take, so the fewer they are, the more is allowed.
`docs/truth.md` has what each of these numbers does to hangs that are told late and to healthy runs that are told of.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from .run_parts import Thresholds

__all__ = ["LEARN_FROM", "OPAQUE_SHARE", "allowed", "opaque_at", "stands_too_long_after"]

OPAQUE_SHARE = 0.6
LEARN_FROM = 5  # healthy runs of an operation, before anything is learned from them

# From so many healthy runs on: times the longest of them, and times that where it lies past `OPAQUE_SHARE` of the way.
_FACTORS = ((20, 2.0, 1.5), (10, 3.0, 1.5), (0, 4.0, 2.0))

LEAST_ABOVE = 60.0

# A connection that is lost, a database that changes its host: clients wait a minute or two for that, and go on.
LEAST_STAND = 180.0


def allowed(longest: float, runs: int) -> float:
    """How long the next one may take, in seconds, when the longest of so many healthy ones took so long."""
    return _times(longest, runs, 1)


def _times(longest: float, runs: int, which: int) -> float:
    factor = next(row[which] for row in _FACTORS if runs >= row[0])
    return max(factor * longest, longest + LEAST_ABOVE)


def stands_too_long_after(limits: Thresholds) -> float | None:
    """How long one call may last that is seen to stand, in seconds, as learned from the calls of healthy runs.

    None where that was not learned, or where somebody has said how long.
    """
    if not _learned(limits) or limits.learned_stood is None:
        return None
    return max(allowed(limits.learned_stood, limits.learned_runs), LEAST_STAND)


def opaque_at(limits: Thresholds, since: datetime, deadline: datetime | None, *, stands: bool) -> datetime | None:
    """The instant from which it is a stall to go on since `since` without a sign of progress; None where it is none.

    stands: whether it was seen to stand in one call ever since. Past its deadline a run without a limit of its own is
    overdue, whatever it does.
    """
    share = (deadline - since).total_seconds() * OPAQUE_SHARE if deadline is not None else 0.0
    if limits.opaque_after is None:
        return since + timedelta(seconds=share) if share > 0 else None
    known = [limits.opaque_after]
    if _learned(limits) and limits.learned_longest is not None and share > 0:
        known.append(max(share, _times(limits.learned_longest, limits.learned_runs, 2)))
    stand = stands_too_long_after(limits) if stands else None
    return since + timedelta(seconds=min([*known, *([] if stand is None else [stand])]))


def _learned(limits: Thresholds) -> bool:
    return limits.opaque_after is not None and limits.learned_runs >= LEARN_FROM
