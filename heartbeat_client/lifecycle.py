"""From a process's first heartbeat to its end: its threads, a fork, the interpreter's exit, SIGTERM."""

from __future__ import annotations

import atexit
import logging
import os
import signal
import threading
from types import FrameType
from typing import Any, Final

from .checks import Checks, Length
from .live import LiveRun
from .logline import Speaker, report
from .process import this_process
from .pulse import Pulse
from .roster import Roster
from .run import INTERRUPTED
from .sampler import Sampler
from .sender import Sender
from .settings import settings, store_of, when_changed
from .share import Share
from .shares import Shares
from .shield import SHIELD
from .sidecar import Sidecar
from .store_address import OFF, StoreAddress
from .witness import begin_watching

__all__ = ["Works", "flush", "interrupt_open_runs", "works"]

_FLUSH: Final = 2.0


class Works:
    """The moving parts of one process."""

    def __init__(self) -> None:
        self.pid = this_process()
        self.roster = Roster()
        self.sampler = Sampler()
        self.sidecar = Sidecar(self.roster)
        self.pulse = Pulse(self.roster, after=self._after_look)
        self._speaker = Speaker()
        self._told_trouble = ""
        self.shares = Shares()
        self.sender = Sender(self.roster, after=self.sidecar.follow, shares=self.shares)
        self._exit_known = False

    def begin(self, live: LiveRun) -> None:
        """A run begins: from now on it is watched."""
        self._know_exit()
        live.witness = begin_watching(self.sampler, live, settings().evidence)
        self.roster.begin(live)
        with SHIELD:
            self.sidecar.begin(live)
        self.pulse.thread.wake(by=live.next_look(live.started))
        if not _off():
            self.sender.thread.wake(by=live.due())

    def end(self, live: LiveRun) -> None:
        """A run is over: its last record is to be written."""
        if _off() and not self.sender.thread.started:
            live.outgoing.closed = True
        if live.witness is not None:
            live.witness.end()
        self.roster.end(live)
        self.sidecar.end(live)
        if self.sender.thread.started:
            self.sender.thread.wake(by=live.due())

    def attend(self, share: Share) -> None:
        """A share in a run that spans processes was told something: it is to be written when it is due."""
        self._know_exit()
        self.sender.thread.wake(by=share.due())

    @property
    def off(self) -> bool:
        """Whether nothing is written at all."""
        return _off()

    def _know_exit(self) -> None:
        if not self._exit_known:
            self._exit_known = True
            atexit.register(_at_exit)

    def _after_look(self) -> None:
        self.sidecar.tick()
        trouble = self.sampler.trouble
        if trouble and trouble != self._told_trouble:
            self._told_trouble = trouble
            self._speaker.report(
                logging.ERROR,
                f"heartbeat_client: an error of its own, {trouble}; the operation is not touched, the evidence of "
                "where it stands may be incomplete; please report it",
            )

    def flush(self, timeout: float) -> bool:
        """Write everything as it is now; True at once when nothing is written at all."""
        return self.sender.flush(timeout) if self.sender.thread.started else True


_works: Works | None = None
_lock = threading.RLock()

# What a child inherits is never closed nor freed: a gRPC channel may hang in it, and SQLite may believe that the last
# user of a file has left.
_inherited: list[Works] = []


def works() -> Works:
    """The moving parts of this process, made at the first call."""
    current = _works
    if current is not None and current.pid == this_process():
        return current
    return _make()


def _make() -> Works:
    global _works  # noqa: PLW0603 (threads belong to a process, so there is one of this a process)
    with _lock:
        if _works is None or _works.pid != this_process():
            if _works is not None:
                _inherited.append(_works)
            _works = Works()
        return _works


def _after_fork_in_child() -> None:
    global _works, _lock  # noqa: PLW0603 (a lock that a thread of the parent held stays locked for ever)
    _lock = threading.RLock()
    if _works is not None:
        _works.sidecar.let_go()
        _inherited.append(_works)
    _works = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)


def _off() -> bool:
    store = store_of(settings())
    return isinstance(store, StoreAddress) and store.kind == OFF


def flush(timeout: Length = 2.0) -> bool:
    """Wait until all that is known of this process's runs is written, at most `timeout` (2 s).

    Returns True when it is, or when the store is off; False when the store did not take it in time. Never raises.
    """
    with SHIELD:
        seconds = Checks("flush()").length("timeout", timeout)
        return works().flush(_FLUSH if seconds is None else seconds)
    return False


def interrupt_open_runs(reason: str, timeout: float) -> bool:
    """Tell the store that what goes on in this process is interrupted; False if it did not take that in time.

    A run that goes on all the same, as in a server that shuts down gracefully, corrects that when it ends.
    """
    current = _works
    if current is None or current.pid != this_process():
        return True
    for live in reversed(current.roster.open_runs()):
        live.end(INTERRUPTED, reason=reason)
        current.end(live)
    return current.flush(timeout)


def _at_exit() -> None:
    with SHIELD:
        interrupt_open_runs("the interpreter exits", min(_FLUSH, settings().flush_timeout))


class _Chained:
    """Our SIGTERM handler, and the host's behind it."""

    def __init__(self, host: Any) -> None:
        self.host = host

    def __call__(self, number: int, frame: FrameType | None) -> None:
        try:
            with SHIELD:
                self._interrupt()
        finally:
            self._go_on(number, frame)

    def _interrupt(self) -> None:
        # The signal may have come while this very thread held one of our locks, so another thread does the work.
        timeout = settings().flush_timeout
        helper = threading.Thread(
            target=interrupt_open_runs, args=("SIGTERM", timeout), name="hangwatch-sigterm", daemon=True
        )
        helper.start()
        helper.join(timeout)

    def _go_on(self, number: int, frame: FrameType | None) -> None:
        if callable(self.host):
            self.host(number, frame)
        elif self.host == signal.SIG_DFL:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)


def _chain_sigterm() -> None:
    """Put our SIGTERM handler before the host's, once; logs an error where Python can't do that."""
    host = signal.getsignal(signal.SIGTERM)
    if isinstance(host, _Chained):
        return
    expected = "heartbeat_client: configure(on_sigterm=True): expected"
    if host is None:
        report(logging.ERROR, f"{expected} a SIGTERM handler of Python's, got one in C; install yours after ours")
        return
    if threading.current_thread() is not threading.main_thread():
        report(logging.ERROR, f"{expected} a call on the main thread, got one on another; call it at the start")
        return
    signal.signal(signal.SIGTERM, _Chained(host))


def _configured() -> None:
    if settings().on_sigterm:
        _chain_sigterm()
    current = _works
    if current is not None and current.pid == this_process() and current.roster.open_runs() and not _off():
        current.sender.thread.wake()


when_changed(_configured)
