"""The sender: newest wins, many runs in one commit, outages survived, and nobody's record taken for one's own."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from heartbeat_client.backend import Conflict, Refused, Stored, StoreRefused
from heartbeat_client.plan import Plan
from heartbeat_client.run import FAILED, INTERRUPTED, RUNNING, RUNS, SUCCEEDED, due_at
from heartbeat_client.server_clock import ServerClock
from heartbeat_client.settings import Settings
from heartbeat_client.store_link import StoreLink
from heartbeat_client.testing import MemoryStore
from tests.client.world import World


def test_a_run_is_written_when_it_begins_beats_and_ends(world: World) -> None:
    """The first record comes at once, the next each 15 s, the last at the end."""
    live = world.begin()
    world.pass_by(46)
    world.end(live)
    world.pass_by(60)

    written = [(run.state, run.seq) for run in world.store.history]
    assert written == [(RUNNING, 1), (RUNNING, 2), (RUNNING, 3), (RUNNING, 4), (SUCCEEDED, 5)]


def test_a_record_has_its_due_at(world: World) -> None:
    """Each record says when it could be anything but healthy; the last one does not."""
    live = world.begin()
    world.pass_by(16)
    record = world.record(live)
    world.end(live)
    world.pass_by(1)

    assert record.due_at == due_at(record)
    assert record.due_at is not None
    assert record.due_at > record.beat_at  # type: ignore[operator]  # a written record has been beaten
    assert world.record(live).due_at is None


def test_many_runs_share_a_commit(world: World) -> None:
    """Runs that begin together are written together, 200 in a call."""
    sizes: list[int] = []
    commit = world.store.commit
    world.store.commit = lambda writes: (sizes.append(len(writes)), commit(writes))[1]  # type: ignore[method-assign]
    for _ in range(450):
        world.begin()
    world.pass_by(1)

    assert sizes == [200, 200, 50]


def test_the_newest_wins(world: World) -> None:
    """What happened during an outage is one record when the store is back: the run as it is then."""
    live = world.begin(Plan("op", "op", total=450))
    world.pass_by(1)
    world.store.away()
    for _ in range(100):
        live.counter.advance()
        world.pass_by(6)
    before = len(world.store.history)
    world.store.work()
    world.pass_by(8)

    assert len(world.store.history) == before + 1
    record = world.record(live)
    assert record.progress is not None
    assert record.progress.done == 100


def test_an_hour_without_a_store(world: World) -> None:
    """Over an hour nothing piles up but ended runs, and all of them are written within 15 s of the store's return."""
    open_run = world.begin()
    world.pass_by(1)
    world.store.away()
    calls = world.store.calls
    for _ in range(60):
        world.end(world.begin(), FAILED)
        world.pass_by(60, step=5)
    attempts = world.store.calls - calls
    waiting = len(world.roster.waiting_runs())
    world.store.work()
    world.pass_by(15)

    assert waiting == 60
    assert len(world.roster.open_runs()) == 1
    assert 3600 / 6 <= attempts <= 3600 / 4 + 10
    assert world.roster.waiting_runs() == []
    assert [run.state for run in world.store.runs].count(FAILED) == 60
    assert world.record(open_run).failed_writes > 200


@pytest.mark.parametrize("outage", [10, 60, 120, 600])
def test_beats_come_back_with_the_store(world: World, outage: int) -> None:
    """However long the store was away, the first beat is there 15 s after it is back."""
    live = world.begin()
    world.pass_by(1)
    world.store.away()
    world.pass_by(outage)
    beat = world.record(live).beat_at
    world.store.work()
    world.pass_by(15)

    assert beat is not None
    assert world.record(live).beat_at > beat  # type: ignore[operator]  # a written record has been beaten


def test_ended_runs_are_bounded(world: World) -> None:
    """More ended runs than may wait are given up, the oldest first, and that is said."""
    small = World(limit=10)
    small.store.away()
    for number in range(25):
        small.end(small.begin(Plan(f"op-{number}", f"op-{number}")))
    small.pass_by(1)
    small.store.work()
    small.pass_by(15)

    assert [run.operation for run in small.store.runs] == [f"op-{number}" for number in range(15, 25)]
    assert any("the ends of 15 runs are given up" in report for report in small.voice.reports)


def test_a_run_that_ends_in_an_outage_is_not_lost(world: World) -> None:
    """The end of a run is written when the store is back, if the process still lives."""
    live = world.begin()
    world.pass_by(1)
    world.store.away()
    world.end(live)
    world.pass_by(3600, step=5)
    world.store.work()
    world.pass_by(15)

    assert world.record(live).state == SUCCEEDED


