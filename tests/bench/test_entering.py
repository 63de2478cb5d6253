"""The bench of beginning and ending a run: each way was gone as often, and what it wrote is in the store."""

from __future__ import annotations

import pytest

from bench.results import Result
from tests.bench.measuring import measured

TIMES = 6 * 20


pytestmark = pytest.mark.xdist_group("bench entering")  # measured once


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Result:
    return measured("entering", tmp_path_factory.mktemp("entering"))


@pytest.mark.parametrize("store", ["off", "SQLite"])
def test_each_way_is_entered_as_often(result: Result, store: str) -> None:
    """The ways enter as often as each other, and sentry was told of each beginning and each end."""
    found = result.figures[store]

    assert set(found["entered"].values()) == {TIMES}
    assert found["envelopes"] == 2 * TIMES


def test_the_end_of_each_run_is_in_the_store(result: Result) -> None:
    """With SQLite all runs that were entered, outermost and nested, have their end in the file."""
    assert result.figures["SQLite"]["runs written"] == 2 * TIMES


def test_the_table_has_each_way_with_each_store(result: Result) -> None:
    """Four ways with two stores are eight rows, with targets for three of them; a missed one says what limits it."""
    (table,) = result.tables

    assert [row[0] for row in table.rows] == ["off"] * 4 + ["SQLite"] * 4
    assert len(result.targets) == 3
    assert [one.what for one in result.targets if bool(one.limit) == one.met] == []
