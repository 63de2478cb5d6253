"""A process that goes through every storm at once, under heartbeats, and says at its end what it has left behind.

    python -m tests.churn.churning SECONDS [--gevent] [--sidecar]

The store is that of the environment. It prints one line of JSON; SIGABRT makes it say where all its threads stand.
"""

from __future__ import annotations

import sys

if "--gevent" in sys.argv:
    from gevent import monkey  # type: ignore[import-untyped]  # it ships no types

    monkey.patch_all()

import argparse
import collections
import faulthandler
import gc
import json
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

from heartbeat_client import Heartbeat, configure, flush
from heartbeat_client.lifecycle import works

from .figures import figures, open_links
from .forking import UNEXPECTED
from .storms import BEAT_EVERY, HELD, NOT_UNDER_GEVENT, STORMS, give_way

SETTLE_SECONDS = 20.0


def _begin_disturbances() -> None:
    """Threads that change places, collections that let others run, and a signal, all every few milliseconds."""
    sys.setswitchinterval(0.0005)
    gc.callbacks.append(lambda phase, facts: give_way())
    gc.set_threshold(200)
    _when_alarmed(_on_alarm)
    signal.setitimer(signal.ITIMER_REAL, 0.007, 0.007)


def _when_alarmed(handler: Callable[..., None]) -> None:
    """Under gevent by its own means: a handler of Python's may run in the hub, where none of its locks may be taken."""
    if "gevent" in sys.modules:
        sys.modules["gevent"].signal_handler(signal.SIGALRM, handler)
    else:
        signal.signal(signal.SIGALRM, handler)


def _end_disturbances() -> None:
    sys.setswitchinterval(0.005)
    signal.setitimer(signal.ITIMER_REAL, 0)
    gc.callbacks.clear()
    gc.set_threshold(700, 10, 10)


def _on_alarm(*_: object) -> None:
    for beating in _alarmed:
        beating.advance()
        beating.note("in a signal handler")


_alarmed: list[Heartbeat] = []


def _repeat(storm: Callable[[], None], until: float, done: collections.Counter[str]) -> None:
    while time.monotonic() < until:
        try:
            storm()
        except Exception as error:  # noqa: BLE001 (whatever it is, it is reported)
            UNEXPECTED.append(f"{storm.__name__}: {type(error).__name__}: {error}")
            return
        done[storm.__name__] += 1
        time.sleep(0.01)


def _churn(seconds: float, storms: list[Callable[[], None]]) -> collections.Counter[str]:
    """All storms at once, each on a thread of its own, and forks on the main thread too."""
    done: collections.Counter[str] = collections.Counter()
    until = time.monotonic() + seconds
    with Heartbeat("churn", total=1_000_000) as churn, Heartbeat("inner"):
        _alarmed.append(churn)
        _begin_disturbances()
        workers = [threading.Thread(target=_repeat, args=(storm, until, done)) for storm in storms]
        for worker in workers:
            worker.start()
        _repeat(storms[-1], until, done)
        for worker in workers:
            worker.join()
        _end_disturbances()
        _alarmed.clear()
    return done


def _settled(before: dict[str, int]) -> dict[str, int]:
    """The figures when they are what they were, or when waiting for that is no use."""
    give_up = time.monotonic() + SETTLE_SECONDS
    while True:
        flush(2)
        gc.collect()
        after = {**figures(), "held": len(HELD)}
        if all(after[name] <= before[name] for name in after) or time.monotonic() > give_up:
            return after
        time.sleep(0.1)


def _still_looks() -> bool:
    """Whether the sampler looks at an operation that begins now."""
    with Heartbeat("at the end"):
        looked, give_up = works().sampler._turn, time.monotonic() + SETTLE_SECONDS
        while works().sampler._turn == looked and time.monotonic() < give_up:
            time.sleep(BEAT_EVERY)
        if works().sampler._turn == looked:
            faulthandler.dump_traceback(all_threads=True)
        return works().sampler._turn > looked


def _warmed_up() -> dict[str, int]:
    """The figures of a process that has beaten: all threads run, the store is open."""
    with Heartbeat("warm-up"):
        time.sleep(4 * BEAT_EVERY)
    flush(10)
    return {**figures(), "held": 0}


def main() -> int:
    """Churn, and report."""
    faulthandler.enable()
    parser = argparse.ArgumentParser(description="churn under heartbeats")
    parser.add_argument("seconds", type=float)
    parser.add_argument("--gevent", action="store_true")
    parser.add_argument("--sidecar", action="store_true")
    options = parser.parse_args()
    configure(
        service="churn", evidence="full", beat_every=BEAT_EVERY, flush_timeout=0.2, sidecar=options.sidecar or None
    )
    storms = [storm for storm in STORMS if not options.gevent or storm.__name__ not in NOT_UNDER_GEVENT]
    before, links = _warmed_up(), open_links()
    print("churning", flush=True)
    done = _churn(options.seconds, storms)
    report: dict[str, Any] = {
        "still looks": _still_looks(),
        "storms": {storm.__name__: done[storm.__name__] for storm in storms},
        "before": before,
        "after": _settled(before),
        "left open": dict(open_links() - links),
        "collector": gc.isenabled(),
        "looked": works().sampler._turn,
        "trouble": works().sampler.trouble,
        "unexpected": sorted(set(UNEXPECTED)),
    }
    print(json.dumps(report), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
