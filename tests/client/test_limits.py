"""Which limits hold for a run: its owner's, those in force for the operation, the defaults."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from heartbeat_client import Heartbeat, configure
from heartbeat_client.limits import InForce, Limits
from heartbeat_client.plan import Plan
from heartbeat_client.run import OPERATIONS, Thresholds
from heartbeat_client.testing import MemoryStore
from tests.client.world import Process, World, last


def test_the_defaults() -> None:
    """Where nobody says anything the documented defaults hold."""
    assert Limits().resolve(InForce()) == Thresholds(
        beat_every=15, silent_after=90, stalled_after=300, opaque_after=None, max_runtime=None, warn_at=0.8
    )


@pytest.mark.parametrize(
    ("beat_every", "silent_after"),
    [(1.0, 90), (15.0, 90), (15.1, 90.6), (60.0, 360)],
    ids=["fast beats", "the usual", "a little slower", "slow beats"],
)
def test_silence_is_six_beats_but_never_less_than_90_seconds(beat_every: float, silent_after: float) -> None:
    """silent_after is the larger of 90 s and six beats."""
    assert Limits(beat_every=beat_every).resolve(InForce()).silent_after == pytest.approx(silent_after)


@pytest.mark.parametrize("name", ["silent_after", "stalled_after"])
@pytest.mark.parametrize(
    ("given", "held"), [(29.9, 30), (30.0, 30), (30.1, 30.1)], ids=["less than", "exactly", "more than"]
)
def test_two_beats_are_the_least(name: str, given: float, held: float) -> None:
    """Silence or standstill shorter than two beats can't be told from health."""
    assert getattr(Limits(**{name: given}).resolve(InForce()), name) == held  # type: ignore[arg-type]


RECORDS: dict[str, tuple[Mapping[str, Any] | None, float]] = {
    "no record": (None, 300),
    "a default of the policy": ({"thresholds": {"stalled_after": 700}}, 700),
    "an operator's rule": ({"force": {"stalled_after": 700}}, 700),
    "a rule before a default": ({"force": {"stalled_after": 700}, "thresholds": {"stalled_after": 900}}, 700),
    "about something else": ({"thresholds": {"opaque_after": 700}}, 300),
    "text": ({"thresholds": {"stalled_after": "700"}}, 300),
    "below zero": ({"thresholds": {"stalled_after": -700}}, 300),
    "not a number": ({"thresholds": {"stalled_after": float("nan")}}, 300),
    "true": ({"thresholds": {"stalled_after": True}}, 300),
    "no map": ({"thresholds": [700], "force": "700"}, 300),
}


@pytest.mark.parametrize(("record", "held"), RECORDS.values(), ids=RECORDS)
def test_what_is_in_force_holds_where_the_owner_said_nothing(record: Mapping[str, Any] | None, held: float) -> None:
    """The watchdog's record of an operation is used as far as it can be read."""
    assert Limits().resolve(InForce.from_document(record)).stalled_after == held


@pytest.mark.parametrize(
    ("record", "held"),
    [({"thresholds": {"stalled_after": 700}}, 400), ({"force": {"stalled_after": 700}}, 700)],
    ids=["a default gives way", "a rule does not"],
)
def test_what_the_owner_set_gives_way_to_rules_only(record: Mapping[str, Any], held: float) -> None:
    """A run's own setting is stronger than the policy's defaults, and weaker than its rules."""
    limits = Limits(stalled_after=400, explicit=("stalled_after",))

    assert limits.resolve(InForce.from_document(record)).stalled_after == held


@pytest.mark.parametrize(("share", "held"), [(0.5, 0.5), (1, 1), (1.1, 0.8), (0, 0.8)])
def test_a_share_is_at_most_all(share: float, held: float) -> None:
    """warn_at is a share of the way to the deadline."""
    record = {"thresholds": {"warn_at": share}}

    assert Limits().resolve(InForce.from_document(record)).warn_at == held


DEADLINES: dict[str, tuple[Mapping[str, Any], tuple[str, ...], int]] = {
    "a default of the policy": ({"thresholds": {"deadline": 600}}, (), 10),
    "a default gives way to the owner's": ({"thresholds": {"deadline": 600}}, ("deadline",), 20),
    "a rule does not": ({"force": {"deadline": 600}}, ("deadline",), 10),
}


