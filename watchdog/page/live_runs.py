"""The runs that go on, kept in memory: read all once, and from then on only what was written since.

Each write of a client sets `beat_at` to the store's own time, so what is asked for is "written after": as many reads as
runs beat, not as many as there are. A listener of Firestore's would cost the same and be told sooner. It is not used:
its threads need a processor while nobody asks anything, which Cloud Run gives only to who pays for it, the Python
library's listeners have fallen silent without an error (googleapis/python-firestore issues 18 and 399), and SQLite has
none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from heartbeat_client.run import Run

from ..ledger import Ledger, RunRecord, has_expired
from .allowance import Allowance
from .metered import MeteredStore

__all__ = ["MARGIN", "LiveRuns"]

# `beat_at` is when Firestore took a write up, and some milliseconds pass until a query sees it. What comes later still
# is seen with the run's next beat, or, if that was its last, with what has ended.
MARGIN = timedelta(seconds=0.25)

# What tells of no change by `beat_at`: a record that was deleted, one that a stranger wrote.
WHOLE_SECONDS = 600.0

AT_ONCE = 5_000


@dataclass(frozen=True)
class _Followed:
    """at: when, a monotonic instant. after: how many seconds after the time before. reads: what it cost."""

    at: float
    after: float = 0.0
    reads: int = 0


class LiveRuns:
    """The running runs. per_minute: reads that following them may cost. clock: monotonic seconds.

    Where so many beat that this is not enough, they are followed less often. every: then, how many seconds apart; else
    0. changed: ids of those that were read at the last `at`. over: runs that it found to have ended.
    """

    def __init__(self, ledger: Ledger, per_minute: float, clock: Callable[[], float]) -> None:
        self._store = MeteredStore(ledger.store)
        self._ledger = Ledger(self._store)
        self._allowance = Allowance(per_minute, clock)
        self._clock = clock
        self._records: dict[str, RunRecord] = {}
        self._read_to: datetime | None = None
        self._whole_at = 0.0
        self._last = _Followed(0.0)
        self._held_back = False
        self.every = 0.0
        self.changed: set[str] = set()
        self.over: list[Run] = []

    @property
    def reads(self) -> int:
        """Documents read so far, those of a whole reading too."""
        return self._store.reads

    def at(self, now: datetime) -> dict[str, RunRecord]:
        """Those that go on, by id. now: the store's time, read just before. Raises `StoreError`."""
        self.changed, self.over = set(), []
        if self._read_to is None or now < self._read_to or self._clock() - self._whole_at >= WHOLE_SECONDS:
            self._read_whole(now)
        elif self._allowance.wait_for(self._expected()) <= 0:
            self._read_on(self._read_to, now)
        else:
            self._held_back, self.every = True, max(self.every, self._clock() - self._last.at)
        self._records = {run_id: one for run_id, one in self._records.items() if not has_expired(one, now)}
        return self._records

    def _read_whole(self, now: datetime) -> None:
        found = {record.id: record for record in self._ledger.running(now)}
        self.changed = {run_id for run_id, one in found.items() if self._version(run_id) != one.version}
        self._records, self._read_to, self._whole_at = found, now, self._clock()
        self._last = _Followed(self._whole_at)

    def _read_on(self, since: datetime, now: datetime) -> None:
        before = self.reads
        found = self._ledger.written_since(since - MARGIN, now, AT_ONCE)
        if len(found.living) + len(found.over) >= AT_ONCE:
            self._read_whole(now)
            return
        fresh = {one.id: one for one in found.living if self._version(one.id) != one.version}
        for over in found.over:
            self._records.pop(over.id, None)
        self._records |= fresh
        self.changed, self._read_to = set(fresh), now
        self.over = [run for one in found.over if (run := one.readable) is not None]
        self._spent(self.reads - before)

    def _version(self, run_id: str) -> object:
        known = self._records.get(run_id)
        return known.version if known else None

    def _spent(self, reads: int) -> None:
        now = self._clock()
        self._last = _Followed(now, now - self._last.at, reads)
        self.every, self._held_back = self._last.after if self._held_back else 0.0, False
        self._allowance.spend(reads)

    def _expected(self) -> int:
        """About how many reads following them costs now: as many as last time for each second, but no run twice."""
        margin = MARGIN.total_seconds()
        rate = self._last.reads / (self._last.after + margin)
        return max(1, min(round(rate * (self._clock() - self._last.at + margin)), len(self._records)))
