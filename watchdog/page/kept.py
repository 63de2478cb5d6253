"""Things by name that change slowly, each read anew only when a while has passed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

__all__ = ["Kept"]

T = TypeVar("T")


class Kept(Generic[T]):
    """Values by name. seconds: how long each is good for. most: the oldest of more is forgotten. clock: monotonic."""

    def __init__(self, clock: Callable[[], float], seconds: float, most: int = 10_000) -> None:
        self._clock = clock
        self._seconds = seconds
        self._most = most
        self._values: dict[str, tuple[float, T]] = {}

    def stale(self, names: Iterable[str]) -> list[str]:
        """Those of the names whose value is not known, or too old."""
        oldest = self._clock() - self._seconds
        return sorted(name for name in set(names) if name not in self._values or self._values[name][0] <= oldest)

    def keep(self, name: str, value: T) -> None:
        """Keep the value from now on."""
        self._values.pop(name, None)
        while len(self._values) >= self._most:
            del self._values[next(iter(self._values))]
        self._values[name] = (self._clock(), value)

    def __getitem__(self, name: str) -> T:
        """The value, however old. Raises KeyError."""
        return self._values[name][1]
