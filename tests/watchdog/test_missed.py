"""Runs that were expected and never started, through real sweeps over a real store."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.support.world import START, Thread, World, a_run
from watchdog.answers import Answers
from watchdog.audience import Audience
from watchdog.policy_text.file import parse_policy

EACH_HOUR = {
    "operation": "prediction-batch",
    "schedule": "0 * * * *",
    "grace": "10m",
    "runbook": "https://wiki.example/batch",
    "slack_channel": "#batches",
}


@pytest.fixture
def thread() -> Thread:
    return Thread()


@pytest.fixture
def world(tmp_path: Path, thread: Thread) -> World:
    """A world in which a batch is expected each hour, first swept at 10:00:30."""
    world = World(tmp_path, parse_policy({"expected": [EACH_HOUR], "watchdog": {"gap_after": "9h"}}))
    world.channels = [thread]
    world.sweep(0.5)
    return world


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def start(world: World, run_id: str, minutes: float) -> None:
    times = {"started_at": at(minutes), "beat_at": at(minutes), "deadline": at(minutes + 30)}
    world.put(a_run(run_id, operation="prediction-batch", **times))


def titles(thread: Thread) -> list[str]:
    return [message.title for message in thread.messages]


@pytest.mark.parametrize(("minutes", "told"), [(69.9, 0), (70, 1), (71, 1)], ids=["before", "on", "after"])
def test_a_batch_that_never_started_is_told_after_its_grace(
    world: World, thread: Thread, minutes: float, told: int
) -> None:
    """Expected at 11:00 with 10 minutes of grace, it is told from 11:10 on, once."""
    world.sweep(minutes)
    world.sweep(minutes)

    assert titles(thread) == ["prediction-batch did not start"] * told


def test_the_notice_says_when_and_where_to_look(world: World, thread: Thread) -> None:
    """What the expectation says of runbook and channel is used, and it can be acknowledged and snoozed."""
    world.sweep(70)
    (message,) = thread.messages

    assert message.sentence.startswith("expected at 11:00 UTC, none started")
    assert message.to == "#batches"
    assert ("Runbook", "https://wiki.example/batch") in message.links
    assert [button.action for button in message.buttons] == ["acknowledge", "snooze_hour", "snooze_today"]
    assert "prune" not in str(message.facts)


def test_the_batch_that_comes_late_ends_it(world: World, thread: Thread) -> None:
    """A start after the grace resolves the incident, and the first message shows it."""
    world.sweep(75)
    start(world, "late", 76)
    world.sweep(77)

    assert titles(thread) == ["prediction-batch did not start", "prediction-batch: it has started after 17 min"]
    assert thread.shown["C1:1"].mood == "good"


def test_a_batch_in_time_is_not_told(world: World, thread: Thread) -> None:
    """Starts within the grace, each hour, wake nobody."""
    for hour in range(1, 5):
        start(world, f"run{hour}", 60 * hour + 9)
        world.put(
            a_run(f"run{hour}", operation="prediction-batch", started_at=at(60 * hour + 9)),
            state="succeeded",
            ended_at=at(60 * hour + 10),
        )
        world.sweep_each_minute(60 * hour + 9, 60 * hour + 12)

    assert titles(thread) == []


def test_a_snoozed_batch_is_not_told(world: World, thread: Thread) -> None:
    """Quiet about an operation holds for runs that never came."""
    Answers(world.ledger, Audience((thread,), world.policy)).snooze_for("prediction-*", 7200, "ada", "holiday")
    world.sweep_each_minute(69, 72)

    assert titles(thread) == []


def test_a_gap_of_the_sweeps_holds_it_back(world: World, thread: Thread) -> None:
    """After a gap nobody can say what started meanwhile, so it is told only when that is settled."""
    world.policy = parse_policy({"expected": [EACH_HOUR]})
    world.sweep(75)
    held = titles(thread)
    world.sweep(76)

    assert held == []
    assert titles(thread) == ["prediction-batch did not start"]


def test_a_rule_that_is_taken_away_ends_it(world: World, thread: Thread) -> None:
    """An expectation that the policy drops is over, without a start."""
    world.sweep(71)
    world.policy = parse_policy({})
    world.sweep(72)

    assert len(world.ledger.open_incidents()) == 0
    assert len(titles(thread)) == 2
