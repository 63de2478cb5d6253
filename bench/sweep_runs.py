"""Live runs in bulk, as their clients would have left them: most of them well, some due and in trouble."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar

from heartbeat_client.run import RUNS, SUCCEEDED, Progress, Run, Thresholds, due_at, expires_at
from watchdog.ports import Create, Document, Replace, Store

__all__ = ["SERVICES", "end", "fill", "stall"]

T = TypeVar("T")

OPERATIONS = 50
SERVICES = 10  # what stalls in one service is told in one notice
AT_ONCE = 400  # writes of one commit

# Their clients would move `due_at` with each beat. Nobody beats here, so it has to lie far ahead.
PATIENT = Thresholds(silent_after=6 * 3600.0, stalled_after=6 * 3600.0)
STALLED_AFTER = 300.0

# All that stall wait for the same thing.
BLOCKED = {"kind": "blocked", "at": {"file": "data_loaders.py", "line": 412, "function": "load"}, "cpu": 0.0}


def fill(store: Store, numbers: Iterable[int], now: datetime) -> None:
    """Let runs of these numbers live, and be well. now: the store's."""
    runs = (_well(f"run-{number:06}", number, now) for number in numbers)
    for part in _parts(runs):
        _written(store, [Create(RUNS, run.id, _document(run)) for run in part])


def stall(store: Store, numbers: Iterable[int], now: datetime) -> list[str]:
    """Let the runs of these numbers stand for a minute longer than they may: they are due. Returns their ids."""
    since = now - timedelta(seconds=STALLED_AFTER + 60)
    found = store.get(RUNS, [f"run-{number:06}" for number in numbers])
    for part in _parts(found.values()):
        stalled = {"progress": _progress(since), "thresholds": Thresholds(), "activity": {**BLOCKED, "since": since}}
        stalled["beat_at"] = now  # their processes beat on: who seemed silent too would be another problem
        _written(store, [_changed(one, **stalled) for one in part])
    return sorted(found)


def end(store: Store, ids: Sequence[str], now: datetime) -> None:
    """Let these runs end well."""
    for part in _parts(store.get(RUNS, ids).values()):
        _written(store, [_changed(one, state=SUCCEEDED, ended_at=now) for one in part])


def _written(store: Store, writes: Sequence[Create | Replace]) -> None:
    if not store.commit(writes):
        raise RuntimeError("somebody else writes to the store of this bench")


def _well(name: str, number: int, now: datetime) -> Run:
    service = f"service-{number % SERVICES}"
    return Run(
        id=name,
        operation=f"operation-{number % OPERATIONS}",
        detail=f"{number} players",
        started_at=now - timedelta(minutes=10),
        beat_at=now,
        deadline=now + timedelta(hours=12),
        service=service,
        revision=f"{service}-00042",
        instance=f"{service}-{number % 97:04}",
        host="localhost",
        pid=1,
        seq=40,
        thresholds=PATIENT,
        progress=_progress(now),
        moved_at=now,
        activity={"kind": "progressing", "cpu": 0.4},
    )


def _progress(at: datetime) -> Progress:
    return Progress(250, 450, at=at, since=at - timedelta(minutes=5))


def _changed(document: Document, **changes: object) -> Replace:
    run = Run.from_document(document.id, document.fields)
    run = replace(run, **changes)  # type: ignore[arg-type]  # fields of a run, by their names
    if run.progress is not None:
        run = replace(run, moved_at=run.progress.at)
    return Replace(RUNS, run.id, _document(run), document.version)


def _document(run: Run) -> dict[str, object]:
    run = replace(run, due_at=due_at(run), expires_at=expires_at(run))
    return {**dict.fromkeys(("due_at",)), **run.to_document()} if run.ended else run.to_document()


def _parts(things: Iterable[T]) -> Iterator[list[T]]:
    rest = iter(things)
    while part := list(itertools.islice(rest, AT_ONCE)):
        yield part
