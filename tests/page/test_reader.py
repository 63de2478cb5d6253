"""Many viewers, one reader: how often the store is read, how much, and what is told when it can't be."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from heartbeat_client.run import OPERATIONS, RUNS
from heartbeat_client.testing import ManualClock
from tests.page.scene import POLICY, Scene, morning
from tests.support.world import START, ClockedStore, World, a_run
from watchdog.page.allowance import Allowance
from watchdog.page.kept import Kept
from watchdog.page.metered import MeteredStore
from watchdog.page.reader import MOST_LOOKS, Look, Reader
from watchdog.page.stories import Panorama
from watchdog.page.surveyor import Surveyor
from watchdog.policy import Policy
from watchdog.ports import Create, Delete, Document, Replace, Store, StoreError, Where


class Counting:
    """A `Store` that counts documents and calls of its own accord, and can be made to fail or to hang."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.documents = 0
        self.calls = 0
        self.fail: StoreError | None = None
        self.gate: threading.Event | None = None

    def now(self) -> datetime:
        self._called(1)
        return self.store.now()

    def get(self, collection: str, ids: Sequence[str]) -> dict[str, Document]:
        self._called(len(ids))
        return self.store.get(collection, ids)

    def get_now(self, collection: str, ids: Sequence[str]) -> tuple[datetime, dict[str, Document]]:
        self._called(len(ids))
        return self.store.get_now(collection, ids)

    def find(self, collection: str, where: Where | None = None, limit: int = 10_000) -> list[Document]:
        found = self.store.find(collection, where, limit)
        self._called(max(1, len(found)))
        return found

    def commit(self, writes: Sequence[Create | Replace | Delete]) -> bool:
        raise AssertionError("whoever looks changes nothing")

    def put(self, write: Create | Replace) -> Any | None:
        raise AssertionError("whoever looks changes nothing")

    def close(self) -> None:
        self.store.close()

    def _called(self, documents: int) -> None:
        if self.gate is not None:
            self.gate.wait(60)
        self.calls += 1
        if self.fail is not None:
            raise self.fail
        self.documents += documents


class Lookout:
    """A reader over a counting store, on a clock that the test moves."""

    def __init__(self, world: World, policy: Policy | None = None, **settings: float) -> None:
        self.world = world
        self.clock = ManualClock()
        self.store = Counting(ClockedStore(world.store._file.path, lambda: world.now))
        self.reader = Reader(lambda: self.store, lambda: policy or Policy(), clock=self.clock, **settings)

    def look(self, key: str = "all") -> Look[Panorama]:
        """One viewer's look."""
        return self.reader.look(key, lambda surveyor: surveyor.panorama())

    def later(self, seconds: float) -> None:
        """Time goes on, the store's and the reader's."""
        self.world.now += timedelta(seconds=seconds)
        self.clock.advance(seconds)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def many(world: World, count: int) -> None:
    """So many runs that go on."""
    for number in range(count):
        world.put(a_run(f"run{number}"))


@pytest.mark.parametrize(
    ("after", "reads"),
    [
        pytest.param(0.0, 1, id="at_once_is_the_same_look"),
        pytest.param(0.99, 1, id="just_within_the_interval_is_the_same_look"),
        pytest.param(1.0, 2, id="the_interval_is_over"),
    ],
)
def test_a_page_is_read_once_per_interval(world: World, after: float, reads: int) -> None:
    """However many look at a page, it is read once a second."""
    many(world, 3)
    lookout = Lookout(world)
    first = lookout.look()
    cost = lookout.store.documents
    lookout.clock.advance(after)
    looks = [lookout.look() for _ in range(50)]

    assert {id(look.value) for look in looks} == ({id(first.value)} if reads == 1 else {id(looks[0].value)})
    assert (looks[0].value is first.value) is (reads == 1)
    assert lookout.store.documents <= reads * cost


def test_nobody_looks_and_nothing_is_read(world: World) -> None:
    """The reader has no thread of its own: an hour without viewers costs no read."""
    lookout, threads = Lookout(world), set(threading.enumerate())
    lookout.look()
    before = lookout.store.calls
    lookout.clock.advance(3600)

    assert lookout.store.calls == before
    assert set(threading.enumerate()) <= threads


def beating(world: World, count: int, clock: float) -> None:
    """Those of so many runs beat whose turn it is, each each 15 s; clock: seconds."""
    for number in range(round(clock * 2) % 30, count, 30):
        world.put(a_run(f"run{number}", beat_at=world.now, seq=round(clock)))


def a_minute(world: World, lookout: Lookout, count: int) -> tuple[int, list[Look[Panorama]]]:
    """Documents read in a minute of looking while so many runs beat, and all looks."""
    before, looks = lookout.store.documents, []
    for step in range(120):
        lookout.later(0.5)
        beating(world, count, step / 2)
        looks.append(lookout.look())
    return lookout.store.documents - before, looks


