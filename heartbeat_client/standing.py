"""Whether a thread that stands still has stood here before: that is what a loop of slow calls looks like.

A thread that was seen to stand, ran, and stands again at the same place of the same outer call has come back.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from .sample import FrameSeen, Return

__all__ = ["Standings"]

_KEPT = 8


class _Standing(NamedTuple):
    at: dict[int, int]
    length: float


class Standings:
    """Where a thread stood the last few times, and for how many seconds."""

    def __init__(self) -> None:
        self._past: deque[_Standing] = deque(maxlen=_KEPT)

    def over(self, stack: Sequence[FrameSeen], length: float) -> None:
        """The thread runs again, after it stood in `stack`."""
        self._past.append(_Standing({seen.serial: seen.at for seen in stack if seen.serial}, length))

    def returns(self, stack: Sequence[FrameSeen]) -> Return | None:
        """How often it came back to where it stands now; None when never."""
        times = [past.length for past in self._past if _same_place(stack, past.at)]
        if not times:
            return None
        return Return(len(times), max(past.length for past in self._past))


def _same_place(stack: Sequence[FrameSeen], past: dict[int, int]) -> bool:
    """Whether the innermost call that both have in common is the user's, and stands at the same place of its code.

    One that is a library's is one call that wakes up now and then.
    """
    shared = next((seen for seen in stack if seen.serial in past), None)
    return shared is not None and shared.own and past[shared.serial] == shared.at
