"""Reads the stacks that hanging_threads and faulthandler write, and finds the lines of a scenario that they name."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["Stack", "of_faulthandler", "of_hanging_threads", "places"]

_HANGS = re.compile(r"^-*\s*Thread \d+ \"(?P<name>[^\n]*)\" hangs\s*-*$")
_TITLE = re.compile(r"^-*\s*Thread \d+ \"[^\n]*\" (awaked|died)\s*-*$")
_FRAME = re.compile(r'^\s+File "(?P<file>[^"]+)", line (?P<line>\d+)')
_THREAD = re.compile(r"^(Current thread|Thread) 0x[0-9a-f]+(?P<name> \[[^\]]*\])? \(most recent call first\):$")


@dataclass(frozen=True)
class Stack:
    """A thread that was named, and its frames as (file, line), innermost first."""

    thread: str
    frames: tuple[tuple[str, int], ...]

    def lines(self, scenario: str) -> set[int]:
        """The lines of the scenario's own file among its frames."""
        return {line for file, line in self.frames if file.endswith(f"/{scenario}.py")}


def of_hanging_threads(text: str) -> list[Stack]:
    """Every thread that it says hangs, in the order said; it writes the outermost frame first."""
    stacks: list[Stack] = []
    for name, frames in _blocks(text, (_HANGS, _TITLE)):
        if name is not None:
            stacks.append(Stack(name, tuple(reversed(frames))))
    return stacks


def of_faulthandler(text: str) -> list[Stack]:
    """Every thread of a dump; it writes the innermost frame first."""
    return [Stack(name or "", tuple(frames)) for name, frames in _blocks(text, (_THREAD,))]


def places(scenario: str, stacks: list[Stack]) -> set[int]:
    """The lines of the scenario in the stacks that were named: a reader sees them all."""
    return set().union(*(stack.lines(scenario) for stack in stacks))


def _blocks(text: str, titles: tuple[re.Pattern[str], ...]) -> list[tuple[str | None, list[tuple[str, int]]]]:
    """What stands under each title: its thread's name, None where the title has none, and the frames."""
    blocks: list[tuple[str | None, list[tuple[str, int]]]] = []
    for line in text.splitlines():
        if title := next((found for one in titles if (found := one.match(line))), None):
            blocks.append((title.groupdict().get("name"), []))
        elif blocks and (frame := _FRAME.match(line)):
            blocks[-1][1].append((frame["file"], int(frame["line"])))
    return blocks
