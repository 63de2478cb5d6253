"""A process's share in a run that spans processes, on a manual clock: what is written when, and what is kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from heartbeat_client.backend import PartWrite, Refused
from heartbeat_client.parts import (
    PART_ITEMS,
    PARTS,
    Listing,
    Part,
    digest_of,
    expires_at,
    item_text,
    read_part,
    shared_run_id,
)
from heartbeat_client.plan import Plan
from heartbeat_client.roster import Roster
from heartbeat_client.run import FAILED, RUNS, SUCCEEDED, Run
from heartbeat_client.sender import Sender
from heartbeat_client.settings import Settings
from heartbeat_client.share import Share
from heartbeat_client.share_record import Ending, Opening
from heartbeat_client.shares import Shares
from heartbeat_client.store_address import StoreAddress
from heartbeat_client.testing import ManualClock, MemoryStore
from tests.client.world import Voice

OPERATION, KEY = "worker-predictions", "2026-01-14"


class Writers:
    """Processes that share runs, each a sender that works when a test lets time go by."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.store = MemoryStore(clock=self.clock.now)
        self.voice = Voice()
        self.settings = Settings(store=self.store)
        self.commits: list[int] = []
        commit = self.store.commit
        self.store.commit = lambda writes: (self.commits.append(len(writes)), commit(writes))[1]  # type: ignore[method-assign]
        self._senders: list[Sender] = []

    def process(self, **limits: int) -> Shares:
        """Another process."""
        shares = Shares(self.clock, **limits)
        clock = self.clock
        sender = Sender(
            Roster(), lambda: self.settings, clock, lambda: clock.now().timestamp(), self.voice, shares=shares
        )
        self._senders.append(sender)
        return shares

    def share(self, **limits: int) -> Share:
        """The share of another process in the usual run."""
        return self.process(**limits).of(OPERATION, KEY)

    def pass_by(self, seconds: float = 1.1, step: float = 0.1) -> None:
        """Let time go by."""
        end = self.clock() + seconds
        while True:
            for sender in self._senders:
                sender.work()
            if self.clock() >= end:
                return
            self.clock.advance(min(step, end - self.clock()))

    def parts(self) -> list[Part]:
        """The parts at the store."""
        read = [read_part(name, document) for name, document in self.store.documents[PARTS].items()]
        return [part for part in read if isinstance(part, Part)]

    def names(self) -> list[str]:
        """The names of items at the store."""
        read = [read_part(name, document) for name, document in self.store.documents[PARTS].items()]
        lots = sorted((lot for lot in read if isinstance(lot, Listing)), key=lambda lot: lot.number)
        return [name for lot in lots for name in lot.names]

    def done(self) -> int:
        """How many items are done, by all parts."""
        return len({item for part in self.parts() for item in part.items}) + sum(part.plain for part in self.parts())

    def run(self) -> Run:
        """The main record."""
        run_id = shared_run_id(OPERATION, KEY)
        return Run.from_document(run_id, self.store.documents[RUNS][run_id])


@pytest.fixture
def writers() -> Writers:
    return Writers()


def opening(at: float, **changes: Any) -> Opening:
    items = tuple(changes.pop("items", ()))
    total = changes.pop("total", len(items) or None)
    return Opening(Plan(OPERATION, OPERATION, **changes), total, items, at)


def test_what_is_told_is_written_within_about_a_second(writers: Writers) -> None:
    """Items told in the same second share one write; just before a second has passed nothing is written."""
    share = writers.share()
    share.complete("a")
    writers.pass_by(0.9)
    assert writers.commits == []

    share.complete("b")
    writers.pass_by(0.2)
    assert (writers.done(), writers.commits) == (2, [1])
    assert share.settled


def test_a_part_is_written_at_most_once_a_second(writers: Writers) -> None:
    """A process that completes ten items a second writes one document, once a second."""
    share = writers.share()
    for number in range(300):
        share.complete(f"item-{number}")
        writers.pass_by(0.1)

    assert 25 <= len(writers.commits) <= 31
    assert len(writers.parts()) == 1


def test_an_item_counts_once(writers: Writers) -> None:
    """However often and from wherever an item is told, it is one; each repetition in a process is noted there."""
    first, second = writers.share(), writers.share()
    for share in (first, second, first, first):
        share.complete("lebron-james")
        writers.pass_by()

    assert writers.done() == 1
    assert sorted(part.again_times for part in writers.parts()) == [0, 2]
    (noisy,) = [part for part in writers.parts() if part.again_times]
    assert noisy.again == (digest_of("lebron-james"),)
    assert noisy.again_last is not None
    assert noisy.again_last.text == "lebron-james"


