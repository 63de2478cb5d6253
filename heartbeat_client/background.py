"""A daemon thread that works when woken, or when what it worked on last says that it is time again."""

from __future__ import annotations

import math
import queue
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from .process import this_process
from .shield import SHIELD

__all__ = ["Background"]

_AFTER_AN_ERROR = 1.0


class Background:
    """Runs `work` on a thread of its own, started at the first wake.

    work returns the seconds until it wants to run again, None: not until woken. What it raises is logged, and it runs
    again after a second.
    """

    def __init__(
        self, name: str, work: Callable[[], float | None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock = clock
        self._name = name
        self._work = work
        self._lock = threading.RLock()
        # An Event or Condition deadlocks when a signal handler sets it while its own thread does; this queue may be
        # put to from anywhere.
        self._bell: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._rung = False
        self._planned = math.inf
        self._thread: threading.Thread | None = None

    def wake(self, by: float = -math.inf) -> None:
        """Let the work be done by a monotonic time, at once by default; does not wait for that.

        Raises RuntimeError when no thread can be started.
        """
        if self._thread is None:
            self._start()
        # Each needless wake costs two switches of thread, which is most of what a short run costs its operation.
        if not self._rung and self._planned > by:
            self._rung = True
            self._bell.put(None)

    @property
    def is_here(self) -> bool:
        """Whether the caller is on this thread."""
        return threading.current_thread() is self._thread

    @property
    def started(self) -> bool:
        """Whether there is a thread."""
        return self._thread is not None

    def _start(self) -> None:
        with self._lock:
            if self._thread is None:
                thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                thread.start()
                self._thread = thread

    def _run(self) -> None:
        pause: float | None = None
        process = this_process()
        while True:
            with suppress(queue.Empty):
                self._bell.get(timeout=pause)
            if process != this_process():
                pause = None  # under gevent threads are greenlets: they go on in a forked child, and can't end there
                continue
            self._rung, self._planned = False, math.inf
            pause = _AFTER_AN_ERROR
            with SHIELD:
                pause = self._work()
                pause = None if pause is None else max(0.0, pause)
            self._planned = math.inf if pause is None else self._clock() + pause
