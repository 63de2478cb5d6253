"""How soon a hang could be told by anybody who goes by lengths, and may be wrong about one healthy run in 10,000.

It knows what no rule knows: how the lengths of each operation are spread. So it is a limit to hold rules against.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from functools import cache
from random import Random

from .oracle import LAST_FIFTH
from .shapes import SHAPES
from .trace import DEADLINE, HUNG, MANY_CALLS, Family, Operation, Trace

__all__ = ["WRONG_ABOUT", "best_left", "longest_healthy"]

WRONG_ABOUT = 1e-4  # of healthy runs
DRAWN = 200_000


def best_left(family: Family) -> float | None:
    """Seconds that are left to the deadline when a hang could be told of at the soonest; None for other trouble."""
    run, stuck = family.outermost, family.outermost.stuck[0]
    if family.truth.kind != HUNG:
        return None
    told = min(_from(_stuck_one(family, stuck), stuck), run.started + LAST_FIFTH)
    return run.deadline - max(told, stuck)


def _stuck_one(family: Family, stuck: float) -> Trace:
    return [trace for trace in family.traces if trace.started <= stuck][-1]


def _from(trace: Trace, stuck: float) -> float:
    operation = trace.operation
    if operation.style == MANY_CALLS and operation.evidence:
        return stuck  # its calls are so short that it hardly takes time to know
    return trace.started + longest_healthy(operation)


def longest_healthy(operation: Operation) -> float:
    """What all but one in 10,000 runs that come to their end before the last fifth of their time take at most."""
    drawn = _drawn(operation.shape)
    in_time = bisect_right(drawn, LAST_FIFTH / operation.median)
    if not in_time:
        return DEADLINE
    return operation.median * drawn[math.ceil((1 - WRONG_ABOUT) * in_time) - 1]


@cache
def _drawn(shape: str) -> list[float]:
    chance = Random(f"known {shape}")
    return sorted(SHAPES[shape](chance) for _ in range(DRAWN))
