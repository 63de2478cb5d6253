"""asyncio: whether a loop answers, and what the operation's own task awaits, read from outside of the loop's thread.

Only the operation's own task is looked at: to list ten thousand tasks takes 7 ms.
"""

from __future__ import annotations

import contextvars
import gc
import math
import sys
import weakref
from types import AsyncGeneratorType, CoroutineType, FrameType, GeneratorType
from typing import Any, NamedTuple

from .frames import Home, stdlib_path
from .futures import closed_over, first_undone
from .quiet import caller_of, frame_inside, locals_of
from .sample import FrameSeen, Since

__all__ = ["Awaited", "LoopPing", "TaskWatch", "chain_of", "loop_and_task_in", "running_task"]

_STREAMS = ("asyncio/streams.py", "asyncio/base_subprocess.py", "asyncio/subprocess.py")

_LIMIT = 50
_DEPTH = 8


def running_task() -> tuple[Any, Any]:
    """The caller's running loop and current task, each None when there is none. Loads nothing."""
    asyncio = sys.modules.get("asyncio")
    if asyncio is None:
        return None, None
    loop = asyncio._get_running_loop()  # noqa: SLF001 (the public one raises)
    return loop, asyncio.current_task(loop) if loop is not None else None


class Awaited(NamedTuple):
    """What a task waits for: frames, innermost first; the future at their end; descriptor or child behind it."""

    frames: tuple[FrameSeen, ...]
    leaf: Any
    fd: int | None = None
    pid: int | None = None


class LoopPing:
    """Asks a loop for a sign of life, one question at a time, and keeps how long the answer takes."""

    def __init__(self, loop: Any, now: float) -> None:
        self._loop = weakref.ref(loop)
        self._asked: float | None = None
        self._answered = now
        self.latency: float | None = None
        self.closed = False

    @property
    def unanswered(self) -> Since | None:
        """Since when the loop has run no callback, None when it owes no answer."""
        return None if self._asked is None else Since(self._answered, self._asked)

    def ask(self, now: float, clock: Any) -> None:
        """Ask, unless an answer is owed. Never waits."""
        loop = self._loop()
        if self._asked is not None or self.closed:
            return
        if loop is None or loop.is_closed():
            self.closed = True
            return
        self._asked = now
        try:
            loop.call_soon_threadsafe(self._answer, clock, context=contextvars.Context())
        except RuntimeError:  # closed meanwhile
            self._asked, self.closed = None, True

    def _answer(self, clock: Any) -> None:
        if self._asked is not None:
            self._answered = clock()
            self.latency = self._answered - self._asked
            self._asked = None


class TaskWatch:
    """One task from look to look: the same innermost future means that it has not moved. Holds no task nor future."""

    def __init__(self, task: Any) -> None:
        self._task = weakref.ref(task)
        self._leaf: weakref.ref[Any] | None = None
        self._since: Since | None = None
        self._last = -math.inf

    @property
    def task(self) -> Any:
        """The task while it is there."""
        return self._task()

    @property
    def since(self) -> Since | None:
        """Since when it awaits what it awaits, None while it is ready to run."""
        return self._since

    def look(self, now: float, home: Home) -> Awaited:
        """What awaits what, followed into other tasks."""
        awaited = chain_of(self.task, home)
        leaf = awaited.leaf
        if leaf is None:
            self._leaf, self._since = None, None
        elif self._leaf is None or self._leaf() is not leaf:
            self._leaf, self._since = _weak(leaf), Since(self._last, now)
        self._last = now
        return awaited


def _weak(thing: Any) -> weakref.ref[Any] | None:
    try:
        return weakref.ref(thing)
    except TypeError:
        return None


def chain_of(task: Any, home: Home) -> Awaited:
    """The chain of awaits of a task, into the tasks that it waits for."""
    frames: list[FrameSeen] = []
    seen: set[int] = set()
    leaf, local = None, None
    while task is not None and len(seen) < _DEPTH and id(task) not in seen:
        seen.add(id(task))
        inner, local = _coroutines(task.get_coro(), home)
        frames = inner + frames
        leaf = getattr(task, "_fut_waiter", None)
        task, leaf = _next_task(leaf, local)
    return Awaited(tuple(frames), leaf, *_outside(local))


