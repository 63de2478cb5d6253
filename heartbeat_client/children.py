"""What a child process does that somebody waits for: its name and state, its CPU, and whom it waits for in turn."""

from __future__ import annotations

import os
from dataclasses import dataclass

from .threadstat import read_small

__all__ = ["Child", "child_of", "own_children", "with_pipe"]

_TICK = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
_DEPTH = 4
_TASKS = 64
_CHILDREN = 16
_STATES = {
    "R": "running",
    "S": "sleeping",
    "D": "in uninterruptible sleep",
    "T": "stopped",
    "t": "traced",
    "Z": "ended",
}


@dataclass(frozen=True)
class Child:
    """A process: command name (never its arguments, which may hold a token), state letter, seconds of CPU so far."""

    pid: int
    name: str
    state: str
    cpu: float
    waits: str = ""
    below: Child | None = None

    @property
    def innermost(self) -> Child:
        """The process at the end of the chain of waits."""
        return self.below.innermost if self.below else self

    def words(self, share: float | None) -> str:
        """A sentence; share: of one CPU that the innermost process used lately."""
        last = self.innermost
        chain = f"child process {self.pid} ({self.name})"
        if last is not self:
            chain += f", which waits for its own child {last.pid} ({last.name})"
        return f"{chain}, {last.doing(share)}, CPU {last.cpu:.2f} s"

    def doing(self, share: float | None) -> str:
        """What it does now."""
        if share is not None and share > (0.05 if self.state == "R" else 0.5):  # a crowded machine gives it little
            return f"burning CPU ({100 * min(share, 1):.0f} %)"
        if self.waits and self.state == "S":
            return self.waits
        return f"{_STATES.get(self.state, 'state')} ({self.state})"


def child_of(pid: int, depth: int = _DEPTH) -> Child | None:
    """A process that somebody of ours waits for, None when there is none."""
    head, found, rest = read_small(f"/proc/{pid}/stat").rpartition(b")")
    fields = rest.split()
    if not found or len(fields) < 14:
        return None
    name = head.partition(b"(")[2].decode(errors="replace")
    cpu = (int(fields[11]) + int(fields[12])) / _TICK
    state = fields[0].decode()
    wchan = read_small(f"/proc/{pid}/wchan", 100).decode(errors="replace")
    below = _first_child(pid, depth) if wchan.startswith(("do_wait", "wait")) or _waits(pid) else None
    return Child(pid, name[:20], state, cpu, _waiting(pid, wchan), below)


def _waits(pid: int) -> bool:
    return read_small(f"/proc/{pid}/syscall", 20).split(b" ")[0] in (b"61", b"247", b"260", b"95")


def _first_child(pid: int, depth: int) -> Child | None:
    pids = read_small(f"/proc/{pid}/task/{pid}/children").split()
    return child_of(int(pids[0]), depth - 1) if pids and depth > 0 else None


def _waiting(pid: int, wchan: str) -> str:
    """What a sleeping child waits for, in words, where that is plain."""
    call = read_small(f"/proc/{pid}/syscall", 60).split()
    on = _link(pid, int(call[1], 16)) if len(call) > 2 and call[1] != b"0xffffffff" else ""
    if "pipe_write" in wchan:
        return "writing into a full pipe that nobody reads"
    if "pipe_read" in wchan or (on.startswith(("pipe:", "/dev/pts", "/dev/tty")) and call[0] in (b"0", b"63")):
        return "reading its stdin" if int(call[1], 16) == 0 else "reading a pipe"
    if "lock" in wchan and "inode" in wchan:
        return "waiting for a file lock"
    return ""


def _link(pid: int, fd: int) -> str:
    try:
        return os.readlink(f"/proc/{pid}/fd/{fd}")
    except OSError:
        return ""


def own_children() -> list[int]:
    """Processes that this one started, as far as a short look finds them."""
    pids: list[int] = []
    try:
        tasks = os.listdir("/proc/self/task")[:_TASKS]
    except OSError:
        return []
    for task in tasks:
        pids += map(int, read_small(f"/proc/self/task/{task}/children").split())
    return pids[:_CHILDREN]


def with_pipe(link: str) -> Child | None:
    """A child of ours that has the pipe open which a descriptor of ours leads to."""
    for pid in own_children():
        if any(_link(pid, fd) == link for fd in (0, 1, 2, *range(3, 16))):
            return child_of(pid)
    return None
