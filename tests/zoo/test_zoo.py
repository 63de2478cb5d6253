"""The zoo: real processes that hang, or do not, judged from the records in a store and the notices at a Slack."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import pytest

from heartbeat_client.frames import can_walk

from .expectations import HANGS, HEALTHY
from .records import TOGETHER, play_together, wrong
from .zoo import SCENARIOS, blame_lines

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="needs Linux: what the kernel knows is in its /proc"),
    pytest.mark.skipif(not can_walk(), reason="needs python with a GIL: other threads' frames are not read"),
    pytest.mark.xdist_group("zoo"),
]


def together(names: Sequence[str]) -> list[object]:
    """Scenarios that are played at once, named by the first of them."""
    chunks = [names[begin : begin + TOGETHER] for begin in range(0, len(names), TOGETHER)]
    return [pytest.param(chunk, id=f"{chunk[0]} and others") for chunk in chunks]


@pytest.mark.parametrize("names", together(list(HANGS)))
def test_a_hang_is_told_with_its_kind_its_line_and_its_wait(names: list[str]) -> None:
    """Within seconds record and notice have the right kind, line and wait, and tell no secret."""
    outcomes = play_together(names)

    assert {outcome.name: (wrong(outcome), outcome.activity) for outcome in outcomes if wrong(outcome)} == {}
    assert [outcome.name for outcome in outcomes if not outcome.notices] == []
    assert "planted" not in str(outcomes)


@pytest.mark.parametrize("names", together(list(HEALTHY)))
def test_a_healthy_operation_wakes_nobody(names: list[str]) -> None:
    """What declares nothing, and stands in no call for longer than is allowed, is not told."""
    outcomes = play_together(names)

    assert {outcome.name: outcome.notices for outcome in outcomes if outcome.notices} == {}
    assert [outcome.name for outcome in outcomes if not outcome.activity] == []


def test_every_scenario_has_its_expectation() -> None:
    """No scenario is played without being judged, and each hang marks the lines to blame."""
    names = {path.stem for path in SCENARIOS.glob("*.py")} - {"stage"}

    assert names == {*HANGS, *HEALTHY}
    assert [name for name, row in HANGS.items() if row.blame and not blame_lines(name)] == []