@pytest.mark.parametrize(("record", "explicit", "minutes"), DEADLINES.values(), ids=DEADLINES)
def test_a_deadline_may_be_in_force(
    world: World, record: Mapping[str, Any], explicit: tuple[str, ...], minutes: int
) -> None:
    """The operation's record can give an outermost run its deadline."""
    world.store.put(OPERATIONS, "op", record)
    live = world.begin(Plan("op", "op", fallback_deadline=1200.0, limits=Limits(explicit=explicit)))
    world.pass_by(1)

    run = world.record(live)
    assert run.deadline == run.started_at + timedelta(minutes=minutes)


def test_a_deadline_in_force_is_not_a_nested_runs(world: World) -> None:
    """A nested run inherits, whatever is in force for its operation."""
    world.store.put(OPERATIONS, "inner", {"force": {"deadline": 60}})
    outer = world.begin(Plan("outer", "outer"))
    inner = world.begin(Plan("inner", "inner"), outer)
    world.pass_by(1)

    assert world.record(inner).deadline == world.record(outer).deadline


def test_the_first_record_goes_by_what_is_in_force(world: World) -> None:
    """What is in force is asked for before the first write, so its due_at is right."""
    world.store.put(OPERATIONS, "op", {"thresholds": {"opaque_after": 900, "beat_every": 5}})
    world.begin(Plan("op", "op"))
    world.pass_by(1)

    (first,) = world.store.history
    assert first.thresholds.opaque_after == 900
    assert first.due_at == first.started_at + timedelta(seconds=90, microseconds=first_beat(first))


def first_beat(run: Any) -> int:
    assert run.beat_at is not None
    return round((run.beat_at - run.started_at).total_seconds() * 1e6)


def test_a_thousand_runs_are_not_a_thousand_reads(world: World) -> None:
    """What is in force is read once a minute for an operation."""
    reads: list[str] = []
    read = world.store.read_operation
    world.store.read_operation = lambda name: (reads.append(name), read(name))[1]  # type: ignore[method-assign]
    for _ in range(1000):
        world.begin(Plan("op", "op"))
    world.pass_by(59)
    world.begin(Plan("op", "op"))
    world.pass_by(0.5)
    before = len(reads)
    world.pass_by(2)
    world.begin(Plan("op", "op"))
    world.pass_by(1)

    assert before == 1
    assert reads == ["op", "op"]


PRECEDENCE: dict[str, tuple[str, str, int]] = {
    "the default": ("", "", 30),
    "the environment": ("", "20m", 20),
    "configure() before the environment": ("configure(deadline='10m')", "20m", 10),
    "text that is no length is not used": ("", "soon", 30),
}


@pytest.mark.parametrize(("code", "variable", "minutes"), PRECEDENCE.values(), ids=PRECEDENCE)
def test_whose_deadline_holds(process: Process, code: str, variable: str, minutes: int) -> None:
    """An outermost run's deadline is configure()'s, else HANGWATCH_DEADLINE's, else 30 minutes."""
    body = f"from heartbeat_client import *\n{code}\nwith Heartbeat('load'): pass\nwith Heartbeat('again'): pass"
    done = process.run(body, env={"HANGWATCH_DEADLINE": variable})

    run = process.only("load")
    assert run.deadline == run.started_at + timedelta(minutes=minutes)
    assert ("deadline" in run.thresholds.explicit) is (minutes != 30)
    assert done.stderr.count("HANGWATCH_DEADLINE") == (variable == "soon")


def test_a_run_names_what_was_set(store: MemoryStore) -> None:
    """`explicit` has what the heartbeat or configure() set, and not what is a default."""
    configure(opaque_after="15m", deadline="20m")
    with Heartbeat("load", stalled_after=600):
        pass

    thresholds = last(store).thresholds
    assert set(thresholds.explicit) == {"beat_every", "opaque_after", "stalled_after", "deadline"}
    assert (thresholds.opaque_after, thresholds.stalled_after) == (900, 600)
