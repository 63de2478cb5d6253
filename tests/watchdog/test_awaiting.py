"""How sweeps look out for runs that should start: what they read, what they remember, and what they say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from heartbeat_client.run import RUNS, Run
from tests.support.world import START, ClockedStore, a_run
from watchdog.awaiting import MEMORY_ID, WATCHDOG, Outlook, Watched, look_out
from watchdog.expectation import Ended, Start, key_parts
from watchdog.policy_text.file import parse_policy
from watchdog.ports import Create, Delete, Document, Replace, Where
from watchdog.schedule import Expected

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
SEVEN = START.replace(hour=7) + DAY


class CountingStore(ClockedStore):
    """A store on a clock that counts the documents it hands out of runs."""

    now_is = START
    read = 0
    writes = 0

    def find(self, collection: str, where: Where | None = None, limit: int = 10_000) -> list[Document]:
        found = super().find(collection, where, limit)
        self.read += len(found) if collection == RUNS else 0
        return found

    def commit(self, writes: Sequence[Create | Replace | Delete]) -> bool:
        self.writes += 1
        return super().commit(writes)


def rules(*tables: dict[str, Any]) -> tuple[Expected, ...]:
    return parse_policy({"expected": list(tables)}).expected


DAILY = rules({"operation": "batch", "schedule": "0 7 * * *"})
FOLLOWING = rules({"operation": "consolidate", "after": "workers", "within": "20m"})


class Lookout:
    """Sweeps over a store of runs."""

    def __init__(self, folder: Path) -> None:
        self.now = START
        self.store = CountingStore(folder / "beats.sqlite3", lambda: self.now)
        self.expected = DAILY

    def ran(self, operation: str, at: datetime, minutes: float | None = 5, run_id: str = "", **changes: Any) -> None:
        """A run that began then and ended well after so many minutes; None: it goes on."""
        ended_at = None if minutes is None else at + minutes * MINUTE
        state = {"state": "succeeded" if ended_at else "running", "ended_at": ended_at, "beat_at": ended_at or at}
        run = a_run(run_id or f"{operation} {at}", **{"operation": operation, "started_at": at, **state, **changes})
        self.write(run)

    def write(self, run: Run) -> None:
        assert self.store.commit([Create(RUNS, run.id, run.to_document())])

    def look(self, at: datetime, *keys: str, **more: Any) -> Outlook:
        self.now = at
        return look_out(self.store, self.expected, at, keys, **more)

    def missing(self, at: datetime) -> list[datetime]:
        return [found.since for found in self.look(at).missing.values()]


@pytest.fixture
def lookout(tmp_path: Path) -> Iterator[Lookout]:
    world = Lookout(tmp_path)
    yield world
    world.store.close()


def test_a_batch_that_never_starts_is_missed_until_it_comes(lookout: Lookout) -> None:
    """The morning's run is missed from the end of its grace until it begins, and then it is said how late it was."""
    lookout.look(START)
    (key,) = lookout.look(SEVEN + 30 * MINUTE).missing
    again = lookout.look(SEVEN + 31 * MINUTE, key)
    lookout.ran("batch", SEVEN + 40 * MINUTE, run_id="late-one")
    over = lookout.look(SEVEN + 41 * MINUTE, key)

    assert list(again.missing) == [key]
    assert again.came == over.missing == {}
    assert over.came[key].reason == "a run began at 07:40:00 UTC, 40 min after it was expected (run late-one)"
    assert not over.came[key].problem


def test_a_rule_is_judged_from_when_it_was_first_seen(lookout: Lookout) -> None:
    """A new policy, or the first sweep of all, complains of nothing that lies before it."""
    assert lookout.missing(SEVEN + HOUR) == []
    assert lookout.missing(SEVEN + DAY + HOUR) == [SEVEN + DAY]


