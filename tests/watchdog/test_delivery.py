"""Telling, against a real store and a Slack that keeps its contract: once, in time, and only what still holds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.slack_server import Answer, SlackServer, late, no_answer, rate_limited, refused, reset
from tests.support.world import Recorder, World, a_run, counted
from watchdog.adapters.slack import SlackWebhook
from watchdog.message import Message
from watchdog.notice import GAVE_UP, RETRY, SENT, WITHDRAWN, Notice
from watchdog.policy import Pace, Policy
from watchdog.policy_text.file import parse_policy
from watchdog.ports import Channel, DeliveryError, Receipt
from watchdog.report import SweepReport
from watchdog.saving import MOST_TOGETHER
from watchdog.sweep import Sweep


@pytest.fixture
def slack() -> Iterator[SlackServer]:
    with SlackServer() as server:
        yield server


@pytest.fixture
def world(tmp_path: Path, slack: SlackServer) -> World:
    world = World(tmp_path)
    world.sweep(0)
    world.channels = [SlackWebhook(slack.webhook_url, pause=lambda _: None)]  # type: ignore[list-item]  # a Channel too
    return world


class Ticking:
    """A monotonic clock on which each look costs some seconds."""

    def __init__(self, seconds: float) -> None:
        self.now = 0.0
        self.seconds = seconds

    def __call__(self) -> float:
        self.now += self.seconds
        return self.now


def stuck(world: World, minutes: float, *names: str) -> None:
    """Runs that beat at that minute, each in a process of its own, and whose progress has stood since the start."""
    world.at(minutes)
    for name in names:
        world.beat(a_run(name, operation=name, host=name), **counted(41))


def notice(world: World, name: str, kind: str = "opened", number: int = 1) -> Notice:
    key = f"{name}.1.{number}.{kind}.slack"
    return world.ledger.notices([key])[key].value


def titles(slack: SlackServer) -> list[str]:
    return [message.text.split("\n")[0].partition(" ")[2] for message in slack.messages]


def test_a_notice_is_delivered_and_marked(world: World, slack: SlackServer) -> None:
    """What was sent is kept with the words that were sent."""
    stuck(world, 6, "load")
    report = world.sweep()

    assert titles(slack) == ["load is stalled"]
    assert [told["notice"] for told in report.told] == ["load.1.1.opened.slack"]
    kept = notice(world, "load")
    assert (kept.state, kept.attempts) == (SENT, 1)
    assert kept.sent_at is not None
    assert kept.sent_at >= world.now
    assert kept.message.title == "load is stalled"
    assert report.complete


@pytest.mark.parametrize(
    ("answer", "state", "why"),
    [
        pytest.param(
            refused("no_service"), (GAVE_UP, False), "slack: answered 404 no_service; ", id="refused_for_good"
        ),
        pytest.param(rate_limited(3600), (RETRY, False), "slack: answered 429 rate_limited", id="limited"),
        pytest.param(no_answer(), (RETRY, True), "slack: the connection broke before the answer", id="no_answer"),
        pytest.param(reset(), (RETRY, True), "slack: the connection broke before the answer", id="reset"),
    ],
)
def test_what_could_not_be_delivered_is_kept_and_shown(
    world: World, slack: SlackServer, answer: Answer, state: tuple[str, bool], why: str
) -> None:
    """The notice says what became of it and why, and the report names it."""
    slack.answer_always(answer)
    stuck(world, 6, "load")
    report = world.sweep()

    kept = notice(world, "load")
    assert (kept.state, kept.heard) == state
    assert kept.error.startswith(why)
    assert [left["why"] for left in report.undelivered] == [kept.error]
    assert report.told == []
    assert not report.complete


def test_a_pause_that_slack_asks_for_is_kept(world: World, slack: SlackServer) -> None:
    """Slack is left alone for as long as it asked, and then told."""
    slack.answer_next(rate_limited(600))
    stuck(world, 6, "load")
    world.sweep()
    for minute in (10, 15):
        stuck(world, minute, "load")
        world.sweep()
    quiet = len(slack.requests)
    stuck(world, 17, "load")
    world.sweep()

    assert quiet == 1
    assert titles(slack) == ["load is stalled"]


def test_a_duplicate_comes_only_after_an_answer_that_never_came(world: World, slack: SlackServer) -> None:
    """When Slack took a message and the answer was lost, it is sent once more, and only once."""
    slack.answer_next(no_answer())
    for minute in range(6, 12):
        stuck(world, minute, "load")
        world.sweep()

    assert titles(slack) == ["load is stalled"] * 2


def test_what_is_well_again_is_taken_out_of_a_group(world: World, slack: SlackServer) -> None:
    """When a notice waits and one of its runs recovers, it goes out without that one."""
    slack.answer_next(rate_limited(60))
    for name in ("a", "b", "c"):
        world.put(a_run(name, detail=name))
    world.sweep(2)
    world.at(3)
    world.beat(a_run("a", detail="a"))
    world.sweep(3.5)

    assert titles(slack) == ["load-historical-games is silent, and 1 more"]
    assert "(a)" not in slack.messages[0].text


def test_a_group_that_is_well_again_is_withdrawn(world: World, slack: SlackServer) -> None:
    """When all of them recover, nothing goes out."""
    slack.answer_next(rate_limited(60))
    for name in ("a", "b"):
        world.put(a_run(name))
    world.sweep(2)
    world.at(3)
    for name in ("a", "b"):
        world.beat(a_run(name))
    report = world.sweep(3.5)

    assert slack.messages == []
    assert report.withdrawn == ["a.1.1.opened.slack"]
    assert notice(world, "a").state == WITHDRAWN


def test_a_notice_tells_the_latest(world: World, slack: SlackServer) -> None:
    """A problem that grew worse while its notice waited is told as it is by then, once."""
    slack.answer_next(rate_limited(30))
    stuck(world, 6, "load")
    world.sweep()
    world.sweep(8)
    world.sweep(9)

    assert titles(slack) == ["load is silent"]


def swept(world: World, clock: Ticking) -> SweepReport:
    return Sweep(world.store, world.channels, world.policy, clock=clock).run()


def test_a_sweep_without_time_leaves_the_rest_to_the_next(world: World, slack: SlackServer) -> None:
    """When the sweep's time is up the notices that are left stay as they were, and the next sweep sends them."""
    world.policy = Policy(pace=Pace(budget=45))
    stuck(world, 6, "a", "b", "c")
    report = swept(world, Ticking(9))
    first = len(slack.messages)
    stuck(world, 7, "a", "b", "c")
    world.sweep()

    left = [one["why"] for one in report.undelivered]
    assert 1 <= len(left) <= 2
    assert set(left) == {"the sweep's time is up; the next one goes on"}
    assert first == 3 - len(left)
    assert sorted(titles(slack)) == ["a is stalled", "b is stalled", "c is stalled"]


