"""What watching costs: CPU of the sampler by threads, and the slow-down of an operation with a heartbeat around it.

    python -m bench.evidence [--rounds 9] [--json FILE]

The slow-down is measured in alternation, with and without a heartbeat, in one process; the spread says how much of
it is noise.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from heartbeat_client import Heartbeat, configure

SECONDS = 1.0
WATCHED = (1, 100, 1000)


def cpu_of_watching(count: int, seconds: float = 5.0) -> dict[str, Any]:
    """CPU that a process spends while so many threads stand still under a heartbeat each, as a share of one core."""
    go, ready = threading.Event(), threading.Semaphore(0)

    def operation(number: int) -> None:
        with Heartbeat("standing", run_id=f"bench-{os.getpid()}-{count}-{number}"):
            ready.release()
            go.wait()

    threads = [threading.Thread(target=operation, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for _ in threads:
        ready.acquire()
    time.sleep(2)
    spent, began = time.process_time(), time.monotonic()
    time.sleep(seconds)
    share = (time.process_time() - spent) / (time.monotonic() - began)
    go.set()
    for thread in threads:
        thread.join()
    return {"threads and runs": count, "share of one core": share}


def busy() -> int:
    """An operation that computes: returns how often it got round in SECONDS."""
    ends, rounds = time.perf_counter() + SECONDS, 0
    while time.perf_counter() < ends:
        sum(number * number for number in range(200))
        rounds += 1
    return rounds


def waiting() -> int:
    """An operation that waits, for a pipe: returns how often it got round in SECONDS."""
    reader, writer = os.pipe()
    ends, rounds = time.perf_counter() + SECONDS, 0
    while time.perf_counter() < ends:
        os.write(writer, b"x" * 4096)
        os.read(reader, 4096)
        rounds += 1
    os.close(reader)
    os.close(writer)
    return rounds


def slow_down(operation: Callable[[], int], rounds: int) -> dict[str, Any]:
    """The ratio of time with a heartbeat to time without, pair by pair; and without to without, which is the noise."""
    ratios, noise = [], []
    for _ in range(rounds):
        before = operation()
        with Heartbeat("measured"):
            with_one = operation()
        after = operation()
        ratios.append((before + after) / 2 / with_one)
        noise.append(before / after)
    name = operation.__name__
    return {"operation": name, "ratio": _spread(ratios), "noise": _spread(noise)}


def _spread(values: Sequence[float]) -> dict[str, float]:
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and write JSON where asked to."""
    parser = argparse.ArgumentParser(description="what watching costs")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)
    configure(store="off", interval="1h")
    costs = [cpu_of_watching(count) for count in WATCHED]
    slow_downs = [slow_down(operation, options.rounds) for operation in (busy, waiting)]
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores")
    print("\nCPU of watching threads that stand still, one run each:")
    for cost in costs:
        print(f"  {cost['threads and runs']:>5} threads and runs  {cost['share of one core']:7.2%} of one core")
    print("\nTime of an operation with a heartbeat, against without (target: below 1.005):")
    for found in slow_downs:
        ratio, noise = found["ratio"], found["noise"]
        print(
            f"  {found['operation']:<8} median {ratio['median']:.4f}  ({ratio['min']:.4f} to {ratio['max']:.4f});"
            f" noise {noise['min']:.4f} to {noise['max']:.4f}"
        )
    if options.json:
        options.json.write_text(json.dumps({"cpu": costs, "slow_down": slow_downs}, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
