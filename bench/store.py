"""Beats into Firestore's emulator and SQLite, against a write for each beat; and what a run asks for and costs."""

from __future__ import annotations

import sys
import tempfile
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from heartbeat_client.stores.firestore import FirestoreBackend
from heartbeat_client.stores.sqlite import SqliteBackend
from heartbeat_client.stores.sqlite_file import SqliteFile
from heartbeat_client.writer import COMMIT_LIMIT

from .alternation import Turns, in_turns
from .beating import Fleet, Way, of_fleet, one_by_one_into, requests_of, rows_into, sets_of
from .intervals import Middle
from .metered import percentile
from .own_emulator import emulated
from .results import Result, Table, Target
from .run_costs import Life, cost_table, life_table, one_life

__all__ = ["measure"]

OURS, EACH, BEST = "heartbeat_client", "a write for each beat", "limit: requests made before"
FIRESTORE, SQLITE = "Firestore's emulator", "SQLite"
ROUNDS = 6  # the fewest that give an interval
MANY = 100  # live runs, from which on a shared commit must show
ALONE_AT_LEAST, MANY_AT_LEAST, CPU_AT_MOST = 0.8, 2.0, 0.4
AGED = 6  # minutes: the middle of a run of twelve
PATIENCE = 60.0  # seconds for a call; a crowded emulator is slow, not away


@dataclass
class Found:
    """What came of one store with so many live runs."""

    store: str
    runs: int
    ways: Mapping[str, Way]
    turns: Turns

    @property
    def gain(self) -> Middle:
        """How many times as many beats the sender brings in as a write for each."""
        return self.turns.ratio(EACH, OURS)

    @property
    def to_limit(self) -> Middle:
        """What share of what the store takes at best."""
        return self.turns.ratio(BEST, OURS)


def measure(quick: bool) -> Result:
    """1, 10, 100 and 1,000 live runs, then a run's whole life; quick: 1 and 10."""
    sizes, least = ((1, 10), 10) if quick else ((1, 10, 100, 1000), 300)
    with emulated(f"demo-store-{uuid.uuid4().hex[:8]}") as emulator, tempfile.TemporaryDirectory() as folder:
        found = [_measured(FIRESTORE, runs, least, _on_firestore(emulator.host, runs)) for runs in sizes]
        found += [_measured(SQLITE, runs, least, _on_sqlite(Path(folder), runs)) for runs in sizes]
        life = one_life(emulator.host)
    tables = [*(_table(name, [one for one in found if one.store == name]) for name in (FIRESTORE, SQLITE))]
    tables += [life_table(life), cost_table(life)]
    return Result("store", tables, [*_targets(found), _reads_target(life)], _figures(found, life))


