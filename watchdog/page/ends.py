"""The runs that ended within the last hour, kept in memory: each is read a few times at most."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from heartbeat_client.run import Run

from ..ledger import Ledger

__all__ = ["Ends"]

LATELY = timedelta(hours=1)
ENDS_AT_ONCE = 300
ENDED_KEPT = 300

# A run that ended may be found a little after its instant: the store's servers need not agree to the millisecond.
OVERLAP = timedelta(seconds=2)


class Ends:
    """The ends of the last hour."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._runs: dict[str, Run] = {}
        self._read_to: datetime | None = None

    def until(self, now: datetime, seen: Iterable[Run] = ()) -> list[Run]:
        """Read on, and give all that are kept, the latest first. seen: some that ended. Raises `StoreError`."""
        since = max(self._read_to or now - LATELY, now - LATELY)
        found = self._ledger.ended_since(since - OVERLAP, ENDS_AT_ONCE)
        known = self._runs | {run.id: run for run in (*seen, *found)}
        ended = sorted((run for run in known.values() if _end(run) > now - LATELY), key=_end, reverse=True)
        self._runs = {run.id: run for run in ended[:ENDED_KEPT]}
        # What did not fit into one answer comes with the next look.
        self._read_to = _end(found[-1]) if len(found) >= ENDS_AT_ONCE else now
        return list(self._runs.values())


def _end(run: Run) -> datetime:
    return run.ended_at or run.started_at
