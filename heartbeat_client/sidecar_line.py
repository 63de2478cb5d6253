"""The parent's end of the line to the helper process: starting it, a page that shows life, lines that never block."""

from __future__ import annotations

import json
import mmap
import os
import socket
import struct
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, Final

from .process import this_process
from .sidecar_exit import start_of
from .sidecar_process import LEAVE, STAY
from .sidecar_watch import PAGE

__all__ = ["Line", "NoSidecar"]

_SCRIPT: Final = Path(__file__).with_name("sidecar_process.py")
_SHELL: Final = "/bin/sh"
_START_WITHIN: Final = 10.0

# A user may have given SIGPIPE its default back, which would end the process when the helper has died.
_QUIETLY: Final = getattr(socket, "MSG_NOSIGNAL", 0)


class NoSidecar(Exception):
    """The helper process can't be started; the text says why, and what helps."""


class Line:
    """A line to a helper process that runs. Lines are said by one thread, ticks come from another."""

    def __init__(self, ours: socket.socket, page: mmap.mmap) -> None:
        self._socket = ours
        self._page = page
        self._unsent = b""
        self._ticks = self._passes = 0
        self._has_ticked = self._is_ready = False
        self._ready_by = time.monotonic() + _START_WITHIN

    @classmethod
    def start(cls) -> Line:
        """Start a helper process for this one, some milliseconds' work. Raises NoSidecar."""
        _check()
        with ExitStack() as stack:
            try:
                return cls._started(stack)
            except (OSError, ValueError, subprocess.SubprocessError) as error:
                raise NoSidecar(f"{type(error).__name__}: {error}") from None

    @classmethod
    def _started(cls, stack: ExitStack) -> Line:
        ours, theirs = socket.socketpair()
        keep = ExitStack()
        stack.push(keep)
        keep.callback(ours.close)
        stack.callback(theirs.close)
        file, pidfd = _page_file(), _own_pidfd()
        stack.callback(os.close, file)
        if pidfd >= 0:
            stack.callback(os.close, pidfd)
        page = mmap.mmap(file, PAGE)
        keep.callback(page.close)
        _launch(theirs.fileno(), file, pidfd)
        ours.setblocking(False)
        keep.pop_all()
        return cls(ours, page)

    def tick(self, native: int) -> None:
        """Show that Python works; native: the caller's thread."""
        self._ticks += 1
        self._has_ticked = True
        with suppress(ValueError):  # another thread has just closed it
            struct.pack_into("=Q", self._page, 16, native)
            struct.pack_into("=Q", self._page, 0, self._ticks)

    def passed(self, native: int) -> None:
        """Show that the sender's thread works; native: its id, which stands for the pulse's until that has ticked."""
        self._passes += 1
        if not self._has_ticked:
            struct.pack_into("=Q", self._page, 16, native)
        struct.pack_into("=Q", self._page, 8, self._passes)

    def hear(self) -> bool:
        """Hear whether the helper is there; True, or raises OSError when it has ended or does not come."""
        try:
            heard = self._socket.recv(64)
        except BlockingIOError:
            if not self._is_ready and time.monotonic() > self._ready_by:
                raise OSError(f"expected it to be ready within {_START_WITHIN:g} s") from None
            return True
        if not heard:
            raise OSError("its end of the line is closed")
        self._is_ready = True
        return True

    def clear(self) -> bool:
        """Send what is left of the last line; whether another one may be said. Raises OSError when nobody listens."""
        with suppress(BlockingIOError):
            while self._unsent:
                self._unsent = self._unsent[self._socket.send(self._unsent, _QUIETLY) :]
        return not self._unsent

    def say(self, news: dict[str, Any]) -> None:
        """Say a line, as far as that goes without waiting; only after `clear()`. Raises OSError when nobody listens."""
        self._unsent = json.dumps(news, separators=(",", ":")).encode() + b"\n"
        self.clear()

    def close(self) -> None:
        """Let go of the line; never raises. The helper goes on until this process ends, unless it was told `bye`."""
        with suppress(OSError, BufferError):
            self._socket.close()
        with suppress(OSError, BufferError):
            self._page.close()


def _check() -> None:
    if not hasattr(os, "fork"):
        raise NoSidecar("expected a system that forks, got none; leave sidecar=True away here")
    if getattr(sys, "frozen", False) or "uwsgi" in sys.modules or not sys.executable:
        raise NoSidecar(
            f"expected Python's own program in sys.executable, got {Path(sys.executable or '').name!r}; "
            "leave sidecar=True away here"
        )
    if not _SCRIPT.is_file():
        raise NoSidecar("expected the library as files, got an archive; install it unpacked")


def _page_file() -> int:
    """A file without a name, as large as the page."""
    if hasattr(os, "memfd_create"):
        file = os.memfd_create("hangwatch")
    else:
        with tempfile.TemporaryFile() as made:
            file = os.dup(made.fileno())
    os.ftruncate(file, PAGE)
    return file


def _own_pidfd() -> int:
    """A descriptor of this process, so that there is no doubt whose end the helper sees; -1 where there is none."""
    if not hasattr(os, "pidfd_open"):
        return -1
    try:
        return os.pidfd_open(this_process())
    except OSError:
        return -1


def _launch(line: int, page: int, pidfd: int) -> None:
    numbers = (line, page, pidfd, this_process(), start_of(this_process()))
    command = [sys.executable, "-I", "-S", str(_SCRIPT), *map(str, numbers)]
    fds = [fd for fd in (line, page, pidfd) if fd >= 0]
    try:
        # A shell has left it alone in a tenth of the time that Python needs to start.
        _run([_SHELL, "-c", '"$@" &', "sh", *command, STAY], fds)
    except FileNotFoundError:  # an image without a shell
        _run([*command, LEAVE], fds)


def _run(command: list[str], fds: list[int]) -> None:
    """Run a command that ends at once and leaves the helper behind."""
    # Whoever reads our output to its end must not wait for the helper's end too.
    nothing = subprocess.DEVNULL
    starter = subprocess.Popen(  # noqa: S603 (Python itself, with a script of our own)
        command,
        stdin=nothing,
        stdout=nothing,
        stderr=nothing,
        pass_fds=fds,
        start_new_session=True,  # Ctrl-C ends the operation; the helper sees how
    )
    try:
        starter.wait(_START_WITHIN)
    except subprocess.TimeoutExpired:
        starter.kill()
        starter.wait()
        raise
