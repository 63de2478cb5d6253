"""Which process this is, and forks: a child has its parent's objects, and the parent's locks as they were.

A child must neither beat for its parent's runs nor close them. And it must not be forked while our sender is inside a
store's library: the lock that it holds there, of an import or in SQLite's C code, would stay locked in the child for
ever, and the child's own first import or query would hang (tried: five of ten children did).
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

__all__ = ["outside_of_forks", "this_process"]

_PATIENCE: Final = 3.0  # how long a fork may wait: longer than an import takes, shorter than a store that hangs


def this_process() -> int:
    """This process's id, without a system call: it is asked for each item that somebody counts."""
    return _process.pid


@contextmanager
def outside_of_forks() -> Generator[None, None, None]:
    """Nobody forks while the block lasts, unless it lasts for seconds. For one thread of a process only."""
    process = _process
    process.make_room()
    with process.gate:
        yield


class _Process:
    """The gate that our sender holds while it is in a store's library, and a fork while it takes place."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.gate = threading.Lock()
        self._forks = 0
        self._held: list[bool] = []

    def make_room(self) -> None:
        """Let a fork that waits go first: a lock that is taken again at once would never be had by anybody else."""
        until = time.monotonic() + _PATIENCE
        while self._forks and time.monotonic() < until:
            time.sleep(0.001)

    def before_fork(self) -> None:
        self._forks += 1
        self._held.append(self.gate.acquire(timeout=_PATIENCE))

    def after_fork(self) -> None:
        self._forks -= 1
        if self._held.pop():
            self.gate.release()


_process = _Process()


def _before_fork() -> None:
    _process.before_fork()


def _after_fork_in_parent() -> None:
    _process.after_fork()


def _after_fork_in_child() -> None:
    global _process  # noqa: PLW0603 (a process has one id)
    _process = _Process()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)
