"""Ways of doing the same thing, measured in turns, so that what else the machine does meets each of them alike."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from .intervals import Middle, middle_of

__all__ = ["Turns", "in_turns"]


@dataclass(frozen=True)
class Turns:
    """taken: what each way took in each round, in the same order; any unit."""

    taken: Mapping[str, Sequence[float]]

    def median(self, way: str) -> float:
        """What a way took, in the middle."""
        return statistics.median(self.taken[way])

    def ratio(self, way: str, base: str) -> Middle:
        """A way against another: the median of the rounds' ratios, and where it lies with 95 %."""
        pairs = zip(self.taken[way], self.taken[base], strict=True)
        return middle_of([one / other for one, other in pairs])

    def added(self, way: str, base: str) -> Middle:
        """What a way takes more than another: the median of the rounds' differences."""
        pairs = zip(self.taken[way], self.taken[base], strict=True)
        return middle_of([one - other for one, other in pairs])


def in_turns(
    ways: Mapping[str, Callable[[], float]], rounds: int, progress: Callable[[str], None] = lambda _: None
) -> Turns:
    """Take each way once a round, each round begun by another way and every second one backwards.

    ways: by name, what measures itself once, and returns what it took. rounds: at least 6. progress: hears each round.
    """
    if rounds < 6:
        raise ValueError(f"in_turns: an interval of the median needs 6 rounds or more, got {rounds}")
    names = list(ways)
    taken: dict[str, list[float]] = {name: [] for name in names}
    for number in range(rounds):
        start = number % len(names)
        order = names[start:] + names[:start]
        for name in order if number % 2 else reversed(order):
            taken[name].append(ways[name]())
    return Turns(taken)
