"""What beginning and ending a run costs whoever does it: against the first user's class, and sentry_sdk's monitor.

    python -m bench.entering STORE

measures in one process with that store (`off` or `sqlite:///PATH`), and prints figures as JSON; `measure` does that
with each. Lines go to a log on the null device, as do those of the others; sentry's check-ins end in its memory.
"""

from __future__ import annotations

import json
import logging
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, closing, redirect_stdout
from pathlib import Path
from typing import Any

import sentry_sdk
from sentry_sdk.crons import monitor
from sentry_sdk.envelope import Envelope
from sentry_sdk.transport import Transport

from heartbeat_client import Heartbeat, configure, flush
from heartbeat_client.run import RUNS

from .alternation import Turns, in_turns
from .intervals import Middle
from .results import Result, Table, Target
from .seed_logger import SeedHeartbeatLogger

__all__ = ["measure"]

_MOST = 0.3
_OPERATION = "entered"
_ENDED = """
SELECT count(*) FROM documents WHERE collection = ? AND json_extract(body, '$.operation') = ?
AND json_extract(body, '$.state') = 'succeeded'
"""

SEED, SENTRY, OUTERMOST, NESTED = "first user's class", "sentry_sdk.monitor", "outermost", "nested in another"
_WAYS = {
    SEED: "the first user's class",
    SENTRY: "`sentry_sdk.monitor`, nothing sent",
    NESTED: "a heartbeat inside of another",
    OUTERMOST: "an outermost heartbeat",
}


class Kept(Transport):
    """Sends nothing. envelopes: how many it was given."""

    envelopes = 0

    def capture_envelope(self, envelope: Envelope) -> None:
        """Count it."""
        Kept.envelopes += 1


class Entering:
    """Enters and leaves again and again. entered: how often, each way."""

    def __init__(self, times: int) -> None:
        self._times = times
        self.entered = {SEED: 0, SENTRY: 0, NESTED: 0, OUTERMOST: 0}

    def in_turns(self, rounds: int) -> tuple[Turns, dict[str, list[float]]]:
        """Seconds on the clock of one each way, and beside them CPU seconds of the caller's thread."""
        spent: dict[str, list[float]] = {way: [] for way in self.entered}
        ways = {
            SEED: lambda: self._many(SEED, lambda: SeedHeartbeatLogger(_OPERATION), spent),
            SENTRY: lambda: self._many(SENTRY, lambda: monitor(monitor_slug=_OPERATION), spent),
            NESTED: lambda: self._inside(spent),
            OUTERMOST: lambda: self._many(OUTERMOST, lambda: Heartbeat(_OPERATION), spent),
        }
        return in_turns(ways, rounds), spent

    def _inside(self, spent: dict[str, list[float]]) -> float:
        with Heartbeat("around"):
            return self._many(NESTED, lambda: Heartbeat(_OPERATION), spent)

    def _many(self, way: str, make: Callable[[], AbstractContextManager[Any]], spent: dict[str, list[float]]) -> float:
        worked, began = time.thread_time(), time.perf_counter()
        for _ in range(self._times):
            with make():
                pass
        took = time.perf_counter() - began
        spent[way].append((time.thread_time() - worked) / self._times)
        self.entered[way] += self._times
        return took / self._times


def main(arguments: list[str]) -> int:
    """Measure with one store."""
    store, rounds, times = arguments[0], int(arguments[1]), int(arguments[2])
    configure(store=store, flush_timeout=10)
    sentry_sdk.init(dsn="https://key@localhost/1", transport=Kept, default_integrations=False)
    entering = Entering(times)
    with open(os.devnull, "w") as out:
        logging.basicConfig(level=logging.INFO, stream=out)
        with redirect_stdout(out):
            turns, spent = entering.in_turns(rounds)
            flush(10)
    found = {"seconds": turns.taken, "cpu": spent, "entered": entering.entered, "envelopes": Kept.envelopes}
    print(json.dumps(found))
    return 0


def measure(quick: bool) -> Result:
    """Some 30 s; quick: 5 s."""
    rounds, times = (6, 20) if quick else (30, 100)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "runs.sqlite3"
        stores = {"off": "off", "SQLite": f"sqlite:///{path}"}
        found = {name: _in_a_process(name, address, rounds, times) for name, address in stores.items()}
        found["SQLite"]["runs written"] = _written(path)
    turns = {name: (Turns(one["seconds"]), Turns(one["cpu"])) for name, one in found.items()}
    return Result("entering", [_table(turns)], _targets(turns), found)


def _in_a_process(name: str, store: str, rounds: int, times: int) -> dict[str, Any]:
    print(f"entering: store {name}", file=sys.stderr)
    command = [sys.executable, "-m", f"{__package__}.entering", store, str(rounds), str(times)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _written(path: Path) -> int:
    """Runs that were entered, and whose end is in the store."""
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute(_ENDED, (RUNS, _OPERATION)).fetchone()[0])


def _table(turns: dict[str, tuple[Turns, Turns]]) -> Table:
    columns = ("store", "what is entered and left", "takes", "against the first user's class", "CPU of its thread")
    rows = [
        (store, _called(store, way), _us(clock.median(way)), _times(clock.ratio(way, SEED)), _us(cpu.median(way)))
        for store, (clock, cpu) in turns.items()
        for way in _WAYS
    ]
    note = "Medians, on the clock and in CPU time of the caller's thread, and where the ratio lies with 95 %."
    return Table("Beginning and ending", columns, tuple(rows), note)


def _called(store: str, way: str) -> str:
    waits = way == OUTERMOST and store != "off"
    return f"{_WAYS[way]}{', which waits until its end is written' if waits else ''}"


def _targets(turns: dict[str, tuple[Turns, Turns]]) -> list[Target]:
    targets = []
    for store, way in (("off", OUTERMOST), ("off", NESTED), ("SQLite", NESTED)):
        came = turns[store][0].ratio(way, SEED)
        what = f"{_WAYS[way]}, store {store}"
        met = came.median <= _MOST
        targets.append(Target(what, f"≤ {_MOST:g} × the first user's class", f"{came.median:.2f} ×", met, _limit(met)))
    return targets


def _limit(met: bool) -> str:
    return "" if met else "what is asked of a run is checked and its thread's frames are looked up, each time anew"


def _times(ratio: Middle) -> str:
    return f"{ratio.median:.2f} × ({ratio.low:.2f} to {ratio.high:.2f})"


def _us(seconds: float) -> str:
    return f"{1e6 * seconds:.0f} µs"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
