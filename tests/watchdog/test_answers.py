"""Answers to notices, over a real store: acknowledge, snooze, and what a message shows after them."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from heartbeat_client.run import Failure
from tests.support.world import START, Thread, World, a_run, counted
from watchdog.answers import Answers
from watchdog.audience import Audience
from watchdog.policy import Pace, Policy
from watchdog.policy_text.file import parse_policy
from watchdog.ports import DeliveryError
from watchdog.snooze import Snooze


@pytest.fixture
def thread() -> Thread:
    return Thread()


@pytest.fixture
def world(tmp_path: Path, thread: Thread) -> World:
    world = World(tmp_path)
    world.channels = [thread]
    return world


def answers(world: World, *, show: bool = True) -> Answers:
    return Answers(world.ledger, Audience(tuple(world.channels), world.policy), show=show)


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def stuck(world: World, run_id: str = "run1", minutes: float = 6, deadline: float = 300) -> None:
    """A run whose progress has stood since the START, beating until now, and a sweep that tells of it."""
    world.at(minutes)
    world.beat(a_run(run_id, deadline=at(deadline)), **counted(41))
    world.sweep()


def first(thread: Thread) -> str:
    return thread.shown["C1:1"].status


def test_an_acknowledgement_is_shown_and_stops_reminders(world: World, thread: Thread) -> None:
    """Who acknowledges is named in the message at once, and nobody is reminded; the end is told below it."""
    stuck(world)
    world.at(7)
    said = answers(world).acknowledge("run1.1", "ada")
    shown = first(thread)
    for minute in (40, 80):
        stuck(world, minutes=minute)
    world.at(81)
    world.put(a_run(deadline=at(300)), state="succeeded", ended_at=at(81))
    world.sweep()

    assert said.startswith("load-historical-games acknowledged by ada; no more reminders")
    assert shown == "acknowledged by ada at 10:07:00 UTC"
    assert [(message.kind, aloud) for message, aloud in thread.below["C1:1"]] == [("resolved", False)]
    assert first(thread) == "resolved after 1 h 21 min: recovered"
    assert thread.shown["C1:1"].mood == "good"
    assert thread.shown["C1:1"].buttons == ()


def test_reminders_and_rises_are_said_aloud_below(world: World, thread: Thread) -> None:
    """What people must not miss goes below the first message and into the channel as well."""
    stuck(world)
    stuck(world, minutes=36)
    world.sweep(39)

    assert [(message.kind, aloud) for message, aloud in thread.below["C1:1"]] == [
        ("reminded", True),
        ("worsened", True),
    ]
    assert thread.shown["C1:1"].title == "load-historical-games is silent"


def test_buttons_are_there_while_they_make_sense(world: World, thread: Thread) -> None:
    """An open problem can be acknowledged and snoozed, an acknowledged one snoozed."""
    stuck(world)
    before = [(button.action, button.value) for button in thread.shown["C1:1"].buttons]
    answers(world).acknowledge("run1.1", "ada")
    after = [button.action for button in thread.shown["C1:1"].buttons]

    assert before == [
        ("acknowledge", "run1.1"),
        ("snooze_hour", "load-historical-games"),
        ("snooze_today", "load-historical-games"),
    ]
    assert after == ["snooze_hour", "snooze_today"]


def test_a_group_is_acknowledged_as_one(world: World, thread: Thread) -> None:
    """Runs that one message told of are acknowledged together, and their message shows how many are over."""
    world.at(6)
    for number in range(3):
        world.beat(a_run(f"run{number}", deadline=at(300)), **counted(41))
    world.sweep()
    said = answers(world).acknowledge(thread.shown["C1:1"].buttons[0].value, "ada")
    world.at(7)
    world.beat(a_run("run0", deadline=at(300)), **counted(42, at=at(7)))
    world.beat(a_run("run1", deadline=at(300)), **counted(41))
    world.beat(a_run("run2", deadline=at(300)), **counted(41))
    world.sweep()

    assert said.startswith("load-historical-games and 2 more told with it acknowledged by ada")
    assert len(thread.shown) == 1
    assert first(thread) == "acknowledged by ada at 10:06:00 UTC; 1 of 3 resolved"
    assert all(held.value.acknowledged for held in world.ledger.open_incidents())


def test_answering_twice_is_said(world: World) -> None:
    """Who comes second hears who was first; what is over is said to be over; what never was is refused."""
    stuck(world)
    answers(world).acknowledge_run("run1", "ada")

    assert answers(world).acknowledge("run1.1", "bob") == "ada acknowledged it at 10:06:00 UTC already"
    world.put(a_run(), state="succeeded", ended_at=at(6))
    world.sweep(7)
    assert answers(world).acknowledge("run1.1", "bob") == "it is resolved already: recovered"
    with pytest.raises(LookupError, match="run run1 has no open incident; see status"):
        answers(world).acknowledge_run("run1", "bob")
    with pytest.raises(LookupError, match="there is no incident run9"):
        answers(world).acknowledge("run9.1", "bob")


def test_what_cannot_be_shown_at_once_is_shown_by_the_next_sweep(world: World, thread: Thread) -> None:
    """While the channel is away an answer holds all the same, and the message follows later."""
    stuck(world)
    thread.fail_with = DeliveryError("slack: away", permanent=False)
    answers(world).acknowledge("run1.1", "ada")
    before = first(thread)
    thread.fail_with = None
    world.at(7)
    world.beat(a_run(deadline=at(300)), **counted(41))
    report = world.sweep()

    assert before == ""
    assert first(thread) == "acknowledged by ada at 10:06:00 UTC"
    assert (report.told, report.undelivered) == ([], [])


def test_many_changes_are_one_edit(world: World, thread: Thread) -> None:
    """A message that several changes make stale in one sweep is edited once."""
    stuck(world)
    answers(world, show=False).acknowledge("run1.1", "ada")
    world.put(a_run(), state="succeeded", ended_at=at(7))
    world.sweep(7)

    assert thread.edits == 1
    assert first(thread) == "resolved after 7 min: recovered"


def test_a_snoozed_operation_is_quiet_until_then(world: World, thread: Thread) -> None:
    """What goes wrong while its operation is snoozed is told when the snooze is over, if it still is wrong."""
    said = answers(world).snooze_for("load-*", 600, "ada", "the database moves")
    for minute in range(1, 13):
        stuck(world, minutes=minute)
    told = list(thread.kinds)
    stuck(world, minutes=13)

    assert said == "load-* is snoozed until 2026-01-14 10:10 UTC by ada"
    assert told == ["opened"]
    assert thread.messages[0].title == "load-historical-games is stalled"
    assert thread.kinds == ["opened"]


def test_a_notice_that_waits_is_withdrawn_when_its_operation_is_snoozed(world: World, thread: Thread) -> None:
    """Quiet begins at once, for what was not sent yet too."""
    thread.fail_with = DeliveryError("slack: away", permanent=False)
    stuck(world)
    answers(world).snooze("load-historical-games", "hour", "ada")
    thread.fail_with = None
    stuck(world, minutes=8)
    quiet = list(thread.kinds)
    for minute in range(60, 70):
        stuck(world, minutes=minute)

    assert quiet == []
    assert thread.kinds == ["opened"]


@pytest.mark.parametrize(
    ("zone", "until"),
    [("UTC", "2026-01-15 00:00"), ("America/New_York", "2026-01-15 05:00"), ("Asia/Tokyo", "2026-01-14 15:00")],
)
def test_today_ends_at_midnight_where_people_live(world: World, zone: str, until: str) -> None:
    """A snooze for today ends with the day of the policy's time zone."""
    world.policy = Policy(pace=Pace(time_zone=zone))

    assert answers(world).snooze("load", "today", "ada") == f"load is snoozed until {until} UTC by ada"


