"""One look at what operations wait for: tasks, loops, and threads that stand, followed to those that they wait for."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable

from .children import Child
from .frames import can_walk
from .kernel_wait import kernel_wait
from .knowing import ThreadBook
from .loops import loop_and_task_in
from .operation_watch import OperationWatch
from .real_threads import known_threads
from .sample import Wait
from .surroundings import Surroundings
from .task_wait import outer_facts, task_wait
from .thread_watch import ThreadWatch
from .waits import child_wait, python_wait

__all__ = ["find_waits"]

_CHAIN = 4
_RUNS_LOOP = "run_until_complete"
_LITTLE_CPU = 0.25
_APART = 0.3  # seconds: a process' CPU is told in steps of 10 ms
_CHILDREN = 100
_FRESH = 4  # looks for which a wait is looked up each time
_REFRESH = 5  # looks after which a wait that lasts is looked up again
_SELDOM = 30  # the same for one that lasts for minutes: what is told of it is never older than a tenth of its length


class _Usage:
    """CPU that child processes use, from look to look."""

    def __init__(self) -> None:
        self._seen: dict[int, tuple[float, float, float | None]] = {}

    def __call__(self, child: Child) -> float | None:
        """Share of one CPU since the look before; a second question of the same look gets the same answer."""
        last, now = child.innermost, time.monotonic()
        at, cpu, share = self._seen.get(last.pid, (-math.inf, last.cpu, None))
        if now - at > _APART:
            share = (last.cpu - cpu) / (now - at) if at > -math.inf else None
            if len(self._seen) > _CHILDREN:
                self._seen.clear()
            self._seen[last.pid] = (now, last.cpu, share)
        return share


_usage = _Usage()


def find_waits(
    operations: Iterable[OperationWatch],
    threads: dict[int, ThreadWatch],
    book: ThreadBook,
    now: float,
    budget: float = math.inf,
) -> int:
    """Find out what each operation waits for, and have the threads watched that they wait for.

    budget: this thread's CPU time in seconds at which to stop. Returns how many operations were looked at.
    """
    done = 0
    for operation in operations:
        _find_wait(operation, threads, book, now)
        done += 1
        if time.thread_time() > budget:
            break
    return done


def _find_wait(operation: OperationWatch, threads: dict[int, ThreadWatch], book: ThreadBook, now: float) -> None:
    own = threads.get(operation.subject.native)
    if own is None or own.last is None or not own.last.alive:
        return
    every = operation.every
    if not operation.subject.has_task and any(seen.function.endswith(_RUNS_LOOP) for seen in own.last.stack):
        _take_task(operation, own, book, now)
    wait = _task_wait(operation, book, now) if operation.subject.has_task else None
    if wait is None or operation.owes_answer(now):
        wait = _thread_wait(own, book, now, every)
    for _ in range(_CHAIN):
        beyond = _enrolled(wait, threads, operation, now) if wait is not None else None
        if beyond is None or beyond is own:
            return
        wait = _thread_wait(beyond, book, now, every) if beyond.last is not None else None


def _take_task(operation: OperationWatch, own: ThreadWatch, book: ThreadBook, now: float) -> None:
    """An operation around `asyncio.run` is what the loop's main task does."""
    around = Surroundings(book, operation.subject.home, now)
    try:
        operation.subject.take(*loop_and_task_in(around.frames.get(own.ident)))
    finally:
        around.close()


def _task_wait(operation: OperationWatch, book: ThreadBook, now: float) -> Wait | None:
    awaited = operation.look(now, time.monotonic)
    if awaited is None:
        return None
    around = Surroundings(book, operation.subject.home, now)
    try:
        wait = task_wait(awaited, around)
    finally:
        around.close()
    wait = outer_facts(wait, awaited, _usage)
    operation.found_wait(wait)
    return wait


def _thread_wait(watch: ThreadWatch, book: ThreadBook, now: float, every: float) -> Wait | None:
    """What a thread waits for that does not run much; looked up less often when that lasts."""
    last = watch.last
    if last is None or not last.alive or _share(watch) > _LITTLE_CPU:
        return None
    lasted = last.still.least(now) if last.still is not None else 0.0
    known_for = max(_REFRESH * every, min(lasted / 10, _SELDOM * every))
    if lasted > _FRESH * every and last.wait is not None and now - watch.waited_at < known_for:
        return last.wait
    wait = _look_up(watch, book, now)
    watch.found_wait(wait)
    return wait


def _look_up(watch: ThreadWatch, book: ThreadBook, now: float) -> Wait | None:
    kernel = kernel_wait(watch.native, now, _usage)
    found: Wait | int | None = None
    if can_walk():
        around = Surroundings(book, watch.home, now)
        try:
            found = python_wait(around, watch.ident, kernel is not None and kernel.call.startswith("a lock"))
        finally:
            around.close()
    if isinstance(found, int):
        return child_wait(found, _usage)
    return found or kernel


def _share(watch: ThreadWatch) -> float:
    samples = watch.samples[-2:]
    if len(samples) < 2 or samples[0].cpu is None or samples[1].cpu is None:
        return 0.0
    return (samples[1].cpu - samples[0].cpu) / max(samples[1].at - samples[0].at, 1e-3)


def _enrolled(wait: Wait, threads: dict[int, ThreadWatch], operation: OperationWatch, now: float) -> ThreadWatch | None:
    """The watch of the thread that is waited for."""
    if wait.thread is None:
        return None
    watch = threads.get(wait.thread)
    if watch is None:
        ident = next((one.ident for one in known_threads() if one.native_id == wait.thread), None)
        if ident is None:
            return None
        watch = threads[wait.thread] = ThreadWatch(ident, wait.thread, operation.subject.home)
    watch.wanted_at = now
    return watch
