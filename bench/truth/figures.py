"""From outcomes to figures: rates with their confidence intervals, and where the middle and the tail of lengths lie."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from watchdog.history import LEARN_FROM

from .judging import HANGWATCH, Judged
from .oracle import TIGHT, Outcome
from .trace import CRASHED, FROZEN, HEALTHY, HUNG, KILLED, LATE, LOOPS, SLOW, STALLED

__all__ = ["KINDS", "Lengths", "Rate", "causes", "hangs", "kinds", "rules", "summary", "targets"]

KINDS = (HUNG, LOOPS, STALLED, CRASHED, KILLED, FROZEN, LATE)
GROUND = (HEALTHY, SLOW, TIGHT)

SURE = 1.96  # standard deviations: 95 %
MINUTE = 60.0
IN_TIME = 5 * MINUTE  # left to the deadline, so that somebody can still act
SWEEP_AND_SEND = 65.0

# The library's defaults, as docs/how_it_decides.md has them; the targets are stated in their terms.
SILENT_AFTER = 90.0
STALLED_AFTER = 300.0

# A hang that begins later can't be told with so much time left, whoever tells.
SOON = 5 * MINUTE


@dataclass(frozen=True)
class Rate:
    """So many of so many; low and high: Wilson's interval, which holds the true share 95 times of 100."""

    hits: int
    of: int

    @property
    def share(self) -> float:
        """The share that was seen."""
        return self.hits / self.of if self.of else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """Between which shares the true one lies, most likely."""
        if not self.of:
            return 0.0, 1.0
        n, share, square = self.of, self.share, SURE**2
        middle = (share + square / (2 * n)) / (1 + square / n)
        apart = SURE / (1 + square / n) * math.sqrt(share * (1 - share) / n + square / (4 * n * n))
        return max(0.0, middle - apart), min(1.0, middle + apart)

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        low, high = self.interval
        return {"hits": self.hits, "of": self.of, "share": self.share, "low": low, "high": high}


@dataclass(frozen=True)
class Lengths:
    """Where lengths in seconds lie: how many, the hundredth, the middle, the 99th of a hundred, the longest."""

    count: int
    p1: float = math.nan
    median: float = math.nan
    p99: float = math.nan
    most: float = math.nan

    @classmethod
    def of(cls, lengths: Iterable[float]) -> Lengths:
        """Those of some lengths; without any all are unknown."""
        found = sorted(lengths)
        if not found:
            return cls(0)
        return cls(len(found), _at(found, 0.01), _at(found, 0.5), _at(found, 0.99), found[-1])

    def as_json(self) -> dict[str, Any]:
        """Plain values, None where unknown."""
        return {name: None if math.isnan(value) else value for name, value in asdict(self).items()}


def _at(ordered: Sequence[float], share: float) -> float:
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def kinds(outcomes: Sequence[Outcome]) -> dict[str, dict[str, Any]]:
    """By kind of trouble: how many, heard, missed, and how soon."""
    return {kind: _kind([one for one in outcomes if one.kind == kind]) for kind in KINDS}


def _kind(mine: Sequence[Outcome]) -> dict[str, Any]:
    calm = [one for one in mine if not one.disturbed]
    return {
        "runs": len(mine),
        "must": sum(one.must for one in mine),
        "heard": sum(one.heard for one in mine),
        "missed": sum(one.missed for one in mine),
        "latency": Lengths.of(one.latency for one in mine if one.latency is not None).as_json(),
        "latency undisturbed": Lengths.of(one.latency for one in calm if one.latency is not None).as_json(),
        "left": Lengths.of(one.left for one in mine if one.left is not None).as_json(),
        "messages": Lengths.of(one.messages for one in mine if one.heard).as_json(),
    }