def test_ages_are_lengths_before_the_write(writers: Writers) -> None:
    """What a store that was away learns late, it learns with its age: no clock of this machine is in it."""
    share = writers.share()
    writers.store.away()
    share.complete("early")
    share.count(3)
    share.note("on it")
    writers.pass_by(600, step=5)
    share.complete("late")
    writers.store.work()
    writers.pass_by(10)

    (part,) = writers.parts()
    assert part.written_at is not None
    early, late = part.ages
    assert early - late == pytest.approx(600, abs=0.2)
    assert part.plain_age == pytest.approx(early, abs=0.2)
    assert part.note is not None
    assert part.note.age == pytest.approx(early, abs=0.2)


@pytest.mark.parametrize("trouble", [MemoryStore.away, MemoryStore.refuse], ids=["away", "refusing"])
def test_an_outage_loses_nothing_and_is_told(writers: Writers, trouble: Callable[[MemoryStore], None]) -> None:
    """While the store can't be written all is kept, and said with the remedy; then all is there, of all processes."""
    shares = [writers.share() for _ in range(3)]
    shares[0].open(opening(writers.clock(), total=30))
    trouble(writers.store)
    for number, share in enumerate(shares * 10):
        share.complete(f"item-{number}")
        writers.pass_by(0.5)
    assert writers.done() == 0
    assert "beats can't be written" in writers.voice.reports[0]
    assert "call work()" in writers.voice.reports[0]

    writers.store.work()
    writers.pass_by(40)
    assert (writers.done(), writers.run().operation) == (30, OPERATION)
    assert all(share.settled for share in shares)


def test_a_lost_answer_is_no_second_count(writers: Writers) -> None:
    """A write that was applied and never answered is met again, and counts once, plain counts too."""
    share = writers.share()
    writers.store.lose_answers()
    share.count(5)
    share.complete("a")
    writers.pass_by(5)
    writers.store.work()
    writers.pass_by(10)

    assert (writers.done(), len(writers.parts())) == (6, 1)
    assert share.settled


def test_a_part_that_was_deleted_is_made_again(writers: Writers) -> None:
    """What a living process has done is not lost with its document."""
    share = writers.share()
    share.complete("a")
    writers.pass_by()
    writers.store.delete(PARTS, writers.parts()[0].id)
    share.complete("b")
    writers.pass_by(3)

    assert writers.done() == 2


def test_many_items_are_several_parts(writers: Writers) -> None:
    """A part holds 4,096 items; the next begins another, and a full one is never written again."""
    share = writers.share()
    for number in range(2 * PART_ITEMS + 1):
        share.complete(f"item-{number}")
    writers.pass_by()
    share.complete("one more")
    writers.pass_by()

    assert writers.done() == 2 * PART_ITEMS + 2
    assert sorted(len(part.items) for part in writers.parts()) == [2, PART_ITEMS, PART_ITEMS]
    assert writers.commits == [3, 1]


def test_hurried_writes_take_turns_on_several_documents(writers: Writers) -> None:
    """Requests that each wait for their write are written at once, while no document is written every time."""
    share = writers.share()
    for number in range(40):
        share.complete(f"item-{number}")
        share.hurry()
        writers.pass_by(0.2)
        assert share.settled

    assert (writers.done(), len(writers.commits)) == (40, 40)
    assert 4 <= len(writers.parts()) <= 6


def test_hurried_writes_use_a_bounded_number_of_documents(writers: Writers) -> None:
    """However fast requests come, a process has at most eight open parts of a run."""
    share = writers.share()
    for number in range(200):
        share.complete(f"item-{number}")
        share.hurry()
        writers.pass_by(0.01, step=0.01)

    assert (writers.done(), len(writers.parts())) == (200, 8)


def test_items_that_can_not_be_written_are_bounded(writers: Writers) -> None:
    """Past the limit items are refused, the ones that are kept arrive, and then there is room again."""
    share = writers.share(unwritten_limit=100)
    writers.store.away()
    kept = [share.complete(f"item-{number}") for number in range(101)]
    writers.pass_by(3)
    writers.store.work()
    writers.pass_by(10)

    assert kept == [True] * 100 + [False]
    assert writers.done() == 100
    assert share.complete("item-100")
    writers.pass_by()
    assert writers.done() == 101


