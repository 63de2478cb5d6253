"""Many viewers, one reader: the store is read while somebody looks, and then only so often.

Each page is read at most once per interval, however many look at it. The interval is a second, so that a change is on a
screen within two. It grows where so much is looked at that renewing it would go beyond a bound of reads: 12,000 in any
minute, 8,000 a minute in the long run, which are some four dollars on Firestore for a whole day of looking ($0.03 for
100,000 reads in us-central1). Seven tenths of them are kept for following what live runs do; where more beat, that is
done less often, and nothing else is.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from statistics import median_low
from typing import Any, Generic, TypeVar

from ..ledger import Ledger
from ..policy import Policy
from ..ports import Store, StoreError
from .allowance import Allowance
from .surveyor import Surveyor

__all__ = ["INTERVAL", "READS_PER_MINUTE", "Look", "Reader"]

INTERVAL = 1.0
READS_PER_MINUTE = 12_000.0
FOR_FOLLOWING = 0.7

# Whoever has not asked for so long does not look any more: a hidden tab asks for nothing, and costs nothing.
GONE_AFTER = 30.0
MOST_LOOKS = 200
# A store that hangs must not keep all of the server's threads.
WAIT_SECONDS = 10.0
# Two viewers who ask at once: the second waits for what the first one's question brings, if that is soon.
TURN_SECONDS = 0.25
# Two pages that are due at about the same time take what goes on from one read.
SHARED_WITHIN = 0.3
# A renewal costs about what the middle one of the last few did.
RENEWALS = 5

T = TypeVar("T")


@dataclass(frozen=True)
class Look(Generic[T]):
    """One answer of the store. value: what was read. age, next_in, every: seconds since, until the next, and between.

    slowest: seconds between two readings of that part which is read the least often. reads: documents that it cost.
    shared: what viewers may keep with it, such as the page that was drawn of it.
    """

    value: T
    age: float
    next_in: float
    every: float
    slowest: float
    reads: int
    shared: dict[str, Any]


@dataclass
class _Entry:
    value: Any = None
    error: StoreError | None = None
    read_at: float | None = None
    asked_at: float = 0.0
    due_since: float | None = None
    late: float = 0.0
    slowest: float = 0.0
    reads: int = 0
    renewals: deque[int] = field(default_factory=lambda: deque(maxlen=RENEWALS))
    shared: dict[str, Any] = field(default_factory=dict)

    @property
    def usual(self) -> int:
        """What renewing it costs; the first read costs more, for it brings what is kept from then on."""
        return median_low(self.renewals) if self.renewals else 0


class Reader:
    """Shares looks between threads. open_store: called at the first look, in the process that looks.

    interval: least seconds between the beginnings of two reads of one page. reads_per_minute: how many documents
    renewing may read; the first look at a page is always read, and all live runs once in ten minutes. clock: monotonic
    seconds.
    """

    def __init__(
        self,
        open_store: Callable[[], Store],
        policy: Callable[[], Policy],
        *,
        interval: float = INTERVAL,
        reads_per_minute: float = READS_PER_MINUTE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._open_store = open_store
        self._policy = policy
        self._interval = interval
        self._clock = clock
        self._following = reads_per_minute * FOR_FOLLOWING
        self._allowance = Allowance(reads_per_minute - self._following, clock)
        self._entries: dict[Hashable, _Entry] = {}
        self._lock = threading.Lock()
        self._reading = threading.Lock()
        self._surveyor: Surveyor | None = None

    def look(self, key: Hashable, read: Callable[[Surveyor], T]) -> Look[T]:
        """What `read` gives, read now or lately. key: what is looked at; one key, one `read`. Raises `StoreError`.

        While another thread reads for long, what was read before is given again.
        """
        entry = self._asked(key)
        if self._due(entry) and self._reading.acquire(timeout=WAIT_SECONDS if entry.read_at is None else TURN_SECONDS):
            try:
                if self._due(entry):
                    self._read(entry, read)
            finally:
                self._reading.release()
        return self._answer(entry)

    def renew(self) -> None:
        """Somebody changed something: let the next looks see it, without waiting for the interval."""
        if self._surveyor is not None:
            self._surveyor.renew()
        with self._lock:
            for entry in self._entries.values():
                entry.read_at = None if entry.read_at is None else entry.read_at - self._interval

    def _asked(self, key: Hashable) -> _Entry:
        with self._lock:
            now = self._clock()
            for gone in [one for one, entry in self._entries.items() if now - entry.asked_at > GONE_AFTER]:
                del self._entries[gone]
            entry = self._entries.pop(key, None) or _Entry()
            while len(self._entries) >= MOST_LOOKS:
                del self._entries[next(iter(self._entries))]
            self._entries[key] = entry
            entry.asked_at = now
            return entry

    def _due(self, entry: _Entry) -> bool:
        if self._next_in(entry) > 0:
            return False
        if entry.due_since is None:
            entry.due_since = self._clock()
        return True

    def _next_in(self, entry: _Entry) -> float:
        """In how many seconds the entry may be read anew."""
        if entry.read_at is None:
            return 0.0
        with self._lock:
            return max(self._interval - (self._clock() - entry.read_at), self._allowance.wait_for(entry.usual))

    def _every(self) -> float:
        """Seconds between two reads of one page, while so much is looked at."""
        with self._lock:
            reads = sum(entry.usual for entry in self._entries.values())
            return max(self._interval, self._allowance.seconds_for(reads))

    def _read(self, entry: _Entry, read: Callable[[Surveyor], Any]) -> None:
        every, began, before = self._every(), self._clock(), self._reads()
        entry.late = began - (began if entry.due_since is None else entry.due_since)
        try:
            surveyor = self._opened()
            surveyor.patience, surveyor.slowest = max(SHARED_WITHIN, every - self._interval), 0.0
            entry.value, entry.error, entry.shared = read(surveyor), None, {}
            entry.slowest = surveyor.slowest
        except StoreError as error:
            entry.error = error
        pages, following = (after - earlier for after, earlier in zip(self._reads(), before, strict=True))
        with self._lock:
            if entry.read_at is not None:
                entry.renewals.append(pages)
            entry.reads = pages + following
            self._allowance.spend(pages)
        # From the beginning: what changes while it is read may not be in it.
        entry.read_at, entry.due_since = began, None

    def _reads(self) -> tuple[int, int]:
        return (self._surveyor.reads, self._surveyor.following_reads) if self._surveyor else (0, 0)

    def _opened(self) -> Surveyor:
        if self._surveyor is None:
            ledger = Ledger(self._open_store())
            self._surveyor = Surveyor(ledger, self._policy, self._clock, self._following)
        return self._surveyor

    def _answer(self, entry: _Entry) -> Look[Any]:
        if entry.error is not None:
            raise entry.error
        if entry.read_at is None:
            raise StoreError(f"the store has not answered for {WAIT_SECONDS:.0f} s; is it up?", away=True)
        next_in, every = max(0.0, self._next_in(entry)), self._every() + entry.late
        slowest = max(every, entry.slowest)
        return Look(entry.value, self._clock() - entry.read_at, next_in, every, slowest, entry.reads, entry.shared)
