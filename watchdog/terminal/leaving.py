"""How a program that has taken a person's screen gives it back, whatever ends it: Ctrl-C, SIGTERM, a closed window."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["ended_well", "undisturbed"]

DYING = (signal.SIGTERM, signal.SIGHUP)
ENDING = (*DYING, signal.SIGINT)


class _Ended(BaseException):
    """A signal asks for the end. Like KeyboardInterrupt it is no `Exception`: nobody must take it for a trouble."""


@contextmanager
def ended_well() -> Iterator[None]:
    """Unwind the block on SIGTERM and SIGHUP, then die of the signal, so that who sent it sees what it caused.

    In a shell that is the status 143 or 129. Ctrl-C is KeyboardInterrupt as ever. Only the first signal counts: another
    one would disturb the unwinding. A signal that was ignored before, as under nohup, stays ignored. Only for the main
    thread: Python handles signals nowhere else.
    """
    first = _First()
    before = {number: signal.getsignal(number) for number in ENDING}
    for number in ENDING:
        if before[number] is not signal.SIG_IGN:
            signal.signal(number, first.came)
    try:
        yield
    except BaseException:
        # A terminal that has gone can't be written to any more, and nobody is there to read about that.
        if first.number not in DYING:
            raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)
    if first.number in DYING:
        signal.signal(first.number, signal.SIG_DFL)
        os.kill(os.getpid(), first.number)


class _First:
    """Hears signals, and raises for the first of them."""

    def __init__(self) -> None:
        self.number = 0

    def came(self, number: int, _: FrameType | None) -> None:
        if self.number == 0:
            self.number = number
            raise KeyboardInterrupt if number == signal.SIGINT else _Ended


@contextmanager
def undisturbed() -> Iterator[None]:
    """Let signals that end the program wait until the block is through; half a change of the screen is none."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    try:
        # This raises where one came just before, so what is undone stands around it.
        signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