def test_shares_are_bounded(writers: Writers) -> None:
    """Past the limit the share that was not used for longest goes, one that is all written before one that is not."""
    shares = writers.process(limit=2)
    written = shares.of(OPERATION, "written")
    written.complete("a")
    writers.pass_by()
    waiting = shares.of(OPERATION, "waiting")
    waiting.complete("b")
    shares.of(OPERATION, "third")

    assert shares.of(OPERATION, "waiting") is waiting
    assert written.let_go
    assert shares.dropped == 0
    writers.pass_by()
    assert writers.done() == 2


def test_a_refused_part_stops_nothing_else(writers: Writers) -> None:
    """What a store will never take is said to be lost, with how much it was; all other parts are written."""
    commit = writers.store.commit

    def refuse(writes: Any) -> Any:
        mine = [one for one in writes if isinstance(one, PartWrite) and one.part.run.startswith("bad-")]
        answers = iter(commit([one for one in writes if one not in mine]))
        return [Refused("too odd") if one in mine else next(answers) for one in writes]

    writers.store.commit = refuse  # type: ignore[method-assign]
    shares = writers.process()
    for key in ("bad", "good"):
        shares.of(OPERATION, key).complete("a")
    writers.pass_by(5)

    assert writers.done() == 1
    assert ["too odd; what is in it, 1 done, is not counted" in text for text in writers.voice.reports] == [True]
    assert all(share.settled for share in shares.all())


def test_the_same_key_opens_the_same_run(writers: Writers) -> None:
    """A retried opening from another process is no second run; it adds what was unknown, and resets nothing."""
    first, second = writers.share(), writers.share()
    first.open(opening(writers.clock(), detail="450 players", labels={"batch": "7"}))
    writers.pass_by(30)
    second.complete("a")
    second.open(opening(writers.clock(), total=450, detail="other words", labels={"batch": "8", "zone": "b"}))
    writers.pass_by()
    started = writers.run().started_at
    first.open(opening(writers.clock(), total=9))
    writers.pass_by()

    run = writers.run()
    assert len(writers.store.runs) == 1
    assert (run.detail, run.labels) == ("450 players", {"batch": "7", "zone": "b"})
    assert run.progress is not None
    assert run.progress.total == 450
    assert run.started_at == started == run.progress.since
    assert (run.shared, run.key, run.host, run.pid) == (True, KEY, "", 0)
    assert writers.done() == 1


def test_openers_that_race_agree(writers: Writers) -> None:
    """Of several that open at once one creates the record, and the others find it."""
    shares = [writers.share() for _ in range(5)]
    for number, share in enumerate(shares):
        share.open(opening(writers.clock(), total=450, labels={f"opener{number}": "yes"}))
    writers.pass_by()

    assert len(writers.run().labels) == 5
    assert all(share.settled for share in shares)


def test_names_are_written_once_whoever_lists_them(writers: Writers) -> None:
    """The same list from two openers is one list; what a later one adds comes after it."""
    items = [f"player-{number}" for number in range(900)]
    for listed in (items, items, [*items, "late-comer"]):
        writers.share().open(opening(writers.clock(), items=listed))
        writers.pass_by()

    assert list(dict.fromkeys(writers.names())) == [*items, "late-comer"]
    assert len(writers.store.documents[PARTS]) == 4


def test_the_first_end_holds(writers: Writers) -> None:
    """An end is written over no other; who comes second is told, and late items are written all the same."""
    first, second = writers.share(), writers.share()
    first.open(opening(writers.clock(), total=2))
    writers.pass_by(60, step=1)
    first.end(Ending(SUCCEEDED, "", writers.clock()))
    writers.pass_by()
    second.end(Ending(FAILED, "too late", writers.clock()))
    second.complete("late")
    writers.pass_by()

    run = writers.run()
    assert (run.state, run.reason, run.due_at) == (SUCCEEDED, "", None)
    assert run.ended_at is not None
    assert (run.ended_at - run.started_at).total_seconds() == pytest.approx(60, abs=1)
    assert writers.done() == 1
    assert ["the first end holds" in text for text in writers.voice.reports] == [True]
    assert not first.end(Ending(FAILED, "", writers.clock()))


