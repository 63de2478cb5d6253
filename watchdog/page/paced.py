"""Things that are read whole each time, as often as what they cost allows."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Generic, TypeVar

__all__ = ["Paced"]

T = TypeVar("T")


@dataclass(frozen=True)
class _Read(Generic[T]):
    value: T
    at: float
    cost: int


class Paced(Generic[T]):
    """Values by name, which together cost so many reads a second. reads: counts what was read. clock: monotonic."""

    def __init__(self, reads: Callable[[], int], per_second: float, clock: Callable[[], float]) -> None:
        self._reads = reads
        self._per_second = per_second
        self._clock = clock
        self._kept: dict[str, _Read[T]] = {}

    @property
    def every(self) -> float:
        """Seconds from one reading to the next, while they cost what they did the last time."""
        return sum(kept.cost for kept in self._kept.values()) / self._per_second

    def get(self, name: str, read: Callable[[], T], *, anew: bool = False) -> T:
        """The value, read now if it is time for that. anew: now in any case."""
        kept, now = self._kept.get(name), self._clock()
        if kept is None or anew or now - kept.at >= self.every:
            before = self._reads()
            value = read()
            kept = self._kept[name] = _Read(value, now, self._reads() - before)
        return kept.value

    def keep(self, names: Collection[str]) -> None:
        """Forget all but these."""
        self._kept = {name: kept for name, kept in self._kept.items() if name in names}
