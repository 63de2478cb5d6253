"""What can be seen of another process from outside while its Python stands still, and what follows from it.

A thread that waits for the GIL wakes every 5 ms: 170 to 198 slices a second were measured, and at most one a second in
a process that is stopped. So the slices of the thread that should have ticked tell a held GIL from a frozen process.
`conclude` is pure. No modules but the smallest: this is in memory for as long as the process it watches.
"""

from __future__ import annotations

import os
import time

__all__ = ["Finding", "Look", "Task", "conclude", "look_at"]

_NANO = 1e-9
_POLLING = 20.0  # slices a second from which on a thread waits for the GIL
_STILL = 2.0  # slices a second up to which nothing runs
_BURNING = 0.3  # share of a processor
_BURNING_IN_A_CROWD = 0.1  # the same, of a thread that waits for one in between; who waits for the GIL uses 0.01
_STARVING = 0.5  # share of the time that a thread stands in the run queue

_PLACE_UNKNOWN = "where it stands inside of Python can't be seen from outside"


class Task:
    """One thread at one look. cpu, queued: seconds so far that it ran and that it waited for a processor.

    slices: times so far that it was put on a processor. queued, slices None where there is no schedstat, as in gVisor.
    """

    __slots__ = ("cpu", "queued", "slices", "state", "wchan")

    def __init__(self, state: str, cpu: float, queued: float | None, slices: int | None, wchan: str = "") -> None:
        self.state = state
        self.cpu = cpu
        self.queued = queued
        self.slices = slices
        self.wchan = wchan


class Look:
    """All threads of a process by their ids. at: monotonic seconds."""

    __slots__ = ("at", "tasks")

    def __init__(self, at: float, tasks: dict[int, Task]) -> None:
        self.at = at
        self.tasks = tasks


class Finding:
    """What is the matter. kind: of an activity. unknown: what can't be known. cpu: share of the operation's thread."""

    __slots__ = ("cpu", "evidence", "kind", "unknown")

    def __init__(self, kind: str, evidence: str, unknown: str = _PLACE_UNKNOWN, cpu: float | None = None) -> None:
        self.kind = kind
        self.evidence = evidence
        self.unknown = unknown
        self.cpu = cpu


def look_at(pid: int) -> Look:
    """Look at a process; without threads where there is no /proc or the process has gone."""
    try:
        ids = [int(name) for name in os.listdir(f"/proc/{pid}/task")]
    except OSError:
        ids = []
    seen = {native: _task(f"/proc/{pid}/task/{native}") for native in ids}
    return Look(time.monotonic(), {native: task for native, task in seen.items() if task is not None})


def _task(folder: str) -> Task | None:
    fields = _read(f"{folder}/stat").rpartition(")")[2].split()
    if len(fields) < 13:
        return None
    times = _read(f"{folder}/schedstat").split()
    wchan = _read(f"{folder}/wchan").strip()
    wchan = "" if wchan == "0" else wchan
    if len(times) < 3:
        ticks = os.sysconf("SC_CLK_TCK")
        return Task(fields[0], (int(fields[11]) + int(fields[12])) / ticks, None, None, wchan)
    return Task(fields[0], int(times[0]) * _NANO, int(times[1]) * _NANO, int(times[2]), wchan)


def _read(path: str) -> str:
    try:
        with open(path, "rb", buffering=0) as handle:
            return (handle.read(4096) or b"").decode(errors="replace")
    except OSError:
        return ""


class _Between:
    """What the threads did between two looks. ticking: the thread that should have shown that Python works."""

    def __init__(self, before: Look, after: Look, ticking: int, own: int) -> None:
        self.seconds = max(after.at - before.at, 1e-3)
        self.now = {native: task for native, task in after.tasks.items() if native in before.tasks}
        self._before = before.tasks
        self.ticking = ticking
        self.own = own

    def cpu(self, native: int) -> float:
        """Share of a processor that a thread used."""
        return (self.now[native].cpu - self._before[native].cpu) / self.seconds

    def queued(self, native: int) -> float:
        """Share of the time that a thread waited for a processor."""
        return ((self.now[native].queued or 0.0) - (self._before[native].queued or 0.0)) / self.seconds

    def slices(self, native: int) -> float | None:
        """Times a second that a thread was put on a processor."""
        now, before = self.now[native].slices, self._before[native].slices
        return None if now is None or before is None else (now - before) / self.seconds

    def burner(self) -> int | None:
        """The thread that used a processor most, the operation's own if it used one; None if none did."""
        burning = [native for native in self.now if native != self.ticking and self._burns(native)]
        return self.own if self.own in burning else max(burning, key=self.cpu, default=None)

    def _burns(self, native: int) -> bool:
        cpu = self.cpu(native)
        # On a crowded machine a thread that would use a processor all the time gets only a part of one.
        return cpu >= _BURNING or (cpu >= _BURNING_IN_A_CROWD and cpu + self.queued(native) >= _STARVING)

    def still(self) -> list[int]:
        """The threads that do not wait for the GIL; one of them holds it."""
        return [native for native in self.now if native != self.ticking and (self.slices(native) or 0.0) <= _POLLING]

    def named(self, native: int) -> str:
        """A thread by what is known of it."""
        if native == self.own:
            return "the operation's thread"
        return "another thread than the operation's" if self.own in self.now else "one thread"

    def others_starve(self) -> bool:
        """Whether a thread that does not wait for the GIL wants a processor and does not get it."""
        rates = ((native, self.slices(native)) for native in self.now if native != self.ticking)
        return any(self.queued(native) > _STARVING for native, rate in rates if rate is not None and rate > _STILL)


