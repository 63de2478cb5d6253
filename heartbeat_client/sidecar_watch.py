"""The helper process at work: it watches one process, and speaks when that process can't any more.

No modules but the smallest, and none that reach a store: these are loaded when there is something to say.
"""

from __future__ import annotations

import json
import mmap
import os
import select
import signal
import struct
import time
from contextlib import suppress

from .sidecar_exit import exit_status, in_words, is_dead
from .sidecar_eyes import Look, conclude, look_at

TYPE_CHECKING = False  # typing would be a tenth of all that is in memory here
if TYPE_CHECKING:
    from .sidecar_speech import Speech

__all__ = ["main"]

PAGE = 4096
PAGE_FORMAT = "=QQQ"  # ticks of the pulse, passes of the sender, native id of the pulse's thread

_LOOK_EVERY = 1.0
_LOOK_EVERY_WITHOUT_PIDFD = 0.1
_STILL_AT_LEAST = 5.0
_LATE_END = 0.3  # seconds in which a last word that was under way may still reach the store
_SPEAK_FOR = 30.0
_HANG_LIMIT = 35  # the store's library may hang, and must not keep this process for ever
_PATIENCE = 1.0


class Told:
    """A run as the process told of it. native: id of its thread. over: it ended, and the store has not taken that."""

    __slots__ = ("beat_every", "id", "native", "over")

    def __init__(self, run_id: str, native: int, beat_every: float, over: bool) -> None:
        self.id = run_id
        self.native = native
        self.beat_every = beat_every
        self.over = over


class Feed:
    """What the process tells, line by line. closed: it tells nothing more. bye: it wants no helper any more."""

    def __init__(self, fd: int) -> None:
        os.set_blocking(fd, False)
        self.fd = fd
        self.runs: dict[int, Told] = {}
        self.store = ""
        self.path: list[str] = []
        self.closed = self.bye = False
        self._rest = b""

    def take(self) -> bool:
        """Read all there is; whether there was anything."""
        lines: list[bytes] = []
        while chunk := self._read():
            *more, self._rest = (self._rest + chunk).split(b"\n")
            lines += more
        for line in lines:
            self._hear(json.loads(line))
        return bool(lines)

    def _read(self) -> bytes:
        if self.closed:
            return b""
        try:
            chunk = os.read(self.fd, 65536)
        except BlockingIOError:
            return b""
        except OSError:
            chunk = b""
        self.closed = not chunk
        return chunk

    def _hear(self, said: dict[str, list[list[object]]]) -> None:
        news: dict[str, object] = dict(said)
        if "store" in news:
            self.store, self.path = str(news["store"]), [str(entry) for entry in said["path"]]
        for serial, run_id, native, beat_every, over in said.get("runs", ()):
            self.runs[int(str(serial))] = Told(str(run_id), int(str(native)), float(str(beat_every)), bool(over))
        for serial in said.get("done", ()):
            self.runs.pop(int(str(serial)), None)
        self.bye = self.bye or "bye" in news


