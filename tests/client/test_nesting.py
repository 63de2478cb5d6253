"""Runs inside of runs: who knows whom, whose deadline holds, and what shows that the outer one moves."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import datetime, timedelta, timezone

import pytest

from heartbeat_client import Heartbeat
from heartbeat_client.limits import Limits
from heartbeat_client.live import LiveRun
from heartbeat_client.nesting import innermost_open
from heartbeat_client.plan import Plan
from heartbeat_client.testing import MemoryStore
from tests.client.world import World, last, until

HALF_AN_HOUR = timedelta(minutes=30)


def test_a_run_knows_all_around_it(store: MemoryStore) -> None:
    """A nested run's ancestors are the ids around it, the outermost first."""
    with Heartbeat("outer") as outer, Heartbeat("middle") as middle, Heartbeat("inner"):
        pass

    assert last(store, "outer").ancestors == ()
    assert last(store, "middle").ancestors == (outer.id,)
    assert last(store, "inner").ancestors == (outer.id, middle.id)
    assert last(store, "inner").parent == middle.id


def test_a_run_knows_the_nested_one_that_it_is_inside_of(world: World) -> None:
    """`child` is the nested run opened last of those that are open, and nothing once all have ended."""
    outer = world.begin()
    inside = []
    first, second = world.begin(parent=outer), world.begin(parent=outer)
    for step in (lambda: None, lambda: world.end(second), lambda: world.end(first)):
        step()
        world.pass_by(20)
        inside.append(world.record(outer).child)

    assert inside == [second.id, first.id, None]


def test_runs_one_after_the_other_are_siblings(store: MemoryStore) -> None:
    """After a nested run has ended, the next one's parent is the outer run."""
    with Heartbeat("outer") as outer:
        with Heartbeat("first"):
            pass
        with Heartbeat("second"):
            pass

    assert last(store, "second").ancestors == (outer.id,)


def test_a_new_thread_is_outside(store: MemoryStore) -> None:
    """A thread does not inherit the heartbeat that it was started in; one with a copy of the context does."""

    def operate(name: str) -> None:
        with Heartbeat(name):
            pass

    with Heartbeat("outer") as outer:
        context = contextvars.copy_context()
        threads = [
            threading.Thread(target=operate, args=("bare",)),
            threading.Thread(target=context.run, args=(operate, "with context")),
        ]
        for thread in threads:
            thread.start()
            thread.join()

    assert last(store, "bare").ancestors == ()
    assert last(store, "with context").ancestors == (outer.id,)


def test_a_task_that_outlives_its_run_is_outermost(store: MemoryStore) -> None:
    """What a background task opens after its request has ended belongs to no request."""

    async def later(go: asyncio.Event) -> None:
        await go.wait()
        async with Heartbeat("later"):
            pass

    async def serve() -> None:
        go = asyncio.Event()
        async with Heartbeat("request"):
            task = asyncio.create_task(later(go))
            await asyncio.sleep(0)
        go.set()
        await task

    asyncio.run(serve())

    assert last(store, "later").ancestors == ()


def test_an_inner_run_that_outlives_the_outer_leaves_no_trace(store: MemoryStore) -> None:
    """Heartbeats left in the wrong order raise nothing, and the next one is outermost."""
    outer, inner = Heartbeat("outer"), Heartbeat("inner")
    outer.__enter__()
    inner.__enter__()
    outer.__exit__(None, None, None)
    inner.__exit__(None, None, None)

    assert innermost_open() is None
    assert {run.state for run in store.runs} == {"succeeded"}


def test_a_generator_may_be_closed_in_another_context(store: MemoryStore) -> None:
    """A generator with a heartbeat in it can be finished from anywhere."""

    def games() -> Iterator[int]:
        with Heartbeat("load"):
            yield 1
            yield 2

    steps = games()
    contextvars.copy_context().run(next, steps)
    steps.close()  # type: ignore[attr-defined]  # it is a generator

    assert last(store).state == "interrupted"
    assert innermost_open() is None


