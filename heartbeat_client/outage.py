"""A store that can't be written: when to try again, and when to say so. Loud at first, then at a growing interval."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Final

__all__ = ["Outage"]

# Short enough that beats come back within 15 s of the store, however long it was away.
_AWAY_DELAYS: Final = (1.0, 2.0, 4.0, 5.0)
_REFUSED_DELAY: Final = 30.0  # a person must act first
_JITTER: Final = 0.2

_SAY_AFTER: Final = (0.0, 60.0, 300.0, 900.0, 3600.0)
_WELL_AFTER: Final = 300.0  # one that comes and goes is one trouble, not a message a minute


def _random() -> float:
    """From 0 up to 1; the module of that name takes ten times as long to load as this one."""
    return int.from_bytes(os.urandom(4), "big") / 2**32


class Outage:
    """The failures in a row up to now. lost: beats that could not be written in it. Times are monotonic seconds."""

    def __init__(self, jitter: Callable[[], float] = _random) -> None:
        self._jitter = jitter
        self.since: float | None = None
        self.lost = 0
        self.retry_at = 0.0
        self._failures = 0
        self._over_at = 0.0
        self._told = False
        self._said = 0
        self._say_at = 0.0

    @property
    def on(self) -> bool:
        """Whether the last attempt failed."""
        return self.since is not None

    def failed(self, now: float, beats: int, *, refused: bool) -> bool:
        """An attempt with so many beats failed; True when it is time to say so."""
        if self.since is None:
            self._begin(now)
        delay = _REFUSED_DELAY if refused else _AWAY_DELAYS[min(self._failures, len(_AWAY_DELAYS) - 1)]
        self.retry_at = now + delay * (1 + _JITTER * (2 * self._jitter() - 1))
        self._failures += 1
        self.lost += beats
        return self._time_to_say(now)

    def over(self, now: float) -> tuple[int, float] | None:
        """An attempt went through; the beats and seconds lost before, None if nothing was lost or nobody was told."""
        if self.since is None:
            return None
        lost, seconds = self.lost, now - self.since
        self.since, self.retry_at, self._failures, self._over_at = None, 0.0, 0, now
        return (lost, seconds) if self._told else None

    def _begin(self, now: float) -> None:
        self.since, self.lost, self._told = now, 0, False
        if now - self._over_at >= _WELL_AFTER:
            self._said = 0

    def _time_to_say(self, now: float) -> bool:
        if self._said and now < self._say_at:
            return False
        self._told = True
        self._said += 1
        self._say_at = now + _SAY_AFTER[min(self._said, len(_SAY_AFTER) - 1)]
        return True
