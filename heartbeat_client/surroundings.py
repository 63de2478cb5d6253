"""All threads' frames at one moment, to follow a wait from thread to thread. Made and dropped within a look."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any

from .frames import Home, current_frames, place_of_frame, stdlib_path, walk
from .knowing import ThreadBook
from .names import fit
from .quiet import caller_of, locals_of
from .real_threads import known_threads
from .sample import FrameSeen

__all__ = ["Surroundings", "steps"]

_THREADS = 300
_STEPS = 200
_WORKER = "concurrent/futures/thread.py"


def steps(frame: FrameType | None) -> Iterator[FrameType]:
    """A frame and its callers, innermost first."""
    for _ in range(_STEPS):
        if frame is None:
            return
        yield frame
        frame = caller_of(frame)


class Surroundings:
    """The moment. `close()` drops the frames."""

    def __init__(self, book: ThreadBook, home: Home, now: float) -> None:
        self.frames = current_frames()
        self.book = book
        self.home = home
        self.now = now
        self._jobs: dict[int, int] | None = None

    def close(self) -> None:
        """Let go of every frame."""
        self.frames.clear()

    def thread(self, ident: int | None) -> threading.Thread | None:
        """The thread with an ident, None when Python knows of none."""
        active: dict[int, threading.Thread] = getattr(threading, "_active", {})
        return active.get(ident) if ident is not None else None

    def worker_of(self, future: object) -> threading.Thread | None:
        """The pool thread that runs a future's job."""
        if self._jobs is None:
            self._jobs = dict(self._running_jobs())
        return self.thread(self._jobs.get(id(future)))

    def _running_jobs(self) -> Iterator[tuple[int, int]]:
        for ident, frame in list(self.frames.items())[:_THREADS]:
            for step in steps(frame):
                if step.f_code.co_name == "run" and stdlib_path(step.f_code.co_filename) == _WORKER:
                    yield id(getattr(locals_of(step).get("self"), "future", None)), ident

    def pool_of(self, ident: int) -> Any:
        """The executor that a thread works for, None when it works for none."""
        for step in steps(self.frames.get(ident)):
            if step.f_code.co_name == "_worker" and stdlib_path(step.f_code.co_filename) == _WORKER:
                reference = locals_of(step).get("executor_reference")
                return reference() if callable(reference) else None
        return None

    def stands_in(self, ident: int | None, file: str, function: str, owner: object) -> bool:
        """Whether a thread is inside of a method of a standard library's object."""
        return any(
            step.f_code.co_name == function
            and stdlib_path(step.f_code.co_filename) == file
            and locals_of(step).get("self") is owner
            for step in steps(self.frames.get(ident or 0))
        )

    def stack(self, ident: int) -> tuple[FrameSeen, ...]:
        """A thread's stack."""
        return walk(self.frames.get(ident), self.home, now=self.now)

    def where(self, ident: int | None) -> str:
        """Where a thread stands in the user's code, as `file:line`; empty when it does not."""
        own = next((seen for seen in self.stack(ident or 0) if seen.own), None)
        place = place_of_frame(own) if own else None
        return f"{place.file}:{place.line}" if place else ""

    def others(self, but: int, limit: int = 3) -> list[str]:
        """Where other threads of the user's stand, each with its name."""
        found = []
        for thread in known_threads()[:_THREADS]:
            if thread.ident != but and (where := self.where(thread.ident)):
                found.append(f"{fit(thread.name)} at {where}")
        return found[:limit]
