"""The interpreter's own threads, also where gevent has put greenlets in their place."""

from __future__ import annotations

import _thread
import sys
import threading
from collections.abc import Callable
from typing import Any

__all__ = ["allocate_lock", "ident_here", "known_threads", "native_here", "start"]


def _original(name: str) -> Any:
    """A function of `_thread` as it was before gevent's monkey patching."""
    monkey = sys.modules.get("gevent.monkey")
    if monkey is not None and monkey.is_module_patched("threading"):
        return monkey.get_original("_thread", name)
    return getattr(_thread, name)


def ident_here() -> int:
    """The caller's ident, the key of its frames."""
    return int(_original("get_ident")())


def native_here() -> int:
    """The kernel's id of the caller's thread. Not from its Thread object: after a fork that one is stale on 3.11."""
    return threading.get_native_id() if hasattr(threading, "get_native_id") else 0


def allocate_lock() -> Any:
    """A lock that blocks a thread, not a greenlet."""
    return _original("allocate_lock")()


def start(name: str, work: Callable[[], None]) -> None:
    """Start a daemon thread; under gevent a real one, for a greenlet would stand still with the operation.

    Raises RuntimeError when no thread can be started.
    """
    if _original("start_new_thread") is _thread.start_new_thread:
        threading.Thread(target=work, name=name, daemon=True).start()
    else:
        _original("start_new_thread")(work, ())


def known_threads() -> list[threading.Thread]:
    """The threads that Python knows of. `threading.enumerate()` would wait for a lock that a hung thread may hold."""
    active: dict[int, threading.Thread] = getattr(threading, "_active", {})
    return list(active.values())
