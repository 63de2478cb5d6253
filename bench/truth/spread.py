"""Shares with their confidence intervals, and where the middle and the tail of lengths lie."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["MINUTE", "Lengths", "Rate"]

SURE = 1.96  # standard deviations: 95 %
MINUTE = 60.0


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
