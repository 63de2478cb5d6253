"""Runs that span processes, as the watchdog sees them: what parts add up to, when they are read, what is said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from heartbeat_client.parts import PARTS, Listing, Part, Stamp, digest_of, listings
from heartbeat_client.run import RUNS, SUCCEEDED, Progress, Run, Tally, Thresholds, due_at, expires_at
from tests.support.world import START, World, a_run
from watchdog.ledger import Ledger, RunRecord
from watchdog.policy import Policy, Rule, Settings
from watchdog.ports import Create
from watchdog.pruning import prune_expired, prune_runs
from watchdog.shared_runs import follow, shown
from watchdog.survey import story, survey
from watchdog.tally import tallied
from watchdog.verdict import HEALTHY, OVERDUE, STALLED, UNJUDGED, judge

PLAYERS = [f"player-{number:03}" for number in range(450)]


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def shared(**changes: Any) -> Run:
    """A shared run that was opened at START and has a list of 450 items."""
    run = Run(
        id="b1",
        operation="worker-predictions",
        started_at=START,
        beat_at=START,
        shared=True,
        key="batch 1",
        progress=Progress(0, 450, since=START),
        thresholds=Thresholds(beat_every=1.0, explicit=("deadline",)),
    )
    run = replace(run, **changes)
    return replace(run, due_at=due_at(run), expires_at=expires_at(run))


def part(items: Sequence[str] = (), minutes: float = 10, *, writer: str = "w1", **changes: Any) -> Part:
    """A part that was written at so many minutes, whose items were done one a second, the last one then."""
    ages = tuple(float(age) for age in reversed(range(len(items))))
    digests = tuple(digest_of(item) for item in items)
    usual = Part(f"b1.{writer}", "b1", digests, ages, last=tuple(items[-10:]), written_at=at(minutes))
    return replace(usual, **changes)


def names(items: Sequence[str] = PLAYERS) -> list[Listing]:
    return [replace(lot, written_at=START) for lot in listings("b1", items)]


def progress(run: Run) -> Progress:
    assert run.progress is not None
    return run.progress


def tally(run: Run) -> Tally:
    assert run.tally is not None
    return run.tally


def test_nothing_done_is_known_as_nothing() -> None:
    """Without parts there is no move, and the list says who is missing."""
    run = tallied(shared(), names())

    assert (progress(run).done, progress(run).total, progress(run).at, run.moved_at) == (0, 450, None, None)
    assert (tally(run).missing_count, tally(run).missing[:2]) == (450, ("player-000", "player-001"))


def test_all_writers_add_up() -> None:
    """Different items of all writers and what has no name are done; the last of them is the last move."""
    parts = [
        part(PLAYERS[:200], 10, writer="w1"),
        part(PLAYERS[150:300], 11, writer="w2"),
        part((), 12, writer="w3", plain=7, plain_age=30.0),
    ]
    run = tallied(shared(), [*parts, *names()])

    assert progress(run).done == 307
    assert run.moved_at == progress(run).at == at(11.5)
    assert tally(run).missing_count == 150


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)], ids=str)
def test_the_order_of_the_parts_is_nothing(order: tuple[int, ...]) -> None:
    """Parts add up to the same in whatever order they are read."""
    parts = [part(PLAYERS[:9], 3, writer="a"), part(PLAYERS[4:12], 5, writer="b"), part(PLAYERS[2:3], 9, writer="c")]
    run = tallied(shared(), [*(parts[i] for i in order), *names()])

    assert (progress(run).done, run.moved_at) == (12, at(5))
    assert (tally(run).again, tally(run).again_times, tally(run).again_last) == (6, 6, "player-002")
    assert tally(run).again_at == at(9)


def test_what_comes_again_moves_nothing() -> None:
    """An item that another process had done before is no progress, and neither is one that the same process had."""
    first = part(PLAYERS[:12], 10, writer="w1", again=(digest_of("player-003"),), again_times=328)
    noisy = replace(first, again_last=Stamp("player-003", 0.0), written_at=at(40), ages=tuple([1800.0] * 12))
    again = part(PLAYERS[:12], 41, writer="w2")
    run = tallied(shared(), [noisy, again])

    assert run.moved_at == at(10)
    assert (tally(run).again, tally(run).again_times, tally(run).again_last) == (12, 340, "player-011")


def test_a_strange_item_does_not_count() -> None:
    """With a list, what is not on it is not done, but told; without one, every item counts."""
    strange = part(["luka", "nikola", *PLAYERS[:3]], 10)

    listed, unlisted = tallied(shared(), [strange, *names()]), tallied(shared(), [strange])
    assert (progress(listed).done, tally(listed).strangers, tally(listed).missing_count) == (3, 2, 447)
    assert (progress(unlisted).done, tally(unlisted).strangers, tally(unlisted).missing_count) == (5, 0, None)


def test_a_list_that_grew_lifts_the_total() -> None:
    """Items that a later opening added count into the total; a total above the list stays."""
    run = tallied(shared(), [*names(), *names([*PLAYERS, "late-comer"])])
    above = tallied(shared(progress=Progress(0, 500, since=START)), names())

    assert (progress(run).total, tally(run).missing_count) == (451, 451)
    assert progress(above).total == 500


def test_the_rate_is_that_of_the_last_minute() -> None:
    """Items a second in the last minute in which anything moved, whatever the time is now."""
    quick = part(PLAYERS[:186], 30, ages=tuple(i / 3.1 for i in range(186)))

    assert progress(tallied(shared(), [quick])).rate == pytest.approx(3.1, abs=0.1)
    assert progress(tallied(shared(), [part((), 30, plain=90, plain_age=0.0)])).rate == pytest.approx(90 / 1800)
    assert progress(tallied(shared(), [part(PLAYERS[:2], 0)])).rate is None


def test_items_done_before_the_opening_count() -> None:
    """A part from before the opening counts, and its moves do not make the run older than it is."""
    run = tallied(shared(), [part(PLAYERS[:4], -3)])

    assert (progress(run).done, run.moved_at) == (4, at(-3))
    assert judge(replace(run, due_at=at(5)), Policy(), at(4.9)).state == HEALTHY


@pytest.mark.parametrize(("days", "done"), [(1, 4), (1.001, 0)], ids=["a_day_before", "more_than_a_day_before"])
def test_parts_of_an_earlier_run_of_the_key_do_not_count(days: float, done: int) -> None:
    """What was written last more than a day before the opening is of a run that was deleted meanwhile."""
    run = tallied(shared(), [part(PLAYERS[:4], -days * 24 * 60)])

    assert progress(run).done == done


def test_the_latest_note_is_shown() -> None:
    """Of the notes of all writers the one that was said last holds."""
    notes = [("early", 5, 0.0), ("latest", 9, 1.0), ("old", 10, 300.0)]
    parts = [part((), minutes, writer=text, note=Stamp(text, age)) for text, minutes, age in notes]

    assert progress(tallied(shared(), parts)).note == "latest"


def test_a_hundred_thousand_items() -> None:
    """100,000 items of 25 parts are added up exactly."""
    parts = [
        part([f"item-{number}" for number in range(begin, begin + 4096)], writer=str(begin))
        for begin in range(0, 102_400, 4096)
    ]

    assert progress(tallied(shared(), parts)).done == 102_400


MOVED = at(20)


def stood(minutes: float, done: int = 438, **changes: Any) -> Run:
    """A run that did so much up to MOVED, one a third of a second, judged so many minutes later."""
    missing = ("luka-doncic", "nikola-jokic", "x", "y", "z")
    usual = {
        "progress": Progress(done, 450, at=MOVED, since=START, rate=3.1),
        "moved_at": MOVED,
        "tally": Tally(missing=missing, missing_count=12),
        "due_at": MOVED,
    }
    return replace(shared(), **{**usual, **changes})


def reason(run: Run, minutes: float) -> str:
    verdict = judge(run, Policy(), MOVED + timedelta(minutes=minutes))
    assert verdict.state == STALLED
    assert verdict.since == run.moved_at
    return verdict.reason


def test_a_run_stalls_when_nothing_was_done_for_too_long() -> None:
    """The limit counts from the last item that was done for the first time."""
    states = [judge(stood(0), Policy(), MOVED + timedelta(seconds=s)).state for s in (299, 300, 301)]

    assert states == [HEALTHY, STALLED, STALLED]


def test_a_run_that_never_moved_stalls_from_its_opening() -> None:
    """Where nothing was ever done, the limit counts from the opening."""
    verdicts = [judge(shared(), Policy(), START + timedelta(seconds=s)) for s in (299, 300)]

    assert [verdict.state for verdict in verdicts] == [HEALTHY, STALLED]
    assert verdicts[1].since == START
    assert verdicts[1].reason == "0 of 450 done; nothing was done since it was opened 5 min ago (limit 5 min)"


def test_the_reason_of_a_stall() -> None:
    """How much is done, since when nothing was, who is missing, how fast it was before."""
    assert reason(stood(6), 6) == (
        "438 of 450 done, the last one 6 min ago (limit 5 min); missing: luka-doncic, nikola-jokic and 10 more; "
        "it moved at 3.1/s until 10:20 UTC"
    )


REASONS: dict[str, tuple[dict[str, Any], str]] = {
    "no_list": ({"tally": Tally()}, "438 of 450 done, the last one 6 min ago (limit 5 min); it moved at"),
    "few_are_missing": (
        {"tally": Tally(missing=("a", "b", "c", "d"), missing_count=4)},
        "missing: a, b, c, d; it moved",
    ),
    "a_storm": (
        {"tally": Tally(again=12, again_times=340, again_last="lebron-james", again_at=at(25))},
        "12 items were completed again 340 times, the last: lebron-james",
    ),
    "one_again": (
        {"tally": Tally(again=1, again_times=1, again_last="lebron-james", again_at=at(25))},
        "1 item was completed again once: lebron-james",
    ),
    "strangers": ({"tally": Tally(strangers=2)}, "2 items done that are not on its list"),
    "complete": (
        {"progress": Progress(450, 450, at=MOVED, since=START), "tally": Tally(missing_count=0)},
        "450 of 450 done, the last one 6 min ago (limit 5 min); nobody has said that it is over: call succeed()",
    ),
    "partial": ({"tally": Tally(partial=True)}, "at least 438 of 450 done"),
    "control_characters": ({"tally": Tally(missing=("a\x1b[2Jb",), missing_count=1)}, "missing: a [2Jb;"),
}


@pytest.mark.parametrize(("changes", "said"), REASONS.values(), ids=REASONS)
def test_what_a_reason_says(changes: dict[str, Any], said: str) -> None:
    """Each thing that is known is said, and what is not known is not."""
    assert said in reason(stood(6, **changes), 6)


def test_what_came_again_before_the_last_move_is_not_said() -> None:
    """Pub/Sub delivers twice now and then: that is no storm while the run went on."""
    run = stood(6, tally=Tally(again=1, again_times=1, again_last="a", again_at=at(19)))

    assert "again" not in reason(run, 6)


def test_nobody_beats_for_a_shared_run() -> None:
    """It is never silent nor late, however long its record was not written."""
    run = shared(thresholds=Thresholds(stalled_after=86400.0))

    assert [judge(run, Policy(), at(minutes)).state for minutes in (1, 60, 600)] == [HEALTHY] * 3


@pytest.mark.parametrize(
    ("changes", "minutes"),
    [
        pytest.param({"deadline": at(60)}, 48, id="most_of_the_time_to_its_deadline"),
        pytest.param({"thresholds": Thresholds(max_runtime=1800.0)}, 30, id="its_max_runtime"),
    ],
)
def test_a_shared_run_is_overdue_by_its_time(changes: dict[str, Any], minutes: float) -> None:
    """A run that moves is overdue all the same when its time is used up, and who is missing is said."""
    moving = {"moved_at": at(minutes), "tally": Tally(missing=("luka-doncic",), missing_count=1)}
    run = shared(**changes, **moving)
    before, on = (judge(run, Policy(), at(minutes) + timedelta(seconds=s)) for s in (-1, 0))

    assert (before.state, on.state) == (HEALTHY, OVERDUE)
    assert "missing: luka-doncic" in on.reason


def test_a_policys_default_deadline_is_not_a_shared_runs() -> None:
    """`[defaults]` speaks of requests; a rule for the operation holds for it too."""
    default = Policy(defaults=Settings(deadline=1800.0))
    ruled = Policy(rules=(Rule("worker-*", Settings(deadline=1800.0)),))

    assert default.applied(shared()).deadline is None
    assert ruled.applied(shared()).deadline == at(30)


def test_a_record_without_due_at_makes_no_sense() -> None:
    """A shared run that no sweep would find is said to be so."""
    assert judge(replace(shared(), due_at=None), Policy(), at(1)).state == UNJUDGED


def test_due_at_is_the_earliest_limit() -> None:
    """A shared run is due when it could first be stalled or overdue, from its opening at the earliest."""
    assert shared().due_at == at(5)
    assert shared(moved_at=at(7)).due_at == at(12)
    assert shared(moved_at=at(-7)).due_at == at(5)
    assert shared(deadline=at(5)).due_at == at(4)
    assert shared(state=SUCCEEDED, ended_at=at(5)).due_at is None
    assert shared(moved_at=at(60 * 24 * 9)).expires_at == at(60 * 24 * 16)


def test_a_shared_record_is_read_as_it_was_written() -> None:
    """All of a shared run's fields are in its document; an ordinary run's has none of them."""
    run = stood(6, tally=Tally(("a",), 3, ("b",), 1, 2, 9, "c", MOVED, True))

    assert Run.from_document("b1", run.to_document()) == run
    assert {"shared", "key", "tally"}.isdisjoint(a_run().to_document())


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def keep(world: World, *parts: Part | Listing) -> None:
    for one in parts:
        assert world.store.commit([Create(PARTS, one.id, {**one.to_document(), "written_at": one.written_at})])


def records(world: World) -> dict[str, RunRecord]:
    return {record.id: record for record in Ledger(world.store).running(world.now)}


class Reads:
    """How many parts were asked for."""

    def __init__(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        find = world.store.find

        def counting(collection: str, *arguments: Any) -> Any:
            found = find(collection, *arguments)
            self.count += len(found) if collection == PARTS else 0
            return found

        monkeypatch.setattr(world.store, "find", counting)


def test_a_run_that_is_well_is_put_off(world: World) -> None:
    """A due run whose parts moved is due later, at the store too, as its record alone would have it."""
    world.put(shared())
    keep(world, part(PLAYERS[:30], 4), *names())
    world.at(5)
    (record,) = follow(world.store, records(world), Policy(), world.now).values()

    stored = Run.from_document("b1", world.document("b1").fields)
    assert stored.due_at == due_at(stored) == at(9)
    assert (progress(stored).done, stored.moved_at) == (30, at(4))
    assert record.readable is not None
    assert judge(record.run, Policy(), world.now).state == HEALTHY


def test_parts_are_read_only_where_it_matters(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that its own record shows to be well costs no read of its parts; one that is due or asked for does."""
    world.put(shared())
    keep(world, part(PLAYERS[:30], 4))
    reads = Reads(world, monkeypatch)
    world.at(4.99)
    follow(world.store, records(world), Policy(), world.now)
    assert reads.count == 0

    follow(world.store, records(world), Policy(), world.now, always=["b1"])
    assert reads.count == 1
    world.at(5)
    for _ in range(3):
        follow(world.store, records(world), Policy(), world.now)
    assert reads.count == 2


