"""The bench of counting: all ways go through the same items, and what counts has counted them."""

from __future__ import annotations

import pytest

from bench.results import Result
from tests.bench.measuring import measured

pytestmark = pytest.mark.xdist_group("bench counting")  # measured once


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Result:
    return measured("counting", tmp_path_factory.mktemp("counting"))


def test_every_item_of_every_loop_is_counted(result: Result) -> None:
    """`track()`, `advance()` and tqdm count as many items as the bare loop draws, in each kind of loop."""
    loops = result.figures

    assert len(loops) == 2 * 4 + 1
    assert [name for name, one in loops.items() if set(one["counted"].values()) != {one["drawn"]}] == []


def test_a_row_for_each_loop_and_a_target_beside_it(result: Result) -> None:
    """Each body over each source is a row; each has a target against the bare loop, an empty one also against tqdm."""
    loops, calls = result.tables

    assert [row[:2] for row in loops.rows] == [
        (body, source) for body in ("empty", "about 1 µs") for source in ("range", "tuple", "list", "generator")
    ]
    assert len(calls.rows) == 2
    assert len(result.targets) == 8 + 4


def test_a_target_that_is_missed_says_what_limits_it(result: Result) -> None:
    """Whatever this machine makes of it, a target is met or tells why not."""
    assert [one.what for one in result.targets if bool(one.limit) == one.met] == []
