"""The helper process of `configure(sidecar=True)`, seen from the process that it watches: started, told, let go.

What it is for: it speaks while the GIL is held for ever, and tells at once when the process was killed. It is started
where the first run begins, which takes milliseconds, and not in the background: for a moment there is a child process,
and the operation that has begun may wait for any child of its own (tried: it got ours). It is told without waiting.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from .backend import Backend
from .live import LiveRun
from .logline import Speaker
from .roster import Roster
from .settings import Settings, settings, store_of
from .store_address import OFF, SQLITE, StoreAddress

if TYPE_CHECKING:
    from .sidecar_line import Line

__all__ = ["Sidecar"]

# A run as the helper knows it: id, native id of its thread, seconds between beats, whether it is over and not written.
_Told = tuple[str, int, float, bool]


class Voice(Protocol):
    """Where complaints go; must return at once."""

    def report(self, level: int, text: str) -> None:
        """Report soon."""


class Sidecar:
    """The helper process of this process, if it is to have one."""

    def __init__(
        self,
        roster: Roster,
        current: Callable[[], Settings] = settings,
        voice: Voice | None = None,
    ) -> None:
        self._roster = roster
        self._current = current
        self._voice: Voice = Speaker() if voice is None else voice
        self._threads: dict[int, int] = {}
        self._told: dict[int, _Told] = {}
        self._store = ""
        self._line: Line | None = None
        self._given_up = False
        self._starting = threading.Lock()

    def begin(self, live: LiveRun) -> None:
        """A run begins on the caller's thread; at the first, the helper is started."""
        current = self._current()
        if not current.sidecar or self._given_up:
            return
        self._threads[live.serial] = threading.get_native_id()
        if self._line is None and self._starting.acquire(blocking=False):
            try:
                if self._line is None:  # another thread may have been first
                    self._start(store_of(current))
            finally:
                self._starting.release()

    def end(self, live: LiveRun) -> None:
        """A run is over."""
        self._threads.pop(live.serial, None)

    def tick(self) -> None:
        """Show the helper that Python works. Called by the pulse's thread, once a second and more."""
        line = self._line
        if line is not None:
            line.tick(threading.get_native_id())

    def follow(self) -> None:
        """Tell the helper which runs go on. Called by the sender's thread alone."""
        line, current = self._line, self._current()
        if line is None:
            return
        store = store_of(current)
        if not current.sidecar or not isinstance(store, StoreAddress):
            self._dismiss(line)
        else:
            self._tell(line, store)

    def let_go(self) -> None:
        """Close what a forked child has inherited: the helper is its parent's."""
        line, self._line, self._given_up = self._line, None, True
        if line is not None:
            line.close()

    def _start(self, store: StoreAddress | Backend) -> None:
        from .sidecar_line import Line, NoSidecar  # loads subprocess, which few need

        if not isinstance(store, StoreAddress):
            self._give_up(f"expected a store by its address, got a {type(store).__name__}; name it as text")
        elif store.kind != OFF:
            try:
                self._line = Line.start()
            except NoSidecar as error:
                self._give_up(f"it can't be started: {error}")

    def _tell(self, line: Line, store: StoreAddress) -> None:
        line.passed(threading.get_native_id())
        try:
            if line.hear() and line.clear():
                self._tell_news(line, store)
        except OSError as error:
            self._line = None
            line.close()
            self._give_up(f"it has ended ({error})")

    def _tell_news(self, line: Line, store: StoreAddress) -> None:
        news: dict[str, Any] = {}
        address = _absolute(store)
        if address != self._store:
            news |= {"store": address, "path": [os.path.abspath(entry) for entry in sys.path]}
        runs = {} if store.kind == OFF else self._runs()
        fresh = [[serial, *told] for serial, told in runs.items() if self._told.get(serial) != told]
        done = [serial for serial in self._told if serial not in runs]
        news |= ({"runs": fresh} if fresh else {}) | ({"done": done} if done else {})
        if news:
            line.say(news)
        self._store, self._told = address, runs

    def _runs(self) -> dict[int, _Told]:
        """The runs that the store knows as going on."""
        known = [*self._roster.open_runs(), *self._roster.waiting_runs()]
        return {
            live.serial: (live.id, self._threads.get(live.serial, 0), live.thresholds.beat_every, live.is_over)
            for live in known
            if live.outgoing.confirmed and not live.outgoing.closed
        }

    def _dismiss(self, line: Line) -> None:
        self._line, self._told, self._store = None, {}, ""
        try:
            if line.clear():
                line.say({"bye": True})
        except OSError:
            pass  # it has ended already
        line.close()

    def _give_up(self, why: str) -> None:
        if not self._given_up:
            self._given_up = True
            self._voice.report(
                logging.WARNING,
                f"heartbeat_client: configure(sidecar=True): the helper process: {why}; runs go on without it",
            )


def _absolute(store: StoreAddress) -> str:
    if store.kind == SQLITE and store.path is not None:
        return f"sqlite:///{os.path.abspath(store.path)}"
    return str(store)