@pytest.mark.parametrize("runs", [0, 60, 300])
def test_what_is_read_follows_what_beats(world: World, runs: int) -> None:
    """A minute costs a few reads for each look, of which there is one a second, and one or two for each beat."""
    many(world, runs)
    lookout = Lookout(world)
    lookout.look()
    reads, looks = a_minute(world, lookout, runs)

    assert 60 * 6 + 4 * runs <= reads <= 60 * 8 + 2 * 4 * runs
    assert {look.every for look in looks} == {1.0}
    assert all(look.slowest < 2 for look in looks)


def test_more_beats_than_may_be_read_are_followed_less_often(world: World) -> None:
    """What ends and what is wrong is still read each second; beats are read as far as they may, and it is said."""
    many(world, 300)
    lookout = Lookout(world, reads_per_minute=2000)
    lookout.look()
    a_minute(world, lookout, 300)
    reads, looks = a_minute(world, lookout, 300)

    assert reads <= 2000
    assert all(look.every < 2 for look in looks)
    assert max(look.slowest for look in looks) > 5
    world.put(a_run("run7"), state="failed", ended_at=world.now, beat_at=world.now)
    lookout.later(1)
    assert [view.id for view in lookout.look().value.ended] == ["run7"]


def test_a_minute_of_looking_stays_under_the_bound(world: World) -> None:
    """However many pages are looked at, a minute's renewals read no more than they may, and each says how often."""
    many(world, 20)
    lookout = Lookout(world, reads_per_minute=600)
    keys = [f"page {number}" for number in range(30)]
    for _ in range(60):
        lookout.later(1)
        for key in keys:
            lookout.look(key)
    before, looks = lookout.store.documents, []
    for _ in range(60):
        lookout.later(1)
        looks += [lookout.look(key) for key in keys]

    assert lookout.store.documents - before <= 600
    assert all(look.every > 5 for look in looks)


def test_a_page_that_is_opened_is_live_at_once(world: World) -> None:
    """That all runs are read for the first look does not make the next ones wait."""
    many(world, 1000)
    world.at(0.1)
    lookout = Lookout(world)
    first = lookout.look()
    lookout.later(1)
    second = lookout.look()

    assert (first.every, first.next_in, second.every) == (1.0, 1.0, 1.0)
    assert first.reads > 1000
    assert second.value is not first.value
    assert second.reads < 10


def test_who_must_wait_for_a_turn_is_told(world: World) -> None:
    """A page that was due for two seconds before anybody could read it says that it is renewed less often."""
    many(world, 1)
    lookout = Lookout(world)
    lookout.look()
    lookout.later(1)
    with lookout.reader._reading:
        turned_away = lookout.look()
    lookout.later(2)
    after = lookout.look()
    lookout.later(1)

    assert (turned_away.every, turned_away.next_in) == (1.0, 0.0)
    assert after.every == 3.0
    assert lookout.look().every == 1.0


def test_what_is_metered_is_what_is_read(world: World) -> None:
    """The reader's own count agrees with one made outside of it."""
    many(world, 7)
    lookout = Lookout(world)

    assert lookout.look().reads == lookout.store.documents
    metered = MeteredStore(lookout.store)
    metered.find(RUNS, None, 3)
    metered.get(OPERATIONS, ["a", "b", "a"])
    metered.now()
    assert metered.reads == 6


def test_what_is_known_of_operations_is_read_once_a_minute(world: World) -> None:
    """History changes with an audit, each 15 minutes: a look at the same operations does not read it again."""
    world.put(a_run())
    lookout = Lookout(world, POLICY)
    first = lookout.look().reads
    costs = []
    for _ in range(41):
        lookout.clock.advance(1.5)
        costs.append(lookout.look().reads)

    assert set(costs) == {first - 4, first}  # an operation, and the last starts of three that are expected
    assert costs.count(first) == 1


def test_an_end_is_read_when_it_is_new(world: World) -> None:
    """Of a hundred runs that ended within the hour a second look reads none again, and all are still shown."""
    run = a_run()
    for number in range(100):
        end = START + timedelta(seconds=number)
        world.put(replace(run, id=f"done{number}"), state="succeeded", ended_at=end, beat_at=end)
    world.at(30)
    lookout = Lookout(world)
    first = lookout.look()
    lookout.clock.advance(3)
    world.put(replace(run, id="last"), state="failed", ended_at=world.now, beat_at=world.now)
    second = lookout.look()

    assert [len(look.value.ended) for look in (first, second)] == [100, 101]
    assert second.value.ended[0].id == "last"
    assert second.reads < 15
    world.at(61)
    lookout.clock.advance(1800)
    assert 1 <= len(lookout.look().value.ended) < 101


