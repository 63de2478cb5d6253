"""`open_run` and `attach`, as a user's code calls them: in this process, in forked children, in processes that end."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from heartbeat_client import SharedRun, attach, configure, flush, open_run
from heartbeat_client.lifecycle import works
from heartbeat_client.parts import PARTS, Part, read_part
from heartbeat_client.roster import Roster
from heartbeat_client.run import FAILED, SUCCEEDED
from heartbeat_client.sender import Sender
from heartbeat_client.settings import Settings
from heartbeat_client.shares import Shares
from heartbeat_client.stores.sqlite import SqliteBackend
from heartbeat_client.testing import MemoryStore
from tests.client.world import Process, last, until

posix = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a system that forks")


@pytest.fixture(autouse=True)
def own_shares(fresh: None) -> None:
    """What one test told of a run is unknown to the next, as in a process of its own."""
    works().shares = works().sender._shares = Shares()


def parts(documents: dict[str, dict[str, Any]]) -> list[Part]:
    read = [read_part(name, document) for name, document in documents.items()]
    return [part for part in read if isinstance(part, Part)]


def done(documents: dict[str, dict[str, Any]]) -> int:
    """How many items are done, by all parts."""
    found = parts(documents)
    return len({item for part in found for item in part.items}) + sum(part.plain for part in found)


def done_at(store: MemoryStore) -> int:
    assert flush(10)
    return done(store.documents[PARTS])


def test_a_run_is_opened_advanced_and_ended(store: MemoryStore) -> None:
    """The life of a run: each call finds the same run, and what was told of it is in the store."""
    run = open_run("predict", key="b1", items=["a", "b", "c"], detail="3 players", labels={"batch": "b1"})
    attach("predict", key="b1").advance(item="a")
    attach("predict", key="b1").advance(item="a")
    run.advance(2)
    attach("predict", key="b1").note("nearly")
    attach("predict", key="b1").succeed()

    assert done_at(store) == 3
    record = last(store)
    assert (record.id, record.operation, record.detail, record.state) == (run.id, "predict", "3 players", SUCCEEDED)
    assert (record.shared, record.labels, record.due_at) == (True, {"batch": "b1"}, None)
    assert record.progress is not None
    assert record.progress.total == 3
    assert [part.note.text for part in parts(store.documents[PARTS]) if part.note] == ["nearly"]


def test_what_is_told_before_the_opening_counts(store: MemoryStore) -> None:
    """A worker may be faster than whoever opens the run."""
    early = attach("predict", key="b1")
    early.advance(item="a")
    assert done_at(store) == 1
    assert store.runs == []

    assert open_run("predict", key="b1", total=2).id == early.id
    assert done_at(store) == 1
    assert last(store).state == "running"


def test_an_end_before_the_opening_makes_the_run(store: MemoryStore) -> None:
    """What nobody has opened can be ended; it is then known by its key alone."""
    attach("predict", key="b1").fail("no data")
    assert flush(10)

    record = last(store)
    assert (record.state, record.reason, record.key, record.shared) == (FAILED, "no data", "b1", True)


def test_the_limits_of_a_run(store: MemoryStore) -> None:
    """Limits that the opener gives are in the record, as is when it is due: the earliest of them."""
    open_run("predict", key="b1", stalled_after="10m", max_runtime="1h", deadline="30m")
    open_run("plain", key="b1")
    assert flush(10)

    ruled, plain = last(store, "predict"), last(store, "plain")
    assert (ruled.thresholds.stalled_after, ruled.thresholds.max_runtime) == (600, 3600)
    assert ruled.deadline is not None
    assert (ruled.deadline - ruled.started_at).total_seconds() == 1800
    assert ruled.due_at is not None
    assert (ruled.due_at - ruled.started_at).total_seconds() == 600
    assert plain.due_at is not None
    assert (plain.due_at - plain.started_at).total_seconds() == 300
    assert plain.deadline is None


def test_a_block_leaves_its_writes_at_the_store(store: MemoryStore) -> None:
    """When the block is over, all that was told inside is written."""
    for number in range(20):
        with attach("predict", key="b1") as run:
            run.advance(item=f"item-{number}")
        assert done(store.documents[PARTS]) == number + 1


def test_an_asynchronous_block_leaves_its_writes_at_the_store(store: MemoryStore) -> None:
    """The same holds in an event loop, which goes on meanwhile."""
    ticks = []

    async def tick() -> None:
        while True:
            ticks.append(1)
            await asyncio.sleep(0.001)

    async def handle() -> None:
        ticking = asyncio.create_task(tick())
        store.slow(0.1)
        async with attach("predict", key="b1") as run:
            run.advance(item="a")
        ticking.cancel()

    asyncio.run(handle())
    assert done(store.documents[PARTS]) == 1
    assert len(ticks) > 5


def test_an_exception_does_not_end_the_run(store: MemoryStore) -> None:
    """One worker's failure is not the run's: it is raised on, and the run goes on with what was told before."""
    run = open_run("predict", key="b1")

    def work() -> None:
        with run:
            run.advance(item="a")
            raise KeyError

    with pytest.raises(KeyError):
        work()
    assert last(store).state == "running"
    assert done(store.documents[PARTS]) == 1


def test_a_bare_advance_is_written_soon(store: MemoryStore) -> None:
    """Without a block the sender's thread writes it by itself."""
    attach("predict", key="b1").advance(item="a")

    until(lambda: done(store.documents[PARTS]) == 1, "the item to be written")


