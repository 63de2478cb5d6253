"""Reading frames of other threads without a garbage collection in the middle of it.

On 3.11 frame objects are made when they are asked for, and making one may start a collection. One that lets go of the
GIL, by a callback or a finalizer, then leaves the other thread free to return from the very frame that is being made:
`sys._current_frames()` deadlocks (cpython gh-106883), `f_back` crashes the process (11 of 18 runs of a minute's churn,
none with collections off). Since 3.12 no allocation collects, and before 3.11 all frames are objects.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Mapping
from types import FrameType
from typing import Any, TypeVar

__all__ = ["all_frames", "caller_of", "frame_inside", "locals_of", "quietly"]

T = TypeVar("T")

_UNSAFE = sys.version_info[:2] == (3, 11)


def quietly(read: Callable[..., T], *args: Any) -> T:
    """What `read` returns, called while nothing is collected."""
    if not (_UNSAFE and gc.isenabled()):
        return read(*args)
    gc.disable()
    try:
        return read(*args)
    finally:
        gc.enable()


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
