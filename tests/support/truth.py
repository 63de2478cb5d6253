"""What is really so with each run, as simple as can be: the measure that is held against what people were told.

It knows nothing of incidents, verdicts and notices. A run beats or not, moves or not, has a deadline, and ends or not.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

__all__ = ["Actual", "Limits"]

SILENT_AFTER = timedelta(seconds=90)
OPAQUE_SHARE = 0.6
WARN_AT = 0.8


@dataclass
class Limits:
    """What operators may change. stalled_after and remind_every: seconds."""

    stalled_after: float = 300.0
    remind_every: float = 1800.0


@dataclass
class Actual:
    """One run. name: its id and its operation. counted: whether it declares progress.

    inside: runs around it, outermost first. holds: the run inside it that it waits for. beating: its process lives and
    reaches the store. gone_at: when its helper process reported its end. unreadable: a stranger wrote the record.
    wrong_at: when it was last seen to be wrong.
    """

    name: str
    host: str
    started_at: datetime
    deadline: datetime
    counted: bool = True
    inside: tuple[str, ...] = ()
    holds: str | None = None
    beating: bool = True
    moving: bool = True
    gone_at: datetime | None = None
    unreadable: bool = False
    ended: str = ""
    over_at: datetime | None = None
    wrong_at: datetime | None = None
    done: int = 0
    seq: int = 1
    beat_at: datetime = field(init=False)
    moved_at: datetime = field(init=False)

    def __post_init__(self) -> None:
        self.beat_at = self.moved_at = self.started_at

    @property
    def lives(self) -> bool:
        """Whether it goes on, as far as the store knows."""
        return self.over_at is None

    def beat(self, now: datetime) -> None:
        """It beats, and has moved if it moves."""
        self.beat_at, self.seq = now, self.seq + 1
        if self.moving:
            self.moved_at, self.done = now, self.done + 1

    def silent(self, now: datetime) -> bool:
        """Whether its beats have stopped for too long."""
        return self.gone_at is not None or now >= self.beat_at + SILENT_AFTER

    def severity(self, now: datetime, limits: Limits) -> int:
        """0: it is well, or over. 1: in danger, 2: no sign of life, 3: past its deadline."""
        since = self.wrong_since(now, limits)
        if since is None:
            return 0
        if self.unreadable:
            return 1
        return 3 if now >= self.deadline else 2 if self.silent(now) else 1

    def wrong_since(self, now: datetime, limits: Limits) -> datetime | None:
        """Since when something is wrong with it; None when all is well, or it is over."""
        if not self.lives:
            return None
        if self.unreadable:
            return self.started_at
        began = [at for at in (self._silent_at(), self._standing_at(limits), self._overdue_at()) if at and at <= now]
        return min(began, default=None)

    def _silent_at(self) -> datetime:
        return self.gone_at or self.beat_at + SILENT_AFTER

    def _standing_at(self, limits: Limits) -> datetime | None:
        if self.counted:
            return self.moved_at + timedelta(seconds=limits.stalled_after)
        if self.holds is not None:
            return None
        return self.moved_at + max((self.deadline - self.moved_at) * OPAQUE_SHARE, timedelta(0))

    def _overdue_at(self) -> datetime:
        return self.started_at + (self.deadline - self.started_at) * WARN_AT
