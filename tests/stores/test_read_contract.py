"""The contract of the watchdog's `Store`, and that it reads what clients write."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from heartbeat_client.fields import Fields
from heartbeat_client.run import RUNNING, RUNS, Run, document_key
from watchdog.adapters.store_rules import MAX_WRITES, QUERIED
from watchdog.incident import INCIDENTS
from watchdog.notice import NOTICES
from watchdog.ports import Create, Delete, Document, Replace, Store, StoreError, Where

from .conftest import Place
from .records import NAMES, START, run, written

WATCHDOG = "hangwatch_watchdog"


def created(store: Store, collection: str, document_id: str, fields: Mapping[str, Any]) -> Document:
    """The document after its creation."""
    assert store.commit([Create(collection, document_id, fields)])
    return store.get(collection, [document_id])[document_id]


def ids(documents: list[Document]) -> list[str]:
    return [document.id for document in documents]


def at(document: Document, field: str) -> datetime | None:
    """An instant as both stores' readers see it."""
    instant: datetime | None = Fields(document.fields).instant(field, None)
    return instant


def test_now_is_the_servers_clock(store: Store) -> None:
    """`now()` is a plain UTC datetime that moves on."""
    first, second = store.now(), store.now()

    assert (type(first), first.tzinfo) == (datetime, timezone.utc)
    assert first <= second


def test_now_and_beats_share_one_clock(place: Place) -> None:
    """A beat that is written between two looks at the clock has a time between them."""
    store, backend = place.store(), place.backend()
    before = store.now()
    written(backend, run())
    after = store.now()
    beat_at = at(store.get(RUNS, ["r1"])["r1"], "beat_at")

    assert beat_at is not None
    # Firestore's server timestamps are cut to milliseconds, its read times are not.
    assert before - timedelta(milliseconds=1) <= beat_at <= after


def test_what_a_client_writes_is_read(place: Place) -> None:
    """The watchdog reads a run as the client meant it, and holds the version that the client holds."""
    store, backend = place.store(), place.backend()
    version = written(backend, run())

    (document,) = store.find(RUNS)
    read = Run.from_document(document.id, document.fields)
    assert (read.id, read.labels, read.thresholds) == ("r1", run().labels, run().thresholds)
    assert (read.progress, read.waiting, read.activity) == (run().progress, run().waiting, run().activity)
    assert document.version == version
    assert read.due_at == run().due_at


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_a_run_of_any_name_is_found_again_by_its_id(place: Place, name: str) -> None:
    """The id under which a run is found gets it, and may be written to."""
    store = place.store()
    written(place.backend(), run(name))

    (found,) = store.find(RUNS, Where("state", "==", RUNNING))
    assert found.id == document_key(name)
    assert store.get(RUNS, [found.id]) == {found.id: found}
    assert store.commit([Replace(RUNS, found.id, {"due_at": None}, found.version)])


def test_the_watchdogs_write_is_read_by_the_client(place: Place) -> None:
    """A run that the watchdog changed is at another version, and without `due_at`, for its client too."""
    store, backend = place.store(), place.backend()
    version = written(backend, run())
    assert store.commit([Replace(RUNS, "r1", {"due_at": None}, version)])

    stored = backend.read_run("r1")
    assert stored.document is not None
    assert "due_at" not in stored.document
    assert stored.version != version
    assert Run.from_document("r1", stored.document).progress == run().progress


def test_get_leaves_out_what_is_not_there(store: Store) -> None:
    """Documents are found by their ids, each once; what does not exist, or can't, is not in the answer."""
    document = created(store, INCIDENTS, "there", {"n": 1})
    asked = ["there", "missing", "there", "a/b", ".", "..", "__x__", "", "x" * 1501, "試" * 600]

    assert store.get(INCIDENTS, asked) == {"there": document}
    assert store.get(INCIDENTS, []) == {}
    assert store.get(NOTICES, ["there"]) == {}


def test_get_many(store: Store) -> None:
    """As many documents as asked for are found, past the size of a request too."""
    for begin in range(0, 1200, 300):
        assert store.commit([Create(RUNS, f"r{i}", {"n": i}) for i in range(begin, begin + 300)])

    found = store.get(RUNS, [f"r{i}" for i in range(1250)])
    assert {document.fields["n"] for document in found.values()} == set(range(1200))


