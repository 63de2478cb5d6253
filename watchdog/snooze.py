"""Quiet that people asked for: which operations, until when, by whom and why.

While an operation is snoozed nothing is told of it but the end of what was told before. When the snooze is over, what
is still wrong is told. All snoozes are one small document: a sweep reads them with its own state.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any

from heartbeat_client.fields import MISSING, Fields, RecordError
from heartbeat_client.run import OPERATION_LIMIT

__all__ = ["LONGEST", "MOST", "Snooze", "Snoozes"]

MOST = 100
LONGEST = timedelta(days=30)
WHY_LIMIT = 500
BY_LIMIT = 200


@dataclass(frozen=True)
class Snooze:
    """One wish for quiet. operation: its name, or a shell pattern such as `load-*`."""

    operation: str
    until: datetime
    by: str
    why: str
    made_at: datetime

    def covers(self, operation: str, now: datetime) -> bool:
        """Whether it holds for the operation at `now`."""
        return now < self.until and (operation == self.operation or fnmatchcase(operation, self.operation))

    def to_document(self) -> dict[str, Any]:
        """The snooze as plain values."""
        plain = {"operation": self.operation, "until": self.until, "made_at": self.made_at}
        return plain | {"by": self.by[:BY_LIMIT], "why": self.why[:WHY_LIMIT]}


@dataclass(frozen=True)
class Snoozes:
    """All snoozes, the one that ends last first."""

    all: tuple[Snooze, ...] = ()

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
        return _ordered([*others, snooze])

    def without(self, operation: str, now: datetime) -> Snoozes:
        """These without the one for this very name."""
        return _ordered(one for one in self.in_force(now) if one.operation != operation)

    def to_document(self) -> dict[str, Any]:
        """All of them as plain values."""
        return {"snoozes": [snooze.to_document() for snooze in self.all]}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Snoozes:
        """Read back; one that is not as expected is left out: quiet must not come from a mistake."""
        listed = document.get("snoozes")
        entries = listed if isinstance(listed, list) else []
        read = (_read(Fields(entry)) for entry in entries if isinstance(entry, Mapping))
        return _ordered(snooze for snooze in read if snooze is not None)


def _ordered(snoozes: Iterable[Snooze]) -> Snoozes:
    return Snoozes(tuple(sorted(snoozes, key=lambda one: (one.until, one.operation), reverse=True)))


def _read(fields: Fields) -> Snooze | None:
    snooze = Snooze(
        operation=fields.text("operation", MISSING, OPERATION_LIMIT),
        until=fields.instant("until", MISSING),
        by=fields.text("by", "", BY_LIMIT),
        why=fields.text("why", "", WHY_LIMIT),
        made_at=fields.instant("made_at", MISSING),
    )
    try:
        fields.raise_if_wrong("snooze")
    except RecordError:
        return None
    return snooze
