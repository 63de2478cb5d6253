"""Colours and signs: how a verdict looks, and what bars are drawn with where the terminal has no more than ASCII."""

from __future__ import annotations

from dataclasses import dataclass

from rich.console import ConsoleOptions
from rich.text import Text

from ..verdict import DOUBTFUL, FINISHED_LATE, HEALTHY, LATE, MISSED, OVERDUE, SILENT, STALLED, UNJUDGED
from ..wording import harmless

__all__ = ["ASCII", "DIM", "STYLES", "UNICODE", "Signs", "signs", "words"]

STYLES = {
    HEALTHY: "green",
    LATE: "yellow",
    SILENT: "bold red",
    STALLED: "bold red",
    OVERDUE: "bold red",
    UNJUDGED: "bold magenta",
    FINISHED_LATE: "yellow",
    MISSED: "bold red",
    DOUBTFUL: "bold magenta",
}
DIM = "dim"


@dataclass(frozen=True)
class Signs:
    """done, left: a bar's two parts. usual, deadline: marks on it. quiet: nothing came. trouble: an incident.

    now: the present on a time line. failed: a notice that was not delivered. levels: of a sparkline, the lowest first.
    """

    done: str
    left: str
    usual: str
    deadline: str
    quiet: str
    trouble: str
    now: str
    failed: str
    levels: str


UNICODE = Signs("━", "─", "┿", "┃", "·", "▒", "┊", "✗", "▁▂▃▄▅▆▇█")
ASCII = Signs("=", "-", "+", "|", ".", "#", ":", "x", "_.-=+*#@")


def signs(options: ConsoleOptions) -> Signs:
    """What can be drawn with on this terminal."""
    return ASCII if options.ascii_only else UNICODE


def words(said: str, style: str = "") -> Text:
    """Text of any origin: a name may hold what would move the terminal's cursor or set its title."""
    return Text(harmless(said), style=style)
