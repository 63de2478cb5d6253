"""Ways of bringing beats into a store: the real sender, a write for each beat, and what the store takes at best.

Time is virtual for the sender, so that each pass writes a beat of every run; all else of it is as in a process.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import partial
from typing import Any, TypeVar

from heartbeat_client.backend import Backend, PartWrite, Stored, Write, Written
from heartbeat_client.live import LiveRun
from heartbeat_client.plan import Plan
from heartbeat_client.roster import Roster
from heartbeat_client.run import Thresholds
from heartbeat_client.sender import Sender
from heartbeat_client.settings import Settings
from heartbeat_client.stores.documents import record_of, to_text
from heartbeat_client.stores.sqlite_file import SqliteFile, put
from heartbeat_client.testing import ManualClock
from heartbeat_client.writer import COMMIT_LIMIT

from .metered import Meter, Quiet

__all__ = ["BEAT_EVERY", "Fleet", "Way", "of_fleet", "one_by_one_into", "requests_of", "rows_into", "sets_of"]

T = TypeVar("T")
Document = tuple[str, dict[str, Any]]

BEAT_EVERY = Thresholds().beat_every
PLAYERS = 450
COLLECTION = "bench_beats"


class Fleet:
    """Live runs in virtual time, and the sender that writes them. Raises RuntimeError where a beat is not written.

    aged: minutes that they have gone on for, their beats taken by a store that is nowhere: a record grows with its run.
    """

    def __init__(self, backend: Backend, runs: int, aged: int = 0) -> None:
        self.clock = ManualClock(datetime.now(timezone.utc) - timedelta(minutes=aged))
        self.meter = Meter()
        self._voice = Quiet()
        self._roster = Roster()
        self._store: Backend = _Nowhere(self.clock)
        self._sender = Sender(self._roster, lambda: Settings(store=self._store), self.clock, voice=self._voice)
        self.runs = [self._begun() for _ in range(runs)]
        for _ in range(int(aged * 60 / BEAT_EVERY)):
            self._go_on()
        self._store = self.meter.metered(backend)
        self._written(self._begin_again if aged else lambda: self._pass_by(1.0))

    def beat(self) -> None:
        """Every run has done an item more, and beats."""
        self._written(self._go_on)

    def end(self) -> None:
        """Every run succeeds, and says so."""
        for live in self.runs:
            live.end("succeeded")
            self._roster.end(live)
        self._written(lambda: self._pass_by(1.0))

    def documents(self, server_time: Any) -> list[Document]:
        """The records that the sender writes with another beat. server_time: stands where the store's own time goes."""
        self.meter.kept = []
        self.beat()
        kept, self.meter.kept = self.meter.kept, None
        return [(write.run.id, record_of(write.run, server_time)) for write in kept]

    def _begun(self) -> LiveRun:
        live = LiveRun(Plan("bench-store", "bench-store", detail="450 players", total=PLAYERS), clock=self.clock)
        live.begin(None)
        self._roster.begin(live)
        return live

    def _go_on(self) -> None:
        for live in self.runs:
            live.counter.advance()
        self._pass_by(BEAT_EVERY)

    def _begin_again(self) -> None:
        """A store that the sender has not met knows none of the runs: at its first pass it learns that, then of all."""
        self._go_on()
        if not self.meter.writes:
            self._pass_by(1.0)

    def _pass_by(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self._sender.work()

    def _written(self, act: Callable[[], None]) -> None:
        before = self.meter.writes
        act()
        if (written := self.meter.writes - before) != len(self.runs):
            said = self._voice.said[-1:]
            raise RuntimeError(f"fleet: expected {len(self.runs)} records written, got {written}: {said}")


class _Nowhere:
    """A backend that takes everything, keeps nothing, and goes by a clock that a bench moves."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock

    def commit(self, writes: Sequence[Write | PartWrite]) -> Sequence[Written]:
        """See `Backend.commit`."""
        return [Written(0, self._clock.now()) for _ in writes]

    def read_operation(self, operation: str) -> Stored:
        """See `Backend.read_operation`."""
        return Stored(None, None, self._clock.now())

    read_run = read_part = read_operation

    def close(self) -> None:
        """See `Backend.close`."""


@dataclass
class Way:
    """One way of writing. beat: writes one beat of each of `runs`. cpu: seconds of this process, in `beats` beats."""

    beat: Callable[[], None]
    runs: int
    meter: Meter
    cpu: float = 0.0
    beats: int = 0

    def take(self, passes: int) -> float:
        """So many beats of each run; the seconds that one beat took."""
        began, spent, beats = time.perf_counter(), time.process_time(), passes * self.runs
        for _ in range(passes):
            self.beat()
        took = time.perf_counter() - began
        self.cpu += time.process_time() - spent
        self.beats += beats
        return took / beats


def of_fleet(fleet: Fleet) -> Way:
    """The sender's way, warm."""
    fleet.beat()
    fleet.meter.clear()
    return Way(fleet.beat, len(fleet.runs), fleet.meter)


def sets_of(client: Any, documents: Sequence[Document]) -> Way:
    """A `set()` of Google's library for each beat, of a document that is made already; an RPC each."""
    references = [(client.collection(COLLECTION).document(name), document) for name, document in documents]
    return _way([partial(reference.set, document) for reference, document in references], len(documents))


def requests_of(client: Any, host: str, documents: Sequence[Document]) -> Way:
    """What the emulator itself takes: requests as long as the sender's, made already, their answers not looked at."""
    import grpc
    from google.cloud.firestore_v1.types import BatchWriteResponse

    call = grpc.insecure_channel(host).unary_unary("/google.firestore.v1.Firestore/BatchWrite")
    metadata = client._rpc_metadata  # noqa: SLF001  as the library sends it
    requests = [_request(client, batch) for batch in _batches(documents)]
    for request in requests:
        answer = BatchWriteResponse.deserialize(call(request, metadata=metadata))
        if refused := [status.message for status in answer.status if status.code]:
            raise RuntimeError(f"emulator: expected it to take every write, got {refused[0]}")
    return _way([partial(call, request, metadata=metadata) for request in requests], len(documents))


def one_by_one_into(file: SqliteFile, documents: Sequence[Document]) -> Way:
    """A transaction for each beat, of a document that is made already."""

    def write(name: str, document: dict[str, Any]) -> None:
        with file.writing() as connection:
            put(connection, COLLECTION, name, to_text(document))

    return _way([partial(write, name, document) for name, document in documents], len(documents))


def rows_into(file: SqliteFile, documents: Sequence[Document]) -> Way:
    """What the file itself takes: transactions as long as the sender's, of texts that are made already."""

    def write(rows: Sequence[tuple[str, str]]) -> None:
        with file.writing() as connection:
            _put_all(connection, rows)

    batches = _batches([(name, to_text(document)) for name, document in documents])
    return _way([partial(write, rows) for rows in batches], len(documents))


def _put_all(connection: sqlite3.Connection, rows: Sequence[tuple[str, str]]) -> None:
    for name, text in rows:
        put(connection, COLLECTION, name, text)


def _batches(items: Sequence[T]) -> list[Sequence[T]]:
    return [items[begin : begin + COMMIT_LIMIT] for begin in range(0, len(items), COMMIT_LIMIT)]


def _request(client: Any, documents: Sequence[Document]) -> bytes:
    from google.cloud.firestore_v1.bulk_batch import BulkWriteBatch
    from google.cloud.firestore_v1.types import BatchWriteRequest

    batch = BulkWriteBatch(client)
    for name, document in documents:
        batch.set(client.collection(COLLECTION).document(name), document)
    request = BatchWriteRequest(database=client._database_string, writes=batch._write_pbs)  # noqa: SLF001  as it sends it
    made: bytes = BatchWriteRequest.serialize(request)
    return made


def _way(commits: Sequence[Callable[[], object]], runs: int) -> Way:
    """A beat of each run as calls, each of them timed; warm."""
    meter = Meter()

    def beat() -> None:
        for commit in commits:
            began = time.perf_counter()
            commit()
            meter.note(began)

    beat()
    meter.clear()
    return Way(beat, runs, meter)
