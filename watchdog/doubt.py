"""The watchdog's doubt about itself: when silence may be its own, and not that of the runs.

Three things make it doubt: the sweep before was long ago (`gap`), the store's clock went back (`clock`), or most of the
live runs fell silent together while nobody else was heard of (`crowd`). Meanwhile `silent` verdicts are held. After a
gap that lasts `settle`, in which every living client beats; a crowd is held until beats return, or `doubt_at_most` has
passed: then the truth is told. A crowd is told at once, as one problem; a gap is not, for it is over before anybody
could look at it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from heartbeat_client.fields import MISSING, Fields, RecordError
from heartbeat_client.lengths import spoken
from heartbeat_client.run import Run

from .policy import Pace

__all__ = ["CLOCK", "CROWD", "GAP", "Doubt", "Signs", "beats", "doubt", "may_be_crowd"]

GAP = "gap"
CLOCK = "clock"
CROWD = "crowd"

# Fewer may well have died of themselves: an instance that is killed takes all of its processes and runs along.
LEAST_RUNS = 3
LEAST_INSTANCES = 2
MOST_OF_THEM = 0.5

BEATS_IN_TIME = 2

# Two of the store's machines need not agree to the millisecond.
CLOCK_STEP = timedelta(seconds=5)


@dataclass(frozen=True)
class Signs:
    """What one sweep knows about its own sight.

    silent: runs that fell silent, were not told yet, and of whose end nothing is known. instances: how many instances
    or hosts these are on. live: how many run in all, without those whose problem was told. silent_since: when the last
    of these beat. elsewhere: how many beat in services, or on hosts, of which nothing is silent: their beats prove that
    the store takes some.
    """

    now: datetime
    last_sweep_at: datetime | None = None
    silent: int = 0
    instances: int = 0
    live: int = 0
    silent_since: datetime | None = None
    elsewhere: int = 0


@dataclass(frozen=True)
class Doubt:
    """One doubt: of what kind, since when, until when at most `silent` is held, and why, in a sentence."""

    kind: str
    since: datetime
    until: datetime
    said: str

    def holds(self, now: datetime) -> bool:
        """Whether `silent` is held at `now`."""
        return now < self.until

    def to_document(self) -> dict[str, Any]:
        """The doubt as plain values."""
        return {"kind": self.kind, "since": self.since, "until": self.until, "said": self.said}

    @classmethod
    def from_document(cls, document: Mapping[str, Any] | None) -> Doubt | None:
        """Read back; None for what is not as expected."""
        if not document:
            return None
        fields = Fields(document)
        read = cls(
            fields.one_of("kind", MISSING, (GAP, CLOCK, CROWD)),
            fields.instant("since", MISSING),
            fields.instant("until", MISSING),
            fields.text("said", "", 2000),
        )
        try:
            fields.raise_if_wrong("doubt")
        except RecordError:
            return None
        return read


def may_be_crowd(silent: int, instances: int) -> bool:
    """Whether it is worth counting who lives."""
    return silent >= LEAST_RUNS and instances >= LEAST_INSTANCES


def beats(run: Run, at: datetime) -> bool:
    """Whether a run's beats came in time up to an instant, as far as its record tells; one may be missing."""
    return run.beat_at is not None and at < run.beat_at + timedelta(seconds=BEATS_IN_TIME * run.thresholds.beat_every)


def doubt(before: Doubt | None, signs: Signs, pace: Pace) -> Doubt | None:
    """The doubt after this look, None without any. One about a crowd is not begun anew while the crowd lasts."""
    if fresh := _gap(signs, pace) or _clock(signs, pace):
        return fresh
    if before is not None and before.kind != CROWD and before.holds(signs.now):
        return before
    if not _is_crowd(signs):
        return None
    return before if before is not None and before.kind == CROWD else _crowd(signs, pace)


def _gap(signs: Signs, pace: Pace) -> Doubt | None:
    last = signs.last_sweep_at
    if last is None or (signs.now - last).total_seconds() <= pace.gap_after:
        return None
    said = f"no sweep was complete for {spoken((signs.now - last).total_seconds())}, since {last:%H:%M:%S} UTC"
    return Doubt(GAP, last, signs.now + timedelta(seconds=pace.settle), said)


def _clock(signs: Signs, pace: Pace) -> Doubt | None:
    last = signs.last_sweep_at
    if last is None or last - signs.now <= CLOCK_STEP:
        return None
    said = f"the store's clock went back by {spoken((last - signs.now).total_seconds())} since the sweep before"
    return Doubt(CLOCK, signs.now, signs.now + timedelta(seconds=pace.settle), said)


def _is_crowd(signs: Signs) -> bool:
    crowd = may_be_crowd(signs.silent, signs.instances) and signs.silent > MOST_OF_THEM * signs.live
    return crowd and not signs.elsewhere


def _crowd(signs: Signs, pace: Pace) -> Doubt:
    until = signs.now + timedelta(seconds=pace.doubt_at_most)
    since = f"since {signs.silent_since:%H:%M:%S} UTC" if signs.silent_since else "for some time"
    said = (
        f"{signs.silent} of {signs.live} live runs, on {signs.instances} instances, gave no beat {since}; the store, "
        f"the network or this watchdog may be at fault as well as they; each is told by itself at {until:%H:%M:%S} UTC "
        "unless its beats return"
    )
    return Doubt(CROWD, signs.now, until, said)