def test_a_snooze_can_be_ended(world: World) -> None:
    """Who wakes an operation must name what was snoozed, and is kept with the time."""
    answers(world).snooze_for("load-*", 600, "ada", "")

    with pytest.raises(LookupError, match=r"expected an operation or pattern that is snoozed \(load-\*\), got 'load'"):
        answers(world).wake("load", "bob")
    assert answers(world).wake("load-*", "bob") == "load-* is not snoozed any more; bob ended it"
    kept = world.ledger.standing()[1].value
    assert kept.in_force(world.now) == []
    assert [(one.operation, one.by, one.woken_by, one.woken_at) for one in kept.woken] == [
        ("load-*", "ada", "bob", world.now)
    ]


@pytest.mark.parametrize(
    ("asked", "zone", "until"),
    [
        pytest.param("90m", "UTC", "2026-01-14 11:30", id="a_length"),
        pytest.param("18:00", "America/New_York", "2026-01-14 23:00", id="a_time_of_the_policys_zone"),
        pytest.param("today", "America/New_York", "2026-01-15 05:00", id="the_rest_of_the_day"),
    ],
)
def test_a_snooze_as_somebody_wrote_it(world: World, asked: str, zone: str, until: str) -> None:
    """What a person writes is read in the policy's time zone, and the reason is kept."""
    world.policy = Policy(pace=Pace(time_zone=zone))

    said = answers(world).snooze_as_asked("load", asked, "ada", "the database moves")
    (kept,) = world.ledger.standing()[1].value.all
    assert said == f"load is snoozed until {until} UTC by ada"
    assert kept.why == "the database moves"