def test_many_threads_share_a_writer(store: MemoryStore) -> None:
    """Threads of one process count exactly, into few documents."""

    def work(worker: int) -> None:
        for number in range(200):
            attach("predict", key="b1").advance(item=f"{worker}-{number}")
            attach("predict", key="b1").advance(item=f"all-{number}")
            attach("predict", key="b1").advance()

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert done_at(store) == 8 * 200 + 200 + 8 * 200
    assert len(store.documents[PARTS]) <= 8


def test_the_store_is_called_by_the_sender_alone(fresh: None) -> None:
    """No call waits for the network: a store that hangs holds up none but a block, and that one a bounded time."""
    frozen = MemoryStore(timeout=60)
    frozen.slow(60)
    configure(store=frozen, flush_timeout=0.3)
    began = time.monotonic()
    run = open_run("predict", key="b1", total=3)
    for number in range(1000):
        run.advance(item=f"item-{number}")
    run.note("on it")
    run.succeed()
    with attach("predict", key="b1") as again:
        again.advance()

    assert time.monotonic() - began < 30  # a store's answer takes a minute
    frozen.work()


def test_a_store_that_is_away_hurts_nobody(store: MemoryStore) -> None:
    """Nothing raises, and a store that is back gets all of it."""
    store.away()
    with open_run("predict", key="b1") as run:
        run.advance(item="a")
    assert store.documents[PARTS] == {}
    store.work()
    attach("predict", key="b1").advance(item="b")

    assert done_at(store) == 2
    assert last(store).operation == "predict"