def test_a_creation_needs_an_empty_place(store: Store) -> None:
    """Of two creations of one document the second finds that somebody was first."""
    document = created(store, INCIDENTS, "i1", {"by": "first"})

    assert store.commit([Create(INCIDENTS, "i1", {"by": "second"})]) is False
    assert store.get(INCIDENTS, ["i1"]) == {"i1": document}


def test_a_replacement_sets_the_fields_given(store: Store) -> None:
    """Fields given are set, maps whole; None takes a field away; the others stay."""
    before = created(store, INCIDENTS, "i1", {"keep": [1, {"a": "ü"}], "map": {"x": 1, "y": 2}, "go": 1, "n": 1})
    changes = {"map": {"z": 3}, "go": None, "n": 2, "new": True, "never.there": None, "dotted.name": "text"}
    assert store.commit([Replace(INCIDENTS, "i1", changes, before.version)])

    after = store.get(INCIDENTS, ["i1"])["i1"]
    kept = {"keep": [1, {"a": "ü"}], "map": {"z": 3}, "n": 2, "new": True, "dotted.name": "text"}
    assert after.fields == kept
    assert after.version != before.version


def test_a_replacement_of_an_old_version_fails(store: Store) -> None:
    """The loser of a compare-and-set is told so, and changes nothing."""
    old = created(store, INCIDENTS, "i1", {"n": 1})
    assert store.commit([Replace(INCIDENTS, "i1", {"n": 2}, old.version)])

    assert store.commit([Replace(INCIDENTS, "i1", {"n": 3}, old.version)]) is False
    assert store.get(INCIDENTS, ["i1"])["i1"].fields == {"n": 2}


def test_a_replacement_of_what_is_gone_fails(store: Store) -> None:
    """A document that was deleted, and one that was made again since, are not the one that was read."""
    old = created(store, INCIDENTS, "i1", {"n": 1})
    assert store.commit([Delete(INCIDENTS, "i1")])
    assert store.commit([Replace(INCIDENTS, "i1", {"n": 2}, old.version)]) is False

    again = created(store, INCIDENTS, "i1", {"n": 3})
    assert again.version != old.version
    assert store.commit([Replace(INCIDENTS, "i1", {"n": 4}, old.version)]) is False


def test_a_deletion_always_holds(store: Store) -> None:
    """A document is deleted at any version, and one that is gone already is fine."""
    created(store, NOTICES, "n1", {"n": 1})

    assert [store.commit([Delete(NOTICES, "n1")]) for _ in range(2)] == [True, True]
    assert store.find(NOTICES) == []


LOSERS = {
    "a_creation": lambda old: Create(NOTICES, "taken", {}),
    "an_old_version": lambda old: Replace(INCIDENTS, "i1", {"n": 9}, old.version),
    "a_missing_document": lambda old: Replace(INCIDENTS, "missing", {"n": 9}, old.version),
}


@pytest.mark.parametrize("loser", LOSERS.values(), ids=LOSERS)
@pytest.mark.parametrize("first", [True, False], ids=["loser_first", "loser_last"])
def test_a_commit_is_all_or_nothing(store: Store, loser: Any, first: bool) -> None:
    """When one write of a commit comes too late, none of the others is applied."""
    old = created(store, INCIDENTS, "i1", {"n": 1})
    assert store.commit([Replace(INCIDENTS, "i1", {"n": 2}, old.version), Create(NOTICES, "taken", {"n": 1})])
    other = created(store, RUNS, "r1", {"n": 1})
    good: list[Create | Replace | Delete] = [Create(NOTICES, "new", {}), Replace(RUNS, "r1", {"n": 2}, other.version)]
    good.append(Delete(NOTICES, "taken"))

    assert store.commit([loser(old), *good[:2]] if first else [*good[:2], loser(old)]) is False
    assert ids(store.find(NOTICES)) == ["taken"]
    assert store.find(RUNS) == [other]
    assert store.get(INCIDENTS, ["i1"])["i1"].fields == {"n": 2}
    assert store.commit(good)
    assert ids(store.find(NOTICES)) == ["new"]


def test_find_by_instant(store: Store) -> None:
    """`<=` gives what is due up to the instant, itself included, the longest due first."""
    tick = timedelta(microseconds=1)
    due = {"on_time": START, "long_ago": START - timedelta(days=400), "before": START - tick, "after": START + tick}
    for name, instant in due.items():
        created(store, RUNS, name, {"due_at": instant})

    found = store.find(RUNS, Where("due_at", "<=", START))
    assert ids(found) == ["long_ago", "before", "on_time"]
    assert [at(document, "due_at") for document in found] == [START - timedelta(days=400), START - tick, START]
    assert ids(store.find(RUNS, Where("due_at", "<=", START + tick), limit=2)) == ["long_ago", "before"]


