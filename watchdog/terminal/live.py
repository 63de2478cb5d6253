"""`status --watch`: the same table over and over, live on a terminal, one after the other elsewhere.

It never pretends to be live: once the store can't be read it says so, since when and why, and goes on trying.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from heartbeat_client.lengths import spoken

from ..page.allowance import Allowance
from ..ports import StoreError
from ..survey import Survey
from .ink import DIM, words
from .leaving import undisturbed
from .paper import console_here
from .status import StatusScreen

__all__ = ["READS_PER_MINUTE", "Board", "Reading", "drawn", "watch"]

# As many as the page may read for all of its viewers: some five dollars on Firestore for a whole day of looking.
READS_PER_MINUTE = 6000.0

# A look that takes so many times its interval has stopped being live, whatever the store will say in the end.
LATE_AFTER = 3.0
LEAST_LATE = 5.0


@dataclass(frozen=True)
class Reading:
    """One look at the store: what was seen, and how many documents it cost."""

    survey: Survey
    reads: int


class Board:
    """What is shown: the last survey, how old it is, and what keeps it from being newer.

    every: seconds between two looks. clock: monotonic seconds.
    """

    def __init__(self, every: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._every = every
        self._clock = clock
        self._began = clock()
        self._read_at: float | None = None
        self.survey: Survey | None = None
        self.error: str = ""

    def read(self, survey: Survey) -> None:
        """A look succeeded."""
        self.survey, self.error, self._read_at = survey, "", self._clock()

    def failed(self, error: StoreError) -> None:
        """A look failed; what was seen before stays."""
        self.error = str(error)

    @property
    def age(self) -> float:
        """Seconds since the last look that succeeded, or since the first try."""
        return self._clock() - (self._began if self._read_at is None else self._read_at)

    @property
    def healthy(self) -> bool:
        """Whether what is shown is live."""
        return not self.error and self.age <= max(LEAST_LATE, LATE_AFTER * self._every)

    @property
    def said(self) -> str:
        """Whether this is live; if not, since when and why."""
        if not self.healthy:
            since = f"{self.survey.now:%H:%M:%S} UTC" if self.survey else "this began"
            why = self.error or "the store has not answered"
            return f"NOT LIVE: the store can't be read since {since} ({spoken(self.age)}); trying again: {why}"
        if self.survey is None:
            return "reading the store"
        return f"live, {self.survey.now:%H:%M:%S} UTC, each {spoken(self._every)}; stop with Ctrl-C"

    def screen(self, *, fitted: bool) -> RenderableType:
        """The line about liveness and the table below it."""
        first = words(self.said, DIM if self.healthy else "bold red")
        return first if self.survey is None else Group(first, StatusScreen(self.survey, fitted))


def watch(
    look: Callable[[], Reading],
    every: float,
    shown: Callable[[Board], AbstractContextManager[Callable[[], None]]],
    *,
    reads_per_minute: float = READS_PER_MINUTE,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Look each `every` seconds until Ctrl-C; less often where that would read more than `reads_per_minute`.

    look: raises `StoreError` where the store can't be read; anything else ends the watch. shown: gives what shows the
    board after each look, such as `drawn`. clock: monotonic seconds.
    """
    board, allowance = Board(every, clock), Allowance(reads_per_minute, clock)
    try:
        with shown(board) as show:
            while True:
                reads = _looked(board, look)
                show()
                allowance.spend(reads)
                sleep(max(every, allowance.wait_for(reads)))
    except KeyboardInterrupt:
        return


def _looked(board: Board, look: Callable[[], Reading]) -> int:
    try:
        reading = look()
    except StoreError as error:
        board.failed(error)
        return 0
    board.read(reading.survey)
    return reading.reads


@contextmanager
def drawn(board: Board) -> Iterator[Callable[[], None]]:
    """Live in the terminal's alternate screen; printed anew each time where there is no terminal.

    FORCE_COLOR makes a terminal of any file for rich, but an alternate screen needs a real one.
    """
    console = console_here()
    if not sys.stdout.isatty() or console.is_dumb_terminal:
        yield lambda: _print(console, board)
        return
    screen = Live(console=console, screen=True, refresh_per_second=2, get_renderable=lambda: board.screen(fitted=True))
    try:
        with undisturbed():
            screen.start()
        yield screen.refresh
    finally:
        with undisturbed():
            screen.stop()


def _print(console: Console, board: Board) -> None:
    console.print(board.screen(fitted=False))
    console.print(Text(""))
    console.file.flush()
