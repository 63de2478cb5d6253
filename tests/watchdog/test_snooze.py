"""Quiet that people asked for: what it covers, until when, and how it is kept."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.world import START
from watchdog.snooze import MOST, Snooze, Snoozes

SECOND = timedelta(seconds=1)


def snooze(operation: str = "load-games", minutes: float = 60) -> Snooze:
    return Snooze(operation, START + timedelta(minutes=minutes), "ada", "the database moves", START)


@pytest.mark.parametrize(
    ("pattern", "operation", "covered"),
    [
        ("load-games", "load-games", True),
        ("load-games", "load-games-2", False),
        ("load-*", "load-games", True),
        ("load-*", "publish", False),
        ("load[x]", "load[x]", True),
        ("*", "", True),
    ],
)
def test_what_a_snooze_covers(pattern: str, operation: str, covered: bool) -> None:
    """A name covers itself, a pattern what it matches."""
    assert snooze(pattern).covers(operation, START) is covered


@pytest.mark.parametrize(
    ("now", "covered"),
    [(START + timedelta(hours=1) - SECOND, True), (START + timedelta(hours=1), False)],
    ids=["before", "on_the_end"],
)
def test_a_snooze_ends(now: datetime, covered: bool) -> None:
    """A snooze holds until its end, not on it."""
    kept = Snoozes((snooze(),))

    assert (kept.covering("load-games", now) is not None) is covered
    assert bool(kept.in_force(now)) is covered


def test_a_new_snooze_takes_the_place_of_the_old() -> None:
    """One name has one snooze; those that are over are forgotten."""
    kept = Snoozes((snooze("old", -1),)).with_one(snooze(), START).with_one(snooze(minutes=5), START)

    assert [(one.operation, one.until) for one in kept.all] == [("load-games", START + timedelta(minutes=5))]
    assert kept.without("load-games", START).all == ()


def test_there_is_a_bound() -> None:
    """More snoozes than one document should hold are refused with what to do."""
    kept = Snoozes()
    for number in range(MOST):
        kept = kept.with_one(snooze(f"op{number}"), START)

    with pytest.raises(ValueError, match="expected at most 100 at once, got one more; end some"):
        kept.with_one(snooze("one more"), START)
    assert len(kept.with_one(snooze("op7"), START).all) == MOST


@given(st.lists(st.sampled_from(["a", "b*", "c"]), max_size=3, unique=True))
def test_snoozes_come_back_from_their_document(names: list[str]) -> None:
    """What is kept reads back equal."""
    kept = Snoozes()
    for minutes, name in enumerate(names, 1):
        kept = kept.with_one(snooze(name, minutes), START)

    assert Snoozes.from_document(kept.to_document()) == kept


@pytest.mark.parametrize(
    "document",
    [{}, {"snoozes": "all"}, {"snoozes": [7, {}, {"operation": "*"}, {"operation": "", "until": START}]}],
)
def test_a_mistake_makes_nobody_quiet(document: dict[str, Any]) -> None:
    """What is not a whole snooze is none."""
    assert Snoozes.from_document(document) == Snoozes()
