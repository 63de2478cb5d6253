"""Counting what real work has moved, at C speed, and watching the count: when it moved last and how fast it goes.

A loop over `track()` runs no Python code of ours for an item: `itertools` draws the items, and whoever wants to know
how many asks the iterator that was drawn along with them.
"""

from __future__ import annotations

import operator
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from itertools import chain, compress, repeat
from typing import NoReturn, SupportsIndex, TypeVar

__all__ = ["Counter", "Pace"]

T = TypeVar("T")

_PLENTY = 1 << 62
_RATE_OVER = 60.0

# What can't change while it is iterated: its own iterator tells how many items it has drawn, for no cost at all. A list
# can grow and shrink, and at its end its iterator forgets where that was; so it is counted like any other.
_FIXED = (range, tuple, str, bytes)

# Without the GIL two threads can draw from one `repeat` at the same time, and one of the two draws is lost.
_GIL: bool = getattr(sys, "_is_gil_enabled", lambda: True)()


class _Tracked:
    """One tracked iteration: how many items it has drawn, and whether it is over.

    left: gives the length of what is not drawn yet as its `length_hint`. of: what that length was at the start.
    """

    def __init__(self, left: Iterator[object], of: int) -> None:
        # Kept as a method, for `__del__` may call it when the interpreter has let go of our module's names.
        self._left: Callable[[], int] | None = getattr(left, "__length_hint__")  # noqa: B009 (unknown to its type)
        self._of = of
        self._final = 0

    @property
    def over(self) -> bool:
        """Whether the loop has come to its end, or was left."""
        return self._left is None

    @property
    def done(self) -> int:
        """Items finished: the one in hand is not, until the next is asked for."""
        left = self._left
        return self._final if left is None else max(0, self._of - left() - 1)

    def end(self, *, exhausted: bool) -> None:
        """Nothing more is drawn; exhausted: because there is nothing more, so that the last item is finished too."""
        left = self._left
        if left is not None:
            self._final = self._of - left() if exhausted else self.done
            self._left = None  # a tuple that a loop was left in is not kept alive by its count


class _End:
    """The end of a tracked iteration: asked only when the items have run out, dropped when the loop is left."""

    def __init__(self, tracked: _Tracked) -> None:
        self._tracked = tracked

    def __iter__(self) -> _End:
        return self

    def __next__(self) -> NoReturn:
        self._tracked.end(exhausted=True)
        raise StopIteration

    def __del__(self) -> None:
        self._tracked.end(exhausted=False)


def _drawing(items: Iterator[T], source: object, length: int | None) -> tuple[Iterator[T], _Tracked]:
    """What to loop over, and what counts along with it."""
    if type(source) in _FIXED and length is not None:
        return items, _Tracked(items, length)
    drawn = repeat(True, _PLENTY)
    return compress(items, drawn), _Tracked(drawn, _PLENTY)


class Counter:
    """How many items of how many are done. Any thread may count; the calls cost well under a microsecond.

    total: items in all, None when not known; until somebody gives one, the lengths of what is tracked add up.
    since: monotonic time at which counting was declared (a total, or the first count), None before.
    """

    def __init__(self, total: int | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        # Reentrant: a signal handler or a finalizer may count while its own thread is counting.
        self._lock = threading.RLock()
        self._clock = clock
        self._settled = 0
        self._ones = repeat(None, _PLENTY)
        self._tracks: list[_Tracked] = []
        self._given = total is not None
        self.total = total
        self.since: float | None = clock() if total is not None else None

    @property
    def done(self) -> int:
        """Items finished so far."""
        with self._lock:
            ones = _PLENTY - operator.length_hint(self._ones)
            return ones + self._settled + sum(track.done for track in self._tracks)

    def advance(self, n: SupportsIndex = 1) -> None:
        """Count n more items; raises TypeError unless n is a whole number, ValueError when it is below zero."""
        if n.__class__ is int and n == 1 and _GIL:
            next(self._ones)  # one step of C, so that threads and signal handlers need no lock, which would cost most
        else:
            self._add(operator.index(n))
        if self.since is None:
            self.since = self._clock()

    def _add(self, n: int) -> None:
        if n < 0:
            raise ValueError(f"expected a count of 0 or more, got {n}")
        with self._lock:
            self._settled += n

    def reach(self, done: int, total: int | None = None) -> None:
        """Set the count as it stands; it may go back, as when a phase starts again. total None: as before."""
        with self._lock:
            self._settled += done - self.done
            if total is not None:
                self.total, self._given = total, True
        if self.since is None:
            self.since = self._clock()

    def track(self, items: Iterator[T], source: object) -> Iterator[T]:
        """The items, counted as each is finished; the one in hand when a loop is left is not.

        source: what the items come from; its length, if it has one, adds to a total that nobody gave. When the items
        themselves raise, the last one drawn counts as in hand.
        """
        length = _length(source)
        drawing, tracked = _drawing(items, source, length)
        with self._lock:
            self._settle()
            self._expect(length)
            self._tracks.append(tracked)
        if self.since is None:
            self.since = self._clock()
        return chain(drawing, _End(tracked))

    def _settle(self) -> None:
        """Keep the count of tracks that are over, not the tracks."""
        over = [track for track in self._tracks if track.over]
        self._settled += sum(track.done for track in over)
        self._tracks = [track for track in self._tracks if track not in over]

    def _expect(self, length: int | None) -> None:
        if self._given:
            return
        if length is None:
            self.total, self._given = None, True
        else:
            self.total = (self.total or 0) + length


def _length(source: object) -> int | None:
    try:
        return len(source)  # type: ignore[arg-type]  # what has no length says so
    except Exception:  # noqa: BLE001 (a query set's len() may run a query, and fail with anything)
        return None


class Pace:
    """What a count shows to one who looks at it now and then: when it moved last, and its rate while it moved.

    at: monotonic time of the look that saw the last move, None before the first. rate: items a second over about the
    last minute of movement, None before anything moved; it stays when the count stands still.
    """

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()
        self.at: float | None = None
        self.rate: float | None = None

    def look(self, done: int, now: float) -> bool:
        """Take note of the count; True when it has moved since the last look."""
        if not self._seen:
            self._seen.append((now, done))
            return False
        if done == self._seen[-1][1]:
            return False
        if done < self._seen[-1][1]:
            self._seen.clear()
        self._seen.append((now, done))
        self.at = now
        self._measure()
        return True

    def _measure(self) -> None:
        # Two points are kept however old: an operation may move every ten minutes.
        while len(self._seen) > 2 and self._seen[1][0] <= self._seen[-1][0] - _RATE_OVER:
            self._seen.popleft()
        (start, before), (end, after) = self._seen[0], self._seen[-1]
        if end > start:
            self.rate = (after - before) / (end - start)
