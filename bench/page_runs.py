"""Live runs for the page's bench, written as clients write them: all beat, some do what viewers wait for."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from heartbeat_client.backend import Backend, Write, Written
from heartbeat_client.run import SUCCEEDED, Progress, Run, Thresholds, due_at, expires_at

__all__ = ["BEAT_EVERY", "TOTAL", "Runs"]

BEAT_EVERY = 15.0
TOTAL = 999
AT_ONCE = 200
TURNS = 30  # a thirtieth of the runs beats each half a second


class Runs:
    """So many live runs in a store. load, own: backends for the runs that only beat, and for what is waited for."""

    def __init__(self, load: Backend, own: Backend, count: int, now: datetime) -> None:
        self._load = load
        self._own = own
        self._now = now
        self._versions: dict[str, object] = {}
        self._runs = [self._new(f"live{number}", 400 + number % 500) for number in range(count)]
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="bench beats")
        self.beats = 0

    def _new(self, run_id: str, ago: float) -> Run:
        """A run that began so many seconds ago: the latest stand first on the page."""
        operation = f"operation-{sum(map(ord, run_id)) % 25}"
        began = self._now - timedelta(seconds=ago)
        progress = Progress(7, TOTAL, at=self._now, since=began, rate=0.5)
        return Run(
            id=run_id,
            operation=operation,
            started_at=began,
            deadline=began + timedelta(hours=1),
            service="bench",
            host="host1",
            pid=7,
            thresholds=Thresholds(),
            progress=progress,
            moved_at=self._now,
        )

    def __enter__(self) -> Runs:
        for begin in range(0, len(self._runs), AT_ONCE):
            self._write(self._load, self._runs[begin : begin + AT_ONCE])
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def begin(self, run_id: str) -> Run:
        """A run begins now."""
        run = self._new(run_id, -(datetime.now(self._now.tzinfo) - self._now).total_seconds())
        self._write(self._own, [run])
        return run

    def move(self, run: Run, done: int) -> Run:
        """It has done so much."""
        at = datetime.now(self._now.tzinfo)
        progress = Progress(done, TOTAL, at=at, since=run.started_at, rate=0.5)
        moved = replace(run, progress=progress, moved_at=at, seq=run.seq + 1)
        self._write(self._own, [moved])
        return moved

    def end(self, run: Run) -> None:
        """It is done."""
        ended = replace(run, state=SUCCEEDED, ended_at=datetime.now(self._now.tzinfo), seq=run.seq + 1)
        self._write(self._own, [ended])

    def _beat(self) -> None:
        turn, pause = 0, BEAT_EVERY / TURNS
        due = time.monotonic() + pause
        while not self._stop.wait(max(0.0, due - time.monotonic())):
            due += pause
            mine = range(turn % TURNS, len(self._runs), TURNS)
            for number in mine:
                self._runs[number] = replace(self._runs[number], seq=self._runs[number].seq + 1)
            self._write(self._load, [self._runs[number] for number in mine])
            self.beats += len(mine)
            turn += 1

    def _write(self, backend: Backend, runs: Sequence[Run]) -> None:
        if not runs:
            return
        answers = backend.commit([Write(_dated(run), self._versions.get(run.id)) for run in runs])
        for run, answer in zip(runs, answers, strict=True):
            if not isinstance(answer, Written):
                raise RuntimeError(f"bench: expected the store to take {run.id}, got {answer}")  # noqa: TRY004
            self._versions[run.id] = answer.version


def _dated(run: Run) -> Run:
    now = datetime.now(run.started_at.tzinfo)
    run = replace(run, beat_at=now)
    return replace(run, due_at=due_at(run), expires_at=expires_at(run))