def test_find_after_an_instant(store: Store) -> None:
    """`>` gives what came after the instant, itself left out, the first one first."""
    tick = timedelta(microseconds=1)
    ends = {
        "last": START + timedelta(days=400),
        "at": START,
        "before": START - tick,
        "next": START + tick,
        "none": None,
    }
    for name, instant in ends.items():
        created(store, RUNS, name, {"ended_at": instant})

    assert ids(store.find(RUNS, Where("ended_at", ">", START))) == ["next", "last"]
    assert ids(store.find(RUNS, Where("ended_at", ">", START - tick), limit=2)) == ["at", "next"]


def test_find_by_instant_in_another_zone(store: Store) -> None:
    """An instant is the same in every time zone, and a naive one is UTC."""
    zone = timezone(timedelta(hours=-5))
    created(store, RUNS, "r1", {"due_at": START.astimezone(zone)})
    created(store, RUNS, "r2", {"due_at": START.replace(tzinfo=None)})

    assert ids(store.find(RUNS, Where("due_at", "<=", START.astimezone(zone)))) == ["r1", "r2"]
    assert store.find(RUNS, Where("due_at", "<=", START - timedelta(seconds=1))) == []


STRANGE_VALUES: dict[str, Any] = {
    "missing": ...,
    "null": None,
    "number": 0,
    "negative": -1.5,
    "word": "2000",
    "late_word": "soon",
    "empty": "",
    "true": True,
    "list": ["2000-01-01T00:00:00.000000Z"],
    "map": {"at": "2000-01-01T00:00:00.000000Z"},
}


@pytest.mark.parametrize("value", STRANGE_VALUES.values(), ids=STRANGE_VALUES)
def test_what_is_no_instant_is_never_due(place: Place, value: Any) -> None:
    """A record whose field is missing or is no instant matches none of `<=`, `>` and `<`, and hides no other record."""
    place.stranger_writes(RUNS, "strange", {"n": 1} if value is ... else {"due_at": value, "ended_at": value})
    place.stranger_writes(RUNS, "fine", {"due_at": START, "ended_at": START})

    assert ids(place.store().find(RUNS, Where("due_at", "<=", START))) == ["fine"]
    assert ids(place.store().find(RUNS, Where("ended_at", ">", START - timedelta(days=40_000)))) == ["fine"]
    assert ids(place.store().find(RUNS, Where("ended_at", "<", START + timedelta(days=40_000)))) == ["fine"]
    assert ids(place.store().find(RUNS)) == ["fine", "strange"]


def test_find_by_text(place: Place) -> None:
    """`==` matches text exactly; a value of another kind or case is another value."""
    strange = ["RUNNING", "running ", "", None, 1, True, ["running"], {"running": "running"}, 'it\'s "running"']
    for number, state in enumerate(["running", "running", *strange]):
        place.stranger_writes(RUNS, f"r{number:02}", {"state": state})
    place.stranger_writes(RUNS, "without", {"n": 1})
    store = place.store()

    assert ids(store.find(RUNS, Where("state", "==", "running"))) == ["r00", "r01"]
    assert ids(store.find(RUNS, Where("state", "==", 'it\'s "running"'))) == ["r10"]
    assert store.find(RUNS, Where("state", "==", '["running"]')) == []
    assert ids(store.find(RUNS, Where("state", "==", "running"), limit=1)) == ["r00"]


def test_find_by_any_of_some_texts(place: Place) -> None:
    """`in` matches each of the texts exactly, and a value of another kind as little as `==` does."""
    strange = ["r", "r1 ", None, 1, True, ["r1"], {"r1": "r1"}]
    for number, value in enumerate(["r1", "r2", "r1", *strange]):
        place.stranger_writes(INCIDENTS, f"i{number}", {"run_id": value})
    store = place.store()

    assert ids(store.find(INCIDENTS, Where("run_id", "in", ["r2", "r1", "missing"]))) == ["i0", "i1", "i2"]
    assert ids(store.find(INCIDENTS, Where("run_id", "in", ["r1"]), limit=1)) == ["i0"]
    assert store.find(INCIDENTS, Where("run_id", "in", ["missing"])) == []


