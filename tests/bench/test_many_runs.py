"""The bench of many runs: both ways have as many runs, and write as many records."""

from __future__ import annotations

import pytest

from bench.results import Result
from tests.bench.measuring import measured

OURS, NAIVE = "hangwatch, 100", "a timer and a write for each, 100"


pytestmark = pytest.mark.xdist_group("bench many_runs")  # measured once


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Result:
    return measured("many-runs", tmp_path_factory.mktemp("many_runs"))


def test_both_ways_have_a_record_for_each_run(result: Result) -> None:
    """A hundred runs are a hundred records in the file, each way."""
    assert {name: (one["runs"], one["records"]) for name, one in result.figures.items()} == {
        OURS: (100, 100),
        NAIVE: (100, 100),
    }


def test_threads_do_not_follow_the_runs(result: Result) -> None:
    """The naive way has a thread for each run, ours has its three beside the program's own."""
    assert result.figures[OURS]["threads"] <= 4
    assert result.figures[NAIVE]["threads"] >= 100


def test_a_commit_holds_many_beats(result: Result) -> None:
    """Beats that are due together are one commit; the naive way has one for each beat."""
    ours, naive = result.figures[OURS], result.figures[NAIVE]

    assert 0 < ours["commits/s"] <= ours["beats/s"] / 4
    assert naive["commits/s"] == naive["beats/s"]


def test_the_table_has_both_ways_and_its_targets(result: Result) -> None:
    """Two rows of a hundred runs, and two targets."""
    (table,) = result.tables

    assert [row[:2] for row in table.rows] == [("100", "hangwatch"), ("100", "a timer and a write for each")]
    assert len(result.targets) == 2
