"""Which lock a thread stands at, and who holds it, as far as that can be known without reading the user's variables."""

from __future__ import annotations

import _thread
import dis
import re
import threading
from functools import lru_cache
from types import CodeType, FrameType
from typing import Any

from .names import fit
from .sample import Wait
from .surroundings import Surroundings

__all__ = ["lock_wait", "owner_of"]

_LOCKS = (_thread.LockType, _thread.RLock)
_LONGEST = 6000  # bytes of code: taking a larger function apart costs milliseconds
_LOADS = ("LOAD_GLOBAL", "LOAD_NAME")
_METHODS = ("acquire", "__enter__")
_ATTRIBUTES = ("LOAD_ATTR", "LOAD_METHOD")


def lock_wait(frame: FrameType, around: Surroundings, ident: int) -> Wait:
    """What a thread waits for whose innermost frame is in a call into C that waits for another thread."""
    name, lock = _global_lock(frame)
    owner = owner_of(lock)
    if owner is not None:
        return _held_by(name, owner, around, ident)
    others = around.others(ident)
    unknown = "who holds a plain Lock can't be known"
    if others:
        unknown += f"; other threads: {', '.join(others)}"
    what = f"the lock {name!r}" if name else "a lock (or a queue in C code)"
    return Wait("acquire", f"{what} to be released", unknown=unknown)


def _held_by(name: str, owner: int, around: Surroundings, ident: int) -> Wait:
    thread = around.thread(owner)
    if thread is None:
        return Wait("acquire", f"the lock {name!r}, held by a thread that has ended")
    if owner == ident:
        return Wait("acquire", f"the lock {name!r}, held by this thread itself")
    sentence = f"the lock {name!r}, held by thread {fit(thread.name)}"
    return Wait("acquire", sentence, thread=thread.native_id, thread_name=thread.name)


def owner_of(lock: object) -> int | None:
    """The ident of the thread that holds an RLock; a plain Lock has no owner."""
    if type(lock) is not _thread.RLock:
        return None
    found = re.search(r"^<locked .* owner=(\d+) ", repr(lock))
    return int(found.group(1)) if found else None


def _global_lock(frame: FrameType) -> tuple[str, Any]:
    """The lock that a module's variable, or a field of one, names right before the place where the frame stands."""
    if len(frame.f_code.co_code) > _LONGEST:
        return "", None
    for name, attribute in _named_before(frame.f_code, frame.f_lasti):
        thing = frame.f_globals.get(name)
        if attribute and thing is not None:
            fields = getattr(thing, "__dict__", None)
            thing = fields.get(attribute) if type(fields) is dict else None
        if isinstance(thing, _LOCKS):
            return f"{name}.{attribute}" if attribute else name, thing
        if isinstance(thing, (threading.Condition, threading.Semaphore)):
            return name, getattr(thing, "_lock", None)
    return "", None


@lru_cache(maxsize=64)
def _named_before(code: CodeType, at: int) -> tuple[tuple[str, str], ...]:
    """Global names loaded before an instruction, the last first, each with the attribute taken of it if any."""
    found: list[tuple[str, str]] = []
    previous: dis.Instruction | None = None
    for step in dis.get_instructions(code):
        if step.offset > at:
            break
        if step.opname in _LOADS:
            found.append((str(step.argval), ""))
        elif _is_field(step, previous) and previous is not None:
            found.append((str(previous.argval), str(step.argval)))
        previous = step
    return tuple(reversed(found[-3:]))


def _is_field(step: dis.Instruction, previous: dis.Instruction | None) -> bool:
    after_load = previous is not None and previous.opname in _LOADS
    return after_load and step.opname in _ATTRIBUTES and step.argval not in _METHODS
