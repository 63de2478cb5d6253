"""Many viewers, one reader: the store is read while somebody looks, and then only so often.

Each page is read at most once per interval, however many look at it. The interval is 1.5 s, so that a change is on a
screen within two. It grows where a look costs so much that renewing it would go beyond a bound of reads a minute: 6,000
a minute are some five dollars on Firestore for a whole day of looking ($0.06 for 100,000 reads).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from ..ledger import Ledger
from ..policy import Policy
from ..ports import Store, StoreError
from .allowance import Allowance
from .metered import MeteredStore
from .surveyor import Surveyor

__all__ = ["INTERVAL", "READS_PER_MINUTE", "Look", "Reader"]

INTERVAL = 1.5
READS_PER_MINUTE = 6000.0

# Whoever has not asked for so long does not look any more: a hidden tab asks for nothing, and costs nothing.
GONE_AFTER = 30.0
MOST_LOOKS = 200
# A store that hangs must not keep all of the server's threads.
WAIT_SECONDS = 10.0
# Two pages that are due at about the same time take what goes on from one read.
SHARED_WITHIN = 0.3

T = TypeVar("T")


@dataclass(frozen=True)
class Look(Generic[T]):
    """One answer of the store. value: what was read. age, next_in, every: seconds since, until the next, and between.

    reads: documents that it cost. shared: what viewers may keep with it, such as the page that was drawn of it.
    """

    value: T
    age: float
    next_in: float
    every: float
    reads: int
    shared: dict[str, Any]


@dataclass
class _Entry:
    value: Any = None
    error: StoreError | None = None
    read_at: float | None = None
    asked_at: float = 0.0
    reads: int = 0
    shared: dict[str, Any] = field(default_factory=dict)


class Reader:
    """Shares looks between threads. open_store: called at the first look, in the process that looks.

    interval: least seconds between two reads of one page. reads_per_minute: how many documents renewing may read; the
    first look at a page is always read. clock: monotonic seconds.
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
        self._allowance = Allowance(reads_per_minute, clock)
        self._entries: dict[Hashable, _Entry] = {}
        self._lock = threading.Lock()
        self._reading = threading.Lock()
        self._store: MeteredStore | None = None
        self._surveyor: Surveyor | None = None

    def look(self, key: Hashable, read: Callable[[Surveyor], T]) -> Look[T]:
        """What `read` gives, read now or lately. key: what is looked at; one key, one `read`. Raises `StoreError`.

        While another thread reads, what was read before is given again.
        """
        entry = self._asked(key)
        if self._next_in(entry) <= 0 and self._reading.acquire(timeout=WAIT_SECONDS if entry.read_at is None else 0):
            try:
                if self._next_in(entry) <= 0:
                    self._read(entry, read)
            finally:
                self._reading.release()
        return self._answer(entry)

    def renew(self) -> None:
        """Somebody changed something: let the next looks see it, without waiting for the interval."""
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

    def _next_in(self, entry: _Entry) -> float:
        """In how many seconds the entry may be read anew."""
        if entry.read_at is None:
            return 0.0
        with self._lock:
            return max(self._interval - (self._clock() - entry.read_at), self._allowance.wait_for(entry.reads))

    def _every(self) -> float:
        """Seconds between two reads of one page, while so much is looked at."""
        with self._lock:
            reads = sum(entry.reads for entry in self._entries.values())
            return max(self._interval, self._allowance.seconds_for(reads))

    def _read(self, entry: _Entry, read: Callable[[Surveyor], Any]) -> None:
        every, before = self._every(), self._reads
        try:
            surveyor = self._opened()
            surveyor.patience = max(SHARED_WITHIN, every - self._interval)
            entry.value, entry.error, entry.shared = read(surveyor), None, {}
        except StoreError as error:
            entry.error = error
        with self._lock:
            entry.reads = self._reads - before
            self._allowance.spend(entry.reads)
        entry.read_at = self._clock()

    @property
    def _reads(self) -> int:
        return self._store.reads if self._store else 0

    def _opened(self) -> Surveyor:
        if self._store is None or self._surveyor is None:
            self._store = MeteredStore(self._open_store())
            self._surveyor = Surveyor(Ledger(self._store), self._policy, self._clock)
        return self._surveyor

    def _answer(self, entry: _Entry) -> Look[Any]:
        if entry.error is not None:
            raise entry.error
        if entry.read_at is None:
            raise StoreError(f"the store has not answered for {WAIT_SECONDS:.0f} s; is it up?", away=True)
        next_in = max(0.0, self._next_in(entry))
        return Look(entry.value, self._clock() - entry.read_at, next_in, self._every(), entry.reads, entry.shared)