def test_a_changed_rule_begins_anew_and_a_changed_grace_does_not(lookout: Lookout) -> None:
    """What asks for other instants was first seen now; another grace is the same rule."""
    lookout.look(START)
    lookout.expected = rules({"operation": "batch", "schedule": "0 7 * * *", "grace": "5m"})
    assert lookout.missing(SEVEN + 6 * MINUTE) == [SEVEN]
    lookout.expected = rules({"operation": "batch", "schedule": "30 6 * * *"})
    assert lookout.missing(SEVEN + HOUR) == []


def test_a_rule_that_is_gone_is_expected_no_more(lookout: Lookout) -> None:
    """When the policy no longer has the rule, what was missing is over, and it says why."""
    lookout.look(START)
    (key,) = lookout.look(SEVEN + HOUR).missing
    lookout.expected = ()

    assert lookout.look(SEVEN + HOUR, key).came[key].reason == "it is expected no more: the policy has changed"
    assert lookout.look(SEVEN + HOUR) == Outlook()


def test_a_watchdog_that_was_down_over_it_judges_afterwards(lookout: Lookout) -> None:
    """Whether the run came while nobody swept is in the store; several missed mornings are told as the last one."""
    lookout.look(START)
    lookout.ran("batch", SEVEN)
    assert lookout.missing(SEVEN + 20 * HOUR) == []

    (found,) = lookout.look(SEVEN + 3 * DAY + HOUR).missing.values()
    assert found.since == SEVEN + 3 * DAY
    assert "3 were missed in a row" in found.reason


def test_in_doubt_nothing_is_said(lookout: Lookout) -> None:
    """While what was written may not be in the store, nothing new is missing, and nothing open is over."""
    lookout.look(START)
    doubted = lookout.look(SEVEN + 30 * MINUTE, doubtful=True)
    (key,) = lookout.look(SEVEN + 31 * MINUTE).missing
    lookout.ran("batch", SEVEN + 32 * MINUTE)
    held = lookout.look(SEVEN + 33 * MINUTE, key, doubtful=True)

    assert (doubted.missing, doubted.held) == ({}, (key,))
    assert (held.missing, held.came, held.held) == ({}, {}, (key,))
    assert list(lookout.look(SEVEN + 34 * MINUTE, key).came) == [key]


def test_the_next_morning_is_a_new_problem(lookout: Lookout) -> None:
    """When nobody came by the next instant's grace, that one is missing, and the old one is over in its favour."""
    lookout.look(START)
    (monday,) = lookout.look(SEVEN + HOUR).missing
    still = lookout.look(SEVEN + DAY + 29 * MINUTE, monday)
    after = lookout.look(SEVEN + DAY + 30 * MINUTE, monday)

    assert list(still.missing) == [monday]
    (tuesday,) = after.missing
    assert key_parts(tuesday) == (DAILY[0].identity, SEVEN + DAY)
    assert "no run came for it" in after.came[monday].reason


def test_what_is_met_costs_no_reads(lookout: Lookout) -> None:
    """A day of sweeps each minute asks for one start when the morning's grace is over, and writes it down."""
    lookout.look(START)
    lookout.ran("batch", SEVEN)
    lookout.store.read = lookout.store.writes = 0
    for n in range(24 * 60):
        lookout.missing(START + n * MINUTE)

    assert lookout.store.read == 1
    assert lookout.store.writes == 1


def test_a_start_is_remembered_when_its_record_is_gone(lookout: Lookout) -> None:
    """A weekly run is not missed because the record of the last one has expired."""
    lookout.expected = rules({"operation": "weekly", "every": "7d", "grace": "1d"})
    lookout.look(START)
    lookout.ran("weekly", START + 6 * DAY, run_id="r1")
    assert lookout.missing(START + 9 * DAY) == []
    assert lookout.store.commit([Delete(RUNS, "r1")])

    assert lookout.missing(START + 14 * DAY - MINUTE) == []
    assert lookout.missing(START + 14 * DAY) == [START + 13 * DAY]


