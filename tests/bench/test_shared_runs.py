"""The bench of many writers measures what it says: real parts, each item counted once."""

from __future__ import annotations

import pytest

from bench.results import Result
from bench.shared_runs import measure
from tests.support.emulators import Running

pytestmark = [pytest.mark.emulator, pytest.mark.xdist_group("bench shared_runs"), pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def result(firestore_emulator: Running) -> Result:
    """The quick form, on the test run's emulator."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FIRESTORE_EMULATOR_HOST", firestore_emulator.host)
        return measure(quick=True)


def test_each_item_counts_once(result: Result) -> None:
    """Each writer tells its neighbour's first items too, and all items are counted once, on both stores."""
    ours = [row for row in result.figures["rows"] if row["way"] == "a part for each writer"]

    assert [(row["store"], row["done"]) for row in ours] == [("SQLite", 160), ("Firestore's emulator", 160)]
    assert [row["expected"] for row in ours] == [160, 160]
    assert [row["parts"] for row in ours] == [8, 8]


def test_both_ways_write_to_both_stores(result: Result) -> None:
    """Each way writes, and a part is written less often than its items come."""
    rows = {(row["store"], row["way"]): row for row in result.figures["rows"]}

    assert len(rows) == 4
    for store in ("SQLite", "Firestore's emulator"):
        assert 8 <= rows[store, "a part for each writer"]["writes"] < 160
        assert rows[store, "an increment for each item"]["writes"] > 0
    (table,) = result.tables
    assert len(table.rows) == 4


def test_a_wrong_count_would_miss_its_target(result: Result) -> None:
    """The targets hold both stores to the exact count."""
    counted = [target for target in result.targets if target.what.startswith("items counted")]

    assert [(target.aim, target.came, target.met) for target in counted] == [("160", "160", True)] * 2
