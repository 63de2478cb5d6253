"""Reading the stacks of other threads: our own walker, and marks that prove that a frame is still the same call.

Nothing here keeps a frame: one that is kept pins its locals, sockets and locks with it.
"""

from __future__ import annotations

import itertools
import math
import os
import sys
from collections import deque
from collections.abc import Collection, Iterator
from functools import lru_cache
from types import FrameType

from .place import OURS, is_foreign, package_of, relative_path
from .quiet import all_frames, caller_of
from .run import Place
from .sample import FrameSeen, Since

__all__ = ["Home", "Mark", "can_walk", "current_frames", "mark_of", "place_of_frame", "stdlib_path", "walk"]

INNER = 48
OUTER = 16
_WALK_LIMIT = 2000
_RESUMABLE = 0x20 | 0x80 | 0x200  # CO_GENERATOR, CO_COROUTINE, CO_ASYNC_GENERATOR: their frames outlive a call

_PYTHON = os.path.dirname(os.__file__) + os.sep

_serials = itertools.count(1)


class Mark:
    """A watermark: whoever finds it in a frame's `f_trace` knows that it is the call of that time.

    A tracer that a debugger starts would call it, and take what it returns for the frame's tracer.
    """

    __slots__ = ("serial", "since")

    def __init__(self, since: Since) -> None:
        self.serial = next(_serials)
        self.since = since

    def __call__(self, *_: object) -> Mark:
        return self


class Home:
    """Which code is the user's own: what is neither Python's nor installed, nor ours.

    Where all is installed, the package of the file that the heartbeat was opened in.
    """

    def __init__(self, opened_in: str = "") -> None:
        self._file = opened_in
        self._package = package_of(opened_in)

    def __contains__(self, file: str) -> bool:
        if file.startswith(OURS):
            return False
        return (
            not is_foreign(file)
            or file == self._file
            or (self._package is not None and package_of(file) == self._package)
        )


def can_walk() -> bool:
    """Whether other threads' frames may be read: never without the GIL (cpython gh-152355: use after free)."""
    asked = getattr(sys, "_is_gil_enabled", None)
    return hasattr(sys, "_current_frames") and (asked is None or bool(asked()))


def current_frames() -> dict[int, FrameType]:
    """The innermost frame of each thread by its ident, none without the GIL; the caller must drop it at once."""
    return all_frames() if can_walk() else {}


def mark_of(frame: FrameType, since: Since) -> Mark | None:
    """The mark of a frame, set now if it has none; None where it can't have one."""
    held = frame.f_trace
    if type(held) is Mark:
        return held
    if held is not None or frame.f_code.co_flags & _RESUMABLE:
        return None
    mark = Mark(since)
    frame.f_trace = mark
    return mark


def walk(
    frame: FrameType | None, home: Home, *, now: float, last: float = -math.inf, stop: Collection[int] = ()
) -> tuple[FrameSeen, ...]:
    """The stack from its innermost frame on: at most 64 frames of both ends, none of them ours.

    last: when this thread was looked at before. stop: serials of marks at which the stack ends.
    """
    since = Since(last, now)
    inner: list[FrameSeen] = []
    outer: deque[FrameSeen] = deque(maxlen=OUTER)
    for step in _steps(frame):
        code = step.f_code
        if code.co_filename.startswith(OURS):
            continue
        mark = mark_of(step, since)
        seen = _seen(step, mark, home)
        (inner if len(inner) < INNER else outer).append(seen)
        if seen.serial in stop:
            break
    return (*inner, *outer)


def _steps(frame: FrameType | None) -> Iterator[FrameType]:
    for _ in range(_WALK_LIMIT):
        if frame is None:
            return
        yield frame
        frame = caller_of(frame)


def _seen(frame: FrameType, mark: Mark | None, home: Home) -> FrameSeen:
    code = frame.f_code
    return FrameSeen(
        code.co_filename,
        frame.f_lineno or code.co_firstlineno,
        getattr(code, "co_qualname", code.co_name),
        code.co_filename in home,
        mark.serial if mark else 0,
        frame.f_lasti,
        mark.since if mark else None,
    )


def place_of_frame(seen: FrameSeen) -> Place:
    """Where a frame stands, as it may be shown: its file below the entry of sys.path that holds it."""
    return Place(relative_path(seen.file, tuple(sys.path)), seen.line, seen.function)


@lru_cache(maxsize=2048)
def stdlib_path(file: str) -> str:
    """The part of a standard library's file below its directory with forward slashes, empty for any other file."""
    if "site-packages" in file or "dist-packages" in file:
        return ""
    return file[len(_PYTHON) :].replace(os.sep, "/") if file.startswith(_PYTHON) else ""
