"""A program on a real terminal: a pty of a given size, what it shows, and the keys that a person presses."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from .coordinator_app import ROOT

__all__ = ["Terminal", "plain"]

# Makes the pty the controlling terminal, so that Ctrl-C is a signal, then becomes the program.
BEHIND_IT = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execvp(sys.argv[1], sys.argv[1:])
"""
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07|\x1b[=>()][AB0]?")


def plain(text: str) -> str:
    """The text without escape codes."""
    return ESCAPES.sub("", text)


class Terminal:
    """A program on a terminal of so many columns and rows; ended with the block."""

    def __init__(
        self, command: Sequence[str], environ: Mapping[str, str], *, columns: int = 80, rows: int = 24
    ) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.seen = ""
        self._process = subprocess.Popen(
            [sys.executable, "-c", BEHIND_IT, *command],
            cwd=ROOT,
            env={"TERM": "xterm-256color", **environ},
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(ProcessLookupError):
            self._process.kill()
        self._process.wait()
        self.close()

    def close(self) -> None:
        """A person closes the window: the program gets SIGHUP, and what it writes goes nowhere."""
        if self._master >= 0:
            os.close(self._master)
        self._master = -1

    def signal(self, number: signal.Signals) -> None:
        """Somebody sends the program a signal, as with `kill`."""
        self._process.send_signal(number)

    def press(self, keys: str) -> None:
        """Press keys: `\\x03` is Ctrl-C, `\\t` Tab."""
        os.write(self._master, keys.encode())

    def until(self, words: str | Callable[[str], object], *, since: int = 0, seconds: float = 60) -> int:
        """Wait for words, or a condition, in what was shown after `since`; the length of all that was shown by then."""
        found = words if callable(words) else lambda text: words in plain(text)
        give_up = time.monotonic() + seconds
        while not found(self.seen[since:]):
            assert time.monotonic() < give_up, (
                f"waited {seconds} s for {words!r}; shown was {self.seen[since:][-3000:]!r}"
            )
            self._read(0.2)
        return len(self.seen)

    def end(self, seconds: float = 60) -> int:
        """Wait for its end; its exit status."""
        give_up = time.monotonic() + seconds
        while self._process.poll() is None:
            assert time.monotonic() < give_up, f"it goes on after {seconds} s: {self.seen[-3000:]!r}"
            self._read(0.2)
        while self._read(0.1):
            pass
        return self._process.returncode

    def resize(self, columns: int, rows: int) -> None:
        """A person drags the corner of the window."""
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self._process.send_signal(signal.SIGWINCH)

    def _read(self, seconds: float) -> bool:
        if self._master < 0:
            time.sleep(seconds)
            return False
        if not select.select([self._master], [], [], seconds)[0]:
            return False
        try:
            shown = os.read(self._master, 65536)
        except OSError:  # Linux's word for a terminal whose last program has gone
            return False
        self.seen += shown.decode("utf-8", "replace")
        return bool(shown)
