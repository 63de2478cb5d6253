"""How long runs take, and how their work is spread over that: drawn by chance, from a generator with a known seed."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import accumulate
from random import Random

from .trace import BURSTS, MANY_CALLS, ONE_CALL

__all__ = ["LONGEST", "SHAPES", "length_of", "log_uniform", "steps_of"]

LONGEST = 7200.0
SHORTEST = 2.0

# Multiples of the median.
SHAPES: dict[str, Callable[[Random], float]] = {
    "log-normal, narrow": lambda chance: chance.lognormvariate(0, 0.2),
    "log-normal": lambda chance: chance.lognormvariate(0, 0.5),
    "log-normal, wide": lambda chance: chance.lognormvariate(0, 0.8),
    "bimodal": lambda chance: (6 if chance.random() < 0.1 else 1) * chance.lognormvariate(0, 0.2),
    "heavy tail": lambda chance: chance.paretovariate(1.8) if chance.random() < 0.2 else chance.lognormvariate(0, 0.15),
}


def length_of(shape: str, median: float, chance: Random) -> float:
    """How long one run takes, in seconds."""
    return min(max(median * SHAPES[shape](chance), SHORTEST), LONGEST)


def log_uniform(chance: Random, least: float, most: float) -> float:
    """A length between two others, each order of magnitude as likely as the next."""
    return math.exp(chance.uniform(math.log(least), math.log(most)))


def steps_of(style: str, length: float, chance: Random) -> list[float]:
    """When within its length an operation gets on: an item is done, or a call begins, which lasts until the next."""
    if style == ONE_CALL:
        return [0.0]
    if style == MANY_CALLS:
        return [0.0, *_spread(_count(length, chance.uniform(2, 20)), 0.8, length, chance)[:-1]]
    if style == BURSTS:
        return _bursts(length, chance)
    return _spread(_count(length, chance.uniform(0.5, 15)), 0.6, length, chance)


def _count(length: float, each: float) -> int:
    return min(max(int(length / each), 5), 300)


def _spread(count: int, sigma: float, length: float, chance: Random) -> list[float]:
    """The ends of so many pieces of unequal length that fill the whole."""
    pieces = [chance.lognormvariate(0, sigma) for _ in range(count)]
    stretch = length / math.fsum(pieces)
    return [end * stretch for end in accumulate(pieces)]


def _bursts(length: float, chance: Random) -> list[float]:
    """Items come a page at a time: a pause for the page, then twenty at once, five a second."""
    pages = _spread(min(max(int(length / chance.uniform(20, 90)), 2), 60), 0.4, length, chance)
    pages = [page for page in pages if page > 4.0] or [length]
    return [page - 4.0 + 0.2 * (item + 1) if page > 4.0 else page for page in pages for item in range(20)]
