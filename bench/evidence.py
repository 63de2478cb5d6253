"""What watching costs: CPU of the sampler by threads, and the slow-down of an operation with a heartbeat around it.

    python -m bench.evidence [--fours 300] [--json FILE]

It takes some four minutes, and needs Linux: the CPU of single threads is read from clocks that it has.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from heartbeat_client import Heartbeat, configure

from .intervals import Middle
from .slow_down import SlowDown, computing, exchanging, slow_down, spread

WATCHED = (1, 100, 1000)


def cpu_of_watching(count: int, seconds: float = 10.0) -> dict[str, Any]:
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


def _told(middle: Middle) -> str:
    return f"{middle.median - 1:+.2%} ({middle.low - 1:+.2%} to {middle.high - 1:+.2%})"


def _print(costs: Sequence[dict[str, Any]], found: Sequence[SlowDown]) -> None:
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    print("\nCPU of watching threads that stand still, one run each:")
    for cost in costs:
        print(f"  {cost['threads and runs']:>5} threads and runs  {cost['share of one core']:7.2%} of one core")
    print(
        "\nCPU of an operation with a heartbeat, against without: median, and where it lies with 95 % (target: +0.50%)"
    )
    for one in found:
        print(f"  {one.operation:<20} its own thread {_told(one.with_one)}, our threads {one.own:+.2%}")
        print(f"  {'':<20} noise, without against without {_told(one.noise)}, {one.with_one.n} times four blocks")
        for name, values in one.latencies.items():
            item = {key: 1e6 * seconds for key, seconds in spread(values).items()}
            print(f"  {'':<20} {name:>7}: an item takes {item['median']:.1f} µs, 99 % at most {item['p99']:.1f} µs")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and write JSON where asked to."""
    parser = argparse.ArgumentParser(description="what watching costs")
    parser.add_argument("--fours", type=int, default=300, help="fours of blocks, for each operation")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)
    configure(store="off", interval="1h")
    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere), exchanging() as exchange, computing() as compute:
        found = [slow_down(compute, options.fours), slow_down(exchange, options.fours, each=True)]
        costs = [cpu_of_watching(count) for count in WATCHED]
    _print(costs, found)
    if options.json:
        results = {"cpu": costs, "slow_down": [one.as_json() for one in found]}
        options.json.write_text(json.dumps(results, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
