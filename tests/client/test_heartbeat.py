"""What a heartbeat writes of an operation: how it stands, how it ended, and where."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from heartbeat_client import Heartbeat, configure, flush, heartbeat
from heartbeat_client.run import FAILED, INTERRUPTED, RUNNING, SUCCEEDED, Run
from heartbeat_client.testing import MemoryStore
from tests.client.world import Process, last, until


class OddError(Exception):
    """An exception of the operation's own."""


def ended_by(store: MemoryStore, error: BaseException) -> Run:
    with pytest.raises(type(error)) as caught, Heartbeat("load"):
        raise error
    assert caught.value is error
    return last(store)


def test_a_run_without_an_exception_succeeds(store: MemoryStore) -> None:
    """What runs to its end has succeeded, and is due no more."""
    with Heartbeat("load"):
        pass

    run = last(store)
    assert (run.state, run.failure, run.reason, run.due_at) == (SUCCEEDED, None, "", None)
    assert run.ended_at is not None


@pytest.mark.parametrize(
    ("error", "state", "kind", "reason"),
    [
        (ValueError(), FAILED, "ValueError", ""),
        (TimeoutError(), FAILED, "TimeoutError", ""),
        (OddError(), FAILED, "tests.client.test_heartbeat.OddError", ""),
        (KeyboardInterrupt(), INTERRUPTED, None, "interrupted by KeyboardInterrupt"),
        (SystemExit(0), INTERRUPTED, None, "interrupted by SystemExit"),
        (GeneratorExit(), INTERRUPTED, None, "interrupted by GeneratorExit"),
        (asyncio.CancelledError(), INTERRUPTED, None, "interrupted by asyncio.exceptions.CancelledError"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_how_a_run_ends(store: MemoryStore, error: BaseException, state: str, kind: str | None, reason: str) -> None:
    """A request to stop is an interruption, every other exception a failure of its type."""
    run = ended_by(store, error)

    assert run.state == state
    assert (run.failure.type if run.failure else None) == kind
    assert run.reason == reason
    assert run.ended_at is not None
    assert run.due_at is None


def test_a_failure_says_where_and_not_what(store: MemoryStore) -> None:
    """A failure's record has the innermost place of the user's code, and neither text nor a local value."""
    run = ended_by(store, ValueError("password is hunter2"))

    assert run.failure is not None
    assert run.failure.place is not None
    assert run.failure.place.file.endswith("test_heartbeat.py")
    assert not run.failure.place.file.startswith("/")
    assert run.failure.place.function == "ended_by"
    assert run.failure.text is None
    assert "hunter2" not in repr(store.documents)


def test_a_failures_text_is_kept_where_that_is_allowed(store: MemoryStore) -> None:
    """`configure(error_text=True)` keeps the text of an exception, up to 1000 characters."""
    configure(error_text=True)
    run = ended_by(store, ValueError("x" * 2000))

    assert run.failure is not None
    assert run.failure.text == "x" * 1000


def test_an_operation_may_fail_without_an_exception(store: MemoryStore) -> None:
    """`fail()` lets the run end as failed, with the reason."""
    with Heartbeat("load") as hb:
        hb.fail("half of the games are missing")

    assert (last(store).state, last(store).reason) == (FAILED, "half of the games are missing")


def test_leaving_waits_for_the_last_record(store: MemoryStore) -> None:
    """When an outermost heartbeat is left, its end is in the store: the process may be frozen right after."""
    with Heartbeat("load"):
        pass

    assert last(store).state == SUCCEEDED


def test_leaving_a_nested_one_waits_for_nothing(fresh: None) -> None:
    """Only the outermost waits: what is inside of it is written with it at the latest."""
    store, left = Frozen(), threading.Event()
    configure(store=store, flush_timeout=60)

    def operate() -> None:
        with Heartbeat("outer"):
            for _ in range(10):
                with Heartbeat("inner"):
                    pass
            left.set()

    thread = threading.Thread(target=operate)
    thread.start()
    try:
        assert left.wait(30)  # ten waits of a minute would take longer
    finally:
        store.thaw.set()
        thread.join()
    assert flush(10)

    assert [run.state for run in store.runs] == [SUCCEEDED] * 11


def test_a_short_run_is_one_write(store: MemoryStore) -> None:
    """A nested run that begins and ends between two writes is written once, already ended."""
    with Heartbeat("outer"):
        with Heartbeat("inner"):
            pass
        until(lambda: [run for run in store.runs if run.operation == "inner"], "the inner run")

    assert len([run for run in store.history if run.operation == "inner"]) == 1


def test_a_run_that_begins_is_written_at_once(store: MemoryStore) -> None:
    """The first record does not wait for the first beat."""
    configure(beat_every=3600)
    with Heartbeat("load"):
        until(lambda: store.runs, "the first record")

        assert last(store).state == RUNNING


def test_a_run_beats(store: MemoryStore) -> None:
    """While the operation goes on its record is written again and again, each with the next number."""
    with Heartbeat("load"):
        until(lambda: len(store.history) >= 4, "four records")

    assert [run.seq for run in store.history] == list(range(1, len(store.history) + 1))
    beats = [run.beat_at for run in store.history if run.beat_at is not None]
    assert beats == sorted(set(beats))


def test_the_start_does_not_move_from_beat_to_beat(store: MemoryStore) -> None:
    """All records of a run agree on when it started."""
    with Heartbeat("load", total=3) as hb:
        hb.advance()
        until(lambda: len(store.history) >= 4, "four records")

    assert len({run.started_at for run in store.history}) == 1
    assert len({run.deadline for run in store.history}) == 1
    assert len({run.progress.since for run in store.history if run.progress}) == 1


def test_what_a_record_says(store: MemoryStore) -> None:
    """The record has what the caller gave and who the process is."""
    configure(service="coordinator", labels={"team": "predictions", "batch": "none"})
    with Heartbeat("load", detail="450 players", labels={"batch": 17}, max_runtime="20m", run_id="my-own"):  # type: ignore[dict-item]  # numbers count as text
        pass

    run = last(store)
    assert (run.id, run.operation, run.detail) == ("my-own", "load", "450 players")
    assert run.labels == {"team": "predictions", "batch": "17"}
    assert run.service == "coordinator"
    assert run.thresholds.max_runtime == 1200
    assert run.thresholds.explicit == ("beat_every", "max_runtime")
    assert run.pid > 0
    assert run.host
    assert run.python.startswith("3.")


def test_a_note_is_the_operations_own_word(store: MemoryStore) -> None:
    """A note is in the record, of a counted run and of an opaque one."""
    with Heartbeat("counted", total=3) as counted, Heartbeat("opaque") as opaque:
        counted.progress(1, note="first page")
        opaque.note("asking the warehouse")

    progress = last(store, "counted").progress
    assert progress is not None
    assert (progress.done, progress.note) == (1, "first page")
    assert last(store, "opaque").extra["note"] == "asking the warehouse"
    assert last(store, "opaque").progress is None


def test_an_id_is_there_from_the_start() -> None:
    """A heartbeat's id is known before it is entered, and is the run's."""
    hb = Heartbeat("load")
    before = hb.id
    with hb:
        assert hb.id == before

    assert hb.id == before
    assert len(before) == 16


def test_entered_again_it_is_a_new_run(store: MemoryStore) -> None:
    """A heartbeat used for a second `with` has a new id."""
    hb = Heartbeat("load")
    ids = []
    for _ in range(2):
        with hb:
            ids.append(hb.id)

    assert sorted(run.id for run in store.runs) == sorted(set(ids))
    assert len(set(ids)) == 2


def test_entered_twice_at_once_it_is_two_runs(store: MemoryStore, caplog: pytest.LogCaptureFixture) -> None:
    """A heartbeat entered while it is open is an error in the log, and a run of its own."""
    hb = Heartbeat("load")
    with hb, hb:
        pass

    assert "expected a heartbeat that is not open" in caplog.text
    assert [run.state for run in store.runs] == [SUCCEEDED, SUCCEEDED]


def test_two_overlapping_calls_are_two_runs(store: MemoryStore) -> None:
    """Two calls of a decorated function at the same time begin and end each a run of its own."""
    both = threading.Barrier(2, timeout=30)

    @heartbeat("consolidate")
    def consolidate(result: str) -> str:
        both.wait()
        if result == "bad":
            raise OddError
        return result

    def bad() -> None:
        with pytest.raises(OddError):
            consolidate("bad")

    thread = threading.Thread(target=bad)
    thread.start()
    assert consolidate("good") == "good"
    thread.join()
    assert flush(10)

    assert sorted(run.state for run in store.runs) == [FAILED, SUCCEEDED]
    assert len({run.id for run in store.runs}) == 2


def test_a_decorated_function_keeps_its_face() -> None:
    """Name, text and signature of a decorated function are its own."""

    @heartbeat("consolidate", stalled_after=600)
    def consolidate(batch: str) -> str:
        """Merge."""
        return batch

    assert (consolidate.__name__, consolidate.__doc__) == ("consolidate", "Merge.")
    assert consolidate("b1") == "b1"


def test_a_bare_decorator_takes_the_functions_name(store: MemoryStore) -> None:
    """`@heartbeat` without brackets names the operation after the function."""

    @heartbeat
    def consolidate() -> int:
        return 7

    assert consolidate() == 7
    assert last(store).operation.endswith("consolidate")


def test_a_decorated_coroutine_function_is_one(store: MemoryStore) -> None:
    """An `async def` stays one, and its run lasts until it is awaited to the end."""

    @heartbeat("load")
    async def load() -> str:
        await asyncio.sleep(0.1)
        return "games"

    assert asyncio.iscoroutinefunction(load)
    assert asyncio.run(load()) == "games"
    run = last(store)
    assert run.state == SUCCEEDED
    assert run.ended_at is not None
    assert run.ended_at - run.started_at >= timedelta(seconds=0.1)


def test_a_method_may_be_decorated(store: MemoryStore) -> None:
    """The decorator works on methods, static and class methods."""

    class Loader:
        @heartbeat("plain")
        def plain(self) -> object:
            return self

        @staticmethod
        @heartbeat("static")
        def static() -> int:
            return 1

        @classmethod
        @heartbeat("class")
        def made(cls) -> type:
            return cls

    loader = Loader()

    assert (loader.plain(), loader.static(), Loader.made()) == (loader, 1, Loader)


async def left_while_others_go_on(store: MemoryStore) -> list[str]:
    events: list[str] = []

    async def tick() -> None:
        while True:
            events.append("tick")
            await asyncio.sleep(0.001)

    ticking = asyncio.create_task(tick())
    async with Heartbeat("load"):
        await asyncio.sleep(0.05)
        store.slow(0.2)
        events.append("leaving")
    events.append("left")
    ticking.cancel()
    return events


def test_leaving_an_async_heartbeat_does_not_block_the_loop(store: MemoryStore) -> None:
    """While `async with` waits for the last record, other tasks go on."""
    events = asyncio.run(left_while_others_go_on(store))
    store.work()

    assert "tick" in events[events.index("leaving") : events.index("left")]
    assert last(store).state == SUCCEEDED


def test_a_cancelled_task_is_interrupted(store: MemoryStore) -> None:
    """Cancelling a task ends the runs in it as interrupted, and the cancellation goes on."""

    async def load() -> None:
        async with Heartbeat("load"):
            await asyncio.sleep(60)

    async def cancelled() -> bool:
        task = asyncio.create_task(load())
        await asyncio.sleep(0.05)
        task.cancel()
        return bool((await asyncio.gather(task, return_exceptions=True))[0].__class__ is asyncio.CancelledError)

    assert asyncio.run(cancelled())
    assert last(store).state == INTERRUPTED


def test_tasks_at_the_same_time_are_runs_beside_each_other(store: MemoryStore) -> None:
    """Tasks that overlap in one thread do not nest in each other."""

    async def load(name: str) -> None:
        async with Heartbeat(name):
            await asyncio.sleep(0.05)

    async def both() -> None:
        await asyncio.gather(load("first"), load("second"))

    asyncio.run(both())

    assert [last(store, name).ancestors for name in ("first", "second")] == [(), ()]


@pytest.mark.parametrize(
    ("deadline", "expected"),
    [
        (600, timedelta(minutes=10)),
        ("10m", timedelta(minutes=10)),
        (timedelta(minutes=10), timedelta(minutes=10)),
        (None, timedelta(minutes=30)),
    ],
    ids=["seconds", "text", "timedelta", "the default"],
)
def test_a_deadline_is_a_length_from_the_start(store: MemoryStore, deadline: Any, expected: timedelta) -> None:
    """However a length is given, the deadline is that long after the start."""
    with Heartbeat("load", deadline=deadline):
        pass

    run = last(store)
    assert run.deadline == run.started_at + expected


def test_a_deadline_may_be_an_instant(store: MemoryStore) -> None:
    """An aware datetime is the deadline itself."""
    instant = datetime(2030, 1, 14, 10, 0, tzinfo=timezone(timedelta(hours=2)))
    with Heartbeat("load", deadline=instant):
        pass

    assert last(store).deadline == datetime(2030, 1, 14, 8, 0, tzinfo=timezone.utc)


def test_a_stuck_store_does_not_hold_up_the_exit(fresh: None) -> None:
    """With a store that never answers, leaving takes no longer than `flush_timeout`, and no later one waits at all."""
    store = Frozen()
    configure(store=store, flush_timeout=0.3)
    done = threading.Event()

    def operate() -> None:
        for _ in range(20):
            with Heartbeat("load"):
                pass
        done.set()

    threading.Thread(target=operate, daemon=True).start()
    try:
        assert done.wait(20)  # twenty waits for a store that never answers would take for ever
    finally:
        store.thaw.set()


class Frozen(MemoryStore):
    """A store whose calls hang until it thaws."""

    def __init__(self) -> None:
        super().__init__()
        self.thaw = threading.Event()

    def read_operation(self, operation: str) -> Any:
        self.thaw.wait(60)
        return super().read_operation(operation)


class Watched(MemoryStore):
    """A store that notes which threads call it."""

    def __init__(self) -> None:
        super().__init__()
        self.threads: set[str] = set()

    def commit(self, writes: Any) -> Any:
        self.threads.add(threading.current_thread().name)
        return super().commit(writes)

    def read_operation(self, operation: str) -> Any:
        self.threads.add(threading.current_thread().name)
        return super().read_operation(operation)


@pytest.mark.parametrize("trouble", [MemoryStore.work, MemoryStore.away, MemoryStore.refuse], ids=lambda f: f.__name__)
def test_the_operations_thread_never_calls_the_store(fresh: None, trouble: Callable[[MemoryStore], None]) -> None:
    """Whatever the operation calls, only the sender's thread talks to the store."""
    store = Watched()
    configure(store=store, beat_every=0.05)
    trouble(store)
    with Heartbeat("load", total=2) as hb:
        for _ in hb.track("ab"):
            with Heartbeat("inner") as inner, inner.waiting("a lock", 5):
                inner.note("here")
                hb.extend(5)
        until(lambda: store.threads, "a call")
        flush(0.1)

    assert store.threads == {"hangwatch-sender"}


def test_three_threads_serve_all_runs(process: Process, tmp_path: Path) -> None:
    """Twenty runs in ten threads take three threads of ours."""
    done = process.run(
        """
        import threading
        from heartbeat_client import Heartbeat, flush
        go, begun = threading.Event(), threading.Barrier(11)

        def operate():
            with Heartbeat("a"), Heartbeat("b"):
                begun.wait(30)
                go.wait(30)

        threads = [threading.Thread(target=operate) for _ in range(10)]
        for thread in threads:
            thread.start()
        begun.wait(30)
        flush(30)
        print(*sorted(one.name for one in threading.enumerate() if one.name.startswith("hangwatch")), sep="\\n")
        go.set()
        """,
        env={"HANGWATCH_STORE": f"sqlite:///{tmp_path / 'runs.sqlite3'}"},
    )

    ours = [line for line in done.stdout.splitlines() if line.startswith("hangwatch")]
    assert ours == ["hangwatch-pulse", "hangwatch-sampler", "hangwatch-sender"]


def test_a_store_that_is_off_is_no_store(process: Process) -> None:
    """With HANGWATCH_STORE=off the lines are written, and there is neither sender nor file."""
    done = process.run(
        """
        import threading
        from heartbeat_client import Heartbeat, flush
        with Heartbeat("load"):
            print([t.name for t in threading.enumerate() if t.name == "hangwatch-sender"], flush())
        """,
        env={"HANGWATCH_STORE": "off"},
    )

    assert done.stdout.splitlines()[1] == "[] True"
    assert not process.file.exists()


def test_runs_reach_a_real_file(process: Process) -> None:
    """Without a word of configuration, what HANGWATCH_STORE names has the runs."""
    process.run(
        """
        from heartbeat_client import Heartbeat
        with Heartbeat("outer", labels={"batch": "b1"}):
            with Heartbeat("inner", total=2) as hb:
                hb.advance(2)
        """
    )
    outer, inner = process.only("outer"), process.only("inner")

    assert (outer.state, inner.state) == (SUCCEEDED, SUCCEEDED)
    assert inner.ancestors == (outer.id,)
    assert inner.deadline == outer.deadline
    assert inner.progress is not None
    assert (inner.progress.done, inner.progress.total) == (2, 2)
    assert outer.expires_at is not None
    assert outer.service == "python"
