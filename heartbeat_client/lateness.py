"""Why the sampler came late: what its own scheduling and the threads' clocks say of a time in which it could not run.

A thread that waits for the GIL wakes every 5 ms to ask for it, some 190 times a second; one that is stopped, throttled
or on a paused machine not at all.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from .names import fit
from .real_threads import known_threads
from .sample import FrameSeen, Gap
from .threadstat import ThreadGone, ThreadStat, cpu_of, scheduling_of

__all__ = ["LEAST", "Clocks", "Look", "gap_of"]

LEAST = 1.0  # seconds late; 64 busy threads make a healthy process late by 2 s, 16 by 0.6 s
_ASKED_FOR_GIL = 20.0  # slices a second
_FROZEN = 10.0  # being stopped and continued takes a few slices
_MUCH = 0.5
_MORE_THAN_IDLE = 0.15
_MOST = 0.7
_CLOCKS_LIMIT = 128


class Clocks(NamedTuple):
    """A moment: the sampler's own figures, seconds of CPU of the process, and of each thread by its native id."""

    at: float
    own: ThreadStat
    process: float
    threads: Mapping[int, float]

    @classmethod
    def now(cls, own: int, clock: Callable[[], float]) -> Clocks:
        """Read them all; own: the sampler's native id."""
        return cls(
            clock(), _stat(own), time.process_time(), dict(_each(thread.native_id for thread in known_threads()))
        )


class Look(NamedTuple):
    """Where a thread stood at the first chance after a gap, and how often it ran in the gap, None when unknown."""

    frames: tuple[FrameSeen, ...]
    name: str
    slices: int | None = None


def _stat(native: int) -> ThreadStat:
    try:
        return ThreadStat(cpu_of(native), *scheduling_of(native))
    except ThreadGone:
        return ThreadStat()


def _each(natives: Iterable[int | None]) -> Iterable[tuple[int, float]]:
    for native, _ in zip(natives, range(_CLOCKS_LIMIT), strict=False):
        try:
            cpu = cpu_of(native or 0)
        except ThreadGone:
            continue
        if native and cpu is not None:
            yield native, cpu


def gap_of(before: Clocks, after: Clocks, expected: float, looks: Mapping[int, Look]) -> Gap | None:
    """What kept the sampler from running, None when nothing did for long.

    expected: seconds that should have passed between the two moments. looks: threads by native id, read at the end.
    """
    length = after.at - before.at
    if length - expected < LEAST:
        return None
    kind, facts = _kind(before, after, length)
    if kind not in ("burning", "held"):
        return Gap(before.at, after.at, kind, facts=facts)
    culprit = _burner(before, after, length) if kind == "burning" else _holder(looks, length)
    look = looks.get(culprit) if culprit is not None else None
    if look is None:
        return Gap(before.at, after.at, kind, facts=facts)
    return Gap(before.at, after.at, kind, look.frames, fit(look.name), facts)


def _kind(before: Clocks, after: Clocks, length: float) -> tuple[str, str]:
    used = (after.process - before.process) / length
    if before.own.slices is None or after.own.slices is None:
        return ("burning", f"process CPU {_share(used)}") if _burner(before, after, length) else ("unclear", "")
    rate = (after.own.slices - before.own.slices) / length
    queued = ((after.own.queued or 0.0) - (before.own.queued or 0.0)) / length
    facts = f"the sampler ran {rate:.0f} times a second, process CPU {_share(used)}"
    if queued > _MUCH:
        return "starved", facts
    if rate < _FROZEN:
        return "frozen", facts
    if rate < _ASKED_FOR_GIL:
        return "unclear", facts
    if _burner(before, after, length) is not None:
        return "burning", facts
    return ("unclear" if used > _MORE_THAN_IDLE else "held"), facts


def _share(share: float) -> str:
    return f"{100 * share:.0f} %"


def _burner(before: Clocks, after: Clocks, length: float) -> int | None:
    """The thread that used what the process had of the CPU, which may be little on a crowded machine."""
    spent = {native: cpu - before.threads.get(native, 0.0) for native, cpu in after.threads.items()}
    most = max(spent, key=lambda native: spent[native], default=None)
    enough = max(_MORE_THAN_IDLE * length, _MOST * (after.process - before.process))
    return most if most is not None and spent[most] > enough else None


def _holder(looks: Mapping[int, Look], length: float) -> int | None:
    """The thread that neither asked for the GIL nor slept through: it ran again as the call that held it came back."""
    likely = [
        native
        for native, look in looks.items()
        if look.slices is not None and 1 <= look.slices < _ASKED_FOR_GIL * length
    ]
    return likely[0] if len(likely) == 1 else None