class Watch:
    """Watches the process `pid`, which started at `start`. pidfd -1 where there is none."""

    def __init__(self, feed: Feed, page: mmap.mmap, pid: int, start: int, pidfd: int) -> None:
        self._feed = feed
        self._page = page
        self._pid, self._start, self._pidfd = pid, start, pidfd
        self._poll = select.poll()
        self._poll.register(feed.fd, select.POLLIN)
        if pidfd >= 0:
            self._poll.register(pidfd, select.POLLIN)
        self._every = _LOOK_EVERY if pidfd >= 0 else _LOOK_EVERY_WITHOUT_PIDFD
        self._ticks = (0, 0, 0)
        self._moved = time.monotonic()
        self._before: Look | None = None
        self._speak_at = 0.0
        self._speech: Speech | None = None

    def watch(self) -> None:
        """Watch until the process has ended or wants no helper, then say what is to be said."""
        while not self._wait():
            if self._feed.take():
                self._alive()
            if self._feed.bye or (self._feed.closed and not self._feed.runs):
                return
            self._look()
        self._feed.take()
        if self._feed.runs and not self._feed.bye:
            self._tell_end(time.monotonic())

    def _wait(self) -> bool:
        """Wait for news; whether the process has ended."""
        began = time.monotonic()
        if self._feed.closed:
            self._forget_feed()
        events = self._poll.poll(self._every * 1000)
        if time.monotonic() - began > self._every + 1.0:
            self._alive()  # this process stood still itself, so it can't tell what the other one did meanwhile
        if self._pidfd >= 0:
            return any(fd == self._pidfd for fd, _ in events)
        return is_dead(self._pid, self._start)

    def _forget_feed(self) -> None:
        with suppress(KeyError):
            self._poll.unregister(self._feed.fd)

    def _alive(self) -> None:
        self._moved, self._before = time.monotonic(), None

    def _look(self) -> None:
        ticks = struct.unpack_from(PAGE_FORMAT, self._page)
        if ticks != self._ticks:
            self._ticks = ticks
            self._alive()
            return
        going_on = [told for told in self._feed.runs.values() if not told.over]
        every = min((told.beat_every for told in going_on), default=None)
        if every is None or time.monotonic() - self._moved <= max(2 * every, _STILL_AT_LEAST):
            return
        look = look_at(self._pid)
        if self._before is None:
            self._before = look
        elif look.at - self._before.at >= _LOOK_EVERY * 0.9 and look.at >= self._speak_at:
            self._speak(going_on, self._before, look)
            self._before, self._speak_at = look, look.at + every

    def _speak(self, going_on: list[Told], before: Look, after: Look) -> None:
        found = {told.id: conclude(before, after, self._ticks[2], told.native) for told in going_on}
        findings = {name: finding for name, finding in found.items() if finding is not None}
        if not findings:
            return
        with suppress(Exception):  # the store may be away, or its library broken; the next beat tries again
            signal.alarm(_HANG_LIMIT)
            self._speech_now().beat(findings, lambda: time.monotonic() - self._moved, _LOOK_EVERY)
        signal.alarm(0)

    def _speech_now(self) -> Speech:
        """The way to the store, whose library is loaded now."""
        from .sidecar_speech import Speech

        if self._speech is None or self._speech.address != self._feed.store:
            self._speech = Speech(self._feed.store, self._feed.path, self._pid)
        return self._speech

    def _tell_end(self, ended: float) -> None:
        signal.alarm(_HANG_LIMIT)
        status = self._status(ended + _LATE_END)
        left = {t.id: in_words(status, operation_open=not t.over) for t in self._feed.runs.values()}
        while left and time.monotonic() - ended < _SPEAK_FOR:
            again = self._tell(left, ended)
            left = {name: how for name, how in left.items() if name in again}
            if left:
                time.sleep(_PATIENCE)

    def _tell(self, hows: dict[str, str], ended: float) -> set[str]:
        """Say how the process ended; returns the runs for which that is to be tried again."""
        try:
            return self._speech_now().gone(hows, lambda: time.monotonic() - ended)
        except Exception:  # noqa: BLE001 (the store may be away, or its library broken; tried again for a while)
            return set(hows)

    def _status(self, until: float) -> int | None:
        """The exit status, once the kernel tells it; waits until then in any case."""
        status = None
        while (left := until - time.monotonic()) > 0:
            status = exit_status(self._pid, self._start, self._pidfd) if status is None else status
            time.sleep(min(left, 0.02))
        return status


def main(arguments: list[str]) -> None:
    """Watch; arguments: descriptors of line, page and pidfd, id and start of the process."""
    line, page, pidfd, pid, start = (int(text) for text in arguments)
    # Whoever ends all processes of a service at once means the operation; this one sees how that ends, and ends too.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    # What the process ignores or holds back, this one would too.
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGALRM})
    watch = Watch(Feed(line), mmap.mmap(page, PAGE, prot=mmap.PROT_READ), pid, start, pidfd)
    os.close(page)
    with suppress(OSError):  # it has ended already; what it told before that is still to be read
        os.write(line, b"ready\n")
    watch.watch()
    os._exit(0)  # a library's threads must not hold it up
