"""The shares of one process in runs that span processes: one for each run, however often it is attached to."""

from __future__ import annotations

import logging
import math
import sys
import threading
import time
from collections.abc import Callable
from typing import Final

from .account import UNWRITTEN_LIMIT, Budget
from .logline import report
from .parts import shared_run_id
from .share import Share
from .share_record import Names

__all__ = ["SHARES_LIMIT", "Shares"]

SHARES_LIMIT: Final = 500
_UNWRITTEN_FACTOR: Final = 10


class Shares:
    """All shares of a process. dropped: shares that had to make room before all of them was written."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        limit: int = SHARES_LIMIT,
        unwritten_limit: int = UNWRITTEN_LIMIT,
    ) -> None:
        self.lock = threading.RLock()  # reentrant: signal handlers and finalizers may count too
        self.budget = Budget(unwritten_limit)
        self.dropped = 0
        self._clock = clock
        self._limit = limit
        self._shares: dict[tuple[str, str], Share] = {}

    def of(self, operation: str, key: str) -> Share:
        """The share in the run of that name, made at the first call."""
        name = (operation, key)
        with self.lock:
            share = self._shares.pop(name, None)
            if share is None:
                self._make_room()
                names = Names(shared_run_id(operation, key), operation, key)
                share = Share(names, self.lock, self.budget, self._clock)
            self._shares[name] = share
            return share

    def all(self) -> list[Share]:
        """Every share, the one used last at the end."""
        with self.lock:
            return list(self._shares.values())

    def due(self, now: float, *, everything: bool = False) -> list[Share]:
        """Those that are to be written now; everything: those of which the store lacks anything."""
        limit = sys.float_info.max if everything else now
        return [share for share in self.all() if share.due() <= limit]

    def next_due(self) -> float:
        """The monotonic time at which one of them is due next; infinity when the store has all."""
        return min((share.due() for share in self.all()), default=math.inf)

    def _make_room(self) -> None:
        """Let the one go that has not been used for longest of those that the store has all of.

        Attached to again, it is another writer of the same run, which changes no count. While the store is away, ten
        times as many are kept.
        """
        if len(self._shares) < self._limit:
            return
        name = next((name for name, share in self._shares.items() if share.settled), None)
        if name is None and len(self._shares) < _UNWRITTEN_FACTOR * self._limit:
            return
        share = self._shares.pop(next(iter(self._shares)) if name is None else name)
        share.let_go = True
        if name is None:
            self._drop(share)

    def _drop(self, share: Share) -> None:
        share.forget()
        self.dropped += 1
        if str(self.dropped).strip("0") == "1":  # at 1, 10, 100: an outage is not a line for each run
            report(
                logging.ERROR,
                f"heartbeat_client: what was told of {self.dropped} runs that span processes is given up, the oldest "
                "first: there are more than are kept while the store can't be written; tell it again",
            )
