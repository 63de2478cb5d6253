"""Between a run and the sampler: what was seen of this run, for its record and for its line in the log."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from .activity import Activity
from .live import LiveRun
from .run import STANDING
from .sampler import Sampler
from .shield import SHIELD
from .subject import Subject

__all__ = ["SamplerWitness", "begin_watching"]

# Progress as recent as this says all there is to say; the sampler's verdict on standing still takes as long.
_LATELY: Final = 60.0
_AT_A_STANDSTILL: Final = frozenset({"looping", "spinning", "starved"})

# Beats for which it must have stood: every operation waits for something at any moment.
_STANDS_FOR: Final = 2

# What the kernel told, peers among it, is left out where only the stack may be kept.
_FROM_THE_KERNEL: Final = ("waits_for", "evidence", "unknown", "text", "cpu")


class SamplerWitness:
    """What the sampler saw of one run; made on the operation's thread, where it begins.

    stack_only: whether what the kernel says of the wait is left out.
    """

    def __init__(self, sampler: Sampler, live: LiveRun, *, stack_only: bool = False) -> None:
        self._sampler = sampler
        self._live = live
        self._stack_only = stack_only
        self._subject = Subject.here()
        sampler.watch(self._subject, min(1.0, live.thresholds.beat_every))

    def end(self) -> None:
        """The operation is over."""
        self._sampler.unwatch(self._subject)

    def document(self, now: float, instant: datetime) -> dict[str, Any] | None:
        """The activity for a record; now and instant: the time of the beat, monotonic and the store's."""
        with SHIELD:
            activity = self._activity(now)
            if activity is None:
                return None
            left_out = _FROM_THE_KERNEL if self._stack_only else ()
            told = activity.to_document(instant).items()
            return {name: value for name, value in told if name not in left_out and value not in (None, "", [])}
        return None

    def sentence(self, now: float) -> str:
        """What to add to a line of the log: why it does not move, nothing while it does."""
        with SHIELD:
            activity = self._activity(now)
            return activity.sentence() if activity is not None and self._tells(activity) else ""
        return ""

    def _tells(self, activity: Activity) -> bool:
        if activity.since_at_least < _STANDS_FOR * self._live.thresholds.beat_every:
            return False
        # Whether an operation that declares nothing should go round or be busy, nobody can say.
        return activity.kind in STANDING or (not self._live.opaque and activity.kind in _AT_A_STANDSTILL)

    def _activity(self, now: float) -> Activity | None:
        wait = self._live.waits[-1].reason if self._live.waits else None
        return self._sampler.evidence(self._subject, self._moved(now), wait)

    def _moved(self, now: float) -> bool | None:
        if self._live.opaque:
            return None
        limits = self._live.thresholds
        lately = min(max(_LATELY, 4 * limits.beat_every), limits.stalled_after / 2)
        since = self._live.moved if self._live.moved is not None else self._live.started
        return now - since < lately


def begin_watching(sampler: Sampler, live: LiveRun, evidence: str) -> SamplerWitness | None:
    """Have a run watched; None where that is switched off, or can't be done here."""
    if evidence == "off":
        return None
    with SHIELD:
        return SamplerWitness(sampler, live, stack_only=evidence == "stack")
    return None
