"""The bench `truth`: 100,000 made-up runs, or 2,000 for a short look; figures, tables, targets, and the picture."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.results import Result, Target

from .figures import summary
from .judging import together
from .plot import plot
from .tables import came, tables

__all__ = ["PICTURE", "RUNS", "SEED", "measure", "result_of", "simulated"]

RUNS = 100_000
A_FEW = 2_000
SEED = 7
PICTURE = Path("build/bench/truth.svg")


def measure(quick: bool) -> Result:
    """Simulate by as many processes as there are cores, and draw the picture into `PICTURE`."""
    figures = simulated(A_FEW if quick else RUNS, SEED, os.cpu_count() or 1)
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    PICTURE.write_text(plot(figures), encoding="utf-8")
    return result_of(figures)


def simulated(runs: int, seed: int, workers: int) -> dict[str, Any]:
    """All figures of so many runs; how far it is goes to stderr."""
    return summary(together(runs, seed, workers, _say), seed)


def result_of(figures: Mapping[str, Any]) -> Result:
    """The figures as the other benches have theirs."""
    targets = [Target(one["what"], one["aim"], came(one), one["met"], one["limit"]) for one in figures["targets"]]
    return Result("truth", tables(figures), targets, dict(figures))


def _say(done: int, of: int) -> None:
    if done % 20 == 0 or done == of:
        print(f"truth: {done} of {of} fleets", file=sys.stderr, flush=True)
