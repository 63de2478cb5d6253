"""The contract of `Backend`: what the sender may rely on, whatever the store."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from heartbeat_client.backend import Backend, Conflict, Refused, Write, Written
from heartbeat_client.run import OPERATIONS, RUNNING, RUNS, SUCCEEDED, Run

from .conftest import Place
from .records import NAMES, START, beaten, ended, kinds, run, stored_run, write, written

names = pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)


def test_what_is_written_is_read(backend: Backend) -> None:
    """A record comes back as it was written, with the store's time as its `beat_at`."""
    answer = write(backend, run())
    stored = backend.read_run("r1")

    assert isinstance(answer, Written)
    assert stored.document is not None
    assert stored.version == answer.version
    read = Run.from_document("r1", stored.document)
    assert replace(read, beat_at=None) == run()


def test_a_first_write_needs_an_empty_place(backend: Backend) -> None:
    """Without a version a record must not exist yet, and one that does stays as it is."""
    version = written(backend, run(detail="first"))

    assert isinstance(write(backend, run(detail="second")), Conflict)
    assert stored_run(backend).detail == "first"
    assert backend.read_run("r1").version == version


def test_a_record_is_replaced_at_its_version(backend: Backend) -> None:
    """The version that the last write or read gave lets the next one through, and changes with it."""
    first = written(backend, run())
    second = written(backend, run(seq=2), first)
    third = written(backend, run(seq=3), backend.read_run("r1").version)

    assert len({str(first), str(second), str(third)}) == 3
    assert stored_run(backend).seq == 3


def test_an_old_version_changes_nothing(backend: Backend) -> None:
    """A write at a version that is no longer the record's is a conflict, however often it is tried."""
    first = written(backend, run())
    second = written(backend, run(seq=2), first)

    assert [write(backend, run(seq=9), first) for _ in range(3)] == [Conflict()] * 3
    assert stored_run(backend).seq == 2
    assert backend.read_run("r1").version == second


def test_a_late_write_does_not_revive_a_run_that_ended(backend: Backend) -> None:
    """A beat that was on its way when the end was written finds that the version has moved on."""
    before = written(backend, run())
    written(backend, ended(run()), before)

    assert isinstance(write(backend, beaten(run()), before), Conflict)
    assert isinstance(write(backend, beaten(run())), Conflict)
    assert stored_run(backend).state == SUCCEEDED


def test_a_record_that_is_gone_is_not_made_again(writable: Place) -> None:
    """A record that TTL or `prune` deleted stays deleted, whatever version a late beat brings."""
    backend = writable.backend()
    version = written(backend, run())
    writable.stranger_deletes(RUNS, "r1")

    assert isinstance(write(backend, run(seq=2), version), Conflict)
    assert backend.read_run("r1").document is None


def test_a_version_is_never_given_out_twice(writable: Place) -> None:
    """A record that was deleted and made again is another one to whoever knew the first."""
    backend = writable.backend()
    first = written(backend, run())
    writable.stranger_deletes(RUNS, "r1")
    second = written(backend, run(detail="made again"))

    assert first != second
    assert isinstance(write(backend, run(seq=2), first), Conflict)
    assert stored_run(backend).detail == "made again"


def test_another_ones_change_is_a_conflict(writable: Place) -> None:
    """What the watchdog or a stranger wrote in between is not overwritten unread."""
    backend = writable.backend()
    version = written(backend, run())
    writable.stranger_writes(RUNS, "r1", run(reason="changed").to_document())

    assert isinstance(write(backend, run(seq=2), version), Conflict)
    assert written(backend, run(seq=2), backend.read_run("r1").version) != version


def test_a_record_is_replaced_whole(backend: Backend) -> None:
    """What the new record does not have disappears: `due_at` at the end, progress, the inside of maps."""
    version = written(backend, run(labels={"a": "1", "b": "2"}))
    written(backend, ended(run(labels={"a": "1"}, progress=None, extra={})), version)
    document = backend.read_run("r1").document

    assert document is not None
    assert {"due_at", "progress", "from_a_newer_schema"}.isdisjoint(document)
    assert document["labels"] == {"a": "1"}


