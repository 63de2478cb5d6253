"""Runs and documents that the tests of the stores write."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

from heartbeat_client.backend import Backend, Conflict, Refused, Write, Written
from heartbeat_client.run import RUNNING, SUCCEEDED, Progress, Run, Thresholds, Waiting, due_at, expires_at

START = datetime(2026, 3, 1, 7, 0, 0, 123456, tzinfo=timezone.utc)

# Names that Firestore would refuse as they are, and names of other alphabets.
NAMES = {
    "slashes": "batch/2026-03-01/7",
    "a_dot": ".",
    "two_dots": "..",
    "reserved": "__reserved__",
    "empty": "",
    "umlauts": "überprüfen straße",
    "japanese": "過去の試合を読み込む",
    "emoji": "load 🏀",
    "percent_and_quotes": "50% of 'all' \"games\"",
    "half_a_character": "\ud83c",
    "long": "x" * 2000,
    "long_and_japanese": "試" * 900,
}


def run(run_id: str = "r1", **changes: Any) -> Run:
    """A running run with something in every kind of field."""
    usual = Run(
        id=run_id,
        operation="load-historical-games",
        started_at=START,
        detail="450 players, 90 days – ü 試合",
        labels={"batch": "2026-03-01", "ünï": "☃"},
        ancestors=("r0",),
        deadline=START + timedelta(minutes=30),
        thresholds=Thresholds(opaque_after=600.0, explicit=("opaque_after",)),
        progress=Progress(done=3, total=450, at=START, since=START, rate=1.5, note="player 3"),
        waiting=Waiting("quota", START, START + timedelta(seconds=90)),
        activity={"kind": "blocked", "frames": [{"file": "a.py", "line": 1}], "cpu": 0.25},
        seq=1,
        extra={"from_a_newer_schema": {"deep": [1, 2.5, True, None, "x"]}},
    )
    usual = replace(usual, due_at=due_at(usual), expires_at=expires_at(usual))
    return replace(usual, **changes)


def ended(before: Run, **changes: Any) -> Run:
    """The run after its end, as a client would write it."""
    return replace(before, **{"state": SUCCEEDED, "ended_at": START, "due_at": None, "seq": before.seq + 1, **changes})


def beaten(before: Run) -> Run:
    """The run one beat later."""
    return replace(before, state=RUNNING, seq=before.seq + 1)


def write(backend: Backend, record: Run, version: Any = None) -> Written | Conflict | Refused:
    """The answer to one write alone."""
    (answer,) = backend.commit([Write(record, version)])
    return answer


def written(backend: Backend, record: Run, version: Any = None) -> Any:
    """The new version of a record whose write holds."""
    answer = write(backend, record, version)
    assert isinstance(answer, Written), answer
    return answer.version


def kinds(answers: Sequence[object]) -> list[str]:
    """The names of the answers' classes."""
    return [type(answer).__name__ for answer in answers]


def stored_run(backend: Backend, run_id: str = "r1") -> Run:
    """The run as the store has it."""
    document = backend.read_run(run_id).document
    assert document is not None
    return Run.from_document(run_id, document)
