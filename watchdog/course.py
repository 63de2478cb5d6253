"""How a run went, as its trail tells: stretches that lie alike, and the words and figures for them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from heartbeat_client.lengths import spoken
from heartbeat_client.run import Run
from heartbeat_client.run_parts import plain
from heartbeat_client.trail_point import TrailPoint, read_trail

from .wording import sentence

__all__ = ["KIND_WORDS", "Stretch", "gaps_of", "kinds_of", "points_json", "points_of", "stretches", "summary"]

# In the order of a legend: what moves, what waits as it should, what may stand.
KIND_WORDS = {
    "progressing": "makes progress",
    "working": "at work",
    "waiting": "declared wait",
    "task_waiting": "task waits",
    "blocked": "blocked in a call",
    "loop_blocked": "event loop blocked",
    "gil_held": "one call held Python",
    "spinning": "busy on the CPU",
    "looping": "goes round",
    "starved": "got no CPU",
    "frozen": "process did not run",
    "thread_ended": "thread had ended",
    "": "not looked at",
}


class Stretch(TrailPoint):
    """Points beside each other that are alike, as one."""

    @property
    def where(self) -> str:
        """`data_loaders.py:412 load_batch`, nothing where that is not known."""
        return f"{self.place.file}:{self.place.line} {self.place.function}".strip() if self.place else ""

    @property
    def said(self) -> str:
        """`blocked in a call at data_loaders.py:412 for 17 min`."""
        at = f" at {self.place.file}:{self.place.line}" if self.place else ""
        return f"{KIND_WORDS[self.kind]}{at} for {spoken(self.length)}"


def points_of(run: Run) -> tuple[TrailPoint, ...]:
    """The points of a run's trail; none where it has none, or one that tells nothing but that time went by."""
    points = read_trail(run.trail)
    return points if any(point.kind or point.gap or point.done is not None for point in points) else ()


def stretches(points: Iterable[TrailPoint]) -> list[Stretch]:
    """The points, those that follow each other at the same place with the same kind as one."""
    found: list[Stretch] = []
    for point in points:
        last = found[-1] if found else None
        if last is not None and (last.kind, last.place) == (point.kind, point.place):
            found[-1] = _longer(last, point)
        else:
            found.append(Stretch(point.since, point.until, point.kind, point.place, point.done, point.gap))
    return found


def _longer(last: Stretch, point: TrailPoint) -> Stretch:
    gap = max(last.gap or 0.0, point.gap or 0.0) or None
    return replace(last, until=point.until, done=last.done if point.done is None else point.done, gap=gap)


def gaps_of(points: Iterable[TrailPoint]) -> list[Stretch]:
    """The times without a beat. Where a point is longer than its gap, when within it nobody knows: in its middle."""
    found: list[Stretch] = []
    for point in points:
        last = found[-1] if found else None
        if not point.gap:
            continue
        if last is not None and last.until == point.since and last.gap == point.gap and last.length < point.gap:
            found[-1] = replace(last, until=point.until)
        else:
            found.append(Stretch(point.since, point.until, gap=point.gap))
    return [_within(stretch) for stretch in found]


def _within(stretch: Stretch) -> Stretch:
    spare = max(0.0, stretch.length - (stretch.gap or 0.0)) / 2
    return replace(stretch, since=stretch.since + spare, until=stretch.until - spare)


def kinds_of(points: Iterable[TrailPoint]) -> dict[str, float]:
    """Seconds by kind, in the order of `KIND_WORDS`; those that do not occur are left out."""
    seconds: dict[str, float] = {}
    for point in points:
        seconds[point.kind] = seconds.get(point.kind, 0.0) + point.length
    return {kind: seconds[kind] for kind in KIND_WORDS if kind in seconds}


def summary(points: Sequence[TrailPoint]) -> str:
    """All of it in a sentence: `blocked in a call for 17 min, at work for 1 min; no beat for 2 min`."""
    kinds = sorted(kinds_of(points).items(), key=lambda pair: pair[1], reverse=True)
    told = ", ".join(
        f"{KIND_WORDS[kind]} for {spoken(seconds)}" for kind, seconds in kinds if seconds >= 1 or len(kinds) == 1
    )
    gaps = ", ".join(spoken(stretch.gap or 0.0) for stretch in gaps_of(points))
    return sentence(told, f"no beat for {gaps}" if gaps else "")


def points_json(run: Run | None) -> list[dict[str, Any]]:
    """The points as `show --json` shows them."""
    return [
        {
            "since": point.since,
            "until": point.until,
            "kind": point.kind or None,
            "at": plain(point.place) if point.place else None,
            "done": point.done,
            "gap": point.gap,
        }
        for point in (points_of(run) if run else ())
    ]
