"""What a sweep reads, asks for, takes and holds, with up to 100,000 live runs of which some are due.

Each measurement is a process of its own that sweeps with the real parts: store, rounds, Slack's webhook. What it reads
must follow what is due, not what lives; the audits, which read what lives each 15 minutes and once a day, are apart.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.slack_server import SlackServer
from watchdog.adapters.firestore import FirestoreStore
from watchdog.adapters.sqlite import SqliteStore
from watchdog.ports import Store

from .own_emulator import emulator_or_nothing
from .results import Result, Table, Target
from .sweep_runs import end, fill, stall

__all__ = ["Cell", "Place", "cells", "measure"]

SQLITE, FIRESTORE = "SQLite", "Firestore's emulator"
LIVE = {SQLITE: (100, 1_000, 10_000, 100_000), FIRESTORE: (100, 1_000, 10_000)}
QUICK = {SQLITE: (100, 1_000), FIRESTORE: (100, 1_000)}
DUE = (10, 1_000)
TIMES = 3
QUIET, FOUND, GOES_ON, RUNNING, FULL = "nothing due", "finds them", "goes on", "each 15 min", "once a day"


@dataclass(frozen=True)
class Place:
    """A store that may be filled and swept. environment: says to a process where it is."""

    name: str
    store: Store
    environment: dict[str, str]


@dataclass(frozen=True)
class Cell:
    """What sweeps of one kind cost. seconds: in the middle; the rest: of each."""

    store: str
    live: int
    due: int
    kind: str
    seconds: float
    reads: int
    writes: int
    requests: int
    told: int
    peak: float
    grown: float


def measure(quick: bool) -> Result:
    """Fill stores, sweep them, and say what that cost."""
    found: list[Cell] = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        slack = stack.enter_context(SlackServer())
        host = stack.enter_context(emulator_or_nothing(folder / "emulator", _say))
        for name, counts in (QUICK if quick else LIVE).items():
            for live in counts if name == SQLITE or host else ():
                with _place(name, folder, host, slack.webhook_url) as place:
                    found += cells(place, live, 2 if quick else TIMES)
    return Result("sweep", [_due(found), _audits(found)], _targets(found), {"cells": [vars(cell) for cell in found]})


def cells(place: Place, live: int, times: int) -> list[Cell]:
    """Everything about one store with so many live runs."""
    _say(f"{place.name}: {live:,} live runs")
    now = place.store.now()
    fill(place.store, range(live), now)
    found = [_cell(place, live, 0, FULL, ["1"])]  # the first sweep of all is one
    found.append(_cell(place, live, 0, QUIET, [str(times)]))
    found.append(_cell(place, live, 0, RUNNING, ["1", "--running"]))
    begin = 0
    for due in (count for count in DUE if count <= live):
        ids = stall(place.store, range(begin, begin + due), place.store.now())
        found.append(_cell(place, live, due, FOUND, ["1"]))
        found.append(_cell(place, live, due, GOES_ON, [str(times)]))
        end(place.store, ids, place.store.now())
        fill(place.store, range(live + begin, live + begin + due), place.store.now())
        _swept(place, ["2"])
        begin += due
    return found


def _cell(place: Place, live: int, due: int, kind: str, arguments: Sequence[str]) -> Cell:
    said = _swept(place, arguments)
    sweeps, peak = said["sweeps"], said["peak MB"]
    middle = {name: int(statistics.median(one[name] for one in sweeps)) for name in ("reads", "writes", "requests")}
    told, seconds = sum(one["told"] for one in sweeps), statistics.median(one["seconds"] for one in sweeps)
    return Cell(place.name, live, due, kind, seconds, **middle, told=told, peak=peak, grown=peak - said["before MB"])


def _swept(place: Place, arguments: Sequence[str]) -> dict[str, Any]:
    command = [sys.executable, "-m", "bench.sweep_once", *arguments]
    said: dict[str, Any] = json.loads(subprocess.check_output(command, env=place.environment, text=True, timeout=300))
    return said


@contextmanager
def _place(name: str, folder: Path, host: str, webhook: str) -> Iterator[Place]:
    ours = {key: value for key, value in os.environ.items() if not key.startswith("HANGWATCH_")}
    ours["HANGWATCH_SLACK_WEBHOOK_URL"] = webhook
    if name == SQLITE:
        path = folder / f"{uuid.uuid4().hex}.sqlite3"
        ours["HANGWATCH_STORE"] = f"sqlite:///{path}"
        store: Store = SqliteStore(path)
    else:
        project = f"demo-{uuid.uuid4().hex[:12]}"
        os.environ["FIRESTORE_EMULATOR_HOST"] = host
        ours |= {"HANGWATCH_STORE": f"firestore://{project}", "FIRESTORE_EMULATOR_HOST": host}
        store = FirestoreStore(project, timeout=60)
    with closing(store):
        yield Place(name, store, ours)


def _due(found: Sequence[Cell]) -> Table:
    shown = [cell for cell in found if cell.kind in (QUIET, FOUND, GOES_ON)]
    rows = [
        (cell.store, f"{cell.live:,}", f"{cell.due:,}", cell.kind, *_numbers(cell), str(cell.told), *_size(cell))
        for cell in sorted(shown, key=lambda cell: (cell.store != SQLITE, cell.due, cell.kind != FOUND, cell.live))
    ]
    columns = ("store", "live", "due", "sweep", "reads", "writes", "requests", "time", "notices", "memory", "grown by")
    return Table("Sweeps", columns, tuple(rows), NOTE)


NOTE = (
    "Reads and writes are documents, as Firestore bills them. A request is an RPC, or a question to the file. The due "
    "runs have stalled, in ten services: what stalls in one service is one notice. Memory is the most that the process "
    "ever held; grown by: above what it held when it was ready to sweep."
)


def _audits(found: Sequence[Cell]) -> Table:
    shown = [cell for cell in found if cell.kind in (RUNNING, FULL)]
    rows = [
        (cell.store, f"{cell.live:,}", cell.kind, *_numbers(cell), *_size(cell))
        for cell in sorted(shown, key=lambda cell: (cell.store != SQLITE, cell.kind, cell.live))
    ]
    columns = ("store", "live", "audit", "reads", "writes", "requests", "time", "memory", "grown by")
    return Table("Audits, which read what lives", columns, tuple(rows))


def _numbers(cell: Cell) -> tuple[str, ...]:
    counted = (f"{cell.reads:,}", f"{cell.writes:,}", f"{cell.requests:,}")
    return (*counted, f"{1000 * cell.seconds:,.0f} ms" if cell.seconds < 10 else f"{cell.seconds:.0f} s")


def _size(cell: Cell) -> tuple[str, str]:
    return f"{cell.peak:.0f} MB", f"{cell.grown:.1f} MB"


def _targets(found: Sequence[Cell]) -> list[Target]:
    return [target for name in (SQLITE, FIRESTORE) for target in _of_store([c for c in found if c.store == name])]


def _of_store(found: Sequence[Cell]) -> list[Target]:
    if not found:
        return []
    least, most = min(cell.live for cell in found), max(cell.live for cell in found)
    said = f"{found[0].store}: documents read when nothing is due"
    quiet = {cell.live: cell.reads for cell in found if cell.kind == QUIET}
    aim = f"as many with {most:,} live runs as with {least:,}"
    return [Target(said, aim, f"{quiet[most]} and {quiet[least]}", quiet[most] == quiet[least])]


def _say(text: str) -> None:
    print(f"  {time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)
