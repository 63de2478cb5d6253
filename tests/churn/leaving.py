"""A short process that ends while it is looked at, in one of several ways: `python -m tests.churn.leaving WAY`."""

from __future__ import annotations

import faulthandler
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable

from heartbeat_client import Heartbeat, configure
from heartbeat_client.lifecycle import works

from .storms import BEAT_EVERY, raising

__all__ = ["WAYS"]


def _returns() -> None:
    """Leave with daemon threads that never end."""


def _exits() -> None:
    sys.exit(0)


def _exits_at_once() -> None:
    os._exit(0)


def _is_asked_to_leave() -> None:
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(10)


def _forks_and_leaves() -> None:
    child = os.fork()
    if child:
        os.waitpid(child, 0)


# The exit status of each: SIGTERM's handler is Python's default behind ours.
WAYS: dict[str, tuple[Callable[[], None], int]] = {
    "returns": (_returns, 0),
    "exits": (_exits, 0),
    "exits_at_once": (_exits_at_once, 0),
    "is_asked_to_leave": (_is_asked_to_leave, -signal.SIGTERM),
    "forks_and_leaves": (_forks_and_leaves, 0),
}


def _for_ever() -> None:
    with Heartbeat("a daemon's"):
        while True:
            raising()


def main(way: str) -> None:
    """Begin, and leave in the midst of it."""
    faulthandler.enable()
    configure(service="churn", evidence="full", beat_every=BEAT_EVERY, flush_timeout=0.2, on_sigterm=True)
    for _ in range(3):
        threading.Thread(target=_for_ever, daemon=True).start()
    beating = Heartbeat("leaves")
    beating.__enter__()
    time.sleep(0.05 + random.random() * 0.15)
    print(works().sampler._turn, flush=True)
    WAYS[way][0]()


if __name__ == "__main__":
    main(sys.argv[1])
