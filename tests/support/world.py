"""A small world for sweeps: a real SQLite store whose clock the test sets, runs in it, and a channel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from heartbeat_client.run import RUNS, Progress, Run, Thresholds, due_at, expires_at
from watchdog.adapters.sqlite import SqliteStore
from watchdog.ledger import Ledger
from watchdog.message import Message
from watchdog.policy import Pace, Policy
from watchdog.ports import Channel, Create, DeliveryError, Document, Receipt, Replace
from watchdog.report import SweepReport
from watchdog.sweep import Sweep

__all__ = ["START", "ClockedStore", "Recorder", "Thread", "World", "a_run"]

START = datetime(2026, 1, 14, 10, 0, tzinfo=timezone.utc)


class ClockedStore(SqliteStore):
    """A `SqliteStore` whose server's clock stands where the test sets it."""

    def __init__(self, path: Path, clock: Callable[[], datetime]) -> None:
        super().__init__(path)
        self._clock = clock

    def now(self) -> datetime:
        """The test's clock."""
        return self._clock()


class Recorder:
    """A `Channel` that keeps messages. fail_with: raised instead of delivering, until it is None."""

    def __init__(self, name: str = "recorder") -> None:
        self.name = name
        self.messages: list[Message] = []
        self.fail_with: DeliveryError | None = None
        self.before_send: Callable[[], None] = lambda: None

    def send(self, message: Message, *, seconds: float) -> Receipt:
        """Keep the message, or fail."""
        self.before_send()
        if self.fail_with is not None:
            raise self.fail_with
        self.messages.append(message)
        return Receipt()

    @property
    def kinds(self) -> list[str]:
        """The kinds of the messages kept."""
        return [message.kind for message in self.messages]


class Thread(Recorder):
    """A `ThreadedChannel` that keeps what each message says now, and what was said below it."""

    def __init__(self, name: str = "slack") -> None:
        super().__init__(name)
        self.shown: dict[str, Message] = {}
        self.below: dict[str, list[tuple[Message, bool]]] = {}
        self.edits = 0

    def send(self, message: Message, *, seconds: float) -> Receipt:
        """Say it anew."""
        super().send(message, seconds=seconds)
        reference = f"C1:{len(self.shown) + 1}"
        self.shown[reference] = message
        return Receipt(reference)

    def reply(self, thread: str, message: Message, *, seconds: float, aloud: bool) -> Receipt:
        """Say it below."""
        super().send(message, seconds=seconds)
        self.below.setdefault(thread, []).append((message, aloud))
        return Receipt(f"{thread}.{len(self.below[thread])}")

    def edit(self, reference: str, message: Message, *, seconds: float) -> None:
        """Say something else instead."""
        if self.fail_with is not None:
            raise self.fail_with
        self.edits += 1
        self.shown[reference] = message


def a_run(run_id: str = "run1", **changes: Any) -> Run:
    """A run that started at START and has 30 minutes."""
    run = Run(
        id=run_id,
        operation="load-historical-games",
        started_at=START,
        beat_at=START,
        deadline=START + timedelta(minutes=30),
        service="prediction-coordinator",
        host="host1",
        pid=7,
        seq=2,
        thresholds=Thresholds(),
    )
    return replace(run, **changes)


class World:
    """A store, a clock, a channel, and sweeps over them."""

    def __init__(self, folder: Path, policy: Policy | None = None) -> None:
        self.now = START
        self.policy = policy or Policy(pace=Pace(gap_after=180))  # so that tests may leave sweeps out
        self.recorder = Recorder()
        self.channels: list[Channel] = [self.recorder]
        self.store = ClockedStore(folder / "beats.sqlite3", lambda: self.now)
        self.ledger = Ledger(self.store)

    def put(self, run: Run, **changes: Any) -> Run:
        """Write a run as its client would, `due_at` and all, whatever was there before; instants are kept as given."""
        run = replace(run, **changes)
        run = replace(run, due_at=due_at(run), expires_at=expires_at(run))
        self.put_document(run.id, {"due_at": None, "revived_at": None} | run.to_document())
        return run

    def put_document(self, run_id: str, fields: dict[str, Any]) -> None:
        """Write a document among the runs as it is."""
        known = self.store.get(RUNS, [run_id]).get(run_id)
        plain = {name: value for name, value in fields.items() if value is not None}
        write = Replace(RUNS, run_id, fields, known.version) if known else Create(RUNS, run_id, plain)
        assert self.store.commit([write])

    def beat(self, run: Run, **changes: Any) -> Run:
        """A beat of the run now."""
        return self.put(run, **{"beat_at": self.now, "seq": run.seq + 1} | changes)

    def document(self, run_id: str) -> Document:
        """What is stored of a run."""
        return self.store.get(RUNS, [run_id])[run_id]

    def at(self, minutes: float) -> datetime:
        """Set the clock to so many minutes after START."""
        self.now = START + timedelta(minutes=minutes)
        return self.now

    def sweep(self, minutes: float | None = None, *, audit: bool = False) -> SweepReport:
        """One sweep, at so many minutes after START if that is said."""
        if minutes is not None:
            self.at(minutes)
        return Sweep(self.store, self.channels, self.policy, audit=audit).run()

    def sweep_each_minute(self, start: int, end: int, before: Callable[[], object] = lambda: None) -> None:
        """Sweeps from minute `start` to minute `end`; before each, `before` is called with the clock set."""
        for minute in range(start, end + 1):
            self.at(minute)
            before()
            self.sweep()


def counted(done: int, total: int = 450, *, at: datetime = START, rate: float | None = None) -> dict[str, Any]:
    """The fields of a run that has declared progress and moved last at `at`."""
    return {"progress": Progress(done, total, at=at, since=START, rate=rate), "moved_at": at}
