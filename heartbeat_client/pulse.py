"""The 1 Hz look at all open runs: what they counted since, and whether their "still running" line is due.

It never touches the store, so that a store that hangs costs neither lines nor the exactness of what moved when.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Protocol

from .background import Background
from .live import LiveRun
from .logline import Speaker, counted, still_running_line
from .roster import Roster

__all__ = ["Pulse"]

_LEAST_PAUSE = 0.02


class Voice(Protocol):
    """Where due lines go; must return at once."""

    def say(self, level: int, text: str) -> None:
        """Say a line soon."""


class Pulse:
    """Looks at the runs of a roster once a second while any are open, more often where their beats are faster.

    after: called after each look, must return at once.
    """

    def __init__(
        self,
        roster: Roster,
        clock: Callable[[], float] = time.monotonic,
        voice: Voice | None = None,
        *,
        after: Callable[[], None] | None = None,
    ) -> None:
        self._roster = roster
        self._after = after
        self._clock = clock
        self._voice = Speaker() if voice is None else voice
        self.thread = Background("hangwatch-pulse", self.work)

    def work(self) -> float | None:
        """Look once; returns the seconds until the next look, None when no run is open."""
        runs = self._roster.open_runs()
        now = self._clock()
        for live in runs:
            live.look(now)
            if live.next_line <= now:
                self._say_line(live, now)
        if self._after is not None:
            self._after()
        return min((max(_LEAST_PAUSE, live.next_look(now) - now) for live in runs), default=None)

    def _say_line(self, live: LiveRun, now: float) -> None:
        interval = live.plan.interval
        self._voice.say(logging.INFO, still_running_line(live.plan.name, now - live.started, _known(live, now)))
        # A process that was stopped for an hour says one line, not twelve.
        live.next_line += interval * (1 + (now - live.next_line) // interval)


def _known(live: LiveRun, now: float) -> str:
    count = "" if live.opaque else counted(live.counter.done, live.counter.total, live.pace.rate)
    seen = live.witness.sentence(now) if live.witness is not None else ""
    return " ".join(part for part in (count, seen) if part)
