"""For tests of code with heartbeats: a clock that moves when told to, a store in memory that can fail on purpose."""

from __future__ import annotations

import copy
import itertools
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

from .backend import Conflict, PartWrite, Refused, StoreAway, Stored, StoreRefused, Write, Written
from .parts import PARTS
from .run import OPERATIONS, RUNS, Run, document_key
from .stores.documents import document_of, place_of, to_text

__all__ = ["ManualClock", "MemoryStore"]

START = datetime(2026, 1, 1, tzinfo=timezone.utc)


class ManualClock:
    """A clock that stands until `advance()`: called, it gives monotonic seconds; `now()` gives the instant in UTC.

    start: the instant that it begins with. Any thread may use it.
    """

    def __init__(self, start: datetime = START) -> None:
        self._start = start.astimezone(timezone.utc)
        self._elapsed = 0.0

    def __call__(self) -> float:
        """Seconds since some moment, as `time.monotonic` gives them."""
        return 1000.0 + self._elapsed

    def now(self) -> datetime:
        """The instant, in UTC."""
        return self._start + timedelta(seconds=self._elapsed)

    def advance(self, seconds: float) -> None:
        """Move on. Raises ValueError for a negative length: no clock here runs backwards."""
        if seconds < 0:
            raise ValueError(f"advance: expected 0 seconds or more, got {seconds}")
        self._elapsed += seconds


class MemoryStore:
    """A `Backend` in memory, under the same contract as the real ones.

    clock: gives the store's server time, None for a `ManualClock` of its own. timeout: seconds after which a call to a
    store made `slow` gives up, as StoreAway. Any thread may look at it and switch it.
    """

    def __init__(self, clock: Callable[[], datetime] | None = None, timeout: float = 5.0) -> None:
        self._now = clock or ManualClock().now
        self._timeout = timeout
        self._lock = threading.Lock()
        self._documents: dict[str, dict[str, tuple[dict[str, Any], int]]] = {RUNS: {}, OPERATIONS: {}, PARTS: {}}
        self._versions = itertools.count(1)
        self._history: list[Run] = []
        self._calls = 0
        self._trouble: StoreAway | StoreRefused | None = None
        self._delay = 0.0
        self._lossy = False
        self._hurry = threading.Event()

    @property
    def runs(self) -> list[Run]:
        """The runs as last written, in the order of their first writes."""
        return list({run.id: run for run in self.history}.values())

    @property
    def history(self) -> list[Run]:
        """Every record that was written, with the store's times in it, in order."""
        with self._lock:
            return list(self._history)

    @property
    def documents(self) -> dict[str, dict[str, dict[str, Any]]]:
        """A copy of all documents: by collection, then by id."""
        with self._lock:
            held = copy.deepcopy(self._documents)
        return {
            collection: {key: document for key, (document, _) in inside.items()} for collection, inside in held.items()
        }

    @property
    def calls(self) -> int:
        """How many calls it got, failed ones too."""
        return self._calls

    def put(self, collection: str, name: str, document: Mapping[str, Any]) -> None:
        """Write a document as a stranger or the watchdog would: unguarded, its version moves on."""
        with self._lock:
            self._documents.setdefault(collection, {})[document_key(name)] = (dict(document), next(self._versions))

    def delete(self, collection: str, name: str) -> None:
        """Take a document away, if it is there."""
        with self._lock:
            self._documents.get(collection, {}).pop(document_key(name), None)

    def away(self) -> None:
        """From now on every call raises StoreAway."""
        self._switch(StoreAway("memory store: was told to be away; call work()"), 0.0)

    def refuse(self, why: str = "was told to refuse") -> None:
        """From now on every call raises StoreRefused."""
        self._switch(StoreRefused(f"memory store: {why}; call work()"), 0.0)

    def slow(self, seconds: float) -> None:
        """From now on every call takes this long; where that is past the timeout, it raises StoreAway then."""
        self._switch(None, seconds)

    def lose_answers(self) -> None:
        """From now on writes are applied, and their answers lost: commit raises StoreAway all the same."""
        self._switch(None, 0.0, lossy=True)

    def work(self) -> None:
        """Answer at once again; a slow call that waits now goes on."""
        self._switch(None, 0.0)

    def commit(self, writes: Sequence[Write | PartWrite]) -> Sequence[Written | Conflict | Refused]:
        """See `Backend.commit`."""
        self._answer()
        with self._lock:
            answers = [self._write(write) for write in writes]
            if self._lossy:
                raise StoreAway("memory store: was told to lose its answers; call work()")
        return answers

    def read_run(self, run_id: str) -> Stored:
        """See `Backend.read_run`."""
        return self._read(RUNS, run_id)

    def read_part(self, part_id: str) -> Stored:
        """See `Backend.read_part`."""
        return self._read(PARTS, part_id)

    def read_operation(self, operation: str) -> Stored:
        """See `Backend.read_operation`."""
        return self._read(OPERATIONS, operation)

    def close(self) -> None:
        """See `Backend.close`. What was written stays, and it opens again at the next call."""

    def _switch(self, trouble: StoreAway | StoreRefused | None, delay: float, *, lossy: bool = False) -> None:
        with self._lock:
            self._trouble, self._delay, self._lossy = trouble, delay, lossy
            self._hurry.set()
            self._hurry = threading.Event()

    def _answer(self) -> None:
        with self._lock:
            self._calls += 1
            trouble, delay, hurry = self._trouble, self._delay, self._hurry
        if trouble is not None:
            raise type(trouble)(str(trouble))
        if delay and not hurry.wait(min(delay, self._timeout)) and delay > self._timeout:
            raise StoreAway(f"memory store: expected an answer within {self._timeout:g} s, got none; it is tried again")

    def _write(self, write: Write | PartWrite) -> Written | Conflict | Refused:
        now = self._now()
        document = document_of(write, now)
        try:
            collection, key = place_of(write)
            to_text(document)
        except ValueError as error:
            return Refused(str(error))
        held = self._documents[collection].get(key)
        if (held[1] if held else None) != write.version:
            return Conflict()
        version = next(self._versions)
        self._documents[collection][key] = (copy.deepcopy(document), version)
        if isinstance(write, Write):
            self._history.append(replace(write.run, beat_at=now, ended_at=document.get("ended_at")))
        return Written(version, now)

    def _read(self, collection: str, name: str) -> Stored:
        self._answer()
        with self._lock:
            document, version = copy.deepcopy(self._documents[collection].get(document_key(name), (None, None)))
        return Stored(document, version, self._now())
