"""Runs, incidents and notices in a real store: strangers' records among them, and two sweeps at once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from heartbeat_client.parts import PARTS
from heartbeat_client.run import RUNS
from tests.support.world import START, World, a_run
from watchdog.doubt import Doubt
from watchdog.incident import INCIDENTS, Case, Incident
from watchdog.ledger import WATCHDOG, Held, SweepState
from watchdog.life import opened
from watchdog.message import Message
from watchdog.notice import NOTICES, Notice
from watchdog.ports import Create
from watchdog.pruning import CHUNK, prune_expired, prune_runs
from watchdog.verdict import STALLED, Verdict

FOUND = Verdict(STALLED, "because", START)
SECOND = timedelta(seconds=1)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def an_incident(run_id: str = "run1", episode: int = 1) -> Incident:
    return opened(Case(run_id, a_run(run_id), FOUND), FOUND, episode, START)


def a_notice(notice_id: str, **given: Any) -> Notice:
    return replace(Notice(notice_id, "opened", "slack", ("run1.1",), Message("opened", "bad", "x"), START), **given)


def create(world: World, collection: str, name: str, fields: dict[str, Any]) -> None:
    assert world.store.commit([Create(collection, name, fields)])


def ids(found: list[Any]) -> list[str]:
    return [one.id for one in found]


def test_what_is_due_is_found_by_its_instant(world: World) -> None:
    """A run is due from its `due_at` on, the longest due first; a record without one is not found so."""
    world.put(a_run("first"))
    world.put(a_run("second", beat_at=START + timedelta(seconds=10)))
    world.put_document("without", a_run("without").to_document())

    assert ids(world.ledger.due(START + timedelta(seconds=90) - SECOND, 9)) == []
    assert ids(world.ledger.due(START + timedelta(seconds=90), 9)) == ["first"]
    assert ids(world.ledger.due(START + timedelta(seconds=100), 9)) == ["first", "second"]
    assert ids(world.ledger.due(START + timedelta(seconds=100), 1)) == ["first"]


@pytest.mark.parametrize(
    ("past", "there"), [(-SECOND, True), (timedelta(0), False), (SECOND, False)], ids=["before", "on", "after"]
)
def test_what_has_expired_is_there_no_more(world: World, past: timedelta, there: bool) -> None:
    """From its `expires_at` on a record counts as deleted, though the store may list it for a day."""
    run = world.put(a_run())
    assert run.expires_at is not None

    now = run.expires_at + past
    assert bool(world.ledger.due(now, 9)) is there
    assert bool(world.ledger.running(now)) is there
    assert bool(world.ledger.everything(now)) is there


@pytest.mark.parametrize("state", ["succeeded", "failed", "interrupted"])
def test_an_ended_run_is_not_due_whatever_its_record_says(world: World, state: str) -> None:
    """A record that says both that it ended and that it is due has ended."""
    world.put_document("odd", a_run("odd", state=state, due_at=START).to_document())

    assert world.ledger.due(START, 9) == []
    assert world.ledger.everything(START) == []


def test_a_record_without_a_state_is_found_by_a_full_audit(world: World) -> None:
    """What does not say that it runs is read when everything is."""
    world.put_document("odd", {"operation": "x"})

    assert world.ledger.running(START) == []
    (record,) = world.ledger.everything(START)
    assert record.readable is None


def test_an_incident_that_cannot_be_read_stops_nobody(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """A stranger's document among the incidents or notices is logged with what to do, and left out."""
    assert world.ledger.commit([Held(an_incident(), None)], [a_notice("n1")])
    create(world, INCIDENTS, "odd", {"open": True, "run_id": "run1"})
    create(world, NOTICES, "odd", {"open": True})

    assert [held.value.id for held in world.ledger.open_incidents()] == ["run1.1"]
    assert [held.value.id for held in world.ledger.episodes("run1")] == ["run1.1"]
    assert [held.value.id for held in world.ledger.open_notices()] == ["n1"]
    assert "incident odd: episode is missing" in caplog.text
    assert "it is left alone, delete it if it is not yours" in caplog.text


def test_episodes_come_in_their_order(world: World) -> None:
    """The tenth episode of a run comes after its ninth, not after its first."""
    for episode in (10, 1, 9):
        assert world.ledger.commit([Held(an_incident(episode=episode), None)])

    assert [held.value.episode for held in world.ledger.episodes("run1")] == [1, 9, 10]


def test_notices_are_sent_oldest_first(world: World) -> None:
    """Of the notices that wait the oldest goes first, and an end goes before a beginning of the same sweep."""
    later = START + SECOND
    notices = [a_notice("b", made_at=later), a_notice("c", made_at=later, kind="resolved"), a_notice("a")]
    assert world.ledger.commit([], [*notices, a_notice("sent", state="sent")])

    assert [held.value.id for held in world.ledger.open_notices()] == ["a", "c", "b"]


