"""One watched thread from look to look: its stack, its clocks, and since when it has stood still."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import replace
from types import FrameType

from .frames import Home, walk
from .sample import FrameSeen, Return, Sample, Since, Wait
from .standing import Standings
from .threadstat import ThreadGone, ThreadStat, bytes_moved, cpu_of, scheduling_of

__all__ = ["ThreadWatch"]

KEPT = 30


class ThreadWatch:
    """Looks at a thread in three steps, so that frames are held for microseconds and never while a file is read.

    `wants_frames()`, then `see()` with its innermost frame, then `measure()`. Used by the sampler's thread alone;
    others take `samples`.
    """

    def __init__(self, ident: int, native: int, home: Home) -> None:
        self.ident = ident
        self.native = native
        self.home = home
        self.stop: frozenset[int] = frozenset()
        self.wanted_at = 0.0
        self.waited_at = -math.inf
        self._ring: deque[Sample] = deque(maxlen=KEPT)
        self._stack: tuple[FrameSeen, ...] = ()
        self._alive = True
        self._cpu: float | None = None
        self._walked_with: float | None = None
        self._looked = -math.inf
        self._measured = (-math.inf, -math.inf)
        self._standings = Standings()
        self._return: Return | None = None

    @property
    def samples(self) -> tuple[Sample, ...]:
        """The last samples, oldest first."""
        return tuple(self._ring)

    @property
    def last(self) -> Sample | None:
        """The last sample."""
        return self._ring[-1] if self._ring else None

    def wants_frames(self) -> bool:
        """Whether the stack must be read again: not when the thread has not run since it was read."""
        try:
            self._cpu = cpu_of(self.native)
        except ThreadGone:
            self._alive = False
            return False
        last = self.last
        if last is not None and last.cpu is not None and self._cpu is not None and self._cpu < last.cpu:
            self._alive = False  # a later thread has its id
        settled = self._cpu is not None and self._cpu == self._walked_with and last is not None
        return self._alive and not (settled and last is not None and last.slices is not None)

    def see(self, frame: FrameType | None, now: float) -> None:
        """Read the stack."""
        if frame is None:
            self._alive = False
            return
        self._stack = walk(frame, self.home, now=now, last=self._looked, stop=self.stop)
        self._walked_with = self._cpu

    def measure(self, now: float) -> Sample:
        """Read the clocks and keep a sample."""
        self._looked = now
        stat = self._stat()
        still = self._still(stat)
        before = self.last
        if still is None and before is not None and before.still is not None:
            self._standings.over(before.stack, before.still.least(before.at))
        if still is not None and (before is None or before.still is None):
            self._return = self._standings.returns(self._stack)
        sample = Sample(
            at=now,
            alive=self._alive,
            stack=self._stack if self._alive else (before.stack if before else ()),
            cpu=stat.cpu,
            slices=stat.slices,
            queued=stat.queued,
            moved=None if still else bytes_moved(self.native),
            still=still,
            wait=before.wait if before is not None and still is not None and before.still == still else None,
            comes_back=self._return if still else None,
        )
        self._measured = (self._measured[1], now)
        self._ring.append(sample)
        return sample

    def found_wait(self, wait: Wait | None) -> None:
        """What it waits for, as seen right after its last sample."""
        self._ring[-1] = replace(self._ring[-1], wait=wait)
        self.waited_at = self._ring[-1].at

    def _stat(self) -> ThreadStat:
        if not self._alive:
            return ThreadStat()
        try:
            return ThreadStat(cpu_of(self.native), *scheduling_of(self.native))
        except ThreadGone:
            self._alive = False
            return ThreadStat()

    def _still(self, stat: ThreadStat) -> Since | None:
        """Since when it has not run: its clock and the count of its slices are what they were.

        One that runs without a pause keeps its slice, one that waits for the GIL wakes every 5 ms: both must stand.
        """
        last = self.last
        if last is None or stat.cpu is None or stat.cpu != last.cpu or stat.slices != last.slices:
            return None
        return last.still or Since(*self._measured)
