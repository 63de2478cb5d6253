"""The limits that hold for a run: what its owner set, what the watchdog keeps in force, the defaults."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Final

from .run import Thresholds

__all__ = ["INTERVAL", "LEAST", "NAMES", "InForce", "Limits"]

INTERVAL: Final = 300.0
LEAST: Final = 0.05  # a beat or a line more often than that only heats the store

NAMES: Final = ("beat_every", "silent_after", "stalled_after", "opaque_after", "max_runtime")

_USUAL = Thresholds()


@dataclass(frozen=True)
class InForce:
    """What the watchdog's record of an operation says, in seconds (warn_at: a share).

    usual: used where the run's owner set nothing. forced: an operator's word, used whatever the owner set.
    learned: from how many `runs` the usual opaque_after comes, the `longest` of them, and for how long one of them
    `stood` in one call, where that was learned.
    """

    usual: Mapping[str, float] = field(default_factory=dict)
    forced: Mapping[str, float] = field(default_factory=dict)
    learned: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def from_document(cls, document: Mapping[str, Any] | None) -> InForce:
        """Read the record; whatever is no number above zero is passed over, for a stranger may have written it."""
        document = document or {}
        return cls(*(_numbers(document.get(name)) for name in ("thresholds", "force", "learned")))

    def get(self, name: str, own: float | None) -> float | None:
        """The value that holds, given the owner's own (None: the owner set none)."""
        if name in self.forced:
            return self.forced[name]
        return self.usual.get(name) if own is None else own


def _numbers(value: object) -> dict[str, float]:
    if not isinstance(value, Mapping):
        return {}
    numbers = {name: float(n) for name, n in value.items() if isinstance(n, (int, float)) and not isinstance(n, bool)}
    return {name: n for name, n in numbers.items() if math.isfinite(n) and n > 0 and (name != "warn_at" or n <= 1)}


@dataclass(frozen=True)
class Limits:
    """What the owner of a run set, in seconds, None where nothing; explicit names what was set, the deadline too."""

    beat_every: float | None = None
    silent_after: float | None = None
    stalled_after: float | None = None
    opaque_after: float | None = None
    max_runtime: float | None = None
    explicit: tuple[str, ...] = ()

    def changed(self, own: Mapping[str, Any]) -> Limits:
        """These limits, but for those that `own` has, by name and in seconds."""
        return replace(self, **own) if own else self

    def resolve(self, in_force: InForce) -> Thresholds:
        """The thresholds that hold.

        Silence and standstill shorter than two beats are none, for between two beats nobody can know better.
        """
        return self._resolve(in_force) if in_force.usual or in_force.forced or in_force.learned else _by_default(self)

    def _resolve(self, in_force: InForce) -> Thresholds:
        held = {name: in_force.get(name, getattr(self, name)) for name in NAMES}
        beat_every = max(LEAST, held["beat_every"] or _USUAL.beat_every)
        silent_after = held["silent_after"] or max(90.0, 6 * beat_every)
        return Thresholds(
            beat_every=beat_every,
            silent_after=max(silent_after, 2 * beat_every),
            stalled_after=max(held["stalled_after"] or _USUAL.stalled_after, 2 * beat_every),
            opaque_after=held["opaque_after"],
            max_runtime=held["max_runtime"],
            warn_at=in_force.get("warn_at", None) or _USUAL.warn_at,
            explicit=self.explicit,
            **self._learned(in_force),
        )

    def _learned(self, in_force: InForce) -> dict[str, Any]:
        if self.opaque_after is not None or "opaque_after" in in_force.forced or not in_force.learned:
            return {}
        return {
            "learned_runs": int(in_force.learned.get("runs", 0)),
            "learned_longest": in_force.learned.get("longest"),
            "learned_stood": in_force.learned.get("stood"),
        }


@lru_cache(maxsize=64)  # few sets of limits, and each run that begins asks
def _by_default(limits: Limits) -> Thresholds:
    """The thresholds where the watchdog keeps nothing in force."""
    return limits._resolve(InForce())  # noqa: SLF001 (their own module)