def test_failed_writes_are_told_by_the_next_beat(world: World) -> None:
    """Each attempt that failed is counted in the next record that gets through, and that stays in those after it."""
    live = world.begin()
    world.pass_by(1)
    world.store.away()
    world.pass_by(60)
    failed = live.outgoing.failed_writes
    world.store.work()
    world.pass_by(40)

    assert failed >= 8
    assert world.record(live).failed_writes == failed


def test_an_outage_is_said_once_then_at_a_growing_interval(world: World) -> None:
    """In two hours of outage the log has an error at the start, and after 1, 6, 21 and 81 minutes."""
    world.begin()
    world.pass_by(1)
    world.store.away()
    said = []
    for minute in range(120):
        world.pass_by(60, step=5)
        said += [minute] * (len(world.voice.reports) - len(said))

    assert said == [0, 1, 6, 21, 81]
    assert world.voice.reports[0].startswith("heartbeat_client: beats can't be written to MemoryStore: memory store")


def test_that_the_store_is_back_is_said_once(world: World) -> None:
    """When beats are written again the log says for how long and how many were not."""
    world.begin()
    world.pass_by(1)
    world.store.away()
    world.pass_by(60)
    world.store.work()
    world.pass_by(60)

    back = [report for report in world.voice.reports if "again" in report]
    assert len(back) == 1
    assert back[0].startswith("heartbeat_client: beats are written to MemoryStore again; ")


def test_a_store_that_comes_and_goes_is_one_trouble(world: World) -> None:
    """Short outages one after the other do not fill the log."""
    world.begin()
    for _ in range(60):
        world.store.away()
        world.pass_by(20)
        world.store.work()
        world.pass_by(10)

    assert len(world.voice.reports) < 12


def test_a_refusing_store_is_asked_every_half_minute(world: World) -> None:
    """A store that refuses until a person acts is asked seldom, and its remedy is in the log."""
    world.store.refuse("grant roles/datastore.user to the service account")
    world.begin()
    world.pass_by(1)
    calls = world.store.calls
    world.pass_by(300)

    assert 300 / 36 - 1 <= (world.store.calls - calls) / 2 <= 300 / 24 + 1  # a read and a write each
    assert "grant roles/datastore.user" in world.voice.reports[0]


def test_a_backend_of_ones_own_may_fail_in_any_way(world: World) -> None:
    """An exception that no backend should raise is an outage like others, its text is not said."""

    class Broken(MemoryStore):
        def commit(self, writes: Any) -> Any:
            raise KeyError("a secret")

    world.settings = Settings(store=Broken())
    world.begin()
    world.pass_by(60)

    assert "beats can't be written to Broken: KeyError at tests/client/test_sender.py" in world.voice.reports[0]
    assert "secret" not in str(world.voice.reports)


def test_what_can_not_be_read_keeps_nothing_from_being_written(world: World) -> None:
    """A store that refuses to say what is in force is said to, once, and the runs are written."""

    class Unreadable(MemoryStore):
        def read_operation(self, operation: str) -> Stored:
            raise StoreRefused("grant the right to read")

    store = Unreadable(clock=world.clock.now)
    world.settings = Settings(store=store)
    world.begin()
    world.pass_by(60)

    assert len(store.history) == 4
    assert [report for report in world.voice.reports if "grant the right to read" in report] == world.voice.reports
    assert len(world.voice.reports) == 1


def test_an_answer_that_was_lost_is_recognized(world: World) -> None:
    """A write that was applied though its answer was lost is taken for one's own: no second record, no gap."""
    world.store.lose_answers()
    live = world.begin()
    world.pass_by(10)
    world.store.work()
    world.pass_by(30)

    assert {run.id for run in world.store.runs} == {live.id}
    assert world.record(live).state == RUNNING
    assert world.voice.reports[-1].startswith("heartbeat_client: beats are written")


def test_a_lost_answer_is_recognized_though_the_start_was_guessed(world: World) -> None:
    """A first record that was dated by a wrong wall clock is still one's own once the store has told its time."""
    guessed = world.clock.now() - timedelta(hours=3)
    world.wall = lambda: guessed
    read = world.store.read_operation
    world.store.read_operation = lambda name: (_ for _ in ()).throw(StoreRefused("not now"))  # type: ignore[method-assign]
    world.store.lose_answers()
    started = world.clock.now()
    live = world.begin()
    world.pass_by(10)
    world.store.read_operation = read  # type: ignore[method-assign]
    world.store.work()
    world.pass_by(40)

    assert {run.id for run in world.store.runs} == {live.id}
    assert abs((world.record(live).started_at - started).total_seconds()) < 0.1


