"""What one of those compared said about one scenario, and whether it was right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tests.zoo.expectations import HANGS
from tests.zoo.zoo import blame_lines

__all__ = ["Finding", "Said", "found"]


@dataclass(frozen=True)
class Said:
    """words: of the tool, or about them. after: seconds from the scenario's start, None where it was not taken.

    lines: of the scenario's file that it named. threads: how many threads it named, 0 where it names none.
    """

    words: str
    after: float | None = None
    lines: tuple[int, ...] = ()
    threads: int = 0


@dataclass(frozen=True)
class Finding:
    """said: None where it told nothing. place: of what was told of a hang that has a line to blame, else empty."""

    scenario: str
    who: str
    said: Said | None
    place: Literal["right", "wrong", "none", ""]

    @property
    def told(self) -> bool:
        """Whether it told anything."""
        return self.said is not None


def found(scenario: str, who: str, said: Said | None) -> Finding:
    """Judge what was said: its place is right when one of the lines is among those marked in the scenario."""
    return Finding(scenario, who, said, _place(scenario, said) if said else "")


def _place(scenario: str, said: Said) -> Literal["right", "wrong", "none", ""]:
    if scenario not in HANGS or not HANGS[scenario].blame:
        return ""
    if not said.threads:
        return "none"
    return "right" if blame_lines(scenario) & set(said.lines) else "wrong"
