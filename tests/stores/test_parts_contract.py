"""The contract of stores for the parts of runs that span processes: written like runs, found by their run."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from heartbeat_client.backend import Backend, Conflict, PartWrite, Refused, Write, Written
from heartbeat_client.parts import PARTS, Listing, Part, Stamp, read_part
from watchdog.ports import Where

from .conftest import Place
from .records import NAMES, kinds, run, stored_run

PART = Part(
    id="r1.w1.0",
    run="r1",
    items=(1, 2**63, 2**64 - 1),
    ages=(90.5, 3.0, 0.0),
    plain=7,
    plain_age=2.5,
    again=(1,),
    again_times=4,
    again_last=Stamp("lebron-james", 1.5),
    last=("luka-doncic", "ünï 🏀"),
    note=Stamp("half way", 12.0),
    expires_at=datetime(2026, 5, 1, tzinfo=timezone.utc),
)
LISTING = Listing("r1.items.x", "r1", 1, ("luka-doncic", "ünï 🏀"))


def put(backend: Backend, part: Part | Listing, version: object = None) -> Written | Conflict | Refused:
    (answer,) = backend.commit([PartWrite(part, version)])
    return answer


def stored(backend: Backend, part_id: str) -> Part | Listing:
    document = backend.read_part(part_id).document
    assert document is not None
    return read_part(part_id, document)


@pytest.mark.parametrize("part", [PART, LISTING, Part("r1.empty", "r1")], ids=["part", "names", "empty"])
def test_a_part_is_read_as_it_was_written(backend: Backend, part: Part | Listing) -> None:
    """A part comes back with all that is in it, and with the store's time as its `written_at`."""
    answer = put(backend, replace(part, written_at=datetime(2020, 1, 1, tzinfo=timezone.utc)))

    assert isinstance(answer, Written)
    read = stored(backend, part.id)
    assert read.written_at is not None
    assert abs(read.written_at - answer.server_time) < timedelta(seconds=5)
    assert replace(read, written_at=None) == part
    assert backend.read_part(part.id).version == answer.version


def test_a_part_is_guarded_by_its_version(backend: Backend) -> None:
    """A part is made once, replaced at its version, and a late write of an older one changes nothing."""
    first = put(backend, PART)
    assert isinstance(first, Written)
    second = put(backend, replace(PART, plain=8), first.version)

    assert isinstance(second, Written)
    assert kinds([put(backend, PART), put(backend, PART, first.version)]) == ["Conflict", "Conflict"]
    assert stored(backend, PART.id) == replace(PART, plain=8, written_at=stored(backend, PART.id).written_at)


def test_parts_and_runs_share_a_commit(backend: Backend) -> None:
    """One commit may hold both; each has its own answer, and an id of one is not taken by the other."""
    writes = [PartWrite(replace(PART, id="same")), Write(run("same")), PartWrite(LISTING), PartWrite(LISTING)]

    assert kinds(backend.commit(writes)) == ["Written", "Written", "Written", "Conflict"]
    assert stored_run(backend, "same").operation == "load-historical-games"
    assert isinstance(stored(backend, "same"), Part)


def test_a_part_that_can_not_be_kept_fails_alone(backend: Backend) -> None:
    """A part that is too large is refused, and what is beside it is written."""
    large = replace(LISTING, id="large", names=("x" * 1_100_000,))

    assert kinds(backend.commit([PartWrite(PART), PartWrite(large), Write(run())])) == ["Written", "Refused", "Written"]


def test_a_full_part_fits(backend: Backend) -> None:
    """4,096 items are some 70 kB, and come back each with its age."""
    full = replace(PART, items=tuple(range(4096)), ages=tuple(i / 10 for i in range(4096)))
    assert isinstance(put(backend, full), Written)

    read = stored(backend, full.id)
    assert isinstance(read, Part)
    assert read.items == full.items
    assert max(abs(a - b) for a, b in zip(read.ages, full.ages, strict=True)) < 0.1


def test_nothing_is_read_as_no_part(backend: Backend) -> None:
    """A part that is not there has neither document nor version."""
    found = backend.read_part("nobody")

    assert (found.document, found.version) == (None, None)


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_a_part_of_any_name(backend: Backend, name: str) -> None:
    """A part's id may be any text."""
    assert isinstance(put(backend, replace(PART, id=name)), Written)
    assert backend.read_part(name).document is not None


def test_parts_are_found_by_their_run(place: Place) -> None:
    """The watchdog finds all parts of one run, and those of no other."""
    backend, store = place.backend(), place.store()
    backend.commit([PartWrite(replace(PART, id=f"r1.w{i}")) for i in range(30)])
    backend.commit([PartWrite(LISTING), PartWrite(replace(PART, id="other", run="r2"))])

    found = store.find(PARTS, Where("run", "==", "r1"))
    assert len(found) == 31
    assert [read_part(one.id, one.fields).run for one in found] == ["r1"] * 31
    assert len(store.find(PARTS, Where("run", "==", "r1"), 5)) == 5
    assert [one.id for one in store.find(PARTS, Where("expires_at", "<=", datetime(2026, 6, 1, tzinfo=timezone.utc)))]
