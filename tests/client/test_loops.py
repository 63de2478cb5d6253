"""asyncio from outside: whether a loop answers, and what a task awaits."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import pytest

from heartbeat_client.frames import Home, can_walk
from heartbeat_client.knowing import ThreadBook
from heartbeat_client.loops import Awaited, LoopPing, TaskWatch, chain_of, running_task
from heartbeat_client.sample import Wait
from heartbeat_client.surroundings import Surroundings
from heartbeat_client.task_wait import task_wait

HOME = Home(__file__)

pytestmark = pytest.mark.skipif(not can_walk(), reason="needs python with a GIL: other threads' frames are not read")


def awaited_by(operation: Coroutine[Any, Any, object]) -> tuple[Awaited, Wait | None]:
    """What a task of an operation awaits, seen from another thread."""
    found: list[tuple[Awaited, Wait | None]] = []

    def look(task: Any) -> None:
        awaited = chain_of(task, HOME)
        around = Surroundings(ThreadBook(), HOME, time.monotonic())
        found.append((awaited, task_wait(awaited, around)))
        around.close()

    async def main() -> None:
        task = asyncio.ensure_future(operation)
        await asyncio.sleep(0.1)
        thread = threading.Thread(target=look, args=(task,))
        thread.start()
        while thread.is_alive():  # noqa: ASYNC110 (a thread sets no asyncio event)
            await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(main())
    return found[0]


async def forever() -> None:
    await asyncio.Event().wait()


async def rows() -> AsyncIterator[int]:
    yield 1
    await asyncio.Event().wait()


async def through_a_generator() -> None:
    async for _ in rows():
        pass


async def gathered() -> None:
    await asyncio.gather(asyncio.sleep(0), forever())


async def limited() -> None:
    await asyncio.wait_for(forever(), 900)


async def first_of_some() -> None:
    await asyncio.wait([asyncio.ensure_future(forever())])


async def shielded() -> None:
    await asyncio.shield(asyncio.ensure_future(forever()))


@pytest.mark.parametrize(
    "operation",
    [forever, gathered, limited, first_of_some, shielded],
    ids=["plain", "gather", "wait_for", "wait", "shield"],
)
def test_a_wait_is_followed_to_the_users_innermost_coroutine(operation: Any) -> None:
    """Whatever of asyncio stands between, the innermost coroutine of the user's own is found, and what it awaits."""
    awaited, wait = awaited_by(operation())
    innermost = next(seen for seen in awaited.frames if seen.own)

    assert innermost.function == "forever"
    assert wait is not None
    assert wait.sentence == "an asyncio Event or Condition"


def test_an_async_generator_is_followed() -> None:
    """The frame inside of an async generator is found, though the object in between does not tell."""
    awaited, _ = awaited_by(through_a_generator())

    assert next(seen for seen in awaited.frames if seen.own).function == "rows"


def test_work_on_another_thread_is_followed_to_its_worker() -> None:
    """A task that waits for `to_thread` waits for the thread that does the work."""
    go = threading.Event()

    async def operation() -> None:
        try:
            await asyncio.to_thread(go.wait)
        finally:
            go.set()

    _, wait = awaited_by(operation())

    assert wait is not None
    assert (wait.sentence or "").startswith("a Future that thread ")
    assert wait.thread is not None


def test_a_task_that_awaits_the_same_future_has_not_moved() -> None:
    """The age of an await is that of its future; another future is another await."""
    ages = []

    async def operation() -> None:
        loop = asyncio.get_running_loop()
        first, second = loop.create_future(), loop.create_future()

        async def steps() -> None:
            await first
            await second

        task = asyncio.ensure_future(steps())
        watch = TaskWatch(task)
        for now in (1.0, 2.0, 3.0):
            await asyncio.sleep(0)
            watch.look(now, HOME)
            ages.append(watch.since)
        first.set_result(None)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        watch.look(4.0, HOME)
        ages.append(watch.since)
        second.set_result(None)
        await task
        watch.look(5.0, HOME)
        ages.append(watch.since)

    asyncio.run(operation())

    assert [since and since.by for since in ages] == [1.0, 1.0, 1.0, 4.0, None]


def test_a_loop_answers_while_it_runs_and_owes_while_it_does_not() -> None:
    """A loop that runs callbacks answers; one in a blocking call owes from the question on, and is asked once."""
    clock = [10.0]

    async def operation() -> LoopPing:
        ping = LoopPing(asyncio.get_running_loop(), 9.0)
        ping.ask(10.0, lambda: 10.5)
        ping.ask(11.0, lambda: 11.5)
        owed = ping.unanswered
        assert owed is not None
        assert (owed.after, owed.by) == (9.0, 10.0)
        await asyncio.sleep(0.01)
        return ping

    ping = asyncio.run(operation())

    assert ping.unanswered is None
    assert ping.latency == 0.5
    ping.ask(clock[0], lambda: 0.0)
    assert ping.closed


def test_no_loop_is_no_task() -> None:
    """Outside of a loop there is no task, and none is made."""
    assert running_task() == (None, None)
