"""How a process that is no child of ours ended: what the kernel tells of it, and in which words.

A process that nobody has waited for yet shows its status in /proc; once it was waited for, only its pidfd still knows,
from Linux 6.15 on.
"""

from __future__ import annotations

import os
import struct

__all__ = ["UNKNOWN", "exit_status", "in_words", "is_dead", "start_of"]

UNKNOWN = "died; the kernel does not say how"

# PIDFD_GET_INFO, with struct pidfd_info as first published: mask, cgroup id, eleven ids, exit code.
_GET_INFO = 0xC040FF0B
_INFO = "=QQ11Ii"
_WITH_EXIT = 1 << 3

_STATE, _START, _EXIT_CODE = 0, 19, 49  # of /proc/PID/stat, counted behind the name


def _stat_of(pid: int) -> list[bytes]:
    try:
        with open(f"/proc/{pid}/stat", "rb") as stat:
            return stat.read().rpartition(b")")[2].split()
    except OSError:
        return []


def start_of(pid: int) -> int:
    """When a process started, in the kernel's ticks; tells it from a later one of the same id. 0 when unknown."""
    fields = _stat_of(pid)
    return int(fields[_START]) if len(fields) > _START else 0


def is_dead(pid: int, start: int) -> bool:
    """Whether a process has ended, for want of a pidfd. start: as `start_of` gave it, 0 when it was not known."""
    fields = _stat_of(pid)
    if fields:
        return fields[_STATE] in (b"Z", b"X") or bool(start and int(fields[_START]) != start)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return start != 0  # it was seen in /proc before, and is not there any more: the id is another's


def exit_status(pid: int, start: int, pidfd: int) -> int | None:
    """The status of a process that ended, as `os.wait` gives it; None while the kernel does not tell."""
    status = _status_by_pidfd(pidfd) if pidfd >= 0 else None
    return _status_of_zombie(pid, start) if status is None else status


def _status_by_pidfd(pidfd: int) -> int | None:
    import fcntl

    info = bytearray(struct.pack(_INFO, _WITH_EXIT, *[0] * 13))
    try:
        fcntl.ioctl(pidfd, _GET_INFO, info, True)
    except OSError:  # an older kernel
        return None
    mask, *_, status = struct.unpack(_INFO, info)
    return int(status) if mask & _WITH_EXIT else None


def _status_of_zombie(pid: int, start: int) -> int | None:
    fields = _stat_of(pid)
    if len(fields) <= _EXIT_CODE or fields[_STATE] != b"Z" or int(fields[_START]) != start:
        return None
    return int(fields[_EXIT_CODE])


def in_words(status: int | None, *, operation_open: bool) -> str:
    """`killed by SIGKILL`, `exited with status 1 inside the operation`; status None: unknown.

    operation_open False: the operation was over, and only its end had not reached the store.
    """
    over = "" if operation_open else " after the operation, whose end the store had not taken"
    if status is None:
        return UNKNOWN if operation_open else f"ended{over}; the kernel does not say how"
    if os.WIFSIGNALED(status):
        return f"killed by {_signal_name(os.WTERMSIG(status))}{over}"
    return f"exited with status {os.WEXITSTATUS(status)}{over or ' inside the operation'}"


def _signal_name(number: int) -> str:
    import signal

    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