wrong_times = pytest.mark.parametrize("wrong", [START - timedelta(days=4000), START + timedelta(days=4000)], ids=str)


@wrong_times
def test_a_beat_has_the_stores_time(backend: Backend, wrong: datetime) -> None:
    """The clock of the machine that beats decides nothing: `beat_at` is the store's time in every write."""
    for record, version in ((run(beat_at=wrong), None), (run(beat_at=wrong, seq=2), ...)):
        answer = write(backend, record, backend.read_run("r1").version if version is ... else version)

        assert isinstance(answer, Written)
        told = stored_run(backend).beat_at
        assert told is not None
        assert abs(told - answer.server_time) < timedelta(seconds=5)


@wrong_times
def test_an_end_has_the_stores_time(backend: Backend, wrong: datetime) -> None:
    """`ended_at` of an ended run is the store's time, and the same as its last beat's."""
    written(backend, ended(run(), ended_at=wrong))
    read = stored_run(backend)

    assert read.beat_at is not None
    assert read.ended_at == read.beat_at


def test_an_end_without_a_time_gets_none(backend: Backend) -> None:
    """An ended run whose `ended_at` is None keeps it out of the record, and so does a running one."""
    written(backend, ended(run("ended"), ended_at=None))
    written(backend, run("running", state=RUNNING, ended_at=START))

    assert stored_run(backend, "ended").ended_at is None
    assert stored_run(backend, "running").ended_at == START


def test_server_time_never_runs_backwards(backend: Backend) -> None:
    """The times that writes and reads give are plain UTC datetimes in the order of the calls."""
    times = [backend.read_run("r1").server_time]
    version = None
    for seq in range(5):
        answer = write(backend, run(seq=seq), version)
        assert isinstance(answer, Written)
        version = answer.version
        times += [answer.server_time, backend.read_run("r1").server_time, backend.read_operation("x").server_time]

    assert times == sorted(times)
    assert {(type(at), at.tzinfo) for at in times} == {(datetime, timezone.utc)}


def test_nothing_is_read_as_nothing(backend: Backend) -> None:
    """What is not there has neither document nor version."""
    for stored in (backend.read_run("nobody"), backend.read_operation("nothing")):
        assert (stored.document, stored.version) == (None, None)


@names
def test_any_text_is_an_id(backend: Backend, name: str) -> None:
    """A run's id may be any text: it is written, found again, and kept apart from others."""
    version = written(backend, run(name, detail="mine"))
    written(backend, run("other", detail="other"))
    written(backend, run(name, detail="mine", seq=2), version)

    read = stored_run(backend, name)
    assert (read.detail, read.seq) == ("mine", 2)


@names
def test_any_text_is_an_operation(writable: Place, name: str) -> None:
    """What the watchdog keeps of an operation is found under the operation's own name."""
    writable.stranger_writes(OPERATIONS, name, {"thresholds": {"opaque_after": 900}})

    stored = writable.backend().read_operation(name)
    assert stored.document == {"thresholds": {"opaque_after": 900}}


def test_many_runs_in_one_commit(backend: Backend) -> None:
    """Each record of a commit has an answer of its own, in the order of the writes."""
    versions = [written(backend, run(f"old{i}")) for i in range(3)]
    new = [Write(run(f"new{i}")) for i in range(97)]
    old = [Write(run("old0", seq=2), versions[0]), Write(run("old1")), Write(run("old2", seq=2), versions[1])]

    answers = backend.commit([*new[:50], *old, *new[50:]])

    assert kinds(answers) == ["Written"] * 51 + ["Conflict"] * 2 + ["Written"] * 47
    assert [stored_run(backend, f"old{i}").seq for i in range(3)] == [2, 1, 1]
    last = answers[-1]
    assert isinstance(last, Written)
    assert backend.read_run("new96").version == last.version


