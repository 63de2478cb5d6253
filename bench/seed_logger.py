"""The class that the first user wrapped long operations in before Hangwatch, written anew after their plan for it.

What it does, and in which order, is theirs: a line to the log and one to stdout at the start, at once a first "still
running", then one each interval from a `threading.Timer` that starts the next; at the end the timer is cancelled. It
never looks at the work. Its weakness is kept too: the keyword is `interval_seconds` alone.
"""

from __future__ import annotations

import logging
import threading
import time
from types import TracebackType
from typing import Literal

__all__ = ["SeedHeartbeatLogger"]

logger = logging.getLogger(__name__)


class SeedHeartbeatLogger:
    """Logs and prints that an operation still runs, each `interval_seconds`, for as long as its `with` lasts."""

    def __init__(self, operation_name: str, interval_seconds: float = 300) -> None:
        self.operation_name = operation_name
        self.interval = interval_seconds
        self.start_time = 0.0
        self.timer: threading.Timer | None = None
        self._active = False

    def __enter__(self) -> SeedHeartbeatLogger:
        self.start_time = time.time()
        self._active = True
        self._tell(logging.INFO, "💓", f"HEARTBEAT START: {self.operation_name}")
        self._beat()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> Literal[False]:
        self._active = False
        if self.timer is not None:
            self.timer.cancel()
        if kind is not None:
            ending = f"HEARTBEAT END (ERROR): {self.operation_name} failed after {self._minutes:.1f} min"
            self._tell(logging.ERROR, "❌", ending)
        else:
            self._tell(logging.INFO, "✅", f"HEARTBEAT END: {self.operation_name} completed in {self._minutes:.1f} min")
        return False

    @property
    def _minutes(self) -> float:
        return (time.time() - self.start_time) / 60

    def _beat(self) -> None:
        """Say that it still runs, and have a timer do the same after the interval."""
        if not self._active:
            return
        still = f"HEARTBEAT: {self.operation_name} still running ({self._minutes:.1f} min elapsed)"
        self._tell(logging.INFO, "💓", still)
        self.timer = threading.Timer(self.interval, self._beat)
        self.timer.daemon = True
        self.timer.start()

    @staticmethod
    def _tell(level: int, sign: str, text: str) -> None:
        logger.log(level, text)
        print(sign, text, flush=True)