def conclude(before: Look, after: Look, ticking: int, own: int) -> Finding | None:
    """Why a process whose Python has not moved for a while stands still; None where the looks do not tell.

    ticking: the thread that should have shown that Python works. own: the operation's own thread.
    """
    if any(task.state in ("T", "t") for task in after.tasks.values()):
        return _stopped(after)
    between = _Between(before, after, ticking, own)
    if ticking not in between.now:
        return None
    rate = between.slices(ticking)
    if rate is None:
        return _without_slices(between)
    if rate > _POLLING:
        return _burning(between, rate) or _starved(between) or _held(between, rate)
    if between.queued(ticking) > _STARVING:
        return _starved(between, certain=True)
    return _frozen(between) if rate <= _STILL else None


def _stopped(after: Look) -> Finding:
    traced = any(task.state == "t" for task in after.tasks.values())
    by = "a debugger" if traced else "a signal such as SIGSTOP"
    return Finding("frozen", f"it is stopped by {by}", f"{_PLACE_UNKNOWN}, nor who stopped it", 0.0)


def _burning(between: _Between, rate: float) -> Finding | None:
    burner = between.burner()
    if burner is None:
        return None
    share = between.cpu(burner)
    which = between.named(burner)
    queued = between.queued(burner)
    crowd = f" (and waits for one {queued:.0%} of the time)" if queued > _BURNING else ""
    evidence = f"{which} uses {share:.0%} of a processor{crowd}, {_waiting(rate)}"
    return Finding("gil_held", evidence, cpu=round(between.cpu(between.own), 3) if between.own in between.now else None)


def _held(between: _Between, rate: float) -> Finding:
    own, still = between.own, between.still()
    if own not in still:
        which = "a thread that is not the operation's" if own in between.now else "a thread"
        return Finding(
            "gil_held",
            f"{which} holds it and uses no processor, {_waiting(rate)}",
            f"{_PLACE_UNKNOWN}, nor which thread it is",
            0.0,
        )
    call = between.now[own].wchan
    doing = f"blocked in the kernel's {call}" if call else "blocked"
    evidence = f"the operation's thread is {doing} without using a processor, {_waiting(rate)}"
    others = f"; another thread that stands still, of {len(still) - 1}, may be the one" if len(still) > 1 else ""
    return Finding("gil_held", evidence, _PLACE_UNKNOWN + others, 0.0)


def _waiting(rate: float) -> str:
    return f"and others wait for Python ({rate:.0f} tries a second)"


def _starved(between: _Between, *, certain: bool = False) -> Finding | None:
    if not certain and not between.others_starve():
        return None
    share = max(between.queued(native) for native in between.now)
    evidence = f"a thread of it stood in the queue for a processor for {share:.0%} of the time"
    return Finding("starved", evidence, f"{_PLACE_UNKNOWN}, nor who uses the processor instead")


def _frozen(between: _Between) -> Finding | None:
    rates = [between.slices(native) or 0.0 for native in between.now]
    if sum(rates) > _STILL:
        return None
    call = between.now[between.ticking].wchan
    standing = f"; the thread that tells it lives is in the kernel's {call}" if call else ""
    evidence = f"no thread of it ran in the last {between.seconds:.1f} s{standing}"
    return Finding("frozen", evidence, f"{_PLACE_UNKNOWN}, nor why nothing runs", 0.0)


def _without_slices(between: _Between) -> Finding | None:
    burner = between.burner()
    if burner is None:
        return None
    evidence = f"Python does not move while one thread uses {between.cpu(burner):.0%} of a processor"
    return Finding("gil_held", evidence, f"{_PLACE_UNKNOWN}; this kernel does not show who waits for Python")
