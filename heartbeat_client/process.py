"""Which process this is. A forked child has its parent's objects, and must neither beat for its runs nor close them."""

from __future__ import annotations

import os

__all__ = ["this_process"]

_pid = os.getpid()


def this_process() -> int:
    """This process's id, without a system call: it is asked for each item that somebody counts."""
    return _pid


def _after_fork_in_child() -> None:
    global _pid  # noqa: PLW0603 (a process has one id)
    _pid = os.getpid()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