def test_more_runs_than_one_request_holds(backend: Backend) -> None:
    """A commit may be as large as the process has runs."""
    answers = backend.commit([Write(run(f"r{i}")) for i in range(850)])

    assert kinds(answers) == ["Written"] * 850
    assert len({str(answer.version) for answer in answers if isinstance(answer, Written)}) > 1
    assert stored_run(backend, "r849").seq == 1


UNFIT: dict[str, dict[str, Any]] = {
    "too_large": {"reason": "x" * 1_100_000},
    "an_object": {"extra": {"new": object()}},
    "an_object_deep_inside": {"activity": {"kind": [{"x": object()}]}},
    "half_a_character": {"detail": "\ud83c"},
}


@pytest.mark.parametrize("unfit", UNFIT.values(), ids=UNFIT)
@pytest.mark.parametrize("at", [0, 5, 9])
def test_one_bad_record_fails_alone(backend: Backend, unfit: dict[str, Any], at: int) -> None:
    """A record that the store can't hold is refused with a reason, and its neighbours are written."""
    writes = [Write(run(f"good{i}")) for i in range(9)]
    writes.insert(at, Write(replace(run("bad"), **unfit)))

    answers = backend.commit(writes)

    bad = answers[at]
    assert isinstance(bad, Refused)
    assert bad.why
    assert len(bad.why) < 1000
    assert kinds([*answers[:at], *answers[at + 1 :]]) == ["Written"] * 9
    assert [stored_run(backend, f"good{i}").seq for i in range(9)] == [1] * 9
    assert backend.read_run("bad").document is None


def test_several_bad_records_fail_alone(backend: Backend) -> None:
    """However many records are refused, all others are written."""
    bad = {3, 4, 17}
    writes = [Write(run(f"r{i}", reason="x" * 1_100_000 if i in bad else "")) for i in range(20)]

    answers = backend.commit(writes)

    assert [i for i, answer in enumerate(answers) if not isinstance(answer, Written)] == sorted(bad)
    assert {type(answers[i]) for i in bad} == {Refused}


def test_a_record_near_the_limit_is_kept(backend: Backend) -> None:
    """A document of a million bytes is written and read whole."""
    written(backend, run(extra={"text": "ä" * 500_000}))

    assert stored_run(backend).extra["text"] == "ä" * 500_000


def test_a_run_twice_in_one_commit(backend: Backend) -> None:
    """Of two writes of one run in a commit the first holds, and the second has met it."""
    version = written(backend, run())

    assert kinds(backend.commit([Write(run("new"), None), Write(run("new", seq=2), None)])) == ["Written", "Conflict"]
    assert kinds(backend.commit([Write(run(seq=2), version), Write(run(seq=3), version)])) == ["Written", "Conflict"]
    assert (stored_run(backend, "new").seq, stored_run(backend).seq) == (1, 2)


def test_nothing_to_write(backend: Backend) -> None:
    """An empty commit is answered by nothing."""
    assert list(backend.commit([])) == []


def test_a_closed_store_opens_again(backend: Backend) -> None:
    """close() may be called at any time and twice; the next call opens the store anew."""
    backend.close()
    version = written(backend, run())
    backend.close()
    backend.close()

    assert backend.read_run("r1").version == version


def test_a_strangers_document_is_read(writable: Place) -> None:
    """A record that somebody else wrote comes back as it is, for the caller to judge."""
    document = {"operation": 7, "state": ["running"], "nested": {"a": {"b": [1.5, None, "ü"]}}, "text": "x" * 100_000}
    writable.stranger_writes(RUNS, "strange", document)

    assert writable.backend().read_run("strange").document == document


def test_each_record_is_created_once(writable: Place) -> None:
    """Of 20 threads that create the same 5 records, each record has one that wins."""
    start = threading.Barrier(20)
    wins: list[str] = []

    def create() -> None:
        mine = writable.backend()
        start.wait()
        for number in range(5):
            if isinstance(write(mine, run(f"r{number}")), Written):
                wins.append(f"r{number}")

    threads = [threading.Thread(target=create) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(wins) == [f"r{number}" for number in range(5)]
