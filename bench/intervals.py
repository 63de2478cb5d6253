"""The median of what was measured, and between which of the measurements the true one lies."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["Middle", "middle_of"]

_NORMAL = 1.96  # standard deviations for 95 %


class Middle(NamedTuple):
    """A median, and the interval that holds the true one with 95 %, from `low` to `high`; n: measurements."""

    median: float
    low: float
    high: float
    n: int


def middle_of(values: Sequence[float]) -> Middle:
    """The median with its interval, from the order of the values alone: no shape of their noise is assumed.

    Half of all values lie below the true median, so how many of n do is binomial; here by its normal approximation.
    Raises ValueError for less than six values, which can't give 95 %.
    """
    n = len(values)
    if n < 6:
        raise ValueError(f"an interval of the median needs 6 values or more, got {n}")
    ordered = sorted(values)
    half = _NORMAL * math.sqrt(n) / 2
    low = max(0, math.floor(n / 2 - half))
    high = min(n - 1, math.ceil(n / 2 + half))
    return Middle(statistics.median(ordered), ordered[low], ordered[high], n)