def test_an_opening_does_not_revive(writers: Writers) -> None:
    """A run that has ended stays so when its key is opened again, and the opener is told."""
    writers.share().end(Ending(SUCCEEDED, "", writers.clock()))
    writers.pass_by()
    writers.share().open(opening(writers.clock(), total=450, detail="450 players"))
    writers.pass_by()

    run = writers.run()
    assert (run.state, run.due_at, run.detail) == (SUCCEEDED, None, "")
    assert "open a new one with another key" in writers.voice.reports[0]


def test_an_end_from_elsewhere_says_how_long_it_took(writers: Writers) -> None:
    """The line of the end counts from the opening on another host, which only the store knows."""
    writers.share().open(opening(writers.clock(), total=1, detail="450 players"))
    writers.pass_by(738, step=10)
    ender = writers.share()
    ender.end(Ending(SUCCEEDED, "", writers.clock()))
    writers.pass_by()

    assert writers.voice.lines == ["HEARTBEAT END: worker-predictions (450 players) completed in 12.3 min"]


def test_the_watchdogs_write_is_kept(writers: Writers) -> None:
    """What a sweep put off is not lost when another process opens or ends the run."""
    share = writers.share()
    share.open(opening(writers.clock(), total=450))
    writers.pass_by()
    run_id = writers.run().id
    moved_at = writers.clock.now()
    document = writers.store.documents[RUNS][run_id]
    writers.store.put(RUNS, run_id, {**document, "moved_at": moved_at, "due_at": moved_at})
    share.end(Ending(SUCCEEDED, "", writers.clock()))
    writers.pass_by()

    assert (writers.run().moved_at, writers.run().state) == (moved_at, SUCCEEDED)


def test_a_strangers_record_is_left_alone(writers: Writers) -> None:
    """A record under the run's id that is not ours is said, once, and never overwritten."""
    run_id = shared_run_id(OPERATION, KEY)
    writers.store.put(RUNS, run_id, {"operation": 7})
    share = writers.share()
    share.open(opening(writers.clock(), total=450))
    share.complete("a")
    writers.pass_by(60, step=1)

    assert writers.store.documents[RUNS][run_id] == {"operation": 7}
    assert ["use another key" in text for text in writers.voice.reports] == [True]
    assert writers.done() == 1


def test_nothing_is_kept_for_a_store_that_is_off(writers: Writers) -> None:
    """With the store off all passes as written, at once."""
    writers.settings = Settings(store=StoreAddress("off"))
    share = writers.share()
    share.open(opening(writers.clock(), items=["a"]))
    share.complete("a")
    writers.pass_by()

    assert share.settled
    assert writers.store.calls == 0


def test_another_store_gets_what_this_process_knows(writers: Writers) -> None:
    """When the store is changed, the opening and the open parts go to the new one too."""
    share = writers.share()
    share.open(opening(writers.clock(), total=450))
    share.complete("a")
    writers.pass_by()
    writers.store = MemoryStore(clock=writers.clock.now)
    writers.settings = Settings(store=writers.store)
    share.complete("b")
    writers.pass_by(3)

    assert writers.done() == 2
    assert writers.run().operation == OPERATION


def test_expiry_stays_the_same_within_a_day(writers: Writers) -> None:
    """A part's `expires_at` is at least 30 days off, and does not change with each write: it is indexed."""
    at = writers.clock.now().replace(hour=1)
    later = at.replace(hour=23)

    assert expires_at(at) == expires_at(later)
    assert (expires_at(at) - later).days >= 30


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        pytest.param(("load", "a"), ("load", "a"), True, id="equal_names"),
        pytest.param(("load", "a"), ("load", "b"), False, id="another_key"),
        pytest.param(("load", "a"), ("loads", "a"), False, id="another_operation"),
        pytest.param(("a", "b c"), ("a", "b-c"), False, id="keys_that_look_alike_in_an_id"),
        pytest.param(("load", "x" * 300), ("load", "x" * 299), False, id="long_keys"),
        pytest.param(("load", "試合"), ("load", "過去"), False, id="other_alphabets"),
    ],
)
def test_a_runs_id_comes_of_its_operation_and_key(one: tuple[str, str], other: tuple[str, str], same: bool) -> None:
    """Every host gives a run the same id, and two runs different ones."""
    assert (shared_run_id(*one) == shared_run_id(*other)) is same
    assert len(shared_run_id(*one)) <= 60


def test_an_items_name_is_the_same_everywhere() -> None:
    """Spaces around a name, control characters and halves of characters make no other item."""
    assert item_text(" lebron\njames ") == "lebron james"
    assert item_text("\ud83c") == "?"
