"""A backend whose commits are timed and counted, and a voice that says nothing."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Sequence
from typing import Any

from heartbeat_client.backend import Backend, Conflict, StoreAway, Write

__all__ = ["Meter", "Quiet", "percentile"]


class Quiet:
    """Keeps what would be said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, level: int, text: str) -> None:
        """Keep a line."""
        self.said.append(text)

    def report(self, level: int, text: str) -> None:
        """Keep a complaint."""
        self.said.append(text)


class Meter:
    """Times each call, counts what it wrote and what was contended. Any thread may use it.

    kept: takes the runs' records that are written, unless it is None.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.kept: list[Write] | None = None
        self.clear()

    def clear(self) -> None:
        """Begin anew."""
        self.seconds: list[float] = []
        self.writes = self.conflicts = self.failures = 0

    def metered(self, backend: Backend) -> Backend:
        """The backend, its commits metered."""
        commit = backend.commit

        def metered(writes: Any) -> Any:
            began = time.perf_counter()
            try:
                answers = commit(writes)
            except StoreAway:
                self.note(began, failed=True)
                raise
            if self.kept is not None:
                self.kept += (write for write in writes if isinstance(write, Write))
            self.note(began, len(writes), sum(isinstance(answer, Conflict) for answer in answers))
            return answers

        backend.commit = metered  # type: ignore[method-assign]  # a meter around the store's own
        return backend

    def note(self, began: float, writes: int = 0, conflicts: int = 0, *, failed: bool = False) -> None:
        """One call is over that began at a `time.perf_counter`."""
        with self.lock:
            self.seconds.append(time.perf_counter() - began)
            self.writes += writes
            self.conflicts += conflicts
            self.failures += failed

    def figures(self, length: float) -> dict[str, Any]:
        """What was measured in so many seconds."""
        return {
            "writes": self.writes,
            "writes/s": self.writes / length,
            "p50 ms": 1000 * percentile(self.seconds, 0.5),
            "p99 ms": 1000 * percentile(self.seconds, 0.99),
            "conflicts": self.conflicts,
            "failures": self.failures,
        }


def percentile(values: Sequence[float], share: float) -> float:
    """The value that so great a share of them lies at or below, 0 of none."""
    if share == 0.5:
        return statistics.median(values or [0.0])
    ordered = sorted(values) or [0.0]
    return ordered[int(share * (len(ordered) - 1))]