def test_only_one_of_two_sweeps_saves(world: World) -> None:
    """What was read is saved only as long as nobody else has changed it, all of it or nothing."""
    assert world.ledger.commit([Held(an_incident(), None)])
    held = world.ledger.incidents(["run1.1"])["run1.1"]
    changed = Held(held.value.noticed(("n",), frozenset(), START), held.version)

    assert world.ledger.commit([changed], [a_notice("n1")])
    assert not world.ledger.commit([changed], [a_notice("n2")])
    assert not world.ledger.commit([Held(an_incident("run2"), None), changed])
    assert set(world.ledger.notices(["n1", "n2"])) == {"n1"}
    assert set(world.ledger.incidents(["run1.1", "run2.1"])) == {"run1.1"}


def test_a_run_that_beats_is_not_given_up(world: World) -> None:
    """`due_at` is taken away only from the record that was judged; a beat in between saves the run."""
    world.put(a_run())
    record = world.ledger.runs(["run1"])["run1"]
    world.beat(a_run())

    assert not world.ledger.commit([Held(an_incident(), None)], (), [record])
    assert "due_at" in world.document("run1").fields
    assert world.ledger.commit([Held(an_incident(), None)], (), [world.ledger.runs(["run1"])["run1"]])
    assert "due_at" not in world.document("run1").fields
    assert world.document("run1").fields["operation"] == "load-historical-games"


def test_what_a_sweep_leaves_is_found_by_the_next(world: World) -> None:
    """The sweep's own state comes back; of two sweeps that write it one is first."""
    ledger, before = world.ledger, world.ledger.state()
    state = SweepState(START, START + SECOND, None, START, Doubt("gap", START, START, "because"), {"read": 3})
    assert ledger.save_state(state, before.version)

    assert ledger.state().value == state
    assert not ledger.save_state(state, before.version)


def test_a_state_that_cannot_be_read_counts_as_never(world: World) -> None:
    """Whatever stands there, a sweep goes on from it."""
    create(world, WATCHDOG, "sweep", {"last_sweep_at": 7, "report": "x", "doubt": {"kind": "gap", "until": "soon"}})
    held = world.ledger.state()

    assert held.value.report == {}
    assert world.ledger.save_state(SweepState(START), held.version)


def test_nothing_is_asked_for_nothing(world: World) -> None:
    """Without ids there is nothing to find."""
    assert (world.ledger.runs([]), world.ledger.notices([]), world.ledger.incidents([])) == ({}, {}, {})


@pytest.mark.parametrize(
    ("past", "left"), [(-SECOND, 1), (timedelta(0), 0), (SECOND, 0)], ids=["before", "on", "after"]
)
def test_what_has_expired_is_pruned(world: World, past: timedelta, left: int) -> None:
    """Runs, incidents and notices go at their `expires_at`, not before; what has none stays."""
    expires = START + timedelta(days=7)
    world.put(a_run(deadline=None))
    create(world, INCIDENTS, "over", {"expires_at": expires})
    create(world, INCIDENTS, "open", {"open": True})
    create(world, NOTICES, "old", {"expires_at": expires})
    world.now = expires + past

    counts = dict(prune_expired(world.store))
    assert counts == {**dict.fromkeys((RUNS, INCIDENTS, NOTICES), 1 - left), PARTS: 0}
    assert len(world.store.find(RUNS)) == left
    assert len(world.store.find(INCIDENTS)) == left + 1
    assert len(world.store.find(NOTICES)) == left


def test_a_dry_run_deletes_nothing(world: World) -> None:
    """It only counts."""
    world.put(a_run())
    world.now = START + timedelta(days=30)

    assert dict(prune_expired(world.store, dry_run=True))[RUNS] == 1
    assert prune_runs(world.store, ["run1"], dry_run=True) == ["run1"]
    assert len(world.store.find(RUNS)) == 1


def test_many_records_are_pruned_in_parts(world: World) -> None:
    """More than one commit can hold are deleted all the same."""
    count = CHUNK + 5
    writes = [Create(NOTICES, f"n{n}", {"expires_at": START}) for n in range(count)]
    for begin in range(0, count, 100):
        assert world.store.commit(writes[begin : begin + 100])

    assert dict(prune_expired(world.store))[NOTICES] == count
    assert world.store.find(NOTICES) == []


def test_named_runs_are_pruned_whatever_they_hold(world: World) -> None:
    """A stranger's record goes by its name; a name that is nobody's is told by its absence."""
    world.put_document("odd", {"operation": 7})
    world.put(a_run())

    assert prune_runs(world.store, ["odd", "nobody"]) == ["odd"]
    assert ids(world.store.find(RUNS)) == ["run1"]