@pytest.mark.parametrize("count", [1, 30], ids=["one", "as_many_as_there_may_be"])
def test_find_by_as_many_texts_as_there_may_be(store: Store, count: int) -> None:
    """From 1 to 30 texts may be asked for at once; what was found is all there, past the size of a page too."""
    names = [f"r{number:02}" for number in range(count)]
    for begin in range(0, 600, 300):
        numbers = range(begin, begin + 300)
        assert store.commit([Create(INCIDENTS, f"i{n:03}", {"run_id": names[n % count]}) for n in numbers])

    assert ids(store.find(INCIDENTS, Where("run_id", "in", names))) == [f"i{number:03}" for number in range(600)]


@pytest.mark.parametrize("count", [0, 31], ids=["none", "too_many"])
def test_no_texts_or_too_many_are_refused(store: Store, count: int) -> None:
    """More than 30 texts, and none, are no question that Firestore takes: no store does."""
    with pytest.raises(ValueError, match=f"hangwatch_incidents.run_id: expected 1 to 30 texts, got {count}"):
        store.find(INCIDENTS, Where("run_id", "in", ["r"] * count))


def test_what_is_there_and_the_time(store: Store) -> None:
    """The server's clock comes with the documents, or with the news that there are none."""
    before = store.now()
    document = created(store, INCIDENTS, "there", {"n": 1})
    now, found = store.get_now(INCIDENTS, ["there", "missing"])
    later, nothing = store.get_now(INCIDENTS, ["missing"])

    assert found == {"there": document}
    assert nothing == {}
    assert before <= now <= later <= store.now()
    assert now.utcoffset() == timedelta(0)


def test_a_write_tells_the_version_that_it_leaves(store: Store) -> None:
    """Who made or changed a document may change it again, without reading it; who was not first learns just that."""
    first = store.put(Create(INCIDENTS, "i1", {"n": 1}))
    assert store.get(INCIDENTS, ["i1"])["i1"].version == first
    assert store.put(Create(INCIDENTS, "i1", {"n": 9})) is None
    second = store.put(Replace(INCIDENTS, "i1", {"n": 2}, first))
    assert second is not None
    assert second != first
    assert store.put(Replace(INCIDENTS, "i1", {"n": 9}, first)) is None
    assert store.put(Replace(INCIDENTS, "missing", {"n": 9}, first)) is None

    assert store.put(Replace(INCIDENTS, "i1", {"n": 3}, second)) is not None
    assert store.get(INCIDENTS, ["i1"])["i1"].fields == {"n": 3}
    assert store.get(INCIDENTS, ["missing"]) == {}


def test_find_before_an_instant(store: Store) -> None:
    """`<` gives what came before the instant, itself left out, the last one first."""
    tick = timedelta(microseconds=1)
    ends = {"long_ago": START - timedelta(days=400), "before": START - tick, "at": START, "after": START + tick}
    for name, instant in ends.items():
        created(store, RUNS, name, {"ended_at": instant})

    assert ids(store.find(RUNS, Where("ended_at", "<", START))) == ["before", "long_ago"]
    assert ids(store.find(RUNS, Where("ended_at", "<", START + tick), limit=2)) == ["at", "before"]


# In the order of both stores, which is that of the characters' numbers; "ü" is one character, then two.
TEXTS = [
    "",
    " ",
    "A/2",
    "a",
    "a%2F/1",
    "a-/1",
    "a./9",
    "a/",
    "a/1",
    "a/10",
    "a/2",
    "a0",
    "a@/1",
    "b",
    "u\u0308",
    "ü",
    "試",
    "🏀",
]


@pytest.mark.parametrize("bound", ["", "A/2", "a/", "a/1", "a/15", "a0", "ü", "🏀", "🏀🏀"])
def test_find_by_the_order_of_texts(store: Store, bound: str) -> None:
    """Texts lie before or after another by their characters, alike in every store, in the order of the question."""
    for number, text in enumerate(reversed(TEXTS)):
        created(store, RUNS, f"r{number:02}", {"by_operation": text})

    after = [document.fields["by_operation"] for document in store.find(RUNS, Where("by_operation", ">", bound))]
    before = [document.fields["by_operation"] for document in store.find(RUNS, Where("by_operation", "<", bound))]
    assert after == [text for text in TEXTS if text > bound]
    assert before == [text for text in reversed(TEXTS) if text < bound]
    first = store.find(RUNS, Where("by_operation", ">", bound), limit=1)
    assert [document.fields["by_operation"] for document in first] == after[:1]


