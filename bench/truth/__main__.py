"""How truly, and how soon, Hangwatch and others tell: made-up runs whose truth is known, in virtual time.

python -m bench.truth [--runs 100000] [--seed 7] [--workers N] [--json FILE] [--plot FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from bench.results import as_markdown, machine

from .measured import RUNS, SEED, result_of, simulated
from .plot import plot


def main(arguments: Sequence[str] | None = None) -> int:
    """Simulate, print the tables, and write figures and picture where asked to."""
    parser = argparse.ArgumentParser(prog="python -m bench.truth", description="how truly, and how soon, it is told")
    parser.add_argument("--runs", type=int, default=RUNS, help="outermost runs; %(default)s")
    parser.add_argument("--seed", type=int, default=SEED, help="%(default)s")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes; %(default)s")
    parser.add_argument("--json", type=Path, help="where the figures go")
    parser.add_argument("--plot", type=Path, help="where the picture goes, as SVG")
    options = parser.parse_args(arguments)
    if options.runs < 1:
        parser.error(f"--runs: expected at least 1, got {options.runs}")
    where, began = machine(), time.monotonic()
    figures = simulated(options.runs, options.seed, options.workers)
    print(as_markdown(result_of(figures), where))
    print(f"{time.monotonic() - began:.0f} s with {options.workers} processes", file=sys.stderr)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")
    if options.plot:
        options.plot.write_text(plot(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
