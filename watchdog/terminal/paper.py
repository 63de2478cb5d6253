"""Where screens are printed: a terminal as it is, or a file or pipe with room and no escape codes."""

from __future__ import annotations

import io
import sys

from rich.console import Console, RenderableType

__all__ = ["ROOM", "console_here", "print_screen"]

# No terminal sets the width of a file or a pipe, and text that is cut short there is lost.
ROOM = 240


class _Paper(Console):
    """A console that leaves a reader who has seen enough to `main`; rich itself would end the program with 1."""

    def on_broken_pipe(self) -> None:
        """Override."""
        raise BrokenPipeError


def console_here() -> Console:
    """Standard output: coloured on a terminal without `NO_COLOR`, plain elsewhere."""
    _never_fail_for_a_letter()
    console = _Paper(highlight=False, emoji=False, markup=False)
    if console.is_terminal:
        return console
    return _Paper(highlight=False, emoji=False, markup=False, width=ROOM)


def _never_fail_for_a_letter() -> None:
    out = sys.stdout
    if isinstance(out, io.TextIOWrapper) and not out.encoding.lower().startswith("utf"):
        out.reconfigure(errors="replace")


def print_screen(screen: RenderableType) -> None:
    """Print to standard output; never cut text short where no terminal sets the width."""
    console_here().print(screen)
