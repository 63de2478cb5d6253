"""A run's trail: how it went, in at most sixty points over the whole run, whatever its length. Pure.

Points are the cells of a grid that begins at the run's start. Where one more than `POINTS` would be needed, each two
neighbours become one and the grid is twice as wide: what it holds then is what it would hold had it been so wide from
the beginning. Read by the watchdog, which draws it; nothing is judged by it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Final

from .run import Place
from .run_parts import plain
from .trail_point import LETTERS, NOBODY, PLACE_LETTERS

__all__ = ["POINTS", "Look", "Trail"]

POINTS: Final = 60

# Pairs of kind and place that a point remembers: an operation at work stands elsewhere at each look.
_PAIRS: Final = 8

# What the places may take of a record, in bytes as Firestore counts them.
_PLACES_SIZE: Final = 1000
_PLACE_NAMES: Final = len("file") + len("line") + len("function") + 5 + 8


@dataclass(frozen=True)
class Look:
    """What one beat tells. at: seconds since the run's start. kind: of the activity, empty where nobody looked.

    lasted: for how many seconds before `at` that holds; what the look before has told already stays as it was told.
    done: items finished by then, None where nothing is counted.
    """

    at: float
    kind: str = ""
    place: Place | None = None
    lasted: float = 0.0
    done: int | None = None


_Pair = tuple[str, "Place | None"]
_Seen = Mapping[_Pair, float]


@dataclass(frozen=True)
class _Cell:
    """seen: seconds by kind and place. done: by its end. gap: longest time without a beat that it has a part of."""

    seen: _Seen = field(default_factory=dict)
    done: int | None = None
    gap: float = 0.0

    def with_seen(self, seen: _Seen) -> _Cell:
        return replace(self, seen=_few(_sum(self.seen, seen)))

    def with_next(self, later: _Cell) -> _Cell:
        done = self.done if later.done is None else later.done
        return replace(self.with_seen(later.seen), done=done, gap=max(self.gap, later.gap))

    def most(self, length: float) -> tuple[str, Place | None]:
        """The kind that most of its seconds had, empty where nobody looked, and the place that most of these had."""
        kind, place, seconds, seen = self._foremost
        return (kind, place) if seconds >= length - seen else ("", None)

    @cached_property
    def _foremost(self) -> tuple[str, Place | None, float, float]:
        """The first kind, its first place, the seconds of that kind, and of all."""
        kinds: dict[str, float] = {}
        for (kind, _), seconds in self.seen.items():
            kinds[kind] = kinds.get(kind, 0.0) + seconds
        most = max(sorted(kinds), key=kinds.__getitem__, default="")
        places = {place: seconds for (kind, place), seconds in self.seen.items() if kind == most}
        place = max(places, key=places.__getitem__, default=None)
        return most, place, kinds.get(most, 0.0), sum(kinds.values())


_NOTHING: Final = _Cell()


@dataclass(frozen=True)
class Trail:
    """A trail up to `until` seconds after the start. step: width of the grid in seconds; done: the last count."""

    step: float
    until: float = 0.0
    done: int | None = None
    cells: Mapping[int, _Cell] = field(default_factory=dict)

    def add(self, look: Look) -> Trail:
        """The trail with another look; one that lies before `until`, as clocks may have it, tells of that instant."""
        at = max(look.at, self.until)
        if _count(at, self.step) > POINTS:
            return self._halved().add(look)
        cells = dict(self.cells)
        if look.kind:
            for index, seconds in self._parts(max(self.until, at - look.lasted), at):
                cells[index] = cells.get(index, _NOTHING).with_seen({(look.kind, look.place): seconds})
        if look.done is not None:
            for index, done in self._counts(at, look.done):
                cells[index] = replace(cells.get(index, _NOTHING), done=done)
        return Trail(self.step, at, self.done if look.done is None else look.done, cells)

    def without_beats(self, since: float, until: float) -> Trail:
        """The trail with a time in which no beat reached the store; it goes up to there at least."""
        if _count(until, self.step) > POINTS:
            return self._halved().without_beats(since, until)
        cells = dict(self.cells)
        for index, _ in self._parts(since, until):
            cell = cells.get(index, _NOTHING)
            cells[index] = replace(cell, gap=max(cell.gap, until - since))
        return replace(self, until=max(self.until, until), cells=cells)

    def _halved(self) -> Trail:
        cells: dict[int, _Cell] = {}
        for index, cell in sorted(self.cells.items()):
            earlier = cells.get(index // 2)
            cells[index // 2] = cell if earlier is None else earlier.with_next(cell)
        return replace(self, step=2 * self.step, cells=cells)

    def _parts(self, since: float, until: float) -> Iterator[tuple[int, float]]:
        """The cells that a stretch has a part of, and how many seconds of it each has."""
        for index in range(int(since // self.step), _count(until, self.step)):
            seconds = min(until, (index + 1) * self.step) - max(since, index * self.step)
            if seconds > 0:
                yield index, seconds

    def _counts(self, at: float, done: int) -> Iterator[tuple[int, int]]:
        """The count at the end of each cell since the last look, as on a straight line from there."""
        last = _count(at, self.step) - 1
        if self.done is not None and at > self.until:
            for index in range(max(0, _count(self.until, self.step) - 1), last):
                part = ((index + 1) * self.step - self.until) / (at - self.until)
                yield index, self.done + int((done - self.done) * part)
        yield last, done

    def to_document(self) -> dict[str, Any]:
        """The trail as it stands in a record: a letter or a number for each point; what is nowhere is left out."""
        cells = [self.cells.get(index, _NOTHING) for index in range(_count(self.until, self.step))]
        most = [cell.most(self._length(index)) for index, cell in enumerate(cells)]
        letters = _places(Counter(place for _, place in most if place is not None))
        counts = [cell.done for cell in cells]
        gaps = [math.ceil(cell.gap) or None for cell in cells]
        document = {
            "kinds": "".join([LETTERS.get(kind, NOBODY) for kind, _ in most]),
            "at": "".join([letters.get(place, NOBODY) for _, place in most]) if letters else None,
            "places": [plain(place) for place in letters] or None,
            "done": counts if self.done is not None else None,
            "gaps": gaps if any(gaps) else None,
        }
        told = {name: value for name, value in document.items() if value is not None}
        return {"step": self.step, "until": self.until, **told}

    def _length(self, index: int) -> float:
        return min(self.step, self.until - index * self.step)


def _count(until: float, step: float) -> int:
    """How many cells there are up to an instant; the first is always there."""
    return max(1, math.ceil(until / step))


def _sum(one: _Seen, other: _Seen) -> dict[_Pair, float]:
    both = dict(one)
    for pair, seconds in other.items():
        both[pair] = both.get(pair, 0.0) + seconds
    return both


def _few(seen: _Seen) -> _Seen:
    """The pairs with the most seconds; the others' seconds keep their kind, and lose their place."""
    if len(seen) <= _PAIRS:
        return seen
    few: dict[_Pair, float] = {}
    for number, pair in enumerate(sorted(seen, key=seen.__getitem__, reverse=True)):
        kept = pair if number < _PAIRS else (pair[0], None)
        few[kept] = few.get(kept, 0.0) + seen[pair]
    return few


def _places(found: Counter[Place]) -> dict[Place | None, str]:
    """A letter for each of the places that most points have, as many as there are letters and bytes for."""
    letters: dict[Place | None, str] = {}
    room = _PLACES_SIZE
    for place, _ in found.most_common(len(PLACE_LETTERS)):
        room -= _PLACE_NAMES + len(place.file.encode()) + len(place.function.encode())
        if room >= 0:
            letters[place] = PLACE_LETTERS[len(letters)]
    return letters
