"""Which system call a thread is in, and what the call's arguments point to in this process' own memory."""

from __future__ import annotations

import os
import struct
import sys
from typing import NamedTuple

from .threadstat import read_small

__all__ = ["Call", "call_of", "fds_of", "memory", "sleep_left", "wchan_of"]

# Numbers from the kernel's tables; a call without a name here is told by its number.
_X86_64 = (
    "0 read 1 write 2 open 7 poll 16 ioctl 17 pread 18 pwrite 19 readv 20 writev 23 select 34 pause 35 nanosleep "
    "40 sendfile 42 connect 43 accept 44 sendto 45 recvfrom 46 sendmsg 47 recvmsg 61 wait4 65 semop 69 msgsnd "
    "70 msgrcv 72 fcntl 73 flock 74 fsync 75 fdatasync 128 sigtimedwait 130 sigsuspend 202 futex 219 restart_syscall "
    "220 semop 230 clock_nanosleep 232 epoll_wait 243 mq_receive 242 mq_send 247 waitid 257 openat 270 pselect "
    "271 ppoll 275 splice 281 epoll_wait 288 accept 299 recvmsg 426 io_uring_enter 435 clone 441 epoll_wait 56 clone "
    "58 vfork 449 futex"
)
_AARCH64 = (
    "22 epoll_wait 25 fcntl 29 ioctl 32 flock 56 openat 63 read 64 write 65 readv 66 writev 67 pread 68 pwrite "
    "71 sendfile 72 pselect 73 ppoll 76 splice 82 fsync 83 fdatasync 95 waitid 98 futex 101 nanosleep "
    "115 clock_nanosleep 128 restart_syscall 133 sigsuspend 137 sigtimedwait 182 mq_send 183 mq_receive 188 msgrcv "
    "189 msgsnd 192 semop 193 semop 202 accept 203 connect 206 sendto 207 recvfrom 211 sendmsg 212 recvmsg 220 clone "
    "242 accept 243 recvmsg 260 wait4 426 io_uring_enter 435 clone 441 epoll_wait 449 futex"
)
_TABLES = {"x86_64": _X86_64, "aarch64": _AARCH64}
_WORDS = _TABLES.get(os.uname().machine if hasattr(os, "uname") else "", "").split()
_NAMES = {int(number): name for number, name in zip(_WORDS[::2], _WORDS[1::2], strict=True)}

# A call that a stop signal interrupted goes on as restart_syscall; the kernel function it is in still tells.
_BY_WCHAN = {"hrtimer_nanosleep": "nanosleep", "poll_schedule_timeout": "poll", "futex": "futex", "do_wait": "wait4"}

_SET_LIMIT = 1024
_POLL_LIMIT = 32
_CLOCK_MONOTONIC, _ABSOLUTE = 1, 1


class Call(NamedTuple):
    """A system call by name with its arguments; name `running` when the thread is in none, empty when unknown."""

    name: str
    args: tuple[int, ...] = ()

    @property
    def is_python_sleep(self) -> bool:
        """Whether this is how `time.sleep` sleeps (to an instant since 3.11, by select before), and no C library."""
        if self.name == "clock_nanosleep":
            return self.args[:2] == (_CLOCK_MONOTONIC, _ABSOLUTE) and sys.version_info >= (3, 11)
        return self.name in ("select", "pselect") and self.args[0] == 0

    @property
    def is_sleep(self) -> bool:
        """Whether the thread sleeps for a time and waits for nothing."""
        return self.is_python_sleep or self.name in ("clock_nanosleep", "nanosleep")


def call_of(native: int) -> Call:
    """The call that a thread of this process is in."""
    parts = read_small(f"/proc/self/task/{native}/syscall", 300).split()
    if not parts or parts[0] == b"running" or len(parts) < 7:
        return Call("running" if parts else "")
    args = tuple(int(part, 16) for part in parts[1:7])
    name = _NAMES.get(int(parts[0]), f"system call {int(parts[0])}")
    if name == "restart_syscall":
        name = next((known for start, known in _BY_WCHAN.items() if wchan_of(native).startswith(start)), name)
        return Call(name)
    return Call(name, args)


def wchan_of(native: int) -> str:
    """The kernel function that a thread waits in."""
    return read_small(f"/proc/self/task/{native}/wchan", 100).decode(errors="replace").strip("0\n")


def memory(address: int, size: int) -> bytes:
    """Bytes of this process, read so that an address which has gone is an error and not a crash; empty then."""
    if not 0 < address < 1 << 63:
        return b""
    try:
        handle = os.open("/proc/self/mem", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        return os.pread(handle, size, address)
    except OSError:
        return b""
    finally:
        os.close(handle)


def sleep_left(call: Call, now: float) -> float | None:
    """Seconds of a sleep that are left; now: `time.monotonic()`. None when it can't be read."""
    if call.name != "clock_nanosleep" or call.args[:2] != (_CLOCK_MONOTONIC, _ABSOLUTE):
        return None
    raw = memory(call.args[2], 16)
    if len(raw) < 16:
        return None
    seconds, nanos = struct.unpack("<qq", raw)
    left: float = seconds + nanos * 1e-9 - now
    return left if left >= 0 else None


def fds_of(call: Call) -> list[int]:
    """The descriptors that a call waits on."""
    if call.name in _ON_FIRST:
        return [call.args[0]]
    if call.name in ("poll", "ppoll"):
        raw = memory(call.args[0], 8 * min(call.args[1], _POLL_LIMIT))
        return [fd for fd, _, _ in struct.iter_unpack("<ihh", raw[: len(raw) // 8 * 8]) if fd >= 0]
    if call.name in ("select", "pselect"):
        return sorted({fd for address in call.args[1:4] for fd in _bits(address, min(call.args[0], _SET_LIMIT))})
    if call.name == "epoll_wait":
        return _epolled(call.args[0])
    return []


_ON_FIRST = frozenset(
    {
        *("read", "write", "pread", "pwrite", "readv", "writev", "connect", "accept", "sendto", "recvfrom", "sendmsg"),
        *("recvmsg", "flock", "fcntl", "fsync", "fdatasync", "sendfile", "splice", "ioctl", "mq_receive", "mq_send"),
    }
)


def _bits(address: int, count: int) -> list[int]:
    raw = memory(address, (count + 7) // 8) if address else b""
    return [number for number in range(min(count, 8 * len(raw))) if raw[number // 8] >> number % 8 & 1]


def _epolled(fd: int) -> list[int]:
    lines = read_small(f"/proc/self/fdinfo/{fd}").splitlines()
    return [int(line.split()[1]) for line in lines if line.startswith(b"tfd:")][:_POLL_LIMIT]