def _outside(frame: FrameType | None) -> tuple[int | None, int | None]:
    """The descriptor of the stream and the pid of the child that asyncio's own innermost coroutine waits for."""
    if frame is None or stdlib_path(frame.f_code.co_filename) not in _STREAMS:
        return None, None
    owner = locals_of(frame).get("self")
    transport = getattr(owner, "_transport", owner)
    fd = getattr(transport, "_sock_fd", getattr(transport, "_fileno", None))
    pid = getattr(transport, "_pid", None)
    return fd if isinstance(fd, int) else None, pid if isinstance(pid, int) else None


def loop_and_task_in(frame: FrameType | None) -> tuple[Any, Any]:
    """The loop that a thread runs and the task that it runs it for, as `asyncio.run` in the middle of a stack does."""
    for _ in range(_LIMIT):
        if frame is None:
            break
        code = frame.f_code
        if code.co_name == "run_until_complete" and stdlib_path(code.co_filename) == "asyncio/base_events.py":
            task = locals_of(frame).get("future")
            return locals_of(frame).get("self"), task if hasattr(task, "get_coro") else None
        frame = caller_of(frame)
    return None, None


def _next_task(leaf: Any, innermost: FrameType | None) -> tuple[Any, Any]:
    """The task that a task waits for through its future, if it is one; and the future that is waited for then."""
    for found in _behind(leaf, innermost):
        if hasattr(found, "get_coro") and not found.done():
            return found, found
    return None, leaf


def _behind(leaf: Any, innermost: FrameType | None) -> list[Any]:
    """What a future stands for: itself a task, a gathering, a shield; or what asyncio's own function waits for."""
    if leaf is None:
        return []
    behind = [leaf, first_undone(getattr(leaf, "_children", None))]
    if innermost is not None:
        behind += _of_function(innermost)
    behind += [one for one in closed_over(leaf, "_callbacks") if one is not leaf]
    return [one for one in behind if one is not None]


def _of_function(frame: FrameType) -> list[Any]:
    code = frame.f_code
    path, local = stdlib_path(code.co_filename), locals_of(frame)
    if path == "asyncio/tasks.py" and code.co_name == "wait_for":
        return [local.get("fut")]
    if path == "asyncio/tasks.py" and code.co_name == "_wait":
        return [first_undone(local.get("fs"))]
    if path == "asyncio/taskgroups.py" and code.co_name in ("__aexit__", "_aexit"):
        return [first_undone(getattr(local.get("self"), "_tasks", None))]
    return []


def _coroutines(coroutine: Any, home: Home) -> tuple[list[FrameSeen], FrameType | None]:
    """The frames of a task's coroutines, innermost first, and the innermost frame, to be dropped at once."""
    frames: list[FrameSeen] = []
    last: FrameType | None = None
    for _ in range(_LIMIT):
        frame, below = _open(coroutine)
        if frame is not None:
            last = frame
            frames.insert(0, _seen(frame, home))
        if below is None or below is coroutine:
            break
        coroutine = below
    return frames, last


def _open(awaitable: Any) -> tuple[FrameType | None, Any]:
    """The frame of something awaited, and what that awaits in turn."""
    if isinstance(awaitable, CoroutineType):
        return frame_inside(awaitable, "cr_frame"), awaitable.cr_await
    if isinstance(awaitable, AsyncGeneratorType):
        return frame_inside(awaitable, "ag_frame"), awaitable.ag_await
    if isinstance(awaitable, GeneratorType):
        return frame_inside(awaitable, "gi_frame"), awaitable.gi_yieldfrom
    if type(awaitable).__name__ in _WRAPPERS:
        kinds = (CoroutineType, AsyncGeneratorType, GeneratorType)
        return None, next((one for one in gc.get_referents(awaitable) if isinstance(one, kinds)), None)
    return None, None


# They tell nobody what they wrap; the garbage collector knows.
_WRAPPERS = ("async_generator_asend", "async_generator_athrow", "coroutine_wrapper", "anext_awaitable")


def _seen(frame: FrameType, home: Home) -> FrameSeen:
    code = frame.f_code
    name = getattr(code, "co_qualname", code.co_name)
    return FrameSeen(
        code.co_filename, frame.f_lineno or code.co_firstlineno, name, code.co_filename in home, at=frame.f_lasti
    )
