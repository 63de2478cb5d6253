"""A run's trail: bounded, in order, nothing of the whole lost; what anybody wrote in its place harms nothing."""

from __future__ import annotations

import itertools
import signal
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartbeat_client.activity import KINDS
from heartbeat_client.plan import Plan
from heartbeat_client.run import Place, Progress, Run, Thresholds
from heartbeat_client.trail import POINTS, Look, Trail
from heartbeat_client.trail_keeper import TrailKeeper
from heartbeat_client.trail_point import LETTERS, PLACE_LETTERS, TrailPoint, read_trail
from tests.client.random_runs import documents, json_like
from tests.client.world import Process, World, until

START = datetime(2026, 1, 14, 10, 0, tzinfo=timezone.utc)
HERE = Place("app/load.py", 412, "Loader.load")
THERE = Place("app/publish.py", 88, "publish")

kinds = st.sampled_from(["", *KINDS])
places = st.none() | st.sampled_from([HERE, THERE, *(Place(f"app/{n}.py", n, "work") for n in range(20))])
pauses = st.floats(0, 500, allow_subnormal=False)


@st.composite
def looks(draw: st.DrawFn) -> list[Look]:
    """Looks in the order of their times, some of them with a count that mostly goes up."""
    told, at, done = [], 0.0, 0
    for pause in draw(st.lists(pauses, min_size=1, max_size=150)):
        at, done = at + pause, done + draw(st.integers(-1, 9))
        kind = draw(kinds)
        counted = done if draw(st.booleans()) else None
        told.append(Look(at, kind, draw(places) if kind else None, draw(pauses), counted))
    return told


def trail_of(told: Sequence[Look], step: float = 15.0) -> Trail:
    """A trail with all these looks."""
    trail = Trail(step)
    for look in told:
        trail = trail.add(look)
    return trail


def points_of(trail: Trail) -> tuple[TrailPoint, ...]:
    """What a reader makes of it."""
    return read_trail(trail.to_document())


def size(value: Any) -> int:
    """Bytes of a value as Firestore counts them."""
    if isinstance(value, str):
        return len(value.encode()) + 1
    if isinstance(value, dict):
        return sum(size(name) + size(inner) for name, inner in value.items())
    if isinstance(value, list):
        return sum(map(size, value))
    return 1 if value is None else 8


@given(looks())
def test_a_trail_is_bounded_in_order_and_whole(told: list[Look]) -> None:
    """However long a run is: at most sixty points, one after the other without a hole, up to the last look."""
    trail = trail_of(told)
    points = points_of(trail)

    assert len(points) <= POINTS
    assert [point.since for point in points] == [number * trail.step for number in range(len(points))]
    assert all(one.until == after.since for one, after in itertools.pairwise(points))
    assert sum(point.length for point in points) == pytest.approx(told[-1].at)


@given(looks())
def test_no_second_that_was_seen_is_lost(told: list[Look]) -> None:
    """Halving keeps for each kind the seconds that it had, though it may forget places."""
    trail, begun, seconds = trail_of(told), 0.0, dict.fromkeys(KINDS, 0.0)
    for look in told:
        if look.kind:
            seconds[look.kind] += look.at - max(begun, look.at - look.lasted)
        begun = look.at
    found = dict.fromkeys(KINDS, 0.0)
    for cell in trail.cells.values():
        for (kind, _), seen in cell.seen.items():
            found[kind] += seen

    assert found == pytest.approx(seconds, abs=1e-6)


@given(looks())
def test_the_last_count_stays_as_it_is(told: list[Look]) -> None:
    """The last point that has a count has the last one that was told."""
    counts = [look.done for look in told if look.done is not None]
    found = [point.done for point in points_of(trail_of(told)) if point.done is not None]

    assert found[-1:] == (counts[-1:] if told[-1].at else [])


@given(looks())
def test_to_halve_is_to_have_been_coarse_all_along(told: list[Look]) -> None:
    """It does not matter when points were merged: counts and seconds are those of the wide grid from the start."""
    fine = trail_of(told, 1.0)
    coarse = trail_of(told, fine.step)
    seen = {index: sum(cell.seen.values()) for index, cell in fine.cells.items()}

    assert fine.cells.keys() == coarse.cells.keys()
    assert {index: cell.done for index, cell in fine.cells.items()} == {
        index: pytest.approx(cell.done, abs=1) if cell.done is not None else None
        for index, cell in coarse.cells.items()
    }
    assert seen == pytest.approx({index: sum(cell.seen.values()) for index, cell in coarse.cells.items()}, abs=1e-6)


