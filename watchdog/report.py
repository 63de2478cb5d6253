"""What one sweep did, for its caller, its log and the status page."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

__all__ = ["SweepReport", "sweep_line"]


@dataclass
class SweepReport:
    """Counts and lists of one sweep.

    read: records of runs read. due: of these, due. judged: those that could be. told: notices delivered. undelivered:
    notices that still wait or were given up in this sweep, with the reason. unjudged: ids of runs whose record can't be
    judged. held: ids of runs whose silence is not told because the sweep doubts itself. covered: ids of runs that a
    relative's incident stands for.
    withdrawn: notices that were not needed any more. audit: `full`, `running` or empty. doubt: why silence is held.
    unmeasured: why metrics were not written. seconds: how long it took, without writing metrics.
    """

    now: datetime
    read: int = 0
    due: int = 0
    judged: int = 0
    told: list[dict[str, object]] = field(default_factory=list)
    undelivered: list[dict[str, object]] = field(default_factory=list)
    unjudged: list[str] = field(default_factory=list)
    held: list[str] = field(default_factory=list)
    covered: list[str] = field(default_factory=list)
    withdrawn: list[str] = field(default_factory=list)
    doubt: str = ""
    doubt_until: datetime | None = None
    audit: str = ""
    unmeasured: str = ""
    seconds: float = 0.0

    @property
    def complete(self) -> bool:
        """Whether all was judged and delivered: decides the command's exit status."""
        return not self.undelivered and not self.unjudged

    def counts(self) -> dict[str, Any]:
        """The sizes, for the record that one sweep leaves to the next."""
        plain = {"read": self.read, "due": self.due, "judged": self.judged, "seconds": round(self.seconds, 3)}
        return plain | {name: len(getattr(self, name)) for name in _LISTS}

    def as_json(self) -> dict[str, Any]:
        """All of it as plain values."""
        return {
            "now": _text(self.now),
            "read": self.read,
            "due": self.due,
            "judged": self.judged,
            **{name: getattr(self, name) for name in _LISTS},
            "doubt": self.doubt or None,
            "doubt_until": _text(self.doubt_until) if self.doubt_until else None,
            "audit": self.audit or None,
            "unmeasured": self.unmeasured or None,
            "seconds": round(self.seconds, 3),
        }


_LISTS = ("told", "undelivered", "unjudged", "held", "covered", "withdrawn")


def _text(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


def sweep_line(report: SweepReport) -> str:
    """One sweep in one line."""
    parts = [f"{report.now:%H:%M:%S} read {report.read}"]
    for name in ("told", "undelivered", "unjudged", "held"):
        count = len(getattr(report, name))
        if count:
            parts.append(f"{name} {count}")
    titles = [str(told["title"]) for told in report.told] + [str(left["why"]) for left in report.undelivered]
    return ", ".join(parts) + "".join(f"\n  {title}" for title in titles)