def test_a_channel_that_is_not_set_up_any_more_is_named(world: World, slack: SlackServer) -> None:
    """A notice for a channel that is gone waits, and the report says for which."""
    slack.answer_next(rate_limited(60))
    stuck(world, 6, "load")
    world.sweep()
    world.channels = []
    stuck(world, 8, "load")
    report = world.sweep()

    assert [one["why"] for one in report.undelivered] == ["channel slack is not set up here any more; set it up again"]


class Broken:
    """A channel with a defect, whose error holds a secret."""

    name = "slack"

    def send(self, message: Message, *, seconds: float) -> Receipt:
        """Fail in a way that no channel should."""
        raise KeyError("https://hooks.example/secret")


def test_a_channel_with_a_defect_stops_nobody(
    world: World, slack: SlackServer, caplog: pytest.LogCaptureFixture
) -> None:
    """Another channel delivers, and of the defect only its type is told: its text may hold an address."""
    good: Channel = world.channels[0]
    good.name = "slack-2"
    world.channels = [Broken(), good]  # type: ignore[list-item]  # Channels too
    stuck(world, 6, "load")
    report = world.sweep()

    assert titles(slack) == ["load is stalled"]
    assert [one["why"] for one in report.undelivered] == [
        "slack: failed with KeyError; this is a defect of the watchdog"
    ]
    assert "secret" not in caplog.text + str(report) + str(world.store.find("hangwatch_notices"))


def test_the_end_is_told_where_the_beginning_was(tmp_path: Path, slack: SlackServer) -> None:
    """A channel that never heard of a problem does not hear of its end."""
    world = World(tmp_path)
    world.sweep(0)
    hook = SlackWebhook(slack.webhook_url, pause=lambda _: None)
    world.channels = [world.recorder, hook]  # type: ignore[list-item]  # a Channel too
    slack.answer_always(refused("no_service"))
    stuck(world, 6, "load")
    world.sweep()
    slack.answer_always(None)
    world.at(7)
    world.beat(a_run("load", operation="load", host="load"), state="succeeded", ended_at=world.now)
    world.sweep()

    assert world.recorder.kinds == ["opened", "resolved"]
    assert slack.messages == []


@pytest.mark.parametrize("count", [MOST_TOGETHER, MOST_TOGETHER + 1])
def test_a_crowd_is_told_whatever_its_size(world: World, slack: SlackServer, count: int) -> None:
    """More runs than a store saves at once can go silent with their process, and all of them are told."""
    for number in range(count):
        world.put(a_run(f"run{number:03}"))
    report = world.sweep(2)

    assert len(world.ledger.open_incidents()) == count
    told = [incident for one in report.told for incident in one["incidents"]]  # type: ignore[attr-defined]  # a list
    assert len(set(told)) == count
    assert len(slack.messages) == (1 if count == MOST_TOGETHER else 2)


