"""What users' tests rely on: a clock that stands until told to move, and a store that fails as told."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta, timezone

import pytest

from heartbeat_client.backend import Conflict, StoreAway, StoreRefused, Write, Written
from heartbeat_client.run import OPERATIONS, RUNS, SUCCEEDED
from heartbeat_client.testing import ManualClock, MemoryStore

from .records import ended, run, write, written


def test_a_manual_clock_stands_until_it_is_told_to_move() -> None:
    """Seconds and instants advance together, by what was asked, and by nothing else."""
    clock = ManualClock(datetime(2026, 7, 1, 14, tzinfo=timezone(timedelta(hours=2))))
    seconds, instant = clock(), clock.now()
    assert (clock(), clock.now()) == (seconds, instant)
    clock.advance(61.5)

    assert clock() - seconds == 61.5
    assert clock.now() == datetime(2026, 7, 1, 12, 1, 1, 500_000, tzinfo=timezone.utc)


def test_a_manual_clock_never_runs_backwards() -> None:
    """A negative length is refused, zero is not."""
    clock = ManualClock()
    clock.advance(0)

    with pytest.raises(ValueError, match=r"expected 0 seconds or more, got -0\.1"):
        clock.advance(-0.1)
    assert clock() == ManualClock()()


def test_a_memory_store_tells_its_clocks_time() -> None:
    """Server time is the clock's that it was given."""
    clock = ManualClock()
    store = MemoryStore(clock.now)
    clock.advance(90)
    answer = write(store, run())

    assert isinstance(answer, Written)
    assert answer.server_time == store.runs[0].beat_at == clock.now()


def test_what_was_written_can_be_looked_at() -> None:
    """`runs` has each run as last written, `history` every record, `documents` what is stored."""
    store = MemoryStore()
    version = written(store, run("first"))
    written(store, run("second"))
    written(store, ended(run("first")), version)

    assert [(each.id, each.state) for each in store.runs] == [("first", SUCCEEDED), ("second", "running")]
    assert [(each.id, each.seq) for each in store.history] == [("first", 1), ("second", 1), ("first", 2)]
    assert store.runs[0].ended_at == store.runs[0].beat_at
    assert store.documents[RUNS]["first"]["state"] == SUCCEEDED
    assert store.calls == 3


def test_what_is_looked_at_is_a_copy() -> None:
    """A test that changes what it was shown changes nothing in the store."""
    store = MemoryStore()
    written(store, run())
    store.documents[RUNS]["r1"]["labels"]["batch"] = "changed"
    store.runs.clear()

    assert store.documents[RUNS]["r1"]["labels"]["batch"] == "2026-03-01"
    assert len(store.runs) == 1


def test_an_operation_can_be_put() -> None:
    """What the watchdog would keep of an operation may be laid into the store."""
    store = MemoryStore()
    store.put(OPERATIONS, "load games/2026", {"thresholds": {"opaque_after": 900.0}})

    assert store.read_operation("load games/2026").document == {"thresholds": {"opaque_after": 900.0}}
    store.delete(OPERATIONS, "load games/2026")
    assert store.read_operation("load games/2026").document is None


@pytest.mark.parametrize("refusing", [False, True], ids=["away", "refusing"])
def test_a_store_fails_until_it_works(refusing: bool) -> None:
    """Every call raises as told, nothing is written meanwhile, and it works again when told so."""
    store = MemoryStore()
    version = written(store, run())
    if refusing:
        store.refuse("no rights")
    else:
        store.away()

    for call in (
        lambda: store.commit([Write(run(seq=2), version)]),
        lambda: store.read_run("r1"),
        lambda: store.read_operation("o1"),
    ):
        with pytest.raises(StoreRefused if refusing else StoreAway, match="no rights" if refusing else "away"):
            call()
    store.work()
    assert store.runs[0].seq == 1
    assert isinstance(write(store, run(seq=2), version), Written)
    assert store.calls == 5


def test_a_lost_answer_is_a_write_all_the_same() -> None:
    """A commit whose answer is lost raises StoreAway, and the record is there: the next try meets it."""
    store = MemoryStore()
    store.lose_answers()
    with pytest.raises(StoreAway):
        write(store, run())
    store.work()

    assert [each.id for each in store.runs] == ["r1"]
    assert isinstance(write(store, run()), Conflict)


def test_a_slow_store_answers_late() -> None:
    """A call to a slow store waits, and goes on at once when the store works again."""
    store = MemoryStore(timeout=60)
    store.slow(60)
    answers: list[object] = []
    caller = threading.Thread(target=lambda: answers.append(write(store, run())))
    caller.start()
    caller.join(0.1)
    assert caller.is_alive()
    assert store.runs == []
    store.work()
    caller.join(30)

    assert [type(answer) for answer in answers] == [Written]


@pytest.mark.parametrize(("delay", "timeout", "answered"), [(0.01, 0.2, True), (0.2, 0.2, True), (0.3, 0.2, False)])
def test_a_store_slower_than_its_timeout_is_away(delay: float, timeout: float, answered: bool) -> None:
    """A call that takes as long as the timeout is answered, a longer one raises StoreAway and writes nothing."""
    store = MemoryStore(timeout=timeout)
    store.slow(delay)

    if answered:
        written(store, run())
    else:
        with pytest.raises(StoreAway, match=r"expected an answer within 0\.2 s, got none"):
            write(store, run())
    assert len(store.runs) == answered
