"""Quiet that people asked for: which operations, until when, by whom and why.

While an operation is snoozed nothing is told of it but the end of what was told before. When the snooze is over, what
is still wrong is told. All snoozes are one small document: a sweep reads them with its own state. It remembers for some
days which of them were ended before their time, by whom and when: whoever asked for quiet will want to know.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any

from heartbeat_client.fields import MISSING, Fields, RecordError
from heartbeat_client.run import OPERATION_LIMIT

__all__ = ["LONGEST", "MOST", "WHY_LIMIT", "WOKEN_MOST", "Snooze", "Snoozes"]

MOST = 100
LONGEST = timedelta(days=30)
# With all limits at once the document stays below 150 kB of a Firestore document's 1 MiB.
WOKEN_MOST = 20
WOKEN_KEPT = timedelta(days=7)
WHY_LIMIT = 500
BY_LIMIT = 200


@dataclass(frozen=True)
class Snooze:
    """One wish for quiet. operation: its name, or a shell pattern such as `load-*`.

    woken_by, woken_at: who ended it before `until`, and when; nobody and None as long as it was let be.
    """

    operation: str
    until: datetime
    by: str
    why: str
    made_at: datetime
    woken_by: str = ""
    woken_at: datetime | None = None

    def covers(self, operation: str, now: datetime) -> bool:
        """Whether it holds for the operation at `now`."""
        return now < self.until and (operation == self.operation or fnmatchcase(operation, self.operation))

    def to_document(self) -> dict[str, Any]:
        """The snooze as plain values."""
        plain = {"operation": self.operation, "until": self.until, "made_at": self.made_at}
        plain |= {"by": self.by[:BY_LIMIT], "why": self.why[:WHY_LIMIT]}
        woken = {"woken_by": self.woken_by[:BY_LIMIT], "woken_at": self.woken_at}
        return plain if self.woken_at is None else plain | woken


@dataclass(frozen=True)
class Snoozes:
    """All snoozes, the one that ends last first. woken: those that were ended before their time, the latest first."""

    all: tuple[Snooze, ...] = ()
    woken: tuple[Snooze, ...] = ()

    def covering(self, operation: str, now: datetime) -> Snooze | None:
        """The snooze that holds for the operation at `now`, the longest of several; None where nobody asked."""
        return next((snooze for snooze in self.all if snooze.covers(operation, now)), None)

    def in_force(self, now: datetime) -> list[Snooze]:
        """Those that are not over."""
        return [snooze for snooze in self.all if now < snooze.until]

    def with_one(self, snooze: Snooze, now: datetime) -> Snoozes:
        """These and one more, in place of an earlier one for the same name; those that are over are dropped.

        Raises ValueError when there are too many.
        """
        others = [one for one in self.in_force(now) if one.operation != snooze.operation]
        if len(others) >= MOST:
            raise ValueError(f"snooze: expected at most {MOST} at once, got one more; end some, or use a pattern")
        return Snoozes(_ordered([*others, snooze]), self.woken_lately(now))

    def without(self, operation: str, by: str, now: datetime) -> Snoozes:
        """These without the one for this very name, and who ended it."""
        known = self.in_force(now)
        ended = (replace(one, woken_by=by, woken_at=now) for one in known if one.operation == operation)
        woken = (*ended, *self.woken_lately(now))[:WOKEN_MOST]
        return Snoozes(_ordered(one for one in known if one.operation != operation), woken)

    def woken_lately(self, now: datetime, within: timedelta = WOKEN_KEPT) -> tuple[Snooze, ...]:
        """Those that somebody ended before their time, within the last 7 days or as said; the latest first."""
        return tuple(one for one in self.woken if one.woken_at is not None and one.woken_at > now - within)

    def to_document(self) -> dict[str, Any]:
        """All of them as plain values."""
        return {"snoozes": [one.to_document() for one in self.all], "woken": [one.to_document() for one in self.woken]}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Snoozes:
        """Read back; one that is not as expected is left out: quiet must not come from a mistake."""
        all_of_them = _ordered(_listed(document.get("snoozes")))
        woken = (one for one in _listed(document.get("woken")) if one.woken_at is not None)
        return cls(all_of_them, tuple(sorted(woken, key=lambda one: one.woken_at or one.made_at, reverse=True)))


def _ordered(snoozes: Iterable[Snooze]) -> tuple[Snooze, ...]:
    return tuple(sorted(snoozes, key=lambda one: (one.until, one.operation), reverse=True))


def _listed(listed: object) -> Iterable[Snooze]:
    entries = listed if isinstance(listed, list) else []
    read = (_read(Fields(entry)) for entry in entries if isinstance(entry, Mapping))
    return (snooze for snooze in read if snooze is not None)


def _read(fields: Fields) -> Snooze | None:
    snooze = Snooze(
        operation=fields.text("operation", MISSING, OPERATION_LIMIT),
        until=fields.instant("until", MISSING),
        by=fields.text("by", "", BY_LIMIT),
        why=fields.text("why", "", WHY_LIMIT),
        made_at=fields.instant("made_at", MISSING),
        woken_by=fields.text("woken_by", "", BY_LIMIT),
        woken_at=fields.instant("woken_at", None),
    )
    try:
        fields.raise_if_wrong("snooze")
    except RecordError:
        return None
    return snooze
