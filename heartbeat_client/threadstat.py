"""What the kernel knows of one thread: its CPU clock, how often it ran, what it is in. Empty where there is no telling.

No file stays open: a process with a thousand runs has no descriptors to spare, and a forked child would read its
parent's threads through them.
"""

from __future__ import annotations

import os
import sys
import time
from typing import NamedTuple

__all__ = [
    "ThreadGone",
    "ThreadStat",
    "bytes_moved",
    "cpu_of",
    "read_small",
    "read_whole",
    "scheduling_of",
    "started_of",
    "stat_of",
]

_LINUX = sys.platform == "linux"
_NANO = 1e-9


class ThreadGone(Exception):
    """The thread has ended."""


class ThreadStat(NamedTuple):
    """Seconds run, seconds queued for a processor, and slices run so far; None where the kernel does not tell."""

    cpu: float | None = None
    queued: float | None = None
    slices: int | None = None


def read_small(path: str, limit: int = 4096) -> bytes:
    """The beginning of a file of /proc, empty when it can't be read."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        return os.read(handle, limit)
    except OSError:
        return b""
    finally:
        os.close(handle)


def read_whole(path: str, limit: int = 1 << 20) -> bytes:
    """A table of /proc, which gives no more than a page at a time; empty when it can't be read."""
    try:
        with open(path, "rb", buffering=0) as file:
            parts = iter(lambda: file.read(1 << 16), b"")
            return b"".join(part for part, _ in zip(parts, range(limit >> 12), strict=False))
    except OSError:
        return b""


def cpu_of(native: int) -> float | None:
    """Seconds that a thread of this process has run; None off Linux. Raises ThreadGone when it has ended.

    The clock's id is made from the thread's id, as the kernel does it: `pthread_getcpuclockid` crashes for a thread
    that has ended. An id of zero would be our own clock.
    """
    if not _LINUX or native <= 0:
        return None
    try:
        return time.clock_gettime_ns((~native << 3) | 6) * _NANO
    except OSError as error:
        raise ThreadGone(native) from error


def scheduling_of(native: int) -> tuple[float | None, int | None]:
    """Seconds queued and slices run of a thread; both None where there is no schedstat, as in gVisor."""
    parts = read_small(f"/proc/self/task/{native}/schedstat", 100).split() if _LINUX else []
    if len(parts) < 3:
        return None, None
    return int(parts[1]) * _NANO, int(parts[2])


def stat_of(native: int) -> ThreadStat:
    """All figures of a thread. Raises ThreadGone when it has ended."""
    cpu = cpu_of(native)
    return ThreadStat(cpu, *scheduling_of(native))


def bytes_moved(native: int) -> int | None:
    """Bytes that a thread read from and wrote to files and pipes so far; what sockets carry is mostly not in it."""
    if not _LINUX:
        return None
    fields = dict(
        line.split(b": ", 1) for line in read_small(f"/proc/self/task/{native}/io").splitlines() if b": " in line
    )
    try:
        return int(fields[b"rchar"]) + int(fields[b"wchar"])
    except (KeyError, ValueError):
        return None


def started_of(native: int) -> int | None:
    """When a thread started, in the kernel's ticks: tells it from a later one with the same id."""
    if not _LINUX:
        return None
    _, found, rest = read_small(f"/proc/self/task/{native}/stat").rpartition(b")")
    fields = rest.split()
    return int(fields[19]) if found and len(fields) > 19 else None


def state_of(native: int) -> str:
    """`R`, `S`, `D` and so on; empty when unknown."""
    _, found, rest = read_small(f"/proc/self/task/{native}/stat", 200).rpartition(b")")
    return rest.split()[0].decode() if found else ""
