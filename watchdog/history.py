"""How long the runs of an operation took, and stood in one call: what teaches how long one call of the next may stand.

The rule itself, which the client applies too, stands in `heartbeat_client.run_opaque`. With fewer than five healthy
runs nothing is learned.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import Any

from heartbeat_client.fields import Fields
from heartbeat_client.run import ENDED, LEARN_FROM, SUCCEEDED, Run
from heartbeat_client.run_opaque import allowed

__all__ = ["KEPT", "LEARN_FROM", "History", "Taken", "quantile"]

KEPT = 50


@dataclass(frozen=True)
class Taken:
    """One run that has ended and how long it took, in seconds. late: it ended after its deadline.

    stood: the longest that one call of it may have lasted, None where nobody looked.
    """

    run: str
    seconds: float
    state: str = SUCCEEDED
    started_at: datetime | None = None
    late: bool = False
    stood: float | None = None

    @property
    def healthy(self) -> bool:
        """Whether it ended well and in time, so that it teaches how long a run may take."""
        return self.state == SUCCEEDED and not self.late

    def to_document(self) -> dict[str, Any]:
        """Plain values; the instant as text, so that every store gives back what was written."""
        plain: dict[str, Any] = {"run": self.run, "seconds": self.seconds, "state": self.state}
        if self.started_at is not None:
            plain["started_at"] = self.started_at.isoformat().replace("+00:00", "Z")
        if self.stood is not None:
            plain["stood"] = self.stood
        return plain | ({"late": True} if self.late else {})


@dataclass(frozen=True)
class History:
    """The latest runs of one operation that ended, as they ended: at most `KEPT` healthy ones, and as many others."""

    runs: tuple[Taken, ...] = ()

    @property
    def healthy(self) -> tuple[Taken, ...]:
        """Those that ended well and in time."""
        return tuple(taken for taken in self.runs if taken.healthy)

    @property
    def lengths(self) -> list[float]:
        """How long the healthy ones took, in seconds, the shortest first."""
        return sorted(taken.seconds for taken in self.healthy)

    @property
    def longest(self) -> float:
        """The longest healthy one in seconds, 0 without any."""
        return max(self.lengths, default=0.0)

    @property
    def opaque_after(self) -> float | None:
        """How long one call may take, in seconds; None with fewer than `LEARN_FROM` healthy runs."""
        return allowed(self.longest, len(self.healthy)) if len(self.healthy) >= LEARN_FROM else None

    @property
    def stood(self) -> float | None:
        """The longest that one call of a healthy run may have lasted, in seconds; None where nobody looked at any."""
        if all(taken.stood is None for taken in self.healthy):
            return None
        return max(taken.seconds if taken.stood is None else taken.stood for taken in self.healthy)

    @property
    def summary(self) -> dict[str, float]:
        """Of the healthy runs: how many, and the median, the 90th percentile and the longest in seconds."""
        lengths = self.lengths
        if not lengths:
            return {}
        middle = median(lengths)
        return {"runs": len(lengths), "median": middle, "p90": quantile(lengths, 0.9), "longest": lengths[-1]}

    def with_runs(self, runs: Iterable[Run]) -> History:
        """This history and those of the runs that are not in it yet."""
        known = {taken.run for taken in self.runs}
        fresh = [taken for run in runs if run.id not in known and (taken := _taken(run))]
        return History(_newest((*self.runs, *fresh)))

    def to_document(self) -> list[dict[str, Any]]:
        """Plain values."""
        return [taken.to_document() for taken in self.runs]

    @classmethod
    def from_document(cls, listed: object) -> History:
        """Read back; what is not as expected is left out."""
        entries = [one for one in listed if isinstance(one, Mapping)] if isinstance(listed, list) else []
        return cls(_newest([taken for one in entries[-2 * KEPT :] if (taken := _read(Fields(one)))]))


def quantile(ordered: Sequence[float], share: float) -> float:
    """The smallest of the values, which are in order, that at least that share of them does not exceed."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def _newest(runs: Sequence[Taken]) -> tuple[Taken, ...]:
    # Failures in a row must not push out what healthy runs have taught.
    kept = {taken.run for healthy in (True, False) for taken in [t for t in runs if t.healthy is healthy][-KEPT:]}
    return tuple(taken for taken in runs if taken.run in kept)


def _taken(run: Run) -> Taken | None:
    """How long a run took; None for one that goes on, or whose end lies at its start or before."""
    if run.state not in ENDED or run.ended_at is None:
        return None
    seconds = (run.ended_at - run.started_at).total_seconds()
    late = run.deadline is not None and run.ended_at > run.deadline
    # A call is looked at with each beat, so it may have lasted for one more.
    stood = None if run.stood is None else min(seconds, run.stood + run.thresholds.beat_every)
    return Taken(run.id, seconds, run.state, run.started_at, late, stood) if seconds > 0 else None


def _read(entry: Fields) -> Taken | None:
    taken = Taken(
        entry.text("run", "", 1500),
        entry.length("seconds", 0.0),
        entry.one_of("state", SUCCEEDED, ENDED),
        _instant(entry),
        entry.flag("late", False),
        entry.length("stood", None),
    )
    return taken if taken.run and taken.state and taken.seconds > 0 else None


def _instant(entry: Fields) -> datetime | None:
    at: datetime | None = entry.instant("started_at", None)
    return at if at is not None and at.year > 1970 else None