WRONG: dict[str, tuple[Callable[[], Any], str]] = {
    "no_key": (lambda: open_run("predict"), "key: expected text of 1 to 300 characters, got 0 characters"),
    "empty_key": (lambda: attach("predict", key="  "), "attach() 'predict': key: expected text"),
    "key_of_bytes": (lambda: attach("predict", key=b"b1"), "key: expected text of 1 to 300 characters, got bytes"),  # type: ignore[arg-type]
    "key_of_10_kB": (lambda: attach("predict", key="x" * 10_000), "got 10000 characters; nothing is recorded"),
    "no_operation": (lambda: attach(key="b1"), "operation: expected text of 1 to 200 characters"),
    "operation_of_10_kB": (lambda: attach("x" * 10_000, key="b1"), "got 10000 characters"),
    "below_zero": (lambda: attach("predict", key="b1").advance(-1), "whole number of 0 or more, got -1"),
    "half": (lambda: attach("predict", key="b1").advance(0.5), "whole number of 0 or more, got 0.5"),  # type: ignore[arg-type]
    "truth": (lambda: attach("predict", key="b1").advance(True), "whole number of 0 or more, got True"),
    "item_of_none": (lambda: attach("predict", key="b1").advance(item=["a"]), "1 to 300 characters, got list"),  # type: ignore[arg-type]
    "empty_item": (lambda: attach("predict", key="b1").advance(item=""), "1 to 300 characters, got 0 characters"),
    "item_of_10_kB": (lambda: attach("predict", key="b1").advance(item="x" * 10_000), "got 10000 characters"),
    "note_of_a_number": (lambda: attach("predict", key="b1").note(["x"]), "note: expected text, got list"),  # type: ignore[arg-type]
    "a_strange_setting": (lambda: attach("predict", key="b1", total=3), "total: expected a setting that exists"),  # type: ignore[arg-type]
    "an_argument_too_many": (lambda: open_run("predict", "b1"), "expected settings by name, got 1 without one"),  # type: ignore[arg-type]
    "items_in_one_text": (lambda: open_run("predict", key="b1", items="abc"), "expected a list of names, got str"),
    "a_total_of_text": (lambda: open_run("predict", key="b1", total="many"), "total: expected a whole number"),  # type: ignore[arg-type]
    "a_wrong_length": (lambda: open_run("predict", key="b1", stalled_after="soon"), "stalled_after: expected a length"),
}


