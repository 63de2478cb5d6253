"""The sender's line to one store: calls that teach it the store's clock, and what is in force for an operation."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from typing import Final

from .backend import Backend, Conflict, PartWrite, Refused, Stored, Write, Written
from .limits import InForce
from .process import outside_of_forks
from .server_clock import ServerClock

__all__ = ["StoreLink"]

_IN_FORCE_FOR: Final = 60.0
_OPERATIONS_LIMIT: Final = 1000

_PATIENCE: Final = 1.0
_OPENING_PATIENCE: Final = 5.0  # importing Google's library took 0.7 s here, and takes longer on a cold start's CPU


class StoreLink:
    """Calls one backend, opened at the first call. Used by the sender's thread alone, but for `stuck_at`.

    opens: makes the backend, None for a store that is off. stuck_at: monotonic time from which the call under way, if
    there is one, makes the store count as away for whoever would wait for it.
    """

    def __init__(
        self, opens: Callable[[], Backend | None], server: ServerClock, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._opens = opens
        self._clock = clock
        self._backend: Backend | None = None
        self._in_force: dict[str, tuple[float, InForce]] = {}
        self.server = server
        self.stuck_at: float | None = None

    def open(self) -> bool:
        """Make the backend if there is none yet; False when the store is off. Raises StoreAway or StoreRefused."""
        if self._backend is None:
            with self._call(_OPENING_PATIENCE):
                self._backend = self._opens()
        return self._backend is not None

    def close(self) -> None:
        """Let go of the backend."""
        if self._backend is not None:
            with suppress(Exception):  # another store is used by now
                self._backend.close()

    def commit(self, writes: Sequence[Write | PartWrite]) -> Sequence[Written | Conflict | Refused]:
        """Write records; raises StoreAway or StoreRefused."""
        with self._call() as started:
            answers = self._opened.commit(writes)
        written = next((answer for answer in answers if isinstance(answer, Written)), None)
        if written is not None:
            self.server.learn(written.server_time, started, self._clock())
        return answers

    def read_run(self, run_id: str) -> Stored:
        """Read a run's record; raises StoreAway or StoreRefused."""
        return self._learned(lambda backend: backend.read_run(run_id))

    def read_part(self, part_id: str) -> Stored:
        """Read a part of a shared run; raises StoreAway or StoreRefused."""
        return self._learned(lambda backend: backend.read_part(part_id))

    def in_force(self, operation: str) -> InForce:
        """What is in force for an operation, at most a minute old: a thousand runs are not a thousand reads.

        Raises StoreAway or StoreRefused.
        """
        known = self._in_force.get(operation)
        now = self._clock()
        if known is None or now - known[0] >= _IN_FORCE_FOR:
            stored = self._learned(lambda backend: backend.read_operation(operation))
            known = (now, InForce.from_document(stored.document))
            self._in_force.pop(operation, None)
            self._in_force[operation] = known
            if len(self._in_force) > _OPERATIONS_LIMIT:
                del self._in_force[next(iter(self._in_force))]
        return known[1]

    @property
    def _opened(self) -> Backend:
        if self._backend is None:
            raise RuntimeError("store link: expected open() before any call, got none")
        return self._backend

    def _learned(self, read: Callable[[Backend], Stored]) -> Stored:
        with self._call() as started:
            stored = read(self._opened)
        self.server.learn(stored.server_time, started, self._clock())
        return stored

    @contextmanager
    def _call(self, patience: float = _PATIENCE) -> Generator[float, None, None]:
        started = self._clock()
        self.stuck_at = started + patience
        try:
            with outside_of_forks():
                yield started
        finally:
            self.stuck_at = None