def test_an_ordinary_run_is_left_alone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Records of ordinary runs and of ones that can't be read come back as they are, without a read."""
    world.put(a_run())
    world.put_document("odd", {"operation": 7, "state": "running"})
    reads = Reads(world, monkeypatch)
    world.at(10)
    before = records(world)

    assert follow(world.store, before, Policy(), world.now, always=list(before)) == before
    assert shown(world.store, before) == before
    assert reads.count == 0


def test_a_shorter_limit_of_a_policy_holds(world: World) -> None:
    """Where a policy is stricter than the run's owner, the run is looked at and put off by the policy's limit."""
    policy = Policy(rules=(Rule("worker-*", Settings(stalled_after=60.0)),))
    world.put(shared())
    keep(world, part(PLAYERS[:30], 2))
    world.at(2.5)
    (record,) = follow(world.store, records(world), policy, world.now).values()
    assert record.readable is not None
    assert progress(record.readable).done == 30
    world.at(3.5)
    (record,) = follow(world.store, records(world), policy, world.now).values()

    assert judge(record.run, policy, world.now).state == STALLED


def test_an_opener_that_is_first_wins(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A record that changed since it was read is not put off over the change."""
    world.put(shared())
    keep(world, part(PLAYERS[:30], 4))
    world.at(5)
    before = records(world)
    world.put(shared(detail="opened again"))
    follow(world.store, before, Policy(), world.now)

    stored = Run.from_document("b1", world.document("b1").fields)
    assert (stored.detail, stored.due_at) == ("opened again", at(5))


def test_a_strangers_part_stops_nothing(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """A part that can't be read is said and passed over; all others count."""
    world.put(shared())
    keep(world, part(PLAYERS[:30], 4))
    for name, fields in {"odd1": {"items": "%%"}, "odd2": {"plain": "many"}, "odd3": {"names": [7]}}.items():
        assert world.store.commit([Create(PARTS, name, {"run": "b1", **fields})])
    world.at(5)
    (record,) = follow(world.store, records(world), Policy(), world.now).values()

    assert record.readable is not None
    assert progress(record.readable).done == 30
    assert len([text for text in caplog.messages if "it is not counted" in text]) == 3


def test_people_see_the_parts(world: World) -> None:
    """`status` and `show` say what is done and who is missing, of ended runs too."""
    world.put(shared())
    keep(world, part(PLAYERS[:30], 4), *names())
    world.at(5)
    (view,) = survey(world.ledger, Policy()).runs
    told = view.as_json()

    assert (told["progress"]["done"], told["shared"]["missing_count"]) == (30, 420)
    assert (told["shared"]["key"], told["shared"]["missing"][0]) == ("batch 1", "player-030")
    world.put(shared(state=SUCCEEDED, ended_at=at(6)))
    found = story(world.ledger, Policy(), "b1")
    assert found is not None
    assert found.view.run is not None
    assert progress(found.view.run).done == 30


def test_parts_are_pruned(world: World) -> None:
    """Expired parts go by themselves, and all parts of a run go with it."""
    world.put(shared())
    keep(world, part(PLAYERS[:3], writer="w1"), part(writer="w2", expires_at=at(1)), part(writer="other", run="b2"))
    world.at(2)

    assert dict(prune_expired(world.store))[PARTS] == 1
    assert prune_runs(world.store, ["b1"]) == ["b1"]
    assert [one.id for one in world.store.find(PARTS)] == ["b1.other"]
    assert world.store.find(RUNS) == []
