"""What befalls a whole fleet: outages of the store, instances cut off, deploys, and how the scheduler's ticks come."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from .shapes import log_uniform
from .trace import Window

__all__ = ["Deploy", "Surroundings", "surroundings"]

HOUR = 3600.0

# How often an hour, and how long in seconds, from and to.
OUTAGES = (0.05, 20.0, 600.0)
CUT_OFF = (0.02, 30.0, 300.0)
CHANNEL_OUTAGES = (0.03, 60.0, 600.0)
SWEEP_GAPS = (0.04, 180.0, 1200.0)
DEPLOYS = 0.12  # an hour and service

# Of the ticks.
MISSING = 0.01
DOUBLED = 0.01
LATE_TICKS = 0.02


@dataclass(frozen=True)
class Deploy:
    """All instances of a service are restarted. graceful: their runs are told to end."""

    at: float
    service: str
    graceful: bool


@dataclass(frozen=True)
class Surroundings:
    """A fleet's day. ticks: when a sweep begins. outages: of the store. dumb: when the channel takes nothing."""

    ticks: tuple[float, ...]
    outages: tuple[Window, ...]
    dumb: tuple[Window, ...]
    cut_off: dict[str, tuple[Window, ...]]
    deploys: tuple[Deploy, ...]

    def cut(self, instance: str) -> tuple[Window, ...]:
        """When nothing that an instance sends arrives, in order and apart."""
        return _apart([*self.outages, *self.cut_off.get(instance, ())])


def surroundings(services: dict[str, list[str]], until: float, after: float, chance: Random) -> Surroundings:
    """Happenings up to an instant, and ticks for so long after it. services: the instances of each."""
    outages = _windows(OUTAGES, until, chance)
    gaps = _windows(SWEEP_GAPS, until, chance)
    dumb = _windows(CHANNEL_OUTAGES, until, chance)
    cut_off = {name: tuple(_windows(CUT_OFF, until, chance)) for names in services.values() for name in names}
    deploys = [
        Deploy(at, service, graceful=chance.random() < 0.5)
        for service in services
        for at, _ in _windows((DEPLOYS, 1.0, 2.0), until, chance)
    ]
    ticks = _ticks(until + after, [*outages, *gaps], chance)
    return Surroundings(ticks, tuple(outages), tuple(dumb), cut_off, tuple(sorted(deploys, key=lambda one: one.at)))


def _windows(how: tuple[float, float, float], until: float, chance: Random) -> list[Window]:
    each_hour, least, most = how
    found, at = [], 0.0
    while (at := at + chance.expovariate(each_hour / HOUR)) < until:
        end = at + log_uniform(chance, least, most)
        found.append((at, end))
        at = end
    return found


def _apart(windows: list[Window]) -> tuple[Window, ...]:
    apart: list[Window] = []
    for begin, end in sorted(windows):
        if apart and begin <= apart[-1][1]:
            apart[-1] = (apart[-1][0], max(end, apart[-1][1]))
        else:
            apart.append((begin, end))
    return tuple(apart)


def _ticks(until: float, silent: list[Window], chance: Random) -> tuple[float, ...]:
    """Once a minute, but missing, doubled or late now and then; none reaches the store while that is away."""
    ticks: list[float] = []
    phase = chance.uniform(0, 60)
    for minute in range(int(until / 60)):
        at = 60 * minute + phase + chance.uniform(0, 2)
        if chance.random() < MISSING:
            continue
        if chance.random() < LATE_TICKS:
            at += chance.uniform(5, 40)
        ticks.append(at)
        if chance.random() < DOUBLED:
            ticks.append(at + chance.uniform(0.1, 3))
    return tuple(tick for tick in sorted(ticks) if not any(begin <= tick < end for begin, end in silent))
