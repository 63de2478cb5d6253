"""What one writer was told of a shared run: items done, counts, notes, each with its monotonic time.

Items that nobody has written yet are bounded for the whole process by a `Budget`.
"""

from __future__ import annotations

from array import array
from collections import deque
from typing import Final

from .parts import Part, Stamp

__all__ = ["UNWRITTEN_LIMIT", "Account", "Budget"]

# Some 20 MB: what an hour without a store may cost a process that completes 55 items a second.
UNWRITTEN_LIMIT: Final = 200_000

_AGAIN_KEPT: Final = 500
_LAST_KEPT: Final = 10


class Budget:
    """How many items of a process are kept that the store does not have yet, and how many had to be given up."""

    def __init__(self, limit: int = UNWRITTEN_LIMIT) -> None:
        self._limit = limit
        self.held = 0
        self.dropped = 0

    def take(self) -> bool:
        """Keep one more item; False where there is no room."""
        if self.held >= self._limit:
            self.dropped += 1
            return False
        self.held += 1
        return True


class Account:
    """Deeds and when they were told. Changed by whoever holds the lock of its share."""

    def __init__(self) -> None:
        self.items = array("Q")
        self.times = array("d")
        self.plain = 0
        self.plain_at: float | None = None
        self.again: dict[int, None] = {}
        self.again_times = 0
        self.again_last: tuple[str, float] | None = None
        self.last: deque[str] = deque(maxlen=_LAST_KEPT)
        self.note: tuple[str, float] | None = None

    def complete(self, digest: int, item: str, now: float) -> None:
        """An item is done."""
        self.items.append(digest)
        self.times.append(now)
        self.last.append(item)

    def repeat(self, digest: int, item: str, now: float) -> None:
        """An item that this process knew to be done is done again."""
        if len(self.again) < _AGAIN_KEPT:
            self.again[digest] = None
        self.again_times += 1
        self.again_last = (item, now)

    def count(self, n: int, now: float) -> None:
        """So many items without a name are done."""
        self.plain += n
        self.plain_at = now

    def add(self, later: Account) -> None:
        """Take in what was told later."""
        self.items.extend(later.items)
        self.times.extend(later.times)
        self.plain += later.plain
        self.plain_at = self.plain_at if later.plain_at is None else later.plain_at
        for digest in later.again:
            if len(self.again) < _AGAIN_KEPT:
                self.again[digest] = None
        self.again_times += later.again_times
        self.again_last = later.again_last or self.again_last
        self.last.extend(later.last)
        self.note = later.note or self.note

    def cut(self, most: int) -> Account | None:
        """What is more than so many items, as an account of its own, and no longer in this one; None if nothing is."""
        if len(self.items) <= most:
            return None
        rest = Account()
        rest.items, rest.times = self.items[most:], self.times[most:]
        del self.items[most:], self.times[most:]
        rest.last, rest.note = self.last.copy(), self.note
        return rest

    def part(self, part_id: str, run: str, now: float) -> Part:
        """The part that says all of this at a monotonic time."""
        return Part(
            id=part_id,
            run=run,
            items=tuple(self.items),
            ages=tuple(now - at for at in self.times),
            plain=self.plain,
            plain_age=None if self.plain_at is None else now - self.plain_at,
            again=tuple(self.again),
            again_times=self.again_times,
            again_last=_stamp(self.again_last, now),
            last=tuple(self.last),
            note=_stamp(self.note, now),
        )


def _stamp(said: tuple[str, float] | None, now: float) -> Stamp | None:
    return None if said is None else Stamp(said[0], max(0.0, now - said[1]))