@pytest.mark.parametrize("seconds", [0, -1, 30 * 86400 + 1])
def test_a_snooze_has_bounds(world: World, seconds: float) -> None:
    """Quiet for ever is no snooze."""
    with pytest.raises(ValueError, match="snooze: expected at most 30 days"):
        answers(world).snooze_for("load-*", seconds, "ada", "")


def test_two_who_snooze_at_once_are_both_heard(world: World) -> None:
    """A snooze that another was quicker than is tried again over the other's."""
    held = world.ledger.standing()[1]
    other = Snooze("publish", at(60), "bob", "", at(0))
    assert world.ledger.save_snoozes(held.value.with_one(other, at(0)), held.version)
    answers(world).snooze_for("load", 600, "ada", "")

    assert {one.operation for one in world.ledger.standing()[1].value.all} == {"load", "publish"}


FAILING = {"operation": [{"match": "load-*", "on_failure": True}]}


def test_a_failed_run_is_told_where_people_asked(world: World, thread: Thread) -> None:
    """A run that failed is told once, with the error's type and place, where the policy says so."""
    world.policy = parse_policy(FAILING)
    world.sweep(1)
    failure = Failure("ValueError")
    world.put(a_run("bad"), state="failed", ended_at=at(2), failure=failure)
    world.put(a_run("other", operation="publish"), state="failed", ended_at=at(2), failure=failure)
    world.put(a_run("good"), state="succeeded", ended_at=at(2))
    for minute in (2, 3, 4, 5):
        world.sweep(minute)

    assert [message.title for message in thread.messages] == ["load-historical-games failed"]
    assert "failed after 2 min; ValueError" in thread.messages[0].sentence
    assert thread.messages[0].buttons == ()


def test_a_failure_that_ended_an_incident_is_told_once(world: World, thread: Thread) -> None:
    """A stalled run that fails is resolved as failed, and not told as a failure besides."""
    world.policy = parse_policy(FAILING)
    stuck(world)
    world.put(a_run(), state="failed", ended_at=at(6.5), failure=Failure("ValueError"))
    for minute in (7, 8):
        world.sweep(minute)

    assert thread.kinds == ["opened", "resolved"]


def test_a_failure_in_a_snooze_is_not_told(world: World, thread: Thread) -> None:
    """A failure of a snoozed operation is kept, not told."""
    world.policy = parse_policy(FAILING)
    world.sweep(1)
    answers(world).snooze("load-historical-games", "hour", "ada")
    world.put(a_run("bad"), state="failed", ended_at=at(2))
    world.sweep(2)
    world.sweep(3)

    assert thread.kinds == []
    assert len(world.ledger.episodes("bad")) == 1


def test_channels_by_operation_are_notices_of_their_own(world: World, thread: Thread) -> None:
    """Problems that the policy sends to different places are not put into one message."""
    world.policy = parse_policy({"operation": [{"match": "load-*", "slack_channel": "#loads"}]})
    world.put(a_run("a", deadline=at(300)))
    world.put(a_run("b", deadline=at(300), operation="publish"))
    world.sweep(2)

    assert sorted((message.to, message.title) for message in thread.messages) == [
        ("", "publish is silent"),
        ("#loads", "load-historical-games is silent"),
    ]
