"""A limit on how long a call may take, for calls that have none of their own or can't keep it.

A timeout of requests bounds each read of a socket, not the whole, and nothing bounds the look-up of a host's name or of
credentials. So the call runs on a thread of its own, which is left behind when its time is up.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar

__all__ = ["TimeUp", "within"]

T = TypeVar("T")


class TimeUp(Exception):
    """A call did not come to its end in time; it may still be going on."""


def within(seconds: float, call: Callable[[], T]) -> T:
    """What `call` returns or raises, or `TimeUp` after so many seconds; its thread is a daemon and holds up no exit."""
    came: dict[str, Any] = {}

    def run() -> None:
        try:
            came["value"] = call()
        except BaseException as error:  # noqa: BLE001 - raised again by whoever waits
            came["error"] = error

    thread = threading.Thread(target=run, name="hangwatch within", daemon=True)
    thread.start()
    thread.join(max(0.0, seconds))
    if "error" in came:
        raise came["error"]
    if "value" not in came:
        raise TimeUp
    value: T = came["value"]
    return value
