"""The points of a trail as a record holds them: their letters, and how they are read from what anybody wrote. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from .fields import Fields
from .run import Place
from .run_parts import read_place

__all__ = ["LETTERS", "NOBODY", "PLACE_LETTERS", "TrailPoint", "read_trail"]

# A letter for each kind of activity, as it stands in records: none is ever given to another kind.
LETTERS: Final = {
    "progressing": "p",
    "working": "w",
    "blocked": "b",
    "looping": "r",
    "spinning": "s",
    "loop_blocked": "l",
    "task_waiting": "t",
    "gil_held": "g",
    "frozen": "f",
    "starved": "c",
    "thread_ended": "e",
    "waiting": "d",
}
NOBODY: Final = "-"
PLACE_LETTERS: Final = "abcdefgh"

_KINDS: Final = {letter: kind for kind, letter in LETTERS.items()}
_MOST_POINTS: Final = 1000  # a newer client may keep more than ours


@dataclass(frozen=True)
class TrailPoint:
    """A stretch of a run. since, until: seconds after the run's start.

    kind: what it did for most of it, one of the activity's kinds; empty where nobody looked, or in a newer one's word.
    place: where it did that mostly, None when not known. done: items finished by its end, None when not known.
    gap: longest time without a beat that the point has a part of, in seconds; None where beats came as they should.
    """

    since: float
    until: float
    kind: str = ""
    place: Place | None = None
    done: int | None = None
    gap: float | None = None

    @property
    def length(self) -> float:
        """Seconds."""
        return self.until - self.since


def read_trail(document: object) -> tuple[TrailPoint, ...]:
    """The points of a run's trail, in order; none where the record has no trail, or one that can't be read.

    What can't be read of a point is left out: a trail never makes a run unjudged.
    """
    if not isinstance(document, Mapping):
        return ()
    fields = Fields(document)
    step, until = fields.length("step", 0.0), fields.length("until", 0.0)
    if step <= 0 or until <= 0 or until / step > _MOST_POINTS:
        return ()
    return tuple(_points(fields, step, until))


def _points(fields: Fields, step: float, until: float) -> Iterator[TrailPoint]:
    kinds, at = (fields.text(name, "", _MOST_POINTS) for name in ("kinds", "at"))
    places = [_place(one) for one in _listed(fields, "places")[: len(PLACE_LETTERS)]]
    done, gaps = _listed(fields, "done"), _listed(fields, "gaps")
    for index in range(math.ceil(until / step)):
        found = PLACE_LETTERS.find(at[index]) if index < len(at) else -1
        yield TrailPoint(
            since=index * step,
            until=min(until, (index + 1) * step),
            kind=_KINDS.get(kinds[index : index + 1], ""),
            place=places[found] if 0 <= found < len(places) else None,
            done=Fields({"": done[index]}).whole("", None) if index < len(done) else None,
            gap=Fields({"": gaps[index]}).length("", None) if index < len(gaps) else None,
        )


def _listed(fields: Fields, name: str) -> list[Any]:
    value = fields.document.get(name)
    return value if isinstance(value, list) else []


def _place(value: object) -> Place | None:
    if not isinstance(value, Mapping):
        return None
    place = read_place(Fields(value))
    return place if place is not None and place.file else None
