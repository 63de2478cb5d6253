"""What is aimed at, what came, whether that is enough, and what keeps it from being so."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from watchdog.history import LEARN_FROM

from .oracle import Outcome
from .spread import MINUTE, Lengths, Rate
from .trace import BURSTS, HEALTHY, HUNG, KILLED, STALLED, STEADY

__all__ = ["SOON", "targets"]

SWEEP_AND_SEND = 65.0

# The library's defaults, as docs/how_it_decides.md has them; the targets are stated in their terms.
SILENT_AFTER = 90.0
STALLED_AFTER = 300.0

# A hang that begins later can't be told with so much time left, whoever tells.
SOON = 5 * MINUTE

ONE_IN_10K = 1e-4

NEVER_HEARD_OF = (
    "they died, or froze, while the store was away or their instance cut off from it, and no record of them ever came"
)
NOT_SENT = "their notice was made, and the channel or the store was away until the trouble was over"
PAUSED = "counting paused for longer than `stalled_after`"
CUT_OFF = (
    "an instance that is cut off from the store for longer than `silent_after` looks dead, and the notice says that it "
    "may be that; to wait for longer would be to tell of each death later. The others are long calls"
)
LONG_CALLS = (
    "operations that declare nothing, and whose call lasts much longer than any before it: slow and stuck look alike"
)
DISTURBED = (
    "sweeps that are missing, outages of the store, and a channel that is away cost a minute or more each; after a gap "
    "silence is held until living clients have had the time to beat"
)


def targets(outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    """Each target as plain values; `share` where a rate says more than `came`, `limit` empty where it is met."""
    missed = sum(one.missed for one in outcomes)
    known = sum(one.missed and not one.unseen for one in outcomes)
    hung = [one for one in outcomes if one.kind == HUNG and (one.began_after or 0.0) <= SOON]
    learned = [one for one in hung if one.known >= LEARN_FROM]
    return [
        _target("missed problems", "0", missed, missed == 0, NEVER_HEARD_OF),
        _target("missed problems of which a record had reached the store", "0", known, known == 0, NOT_SENT),
        *_false([one for one in outcomes if one.kind == HEALTHY]),
        *_soon("silent", [one for one in outcomes if one.kind == KILLED], SILENT_AFTER + SWEEP_AND_SEND),
        *_soon("stalled while counting", [o for o in outcomes if o.kind == STALLED], STALLED_AFTER + SWEEP_AND_SEND),
        _least("an opaque hang within the first 5 min: least minutes left", hung, 10),
        _least("the same, five runs seen before", learned, 20),
    ]


def _target(what: str, aim: str, came: float, met: bool, limit: str = "") -> dict[str, Any]:
    return {"what": what, "aim": aim, "came": came, "met": met, "limit": "" if met else limit}


def _false(healthy: Sequence[Outcome]) -> list[dict[str, Any]]:
    what = "healthy runs told of, per 10,000"
    reached = [one for one in healthy if not one.cut_off]
    counted = [one for one in reached if one.style in (STEADY, BURSTS)]
    which = ((f"{what}, all", healthy, CUT_OFF), (f"{what}, never cut off from the store", reached, LONG_CALLS))
    notices = len({notice for one in healthy for notice in one.wrong})
    rows = [_one_in_10k("false notices per 10,000 healthy runs", Rate(notices, len(healthy)), CUT_OFF)]
    return rows + [_wrong(*one) for one in (*which, (f"{what}, never cut off, and counting", counted, PAUSED))]


def _wrong(what: str, mine: Sequence[Outcome], limit: str) -> dict[str, Any]:
    return _one_in_10k(what, Rate(sum(bool(one.false) for one in mine), len(mine)), limit)


def _one_in_10k(what: str, rate: Rate, limit: str) -> dict[str, Any]:
    return _target(what, "at most 1", 1e4 * rate.share, rate.share <= ONE_IN_10K, limit) | {"each 10k": rate.as_json()}


def _soon(what: str, outcomes: Sequence[Outcome], limit: float) -> list[dict[str, Any]]:
    found = []
    checks: tuple[tuple[str, Callable[[Outcome], bool]], ...] = (
        ("all", lambda one: True),
        ("undisturbed", lambda one: not one.disturbed),
    )
    for which, wanted in checks:
        p99 = Lengths.of(one.latency for one in outcomes if one.latency is not None and wanted(one)).p99
        name = f"{what}: p99 in seconds, {which}"
        found.append(_target(name, f"at most {limit:g}", p99, p99 <= limit, DISTURBED))
    return found


def _least(what: str, outcomes: Sequence[Outcome], minutes: float) -> dict[str, Any]:
    lefts = [one.left for one in outcomes if one.left is not None]
    least = min(lefts, default=math.nan) / MINUTE
    enough, best = (
        Rate(sum((left or 0.0) >= minutes * MINUTE for left in of), len(outcomes))
        for of in (lefts, [one.best_left for one in outcomes])
    )
    limit = (
        "where an operation is one long call, a hang looks like a slow one. Who knew how the lengths of each operation "
        "are spread, and was wrong about no more than one healthy run in 10,000 of each, could tell "
        f"{100 * best.share:.1f} % with {minutes:g} min left: this target and that of false notices exclude each other"
    )
    return _target(what, f"at least {minutes:g}", least, least >= minutes, limit) | {"share": enough.as_json()}
