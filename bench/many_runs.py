"""Thousands of runs at once in one process: threads, CPU, memory and commits, against a thread and a write for each.

    python -m bench.many_runs WAY COUNT SECONDS

measures one way in this process, and prints figures as JSON; `measure` does that with each. Runs are tasks of one event
loop that wait, so that whatever the process spends is spent on watching them. Both ways beat every five seconds into a
SQLite file, and every beat is there to be read by others. The other way is the first user's: each run has a timer that
starts the next one, and writes its own record. Memory is what the process holds more than before the first run.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from heartbeat_client import Heartbeat, configure, flush
from heartbeat_client.backend import Conflict, PartWrite, Refused, Write, Written
from heartbeat_client.run import RUNS
from heartbeat_client.stores.sqlite import SqliteBackend
from heartbeat_client.stores.sqlite_file import SqliteFile, put

from .results import Result, Table, Target

__all__ = ["measure"]

OURS, NAIVE = "hangwatch", "a timer and a write for each"
_BEAT_EVERY: Final = 5.0
_SETTLE: Final = 6.0


class Counting(SqliteBackend):
    """Counts commits and what was written."""

    commits = 0
    writes = 0

    def commit(self, writes: Sequence[Write | PartWrite]) -> Sequence[Written | Conflict | Refused]:
        """See `Backend.commit`."""
        answers = super().commit(writes)
        self.commits += 1
        self.writes += sum(isinstance(answer, Written) for answer in answers)
        return answers


class Timers:
    """The first user's way, with a record: each run has a timer, which writes and starts the next. Used as we are."""

    def __init__(self, path: Path) -> None:
        self._file = threading.local()
        self._path = path
        self._counting = threading.Lock()
        self.commits = self.writes = 0

    def beat(self, run: int, going: threading.Event) -> None:
        """Write this run's record, and have a timer do so again."""
        if going.is_set():
            return
        body = json.dumps({"operation": "many", "state": "running", "beat_at": time.time()})
        with closing(SqliteFile(self._path, 60)) as file, file.writing() as connection:
            put(connection, RUNS, f"run-{run}", body)
        with self._counting:
            self.commits += 1
            self.writes += 1
        self.start(run, going, _BEAT_EVERY)

    def start(self, run: int, going: threading.Event, after: float) -> None:
        """The timer of the next beat."""
        timer = threading.Timer(after, self.beat, (run, going))
        timer.daemon = True
        timer.start()


def _ours(path: Path, count: int, seconds: float) -> dict[str, Any]:
    backend = Counting(path, timeout=60)
    configure(store=backend, beat_every=_BEAT_EVERY, interval="1h", flush_timeout=60)
    found = asyncio.run(_open_runs(count, backend, seconds))
    flush(60)
    backend.close()
    return found


async def _open_runs(count: int, backend: Counting, seconds: float) -> dict[str, Any]:
    """Open so many runs, each in a task of its own, and look at the process while they wait."""
    over, before = asyncio.Event(), _memory()

    async def operation() -> None:
        async with Heartbeat("many"):
            await over.wait()

    began = time.perf_counter()
    tasks = [asyncio.ensure_future(operation()) for _ in range(count)]
    await asyncio.sleep(0)
    opened = time.perf_counter() - began
    await asyncio.sleep(_SETTLE)
    meter = Meter(backend)
    await asyncio.sleep(seconds)
    found = meter.figures(count, opened, before)
    over.set()
    await asyncio.gather(*tasks)
    return found


def _naive(path: Path, count: int, seconds: float) -> dict[str, Any]:
    timers, over, before = Timers(path), threading.Event(), _memory()
    began, opened_runs = time.perf_counter(), 0
    for run in range(count):
        try:
            timers.start(run, over, 0.0)
        except RuntimeError:  # no more threads are to be had
            break
        opened_runs += 1
    opened = time.perf_counter() - began
    time.sleep(_SETTLE)
    meter = Meter(timers)
    time.sleep(seconds)
    found = meter.figures(opened_runs, opened, before)
    over.set()
    return found


