"""When it is a stall to stand in one call: what is learned from few runs and many, from each side of every boundary."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from heartbeat_client.run import Progress, Run, Waiting, stalled_at
from heartbeat_client.run_opaque import allowed, opaque_at, stands_too_long_after
from heartbeat_client.run_parts import Thresholds
from heartbeat_client.stood import LongestStand

START = datetime(2026, 1, 14, 10, 0, tzinfo=timezone.utc)


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def learned(runs: int, longest: float, stood: float | None = None) -> Thresholds:
    return Thresholds(
        opaque_after=allowed(longest, runs), learned_runs=runs, learned_longest=longest, learned_stood=stood
    )


@pytest.mark.parametrize(
    ("longest", "runs", "expected"),
    [
        pytest.param(100.0, 5, 400.0, id="five_runs"),
        pytest.param(100.0, 9, 400.0, id="nine_runs"),
        pytest.param(100.0, 10, 300.0, id="ten_runs"),
        pytest.param(100.0, 19, 300.0, id="nineteen_runs"),
        pytest.param(100.0, 20, 200.0, id="twenty_runs"),
        pytest.param(60.0, 20, 120.0, id="twice_is_a_minute_above"),
        pytest.param(59.0, 20, 119.0, id="a_minute_above_is_more_than_twice"),
    ],
)
def test_the_fewer_runs_the_more_is_allowed(longest: float, runs: int, expected: float) -> None:
    """Four, three or two times the longest, and at least a minute above it."""
    assert allowed(longest, runs) == expected


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        pytest.param(Thresholds(), at(18), id="60_percent_without_history"),
        pytest.param(learned(20, 8 * 60), at(16), id="twice_the_longest_before_that"),
        pytest.param(learned(20, 9 * 60), at(18), id="twice_the_longest_just_there"),
        pytest.param(learned(20, 10 * 60), at(18), id="not_beyond_60_percent_for_what_never_came_near"),
        pytest.param(learned(20, 12 * 60), at(18), id="half_as_long_again_just_there"),
        pytest.param(learned(20, 14 * 60), at(21), id="half_as_long_again_beyond_it"),
        pytest.param(learned(10, 14 * 60), at(21), id="so_with_ten_runs"),
        pytest.param(learned(9, 10 * 60), at(20), id="twice_the_longest_of_fewer_than_ten"),
        pytest.param(learned(9, 8 * 60), at(18), id="not_beyond_60_percent_for_a_few_that_were_short"),
        pytest.param(Thresholds(opaque_after=1500.0), at(25), id="what_somebody_said_holds_as_it_is"),
    ],
)
def test_history_is_no_reason_to_tell_late(limits: Thresholds, expected: datetime) -> None:
    """What was learned goes beyond 60 % of the time to the deadline only as far as the longest run came near that."""
    assert opaque_at(limits, START, at(30), stands=False) == expected


@pytest.mark.parametrize(
    ("since", "deadline", "expected"),
    [(at(0), None, None), (at(30), at(30), None), (at(29.9), at(30), at(29.96))],
    ids=["no_deadline", "at_the_deadline", "just_before_it"],
)
def test_without_limit_the_deadline_decides(since: datetime, deadline: datetime | None, expected: datetime) -> None:
    """Without history or a limit of its own a run stalls by its deadline, and never past it."""
    assert opaque_at(Thresholds(), since, deadline, stands=True) == expected


@pytest.mark.parametrize(
    ("limits", "stands", "expected"),
    [
        pytest.param(learned(20, 600.0, 120.0), True, at(4), id="twice_the_longest_call"),
        pytest.param(learned(20, 600.0, 120.0), False, at(18), id="not_where_nobody_sees_it_stand"),
        pytest.param(learned(20, 600.0), True, at(18), id="not_where_no_call_was_seen_before"),
        pytest.param(learned(20, 600.0, 90.0), True, at(3), id="at_least_three_minutes"),
        pytest.param(learned(20, 600.0, 1.0), True, at(3), id="however_short_calls_are"),
        pytest.param(learned(20, 600.0, 600.0), True, at(18), id="one_call_that_is_the_whole_run"),
        pytest.param(replace(learned(20, 600.0, 60.0), learned_runs=4), True, at(20), id="not_with_four_runs"),
    ],
)
def test_a_call_that_stands_is_measured_by_calls(limits: Thresholds, stands: bool, expected: datetime) -> None:
    """Where it is seen to stand, and healthy runs were seen doing so, their longest call counts, not their length."""
    assert opaque_at(limits, START, at(30), stands=stands) == expected


def test_an_owners_limit_is_not_shortened() -> None:
    """A limit that somebody set is theirs: no call is measured by what was learned."""
    limits = Thresholds(opaque_after=900.0, learned_stood=20.0, learned_runs=0)

    assert stands_too_long_after(limits) is None
    assert opaque_at(limits, START, at(30), stands=True) == at(15)


STANDS = {"kind": "blocked", "since": at(2)}
WORKS = {"kind": "working", "since": at(2)}


@pytest.mark.parametrize(
    ("activity", "expected"),
    [(STANDS, at(6)), (WORKS, None), (None, at(18))],
    ids=["it_stands", "it_works", "nobody_looks"],
)
def test_only_what_is_seen_to_stand_is_measured_by_calls(
    activity: dict[str, object] | None, expected: datetime | None
) -> None:
    """A run whose evidence was switched off is judged by how long whole runs took."""
    run = Run("r", "op", START, deadline=at(30), thresholds=learned(20, 600.0, 120.0), activity=activity)

    assert stalled_at(run) == expected


def seen(minutes: float, **changes: object) -> Run:
    return replace(Run("r", "op", START, beat_at=at(minutes), activity=STANDS), **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("runs", "expected"),
    [
        pytest.param([seen(2.5), seen(3), seen(4, activity=WORKS)], 60.0, id="the_longest_that_was_seen"),
        pytest.param([seen(3, moved_at=at(2.5))], 30.0, id="since_it_moved"),
        pytest.param([seen(3, activity=WORKS)], 0.0, id="it_never_stood"),
        pytest.param([seen(3, activity=None)], None, id="nobody_looked"),
        pytest.param([seen(3), seen(9, state="succeeded")], 60.0, id="at_the_end_nobody_looks"),
        pytest.param([seen(3, child="c")], None, id="a_nested_run_is_watched_for_itself"),
        pytest.param([seen(3, waiting=Waiting("quota", at(1), at(9)))], None, id="a_declared_wait_is_none"),
        pytest.param([seen(3, progress=Progress(1))], None, id="what_counts_is_not_measured"),
    ],
)
def test_a_run_tells_how_long_it_stood(runs: list[Run], expected: float | None) -> None:
    """Each record has the longest call that a beat has seen so far, where calls are what it is judged by."""
    stand = LongestStand()
    records = [stand.noted(run) for run in runs]

    assert records[-1].stood == expected
    assert Run.from_document("r", records[-1].to_document()).stood == expected
