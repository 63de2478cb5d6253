"""What a thread waits for as the kernel tells it: system call, descriptor, peer, pipe, lock, child, sleep."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import replace

from .children import Child, child_of, with_pipe
from .descriptors import Tcp, file_name, link_of, socket_of
from .lapse import lapse
from .sample import Wait
from .syscalls import Call, call_of, fds_of, memory, sleep_left, wchan_of
from .threadstat import read_small, read_whole

__all__ = ["Usage", "kernel_wait"]

Usage = Callable[[Child], "float | None"]  # share of one CPU that a child used since it was last looked at

_SHORT = {
    "recvfrom": "recv",
    "recvmsg": "recv",
    "sendto": "send",
    "sendmsg": "send",
    "wait4": "wait",
    "waitid": "wait",
    "pselect": "select",
    "ppoll": "poll",
}
_WRITES = ("write", "writev", "pwrite", "sendto", "sendmsg", "sendfile")
_SIGNALS = ("pause", "sigtimedwait", "sigsuspend")
_AT_CWD = 0xFFFFFFFFFFFFFF9C


def kernel_wait(native: int, now: float, usage: Usage) -> Wait | None:  # noqa: PLR0911 (a table of calls)
    """What a thread waits for, None when it runs or the kernel does not tell."""
    call = call_of(native)
    if not call.name or call.name == "running":
        return None
    name = _SHORT.get(call.name, call.name)
    if call.is_sleep:
        return _sleep(call, now)
    if call.name == "futex":
        return Wait("a lock or a wait for another thread")
    if call.name in ("wait4", "waitid"):
        return _child(call, usage)
    if call.name in ("open", "openat"):
        return _open(call, native)
    if call.name in ("flock", "fcntl"):
        return _file_lock(call)
    if call.name in _SIGNALS:
        return Wait(name, "a signal")
    return _on_descriptors(call, name, usage) or Wait(name)


def _sleep(call: Call, now: float) -> Wait:
    left = sleep_left(call, now)
    if call.is_python_sleep:
        return Wait("sleep", f"the end of its sleep{'' if left is None else f', in {lapse(left)}'}")
    return Wait("a sleep inside of C code", polls=True)


def _child(call: Call, usage: Usage) -> Wait:
    pid = call.args[0] if call.args else 0
    if call.name == "waitid":
        pid = call.args[1] if call.args[0] == 1 else 0
    child = child_of(pid) if 0 < pid < 1 << 22 else None
    return Wait("wait", child.words(usage(child)) if child else "a child process to end")


def _open(call: Call, native: int) -> Wait:
    path = memory(call.args[0 if call.name == "open" else 1], 4096).partition(b"\0")[0]
    name = file_name(os.fsdecode(path))
    if "partner" in wchan_of(native):
        return Wait("open", f"somebody to open the other end of the named pipe {name!r}")
    return Wait("open", f"the file {name!r} to open")


def _file_lock(call: Call) -> Wait:
    link = link_of(call.args[0])
    holder = _lock_holder(call.args[0])
    by = f", held by {holder}" if holder else ""
    return Wait(call.name, f"the lock on file {file_name(link)!r}{by}")


def _lock_holder(fd: int) -> str:
    """Who holds the file lock that others queue for: its line in /proc/locks by the file's inode."""
    try:
        inode = os.stat(f"/proc/self/fd/{fd}").st_ino
    except OSError:
        return ""
    for line in read_whole("/proc/locks").decode().splitlines():
        found = re.match(r"\d+: \w+\s+\w+\s+\w+\s+(-?\d+) \S+:(\d+) ", line)
        if found and int(found.group(2)) == inode and int(found.group(1)) > 0:
            pid = int(found.group(1))
            comm = read_small(f"/proc/{pid}/comm", 40).decode(errors="replace").strip()
            return "this process itself" if pid == os.getpid() else f"process {pid} ({comm or 'gone'})"
    return ""


def _on_descriptors(call: Call, name: str, usage: Usage) -> Wait | None:
    waits = [wait for fd in fds_of(call) if (wait := _on_one(fd, call, name, usage))]
    if not waits:
        return None
    # A wake-up pipe stands beside what is really waited for.
    best = max(waits, key=lambda wait: (wait.moved is not None, wait.sentence is not None))
    if len(waits) > 1 and best.sentence:
        return replace(best, sentence=f"one of {len(waits)} descriptors, among them {best.sentence}")
    return best


def _on_one(fd: int, call: Call, name: str, usage: Usage) -> Wait | None:
    link = link_of(fd)
    if link.startswith("socket:"):
        return _on_socket(socket_of(fd), call, name, link)
    if link.startswith("pipe:"):
        return _on_pipe(link, call, name, usage)
    if link == "anon_inode:[pidfd]":
        return _on_pidfd(fd, usage)
    if link.startswith("anon_inode:") or not link:
        return None
    if link.startswith(("/dev/pts", "/dev/tty", "/dev/console")):
        return Wait(name, "input from a terminal" if call.name not in _WRITES else "a terminal to take output")
    return Wait(name, f"the file {file_name(link)!r}")


def _on_socket(tcp: Tcp | None, call: Call, name: str, link: str) -> Wait | None:
    if tcp is None:
        return Wait(name, "a socket")
    if call.name == "connect":
        sentence, facts = tcp.connecting()
    elif call.name in _WRITES or (tcp.probes and call.name not in ("recvfrom", "recvmsg", "read")):
        sentence, facts = tcp.writing()
    else:
        sentence, facts = tcp.reading()
    shown = {"poll": "recv", "ppoll": "recv"}.get(name, name)
    if "accept a connection" in sentence:
        shown = "connect"
    elif sentence.endswith("to read what is sent"):
        shown = "send"
    elif sentence.startswith("somebody to connect"):
        shown = "accept"
    return Wait(shown, sentence, facts, moved=tcp.moved, channel=link)


def _on_pipe(link: str, call: Call, name: str, usage: Usage) -> Wait:
    child = with_pipe(link)
    other = f"{child.words(usage(child))}" if child else "whoever has its other end"
    if call.name in _WRITES:
        return Wait(name, f"room in a full pipe to {other}")
    return Wait(name, f"data from a pipe of {other}")


def _on_pidfd(fd: int, usage: Usage) -> Wait | None:
    found = re.search(rb"Pid:\s+(\d+)", read_small(f"/proc/self/fdinfo/{fd}"))
    child = child_of(int(found.group(1))) if found else None
    return Wait("wait", child.words(usage(child))) if child else None