def test_consolidation_follows_the_workers(lookout: Lookout) -> None:
    """Each successful end of the other operation asks for a start within its length; failures ask for none."""
    lookout.expected = FOLLOWING
    lookout.look(START)
    lookout.ran("workers", START - HOUR, 61, "w1")
    lookout.ran("workers", START, 2, "w2", state="failed")
    lookout.ran("others", START, 2)
    looks = {minute: lookout.missing(START + minute * MINUTE) for minute in (1, 2, 20, 21)}
    (key,) = lookout.look(START + 22 * MINUTE).missing
    lookout.ran("consolidate", START + 22 * MINUTE, run_id="c1")
    over = lookout.look(START + 23 * MINUTE, key)

    assert looks == {1: [], 2: [], 20: [], 21: [START + MINUTE]}
    assert over.missing == {}
    assert over.came[key].reason.endswith("21 min after it was expected (run c1)")
    assert lookout.missing(START + 5 * HOUR) == []


def test_ends_are_read_once(lookout: Lookout) -> None:
    """Hundreds of ends are read as they come, and again for two minutes, not with each sweep that follows."""
    lookout.expected = FOLLOWING
    lookout.look(START)
    for n in range(200):
        lookout.ran("others", START, 5, f"o{n}")
    lookout.store.read = 0
    for minute in range(6, 60):
        lookout.look(START + minute * MINUTE)

    assert 200 <= lookout.store.read <= 3 * 200


def test_of_many_ends_the_first_is_told(lookout: Lookout) -> None:
    """However many ends nobody followed, the first of them is what is missing, and what is remembered is bounded."""
    lookout.expected = FOLLOWING
    lookout.look(START)
    for n in range(120):
        lookout.ran("workers", START, 1 + n / 60, f"w{n}")
    lookout.look(START + 4 * MINUTE)

    assert lookout.missing(START + 30 * MINUTE) == [START + MINUTE]
    kept = Watched.from_document(remembered(lookout)["watched"][FOLLOWING[0].identity])
    assert kept is not None
    assert len(kept.ends) == 50


def remembered(lookout: Lookout) -> dict[str, Any]:
    return dict(lookout.store.get(WATCHDOG, [MEMORY_ID])[MEMORY_ID].fields)


def test_two_sweeps_at_once_see_the_same(lookout: Lookout) -> None:
    """A doubled call of the scheduler finds the same, and whose memory is kept makes no difference."""
    lookout.expected = (*DAILY, *FOLLOWING)
    other = Lookout(Path(lookout.store._file.path).parent)
    other.expected = lookout.expected
    lookout.look(START)
    lookout.ran("workers", START, 5, "w1")

    for minute in (7, 20, 25, 26):
        first, second = (one.look(START + minute * MINUTE) for one in (lookout, other))
        assert first == second
    assert len(first.missing) == 1
    other.store.close()


@pytest.mark.parametrize(
    "document",
    [
        pytest.param({"watched": 7, "read_to": "soon"}, id="no_map"),
        pytest.param({"watched": {DAILY[0].identity: {"since": "long ago"}}}, id="no_instant"),
        pytest.param({"watched": {DAILY[0].identity: [1]}}, id="a_list"),
        pytest.param({"watched": {DAILY[0].identity: {"since": START, "last": {"run": "r"}}}}, id="half_a_start"),
        pytest.param({"watched": {DAILY[0].identity: {"since": START, "ends": [{"run": 7}]}}}, id="half_an_end"),
        pytest.param({}, id="empty"),
    ],
)
def test_a_strangers_memory_is_none(lookout: Lookout, document: dict[str, Any]) -> None:
    """What can't be read is forgotten: the rule is expected from now on, and nobody is woken for it."""
    assert lookout.store.commit([Create(WATCHDOG, MEMORY_ID, document)])

    assert lookout.missing(SEVEN + HOUR) == []
    assert lookout.missing(SEVEN + DAY + HOUR) == [SEVEN + DAY]


def test_memory_comes_back_as_it_was() -> None:
    """What is written is read back equal."""
    watched = Watched(START, Start("r1", START + HOUR), (Ended("w1", START), Ended("w2", START + MINUTE)))

    assert Watched.from_document(watched.to_document()) == watched
    assert Watched.from_document(Watched(START).to_document()) == Watched(START)
