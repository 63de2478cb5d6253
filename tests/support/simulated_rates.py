"""Runs that work at all kinds of rates, watched as a client watches them: does anybody foresee them to be late?

`python -m tests.support.simulated_rates` prints the tables of docs/foreseen.md.
"""

from __future__ import annotations

import math
import random
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from itertools import accumulate

from heartbeat_client.progress import Pace
from heartbeat_client.run import Progress, Run, Thresholds
from tests.support.world import START, a_run
from watchdog.verdict import foreseen

__all__ = ["COUNTS", "HEALTHY", "LATE", "MODELS", "foreseen_after", "simulated", "table"]

WAY = 1800.0
BEAT = 15
WARN_AT = 0.8  # from here on a run is overdue anyway
COUNTS = (20, 100, 450, 3000)

# How long the runs take, as a share of the way to the deadline.
HEALTHY = (0.3, 0.5, 0.65, 0.75)
LATE = (1.2, 1.5, 2.0, 4.0)

Model = Callable[[int, random.Random], list[float]]


def _slow_at_first(share: float, of_time: float) -> Model:
    """The first share of the items takes that much of the time."""

    def lengths(n: int, chance: random.Random) -> list[float]:
        slow, fast = of_time / share, (1 - of_time) / (1 - share)
        return [(slow if i < n * share else fast) * chance.lognormvariate(0, 0.5) for i in range(n)]

    return lengths


def _bursts(n: int, chance: random.Random) -> list[float]:
    """Fifty items at once, then a pause of about as long as they would have taken."""
    return [0.02 if (i + 1) % 50 else 50 * chance.lognormvariate(0, 0.7) for i in range(n)]


def _pauses(n: int, chance: random.Random) -> list[float]:
    """Two pauses that each take a sixth of the time."""
    lengths = [1.0] * n
    for _ in range(2):
        lengths[chance.randrange(n)] += n / 4
    return lengths


MODELS: dict[str, Model] = {
    "even": lambda n, chance: [1.0] * n,
    "log-normal, sigma 1": lambda n, chance: [chance.lognormvariate(0, 1) for _ in range(n)],
    "log-normal, sigma 2": lambda n, chance: [chance.lognormvariate(0, 2) for _ in range(n)],
    "one in twenty takes ten times as long": lambda n, chance: [
        (10 if chance.random() < 0.05 else 1) * chance.lognormvariate(0, 0.3) for _ in range(n)
    ],
    "bursts of 50": _bursts,
    "two long pauses": _pauses,
    "warming up": lambda n, chance: [1 + 4 * math.exp(-10 * i / n) for i in range(n)],
    "a fifth takes half of the time": _slow_at_first(0.2, 0.5),
    "slower towards the end": _slow_at_first(0.8, 0.5),
}


def simulated(model: str, count: int, seconds: float, seed: int) -> Iterator[Run]:
    """The beats of a run that does so many items in so many seconds, until it ends or is overdue anyway."""
    lengths = MODELS[model](count, random.Random(f"{model} {count} {seed}"))
    stretch = seconds / math.fsum(lengths)
    done_at = list(accumulate(length * stretch for length in lengths))
    return _beats(done_at, min(seconds, WARN_AT * WAY))


def _beats(done_at: Sequence[float], until: float) -> Iterator[Run]:
    pace = Pace()
    for second in range(int(until)):
        done = bisect_right(done_at, float(second))
        pace.look(done, float(second))
        if second % BEAT == 0:
            at = None if pace.at is None else START + timedelta(seconds=pace.at)
            progress = Progress(done, len(done_at), at=at, since=START, rate=pace.rate)
            yield a_run(beat_at=START + timedelta(seconds=second), progress=progress)


def foreseen_after(beats: Iterator[Run], thresholds: Thresholds | None = None) -> float | None:
    """After what share of the way to the deadline the run is told to be late; None if it never is."""
    for run in beats:
        now = run.beat_at or START
        judged = run if thresholds is None else a_run(beat_at=now, progress=run.progress, thresholds=thresholds)
        if foreseen(judged, now) is not None:
            return (now - START).total_seconds() / WAY
    return None


def table(shares: Sequence[float], runs: int) -> list[str]:
    """A Markdown table: for each way to work, how many of the runs of all sizes were told, and when at the median."""
    lines = ["| items take | " + " | ".join(f"{share:.0%} of the way" for share in shares) + " |"]
    lines.append("|---|" + "---|" * len(shares))
    for model in MODELS:
        cells = [_cell(model, share, runs) for share in shares]
        lines.append(f"| {model} | " + " | ".join(cells) + " |")
    return lines


def _cell(model: str, share: float, runs: int) -> str:
    found = [foreseen_after(simulated(model, n, share * WAY, seed)) for n in COUNTS for seed in range(runs)]
    told = sorted(after for after in found if after is not None)
    return f"{len(told)} of {len(found)}" + (f", at {told[len(told) // 2]:.0%}" if told else "")


if __name__ == "__main__":
    print("\n".join([*table(HEALTHY, 5), "", *table(LATE, 5)]))
