"""The verdict on a run whose helper process told that its process has gone."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from heartbeat_client.run import due_at
from tests.support.world import START, World, a_run, counted
from watchdog.policy import Policy
from watchdog.verdict import HEALTHY, SILENT, judge

GONE = START + timedelta(minutes=2, seconds=13)
RUN = a_run(gone_at=GONE, gone_how="killed by SIGKILL", beat_at=GONE + timedelta(seconds=1), **counted(41))


@pytest.mark.parametrize(
    ("seconds", "state"),
    [(-1, HEALTHY), (0, SILENT), (1, SILENT)],
    ids=["before", "at_the_instant", "after"],
)
def test_a_process_that_is_gone_is_silent_at_once(seconds: int, state: str) -> None:
    """From the instant at which its process was gone a run is silent, and no beat is waited for."""
    run = replace(RUN, due_at=due_at(RUN))

    assert judge(run, Policy(), GONE + timedelta(seconds=seconds)).state == state


def test_the_reason_says_how_and_when() -> None:
    """The verdict says how the process ended, when, and how far the run was."""
    run = replace(RUN, due_at=due_at(RUN))
    verdict = judge(run, Policy(), GONE + timedelta(seconds=5))

    assert verdict.reason.startswith("the process is gone: killed by SIGKILL at 10:02:13 UTC; ")
    assert "41 of 450 done" in verdict.reason
    assert verdict.since == GONE


def test_a_run_that_ended_has_no_gone_process() -> None:
    """A late end counts more than what the helper saw."""
    run = replace(RUN, state="succeeded", ended_at=GONE, due_at=None)

    assert judge(run, Policy(), GONE + timedelta(hours=1)).state == HEALTHY


def test_the_next_sweep_tells_of_it(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A death is told by the first sweep after it, long before silence would have been noticed."""
    world = World(tmp_path_factory.mktemp("world"))
    world.put(RUN)
    world.sweep(3)

    assert world.recorder.kinds == ["opened"]
    assert "killed by SIGKILL at 10:02:13 UTC" in str(world.recorder.messages[0])