def test_what_is_no_text_lies_nowhere_among_texts(place: Place) -> None:
    """A number, a flag, a list or a map is neither before nor after any text."""
    strange = [0, -1.5, True, False, None, ["a"], {"a": "a"}]
    for number, value in enumerate(strange):
        place.stranger_writes(RUNS, f"r{number}", {"by_operation": value})
    place.stranger_writes(RUNS, "fine", {"by_operation": "a"})
    store = place.store()

    assert ids(store.find(RUNS, Where("by_operation", ">", ""))) == ["fine"]
    assert ids(store.find(RUNS, Where("by_operation", "<", "\U0010ffff"))) == ["fine"]


def test_texts_are_found_page_by_page_in_both_directions(store: Store) -> None:
    """More documents than a store hands out at once come in order, those of equal text each once."""
    for begin in range(0, 1200, 300):
        assert store.commit(
            [Create(RUNS, f"r{i:04}", {"by_operation": f"a/{i // 7:04}"}) for i in range(begin, begin + 300)]
        )

    forward = store.find(RUNS, Where("by_operation", ">", "a/"))
    assert ids(forward) == [f"r{i:04}" for i in range(1200)]
    assert store.find(RUNS, Where("by_operation", "<", "b")) == forward[::-1]
    assert store.find(RUNS, Where("by_operation", "<", "b"), limit=700) == forward[:-701:-1]


@pytest.mark.parametrize("asked", [True, False])
def test_find_by_flag(place: Place, asked: bool) -> None:
    """`==` tells true from false, and both from numbers and words."""
    for number, value in enumerate([True, False, 1, 0, "true", "false", "1", None]):
        place.stranger_writes(INCIDENTS, f"i{number}", {"open": value})

    assert ids(place.store().find(INCIDENTS, Where("open", "==", asked))) == (["i0"] if asked else ["i1"])


def test_find_stays_in_its_collection(store: Store) -> None:
    """A document of another collection is not found, whatever its fields."""
    created(store, INCIDENTS, "same", {"open": True})
    created(store, NOTICES, "same", {"open": False})

    assert ids(store.find(INCIDENTS, Where("open", "==", True))) == ["same"]
    assert store.find(NOTICES, Where("open", "==", True)) == []
    assert store.find(WATCHDOG) == []


@pytest.mark.parametrize(("collection", "field"), QUERIED, ids=lambda value: value)
def test_every_field_that_is_queried_can_be(store: Store, collection: str, field: str) -> None:
    """Each entry of `QUERIED` is answered, by instant, text and flag alike."""
    fields = {"as_text": "x", "as_flag": True, "as_instant": START}
    for name, value in fields.items():
        created(store, collection, name, {field: value})

    assert ids(store.find(collection, Where(field, "==", "x"))) == ["as_text"]
    assert ids(store.find(collection, Where(field, "==", True))) == ["as_flag"]
    assert ids(store.find(collection, Where(field, "<=", START))) == ["as_instant"]
    assert ids(store.find(collection, Where(field, ">", START - timedelta(days=1)))) == ["as_instant"]
    assert ids(store.find(collection, Where(field, "<", START + timedelta(days=1)))) == ["as_instant"]


def test_a_field_without_an_index_is_not_queried(store: Store) -> None:
    """A query that `QUERIED` does not list is a mistake, even where this store could answer it."""
    with pytest.raises(ValueError, match=r"hangwatch_runs\.detail: expected a field that is queried"):
        store.find(RUNS, Where("detail", "==", "x"))
    with pytest.raises(ValueError, match="due_at"):
        store.find(INCIDENTS, Where("due_at", "<=", START))


STRANGERS: dict[str, dict[str, Any]] = {
    "empty": {},
    "wrong_types": {"operation": 7, "state": ["running"], "started_at": "soon", "seq": {"a": None}, "labels": "x"},
    "nested": {"a": {"b": {"c": [{"d": [1, {"e": {"f": [None, True, -0.5]}}]}]}}},
    "far_future": {"due_at_text": "9999-12-31T23:59:59Z", "seq": 2**62},
    "huge": {"text": "x" * 1_000_000, "operation": "y" * 40_000},
    "odd_names": {"a.b": 1, "a b": 2, "ü": 3, "0": 4, "`": 5, "a'\"": 6},
    "control_characters": {
        "text": "\x00\x01\n\r\t\x7f\u2028 \ud83c\udfc0".encode("utf-16", "surrogatepass").decode("utf-16")
    },
}