def test_a_long_silence_of_slack_is_given_up_after_a_day(tmp_path: Path, slack: SlackServer) -> None:
    """For a day a notice is tried again, then it is given up, and the next reminder begins anew."""
    world = World(tmp_path, parse_policy({"defaults": {"deadline": "100d", "remind_every": "25h"}}))
    world.sweep(0)
    world.channels = [SlackWebhook(slack.webhook_url, pause=lambda _: None)]  # type: ignore[list-item]  # a Channel too
    slack.answer_always(refused("rollup_error"))
    for minute in (6, 60, 24 * 60 + 5):
        stuck(world, minute, "load")
        world.sweep()
    waiting = notice(world, "load").state
    stuck(world, 24 * 60 + 20, "load")
    world.sweep()
    slack.answer_always(None)
    stuck(world, 26 * 60, "load")
    world.sweep()

    assert waiting == RETRY
    assert notice(world, "load").state == GAVE_UP
    assert titles(slack) == ["load is stalled"]


def test_a_slow_slack_does_not_hold_up_the_sweep(world: World, slack: SlackServer) -> None:
    """An answer that never comes costs a sweep its budget, not more, and the message counts as maybe heard."""
    world.policy = Policy(pace=Pace(budget=3))
    slack.answer_next(late(60))
    stuck(world, 6, "load")
    world.sweep()

    assert notice(world, "load").heard
    assert notice(world, "load").error.startswith("slack: no answer within ")


@pytest.mark.parametrize(
    ("refusals", "asked", "waits", "told"),
    [
        pytest.param(0, None, [], True, id="nothing_is_refused"),
        pytest.param(1, None, [5.0], True, id="one_refusal"),
        pytest.param(2, None, [5.0, 10.0], True, id="two"),
        pytest.param(3, None, [5.0, 10.0, 20.0], True, id="three"),
        pytest.param(4, None, [5.0, 10.0, 20.0], False, id="then_the_sweeps_time_is_up"),
        pytest.param(1, 42.0, [42.0], True, id="as_long_as_the_channel_asks"),
        pytest.param(1, 43.0, [], False, id="but_not_beyond_the_sweeps_time"),
    ],
)
def test_what_is_refused_is_tried_again_by_the_same_sweep(
    world: World, refusals: int, asked: float | None, waits: list[float], told: bool
) -> None:
    """A sweep that may wait tries again after 5 s, 10 s more, 20 s more, as long as its 45 s allow."""
    channel, clock, waited = Recorder("slack"), Ticking(0.0), []
    errors: list[DeliveryError | None] = [DeliveryError("busy", permanent=False, retry_after=asked)] * refusals
    world.channels = [channel]

    def refuse() -> None:
        channel.fail_with = errors.pop() if errors else None

    def wait(seconds: float) -> None:
        waited.append(seconds)
        clock.now += seconds

    channel.before_send = refuse
    stuck(world, 6, "load")
    report = Sweep(world.store, world.channels, world.policy, clock=clock, wait=wait).run()

    assert waited == waits
    assert bool(channel.messages) is told
    assert [one["state"] for one in report.undelivered] == ([] if told else [RETRY])
    assert notice(world, "load").attempts == (refusals if not told else refusals + 1)


def test_what_is_well_again_meanwhile_is_not_told(world: World) -> None:
    """While the sweep waited the run moved: the notice is withdrawn, and nobody hears of it."""
    channel, clock = Recorder("slack"), Ticking(0.0)
    channel.fail_with = DeliveryError("busy", permanent=False)
    world.channels = [channel]

    def wait(seconds: float) -> None:
        clock.now += seconds
        channel.fail_with = None
        world.beat(a_run("load", operation="load", host="load", **counted(42)), moved_at=world.now)

    stuck(world, 6, "load")
    report = Sweep(world.store, world.channels, world.policy, clock=clock, wait=wait).run()

    assert (channel.messages, report.undelivered) == ([], [])
    assert report.withdrawn == ["load.1.1.opened.slack"]


def test_a_sweep_that_may_not_wait_leaves_it_to_the_next(world: World) -> None:
    """Without a way to wait, what was refused stays for the next sweep."""
    channel = Recorder("slack")
    channel.fail_with = DeliveryError("busy", permanent=False)
    world.channels = [channel]
    stuck(world, 6, "load")
    report = world.sweep()

    assert [one["state"] for one in report.undelivered] == [RETRY]
    assert notice(world, "load").attempts == 1
