"""What an operation is doing, as it is written into the record and said in a sentence. Pure: no clock, no thread."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from .lapse import lapse
from .run import Place

__all__ = ["KINDS", "Activity", "At"]

KINDS = {
    "progressing": "moves",
    "working": "works",
    "blocked": "blocked",
    "looping": "goes round",
    "spinning": "busy",
    "loop_blocked": "event loop blocked",
    "task_waiting": "task waits",
    "gil_held": "one call held Python",
    "frozen": "the process did not run",
    "starved": "gets no CPU",
    "thread_ended": "the operation's thread has ended",
    "waiting": "waits as declared",
}


@dataclass(frozen=True)
class At:
    """A frame of the chain: where, and for how many seconds at least it is the same call, None when unknown."""

    place: Place
    age: float | None = None


@dataclass(frozen=True)
class Activity:
    """What an operation was doing at the last look.

    kind: one of `KINDS`. at: the frame to blame. frames: the chain, innermost first, at most 12. since_at_least,
    since_at_most: seconds for which it has been so at the last look; the latter None when only the run's start bounds
    it. seen: seconds since that look. waits_for, evidence, unknown: sentences. cpu: share of one CPU, None when
    unknown. call: what it is in, such as `recv`.
    """

    kind: str
    at: Place | None = None
    frames: tuple[At, ...] = ()
    since_at_least: float = 0.0
    since_at_most: float | None = None
    waits_for: str | None = None
    evidence: str = ""
    unknown: str | None = None
    cpu: float | None = None
    call: str = ""
    seen: float = 0.0

    def to_document(self, now: datetime) -> dict[str, Any]:
        """The activity as plain values and aware datetimes; now: the instant of the beat."""
        most = self.since_at_least if self.since_at_most is None else self.since_at_most
        looked = now - timedelta(seconds=self.seen)
        return {
            "kind": self.kind,
            "call": self.call,
            "at": None if self.at is None else _plain(self.at),
            "frames": [_plain(one.place) | {"age": one.age and round(one.age, 1)} for one in self.frames],
            "since": looked - timedelta(seconds=self.since_at_least),
            "since_at_most": looked - timedelta(seconds=most),
            "waits_for": self.waits_for,
            "evidence": self.evidence,
            "unknown": self.unknown,
            "cpu": None if self.cpu is None else round(self.cpu, 3),
            "text": self.sentence(),
        }

    def sentence(self) -> str:
        """One sentence: what, where, for how long, on what."""
        at = f" at {self.at.file}:{self.at.line}" if self.at else ""
        doing = f" in {self.call}" if self.call else f" in {self.at.function}" if self.at else ""
        words = f"{KINDS[self.kind]}{doing}{at} for {lapse(self.since_at_least)}"
        if self.kind in ("gil_held", "spinning", "working", "starved", "frozen", "thread_ended", "progressing"):
            words += f" ({self.evidence})" if self.evidence else ""
        return f"{words}; waits for {self.waits_for}" if self.waits_for else words


def _plain(place: Place) -> dict[str, Any]:
    return {"file": place.file, "line": place.line, "function": place.function}
