"""What a page says of quiet: who asked for it, until when and why; and who ended it before its time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from fnmatch import fnmatchcase

from ..snooze import Snooze, Snoozes
from .phrases import ago, clock, name

__all__ = ["Quiet", "Woken", "all_quiet", "all_woken", "quiet_of", "woken_of"]

WHY_SHOWN = 300
BY_SHOWN = 80
# What everybody sees is the last day; an operation's own page shows all that is kept.
LATELY = timedelta(days=1)


@dataclass(frozen=True)
class Quiet:
    """A snooze that holds. key: the name or pattern that was snoozed, as `wake` wants it. said: all of it in words."""

    key: str
    name: str
    until: datetime
    by: str
    why: str
    said: str


@dataclass(frozen=True)
class Woken:
    """A snooze that was ended before its time. said: by whom and when; asked: what it was."""

    key: str
    name: str
    at: datetime
    said: str
    asked: str


def quiet_of(snoozes: Snoozes, operation: str, now: datetime) -> Quiet | None:
    """The snooze that holds for an operation, the longest of several; None where nobody asked."""
    snooze = snoozes.covering(operation, now)
    return _quiet(snooze, now) if snooze else None


def all_quiet(snoozes: Snoozes, now: datetime) -> tuple[Quiet, ...]:
    """All snoozes that hold, the one that ends last first."""
    return tuple(_quiet(snooze, now) for snooze in snoozes.in_force(now))


def woken_of(snoozes: Snoozes, operation: str, now: datetime) -> tuple[Woken, ...]:
    """The snoozes of an operation that somebody ended before their time, the latest first."""
    return tuple(_woken(one, now) for one in snoozes.woken_lately(now) if _meant(one, operation))


def all_woken(snoozes: Snoozes, now: datetime) -> tuple[Woken, ...]:
    """All snoozes that somebody ended within the last day, the latest first."""
    return tuple(_woken(one, now) for one in snoozes.woken_lately(now, LATELY))


def _meant(snooze: Snooze, operation: str) -> bool:
    return operation == snooze.operation or fnmatchcase(operation, snooze.operation)


def _quiet(snooze: Snooze, now: datetime) -> Quiet:
    by, why = name(snooze.by, BY_SHOWN), name(snooze.why, WHY_SHOWN)
    return Quiet(snooze.operation, name(snooze.operation), snooze.until, by, why, f"quiet {_wish(snooze, now)}")


def _woken(snooze: Snooze, now: datetime) -> Woken:
    at = snooze.woken_at or snooze.made_at
    said = f"woken {ago(at, now)}{_by(snooze.woken_by)}"
    return Woken(snooze.operation, name(snooze.operation), at, said, f"was to be quiet {_wish(snooze, now)}")


def _wish(snooze: Snooze, now: datetime) -> str:
    why = f": {name(snooze.why, WHY_SHOWN)}" if snooze.why else ""
    return f"until {clock(snooze.until, now)}{_by(snooze.by)}{why}"


def _by(who: str) -> str:
    return f" by {name(who, BY_SHOWN)}" if who else ""
