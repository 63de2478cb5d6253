"""Quiet that people asked for: what it covers, until when, and how it is kept."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.world import START
from watchdog.snooze import MOST, WOKEN_MOST, Snooze, Snoozes

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
    assert kept.without("load-games", "bob", START).all == ()


def test_who_ended_a_snooze_is_kept() -> None:
    """Of a snooze that was ended before its time it is kept what it was, who ended it and when; the first who did."""
    kept = Snoozes((snooze(), snooze("publish"))).without("load-games", "bob", START + SECOND)
    again = kept.without("load-games", "eve", START + 2 * SECOND)

    assert [one.operation for one in kept.all] == ["publish"]
    assert kept.woken == again.woken == (replace(snooze(), woken_by="bob", woken_at=START + SECOND),)
    assert Snoozes.from_document(kept.to_document()) == kept
    assert kept.with_one(snooze(), START + SECOND).woken == kept.woken


@pytest.mark.parametrize(
    ("days", "seconds", "kept"),
    [
        pytest.param(7, -1, 1, id="a_second_less_than_seven_days"),
        pytest.param(7, 0, 0, id="seven_days"),
    ],
)
def test_what_was_ended_is_forgotten_in_the_end(days: int, seconds: int, kept: int) -> None:
    """For seven days it is known who ended a snooze."""
    woken = Snoozes((snooze(),)).without("load-games", "bob", START)

    assert len(woken.woken_lately(START + timedelta(days=days, seconds=seconds))) == kept


def test_the_last_that_were_ended_are_kept() -> None:
    """Twenty that were ended are kept, the latest first."""
    kept = Snoozes()
    for number in range(WOKEN_MOST + 1):
        now = START + number * SECOND
        kept = kept.with_one(snooze(f"op{number}"), now).without(f"op{number}", "bob", now)

    assert [one.operation for one in kept.woken] == [f"op{number}" for number in range(WOKEN_MOST, 0, -1)]


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
    [
        {},
        {"snoozes": "all", "woken": 7},
        {"snoozes": [7, {}, {"operation": "*"}, {"operation": "", "until": START}]},
        {"woken": [{"operation": "*", "until": START, "made_at": START}, {"woken_at": START}]},
    ],
)
def test_a_mistake_makes_nobody_quiet(document: dict[str, Any]) -> None:
    """What is not a whole snooze is none."""
    assert Snoozes.from_document(document) == Snoozes()
