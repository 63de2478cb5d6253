"""The thread that looks at all running operations once a second, and keeps what it saw. Draws no conclusions.

It logs nothing, waits for no lock of the user's, opens nothing but /proc, and holds frames for microseconds.
"""

from __future__ import annotations

import math
import os
import time
import weakref
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Final

from .activity import Activity
from .conclusions import conclude
from .frames import can_walk, current_frames, walk
from .knowing import ThreadBook
from .lateness import LEAST, Clocks, Look, gap_of
from .looking import find_waits
from .operation_watch import OperationWatch
from .real_threads import allocate_lock, known_threads, native_here, start
from .sample import Gap, Sight
from .subject import Subject
from .thread_watch import ThreadWatch

__all__ = ["Sampler"]

_BUDGET: Final = 0.02  # share of one CPU: with a thousand runs, each is looked at less often
_LEAST_PAUSE: Final = 0.02
_FORGET_AFTER: Final = 10  # looks after which a thread that nobody waits for any more is let go
_GAP_LOOKS: Final = 128
_CHAIN: Final = 4

_all: weakref.WeakSet[Sampler] = weakref.WeakSet()


class Sampler:
    """Watches operations from one daemon thread, started at the first. Nobody who asks it waits for that thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.trouble = ""
        self.reset()
        _all.add(self)

    def reset(self) -> None:
        """No subject, no thread: as in a new process."""
        self._owner = os.getpid()
        self._operations: dict[Subject, OperationWatch] = {}
        self._threads: dict[int, ThreadWatch] = {}
        self._book = ThreadBook()
        self._gap: Gap | None = None
        self._turn = 0
        self._every = 1.0
        self._started = False
        self._starting = allocate_lock()
        self._bell = allocate_lock()
        self._bell.acquire()
        self._native = 0

    def watch(self, subject: Subject, every: float = 1.0) -> None:
        """Look at an operation from now on, each `every` seconds. Raises RuntimeError when no thread can be started."""
        if os.getpid() != self._owner:
            return
        watch = self._operations[subject] = OperationWatch(subject, max(_LEAST_PAUSE, every))
        self._every = min(self._every, watch.every)
        if not self._started and self._starting.acquire(False):
            try:
                start("hangwatch-sampler", self._run)
                self._started = True
            finally:
                self._starting.release()
        self._wake()

    def unwatch(self, subject: Subject) -> None:
        """The operation is over."""
        self._operations.pop(subject, None)

    def evidence(self, subject: Subject, moved: bool | None = None, waiting: str | None = None) -> Activity | None:
        """What an operation is doing, from the last looks; None before the first.

        moved: whether its declared progress moved lately, None when it declares none. waiting: the reason of a declared
        wait that it is in. Reads no file, waits for nobody.
        """
        watch = self._operations.get(subject)
        if watch is None or os.getpid() != self._owner:
            return None
        sight = self._sight(watch, moved, waiting)
        return conclude(sight) if sight.samples or sight.tasks or waiting is not None or moved else None

    def _sight(self, watch: OperationWatch, moved: bool | None, waiting: str | None) -> Sight:
        thread = self._threads.get(watch.subject.native)
        samples = thread.samples if thread is not None else ()
        wait = watch.last_wait(samples)
        return Sight(
            now=self._clock(),
            started=watch.subject.started,
            every=self._every,
            samples=samples,
            tasks=watch.tasks,
            gap=self._gap if self._gap is not None and self._gap.ended > watch.subject.started else None,
            base=watch.subject.base,
            moved=moved,
            waiting=waiting,
            beyond=self._beyond(
                wait.thread if wait else None, watch, {watch.subject.native} if not watch.tasks else set()
            ),
        )

    def _beyond(self, native: int | None, watch: OperationWatch, seen: set[int]) -> Sight | None:
        """The thread that is waited for, and whom that waits for in turn."""
        thread = self._threads.get(native) if native is not None else None
        if thread is None or native in seen or len(seen) > _CHAIN or not thread.samples:
            return None
        wait = thread.samples[-1].wait
        return Sight(
            now=self._clock(),
            started=-math.inf,
            every=self._every,
            samples=thread.samples,
            beyond=self._beyond(wait.thread if wait else None, watch, seen | {thread.native}),
        )

    def _shortest(self) -> float:
        return min((watch.every for watch in list(self._operations.values())), default=1.0)

    def _wake(self) -> None:
        with suppress(RuntimeError):  # it has been rung
            self._bell.release()

    def _run(self) -> None:
        bell = self._bell  # after a fork there is another one
        nap = allocate_lock()  # never released: `time.sleep` is gevent's where that has patched it
        nap.acquire()
        self._native = native_here()
        tired = 0.0
        while bell is self._bell:
            if not self._operations:
                self._threads.clear()
                bell.acquire()
                continue
            # Kept, for each record of a run asks: with 10,000 runs that would be 100 million steps from beat to beat.
            self._every = self._shortest()
            pause = max(self._every - tired, _LEAST_PAUSE)
            try:
                before = Clocks.now(self._native, self._clock)
                if bell.acquire(True, pause):
                    # What has just begun has nothing to show yet; and of many that begin, none wakes this thread again.
                    nap.acquire(True, _LEAST_PAUSE)
                tired = self._tick(before, pause)
            except Exception as error:  # noqa: BLE001 (the sampler must outlive whatever it meets)
                self.trouble = _told(error)
                tired = 0.0

    def _tick(self, before: Clocks, pause: float) -> float:
        """Look at everything once; returns the seconds that it took."""
        now = self._clock()
        looks = self._looks(before, now) if now - before.at - pause >= LEAST else {}
        self._look_at_threads(now)
        if now - before.at - pause >= LEAST:
            after = Clocks.now(self._native, self._clock)._replace(at=now)
            self._gap = gap_of(before, after, pause, self._with_slices(looks)) or self._gap
        self._book.look(now)
        budget = time.thread_time() + self._every * _BUDGET
        self._turn += find_waits(self._in_turn(), self._threads, self._book, now, budget)
        return self._clock() - now

    def _looks(self, before: Clocks, now: float) -> dict[int, Look]:
        """Where all threads stand at the first chance after a gap, before anything lets them run on."""
        home = next((subject.home for subject in list(self._operations)), None)
        if home is None:  # the last operation ended while this thread waited to run
            return {}
        frames = current_frames()
        found = {}
        for thread in known_threads()[:_GAP_LOOKS]:
            if thread.native_id in before.threads and thread.native_id != self._native and thread.ident in frames:
                found[thread.native_id or 0] = Look(walk(frames[thread.ident or 0], home, now=now), thread.name)
        return found

    def _with_slices(self, looks: dict[int, Look]) -> dict[int, Look]:
        for native, watch in self._threads.items():
            samples = watch.samples
            if (
                native in looks
                and len(samples) > 1
                and samples[-2].slices is not None
                and samples[-1].slices is not None
            ):
                looks[native] = looks[native]._replace(slices=samples[-1].slices - samples[-2].slices)
        return looks

    def _in_turn(self) -> list[OperationWatch]:
        """The operations, from the one on that no time was left for at the last look."""
        operations = list(self._operations.values())
        first = self._turn % len(operations) if operations else 0
        return operations[first:] + operations[:first]

    def _look_at_threads(self, now: float) -> None:
        self._enrol(now)
        watches = self._threads_due(now)
        wanting = [watch for watch in watches if watch.wants_frames()] if can_walk() else []
        if wanting:
            self._see(wanting, now)
        for watch in watches:
            watch.measure(now)

    def _threads_due(self, now: float) -> list[ThreadWatch]:
        watches = list(self._threads.values())
        room = max(20, int(self._every * _BUDGET / 0.0002))
        if len(watches) <= room:
            return watches
        return sorted(watches, key=lambda watch: watch.last.at if watch.last else -math.inf)[:room]

    @staticmethod
    def _see(watches: Iterable[ThreadWatch], now: float) -> None:
        frames = current_frames()
        for watch in watches:
            watch.see(frames.get(watch.ident), now)
        frames.clear()

    def _enrol(self, now: float) -> None:
        """Threads of operations have a watch, and those that are waited for; others are let go."""
        for operation in list(self._operations.values()):
            subject = operation.subject
            watch = self._threads.get(subject.native)
            if watch is None or watch.ident != subject.ident:
                watch = self._threads[subject.native] = ThreadWatch(subject.ident, subject.native, subject.home)
                watch.stop = frozenset({subject.base} - {0})
            watch.wanted_at = now
        limit = now - _FORGET_AFTER * self._every
        for native in [native for native, watch in self._threads.items() if watch.wanted_at < limit]:
            del self._threads[native]


def _told(error: Exception) -> str:
    """The type of our own error and its place, for the sender to report."""
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    at = f"{os.path.basename(traceback.tb_frame.f_code.co_filename)}:{traceback.tb_lineno}" if traceback else "?"
    return f"{type(error).__name__} at {at}"


def _after_fork() -> None:
    for sampler in list(_all):
        sampler.reset()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
