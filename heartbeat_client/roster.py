"""Which runs of this process are open, and which are over and still wait for their last record to be written."""

from __future__ import annotations

import threading
from typing import Final

from .live import LiveRun

__all__ = ["ENDED_LIMIT", "Roster"]

# About 20 MB of runs: what an hour without a store may cost a process that ends three runs a second.
ENDED_LIMIT: Final = 10_000


class Roster:
    """All runs that sender and pulse care for. dropped: runs that ended, were never written, and had to make room."""

    def __init__(self, limit: int = ENDED_LIMIT) -> None:
        self._lock = threading.RLock()  # reentrant: signal handlers and finalizers begin and end runs too
        self._limit = limit
        self._open: dict[int, LiveRun] = {}
        self._ended: dict[int, LiveRun] = {}
        self.dropped = 0

    def begin(self, live: LiveRun) -> None:
        """A run begins."""
        with self._lock:
            self._open[live.serial] = live

    def end(self, live: LiveRun) -> None:
        """A run is over; it stays here until its last record is written, or until too many wait."""
        with self._lock:
            self._open.pop(live.serial, None)
            if live.outgoing.closed:
                live.outgoing.settled.set()
                return
            live.outgoing.settled.clear()
            self._ended[live.serial] = live
            while len(self._ended) > self._limit:
                oldest = self._ended.pop(next(iter(self._ended)))
                oldest.outgoing.closed = True
                oldest.outgoing.settled.set()
                self.dropped += 1

    def settle(self, live: LiveRun) -> None:
        """The last record of a run is written, or never will be."""
        with self._lock:
            self._ended.pop(live.serial, None)
        live.outgoing.settled.set()

    def open_runs(self) -> list[LiveRun]:
        """The runs that go on, in the order of their start."""
        with self._lock:
            return list(self._open.values())

    def waiting_runs(self) -> list[LiveRun]:
        """The runs that are over and not written, in the order of their end."""
        with self._lock:
            return list(self._ended.values())
