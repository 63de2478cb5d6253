"""The zoo: real processes that hang, or do not, and what is concluded about each."""

from __future__ import annotations

import sys

import pytest

from heartbeat_client.frames import can_walk

from .expectations import HANGS, HEALTHY
from .zoo import SCENARIOS, blame_lines, observe, play, right, too_long

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="needs Linux: what the kernel knows is in its /proc"),
    pytest.mark.skipif(not can_walk(), reason="needs python with a GIL: other threads' frames are not read"),
]


@pytest.mark.parametrize("name", HANGS)
def test_a_hang_is_told_with_its_kind_its_line_and_its_wait(name: str) -> None:
    """Within seconds the conclusion has the right kind, the right line and what is waited for, and tells no secret."""
    seen = play(name, HANGS[name], limit=40)

    assert seen.last is not None, seen.errors
    assert right(name, HANGS[name], seen.last) == [], (seen.last, seen.kinds)
    assert seen.last["trouble"] == ""
    assert "planted" not in str(seen.last)


@pytest.mark.parametrize("name", HEALTHY)
def test_a_healthy_operation_is_never_said_to_stand(name: str) -> None:
    """Nothing stands for longer than its longest call takes."""
    found = observe(name)

    assert found
    assert too_long(found, HEALTHY[name]) == []


def test_every_scenario_has_its_expectation() -> None:
    """No scenario is played without being judged, and each hang marks the lines to blame."""
    names = {path.stem for path in SCENARIOS.glob("*.py")} - {"stage"}

    assert names == {*HANGS, *HEALTHY}
    assert [name for name, row in HANGS.items() if row.blame and not blame_lines(name)] == []
