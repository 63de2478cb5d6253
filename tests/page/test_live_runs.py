"""Runs kept in memory: what was written since is read, what ended goes, and what nobody wrote of is found in time."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from heartbeat_client.run import RUNS
from heartbeat_client.testing import ManualClock
from tests.support.world import START, World, a_run
from watchdog.ledger import Ledger
from watchdog.page.live_runs import MARGIN, WHOLE_SECONDS, LiveRuns
from watchdog.page.paced import Paced
from watchdog.ports import Delete


class Follower:
    """Live runs over a world, with one clock for both."""

    def __init__(self, world: World, per_minute: float = 6000.0) -> None:
        self.world = world
        self.clock = ManualClock()
        self.live = LiveRuns(Ledger(world.store), per_minute, self.clock)

    def after(self, seconds: float) -> set[str]:
        """The runs that go on, so much later."""
        self.world.now += timedelta(seconds=seconds)
        self.clock.advance(seconds)
        return set(self.live.at(self.world.now))


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Three runs that began a minute ago."""
    world = World(tmp_path)
    for number in range(3):
        world.put(a_run(f"run{number}"))
    world.at(1)
    return world


def test_only_what_was_written_is_read_again(world: World) -> None:
    """The first look reads all; the next ones read what beat, began or ended meanwhile, and one where nothing did."""
    follower = Follower(world)
    assert follower.after(0) == {"run0", "run1", "run2"}
    assert follower.live.reads == 3

    assert follower.after(1) == {"run0", "run1", "run2"}
    assert follower.live.reads == 4
    world.beat(a_run("run1"))
    world.put(a_run("run3", started_at=world.now, beat_at=world.now))
    world.put(a_run("run2"), state="failed", ended_at=world.now, beat_at=world.now)
    assert follower.after(1) == {"run0", "run1", "run3"}
    assert follower.live.reads == 7
    assert follower.live.changed == {"run1", "run3"}
    assert [run.id for run in follower.live.over] == ["run2"]
    assert follower.live.at(world.now)["run1"] == Ledger(world.store).runs(["run1"])["run1"]


@pytest.mark.parametrize(
    ("before", "seen"),
    [
        pytest.param(MARGIN - timedelta(milliseconds=1), True, id="within_the_margin"),
        pytest.param(MARGIN, False, id="at_the_margin"),
    ],
)
def test_what_a_store_shows_a_little_late_is_seen(world: World, before: timedelta, seen: bool) -> None:
    """A write that is older than the last look, as a store may show one, is seen where it is not too old."""
    follower = Follower(world)
    follower.after(0)
    began = world.now - before
    world.put(a_run("late", started_at=began, beat_at=began))

    assert ("late" in follower.after(1)) is seen


def test_what_tells_of_itself_by_nothing_is_found_with_the_next_whole_reading(world: World) -> None:
    """A stranger's record and a deleted one are noticed after ten minutes at most."""
    follower = Follower(world)
    follower.after(0)
    world.put_document("stranger", {"state": "running", "operation": "theirs", "started_at": START})
    world.store.commit([Delete(RUNS, "run0")])

    assert follower.after(WHOLE_SECONDS - 1) == {"run0", "run1", "run2"}
    assert follower.after(1) == {"stranger", "run1", "run2"}


def test_a_clock_that_goes_back_is_followed(world: World) -> None:
    """Where the store's clock was set back, all is read anew, for nothing is known of the order of what is written."""
    follower = Follower(world)
    follower.after(0)
    world.now -= timedelta(seconds=30)
    world.put(a_run("new", beat_at=world.now))

    assert "new" in follower.live.at(world.now)


def test_what_has_expired_is_not_shown(world: World) -> None:
    """A record that the store may delete at any time is none of a run that goes on, though nobody wrote it."""
    follower = Follower(world)
    follower.after(0)

    assert follower.after(7 * 86400 + 30 * 60 - 61) == {"run0", "run1", "run2"}
    assert follower.after(1) == set()


def test_no_run_is_expected_twice(world: World) -> None:
    """Runs that beat more often than may be read are followed again when there is enough for one reading of each."""
    follower = Follower(world, per_minute=60)
    follower.after(0)
    apart = []
    for _ in range(60):
        for number in range(3):
            world.put(a_run(f"run{number}", beat_at=world.now))
        before = follower.live.reads
        follower.after(1)
        apart.append(follower.live.reads > before)

    assert 10 < sum(apart) < 30
    assert follower.live.every > 1
    assert follower.live.reads <= 3 + 60 + 3


def test_a_paced_value_is_read_as_often_as_it_is_cheap() -> None:
    """One that costs 30 reads waits two seconds where 15 a second are allowed, unless it is to be read anew."""
    clock, spent, read = ManualClock(), [0], []

    def reading() -> int:
        spent[0] += 30
        read.append(clock())
        return len(read)

    paced: Paced[int] = Paced(lambda: spent[0], 15.0, clock)
    assert [paced.get("a", reading), paced.get("a", reading)] == [1, 1]
    clock.advance(1.99)
    assert paced.get("a", reading) == 1
    clock.advance(0.01)
    assert paced.get("a", reading) == 2
    assert paced.get("a", reading, anew=True) == 3
    assert paced.every == 2.0
    assert paced.get("b", reading) == 4
    assert paced.every == 4.0
    paced.keep({"b"})
    assert paced.every == 2.0
