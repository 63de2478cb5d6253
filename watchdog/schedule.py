"""When runs are expected: what one `[[expected]]` table of the policy says, and the instants that follow from it.

Cron is read as Debian's cron reads it, whose answers cronsim gives: an instant that the clocks skip in spring comes
when they have been moved on, and one that they show twice in autumn comes the first time; but what is asked for each
hour or each few minutes (`*` for the hour or the minute) comes in every hour that passes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from itertools import count, islice
from zoneinfo import ZoneInfo

from cronsim import CronSim

__all__ = ["EARLY", "GRACE", "Expected", "shortest_gap", "slots"]

GRACE = 1800.0
EARLY = 300.0

GAPS_LOOKED_AT = 400
LOOK_FROM = datetime(2024, 1, 1, tzinfo=timezone.utc)
LOOK_AHEAD = timedelta(days=2 * 366)


@dataclass(frozen=True)
class Expected:
    """A run that should start, by one of three rules; lengths in seconds.

    operation: its exact name. schedule: five fields of cron, read in `time_zone`. every: at least so often, counted
    from the last start. after: an operation whose every successful end a run must follow. grace: how long after the
    instant a start is still in time; with `after` it is what the policy calls `within`. early: how long before the
    instant a start already counts for it. runbook, slack_channel: as in `Settings`, before those of the operation.
    """

    operation: str
    schedule: str = ""
    every: float | None = None
    after: str = ""
    time_zone: str = "UTC"
    grace: float = GRACE
    early: float = EARLY
    runbook: str | None = None
    slack_channel: str | None = None

    @property
    def identity(self) -> str:
        """Twelve letters that stay the same while the rule asks for the same instants, whatever its grace."""
        rule = (self.operation, " ".join(self.schedule.split()), self.time_zone, self.every, self.after)
        return hashlib.sha256(repr(rule).encode("utf-8", "replace")).hexdigest()[:12]

    @property
    def zone(self) -> ZoneInfo:
        """The time zone that the schedule, and what is said of it, is in."""
        return ZoneInfo(self.time_zone)

    @property
    def rule(self) -> str:
        """The rule in a few words: `0 7 * * * in America/New_York`."""
        if self.schedule:
            return f"{self.schedule} in {self.time_zone}"
        if self.every is not None:
            return f"every {self.every:g} s"
        return f"after {self.after}"


def slots(expected: Expected, after: datetime, base: datetime | None = None) -> Iterator[datetime]:
    """The instants, in UTC, after `after` at which a run should start by a schedule or by `every`; maybe without end.

    base: where `every` counts from, usually the last start. By `after` there are none: they come from runs' ends.
    """
    if expected.schedule:
        yield from _by_cron(expected.schedule, expected.zone, after)
    elif expected.every is not None and base is not None:
        length = timedelta(seconds=expected.every)
        first = max(1, (after - base) // length + 1)
        yield from (base + number * length for number in count(first))


def _by_cron(schedule: str, zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
    for local in CronSim(schedule, after.astimezone(zone)):
        instant = local.astimezone(timezone.utc)
        # In the hour that comes twice cronsim counts from the first time, even if asked from within the second.
        if instant > after:
            yield instant


def shortest_gap(schedule: str, zone: ZoneInfo) -> timedelta | None:
    """The shortest time between two neighbours of a schedule in two years; None where it comes at most once in them.

    Raises `cronsim.CronSimError` for what is no schedule.
    """
    seen: datetime | None = None
    gaps = []
    for instant in islice(_by_cron(schedule, zone, LOOK_FROM), GAPS_LOOKED_AT):
        if instant > LOOK_FROM + LOOK_AHEAD:
            break
        if seen is not None:
            gaps.append(instant - seen)
        seen = instant
    return min(gaps, default=None)
