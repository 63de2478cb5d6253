"""What a process can go through while it is watched: each storm is one short burst, repeated for as long as asked.

A storm leaves nothing behind: its threads, children, descriptors and objects are gone when it returns.
"""

from __future__ import annotations

import asyncio
import concurrent.futures.thread  # now: it hooks a lock into forks, and an import of it during one releases it unlocked
import contextlib
import gc
import os
import queue
import random
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import traceback
import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from types import FrameType
from typing import Any

from heartbeat_client import Heartbeat, heartbeat

from .forking import forks

__all__ = ["BEAT_EVERY", "HELD", "NOT_UNDER_GEVENT", "STORMS", "give_way"]


BEAT_EVERY = 0.05  # the shortest there is: a minute of it is twenty minutes of looks at the usual pace


class Held:
    """An object that a local variable of some call holds; whoever keeps the frame of the call keeps it."""

    def __init__(self) -> None:
        HELD.add(self)


HELD: weakref.WeakSet[Held] = weakref.WeakSet()


def give_way() -> None:
    """Let other threads run, which a collection may do at any moment: in gevent's hub, too, where no greenlet may."""
    monkey = sys.modules.get("gevent.monkey")
    (monkey.get_original("time", "sleep") if monkey is not None else time.sleep)(0)


def _one_way(*ways: Callable[[], object]) -> None:
    """One of some ways, by chance."""
    random.choice(ways)()


def _deep(steps: int) -> int:
    held = Held()
    if steps:
        return _deep(steps - 1) + (held is None)
    raise ValueError("deep")


def raising() -> None:
    """Exceptions through deep stacks: caught, chained, formatted, and their frames kept for a moment."""
    held = Held()
    kept: list[BaseException] = []
    for _ in range(5):
        try:
            try:
                _deep(random.randrange(200))
            except ValueError as error:
                raise KeyError("chained") from error
        except KeyError as error:
            kept.append(error)
    traceback.format_exception(kept[0])
    kept.clear()
    assert held is not None


def _in_a_thread() -> None:
    held = Held()
    with Heartbeat("in a thread", total=3) as beating:
        raising()
        for _ in beating.track(range(3)):
            time.sleep(random.random() * 0.02)
    assert held is not None


def threads() -> None:
    """Threads that start, run an operation, and end."""
    started = [threading.Thread(target=_in_a_thread) for _ in range(8)]
    for one in started:
        one.start()
    for one in started:
        one.join()


def _numbers(held: Held) -> Iterator[int]:
    try:
        for number in range(1000):
            yield number + (held is None)
    finally:
        give_way()


def generators() -> None:
    """Generators that are half-run and dropped, closed, or finished by another thread than began them."""
    for _ in range(50):
        running = _numbers(Held())
        for _ in range(random.randrange(20)):
            next(running)
        _one_way(running.close, lambda: None)  # type: ignore[attr-defined]  # a generator has close()
    shared = _numbers(Held())
    next(shared)
    other = threading.Thread(target=lambda: list(shared))
    other.start()
    other.join()


class _Finalized:
    """One of a ring, whose end lets other threads run."""

    def __init__(self) -> None:
        self.ring = self
        self.held = Held()

    def __del__(self) -> None:
        give_way()


def collections() -> None:
    """Garbage with finalizers that let others run, collected by several threads at once."""
    for _ in range(20):
        _Finalized()
    collecting = [threading.Thread(target=gc.collect) for _ in range(3)]
    for one in collecting:
        one.start()
    gc.collect(random.randrange(3))
    for one in collecting:
        one.join()


async def _tick() -> AsyncIterator[int]:
    for number in range(100):
        yield number
        await asyncio.sleep(0)


async def _task(held: Held) -> None:
    async with Heartbeat("a task"):
        async for number in _tick():
            if number > random.randrange(30):
                break
        await asyncio.to_thread(time.sleep, 0.01)
        await asyncio.wait_for(asyncio.Event().wait(), 0.02)
    assert held is not None


async def _tasks() -> None:
    tasks = [asyncio.create_task(_task(Held())) for _ in range(5)]
    await asyncio.sleep(0.02)
    tasks[0].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def loops() -> None:
    """Event loops that come and go, with tasks that are cancelled, time out, and wait for threads."""
    asyncio.run(_tasks())


@heartbeat("decorated")
def _traced(steps: int) -> int:
    held = Held()
    return (steps and _traced(steps - 1)) + (held is None)


def tracing() -> None:
    """A tracer and a profiler that come and go, and one that sits in frames as a debugger does."""

    def tracer(frame: FrameType, event: str, argument: Any) -> Any:
        return tracer

    def profiler(frame: FrameType, event: str, argument: Any) -> None:
        return None

    for _ in range(5):
        sys.settrace(tracer)
        sys._getframe().f_trace = tracer
        _traced(3)
        sys.settrace(None)
        sys.setprofile(profiler)
        with contextlib.suppress(ValueError):
            _deep(20)
        sys.setprofile(None)
        sys._getframe().f_trace = None


def _listen(receiving: socket.socket) -> None:
    held = Held()
    with Heartbeat("receives"), receiving:
        while receiving.recv(100):
            pass
    assert held is not None


def sockets() -> None:
    """Threads that wait for sockets, pipes and queues which are closed, and their numbers used again, at once."""
    sending, receiving = socket.socketpair()
    listening = threading.Thread(target=_listen, args=(receiving,))
    listening.start()
    for _ in range(5):
        sending.send(b"x")
        time.sleep(0.01)
        for handle in os.pipe():
            os.close(handle)
    sending.close()
    listening.join()


def pools() -> None:
    """Pools of threads, with jobs that wait for other jobs, for a queue, and for a database."""
    waiting: queue.Queue[int] = queue.Queue()
    with Heartbeat("pools"), concurrent.futures.ThreadPoolExecutor(4) as pool:
        try:
            inner = pool.submit(waiting.get)
            jobs: list[concurrent.futures.Future[Any]] = [pool.submit(inner.result)]
            jobs += [pool.submit(_query) for _ in range(5)]
            time.sleep(0.03)
        finally:
            waiting.put(1)
        for job in jobs:
            job.result()


def _query() -> None:
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("select 1").fetchall()


def programs() -> None:
    """Child processes that are waited for, read from, and killed."""
    with Heartbeat("programs"):
        subprocess.run(["sleep", "0.01"], check=True)
        subprocess.check_output(["sh", "-c", "echo 1; sleep 0.01"])
        with subprocess.Popen(["sleep", "100"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
            child.kill()


STORMS: tuple[Callable[[], None], ...] = (
    threads,
    raising,
    generators,
    collections,
    loops,
    tracing,
    sockets,
    pools,
    programs,
    forks,
)

# An event loop belongs to a thread, and greenlets share one; a tracer, set in one greenlet, stays in the next.
NOT_UNDER_GEVENT = frozenset({"loops", "tracing"})
