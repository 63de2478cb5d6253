"""From outcomes to figures: by kind of trouble, by rule, by cause of what was wrong."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from typing import Any

from .judging import HANGWATCH, Judged
from .oracle import TIGHT, Outcome
from .spread import MINUTE, Lengths, Rate
from .targets import SOON, targets
from .trace import CRASHED, FROZEN, HEALTHY, HUNG, KILLED, LATE, LOOPS, SLOW, STALLED

__all__ = ["KINDS", "MARKS", "causes", "hangs", "kinds", "rules", "summary"]

KINDS = (HUNG, LOOPS, STALLED, CRASHED, KILLED, FROZEN, LATE)
GROUND = (HEALTHY, SLOW, TIGHT)

IN_TIME = 5 * MINUTE  # left to the deadline, so that somebody can still act

# Minutes left to the deadline, from all of them to a quarter of an hour past it.
MARKS = tuple(quarter / 4 for quarter in range(4 * 30, -4 * 15 - 1, -1))


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
        reached = [one for one in mine if not one.cut_off]
        found[kind] = {
            "any": Rate(sum(bool(one.false) for one in mine), len(mine)).as_json(),
            "never cut off": Rate(sum(bool(one.false) for one in reached), len(reached)).as_json(),
            "by cause": rates,
        }
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
        "heard by": _heard_by([one.left for one in must if one.left is not None]),
    }


def _heard_by(lefts: Sequence[float]) -> list[int]:
    """How many were heard of with so much time left, for each of `MARKS`."""
    spent = sorted(-round(left) for left in lefts)
    return [bisect_left(spent, -MINUTE * mark + 1) for mark in MARKS]


def _in_time(outcome: Outcome) -> bool:
    return outcome.left is not None and outcome.left >= IN_TIME


def hangs(outcomes: Sequence[Outcome]) -> dict[str, dict[str, Any]]:
    """Hangs in a call within the first minutes of a run, by how many runs the limit was learned from."""
    soon = [one for one in outcomes if one.kind == HUNG and (one.began_after or 0.0) <= SOON]
    return {name: _hung([one for one in soon if least <= one.known <= most]) for name, least, most in LEARNED}


LEARNED = (
    ("any number of runs", 0, 50),
    ("nothing", 0, 4),
    ("5 to 9 runs", 5, 9),
    ("10 to 19 runs", 10, 19),
    ("20 to 50 runs", 20, 50),
)


def _hung(mine: Sequence[Outcome]) -> dict[str, Any]:
    enough = {minutes: sum((one.left or 0.0) >= minutes * MINUTE for one in mine) for minutes in (10, 20)}
    best = {minutes: sum((one.best_left or 0.0) >= minutes * MINUTE for one in mine) for minutes in (10, 20)}
    return {
        "runs": len(mine),
        "latency": Lengths.of(one.latency for one in mine if one.latency is not None).as_json(),
        "left": Lengths.of(one.left for one in mine if one.left is not None).as_json(),
        "10 min left": Rate(enough[10], len(mine)).as_json(),
        "20 min left": Rate(enough[20], len(mine)).as_json(),
        "10 min left at best": Rate(best[10], len(mine)).as_json(),
        "20 min left at best": Rate(best[20], len(mine)).as_json(),
    }


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
