"""The bench of watching: it has measured each number of threads and each operation, in turns."""

from __future__ import annotations

import sys

import pytest

from bench.results import Result
from tests.bench.measuring import measured

pytestmark = [
    pytest.mark.xdist_group("bench evidence"),
    pytest.mark.skipif(sys.platform != "linux", reason="clocks of single threads are Linux's"),
]


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Result:
    return measured("evidence", tmp_path_factory.mktemp("evidence"))


def test_each_number_of_threads_is_measured(result: Result) -> None:
    """One thread and a hundred are watched, and each costs a share of a core that is above nothing."""
    assert [one["threads and runs"] for one in result.figures["cpu"]] == [1, 100]
    assert all(one["share of one core"] > 0 for one in result.figures["cpu"])


def test_each_operation_is_measured_with_and_without(result: Result) -> None:
    """Six fours of blocks give six ratios, and as many of the noise; only one operation is looked at item by item."""
    computes, sends = result.figures["slow_down"]

    assert [one["with a heartbeat"]["n"] for one in (computes, sends)] == [6, 6]
    assert [one["noise"]["n"] for one in (computes, sends)] == [6, 6]
    assert computes["seconds of an item"] == {}
    assert set(sends["seconds of an item"]) == {"without", "with"}


def test_the_tables_hold_what_was_measured(result: Result) -> None:
    """A row for each number of threads, each operation, and each kind of item; a target for each operation."""
    threads, operations, items = result.tables

    assert [len(table.rows) for table in (threads, operations, items)] == [2, 2, 2]
    assert len(result.targets) == 2
    assert [one.what for one in result.targets if bool(one.limit) == one.met] == []
