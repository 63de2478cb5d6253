"""What a heartbeat costs the operation inside of it, measured by CPU time, which other programs' load does not touch.

Short blocks of fixed work, with a heartbeat and without, in turns: without, with, with, without, and the next four the
other way round, so that what drifts or warms up falls on both alike. Of each four one ratio is taken; the same is done
with the two that have none, which tells the noise of the method. Before a block is timed the sampler has looked once,
so that the operation's frames bear its marks.

What our own threads use while the operation goes on is read from their own clocks, over many seconds at the usual pace.
"""

from __future__ import annotations

import itertools
import os
import socket
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

from heartbeat_client import Heartbeat

from .intervals import Middle, middle_of

__all__ = ["SlowDown", "computing", "exchanging", "slow_down"]

_BLOCK_SECONDS = 0.01  # on a crowded machine shorter blocks and longer ones are less alike than these
_LOOK_SECONDS = 0.03  # a run that begins is looked at after 0.02 s
_OWN_SECONDS = 15.0


@dataclass
class SlowDown:
    """with_one: CPU time of the operation's thread for the same work, with a heartbeat against without.

    noise: without against without. own: what our threads use beside it, as a share of one core. latencies: seconds of
    single items, without and with, empty where the operation has none.
    """

    operation: str
    with_one: Middle
    noise: Middle
    own: float
    latencies: dict[str, list[float]] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Everything but the single latencies."""
        shares = {name: spread(values) for name, values in self.latencies.items()}
        return {
            "operation": self.operation,
            "with a heartbeat": self.with_one._asdict(),
            "noise": self.noise._asdict(),
            "share of our threads": self.own,
            "seconds of an item": shares,
        }


def spread(seconds: Sequence[float]) -> dict[str, float]:
    """Median and tail."""
    ordered = sorted(seconds)
    return {"median": statistics.median(ordered), "p99": ordered[int(len(ordered) * 0.99)]}


class Operation:
    """Work in blocks of a fixed size. `block()` returns the CPU seconds of its thread; `items` the length of each."""

    def __init__(self, name: str, do: Callable[[], None], count: int) -> None:
        self.name = name
        self._do = do
        self._count = count
        self.items: list[float] = []

    def block(self, count_each: bool = False, beating: Heartbeat | None = None) -> float:
        """Do it; count_each: keep the length of each item. beating: what counts them, begun and ended off the clock."""
        numbers = range(self._count + 2)
        items = iter(beating.track(numbers) if beating is not None else numbers)
        next(items)
        do = self._do_and_keep if count_each else self._do
        began = time.thread_time()
        for _ in itertools.islice(items, self._count):
            do()
        took = time.thread_time() - began
        for _ in items:
            pass
        return took

    def _do_and_keep(self) -> None:
        start = time.perf_counter()
        self._do()
        self.items.append(time.perf_counter() - start)


@contextmanager
def computing() -> Iterator[Operation]:
    """An operation that only computes; a block takes some 10 ms."""

    def once() -> None:
        sum(number * number for number in range(2000))

    yield Operation("computes", once, _fitting(once, _BLOCK_SECONDS))


@contextmanager
def exchanging() -> Iterator[Operation]:
    """An operation that sends 4 KB to another process and waits for them to come back; a block takes some 10 ms."""
    here, there = socket.socketpair()
    child = os.fork()
    if child == 0:
        here.close()
        _echo(there)
    there.close()

    def once() -> None:
        here.sendall(b"x" * 4096)
        left = 4096
        while left:
            left -= len(here.recv(left))

    try:
        yield Operation("sends and receives", once, _fitting(once, _BLOCK_SECONDS))
    finally:
        here.close()
        os.waitpid(child, 0)


def _echo(there: socket.socket) -> None:
    try:
        while some := there.recv(4096):
            there.sendall(some)
    finally:
        os._exit(0)


def _fitting(once: Callable[[], None], seconds: float) -> int:
    """How often something is done in so many seconds, from a try."""
    lengths = []
    for _ in range(200):
        began = time.perf_counter()
        once()
        lengths.append(time.perf_counter() - began)
    return max(1, round(seconds / statistics.median(lengths)))


def slow_down(operation: Operation, fours: int, each: bool = False, seconds: float = _OWN_SECONDS) -> SlowDown:
    """Measure an operation in so many fours of blocks; each: also the length of each item.

    seconds: for which our threads are looked at.
    """
    latencies: dict[str, list[float]] = {"without": [], "with": []} if each else {}
    ratios, noise = [], []
    for number in range(fours):
        order = (False, True, True, False) if number % 2 == 0 else (True, False, False, True)
        took: dict[bool, list[float]] = {False: [], True: []}
        for beats in order:
            took[beats].append(_block(operation, beats, each))
            if each:
                latencies["with" if beats else "without"] += operation.items
                operation.items.clear()
        ratios.append(sum(took[True]) / sum(took[False]))
        noise.append(took[False][number % 2] / took[False][1 - number % 2])
    return SlowDown(operation.name, middle_of(ratios), middle_of(noise), _own_share(operation, seconds), latencies)


def _block(operation: Operation, beats: bool, each: bool) -> float:
    with Heartbeat("measured") if beats else nullcontext() as beating:
        time.sleep(_LOOK_SECONDS)
        operation.block()
        return operation.block(each, beating)


def _own_share(operation: Operation, seconds: float) -> float:
    """CPU that our threads use while the operation goes on under one heartbeat, as a share of one core."""
    with Heartbeat("measured"):
        operation.block()
        before, began = _of_our_threads(), time.monotonic()
        while time.monotonic() - began < seconds:
            operation.block()
        return (_of_our_threads() - before) / (time.monotonic() - began)


def _of_our_threads() -> float:
    ours = [thread.native_id for thread in threading.enumerate() if thread.name.startswith("hangwatch")]
    return sum(time.clock_gettime((~native << 3) | 6) for native in ours if native)
