"""This process's share in a run that spans processes: what it was told of it, and which of that the store has.

The operation's threads tell it things and never wait; the sender's thread takes them to the store. Nobody else writes
the part documents of this share, so that hundreds of writers never contend for one.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Final

from .account import Account, Budget
from .parts import PART_ITEMS, Listing, Part, digest_of, listings
from .process import this_process
from .share_record import Ending, Names, Opening

__all__ = ["OpenPart", "Share"]

COALESCE_FOR: Final = 1.0  # Firestore takes about one sustained write a second for a document
_SOON: Final = 0.02
# Requests that each wait for their own write may come faster than once a second: they take turns on several documents.
_LANES: Final = 8
_SEEN_LIMIT: Final = 200_000  # some 15 MB


class OpenPart:
    """One part document of this share. Used by the sender's thread alone.

    version: of the last write that holds. written: monotonic time of it. dirty: whether it holds what the store
    has not. unwritten: how many items of it the store does not have.
    """

    def __init__(self, part_id: str, account: Account) -> None:
        self.id = part_id
        self.account = account
        self.version: Any = None
        self.written = -math.inf
        self.dirty = True
        self.unwritten = len(account.items)

    def add(self, account: Account) -> None:
        """Take in what was told later."""
        self.account.add(account)
        self.unwritten += len(account.items)
        self.dirty = True

    def cut(self) -> Account | None:
        """What does not fit into one document any more."""
        rest = self.account.cut(PART_ITEMS)
        if rest is not None:
            self.unwritten -= len(rest.items)
        return rest

    def rested(self, now: float) -> bool:
        """Whether it may be written again without a hurry."""
        return self.dirty or now - self.written >= COALESCE_FOR


class Share:
    """One run that spans processes, as this process knows it. lock: the one of all shares of the process."""

    def __init__(
        self,
        names: Names,
        lock: AbstractContextManager[Any],
        budget: Budget,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.names = names
        self.owner = this_process()
        self.known = clock()
        self.complained: set[str] = set()
        self.opening: Opening | None = None
        self.ending: Ending | None = None
        self.line_said = False
        self.let_go = False
        self.written = 0
        self.edition = 0
        self.not_before = 0.0
        self._lock = lock
        self._budget = budget
        self._clock = clock
        self._writer = os.urandom(6).hex()
        self._made = 0
        self._seen: set[int] = set()
        self._told = Account()
        self._told_since = math.inf
        self._said_at = math.inf
        self._main_edition = 0
        self._taken = 0
        self._hurried = False
        self._parts: list[OpenPart] = []
        self._listed: dict[str, Listing] = {}

    @property
    def settled(self) -> bool:
        """Whether the store has all of it."""
        return self.written >= self.edition

    @property
    def main_wanted(self) -> bool:
        """Whether an opening or an end is to be written to the main record."""
        return self._said_at < math.inf

    def open(self, opening: Opening) -> bool:
        """The run is opened here; False where it was before, and this only adds to it."""
        with self._lock:
            first = self.opening is None
            self.opening = opening if self.opening is None else self.opening.with_more(opening)
            for listing in listings(self.names.id, opening.items):
                self._listed.setdefault(listing.id, listing)
            self._say_main()
        return first

    def end(self, ending: Ending) -> bool:
        """The run is over; False where that was said here before: the first word holds."""
        with self._lock:
            if self.ending is not None:
                return False
            self.ending = ending
            self._say_main()
        return True

    def complete(self, item: str) -> bool:
        """An item is done, for the first time or again; False where there is no room to remember it."""
        digest, now = digest_of(item), self._clock()
        with self._lock:
            if digest in self._seen:
                self._told.repeat(digest, item, now)
            elif not self._budget.take():
                return False
            else:
                self._remember(digest)
                self._told.complete(digest, item, now)
            self._tell(now)
        return True

    def count(self, n: int) -> None:
        """So many items without a name are done."""
        now = self._clock()
        with self._lock:
            self._told.count(n, now)
            self._tell(now)

    def note(self, text: str) -> None:
        """The operation's own words."""
        now = self._clock()
        with self._lock:
            self._told.note = (text, now)
            self._tell(now)

    def hurry(self) -> int:
        """Have it written at once; the edition to wait for."""
        with self._lock:
            self._hurried = True
            return self.edition

    def due(self) -> float:
        """The monotonic time at which it is to be written next; infinity when the store has all of it."""
        with self._lock:
            if self.settled:
                return math.inf
            if self._hurried or any(part.dirty for part in self._parts):
                return self.not_before
            return max(self.not_before, min(self._said_at + _SOON, self._told_since + COALESCE_FOR))

    def take(self, now: float) -> list[OpenPart]:
        """The parts that hold what the store has not, with all that was told up to now."""
        with self._lock:
            told, self._told, self._told_since = self._told, Account(), math.inf
            self._taken, self._hurried = self.edition, False
            something = bool(told.items or told.plain_at is not None or told.again_times or told.note)
        if something:
            self._put(told, now)
        return [part for part in self._parts if part.dirty]

    def listings(self) -> list[Listing]:
        """The lots of names that are not written yet."""
        with self._lock:
            return list(self._listed.values())

    def listed(self, listing: Listing) -> None:
        """A lot of names is written, or never will be."""
        with self._lock:
            self._listed.pop(listing.id, None)

    def part_written(self, part: OpenPart, version: Any) -> None:
        """The store has a part as it is now."""
        part.version, part.written, part.dirty = version, self._clock(), False
        self._release(part)

    def part_refused(self, part: OpenPart) -> None:
        """The store will never take a part: what is in it is lost."""
        self._parts.remove(part)
        self._release(part)

    def main_written(self, edition: int) -> None:
        """The main record says what was said up to an edition."""
        with self._lock:
            if self._main_edition <= edition:
                self._said_at = math.inf

    def settle(self) -> None:
        """All that was taken is written; nothing else than this lets a waiter go on."""
        with self._lock:
            if not (self.main_wanted or self._listed or any(part.dirty for part in self._parts)):
                self.written = self._taken
        self._parts = [part for part in self._parts if part.dirty or len(part.account.items) < PART_ITEMS]

    def forget(self) -> None:
        """Let it all pass as written: nobody wants to have it."""
        for part in self.take(self._clock()):
            self.part_refused(part)
        with self._lock:
            self._listed.clear()
        self.main_written(self.edition)
        self.settle()

    def begin_again(self) -> None:
        """Another store knows nothing of it."""
        with self._lock:
            for part in self._parts:
                part.version, part.dirty = None, True
            if self.opening is not None or self.ending is not None:
                self._say_main()

    def record(self, part: OpenPart, now: float) -> Part:
        """A part as it is to be written at a monotonic time."""
        return part.account.part(part.id, self.names.id, now)

    def _say_main(self) -> None:
        self._said_at = min(self._said_at, self._clock())
        self.edition += 1
        self._main_edition = self.edition

    def _tell(self, now: float) -> None:
        self._told_since = min(self._told_since, now)
        self.edition += 1

    def _remember(self, digest: int) -> None:
        # Forgetting only means that a repetition is noticed by the readers, who add up all parts, and not here.
        if len(self._seen) >= _SEEN_LIMIT:
            self._seen.clear()
        self._seen.add(digest)

    def _put(self, told: Account, now: float) -> None:
        part = self._lane(now)
        part.add(told)
        rest = part.cut()
        while rest is not None:
            part = self._new_part(rest)
            rest = part.cut()

    def _lane(self, now: float) -> OpenPart:
        open_parts = [part for part in self._parts if len(part.account.items) < PART_ITEMS]
        rested = next((part for part in open_parts if part.rested(now)), None)
        if rested is not None:
            return rested
        if len(open_parts) < _LANES:
            return self._new_part(Account())
        return min(open_parts, key=lambda part: part.written)

    def _new_part(self, account: Account) -> OpenPart:
        part = OpenPart(f"{self.names.id}.{self._writer}.{self._made}", account)
        self._made += 1
        self._parts.append(part)
        return part

    def _release(self, part: OpenPart) -> None:
        with self._lock:
            self._budget.held -= part.unwritten
        part.unwritten = 0
