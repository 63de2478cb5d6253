"""The store's clock, as far as this process knows it: instants in records are the server's, lengths are monotonic."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

__all__ = ["ServerClock"]

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)

# Crystals drift by less than 100 parts per million; the rest is for machines that slew their clock.
_DRIFT = 0.001


class ServerClock:
    """Turns monotonic time into the store's instants; this machine's wall clock stands in until the store has spoken.

    known: whether the store has spoken.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,  # noqa: TID251 (all there is before the first answer of the store)
    ) -> None:
        self.known = False
        self._offset = wall() - clock()
        self._doubt = 0.0
        self._learned = 0.0

    def at(self, monotonic: float) -> datetime:
        """The store's instant at a monotonic time."""
        return _EPOCH + timedelta(seconds=monotonic + self._offset)

    def learn(self, server_time: datetime, before: float, after: float) -> None:
        """Take in what the store's clock said during a call, given the monotonic times before and after it.

        A long call says little: it counts only if it is surer than what is known, or proves that to be wrong, as after
        a suspended machine, whose monotonic clock stood still.
        """
        middle, doubt = (before + after) / 2, (after - before) / 2
        offset = (server_time - _EPOCH).total_seconds() - middle
        known_doubt = self._doubt + (after - self._learned) * _DRIFT
        if not self.known or doubt <= known_doubt or abs(offset - self._offset) > doubt + known_doubt:
            self._offset, self._doubt, self._learned, self.known = offset, doubt, after, True