def test_an_async_generator_may_be_closed_in_another_task(store: MemoryStore) -> None:
    """An async generator that a loop closes at its end raises nothing."""

    async def games() -> AsyncIterator[int]:
        async with Heartbeat("load"):
            yield 1

    async def first() -> int:
        return await asyncio.create_task(anext_of(games()))

    async def anext_of(steps: AsyncIterator[int]) -> int:
        return await steps.__anext__()

    assert asyncio.run(first()) == 1
    until(lambda: store.runs and last(store).state == "interrupted", "the end of the run")


def planned(
    own: float | datetime | None = None, fallback: float | datetime = 1800.0, explicit: tuple[str, ...] = ()
) -> Plan:
    return Plan("op", "op", own_deadline=own, fallback_deadline=fallback, limits=Limits(explicit=explicit))


AN_HOUR_IN = datetime(2026, 1, 1, 1, 0, tzinfo=timezone.utc)

# The outer run starts at 0:00, the inner one ten minutes later.
DEADLINES: dict[str, tuple[Plan, Plan, int]] = {
    "inherited: the request's half hour runs from its start": (planned(), planned(), 30),
    "inherited, though a default is set": (planned(fallback=2400.0), planned(fallback=2400.0), 40),
    "its own, which is earlier": (planned(), planned(own=300.0), 15),
    "its own would be later": (planned(), planned(own=3600.0), 30),
    "the outer one's own": (planned(own=3600.0), planned(), 60),
    "an instant before": (planned(own=7200.0), planned(own=AN_HOUR_IN), 60),
    "an instant after": (planned(own=1800.0), planned(own=AN_HOUR_IN), 30),
    "the outer one's instant": (planned(own=AN_HOUR_IN), planned(), 60),
}


@pytest.mark.parametrize(("outer", "inner", "minutes"), DEADLINES.values(), ids=DEADLINES)
def test_a_nested_run_has_the_earlier_deadline(world: World, outer: Plan, inner: Plan, minutes: int) -> None:
    """A nested run must be over by its own deadline or by its parent's, whichever comes first."""
    midnight = world.clock.now()
    request = world.begin(outer)
    world.pass_by(600)
    nested = world.begin(inner, request)
    world.pass_by(1)

    assert world.record(nested).deadline == midnight + timedelta(minutes=minutes)


def test_a_longest_time_is_not_inherited(store: MemoryStore) -> None:
    """max_runtime holds for the run it was given to."""
    with Heartbeat("outer", max_runtime=60), Heartbeat("inner"):
        pass

    assert last(store, "inner").thresholds.max_runtime is None


def test_extending_moves_a_run_and_what_nests_in_it(world: World) -> None:
    """`extend()` moves deadline and max_runtime of the run; nested ones inherit the deadline as it is now."""
    request = world.begin(Plan("op", "op", limits=Limits(max_runtime=60.0)))
    nested = world.begin(parent=request)
    request.extended += 600
    world.pass_by(1)

    outer, inner = world.record(request), world.record(nested)
    assert outer.deadline == inner.deadline == outer.started_at + timedelta(minutes=40)
    assert outer.thresholds.max_runtime == 660


def test_extending_a_nested_run_moves_it_alone(store: MemoryStore) -> None:
    """Who extends an inner run has not extended the request."""
    with Heartbeat("outer"), Heartbeat("inner") as inner:
        inner.extend("10m")

    outer = last(store, "outer")
    assert outer.deadline == outer.started_at + HALF_AN_HOUR
    assert last(store, "inner").deadline == outer.deadline + timedelta(minutes=10)


def begins(world: World, outer: LiveRun) -> None:
    world.begin(parent=outer)


def begins_and_counts(world: World, outer: LiveRun) -> None:
    inner = world.begin(Plan("inner", "inner", total=3), outer)
    world.pass_by(30)
    inner.counter.advance()


def begins_and_ends(world: World, outer: LiveRun) -> None:
    inner = world.begin(parent=outer)
    world.pass_by(30)
    world.end(inner)


def begins_two_deep(world: World, outer: LiveRun) -> None:
    middle = world.begin(Plan("middle", "middle", total=3), outer)
    world.pass_by(30)
    world.begin(parent=middle)


