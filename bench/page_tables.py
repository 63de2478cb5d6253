"""What the page's bench found, as tables and targets."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from watchdog.page.reader import READS_PER_MINUTE

from .page_runs import BEAT_EVERY
from .results import Table, Target

__all__ = ["KINDS", "NAP", "TOGETHER", "VIEWERS", "Cell", "tables", "targets"]

KINDS = ("a run begins", "progress moves", "an incident opens", "a run ends")
VIEWERS = 20
TOGETHER = 2.5  # seconds for which they look
NAP = 6.0
AIM, DRAW_AIM = 2.0, 1.0


@dataclass(frozen=True)
class Cell:
    """What came of one store with so many live runs.

    seen: seconds from each change to the screen, by what changed. alone, together: reads a minute for one viewer and
    for twenty, who had `answers` in their time. first, again: seconds of the server to read and draw the page for the
    first time and to renew it; shared: to answer one who asks for what is drawn already. sent: bytes, compressed.
    """

    store: str
    live: int
    seen: Mapping[str, Sequence[float]]
    said: str
    alone: float
    together: float
    answers: int
    first: float
    again: float
    shared: float
    sent: int

    @property
    def waits(self) -> list[float]:
        """All of `seen`, the shortest first."""
        return sorted(wait for waits in self.seen.values() for wait in waits)


def tables(found: Sequence[Cell], naps: Sequence[tuple[float, int]]) -> list[Table]:
    """All of them. naps: seconds from waking to a page that is renewed, and its questions."""
    return [_waits(found), _reads(found), _draws(found), *_naps(naps)]


def _waits(found: Sequence[Cell]) -> Table:
    rows = tuple(
        (one.store, f"{one.live:,}", str(len(one.waits)), *_spread(one.waits), *(_longest(one, kind) for kind in KINDS))
        for one in found
    )
    heads = ("store", "live runs", "changes", "median", "longest", *(f"longest: {kind}" for kind in KINDS))
    note = "Seconds from the instant at which the write is sent until its element is on the screen of a browser."
    return Table("From a change in the store to the screen", heads, rows, note)


def _spread(waits: Sequence[float]) -> tuple[str, str]:
    return f"{statistics.median(waits):.2f} s", f"{waits[-1]:.2f} s"


def _longest(one: Cell, kind: str) -> str:
    return f"{max(one.seen[kind]):.2f} s"


def _reads(found: Sequence[Cell]) -> Table:
    rows = tuple(
        (
            one.store,
            f"{one.live:,}",
            f"{one.live * 60 / BEAT_EVERY:,.0f}",
            f"{one.alone:,.0f}",
            f"{one.together:,.0f}",
            f"{60 * one.answers / TOGETHER:,.0f}",
            one.said,
        )
        for one in found
    )
    heads = ("store", "live runs", "beats", "one viewer", f"{VIEWERS} viewers", "their questions", "the page says")
    return Table("Documents read in a minute", heads, rows, READ_NOTE)


READ_NOTE = (
    "Each live run beats each 15 s, as is usual. The one viewer looks while the changes above are made; the incidents "
    "that were opened stay open, and are read again and again."
)


def _draws(found: Sequence[Cell]) -> Table:
    rows = tuple(
        (
            one.store,
            f"{one.live:,}",
            *(f"{1000 * took:,.0f} ms" for took in (one.first, one.again)),
            f"{1000 * one.shared:.1f} ms",
            f"{one.sent / 1000:,.1f} kB",
        )
        for one in found
    )
    heads = ("store", "live runs", "first page", "renewed", "drawn already", "sent, compressed")
    return Table(
        "What a page takes of the server", heads, rows, "With reading the store, but for what is drawn already."
    )


def _naps(naps: Sequence[tuple[float, int]]) -> tuple[Table, ...]:
    if not naps:
        return ()
    rows = tuple((f"{NAP:g} s", f"{waited:.2f} s", str(asked)) for waited, asked in naps)
    heads = ("asleep for", "from waking to what changed meanwhile", "questions since before the sleep")
    return (Table("A page whose process is stopped and goes on", heads, rows),)


def targets(found: Sequence[Cell]) -> list[Target]:
    """What was aimed at, beside the worst that came."""
    most = max(one.live for one in found)
    slowest = max(one.waits[-1] for one in found)
    drawn = max(one.again for one in found if one.live == most)
    reads = max(max(one.alone, one.together) for one in found)
    busy = "the browser, the server, the store and all beating runs share this machine's cores"
    return [
        Target(
            "the longest wait for a change", f"{AIM:g} s", f"{slowest:.2f} s", slowest <= AIM, _why(slowest > AIM, busy)
        ),
        Target(f"a page of {most:,} live runs is drawn", f"{DRAW_AIM:g} s", f"{drawn:.2f} s", drawn < DRAW_AIM),
        Target(
            "documents read in a minute",
            f"{READS_PER_MINUTE:,.0f}",
            f"{reads:,.0f}",
            reads <= READS_PER_MINUTE,
            _why(reads > READS_PER_MINUTE, "a part of the minute's reads may come early in it"),
        ),
    ]


def _why(missed: bool, limit: str) -> str:
    return limit if missed else ""
