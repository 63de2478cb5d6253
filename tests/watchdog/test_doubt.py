"""When the watchdog doubts itself: each rule from both sides, and what people hear of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from heartbeat_client.run import Run
from tests.support.world import START, World, a_run
from watchdog.doubt import CLOCK, CROWD, GAP, Doubt, Signs, doubt
from watchdog.policy import Pace

PACE = Pace()
SECOND = timedelta(seconds=1)


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def kind(found: Doubt | None) -> str | None:
    return found.kind if found else None


CALM = Signs(START, at(-1))


@pytest.mark.parametrize(
    ("signs", "expected"),
    [
        pytest.param(Signs(START), None, id="the_first_sweep_ever"),
        pytest.param(CALM, None, id="a_minute_after_the_last"),
        pytest.param(Signs(START, START - 110 * SECOND), None, id="on_the_edge_of_a_gap"),
        pytest.param(Signs(START, START - 111 * SECOND), GAP, id="past_the_edge_of_a_gap"),
        pytest.param(Signs(START, START + 5 * SECOND), None, id="two_clocks_that_differ_a_little"),
        pytest.param(Signs(START, START + 6 * SECOND), CLOCK, id="a_clock_that_went_back"),
        pytest.param(replace(CALM, silent=3, instances=2, live=5), CROWD, id="most_of_them_silent"),
        pytest.param(replace(CALM, silent=3, instances=2, live=6), None, id="half_of_them_silent"),
        pytest.param(replace(CALM, silent=3, instances=2, live=5, elsewhere=1), None, id="another_service_beats"),
        pytest.param(replace(CALM, silent=2, instances=2, live=2), None, id="too_few_runs"),
        pytest.param(replace(CALM, silent=9, instances=1, live=9), None, id="one_instance_that_died"),
    ],
)
def test_what_makes_it_doubt(signs: Signs, expected: str | None) -> None:
    """A gap, a clock that goes back, and most live runs of several instances silent at once are doubtful."""
    assert kind(doubt(None, signs, PACE)) == expected


@pytest.mark.parametrize(
    ("length", "holds"), [(45 - 1, True), (45, False), (46, False)], ids=["before", "on_the_edge", "after"]
)
def test_a_gap_is_doubted_until_clients_had_time_to_beat(length: int, holds: bool) -> None:
    """After a gap, silence is held for 45 s, in which every living client beats."""
    found = doubt(None, Signs(START, at(-60)), PACE)
    assert found is not None
    later = Signs(START + length * SECOND, START)

    assert found.holds(later.now) is holds
    assert kind(doubt(found, later, PACE)) == (GAP if holds else None)


def test_a_crowd_is_doubted_for_so_long_at_most() -> None:
    """The doubt about a crowd is not begun anew while the crowd lasts, so that the truth is told in the end."""
    crowd = replace(CALM, silent=3, instances=2, live=3)
    first = doubt(None, crowd, PACE)
    assert first is not None
    later = doubt(first, replace(crowd, now=at(2), last_sweep_at=at(1)), PACE)
    last = doubt(later, replace(crowd, now=at(3), last_sweep_at=at(2)), PACE)

    assert first == later == last
    assert first.holds(at(3) - SECOND)
    assert not first.holds(at(3))


def test_a_crowd_that_beats_again_is_not_doubted() -> None:
    """The doubt is over when most of them beat."""
    first = doubt(None, replace(CALM, silent=3, instances=2, live=3), PACE)
    few = Signs(at(1), START, silent=1, instances=1, live=3)

    assert doubt(first, few, PACE) is None


@pytest.mark.parametrize("found", [Doubt(CROWD, START, at(3), "because"), Doubt(GAP, START, at(1), "x")])
def test_a_doubt_comes_back_from_its_document(found: Doubt) -> None:
    """What one sweep leaves is what the next one reads."""
    assert Doubt.from_document(found.to_document()) == found


@pytest.mark.parametrize("document", [None, {}, {"kind": "gap"}, {"kind": "mood", "since": START, "until": START}])
def test_what_is_no_doubt_is_none(document: dict[str, object] | None) -> None:
    """A record that is not as expected makes nobody doubt."""
    assert Doubt.from_document(document) is None


def crowd(world: World, count: int = 4) -> list[Run]:
    """Runs on instances of their own, beating at the START, swept once."""
    runs = [world.put(a_run(f"run{n}", instance=f"i{n}", operation=f"op{n}", deadline=at(600))) for n in range(count)]
    world.sweep(0.5)
    return runs


def titles(world: World) -> list[str]:
    return [message.title for message in world.recorder.messages]


def test_beats_that_do_not_arrive_are_one_notice(tmp_path: Path) -> None:
    """When all fall silent at once one notice says so; when beats return nobody was told of any run."""
    world = World(tmp_path)
    runs = crowd(world)
    first = world.sweep(1.6)
    world.sweep(2.6)
    world.at(3.6)
    for run in runs:
        world.beat(run)
    world.sweep()

    assert titles(world) == [
        "Hangwatch: beats are not arriving at the watchdog",
        "Hangwatch: beats arrive again after 2 min",
    ]
    assert len(first.held) == 4
    assert "4 of 4 live runs, on 4 instances, gave no beat since 10:00:00 UTC" in first.doubt


def test_a_crowd_that_stays_silent_is_told_in_the_end(tmp_path: Path) -> None:
    """After `doubt_at_most` the truth is told, in one notice, and the doubt is closed as confirmed."""
    world = World(tmp_path)
    crowd(world)
    for minute in (1.6, 2.6, 3.6):
        world.sweep(minute)
    held = list(titles(world))
    world.sweep(4.6)

    assert held == ["Hangwatch: beats are not arriving at the watchdog"]
    assert sorted(titles(world)[1:]) == ["Hangwatch: no beats came back after 3 min", "op0 is silent, and 3 more"]


def test_those_who_stay_silent_when_the_others_beat_are_told(tmp_path: Path) -> None:
    """Beats return but for one run: the doubt ends, and that one is told at once."""
    world = World(tmp_path)
    runs = crowd(world)
    world.sweep(1.6)
    world.at(2.6)
    for run in runs[1:]:
        world.beat(run)
    world.sweep()

    assert sorted(titles(world)[1:]) == ["Hangwatch: beats arrive again after 1 min", "op0 is silent"]


def test_deaths_that_were_reported_are_not_doubted(tmp_path: Path) -> None:
    """What the helper processes report as gone is told at once, however many they are."""
    world = World(tmp_path)
    for run in crowd(world):
        world.put(run, gone_at=at(1), gone_how="killed by SIGKILL")
    world.sweep(1.6)

    assert titles(world) == ["op0 is silent, and 3 more"]


def test_a_clock_that_goes_back_holds_silence(tmp_path: Path) -> None:
    """A store whose clock went back makes nobody silent."""
    world = World(tmp_path)
    crowd(world, 1)
    world.sweep(30)
    world.recorder.messages.clear()
    world.put(a_run("new", started_at=at(-3), beat_at=at(-3), deadline=at(600)))
    report = world.sweep(0)

    assert titles(world) == []
    assert "went back by 30" in report.doubt


def test_one_service_that_is_silent_while_another_beats_is_told_at_once(tmp_path: Path) -> None:
    """Beats of a service of which nothing is silent prove that the store takes some: that is no crowd."""
    world = World(tmp_path)
    crowd(world)
    world.put(a_run("other", instance="x", operation="other", service="another", deadline=at(600)))
    world.at(1.5)
    world.beat(a_run("other", instance="x", operation="other", service="another", deadline=at(600)))
    report = world.sweep(1.6)

    assert titles(world) == ["op0 is silent, and 3 more"]
    assert (report.held, report.doubt) == ([], "")


@pytest.mark.parametrize(
    ("since", "service", "doubted"),
    [
        pytest.param(29, "another", False, id="another_service_beat_within_two_beats"),
        pytest.param(30, "another", True, id="its_beat_is_too_old_to_prove_anything"),
        pytest.param(5, "the same", True, id="the_service_that_is_silent_proves_nothing"),
    ],
)
def test_who_proves_that_the_store_takes_beats(tmp_path: Path, since: int, service: str, doubted: bool) -> None:
    """A run proves it that beat within two beats, in a service of which nothing is silent."""
    world = World(tmp_path)
    for n in range(4):
        world.put(a_run(f"run{n}", instance=f"i{n}", service="the same", deadline=at(600)))
    world.sweep(0.5)
    world.at(1.6)
    seconds = timedelta(minutes=1.6) - timedelta(seconds=since)
    world.put(a_run("other", instance="x", service=service, deadline=at(600), beat_at=START + seconds, seq=9))
    report = world.sweep()

    assert bool(report.doubt) is doubted