class Meter:
    """What the process spends and its store takes from here on."""

    def __init__(self, store: Counting | Timers) -> None:
        self._store = store
        self._commits, self._writes = store.commits, store.writes
        self._worked, self._began = time.process_time(), time.perf_counter()

    def figures(self, runs: int, opened: float, before: int) -> dict[str, Any]:
        """What was seen; runs: that were opened, in `opened` seconds; before: bytes held before the first of them."""
        seconds = time.perf_counter() - self._began
        return {
            "runs": runs,
            "opened in s": opened,
            "threads": threading.active_count(),
            "share of one core": (time.process_time() - self._worked) / seconds,
            "bytes": _memory() - before,
            "commits/s": (self._store.commits - self._commits) / seconds,
            "beats/s": (self._store.writes - self._writes) / seconds,
        }


def _memory() -> int:
    """Bytes that the process holds, 0 where that is not told."""
    try:
        told = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        return 0
    return next(1024 * int(line.split()[1]) for line in told.splitlines() if line.startswith("VmRSS"))


_WAYS: dict[str, Callable[[Path, int, float], dict[str, Any]]] = {OURS: _ours, NAIVE: _naive}


def main(arguments: Sequence[str]) -> int:
    """Measure one way."""
    way, count, seconds = arguments[0], int(arguments[1]), float(arguments[2])
    logging.basicConfig(level=logging.WARNING)
    logging.getLogger("heartbeat_client").setLevel(logging.WARNING)
    sys.stdout, out = open(os.devnull, "w"), sys.stdout  # noqa: SIM115 (until the process ends)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        path = Path(folder) / "runs.sqlite3"
        found = _WAYS[way](path, count, seconds)
        with closing(sqlite3.connect(path, timeout=60)) as connection:
            found["records"] = connection.execute(_RECORDS, (RUNS,)).fetchone()[0]
    print(json.dumps(found), file=out, flush=True)
    os._exit(0)  # timers by the thousand take long to notice the end


_RECORDS = "SELECT count(*) FROM documents WHERE collection = ?"


def measure(quick: bool) -> Result:
    """Some 75 s; quick: 100 runs, 15 s each way."""
    counts, seconds = ((100,), 8.0) if quick else ((1000, 10_000), 6.0)
    found = [(way, count, _in_a_process(way, count, seconds)) for count in counts for way in _WAYS]
    return Result("many-runs", [_table(found)], _targets(found), {f"{way}, {count}": one for way, count, one in found})


def _in_a_process(way: str, count: int, seconds: float) -> dict[str, Any]:
    print(f"many-runs: {way}, {count} runs", file=sys.stderr)
    command = [sys.executable, "-m", f"{__package__}.many_runs", way, str(count), str(seconds)]
    told = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    found: dict[str, Any] = json.loads(told)
    return found


def _table(found: Sequence[tuple[str, int, dict[str, Any]]]) -> Table:
    columns = ("runs", "way", "opened in", "threads", "CPU of one core", "memory", "commits a second", "beats a second")
    rows = [
        (
            f"{count:,}" if one["runs"] == count else f"{one['runs']:,} of {count:,}: no more threads were to be had",
            way,
            f"{one['opened in s']:.2f} s",
            str(one["threads"]),
            f"{one['share of one core']:.1%}",
            f"{one['bytes'] / 1e6:.0f} MB",
            f"{one['commits/s']:.1f}",
            f"{one['beats/s']:.0f} of {one['runs'] / _BEAT_EVERY:.0f}",
        )
        for way, count, one in found
    ]
    note = f"A beat every {_BEAT_EVERY:g} s, three times as often as by default, into one SQLite file."
    return Table("Runs at once in one process", columns, tuple(rows), note)


def _targets(found: Sequence[tuple[str, int, dict[str, Any]]]) -> list[Target]:
    ours = [(count, one) for way, count, one in found if way == OURS]
    most = max(one["threads"] for _, one in ours)
    beats = min(one["beats/s"] / (count / _BEAT_EVERY) for count, one in ours)
    return [
        Target("threads, however many runs", "≤ 4 with the program's own", str(most), most <= 4),
        Target("beats that are written, of those due", "≥ 90 %", f"{beats:.0%}", beats >= 0.9, _late(beats)),
    ]


def _late(beats: float) -> str:
    return "" if beats >= 0.9 else "one thread makes and writes all records, and has no more than its share of one core"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
