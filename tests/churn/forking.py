"""Children of a process that is watched, and what went wrong with them."""

from __future__ import annotations

import gc
import os
import posix
import random
import signal
import sys
import threading
import time

from heartbeat_client import Heartbeat, flush

__all__ = ["UNEXPECTED", "forks"]

# What went wrong and would otherwise be seen by nobody: a child that ended badly, a collector left switched off.
UNEXPECTED: list[str] = []

_CHILD_SECONDS = 30.0


def _leave_at_once() -> None:
    os._exit(0)


def _leave_with_a_heartbeat() -> None:
    _beat()
    flush(10)
    os._exit(0)


def _beat() -> None:
    with Heartbeat("in a child", total=2) as beating:
        for _ in beating.track(range(2)):
            time.sleep(random.random() * 0.05)


def _leave_with_threads() -> None:
    started = [threading.Thread(target=_beat) for _ in range(4)]
    for one in started:
        one.start()
    for one in started:
        one.join()
    _leave_with_a_heartbeat()


def forks() -> None:
    """Children that leave at once, inside of their parent's heartbeat, with one of their own, and with threads."""
    with Heartbeat("forks"):
        child = os.fork()
        if child == 0:
            _in_the_child()
        _await(child)


def _in_the_child() -> None:
    try:
        if not gc.isenabled():
            os._exit(3)
        if "gevent" in sys.modules:  # its greenlets, and with them all other storms, would go on in here
            os._exit(0)
        signal.setitimer(signal.ITIMER_REAL, 0)
        random.choice((_leave_at_once, _leave_with_a_heartbeat, _leave_with_threads))()
    finally:
        os._exit(4)


def _status(child: int) -> int | None:
    """How a child ended, None while it lives, from the kernel.

    Under gevent os.waitpid() asks gevent, whom the end of a child may pass by for ever where gunicorn's worker has many
    and the machine is overrun (seen: a zombie that it still waited for a minute later).
    """
    try:
        ended, status = posix.waitpid(child, os.WNOHANG)
    except ChildProcessError:  # gevent was first
        ended, status = os.waitpid(child, os.WNOHANG)
    return status if ended else None


def _await(child: int) -> None:
    """Wait for a child; one that hangs is made to say where."""
    give_up = time.monotonic() + _CHILD_SECONDS
    while (status := _status(child)) is None and time.monotonic() < give_up:
        time.sleep(0.01)
    if status is None:
        os.kill(child, signal.SIGABRT)
        _, status = posix.waitpid(child, 0)
        UNEXPECTED.append("a child deadlocked")
    code = os.waitstatus_to_exitcode(status)
    if code:
        UNEXPECTED.append({3: "a child has its collector switched off"}.get(code, f"a child ended with {code}"))
