"""One fleet from its making to its outcomes: under Hangwatch, and under the rules of others."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from itertools import pairwise

from watchdog.incident import OPENED, RESOLVED, WORSENED
from watchdog.policy import Policy

from .fleet import RUNS_EACH, Fleet, fleet
from .knowing import best_left
from .oracle import Alarm, Outcome, assess
from .others import RULES
from .trace import NEVER, Family
from .watching import Told, Watched, watch

__all__ = ["HANGWATCH", "Judged", "judged", "together"]

HANGWATCH = "Hangwatch"

TICKS_APART = 75.0

ALARMING = (OPENED, WORSENED)


@dataclass
class Judged:
    """What came of fleets. outcomes: by rule. messages: sent in all. sight: those about the watchdog's own sight."""

    outcomes: dict[str, list[Outcome]]
    runs: int = 0
    sweeps: int = 0
    messages: int = 0
    sight: int = 0
    refused: int = 0

    def add(self, other: Judged) -> None:
        """Take in what came of other fleets."""
        for name, outcomes in other.outcomes.items():
            self.outcomes.setdefault(name, []).extend(outcomes)
        for name in ("runs", "sweeps", "messages", "sight", "refused"):
            setattr(self, name, getattr(self, name) + getattr(other, name))


def judged(made: Fleet, policy: Policy | None = None) -> Judged:
    """Watch one fleet, and hold what was told against the truth."""
    watched = watch(made, policy)
    found = {rule.name: [assess(f, rule.alarms(f.outermost)) for f in made.families] for rule in RULES}
    by_run: dict[str, list[Told]] = defaultdict(list)
    for told in watched.told:
        by_run[told.run_id].append(told)
    found[HANGWATCH] = [_under_hangwatch(family, by_run, made, watched) for family in made.families]
    ids = {trace.id for trace in made.traces}
    sight = {told.notice for told in watched.told if told.run_id not in ids}
    messages = len({told.notice for told in watched.told})
    return Judged(found, len(made.traces), watched.sweeps, messages, len(sight), len(watched.refused))


def _under_hangwatch(family: Family, by_run: dict[str, list[Told]], made: Fleet, watched: Watched) -> Outcome:
    told = [one for trace in family.traces for one in by_run.get(trace.id, ())]
    known = watched.known
    alarms = [
        Alarm(one.at, one.run_id, one.state, known.get(one.run_id, 0), _until(one, by_run[one.run_id]), one.notice)
        for one in told
        if one.kind in ALARMING
    ]
    outcome = assess(family, alarms, len({one.notice for one in told}))
    return replace(outcome, disturbed=_disturbed(family, outcome, made, watched), best_left=best_left(family))


def _until(alarm: Told, told: list[Told]) -> float:
    return min((one.at for one in told if one.kind == RESOLVED and one.at > alarm.at), default=NEVER)


def _disturbed(family: Family, outcome: Outcome, made: Fleet, watched: Watched) -> bool:
    began = family.truth.began
    if outcome.latency is None:
        return False
    until = began + outcome.latency
    around = made.around
    gaps = [(one, other) for one, other in pairwise(around.ticks) if other - one > TICKS_APART]
    shared = [(deploy.at, deploy.at + 1) for deploy in around.deploys if not deploy.graceful]
    refused = [(at, at + 1) for at in watched.refused]
    windows = [*gaps, *around.dumb, *family.outermost.cut, *shared, *refused]
    return any(begin < until and end > began - 1 for begin, end in windows)


def together(
    runs: int, seed: int, workers: int, on_fleet: Callable[[int, int], object] = lambda done, of: None
) -> Judged:
    """So many outermost runs, in fleets, by so many processes: the same outcomes for any number of these.

    on_fleet: told how many fleets are done, and of how many.
    """
    sizes = [min(RUNS_EACH, runs - begin) for begin in range(0, runs, RUNS_EACH)]
    whole = Judged({})
    for number, part in enumerate(_each(seed, sizes, workers)):
        whole.add(part)
        on_fleet(number + 1, len(sizes))
    return whole


def _each(seed: int, sizes: list[int], workers: int) -> Iterable[Judged]:
    jobs = [(seed, number, size) for number, size in enumerate(sizes)]
    if workers <= 1:
        yield from map(_one, jobs)
        return
    with ProcessPoolExecutor(workers) as pool:
        yield from pool.map(_one, jobs)


def _one(job: tuple[int, int, int]) -> Judged:
    logging.getLogger("watchdog").setLevel(logging.CRITICAL)  # channels that fail are part of the day
    return judged(fleet(*job))
