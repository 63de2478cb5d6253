"""Sweeps over a real SQLite store: what is read, told, held and left alone, and what two sweeps do to each other."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from heartbeat_client.run import RUNS, Run
from tests.support.world import START, Recorder, World, a_run, counted
from watchdog.policy import Pace, Policy
from watchdog.policy_text.file import parse_policy
from watchdog.ports import DeliveryError


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.sweep(0)
    return world


def beating(world: World, run: Run) -> Run:
    """The run, beating until now."""
    return world.beat(run)


def test_a_healthy_run_is_neither_read_nor_told(world: World) -> None:
    """A run that beats and has time left is not even read by a sweep, apart from audits."""
    for minute in range(1, 13):
        world.at(minute)
        world.beat(a_run())
        assert world.sweep().read == 0
    world.at(12.3)
    world.beat(a_run(), state="succeeded", ended_at=world.now)
    world.sweep(13)

    assert world.recorder.messages == []


def test_an_opaque_hang_is_told_once_with_time_left(world: World) -> None:
    """A run stuck in one call is told at 18 of 30 minutes, once until the deadline, and resolved when it ends."""
    world.sweep_each_minute(1, 29, lambda: world.beat(a_run()))
    opened = list(world.recorder.messages)
    world.at(29.5)
    world.beat(a_run(), state="succeeded", ended_at=world.now)
    world.sweep(30)

    assert [message.kind for message in opened] == ["opened"]
    assert "no sign of progress for 18 min" in opened[0].sentence
    assert dict(opened[0].facts)["Time left"].startswith("12 min")
    assert world.recorder.kinds == ["opened", "resolved"]
    assert "recovered" in world.recorder.messages[-1].title


@pytest.mark.parametrize(("minutes", "told"), [(4.99, []), (5.0, ["opened"]), (5.01, ["opened"])])
def test_stalled_progress_is_told_at_its_limit(world: World, minutes: float, told: list[str]) -> None:
    """Declared progress that stands is told from 5 minutes on."""
    world.at(minutes)
    world.beat(a_run(), **counted(41))
    world.sweep()

    assert world.recorder.kinds == told


def test_a_killed_process_is_silent_then_lost_then_back(world: World) -> None:
    """Silence is told once; past the deadline the run is given up and read no more; a new beat takes that back."""
    run = world.put(a_run())
    world.sweep_each_minute(1, 29)
    silent = list(world.recorder.kinds)
    world.sweep(30)
    world.sweep(31)
    lost = world.sweep(32)
    world.at(40)
    back = world.beat(run, revived_at=world.now, deadline=START + timedelta(hours=2))
    world.sweep_each_minute(41, 42, lambda: world.beat(back))

    assert silent == ["opened"]
    assert world.recorder.kinds == ["opened", "resolved", "resolved"]
    assert "lost" in world.recorder.messages[1].title
    assert lost.read == 0
    assert "recovered" in world.recorder.messages[2].title


@pytest.mark.parametrize("sweeps_between", [True, False], ids=["seen_beating", "ended_unseen"])
def test_a_lost_run_that_ends_is_taken_back_and_due_no_more(world: World, sweeps_between: bool) -> None:
    """A run that was given up and ends after all is told so, once, and is then read no more."""
    run = world.put(a_run())
    world.sweep_each_minute(1, 31)
    world.at(32)
    back = world.beat(run, revived_at=world.now)
    if sweeps_between:
        world.sweep(32.5)
    world.at(33)
    world.beat(back, state="succeeded", ended_at=world.now)
    world.sweep(33.5)
    world.sweep(34)
    after = world.sweep(35)

    assert world.recorder.kinds[:2] == ["opened", "resolved"]
    assert world.recorder.kinds[-1] == "resolved"
    assert "finished late" in world.recorder.messages[-1].title
    assert after.read == 0
    assert "due_at" not in world.document("run1").fields


def test_given_up_runs_lose_their_due_at(world: World) -> None:
    """Giving up takes `due_at` away, and an audit does not begin the story anew."""
    world.put(a_run())
    world.sweep_each_minute(1, 31)
    before = len(world.recorder.messages)
    world.sweep(60, audit=True)

    assert "due_at" not in world.document("run1").fields
    assert world.recorder.messages[before:] == []


def test_what_gets_worse_is_told_again(world: World) -> None:
    """A stalled run whose beats stop is told as worse, and once more when the deadline passes while it beats."""
    world.sweep_each_minute(1, 29, lambda: world.beat(a_run(), **counted(41)))
    world.sweep_each_minute(30, 32, lambda: world.beat(a_run(), **counted(41)))

    assert world.recorder.kinds == ["opened", "worsened"]
    assert "past its deadline" in world.recorder.messages[1].title


def test_a_long_problem_is_reminded_of(tmp_path: Path) -> None:
    """While it lasts, an incident is told again each `remind_every`, and not before."""
    world = World(tmp_path, parse_policy({"defaults": {"remind_every": "10m", "deadline": "10h"}}))
    world.sweep(0)
    world.sweep_each_minute(1, 14, lambda: world.beat(a_run(), **counted(41)))
    before = list(world.recorder.kinds)
    world.sweep_each_minute(15, 25, lambda: world.beat(a_run(), **counted(41)))

    assert before == ["opened"]
    assert world.recorder.kinds == ["opened", "reminded", "reminded"]


def test_a_run_that_ends_before_its_notice_goes_out_is_not_told(world: World) -> None:
    """While Slack is down a problem opens and ends: nobody hears of it, neither of its beginning nor of its end."""
    world.recorder.fail_with = DeliveryError("slack: answered 500", permanent=False)
    world.at(6)
    run = world.beat(a_run(), **counted(41))
    down = world.sweep()
    world.recorder.fail_with = None
    world.at(7)
    world.beat(run, state="succeeded", ended_at=world.now)
    report = world.sweep()
    world.sweep(8)

    assert len(down.undelivered) == 1
    assert world.recorder.messages == []
    assert report.withdrawn == ["run1.1.1.opened.recorder"]


def test_a_run_that_moves_while_the_sweep_is_under_way_is_not_told(world: World) -> None:
    """A run is read again right before its notice goes out."""
    world.at(6)
    run = world.beat(a_run(), **counted(41))
    commit = world.store.commit

    def moves_after_the_incident_is_saved(writes: object) -> bool:
        done = commit(writes)  # type: ignore[arg-type]  # passed on as it came
        world.store.commit = commit  # type: ignore[method-assign]  # once only
        world.beat(run, **counted(42, at=world.now))
        return done

    world.store.commit = moves_after_the_incident_is_saved  # type: ignore[method-assign]  # a run that moves just then
    world.sweep()
    world.sweep(7)

    assert world.recorder.messages == []


def test_an_outage_of_the_channel_delays_and_loses_nothing(world: World) -> None:
    """A notice is tried again until it is delivered, once."""
    world.recorder.fail_with = DeliveryError("slack: answered 500", permanent=False)
    world.sweep_each_minute(6, 8, lambda: world.beat(a_run(), **counted(41)))
    world.recorder.fail_with = None
    world.sweep_each_minute(9, 12, lambda: world.beat(a_run(), **counted(41)))

    assert world.recorder.kinds == ["opened"]


def test_a_channel_that_refuses_for_good_is_tried_at_each_reminder(tmp_path: Path) -> None:
    """A permanent refusal is shown, not repeated each minute, and the next reminder tells after all."""
    world = World(tmp_path, parse_policy({"defaults": {"remind_every": "10m", "deadline": "5h"}}))
    world.sweep(0)
    world.recorder.fail_with = DeliveryError("slack: answered 404 no_service", permanent=True)
    world.at(6)
    world.beat(a_run(), **counted(41))
    first = world.sweep()
    quiet = []
    for minute in range(7, 12):
        world.at(minute)
        world.beat(a_run(), **counted(41))
        quiet += world.sweep().undelivered
    world.recorder.fail_with = None
    world.sweep_each_minute(12, 20, lambda: world.beat(a_run(), **counted(41)))

    assert "404" in str(first.undelivered)
    assert quiet == []
    assert world.recorder.kinds == ["opened"]


def test_a_timeout_may_have_told_so_the_end_is_told(world: World) -> None:
    """When the channel took a message but never answered, the end of the problem is told."""
    world.recorder.fail_with = DeliveryError("slack: no answer", permanent=False, maybe_delivered=True)
    world.at(6)
    run = world.beat(a_run(), **counted(41))
    world.sweep()
    world.recorder.fail_with = None
    world.at(7)
    world.beat(run, state="succeeded", ended_at=world.now, **counted(450))
    world.sweep()

    assert world.recorder.kinds == ["resolved"]


def test_two_sweeps_tell_once(tmp_path: Path) -> None:
    """A second sweep that comes between the saving and the sending of the first tells nothing twice."""
    world = World(tmp_path)
    world.sweep(0)
    world.at(6)
    world.beat(a_run(), **counted(41))
    inner: list[list[str]] = []

    def another_sweep() -> None:
        other = Recorder()
        world.recorder.before_send = lambda: None
        world.channels = [other]
        world.sweep()
        inner.append(other.kinds)

    world.recorder.before_send = another_sweep
    world.sweep()

    assert inner == [[]]
    assert world.recorder.kinds == ["opened"]


def test_a_sweep_killed_before_sending_leaves_it_to_the_next(world: World) -> None:
    """What a dead sweep had claimed is sent once its claim has run out, and not before."""
    world.at(6)
    world.beat(a_run(), **counted(41))
    world.recorder.before_send = lambda: (_ for _ in ()).throw(KeyboardInterrupt)
    with pytest.raises(KeyboardInterrupt):
        world.sweep()
    world.recorder.before_send = lambda: None
    world.at(6.5)
    world.beat(a_run(), **counted(41))
    world.sweep()
    claimed = list(world.recorder.kinds)
    world.sweep_each_minute(7, 9, lambda: world.beat(a_run(), **counted(41)))

    assert claimed == []
    assert world.recorder.kinds == ["opened"]


def test_the_innermost_of_nested_runs_is_told(world: World) -> None:
    """A request, its phase and a step inside it hang together: one notice, about the step."""
    for minute in (5, 6):
        world.at(minute)
        world.beat(a_run("request", operation="POST /start", child="phase"))
        world.beat(a_run("phase", operation="publish", ancestors=("request",), child="step", **counted(41)))
        world.beat(a_run("step", operation="publish-one", ancestors=("request", "phase"), **counted(1)))
        report = world.sweep()

    assert [message.title for message in world.recorder.messages] == ["publish-one is stalled"]
    assert report.covered == ["phase"]


def test_the_outer_run_is_told_when_the_inner_problem_is_over(world: World) -> None:
    """When the covering incident ends and the run around it is still in trouble, that one is told."""
    step = a_run("step", operation="publish-one", ancestors=("phase",), **counted(1))
    phase = a_run("phase", operation="publish", **counted(41))
    world.at(6)
    world.beat(phase)
    world.beat(step)
    world.sweep()
    world.at(7)
    world.beat(phase)
    world.beat(step, state="succeeded", ended_at=world.now)
    world.sweep()
    world.at(8)
    world.beat(phase)
    world.sweep()

    titles = [message.title for message in world.recorder.messages]
    assert [title.split(":")[0] for title in titles] == ["publish-one is stalled", "publish-one", "publish is stalled"]


def test_runs_of_one_dead_service_are_one_notice(world: World) -> None:
    """Three runs that went silent with their service are one notice with a list; so is their end."""
    runs = [world.put(a_run(f"run{n}", pid=n, detail=f"part {n}")) for n in range(3)]
    other = world.put(a_run("elsewhere", service="another"))
    world.sweep(2)
    first = list(world.recorder.messages)
    world.at(3)
    for run in (*runs, other):
        world.beat(run)
    world.sweep(3)

    assert sorted(message.title for message in first) == [
        "load-historical-games is silent",
        "load-historical-games is silent, and 2 more",
    ]
    assert sorted(message.title.partition(", ")[2] for message in world.recorder.messages[2:]) == ["", "and 2 more"]


STRANGERS = {
    "nothing in it": {},
    "no state": {"operation": "x", "started_at": START},
    "wrong types": {"operation": 7, "state": ["running"], "started_at": "yesterday", "pid": "seven"},
    "from the future": {
        "operation": "x",
        "state": "running",
        "started_at": START + timedelta(days=400),
        "due_at": START,
    },
    "a megabyte of text": {"operation": "x" * 1_000_000, "state": "running", "started_at": START},
    "no due_at": {"operation": "x", "state": "running", "started_at": START + timedelta(minutes=5.5)},
}


@pytest.mark.parametrize("stranger", STRANGERS.values(), ids=STRANGERS.keys())
def test_a_strangers_record_is_unjudged_told_once_and_stops_nobody(tmp_path: Path, stranger: dict[str, object]) -> None:
    """A record that is not ours makes one notice, while the run beside it is judged as ever."""
    world = World(tmp_path)
    world.put_document("stranger", dict(stranger))
    for minute in (6, 7, 37, 68):
        world.at(minute)
        world.beat(a_run(deadline=START + timedelta(hours=9)), **counted(41))
        if "started_at" in stranger and stranger["started_at"] == START + timedelta(minutes=5.5):
            world.put_document("stranger", {"beat_at": world.now})
        report = world.sweep(audit=minute == 6)

    about = [message for message in world.recorder.messages if "can't be judged" in message.title]
    assert len(about) == 1
    assert report.unjudged == ["stranger"]
    assert "load-historical-games is stalled" in [message.title for message in world.recorder.messages]


def test_a_gap_between_sweeps_holds_silence(tmp_path: Path) -> None:
    """After an hour without a sweep, silence is held for `settle`, then told; a stall is told at once."""
    world = World(tmp_path, Policy(pace=Pace(settle=45)))
    world.sweep(0)
    world.put(a_run("silent"))
    world.at(60)
    world.beat(a_run("stalled", pid=8, deadline=START + timedelta(hours=9)), **counted(41))
    doubtful = world.sweep()
    titles = [message.title for message in world.recorder.messages]
    world.sweep(60.7)
    held = len(world.recorder.messages)
    world.sweep(61)

    assert doubtful.held == ["silent"]
    assert titles == ["load-historical-games is stalled"]
    assert held == 1
    assert "silent" in world.recorder.messages[1].title


def test_after_an_outage_of_the_store_healthy_runs_are_not_told(tmp_path: Path) -> None:
    """Nobody could beat or sweep for 10 minutes; the first sweep after sees old beats, and wakes nobody."""
    world = World(tmp_path)
    run = world.put(a_run())
    world.sweep(1)
    world.sweep(11)
    world.at(11.4)
    world.beat(run)
    world.sweep(12)

    assert world.recorder.messages == []


def test_what_is_read_grows_with_what_is_due(world: World) -> None:
    """Of 300 running runs a sweep reads the 3 that are due."""
    for number in range(300):
        world.put(a_run(f"run{number}", host=f"host{number}"))
    world.at(1.4)
    for number in range(3, 300):
        world.beat(a_run(f"run{number}", host=f"host{number}"))
    report = world.sweep(1.5)

    assert report.read == 3
    assert [message.title for message in world.recorder.messages] == ["load-historical-games is silent, and 2 more"]


@pytest.mark.parametrize(("minutes", "audit"), [(14.9, ""), (15.0, "running")])
def test_an_audit_comes_each_quarter_of_an_hour(world: World, minutes: float, audit: str) -> None:
    """Every 15 minutes all running runs are read, so that none without `due_at` stays unseen."""
    assert world.sweep(minutes).audit == audit


def test_a_shorter_limit_of_a_new_policy_works_within_one_audit(world: World) -> None:
    """A policy that allows less than the client knew of is applied at the next audit, and told to new runs."""
    world.policy = parse_policy({"operation": [{"match": "load-*", "max_runtime": "5m"}]})
    world.sweep_each_minute(1, 14, lambda: world.beat(a_run()))
    before = list(world.recorder.kinds)
    world.at(15)
    world.beat(a_run())
    world.sweep()

    assert before == []
    assert "longer than its max_runtime of 5 min" in world.recorder.messages[0].sentence
    published = world.store.get("hangwatch_operations", ["load-historical-games"])["load-historical-games"]
    assert published.fields["force"] == {"max_runtime": 300.0}


def test_a_run_whose_record_is_deleted_is_over(world: World) -> None:
    """An incident whose record is gone is resolved, and said so."""
    world.at(6)
    world.beat(a_run(), **counted(41))
    world.sweep()
    from watchdog.ports import Delete

    world.store.commit([Delete(RUNS, "run1")])
    world.sweep(7)

    assert world.recorder.kinds == ["opened", "resolved"]
    assert "record deleted" in world.recorder.messages[1].title


def test_a_problem_that_comes_back_is_a_new_episode(world: World) -> None:
    """Stalled, moving, stalled again: two incidents of one run, each opened and resolved."""
    world.at(6)
    run = world.beat(a_run(deadline=START + timedelta(hours=2)), **counted(41))
    world.sweep()
    world.at(7)
    run = world.beat(run, **counted(42, at=world.now))
    world.sweep()
    world.sweep_each_minute(8, 13, lambda: world.beat(run))

    assert world.recorder.kinds == ["opened", "resolved", "opened"]
    assert [held.value.episode for held in world.ledger.episodes("run1")] == [1, 2]


def test_an_expired_record_is_left_alone(world: World) -> None:
    """What has expired, and only waits to be deleted by the store, is judged no more."""
    run = replace(a_run(), due_at=START, expires_at=START + timedelta(minutes=1))
    world.put_document("run1", run.to_document())
    world.sweep(5)

    assert world.recorder.messages == []


def test_runs_inside_one_that_is_lost_are_given_up_with_it(world: World) -> None:
    """A process dies inside of nested runs: one incident, and when it is lost nobody is told of the others anew."""
    world.put(a_run("outer", operation="outer", child="inner"))
    world.put(a_run("inner", operation="inner", ancestors=("outer",)))
    world.sweep_each_minute(1, 40)
    late = world.sweep(41)

    told = [(message.kind, message.title) for message in world.recorder.messages]
    assert [kind for kind, _ in told] == ["opened", "resolved"]
    assert late.read == 0
    assert {held.value.run_id for held in world.ledger.open_incidents()} == set()
