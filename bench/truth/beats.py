"""When the store took what a process had to say of a run: on time, late, again after a failure, or never."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from heartbeat_client.limits import InForce, Limits
from heartbeat_client.live import COALESCE

from .trace import ASIDE, BEAT, END, GONE, NEVER, Window, Write

__all__ = ["Life", "writes_of"]

EVERY = Limits().resolve(InForce()).beat_every
LOST = 0.004  # of writes fail by themselves, and are tried again a second later
SLOW = 0.003  # of writes take seconds

# A helper speaks when its process has stood still for two beats, and tells of its end for half a minute.
STILL_FOR = 2 * EVERY
TELLS_END_AFTER = 0.4
TELLS_END_FOR = 30.0

# Beats come back so much after the store at the latest.
BACK_WITHIN = 6.0


@dataclass(frozen=True)
class Life:
    """One run as its process lives it. See `Trace` for the words; until: when nothing can be written any more."""

    started: float
    ended: float
    dead_at: float
    mute: Sequence[Window]
    cut: Sequence[Window]
    until: float

    @property
    def over(self) -> float:
        """When its process has nothing more to say."""
        return min(self.until, self.dead_at, self.ended)


def writes_of(life: Life, chance: Random, *, helper_beats: bool, helper_tells: bool) -> tuple[Write, ...]:
    """All writes that the store took, in order.

    helper_beats: whether a helper speaks for a process that can't. helper_tells: whether it tells of its end.
    """
    writes = _beats(life, chance, helper_beats=helper_beats)
    if life.ended < NEVER and life.ended <= life.dead_at:
        at = _through(life.cut, life.ended + 0.02, chance)
        if at <= life.until:
            writes.append(Write(max(at + _lag(chance), _after(writes)), life.ended, END))
    elif helper_tells and life.dead_at < NEVER:
        at = _through(life.cut, life.dead_at + TELLS_END_AFTER, chance)
        if at - life.dead_at <= TELLS_END_FOR:
            writes.append(Write(max(at + _lag(chance), _after(writes)), life.dead_at, GONE))
    return tuple(writes)


def _beats(life: Life, chance: Random, *, helper_beats: bool) -> list[Write]:
    writes: list[Write] = []
    at = life.started + COALESCE
    while at < life.over:
        if (window := _inside(life.mute, at)) is not None:
            if helper_beats:
                _aside(writes, window, life, chance)
            at = window[1] + chance.uniform(0, 1)
        elif (through := _through(life.cut, at, chance)) > at:
            at = through
        elif chance.random() < LOST:
            at += 1.0 + chance.uniform(-0.2, 0.2)
        else:
            writes.append(Write(max(at + _lag(chance), _after(writes)), at, BEAT))
            at += EVERY
    return writes


def _aside(writes: list[Write], window: Window, life: Life, chance: Random) -> None:
    """A helper's beats: from the second on in which Python has not moved for two beats."""
    at = window[0] + STILL_FOR + chance.uniform(1, 3)
    while at < min(window[1], life.over):
        at = _through(life.cut, at, chance)
        if at < min(window[1], life.over):
            writes.append(Write(max(at + _lag(chance), _after(writes)), window[0], ASIDE))
        at += EVERY + chance.uniform(0, 1)


def _inside(windows: Sequence[Window], at: float) -> Window | None:
    return next((window for window in windows if window[0] <= at < window[1]), None)


def _through(cut: Sequence[Window], at: float, chance: Random) -> float:
    """When what is to be written from an instant on arrives at last: nothing does while the way is cut."""
    place = bisect_right(cut, (at, NEVER)) - 1
    if place < 0 or at >= cut[place][1]:
        return at
    return cut[place][1] + chance.uniform(0, BACK_WITHIN)


def _lag(chance: Random) -> float:
    return chance.uniform(1, 4) if chance.random() < SLOW else chance.uniform(0.02, 0.15)


def _after(writes: list[Write]) -> float:
    return writes[-1].at + 0.001 if writes else 0.0
