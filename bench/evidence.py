"""What watching costs: CPU of the sampler by threads, and the slow-down of an operation with a heartbeat around it.

It needs Linux: the CPU of single threads is read from clocks that it has.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import redirect_stdout
from typing import Any

from heartbeat_client import Heartbeat, configure

from .intervals import Middle
from .results import Result, Table, Target
from .slow_down import SlowDown, computing, exchanging, slow_down, spread

__all__ = ["measure"]

WATCHED = (1, 100, 1000)
_MOST = 0.005


def measure(quick: bool) -> Result:
    """Some seventy seconds; quick: half a minute."""
    fours, watched, seconds = (6, WATCHED[:2], 3.0) if quick else (60, WATCHED, 5.0)
    configure(store="off", interval="1h")
    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere), exchanging() as exchange, computing() as compute:
        print("evidence: an operation with a heartbeat and without", file=sys.stderr)
        own = seconds if quick else 10.0
        found = [slow_down(compute, fours, seconds=own), slow_down(exchange, fours, each=True, seconds=own)]
        print("evidence: threads that stand still", file=sys.stderr)
        costs = [cpu_of_watching(count, seconds) for count in watched]
    figures = {"cpu": costs, "slow_down": [one.as_json() for one in found]}
    tables = [_of_watching(costs), _of_operations(found), _of_items(found)]
    return Result("evidence", tables, [_target(one) for one in found], figures)


def cpu_of_watching(count: int, seconds: float) -> dict[str, Any]:
    """CPU that a process spends while so many threads stand still under a heartbeat each, as a share of one core."""
    going, ready = [threading.Event() for _ in range(count)], threading.Semaphore(0)

    def operation(number: int) -> None:
        with Heartbeat("standing", run_id=f"bench-{os.getpid()}-{count}-{number}"):
            ready.release()
            going[number].wait()

    threads = [threading.Thread(target=operation, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for _ in threads:
        ready.acquire()
    time.sleep(2)
    spent, began = time.process_time(), time.monotonic()
    time.sleep(seconds)
    share = (time.process_time() - spent) / (time.monotonic() - began)
    for go in going:
        go.set()
    for thread in threads:
        thread.join()
    return {"threads and runs": count, "share of one core": share}


def _of_watching(costs: Sequence[dict[str, Any]]) -> Table:
    rows = [(f"{cost['threads and runs']:,}", f"{cost['share of one core']:.2%}") for cost in costs]
    return Table("Threads that stand still", ("threads, one run each", "share of one core"), tuple(rows))


def _of_operations(found: Sequence[SlowDown]) -> Table:
    columns = ("operation, counted with `track()`", "its own thread, with against without", "our threads", "noise")
    rows = [(one.operation, _told(one.with_one), f"{one.own:+.2%}", _told(one.noise)) for one in found]
    note = "CPU time: the median, and where it lies with 95 %. Noise: without against without."
    return Table("An operation with a heartbeat", columns, tuple(rows), note)


def _of_items(found: Sequence[SlowDown]) -> Table:
    rows = []
    for one in found:
        for name, values in one.latencies.items():
            item = {key: 1e6 * seconds for key, seconds in spread(values).items()}
            rows.append((one.operation, name, f"{item['median']:.1f} µs", f"{item['p99']:.1f} µs"))
    return Table("Seconds of one item", ("operation", "heartbeat", "median", "99 % at most"), tuple(rows))


def _target(one: SlowDown) -> Target:
    came = one.with_one.median - 1 + one.own
    limit = "" if came < _MOST else f"the method's own noise, which here is {_told(one.noise)}"
    what = f"an operation that {one.operation}, our threads too"
    return Target(what, f"< {_MOST:.1%} more CPU", f"{came:+.2%}", came < _MOST, limit)


def _told(middle: Middle) -> str:
    return f"{middle.median - 1:+.2%} ({middle.low - 1:+.2%} to {middle.high - 1:+.2%})"
