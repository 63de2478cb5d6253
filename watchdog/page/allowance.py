"""How much may be read from the store in a minute: what was not spent gathers, up to a third of it."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Allowance"]


class Allowance:
    """So many reads a minute, in any minute, if nobody spends what is not there. clock: monotonic seconds.

    Two thirds come evenly through the minute; a third may gather, so that a page that is opened need not wait.
    """

    def __init__(self, per_minute: float, clock: Callable[[], float]) -> None:
        self._most = per_minute / 3
        self._rate = per_minute * 2 / 3 / 60
        self._clock = clock
        self._left = self._most
        self._at = clock()

    def spend(self, reads: int) -> None:
        """Take so many, there or not: what nobody had yet is paid by those who come after."""
        self._gather()
        self._left -= reads

    def wait_for(self, reads: int) -> float:
        """In how many seconds there will be so many; a look that costs more than can gather waits for all there can."""
        self._gather()
        return max(0.0, (min(reads, self._most) - self._left) / self._rate)

    def seconds_for(self, reads: int) -> float:
        """How long it takes for so many to come."""
        return reads / self._rate

    def _gather(self) -> None:
        now = self._clock()
        self._left = min(self._most, self._left + (now - self._at) * self._rate)
        self._at = now
