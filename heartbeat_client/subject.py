"""What is watched: the thread that an operation runs on, its asyncio task, and where in the stack its `with` stands."""

from __future__ import annotations

import os
import sys
import time
import weakref
from collections.abc import Callable
from types import FrameType
from typing import Any

from .frames import Home, mark_of, stdlib_path
from .loops import running_task
from .place import OURS
from .real_threads import ident_here, native_here
from .sample import Since

__all__ = ["Subject"]

_STEPS = 50


class Subject:
    """One operation as the sampler knows it. Holds neither frames nor tasks nor loops.

    ident, native: of its thread. started: monotonic. base: serial of the mark on the frame that holds its `with`, 0
    when that frame can't be marked. home: which code is the user's own.
    """

    def __init__(self, ident: int, native: int, started: float, *, base: int = 0, opened_in: str = "") -> None:
        self.ident = ident
        self.native = native
        self.started = started
        self.base = base
        self.home = Home(opened_in)
        self.owner = os.getpid()
        self._loop: weakref.ref[Any] | None = None
        self._task: weakref.ref[Any] | None = None

    @classmethod
    def here(cls, clock: Callable[[], float] = time.monotonic) -> Subject:
        """The caller's thread and task; called where a heartbeat is entered. Costs some 5 µs."""
        now = clock()
        frame = _opened_in(sys._getframe(1))  # noqa: SLF001 (there is no public way)
        mark = mark_of(frame, Since(now, now)) if frame is not None else None
        subject = cls(
            ident_here(),
            native_here(),
            now,
            base=mark.serial if mark else 0,
            opened_in=frame.f_code.co_filename if frame is not None else "",
        )
        subject.take(*running_task())
        return subject

    def take(self, loop: Any, task: Any) -> None:
        """The loop and the task that the operation runs in."""
        self._loop = None if loop is None else weakref.ref(loop)
        self._task = None if task is None else weakref.ref(task)

    @property
    def loop(self) -> Any:
        """Its event loop, None when there is none."""
        return self._loop() if self._loop is not None else None

    @property
    def task(self) -> Any:
        """Its task, None when there is none."""
        return self._task() if self._task is not None else None

    @property
    def has_task(self) -> bool:
        """Whether it runs in a task, which may be gone by now."""
        return self._task is not None


def _opened_in(frame: FrameType | None) -> FrameType | None:
    """The user's frame that enters the heartbeat: not ours, nor that of an `ExitStack` in between."""
    for _ in range(_STEPS):
        if frame is None:
            return None
        file = frame.f_code.co_filename
        if not file.startswith(OURS) and stdlib_path(file) != "contextlib.py":
            return frame
        frame = frame.f_back  # of our own thread, which can't return from it meanwhile: see quiet.py
    return None
