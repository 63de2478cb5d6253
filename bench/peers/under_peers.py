"""Runs one scenario of the zoo under peers of Hangwatch, as their users would: `python …/under_peers.py NAME`.

What of them, and where they are found, comes as JSON in the environment variable PEERS; a key that is missing is a
peer that is not there. The scenario's own code is the zoo's, and knows nothing of it.
"""

from __future__ import annotations

import asyncio
import faulthandler
import inspect
import json
import logging
import os
import runpy
import signal
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
# In place of this folder, whose modules are not for a scenario to import.
sys.path[0] = str(ROOT)


def main(name: str, given: dict[str, Any]) -> None:
    """Play it until it is killed, or for `ends_after` seconds, and leave it then as one that has done its work."""
    operation = runpy.run_path(str(ROOT / "tests" / "zoo" / "scenarios" / f"{name}.py"), run_name="zoo")["operation"]
    watched = ExitStack()
    if name == "thread_ended":
        _begin_in_a_thread_that_ends(watched, name, given)
    _begin(watched, name, given)
    if "ends_after" in given:
        _end_later(watched, given["ends_after"])
    if inspect.iscoroutinefunction(operation):
        asyncio.run(operation())
    else:
        operation()


def _begin(watched: ExitStack, name: str, given: dict[str, Any]) -> None:
    for peer, enter in PEERS.items():
        if peer in given:
            watched.enter_context(enter(name, **given[peer]))
    began = Path(given["began"])
    began.with_suffix(".new").write_text(str(time.time()))
    began.with_suffix(".new").rename(began)


def _begin_in_a_thread_that_ends(watched: ExitStack, name: str, given: dict[str, Any]) -> None:
    thread = threading.Thread(target=_begin, args=(watched, name, given))
    thread.start()
    thread.join()
    time.sleep(1000)


def _end_later(watched: ExitStack, seconds: float) -> None:
    def end(*_: object) -> None:
        watched.close()
        os._exit(0)

    signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, seconds)


@contextmanager
def _healthchecks(name: str, url: str) -> Iterator[None]:
    """A ping at the start and one at the end, tried anew as its documents advise for curl: `-m 10 --retry 5`."""
    _ping(f"{url}/{name}/start")
    yield
    _ping(f"{url}/{name}")


def _ping(url: str) -> None:
    for _ in range(6):
        with suppress(OSError):
            urllib.request.urlopen(url, timeout=10).close()  # noqa: S310  our own server on loopback
            return


@contextmanager
def _sentry(name: str, dsn: str, config: Any) -> Iterator[None]:
    import sentry_sdk  # its users' import, and not of those who run without it

    sentry_sdk.init(dsn=dsn)
    with sentry_sdk.monitor(monitor_slug=name, monitor_config=config):
        yield
    sentry_sdk.flush()


@contextmanager
def _seed(name: str, interval: float) -> Iterator[None]:
    from bench.seed_logger import SeedHeartbeatLogger

    logging.basicConfig(level=logging.INFO)
    with SeedHeartbeatLogger(name, interval_seconds=interval):
        yield


@contextmanager
def _hanging_threads(_: str, seconds: float) -> Iterator[None]:
    from hanging_threads import start_monitoring  # type: ignore[import-untyped]  # it ships no types

    monitor = start_monitoring(seconds_frozen=seconds)
    yield
    monitor.stop()


@contextmanager
def _faulthandler(_: str, seconds: float, file: str) -> Iterator[None]:
    with open(file, "w") as into:
        faulthandler.dump_traceback_later(seconds, file=into)
        yield
        faulthandler.cancel_dump_traceback_later()


# healthchecks last: its clock begins with the ping, and must not run while others are imported.
PEERS: dict[str, Callable[..., Any]] = {
    "sentry": _sentry,
    "seed": _seed,
    "healthchecks": _healthchecks,
    "hanging_threads": _hanging_threads,
    "faulthandler": _faulthandler,
}

if __name__ == "__main__":
    main(sys.argv[1], json.loads(os.environ.pop("PEERS")))
