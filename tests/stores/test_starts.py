"""The starts of an operation's runs, asked of a store in one read, whatever other operations are called."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from itertools import groupby, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartbeat_client.run import OPERATION_LIMIT, RUNS, by_operation
from watchdog.awaiting import look_out
from watchdog.policy_text.file import parse_policy
from watchdog.ports import Document, Store, Where
from watchdog.starts import first_after, last_before, newest

from .conftest import Place
from .records import START, ended, run, written

MINUTE = timedelta(minutes=1)

# Names that begin each other, hold what stands between the parts of the text, or need many bytes.
HOSTILE = (
    "load",
    "load-",
    "load-historical-games",
    "load/",
    "load/2026-03-01T07:05:00.000000Z",
    "load0",
    "load@2026",
    "load%2F",
    "Load",
    "loaḋ",
    "loa",
    "過去の試合",
    "🏀" * OPERATION_LIMIT,
    "🏀" * (OPERATION_LIMIT - 1) + "x",
    ".",
    "..",
    "__load__",
)


class Counting:
    """A store that counts what is read of it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.read = 0

    def find(self, collection: str, where: Where | None = None, limit: int = 10_000) -> list[Document]:
        found = self._store.find(collection, where, limit)
        self.read += max(1, len(found))
        return found

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)


def begun(place: Place, operation: str, minutes: float, run_id: str) -> None:
    written(place.backend(), run(run_id, operation=operation, started_at=START + minutes * MINUTE))


@pytest.mark.parametrize("operation", HOSTILE, ids=lambda name: name[:20])
def test_an_operations_starts_are_its_own(place: Place, operation: str) -> None:
    """Among operations of the most confusing names, the first after and the last before are of the one asked for."""
    for number, name in enumerate(HOSTILE):
        for minutes in (0, 10, 20):
            begun(place, name, minutes + number / 100, f"r{number}-{minutes}")
    number = HOSTILE.index(operation)
    store, at = place.store(), START + number / 100 * MINUTE

    def ids(*instants: datetime) -> list[str | None]:
        asked = [(first_after(store, operation, one), last_before(store, operation, one)) for one in instants]
        return [one.run_id if one else None for pair in asked for one in pair]

    before, on, after = at - MINUTE, at + 10 * MINUTE, at + 20 * MINUTE
    assert ids(before, on, after) == [f"r{number}-0", None, f"r{number}-20", f"r{number}-0", None, f"r{number}-10"]
    last = newest(store, operation)
    assert last is not None
    assert (last.run_id, last.at) == (f"r{number}-20", after)
    assert last.run is not None
    assert last.run.operation == operation


@pytest.mark.parametrize("operation", ["", "a", "load-historical-game", "load-historical-gamesx", "zzz"])
def test_what_never_ran_has_no_start(place: Place, operation: str) -> None:
    """An operation without runs has no start, whoever else has."""
    begun(place, "load-historical-games", 0, "r1")
    store = place.store()

    assert newest(store, operation) is None
    assert first_after(store, operation, START - 9 * MINUTE) is None
    assert last_before(store, operation, START + 9 * MINUTE) is None


def test_each_question_is_one_read(place: Place) -> None:
    """However many runs there are, one document is read for an answer."""
    for minutes in range(30):
        begun(place, "load", minutes, f"r{minutes}")
    store = Counting(place.store())

    for ask in (first_after, last_before):
        found = ask(store, "load", START + 15 * MINUTE)  # type: ignore[arg-type]  # it hands on what it does not count
        assert found is not None
    assert newest(store, "load") is not None  # type: ignore[arg-type]  # as above
    assert store.read == 3


def test_a_start_stands_when_the_run_goes_on_and_ends(place: Place) -> None:
    """Beats and the end of a run leave its start where it is."""
    backend, store = place.backend(), place.store()
    version = written(backend, run("r1", operation="load"))
    written(backend, ended(run("r1", operation="load")), version)

    found = newest(store, "load")
    assert found is not None
    assert (found.run_id, found.at) == ("r1", START)
    assert found.run is not None
    assert found.run.ended


def test_a_run_that_can_not_be_read_has_started_too(place: Place) -> None:
    """What a stranger, or a newer client, wrote is a start where it says so, though its record can't be read."""
    place.stranger_writes(RUNS, "odd", {"by_operation": by_operation("load", START), "state": 7})
    place.stranger_writes(RUNS, "odder", {"by_operation": "late/soon"})

    found = newest(place.store(), "load")
    assert found is not None
    assert (found.run_id, found.at, found.run) == ("odd", START, None)
    assert newest(place.store(), "late") is None


def test_expected_runs_are_looked_out_for(place: Place) -> None:
    """In every store a run that never came is missed, what sweeps remember stays, and it is over when it comes."""
    store = place.store()
    (expected,) = parse_policy({"expected": [{"operation": "c", "after": "w", "within": "20m"}]}).expected
    look_out(store, [expected], START - MINUTE)
    before = store.get("hangwatch_watchdog", ["expected"])["expected"].version
    look_out(store, [expected], START - MINUTE / 2)
    assert store.get("hangwatch_watchdog", ["expected"])["expected"].version == before

    place.stranger_writes(RUNS, "w1", ended(run("w1", operation="w"), ended_at=START).to_document())
    quiet, loud = (look_out(place.store(), [expected], START + minutes * MINUTE) for minutes in (1, 20))
    (key,) = loud.missing
    begun(place, "c", 21, "c1")
    over = look_out(store, [expected], START + 22 * MINUTE, [key])

    assert (quiet.missing, over.missing) == ({}, {})
    assert over.came[key].reason.endswith("21 min after it was expected (run c1)")


instants = st.datetimes(datetime(1970, 1, 1), datetime(9899, 1, 1), timezones=st.just(timezone.utc))


@given(st.lists(st.tuples(st.text(max_size=OPERATION_LIMIT), instants), min_size=2, max_size=6))
def test_texts_sort_as_operations_and_instants_do(pairs: list[tuple[str, datetime]]) -> None:
    """The texts of one operation lie together in the order of their instants, and fit an index of Firestore's."""
    texts = sorted((by_operation(name, at), name, at) for name, at in pairs)

    assert all(len(text.encode()) <= 1500 for text, _, _ in texts)
    names = [name for _, name, _ in texts]
    assert [name for name, _ in groupby(names)] == list(dict.fromkeys(names))
    assert all(one[2] <= two[2] for one, two in pairwise(texts) if one[1] == two[1])