@given(looks(), st.floats(0, 5000), st.floats(0, 5000))
def test_a_gap_is_never_halved_away(told: list[Look], since: float, length: float) -> None:
    """The longest time without a beat is on record wherever it had a part, however wide the points have become."""
    trail = trail_of(told).without_beats(since, since + length)
    widened = trail.add(Look(max(trail.until, since + length) * 5))
    points = points_of(widened)

    if length >= 1e-6:  # what is shorter is lost in the figures of the grid
        gaps = [point for point in points if point.gap]
        assert max(point.gap or 0.0 for point in gaps) == pytest.approx(length, abs=1.001)
        assert gaps[0].since <= since
        assert gaps[-1].until >= min(since + length, points[-1].until)


WIDTHS = [
    pytest.param(15.0 * POINTS, 15.0, POINTS, id="as_many_as_there_may_be"),
    pytest.param(15.0 * POINTS + 1, 30.0, POINTS // 2 + 1, id="one_more_halves"),
    pytest.param(0.02, 15.0, 1, id="the_first_beat"),
    pytest.param(7 * 86_400.0, 15_360.0, 40, id="a_week"),
    pytest.param(1e9, 15.0 * 2**21, 32, id="thirty_years"),
]


@pytest.mark.parametrize(("length", "step", "number"), WIDTHS)
def test_the_grid_widens_as_the_run_goes_on(length: float, step: float, number: int) -> None:
    """It is as fine as beats are while sixty points last, and doubles from there on."""
    trail = Trail(15.0).add(Look(length))

    assert trail.step == step
    assert len(trail.to_document()["kinds"]) == number


MOST = [
    pytest.param([("working", HERE, 8), ("blocked", THERE, 7)], ("working", HERE), id="what_had_most_seconds"),
    pytest.param([("working", HERE, 6), ("blocked", THERE, 9)], ("blocked", THERE), id="whenever_it_was"),
    pytest.param([("working", HERE, 4), ("working", THERE, 5), ("blocked", HERE, 6)], ("working", THERE), id="by_kind"),
    pytest.param([("working", HERE, 7), ("", None, 8)], ("", None), id="nobody_looked_for_most_of_it"),
    pytest.param([("working", HERE, 8), ("", None, 7)], ("working", HERE), id="nobody_looked_for_less_of_it"),
    pytest.param([("working", None, 15)], ("working", None), id="a_place_that_is_not_known"),
]


@pytest.mark.parametrize(("told", "most"), MOST)
def test_a_point_tells_what_most_of_it_was(
    told: list[tuple[str, Place | None, float]], most: tuple[str, Place | None]
) -> None:
    """The kind that most of its seconds had, and of these the place that most had."""
    trail = Trail(15.0)
    for kind, place, seconds in told:
        trail = trail.add(Look(trail.until + seconds, kind, place, seconds))
    (point,) = points_of(trail)

    assert (point.kind, point.place) == most


def test_a_look_says_nothing_of_what_it_can_not_have_seen() -> None:
    """A look tells of the time that its kind has lasted; what lies before, nobody saw."""
    trail = Trail(15.0).add(Look(15.0, "working", HERE, 15.0)).add(Look(60.0, "blocked", THERE, 30.0))

    assert [point.kind for point in points_of(trail)] == ["working", "", "blocked", "blocked"]


def test_a_count_between_two_beats_lies_on_a_straight_line() -> None:
    """Beats do not come at the ends of points; what was counted there follows from the beats around it."""
    trail = trail_of([Look(0.0, done=0), Look(10.0, done=10), Look(40.0, done=100)])

    assert [point.done for point in points_of(trail)] == [25, 70, 100]


def test_only_so_many_places_are_named() -> None:
    """The places of most points have letters; those of the others are left out, their kinds are not."""
    told = [Look(15.0 * n, "working", Place(f"{n % 20 if n > 30 else 7}.py", n % 20, "f"), 15.0) for n in range(1, 61)]
    document = trail_of(told).to_document()

    assert len(document["places"]) == len(PLACE_LETTERS)
    assert document["kinds"] == "w" * POINTS
    assert set(document["at"]) == {*PLACE_LETTERS, "-"}


@given(looks(), st.text(min_size=1, max_size=400))
def test_a_trail_is_small(told: list[Look], name: str) -> None:
    """No trail takes more than 2.5 kB of a record, whatever its places are called."""
    trail = trail_of([replace(look, place=Place(name + str(number), 1, name)) for number, look in enumerate(told)])
    trail = trail.without_beats(0.0, trail.until)

    assert size(trail.to_document()) < 2500


def test_each_kind_has_a_letter_of_its_own() -> None:
    """What the sampler concludes can be told in a trail; no letter stands for two kinds, or for nobody."""
    assert LETTERS.keys() == KINDS.keys()
    assert len({*LETTERS.values(), "-"}) == len(KINDS) + 1


@given(json_like | documents())
def test_what_anybody_wrote_can_be_read(stored: Any) -> None:
    """A stranger's trail is no trail, or one whose points are in order: nothing is raised."""
    points = read_trail(stored)

    assert all(0 <= point.since <= point.until for point in points)


AWRY = [
    pytest.param({"step": 0}, 0, id="no_width"),
    pytest.param({"step": float("nan")}, 0, id="no_number"),
    pytest.param({"until": -1}, 0, id="an_end_before_the_start"),
    pytest.param({"until": 1e8}, 0, id="too_many_points"),
    pytest.param({"kinds": 7, "at": [], "places": "x", "done": "y", "gaps": {}}, 4, id="of_no_shape"),
    pytest.param({"kinds": "Ω€", "at": "hb", "done": ["1", 2**70], "gaps": [-1, "x"]}, 4, id="unknown_words"),
    pytest.param({"places": [7, {"file": 7}]}, 4, id="places_that_are_none"),
    pytest.param({"newer": {"x": 1}}, 4, id="what_a_newer_client_adds"),
]


@pytest.mark.parametrize(("awry", "number"), AWRY)
def test_what_can_not_be_read_of_a_trail_is_left_out(awry: dict[str, Any], number: int) -> None:
    """The rest is read; a run with such a trail is judged as any other, and keeps what is stored."""
    stored = trail_of([Look(60.0, "working", HERE, 60.0, 5)]).to_document() | awry
    run = Run("run1", "load", START, trail=stored)

    assert len(read_trail(stored)) == number
    assert Run.from_document("run1", run.to_document()) == run


@pytest.mark.parametrize("stored", [None, "x" * 5000, 7, ["x"], START, True])
def test_a_record_with_anything_else_in_its_place_is_read(stored: Any) -> None:
    """What is no map is no trail."""
    run = Run.from_document("run1", Run("run1", "load", START).to_document() | {"trail": stored})

    assert run.trail is None
    assert read_trail(stored) == ()


def beat(at: float, **changes: Any) -> Run:
    """The record of a run at one of its beats."""
    run = Run("run1", "load", START, beat_at=START + timedelta(seconds=at), thresholds=Thresholds(beat_every=15.0))
    return replace(run, **changes)


def kept(*records: Run, lost: Sequence[Run] = ()) -> tuple[TrailPoint, ...]:
    """The trail that the last of these records takes along; those in `lost` did not reach the store."""
    keeper, document = TrailKeeper(), None
    for record in records:
        document = keeper.document(record)
        if record not in lost:
            keeper.reached(record)
    return read_trail(document)


@pytest.mark.parametrize(("pause", "gap"), [(29.9, None), (30.0, 30.0), (300.0, 300.0)])
def test_a_time_without_beats_is_a_gap(pause: float, gap: float | None) -> None:
    """From two intervals on, as on the page."""
    points = kept(beat(0.0), beat(15.0), beat(15.0 + pause), beat(30.0 + pause))

    assert max((point.gap or 0.0 for point in points), default=0.0) == (gap or 0.0)


def test_a_beat_that_did_not_arrive_leaves_a_gap() -> None:
    """It counts what reached the store, not what was tried; the record that tells of it ends it."""
    records = [beat(15.0 * number) for number in range(7)]
    gaps = [point.gap for point in kept(*records, lost=records[2:5])]

    assert gaps == [None, 60.0, 60.0, 60.0, 60.0, None]


def test_what_counts_needs_nobody_to_look() -> None:
    """Without evidence a beat whose count has gone up says that it moved; one whose count stands says nothing."""
    counts = [(0.0, 0), (15.0, 5), (30.0, 5), (45.0, 6)]
    points = kept(*(beat(at, progress=Progress(done, 9)) for at, done in counts))

    assert [point.kind for point in points] == ["progressing", "", "progressing"]


def test_the_end_ends_the_trail() -> None:
    """A run whose last record waited for an hour ends when it ended."""
    over = beat(3600.0, state="succeeded", ended_at=START + timedelta(seconds=40))
    points = kept(beat(0.0), beat(15.0), beat(30.0), over)

    assert points[-1].until == 40.0


def test_the_record_of_a_run_has_its_trail(world: World) -> None:
    """Each beat tells of all before it, and an outage of the store is on record when it is over."""
    live = world.begin(Plan("load-games", "load-games", total=1000))
    for _ in range(10):
        live.counter.advance(10)
        world.pass_by(15)
    world.store.away()
    world.pass_by(300)
    world.store.work()
    world.pass_by(60)
    world.end(live)
    world.pass_by(1)
    points = read_trail(world.record(live).trail)
    gaps = [point for point in points if point.gap]

    assert points[-1].done == 100
    assert [point.done for point in points[:5]] == sorted(point.done or 0 for point in points[:5])
    assert {point.kind for point in points[:9]} == {"progressing"}
    assert gaps[0].since <= 150 <= gaps[0].until + 15
    assert 300 <= max(point.gap or 0 for point in gaps) <= 420


def test_runs_within_runs_have_trails_of_their_own(world: World) -> None:
    """A nested run begins its trail at its own start."""
    outer = world.begin(Plan("request", "request"))
    world.pass_by(100)
    inner = world.begin(Plan("load-games", "load-games"), parent=outer)
    world.pass_by(50)

    assert sum(point.length for point in read_trail(world.record(outer).trail)) == pytest.approx(150, abs=15)
    assert sum(point.length for point in read_trail(world.record(inner).trail)) == pytest.approx(50, abs=15)


FROZEN = """
import time
from heartbeat_client import Heartbeat, configure, flush
configure(beat_every=0.1)
with Heartbeat("load") as hb:
    assert flush(30)
    print("begun", flush=True)
    while True:
        hb.advance()
        time.sleep(0.01)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="needs SIGSTOP: nothing else freezes a process")
def test_a_process_that_was_stopped_shows_a_gap_when_it_is_back(process: Process) -> None:
    """SIGSTOP stops beats and work; the trail of the next beat says for how long."""
    with process.start(FROZEN) as child:
        try:
            assert child.stdout is not None
            assert "begun\n" in iter(child.stdout.readline, "")
            until(lambda: process.runs()[0].seq > 5, "some beats")
            child.send_signal(signal.SIGSTOP)
            seq = until(lambda: stands(process), "beats that stop")
            stopped = process.runs()[0].beat_at
            until(lambda: (datetime.now(timezone.utc) - stopped).total_seconds() > 2, "two seconds")  # type: ignore[operator]  # it has beaten
            child.send_signal(signal.SIGCONT)
            until(lambda: process.runs()[0].seq > seq + 3, "beats that come again")
            points = read_trail(process.runs()[0].trail)
        finally:
            child.kill()

    assert max(point.gap or 0.0 for point in points) >= 2.0


def stands(process: Process) -> int | None:
    """The number of the last beat, once no other comes."""
    before = process.runs()[0].seq
    clock = datetime.now(timezone.utc)
    until(lambda: (datetime.now(timezone.utc) - clock).total_seconds() > 0.5, "half a second")
    return before if process.runs()[0].seq == before else None


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="needs fork, as POSIX has it")
def test_a_forked_child_has_a_trail_of_its_own(process: Process) -> None:
    """The child's run begins at its own start, and tells nothing of the parent's."""
    process.run(
        """
        import os, time
        from heartbeat_client import Heartbeat, configure
        configure(beat_every=0.05)
        with Heartbeat("parent", total=5) as outer:
            outer.advance(5)
            time.sleep(0.6)
            child = os.fork()
            if not child:
                with Heartbeat("child", total=9) as inner:
                    inner.advance(2)
                    time.sleep(0.3)
                os._exit(0)
            os.waitpid(child, 0)
        """
    )
    parent, child = (read_trail(process.only(operation).trail) for operation in ("parent", "child"))

    assert (parent[-1].done, child[-1].done) == (5, 2)
    assert child[-1].until < parent[-1].until