def test_an_end_whose_answer_was_lost_is_settled(world: World) -> None:
    """A last record that was applied though its answer was lost is not written a second time."""
    live = world.begin()
    world.pass_by(1)
    world.store.lose_answers()
    world.end(live)
    world.pass_by(3)
    world.store.work()
    world.pass_by(30)

    assert world.roster.waiting_runs() == []
    assert [run.state for run in world.store.history] == [RUNNING, SUCCEEDED]


def test_a_late_write_does_not_revive_an_ended_run(world: World) -> None:
    """A record that says that the run has ended is never written over, whatever this process believes."""
    live = world.begin()
    world.pass_by(1)
    ended = {**world.store.documents[RUNS][live.id], "state": FAILED, "due_at": None}
    world.store.put(RUNS, live.id, ended)
    world.pass_by(60)
    world.end(live)
    world.pass_by(60)

    assert world.store.documents[RUNS][live.id]["state"] == FAILED
    assert len(world.store.history) == 1
    assert world.roster.waiting_runs() == []


def test_a_run_that_was_given_up_says_that_it_lives(world: World) -> None:
    """A run that the watchdog has called lost has revived_at from its next beat on, and is due again."""
    live = world.begin()
    world.pass_by(1)
    given_up = {name: value for name, value in world.store.documents[RUNS][live.id].items() if name != "due_at"}
    world.store.put(RUNS, live.id, given_up)
    world.pass_by(20)
    first = world.record(live)
    world.pass_by(20)

    assert first.revived_at is not None
    assert first.due_at == first.revived_at
    assert world.record(live).revived_at == first.revived_at
    assert world.record(live).seq > first.seq


def test_a_record_that_someone_else_touched_is_gone_on_with(world: World) -> None:
    """A change of the watchdog's to our record costs no beat."""
    live = world.begin()
    world.pass_by(1)
    world.store.put(RUNS, live.id, world.store.documents[RUNS][live.id])
    world.pass_by(20)

    assert world.record(live).seq >= 2
    assert world.record(live).revived_at is None


def test_a_record_that_was_deleted_is_made_again(world: World) -> None:
    """A run whose record was pruned has one again with its next beat."""
    live = world.begin()
    world.pass_by(1)
    world.store.delete(RUNS, live.id)
    world.pass_by(20)

    assert live.id in world.store.documents[RUNS]
    assert live.id == world.store.runs[-1].id


STRANGERS: dict[str, dict[str, Any]] = {
    "of another process": {"pid": 1},
    "of another machine": {"host": "elsewhere"},
    "of another start": {"started_at": "2020-01-01T00:00:00Z"},
    "that ended long ago": {"started_at": "2020-01-01T00:00:00Z", "state": FAILED},
    "that can't be read": {"state": "who knows"},
}


@pytest.mark.parametrize("changes", STRANGERS.values(), ids=STRANGERS)
def test_an_id_that_another_run_has_is_left_to_it(world: World, changes: dict[str, Any]) -> None:
    """A run whose id is taken goes on under another one, says so, and leaves the stranger's record alone."""
    other = world.begin(Plan("op", "op", run_id="batch-1"))
    world.pass_by(1)
    world.end(other)
    world.pass_by(1)
    stranger = {**world.store.documents[RUNS]["batch-1"], "state": RUNNING, **changes}
    world.store.put(RUNS, "batch-1", stranger)
    live = world.begin(Plan("op", "op", run_id="batch-1"))
    inner = world.begin(Plan("inner", "inner"), live)
    world.pass_by(40)

    assert live.id.startswith("batch-1~")
    assert world.record(live).state == RUNNING
    assert world.record(inner).ancestors == (live.id,)
    assert world.store.documents[RUNS]["batch-1"] == stranger
    assert [report for report in world.voice.reports if "run_id 'batch-1'" in report] == world.voice.reports


def test_an_id_used_twice_in_a_process_is_two_records(world: World) -> None:
    """The same run_id given to a second run does not overwrite the first."""
    for state in (SUCCEEDED, FAILED):
        live = world.begin(Plan("op", "op", run_id="batch-1"))
        world.pass_by(1)
        world.end(live, state)
        world.pass_by(5)

    assert sorted(run.state for run in world.store.runs) == [FAILED, SUCCEEDED]


class Picky(MemoryStore):
    """A store that refuses the records of one operation, and conflicts with those of another for ever."""

    def commit(self, writes: Any) -> Any:
        self.seen = [*getattr(self, "seen", []), *(write.run for write in writes)]
        answers = list(super().commit([write for write in writes if write.run.operation == "fine"]))
        special = {"refused": Refused("too much text"), "contested": Conflict()}
        return [special.get(write.run.operation) or answers.pop(0) for write in writes]