def says(world: World, outer: LiveRun) -> None:
    outer.say("still here")


def waits(world: World, outer: LiveRun) -> None:
    wait = outer.wait("a lock", 60)
    world.pass_by(30)
    outer.go_on(wait)


def only_waits(world: World, outer: LiveRun) -> None:
    outer.wait("a lock", 60)


def beats(world: World, outer: LiveRun) -> None:
    world.pass_by(30)


MOVES: dict[str, tuple[Callable[[World, LiveRun], None], float | None, float | None]] = {
    "nothing but beats": (beats, None, None),
    "a nested run begins": (begins, 60, None),
    "a nested run counts": (begins_and_counts, 90, None),
    "a nested run ends": (begins_and_ends, 90, None),
    "something begins inside of a nested run": (begins_two_deep, 90, None),
    "a note": (says, 60, None),
    "a declared wait begins": (only_waits, None, None),
    "a declared wait is over": (waits, 90, 90),
}


@pytest.mark.parametrize(("happening", "opaque", "counted"), MOVES.values(), ids=MOVES)
@pytest.mark.parametrize("total", [None, 450], ids=["opaque", "counted"])
def test_what_moves_an_outer_run(
    world: World,
    happening: Callable[[World, LiveRun], None],
    opaque: float | None,
    counted: float | None,
    total: int | None,
) -> None:
    """An opaque run is moved by what nests in it, notes and waits; one that counts by its count and waits alone."""
    midnight = world.clock.now()
    outer = world.begin(Plan("outer", "outer", total=total))
    world.pass_by(60)
    happening(world, outer)
    world.pass_by(20)

    moved, expected = world.record(outer).moved_at, opaque if total is None else counted
    if expected is None:
        assert moved is None
    else:
        assert moved is not None
        assert abs((moved - midnight).total_seconds() - expected) <= 1


def test_counting_moves_a_run(world: World) -> None:
    """A count moves its run, and is known to a second."""
    midnight = world.clock.now()
    live = world.begin(Plan("op", "op", total=450))
    world.pass_by(60.5)
    live.counter.advance()
    world.pass_by(20)

    run = world.record(live)
    assert run.progress is not None
    assert run.moved_at == run.progress.at
    assert run.moved_at is not None
    assert 60.5 <= (run.moved_at - midnight).total_seconds() <= 61.5


def test_declaring_progress_moves_a_run(world: World) -> None:
    """Where counting begins after an opaque phase, standstill is reckoned from there."""
    midnight = world.clock.now()
    live = world.begin()
    world.pass_by(600)
    live.counter.reach(0, 450)
    world.pass_by(20)

    run = world.record(live)
    assert run.progress is not None
    assert run.moved_at == run.progress.since == midnight + timedelta(seconds=600)
    assert run.progress.at is None


def test_a_declared_wait_is_in_the_record(world: World) -> None:
    """While a wait lasts the record has its reason, its start and the instant past which it is a stall."""
    midnight = world.clock.now()
    live = world.begin()
    world.pass_by(60)
    outer, inner = live.wait("the warehouse", 3600), live.wait("a lock", 60)
    world.pass_by(20)
    waiting = world.record(live).waiting
    live.go_on(inner)
    world.pass_by(20)
    after = world.record(live).waiting
    live.go_on(outer)
    world.pass_by(20)

    assert waiting is not None
    assert (waiting.reason, waiting.since) == ("a lock", midnight + timedelta(seconds=60))
    assert waiting.until == midnight + timedelta(seconds=120)
    assert after is not None
    assert after.reason == "the warehouse"
    assert world.record(live).waiting is None


def test_a_wait_ends_when_its_block_raises(store: MemoryStore) -> None:
    """A wait that ends in an exception is over, and the exception goes on."""
    with Heartbeat("load") as hb:
        with pytest.raises(TimeoutError), hb.waiting("a lock", "1m"):
            raise TimeoutError
        hb.note("went on")
        until(lambda: store.runs and last(store).extra, "the note")

        assert last(store).waiting is None
        assert last(store).moved_at is not None