def _measured(store: str, runs: int, least: int, ways: Mapping[str, Way]) -> Found:
    """Each way in turns. least: beats in a round, so that one run beats several times."""
    print(f"store: {store}, {runs:,} live runs", file=sys.stderr, flush=True)
    passes = min(MANY, max(1, least // runs))
    return Found(store, runs, ways, in_turns({name: partial(way.take, passes) for name, way in ways.items()}, ROUNDS))


def _on_firestore(host: str, runs: int) -> dict[str, Way]:
    from google.cloud import firestore

    client = firestore.Client()
    fleet = Fleet(FirestoreBackend(timeout=PATIENCE), runs, AGED)
    documents = fleet.documents(firestore.SERVER_TIMESTAMP)
    return {OURS: of_fleet(fleet), EACH: sets_of(client, documents), BEST: requests_of(client, host, documents)}


def _on_sqlite(folder: Path, runs: int) -> dict[str, Way]:
    fleet = Fleet(SqliteBackend(folder / f"ours-{runs}.sqlite3", timeout=PATIENCE), runs, AGED)
    documents = fleet.documents("2026-03-01T07:00:00.000000Z")
    each, best = (SqliteFile(folder / f"{name}-{runs}.sqlite3", PATIENCE) for name in ("each", "best"))
    return {OURS: of_fleet(fleet), EACH: one_by_one_into(each, documents), BEST: rows_into(best, documents)}


def _table(store: str, found: Sequence[Found]) -> Table:
    columns = (
        "live runs",
        "way",
        "beats a second",
        f"times {EACH}",
        "CPU for a beat",
        "a commit: median",
        "99 % within",
    )
    rows = tuple(_row(one, name) for one in found for name in one.ways)
    note = (
        f"Runs that have gone on for {AGED} minutes. The sender makes each record anew, and puts up to {COMMIT_LIMIT} "
        f"into a commit; {_EACH_IS[store]}, of the same record, made before. The limit sends what is as long as the "
        "sender's commits, made before, and looks at no answer: what is left is the store's own time. All in turns; "
        "the ratio is the median of the rounds, with the interval that holds the true one with 95 %."
    )
    return Table(f"Beats into {store}", columns, rows, note)


_EACH_IS = {
    FIRESTORE: "a write for each beat is a `set()` of google-cloud-firestore, an RPC each",
    SQLITE: "a write for each beat is a transaction of its own on the same kind of file",
}


def _row(found: Found, name: str) -> tuple[str, ...]:
    way, ratio = found.ways[name], found.turns.ratio(EACH, name)
    seconds = way.meter.seconds
    return (
        f"{found.runs:,}",
        name,
        f"{1 / found.turns.median(name):,.0f}",
        "1" if name == EACH else _interval(ratio),
        f"{1e6 * way.cpu / way.beats:,.0f} µs",
        f"{1000 * percentile(seconds, 0.5):.2f} ms",
        f"{1000 * percentile(seconds, 0.99):.2f} ms (of {len(seconds):,})",
    )


def _interval(ratio: Middle) -> str:
    return f"{ratio.median:.2f} ({ratio.low:.2f} to {ratio.high:.2f})"


def _targets(found: Sequence[Found]) -> list[Target]:
    many = [one for one in found if one.runs >= MANY and one.store == FIRESTORE]
    alone = [one for one in found if one.runs == 1 and one.store == FIRESTORE]
    return [
        *(_gain_target(one, MANY_AT_LEAST) for one in many),
        *(_gain_target(one, ALONE_AT_LEAST) for one in alone),
        *(_cpu_target(one) for one in many),
    ]


def _gain_target(found: Found, aim: float) -> Target:
    what = f"beats a second, {found.runs:,} live {'run' if found.runs == 1 else 'runs'}, {found.store}, times {EACH}"
    met = found.gain.median >= aim
    return Target(what, f"≥ {aim:g}", _interval(found.gain), met, "" if met else _LIMITS[found.runs > 1])


def _cpu_target(found: Found) -> Target:
    ours, each = (found.ways[name].cpu / found.ways[name].beats for name in (OURS, EACH))
    what = f"CPU for a beat, {found.runs:,} live runs, {found.store}, times that of {EACH}"
    why = "" if ours <= CPU_AT_MOST * each else "making the record and its message is most of it: profile the sender"
    return Target(what, f"≤ {CPU_AT_MOST:g}", f"{ours / each:.2f}", not why, why)


_LIMITS = {
    True: "the store's own time for a record bounds what sharing a request can gain: see the limit's row",
    False: "the emulator takes longer for a BatchWrite of one record than for a Commit of one: see the limit's row",
}


def _reads_target(life: Life) -> Target:
    more = life.sweep_reads - life.idle_reads
    what = "documents that a sweep reads more for a healthy run that goes on"
    return Target(what, "0", f"{more:g}", more == 0, "" if more == 0 else "a sweep found it due while it was healthy")


def _figures(found: Sequence[Found], life: Life) -> dict[str, Any]:
    return {"beats": [_figures_of(one) for one in found], "life": asdict(life)}


def _figures_of(found: Found) -> dict[str, Any]:
    ways = {
        name: {
            "beats": way.beats,
            "s a beat": list(found.turns.taken[name]),
            "cpu s a beat": way.cpu / way.beats,
            "commits": len(way.meter.seconds),
            "p50 ms": 1000 * percentile(way.meter.seconds, 0.5),
            "p99 ms": 1000 * percentile(way.meter.seconds, 0.99),
        }
        for name, way in found.ways.items()
    }
    return {
        "store": found.store,
        "runs": found.runs,
        "ways": ways,
        "gain": found.gain,
        "share of limit": found.to_limit,
    }