@pytest.mark.parametrize("document", STRANGERS.values(), ids=STRANGERS)
def test_a_strangers_document_comes_back_as_it_is(place: Place, document: dict[str, Any]) -> None:
    """Whatever somebody wrote into a run is read, and may be compared-and-set like any other."""
    place.stranger_writes(RUNS, "strange", document)
    store = place.store()

    (found,) = store.find(RUNS)
    assert (found.id, found.fields) == ("strange", document)
    assert store.get(RUNS, ["strange"])["strange"] == found
    assert store.commit([Replace(RUNS, "strange", {"due_at": None}, found.version)])
    assert store.get(RUNS, ["strange"])["strange"].fields == document


UNFIT = {"an_object": {"x": object()}, "too_large": {"x": "x" * 1_100_000}, "half_a_character": {"x": "\ud83c"}}


@pytest.mark.parametrize("fields", UNFIT.values(), ids=UNFIT)
def test_what_can_not_be_stored_is_an_error(store: Store, fields: dict[str, Any]) -> None:
    """A document that the store can't hold raises `StoreError` that does not pass by itself; nothing is written."""
    with pytest.raises(StoreError) as raised:
        store.commit([Create(INCIDENTS, "good", {"n": 1}), Create(INCIDENTS, "bad", fields)])

    assert raised.value.away is False
    assert len(str(raised.value)) < 1000
    assert store.find(INCIDENTS) == []


def test_a_commit_has_a_size(store: Store) -> None:
    """A commit of 400 writes is atomic in every store, one of 401 is a mistake in every store."""
    writes = [Create(RUNS, f"r{i}", {"n": i}) for i in range(MAX_WRITES + 1)]

    with pytest.raises(ValueError, match="at most 400 writes, got 401"):
        store.commit(writes)
    assert store.commit(writes[:-1])
    assert len(store.find(RUNS)) == 400


def test_two_writes_of_one_document_are_a_mistake(store: Store) -> None:
    """A commit names each document once, for stores disagree about what the second would see."""
    with pytest.raises(ValueError, match="two for the same"):
        store.commit([Create(RUNS, "r1", {}), Delete(RUNS, "r1")])


def test_an_empty_commit_holds(store: Store) -> None:
    """Nothing to write is written."""
    assert store.commit([]) is True


def test_thousands_of_documents(store: Store) -> None:
    """A query reads as many documents as there are, in order, and stops at its limit."""
    for begin in range(0, 3000, 300):
        fields = [{"due_at": START + timedelta(seconds=(i * 7919) % 3000)} for i in range(begin, begin + 300)]
        assert store.commit([Create(RUNS, f"r{begin + i:04}", each) for i, each in enumerate(fields)])

    due = store.find(RUNS, Where("due_at", "<=", START + timedelta(seconds=2499)))
    assert [at(document, "due_at") for document in due] == [START + timedelta(seconds=i) for i in range(2500)]
    assert due[:1234] == store.find(RUNS, Where("due_at", "<=", START + timedelta(days=1)), limit=1234)
    assert ids(store.find(RUNS)) == [f"r{i:04}" for i in range(3000)]


def test_each_document_is_created_once(place: Place) -> None:
    """Of 20 sweeps that open the same 5 incidents at once, each incident has one that wins."""
    start = threading.Barrier(20)
    wins: list[str] = []

    def sweep() -> None:
        store = place.store()
        start.wait()
        wins.extend(f"i{n}" for n in range(5) if store.commit([Create(INCIDENTS, f"i{n}", {"open": True})]))

    threads = [threading.Thread(target=sweep) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(wins) == [f"i{n}" for n in range(5)]


def test_no_increment_is_lost(place: Place) -> None:
    """Threads that read, add one and compare-and-set until it holds count to their sum."""
    created(place.store(), INCIDENTS, "count", {"n": 0})

    def count() -> None:
        store, done = place.store(), 0
        while done < 5:
            document = store.get(INCIDENTS, ["count"])["count"]
            done += store.commit([Replace(INCIDENTS, "count", {"n": document.fields["n"] + 1}, document.version)])

    threads = [threading.Thread(target=count) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert place.store().get(INCIDENTS, ["count"])["count"].fields == {"n": 30}


def test_a_closed_store_opens_again(store: Store) -> None:
    """close() may come at any time and twice; the next call opens the store anew."""
    created(store, NOTICES, "n1", {"n": 1})
    store.close()
    store.close()

    assert ids(store.find(NOTICES)) == ["n1"]