@pytest.mark.parametrize(("call", "said"), WRONG.values(), ids=WRONG)
def test_wrong_arguments_are_logged_and_not_used(
    store: MemoryStore, call: Callable[[], Any], said: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing that a caller gives raises; it is an error in the log, and counts nothing."""
    call()

    assert said in caplog.text
    assert {record.levelno for record in caplog.records if "expected" in record.getMessage()} == {logging.ERROR}
    assert done_at(store) == 0


def test_a_wrong_argument_in_a_loop_is_logged_once(store: MemoryStore, caplog: pytest.LogCaptureFixture) -> None:
    """A run complains of an argument once, however often it is wrong, and through whichever handle."""
    for _ in range(50):
        attach("predict", key="b1").advance(item="")
        attach("predict", key="b1").advance(-1)

    assert len([record for record in caplog.records if record.levelno == logging.ERROR]) == 2


def test_numbers_are_names_too(store: MemoryStore) -> None:
    """A whole number counts as its text, as key and as item; with an item n is not used."""
    attach("predict", key=7).advance(item=23)  # type: ignore[arg-type]
    attach("predict", key="7").advance(5, item="23")

    assert done_at(store) == 1


def test_zero_is_nothing(store: MemoryStore) -> None:
    """Counting nothing writes nothing."""
    attach("predict", key="b1").advance(0)
    assert flush(10)

    assert store.documents[PARTS] == {}


def test_more_names_than_are_kept_are_counted(store: MemoryStore, caplog: pytest.LogCaptureFixture) -> None:
    """5,000 names are kept; of one more there is only the number, and that is said."""
    open_run("kept", key="b1", items=(f"player-{number}" for number in range(5000)))
    open_run("counted", key="b1", items=(f"player-{number}" for number in range(5001)))
    assert flush(10)

    for operation, total in (("kept", 5000), ("counted", 5001)):
        progress = last(store, operation).progress
        assert progress is not None
        assert progress.total == total
    names = [document["run"] for document in store.documents[PARTS].values() if "names" in document]
    assert set(names) == {attach("kept", key="b1").id}
    assert "who is missing can't be told" in caplog.text


def test_odd_text_never_costs_a_count(store: MemoryStore) -> None:
    """Halves of characters, which Firestore refuses with all around them, are replaced."""
    run = open_run("predict", key="\ud83c", items=["\ud83c", "b"])
    run.note("\ud83c")
    run.advance(item="\ud83c")

    assert done_at(store) == 1
    assert last(store).key == "?"


def test_lines_of_opening_and_end(store: MemoryStore, caplog: pytest.LogCaptureFixture) -> None:
    """Opening and end are logged like those of any heartbeat, each once; a failure is an error."""
    caplog.set_level(logging.INFO)
    for _ in range(2):
        open_run("predict", key="b1", detail="450 players")
    attach("predict", key="b1").succeed()
    attach("predict", key="b1").succeed()
    open_run("predict", key="b2")
    attach("predict", key="b2").fail("no data")

    lines = [(record.levelname, record.getMessage()) for record in caplog.records if "HEARTBEAT" in record.getMessage()]
    assert lines == [
        ("INFO", "HEARTBEAT START: predict (450 players)"),
        ("INFO", "HEARTBEAT END: predict (450 players) completed in 0.0 min"),
        ("INFO", "HEARTBEAT START: predict (b2)"),
        ("ERROR", "HEARTBEAT END (ERROR): predict (b2) failed after 0.0 min"),
    ]


def test_off_is_off(fresh: None, caplog: pytest.LogCaptureFixture) -> None:
    """With the store off nothing is kept and no thread starts for it; the lines are logged all the same."""
    caplog.set_level(logging.INFO)
    configure(store="off")
    with open_run("predict", key="b1") as run:
        run.advance(item="a")
    run.succeed()

    assert flush(1)
    assert "HEARTBEAT START: predict (b1)" in caplog.text


def test_a_handle_outlives_its_share(store: MemoryStore) -> None:
    """A handle that was kept while its run made room for 500 others still counts."""
    run = attach("predict", key="kept")
    run.advance(item="a")
    for number in range(600):
        attach("predict", key=f"b{number}").advance(item="x")
    assert flush(10)
    for number in range(600):
        attach("predict", key=f"c{number}")._share()
    run.advance(item="b")
    assert flush(10)

    mine = {name: part for name, part in store.documents[PARTS].items() if part["run"] == run.id}
    assert done(mine) == 2


def test_a_shared_run_is_made_by_hand_too() -> None:
    """A handle is what its names say, and has no id where they can't be used."""
    assert SharedRun("predict", "b1").id == attach("predict", key="b1").id
    assert SharedRun("predict", "").id == ""


def documents(process: Process) -> dict[str, dict[str, Any]]:

    with closing(sqlite3.connect(process.file)) as connection:
        rows = connection.execute("SELECT id, body FROM documents WHERE collection = ?", (PARTS,)).fetchall()
    return {name: json.loads(body) for name, body in rows}


def test_what_was_told_is_written_at_the_interpreters_exit(process: Process) -> None:
    """A bare advance right before the end of a process is not lost."""
    process.run(
        """
        from heartbeat_client import attach, open_run
        open_run("predict", key="b1", total=2)
        attach("predict", key="b1").advance(item="a")
        """
    )

    assert done(documents(process)) == 1
    assert process.only("predict").state == "running"


@posix
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_child_has_a_part_of_its_own(process: Process) -> None:
    """What parent and children tell through one handle is counted once each, by writers of their own."""
    process.run(
        """
        import os
        from heartbeat_client import attach, flush, open_run
        run = open_run("predict", key="b1", total=4)
        run.advance(item="parent")
        run.advance()
        assert flush(10)
        run.advance(item="parent again")
        for number in range(3):
            if os.fork() == 0:
                with run:
                    run.advance(item=f"child {number}")
                    run.advance(item="parent")
                os._exit(0)
        for _ in range(3):
            os.wait()
        """
    )

    found = parts(documents(process))
    assert done(documents(process)) == 6
    assert len({part.id.rsplit(".", 1)[0] for part in found}) == 4


def test_writers_of_a_hundred_processes_agree(tmp_path: Path) -> None:
    """Shares with backends of their own, in one SQLite file, count every item once."""

    path = tmp_path / "runs.sqlite3"
    senders = []
    for writer in range(100):
        backend = SqliteBackend(path, timeout=30)
        shares = Shares()
        sender = Sender(Roster(), lambda backend=backend: Settings(store=backend), shares=shares)  # type: ignore[misc]
        share = shares.of("predict", "b1")
        for number in range(30):
            share.complete(f"item-{(writer * 10 + number) % 500}")
        share.hurry()
        sender.work()
        senders.append((sender, share, backend))

    assert all(share.settled for _, share, _ in senders)
    process = Process(tmp_path)
    assert done(documents(process)) == 500
    for _, _, backend in senders:
        backend.close()
