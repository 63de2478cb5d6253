"""The bench of the store measures what it says: the same beats by each way, a life that is counted, known prices."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bench.beating import COLLECTION, Fleet, of_fleet, one_by_one_into, rows_into
from bench.results import Result
from bench.store import BEST, EACH, FIRESTORE, OURS, SQLITE, measure
from deploy import cost
from heartbeat_client.run import RUNS
from heartbeat_client.stores.sqlite import SqliteBackend
from heartbeat_client.stores.sqlite_file import SqliteFile
from heartbeat_client.testing import MemoryStore
from tests.support.emulators import Running

pytestmark = [pytest.mark.xdist_group("bench store"), pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def result(firestore_emulator: Running) -> Result:
    """The quick form, on the test run's emulator."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FIRESTORE_EMULATOR_HOST", firestore_emulator.host)
        return measure(quick=True)


@pytest.mark.emulator
def test_each_way_writes_as_many_beats(result: Result) -> None:
    """In each store and with each number of runs all ways wrote as many beats, ours in a commit for up to 200 runs."""
    found = {(one["store"], one["runs"]): one["ways"] for one in result.figures["beats"]}

    assert set(found) == {(store, runs) for store in (FIRESTORE, SQLITE) for runs in (1, 10)}
    for (_, runs), ways in found.items():
        assert {name: way["beats"] for name, way in ways.items()} == {OURS: 60, EACH: 60, BEST: 60}
        assert {name: way["commits"] for name, way in ways.items()} == {OURS: 60 / runs, EACH: 60, BEST: 60 / runs}
        assert all(way["p50 ms"] <= way["p99 ms"] for way in ways.values())


@pytest.mark.emulator
def test_a_healthy_run_asks_for_what_the_prices_go_by(result: Result) -> None:
    """A run of 12 minutes reads and writes no more than deploy/cost.py counts, and no sweep reads more for it."""
    life = result.figures["life"]
    beats = life["minutes"] * 60 / cost.BEAT_SECONDS

    assert life["client_reads"] == cost.COUNTS.run_reads
    assert beats <= life["client_writes"] <= beats + cost.COUNTS.run_writes
    assert life["sweeps"] == life["minutes"] - 1
    assert (life["sweep_reads"], life["sweep_writes"]) == (life["idle_reads"], life["idle_writes"])
    assert 0 < life["idle_reads"] <= cost.COUNTS.sweep_reads


@pytest.mark.emulator
def test_the_tables_hold_each_way_and_each_price(result: Result) -> None:
    """A table for each store, of a run's life and of its months; and a target that no sweep reads a healthy run."""
    titles = [table.title for table in result.tables]

    assert titles == [
        f"Beats into {FIRESTORE}",
        f"Beats into {SQLITE}",
        "A healthy run of 12 minutes",
        "What it costs",
    ]
    assert [len(table.rows) for table in result.tables] == [6, 6, 6, 5]
    months = result.tables[-1].rows
    assert [row[0] for row in months] == ["3 batches of 450 players"] * 3 + ["1,000 runs"] * 2
    assert months[3][-2] == f"${cost.firestore(cost.Load(1_000, 12, 5), free=False):.2f}"
    assert [target.met for target in result.targets if "a healthy run" in target.what] == [True]


def test_a_beat_of_the_fleet_is_a_record_of_every_run(tmp_path: Path) -> None:
    """A pass of the sender brings every run's beat to the store, each one item further."""
    store = MemoryStore()
    fleet = Fleet(store, 3)
    way = of_fleet(fleet)
    way.take(2)
    fleet.end()

    records = store.runs
    assert [run.progress.done for run in records if run.progress] == [3, 3, 3]
    assert [run.seq for run in records] == [5, 5, 5]
    assert [run.state for run in records] == ["succeeded"] * 3
    assert (way.beats, way.meter.writes) == (6, 9)


def test_a_fleet_whose_beats_do_not_arrive_says_so() -> None:
    """Figures of a store that took nothing would be worth nothing."""
    store = MemoryStore()
    fleet = Fleet(store, 2)
    store.away()

    with pytest.raises(RuntimeError, match="expected 2 records written, got 0"):
        fleet.beat()


@pytest.mark.parametrize("way_into", [one_by_one_into, rows_into], ids=["one_by_one", "in_one_transaction"])
def test_the_ways_beside_write_the_same_records(tmp_path: Path, way_into: Any) -> None:
    """What is compared with the sender writes records with the same fields, as many of them."""
    fleet = Fleet(SqliteBackend(tmp_path / "ours.sqlite3"), 3)
    file = SqliteFile(tmp_path / "theirs.sqlite3", 5)
    way_into(file, fleet.documents("2026-03-01T07:00:00.000000Z")).take(1)

    with file.reading() as theirs, SqliteFile(tmp_path / "ours.sqlite3", 5).reading() as ours:
        fields = "SELECT DISTINCT key FROM documents, json_each(body) WHERE collection = ? ORDER BY key"
        names = [name for (name,) in theirs.execute(fields, (COLLECTION,))]
        assert names == [name for (name,) in ours.execute(fields, (RUNS,))]
        assert theirs.execute("SELECT count(*) FROM documents").fetchone() == (3,)
    assert {"beat_at", "progress", "due_at"} <= set(names)
    file.close()