def picky(world: World) -> Picky:
    store = Picky(clock=world.clock.now)
    world.settings = Settings(store=store)
    return store


def test_one_refused_record_stops_nobody(world: World) -> None:
    """A record that the store refuses is not tried again until its run ends; others of the same commit are written."""
    store = picky(world)
    bad, fine = world.begin(Plan("refused", "refused")), world.begin(Plan("fine", "fine"))
    world.pass_by(100)
    tries = [run.state for run in store.seen if run.operation == "refused"]
    for live in (bad, fine):
        world.end(live)
    world.pass_by(100)

    assert tries == [RUNNING]
    assert [run.state for run in store.seen if run.operation == "refused"] == [RUNNING, SUCCEEDED]
    assert world.roster.waiting_runs() == []
    assert [run.state for run in store.runs] == [SUCCEEDED]
    assert "too much text" in world.voice.reports[0]


def test_an_endless_conflict_is_not_an_endless_loop(world: World) -> None:
    """A record that conflicts again and again is tried about once a second, and others are written meanwhile."""
    store = picky(world)
    live = world.begin(Plan("contested", "contested"))
    world.begin(Plan("fine", "fine"))
    world.pass_by(1)
    world.end(live)
    world.pass_by(60)

    assert len([run for run in store.seen if run.operation == "contested"]) < 150
    assert len([run for run in store.seen if run.operation == "fine"]) >= 4


def test_a_correction_after_an_interruption_is_written(world: World) -> None:
    """A run that was marked interrupted at SIGTERM and then came to its end has that end."""
    live = world.begin()
    world.pass_by(1)
    world.end(live, INTERRUPTED)
    world.pass_by(1)
    world.end(live, SUCCEEDED)
    world.pass_by(1)

    assert [run.state for run in world.store.history] == [RUNNING, INTERRUPTED, SUCCEEDED]
    assert world.roster.waiting_runs() == []


def test_a_second_word_about_the_end_is_written(world: World) -> None:
    """A run interrupted by SIGTERM, and then by the exit that followed, is settled with the later word."""
    live = world.begin()
    world.pass_by(1)
    for reason in ("SIGTERM", "interrupted by SystemExit"):
        live.end(INTERRUPTED, reason=reason)
        world.roster.end(live)
        world.pass_by(1)

    assert [run.reason for run in world.store.history] == ["", "SIGTERM", "interrupted by SystemExit"]
    assert world.roster.waiting_runs() == []


def test_another_store_gets_what_goes_on(world: World) -> None:
    """When `configure()` names another store, open runs are in it with their next record."""
    live = world.begin()
    world.pass_by(1)
    other = MemoryStore(clock=world.clock.now)
    world.settings = replace(world.settings, store=other)
    world.pass_by(20)
    world.end(live)
    world.pass_by(1)

    assert [run.id for run in other.runs] == [live.id]
    assert other.runs[0].state == SUCCEEDED


def test_instants_are_the_stores(world: World) -> None:
    """A machine whose clock is three hours wrong writes the store's time."""
    wrong = world.clock.now() + timedelta(hours=3)
    world.wall = lambda: wrong
    midnight = world.clock.now()
    live = world.begin(Plan("op", "op", total=3))
    world.pass_by(60)
    live.counter.advance()
    world.pass_by(20)
    record = world.record(live)

    assert record.started_at == midnight
    assert record.progress is not None
    assert record.progress.at is not None
    assert 60 <= (record.progress.at - midnight).total_seconds() <= 61


def test_instants_do_not_change_from_beat_to_beat(world: World) -> None:
    """An instant is computed once, however the estimate of the store's clock changes."""
    live = world.begin(Plan("op", "op", total=3))
    live.counter.advance()
    world.pass_by(16)
    drift = iter(range(1000))
    now = world.clock.now
    world.store._now = lambda: now() + timedelta(milliseconds=next(drift))
    world.pass_by(100)

    assert len({run.started_at for run in world.store.history}) == 1
    assert len({run.progress.at for run in world.store.history if run.progress and run.progress.at}) == 1


def test_a_store_that_is_being_opened_has_more_time(world: World) -> None:
    """A call counts as stuck after a second, the first opening, which imports a library, after five."""
    patience = []

    def opens() -> MemoryStore:
        patience.append(link.stuck_at)
        return world.store

    link = StoreLink(opens, ServerClock(world.clock, lambda: 0.0), world.clock)
    read = world.store.read_operation
    world.store.read_operation = lambda name: (patience.append(link.stuck_at), read(name))[1]  # type: ignore[method-assign,func-returns-value]
    assert link.open()
    link.in_force("op")

    assert patience == [world.clock() + 5, world.clock() + 1]
    assert link.stuck_at is None
