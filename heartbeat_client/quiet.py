"""Reading frames of other threads without a garbage collection in the middle of it.

On 3.11 frame objects are made when they are asked for, and making one may start a collection. One that lets go of the
GIL, by a callback or a finalizer, then leaves the other thread free to return from the very frame that is being made:
`sys._current_frames()` deadlocks (cpython gh-106883), `f_back` crashes the process (11 of 18 runs of a minute's churn,
none with collections off). Since 3.12 no allocation collects, and before 3.11 all frames are objects.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Mapping
from types import FrameType
from typing import Any, TypeVar

__all__ = ["all_frames", "caller_of", "frame_inside", "locals_of", "quietly"]

T = TypeVar("T")

_UNSAFE = sys.version_info[:2] == (3, 11)


# Who reads at present, and whether collections are to be switched on again after the last of them. No lock: a signal
# handler may begin to read while its own thread does, and a child would inherit it as it was.
_reading: list[None] = []
_owed = False


def quietly(read: Callable[..., T], *args: Any) -> T:
    """What `read` returns, called while nothing is collected; whoever reads at the same time keeps that so."""
    global _owed  # noqa: PLW0603 (the collector is one for the process)
    if not _UNSAFE:
        return read(*args)
    _reading.append(None)
    try:
        if gc.isenabled():
            _owed = True
            gc.disable()
        return read(*args)
    finally:
        if _reading:
            _reading.pop()
        if _owed and not _reading:
            _give_back()


def _give_back() -> None:
    global _owed  # noqa: PLW0603 (the collector is one for the process)
    _owed = False
    gc.enable()
    if _reading:  # somebody began meanwhile, and found collections off
        _owed = True
        gc.disable()


def _after_fork_in_child() -> None:
    """Another thread of the parent may have been reading: its child would never collect again."""
    _reading.clear()
    if _owed:
        _give_back()


if _UNSAFE and hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)


def all_frames() -> dict[int, FrameType]:
    """The innermost frame of each thread by its ident."""
    return quietly(sys._current_frames)  # noqa: SLF001 (there is no public way)


def caller_of(frame: FrameType) -> FrameType | None:
    """The frame that called this one."""
    caller: FrameType | None = quietly(getattr, frame, "f_back")
    return caller


def locals_of(frame: FrameType) -> Mapping[str, Any]:
    """The variables of a frame; to be asked of the standard library's frames only."""
    variables: Mapping[str, Any] = quietly(getattr, frame, "f_locals")
    return variables


def frame_inside(resumable: object, name: str) -> FrameType | None:
    """The frame of a coroutine or generator; name: `cr_frame`, `gi_frame` or `ag_frame`."""
    frame: FrameType | None = quietly(getattr, resumable, name)
    return frame