def causes(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """False alarms by cause, in runs that were never in trouble, and in those that were."""
    found: dict[str, Any] = {}
    for kind in GROUND:
        mine = [one for one in outcomes if one.kind == kind]
        counted = Counter(cause for one in mine for cause in set(one.false))
        rates = {cause: Rate(hits, len(mine)).as_json() for cause, hits in counted.most_common()}
        found[kind] = {"any": Rate(sum(bool(one.false) for one in mine), len(mine)).as_json(), "by cause": rates}
    troubled = [one for one in outcomes if one.kind in KINDS]
    found["in trouble"] = dict(Counter(cause for one in troubled for cause in set(one.false)))
    return found


def rules(judged: Judged) -> dict[str, dict[str, Any]]:
    """By rule: of what people had to hear, how much they heard, how much of it in time, and what was false."""
    return {name: _rule(outcomes) for name, outcomes in judged.outcomes.items()}


def _rule(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    must = [one for one in outcomes if one.must]
    healthy = [one for one in outcomes if one.kind == HEALTHY]
    stuck = [one for one in must if one.kind in (HUNG, LOOPS, STALLED)]
    return {
        "heard": Rate(sum(one.heard for one in must), len(must)).as_json(),
        "in time": Rate(sum(_in_time(one) for one in must), len(must)).as_json(),
        "false": Rate(sum(bool(one.false) for one in healthy), len(healthy)).as_json(),
        "stuck": Rate(sum(_in_time(one) for one in stuck), len(stuck)).as_json(),
        "latency": Lengths.of(one.latency for one in must if one.latency is not None).as_json(),
        "left": Lengths.of(one.left for one in must if one.left is not None).as_json(),
        "lefts": sorted((round(one.left) for one in must if one.left is not None), reverse=True),
    }


def _in_time(outcome: Outcome) -> bool:
    return outcome.left is not None and outcome.left >= IN_TIME


def hangs(outcomes: Sequence[Outcome]) -> dict[str, dict[str, Any]]:
    """Hangs in a call within the first minutes of a run, by how many runs the limit was learned from."""
    soon = [one for one in outcomes if one.kind == HUNG and (one.began_after or 0.0) <= SOON]
    return {name: _hung([one for one in soon if least <= one.known <= most]) for name, least, most in LEARNED}


LEARNED = (("nothing", 0, 4), ("5 to 9 runs", 5, 9), ("10 to 19 runs", 10, 19), ("20 to 50 runs", 20, 50))


def _hung(mine: Sequence[Outcome]) -> dict[str, Any]:
    enough = {minutes: sum((one.left or 0.0) >= minutes * MINUTE for one in mine) for minutes in (10, 20)}
    return {
        "runs": len(mine),
        "latency": Lengths.of(one.latency for one in mine if one.latency is not None).as_json(),
        "left": Lengths.of(one.left for one in mine if one.left is not None).as_json(),
        "10 min left": Rate(enough[10], len(mine)).as_json(),
        "20 min left": Rate(enough[20], len(mine)).as_json(),
    }


def targets(outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    """What was aimed at, what came, and whether that is enough."""
    healthy = [one for one in outcomes if one.kind == HEALTHY]
    false = Rate(sum(bool(one.false) for one in healthy), len(healthy))
    missed = sum(one.missed for one in outcomes)
    known = sum(one.missed and not one.unseen for one in outcomes)
    killed = [one for one in outcomes if one.kind == KILLED]
    stalled = [one for one in outcomes if one.kind == STALLED]
    hung = [one for one in outcomes if one.kind == HUNG and (one.began_after or 0.0) <= SOON]
    learned = [one for one in hung if one.known >= LEARN_FROM]
    return [
        _target("missed problems", "0", missed, missed == 0),
        _target("missed problems of which a record had reached the store", "0", known, known == 0),
        _target("false notices per 10,000 healthy runs", "at most 1", 1e4 * false.share, false.share <= 1e-4),
        *_soon("silent", killed, SILENT_AFTER + SWEEP_AND_SEND),
        *_soon("stalled while counting", stalled, STALLED_AFTER + SWEEP_AND_SEND),
        _least("an opaque hang within the first 5 min: least minutes left", hung, 10),
        _least("the same, five runs seen before", learned, 20),
    ]


def _target(what: str, aim: str, came: float, met: bool) -> dict[str, Any]:
    return {"what": what, "aim": aim, "came": came, "met": met}


def _soon(what: str, outcomes: Sequence[Outcome], limit: float) -> list[dict[str, Any]]:
    found = []
    checks: tuple[tuple[str, Callable[[Outcome], bool]], ...] = (
        ("all", lambda one: True),
        ("undisturbed", lambda one: not one.disturbed),
    )
    for which, wanted in checks:
        p99 = Lengths.of(one.latency for one in outcomes if one.latency is not None and wanted(one)).p99
        found.append(_target(f"{what}: p99 in seconds, {which}", f"at most {limit:g}", p99, p99 <= limit))
    return found


def _least(what: str, outcomes: Sequence[Outcome], minutes: float) -> dict[str, Any]:
    lefts = [one.left for one in outcomes if one.left is not None]
    least = min(lefts, default=math.nan) / MINUTE
    enough = Rate(sum(left >= minutes * MINUTE for left in lefts), len(outcomes))
    return _target(what, f"at least {minutes:g}", least, least >= minutes) | {"share": enough.as_json()}


def summary(judged: Judged, seed: int) -> dict[str, Any]:
    """All figures as plain values."""
    ours = judged.outcomes[HANGWATCH]
    heard = [one for one in ours if one.heard]
    return {
        "seed": seed,
        "runs": len(ours),
        "with nested ones": judged.runs,
        "sweeps": judged.sweeps,
        "messages": judged.messages,
        "messages about its own sight": judged.sight,
        "refused by the channel": judged.refused,
        "messages a problem": judged.messages / len(heard) if heard else None,
        "kinds": {kind: sum(one.kind == kind for one in ours) for kind in sorted({one.kind for one in ours})},
        "targets": targets(ours),
        "trouble": kinds(ours),
        "hangs": hangs(ours),
        "false": causes(ours),
        "rules": rules(judged),
        "to look at": _to_look_at(ours),
    }


def _to_look_at(outcomes: Sequence[Outcome]) -> dict[str, list[str]]:
    """Names of a few runs of each mistake: fleet and run, to be made again from the seed."""
    found: dict[str, list[str]] = {}
    for one in outcomes:
        if one.missed:
            found.setdefault(f"missed: {one.kind}", []).append(one.name)
        for cause in set(one.false):
            found.setdefault(f"{one.kind}: {cause}", []).append(one.name)
    return {what: names[:5] for what, names in sorted(found.items())}
