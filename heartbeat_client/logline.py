"""The lines that people read: what they say, letter for letter, and the way out that is open to them.

A `gcloud logging read textPayload:HEARTBEAT` filter depends on the text. Lines go through `logging`; where no handler
would show them (a bare container) they are printed, never both.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections import deque
from typing import TextIO

__all__ = ["Speaker", "counted", "end_line", "report", "say", "start_line", "still_running_line"]

logger = logging.getLogger("heartbeat_client")


def start_line(name: str) -> str:
    """The line of a run that begins."""
    return f"HEARTBEAT START: {name}"


def still_running_line(name: str, elapsed: float, known: str = "") -> str:
    """The line of a run that goes on; elapsed in seconds, known: what else is known, from `counted`."""
    return f"HEARTBEAT: {name} still running ({elapsed / 60:.1f} min elapsed){known and ' ' + known}"


def end_line(name: str, elapsed: float, *, failed: bool) -> str:
    """The line of a run that is over; elapsed in seconds."""
    if failed:
        return f"HEARTBEAT END (ERROR): {name} failed after {elapsed / 60:.1f} min"
    return f"HEARTBEAT END: {name} completed in {elapsed / 60:.1f} min"


def counted(done: int, total: int | None, rate: float | None) -> str:
    """Progress in brackets: `(250/450, 55 %, 12.1/s)`, or `(250, 12.1/s)` when nobody knows the total."""
    parts = [str(done) if total is None else f"{done}/{total}"]
    if total:
        parts.append(f"{100 * done // total} %")
    if rate is not None:
        parts.append(_rate(rate))
    return f"({', '.join(parts)})"


def _rate(rate: float) -> str:
    # A rate of 0.0/s would say that nothing moves.
    for unit, seconds in (("s", 1), ("min", 60)):
        if rate * seconds >= 0.05:
            return f"{rate * seconds:.1f}/{unit}"
    return f"{rate * 3600:.1f}/h"


def say(level: int, text: str) -> None:
    """Log a line, or print it to stdout where no handler would show it; an exit that is closed is no error."""
    _out(level, text, sys.stdout)


def report(level: int, text: str) -> None:
    """Log what is wrong with Hangwatch itself or with how it is used; on stderr where no handler would show it."""
    _out(level, text, sys.stderr)


def _out(level: int, text: str, stream: TextIO | None) -> None:
    try:
        if _shown(level):
            logger.log(level, "%s", text)
        elif stream is not None:
            _print(text, stream)
    except Exception:  # noqa: BLE001, S110 (the exit of a line may be broken in any way; there is nobody left to tell)
        pass


def _print(text: str, stream: TextIO) -> None:
    try:
        print(text, file=stream, flush=True)
    except UnicodeEncodeError:
        print(text.encode("ascii", "backslashreplace").decode(), file=stream, flush=True)


def _shown(level: int) -> bool:
    """Whether a handler on the way from our logger to the root would show this level; `lastResort` is no handler."""
    if not logger.isEnabledFor(level):
        return False
    at: logging.Logger | None = logger
    while at is not None:
        for handler in at.handlers:
            if handler.level <= level and not isinstance(handler, logging.NullHandler):
                return True
        at = at.parent if at.propagate else None
    return False


class Speaker:
    """Says lines from short-lived threads, so that a handler that hangs holds up neither sender nor pulse.

    A handler hangs when stdout's reader is stuck, or when the very operation that hangs holds its lock.
    While one thread is stuck no other is started; of the lines that come meanwhile the latest are kept.
    """

    def __init__(self, keep: int = 100) -> None:
        self._lines: deque[tuple[int, str, bool]] = deque(maxlen=keep)
        self._lock = threading.Lock()
        self._speaking = False

    def say(self, level: int, text: str) -> None:
        """Say a line as `say` does, soon and from another thread."""
        self._speak((level, text, False))

    def report(self, level: int, text: str) -> None:
        """Say a line as `report` does, soon and from another thread."""
        self._speak((level, text, True))

    def _speak(self, line: tuple[int, str, bool]) -> None:
        with self._lock:
            self._lines.append(line)
            if self._speaking:
                return
            self._speaking = True
        try:
            threading.Thread(target=self._drain, name="hangwatch-lines", daemon=True).start()
        except RuntimeError:  # the interpreter is shutting down, or the process has no thread left
            self._speaking = False

    def _drain(self) -> None:
        while (line := self._next()) is not None:
            level, text, own = line
            (report if own else say)(level, text)

    def _next(self) -> tuple[int, str, bool] | None:
        with self._lock:
            self._speaking = bool(self._lines)
            return self._lines.popleft() if self._lines else None