def test_more_ends_than_one_answer_holds_are_caught_up_with(world: World) -> None:
    """Where more than 300 runs ended in the hour, the next looks read on to the latest."""
    run = a_run()
    for number in range(450):
        end = START + timedelta(seconds=number)
        world.put(replace(run, id=f"done{number}"), state="succeeded", ended_at=end, beat_at=end)
    world.at(30)
    lookout = Lookout(world)
    latest = []
    for _ in range(3):
        latest.append(lookout.look().value.ended[0].id)
        lookout.clock.advance(5)

    assert latest == ["done299", "done449", "done449"]


def test_trouble_is_told_and_tried_again_each_interval(world: World) -> None:
    """While the store is away each viewer is told why; it is asked once per interval, and its return is seen."""
    many(world, 1)
    lookout = Lookout(world)
    lookout.look()
    lookout.store.fail = StoreError("away", away=True)
    lookout.clock.advance(2)
    calls = lookout.store.calls
    for _ in range(5):
        with pytest.raises(StoreError, match="away"):
            lookout.look()
    lookout.store.fail = None
    with pytest.raises(StoreError, match="away"):
        lookout.look()
    lookout.clock.advance(2)

    assert lookout.store.calls == calls + 1
    assert len(lookout.look().value.survey.runs) == 1


def test_a_store_that_hangs_keeps_one_thread(world: World) -> None:
    """While one viewer waits for the store, the others get what was read before, and how old it is."""
    many(world, 1)
    lookout = Lookout(world)
    first = lookout.look()
    lookout.clock.advance(5)
    lookout.store.gate = threading.Event()
    waiting = threading.Thread(target=lookout.look)
    waiting.start()
    try:
        while not lookout.reader._reading.locked():
            waiting.join(0.01)
        old = lookout.look()
    finally:
        lookout.store.gate.set()
        waiting.join()

    assert old.value is first.value
    assert old.age == 5


def test_an_answer_is_seen_without_waiting(world: World) -> None:
    """After somebody acted, the next look reads anew."""
    many(world, 1)
    lookout = Lookout(world)
    first = lookout.look()
    lookout.reader.renew()

    assert lookout.look().value is not first.value


def test_pages_that_nobody_looks_at_are_forgotten(world: World) -> None:
    """What was looked at half a minute ago costs nothing more, and of many pages only so many are kept."""
    lookout = Lookout(world)
    for number in range(MOST_LOOKS + 20):
        lookout.look(str(number))
    kept = len(lookout.reader._entries)
    lookout.clock.advance(31)
    lookout.look()

    assert kept == MOST_LOOKS
    assert list(lookout.reader._entries) == ["all"]


def test_an_operation_takes_what_the_first_page_has_just_read(world: World) -> None:
    """Two pages that are due together cost one read of what goes on, and one of the operation."""
    many(world, 50)
    lookout = Lookout(world)
    lookout.look()
    look = lookout.reader.look("operation", lambda surveyor: surveyor.operation("load-historical-games"))

    assert look.value is not None
    assert len(look.value.running) == 50
    assert look.reads == 0


def test_allowance_counts_what_comes_in_a_minute() -> None:
    """A third may gather; whoever takes more waits, and a look beyond all measure waits for what there can be."""
    clock = ManualClock()
    allowance = Allowance(6000, clock)

    assert allowance.wait_for(2000) == 0
    allowance.spend(2000)
    assert allowance.wait_for(100) == pytest.approx(1.5)
    clock.advance(1.5)
    assert allowance.wait_for(100) == pytest.approx(0)
    assert allowance.wait_for(1_000_000) == pytest.approx(28.5)
    clock.advance(3600)
    allowance.spend(2001)
    assert allowance.wait_for(1) == pytest.approx(0.03)


def test_kept_values_have_their_time() -> None:
    """A value is stale a minute after it was kept, and of too many the oldest goes."""
    clock = ManualClock()
    kept: Kept[int] = Kept(clock, 60.0, most=2)
    kept.keep("a", 1)
    clock.advance(59.9)
    kept.keep("b", 2)

    assert kept.stale(["a", "b", "c"]) == ["c"]
    clock.advance(0.1)
    assert kept.stale(["a", "b"]) == ["a"]
    assert kept["a"] == 1
    kept.keep("c", 3)
    assert kept.stale(["a", "b", "c"]) == ["a"]


def test_a_run_is_found_by_its_key_or_its_id(tmp_path: Path) -> None:
    """A link holds the document's id, which may hold an escape; looking for a run never reads the whole collection."""
    scene = Scene(tmp_path)
    morning(scene)
    scene.put(a_run("worker~batch%2F1", operation="worker"))
    store = Counting(scene.another_store())
    surveyor = Surveyor(type(scene.ledger)(store), lambda: POLICY)

    assert [surveyor.run(name) is not None for name in ("worker~batch%2F1", "worker~batch/1")] == [True, True]
    before = store.documents
    assert surveyor.run("load-7f") is None
    assert store.documents - before <= 2
