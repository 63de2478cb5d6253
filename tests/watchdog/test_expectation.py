"""When an expected run is missed, what is said of it, and when it is so no more."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartbeat_client.run import document_key
from tests.support.world import a_run
from watchdog.expectation import Ended, Missing, Start, judge_expected, key_parts, settled
from watchdog.policy_text.file import parse_policy
from watchdog.schedule import Expected, slots
from watchdog.verdict import HEALTHY, MISSED

NEW_YORK = ZoneInfo("America/New_York")
SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)

DAILY = Expected("prediction-batch", schedule="0 7 * * *", time_zone="America/New_York")
QUARTERLY = Expected("poll-odds", schedule="*/15 * * * *", grace=300, early=60)
SIX_HOURLY = Expected("refresh-odds", every=6 * 3600)
FOLLOWING = Expected("consolidate-batch", after="worker-predictions", grace=1200, early=60)

LONG_AGO = datetime(2026, 1, 1, tzinfo=timezone.utc)
SEVEN = datetime(2026, 1, 14, 12, 0, tzinfo=timezone.utc)  # 07:00 in New York


def start(at: datetime, **changes: object) -> Start:
    """A run that began then and took 12 minutes."""
    return Start(
        "run1", at, a_run("run1", **{"started_at": at, "state": "succeeded", "ended_at": at + 12 * MINUTE, **changes})
    )


YESTERDAY = start(SEVEN - DAY + 2 * SECOND)


def missing(found: Missing | None) -> Missing:
    assert found is not None
    return found


EDGES = [
    pytest.param(SEVEN - SECOND, YESTERDAY, False, id="before_it"),
    pytest.param(SEVEN, YESTERDAY, False, id="at_it"),
    pytest.param(SEVEN + 30 * MINUTE - SECOND, YESTERDAY, False, id="a_second_before_the_grace_is_over"),
    pytest.param(SEVEN + 30 * MINUTE, YESTERDAY, True, id="when_the_grace_is_over"),
    pytest.param(SEVEN + 30 * MINUTE + SECOND, YESTERDAY, True, id="a_second_after"),
    pytest.param(SEVEN + 23 * HOUR, YESTERDAY, True, id="until_the_next"),
    pytest.param(SEVEN + HOUR, None, True, id="none_ever"),
    pytest.param(SEVEN + HOUR, start(SEVEN - 5 * MINUTE - SECOND), True, id="too_early_by_a_second"),
    pytest.param(SEVEN + HOUR, start(SEVEN - 5 * MINUTE), False, id="as_early_as_may_be"),
    pytest.param(SEVEN + HOUR, start(SEVEN), False, id="in_time"),
    pytest.param(SEVEN + HOUR, start(SEVEN + 59 * MINUTE), False, id="late_and_there"),
    pytest.param(SEVEN + HOUR, start(SEVEN + HOUR + MINUTE), False, id="ahead_of_our_clock"),
    pytest.param(SEVEN + HOUR, Start("x", SEVEN), False, id="a_run_that_can_not_be_read_has_started_too"),
]


@pytest.mark.parametrize(("now", "last", "missed"), EDGES)
def test_missed_is_what_no_start_has_met_when_the_grace_is_over(
    now: datetime, last: Start | None, missed: bool
) -> None:
    """A start from 5 minutes before the instant on meets it; without one it is missed once the grace is over."""
    assert (judge_expected(DAILY, now, last, LONG_AGO) is not None) is missed


@pytest.mark.parametrize(
    ("since", "missed"),
    [
        pytest.param(SEVEN - SECOND, True, id="seen_a_second_before"),
        pytest.param(SEVEN, True, id="seen_at_it"),
        pytest.param(SEVEN + SECOND, False, id="seen_a_second_after"),
    ],
)
def test_a_new_rule_is_not_judged_for_what_was_before_it(since: datetime, missed: bool) -> None:
    """An instant before the rule was first seen is no concern of it, whatever was or was not started."""
    assert (judge_expected(DAILY, SEVEN + HOUR, None, since) is not None) is missed
    assert judge_expected(DAILY, SEVEN + 25 * HOUR, None, since) is not None


REASONS = [
    pytest.param(
        DAILY,
        SEVEN + 31 * MINUTE,
        YESTERDAY,
        "expected at 07:00 America/New_York (12:00 UTC), none started within 30 min of grace; "
        "the last one began yesterday 07:00:02 and took 12 min",
        id="a_schedule",
    ),
    pytest.param(
        DAILY,
        SEVEN + 31 * MINUTE,
        start(SEVEN - DAY, state="failed", ended_at=SEVEN - DAY + 3 * MINUTE),
        "expected at 07:00 America/New_York (12:00 UTC), none started within 30 min of grace; "
        "the last one began yesterday 07:00:00 and failed after 3 min",
        id="the_last_failed",
    ),
    pytest.param(
        DAILY,
        SEVEN + 31 * MINUTE,
        start(SEVEN - 2 * HOUR, state="running", ended_at=None, beat_at=SEVEN + 30 * MINUTE),
        "expected at 07:00 America/New_York (12:00 UTC), none started within 30 min of grace; "
        "the last one began 05:00:00 and still runs",
        id="the_last_still_runs",
    ),
    pytest.param(
        DAILY,
        SEVEN + 2 * DAY + HOUR,
        YESTERDAY,
        "expected at 07:00 America/New_York (12:00 UTC), none started within 30 min of grace; "
        "3 were missed in a row, the first 2026-01-14 07:00 America/New_York (12:00 UTC); "
        "the last one began 2026-01-13 07:00:02 and took 12 min",
        id="the_third_in_a_row",
    ),
    pytest.param(
        replace(DAILY, schedule="0 12 * * *", time_zone="UTC"),
        LONG_AGO + 12 * HOUR + 31 * MINUTE,
        None,
        "expected at 12:00 UTC, none started within 30 min of grace; no run of it is on record",
        id="in_utc_and_never_ran",
    ),
    pytest.param(
        SIX_HOURLY,
        SEVEN + 6 * HOUR + 31 * MINUTE,
        start(SEVEN),
        "expected at least every 6 h, none started for 6 h 31 min (grace 30 min); "
        "the last one began 12:00:00 and took 12 min",
        id="every_six_hours",
    ),
    pytest.param(
        replace(SIX_HOURLY, time_zone="America/New_York"),
        LONG_AGO + 7 * HOUR,
        None,
        "expected at least every 6 h, none started by 01:00 America/New_York (06:00 UTC) nor within 30 min of grace; "
        "no run of it is on record",
        id="every_six_hours_and_never_ran",
    ),
    pytest.param(
        FOLLOWING,
        SEVEN + 20 * MINUTE,
        YESTERDAY,
        "expected within 20 min of the end of worker-predictions at 12:00:00 UTC (run w1), none started; "
        "the last one began yesterday 12:00:02 and took 12 min",
        id="after_another",
    ),
]


@pytest.mark.parametrize(("expected", "now", "last", "reason"), REASONS)
def test_what_is_said(expected: Expected, now: datetime, last: Start | None, reason: str) -> None:
    """The sentence has the instant in the rule's time zone and in UTC, the grace, and how the last run went."""
    found = missing(judge_expected(expected, now, last, LONG_AGO, [Ended("w1", SEVEN)]))

    assert found.reason == reason
    assert found.verdict.state == MISSED
    assert found.verdict.problem
    assert found.verdict.since == found.since
    assert found.due == found.since + timedelta(seconds=expected.grace) <= now


@pytest.mark.parametrize(
    ("last", "missed"),
    [
        pytest.param({"state": "running", "ended_at": None, "beat_at": SEVEN + 7 * HOUR}, False, id="it_still_runs"),
        pytest.param({"state": "running", "ended_at": None, "beat_at": SEVEN + HOUR}, True, id="it_fell_silent"),
        pytest.param({"state": "failed"}, True, id="it_failed"),
        pytest.param({}, True, id="it_ended_well"),
    ],
)
def test_a_run_that_goes_on_is_not_missed(last: dict[str, object], missed: bool) -> None:
    """While the last run lives, `every` asks for no other: it is judged by its own record."""
    found = judge_expected(SIX_HOURLY, SEVEN + 7 * HOUR, start(SEVEN, **last), LONG_AGO)

    assert (found is not None) is missed


AFTER = [
    pytest.param([], None, SEVEN + HOUR, False, id="nothing_ended"),
    pytest.param([SEVEN], None, SEVEN + 20 * MINUTE - SECOND, False, id="a_second_before_it_is_due"),
    pytest.param([SEVEN], None, SEVEN + 20 * MINUTE, True, id="due"),
    pytest.param([SEVEN], SEVEN + SECOND, SEVEN + HOUR, False, id="followed"),
    pytest.param([SEVEN], SEVEN - MINUTE, SEVEN + HOUR, False, id="begun_as_its_last_act"),
    pytest.param([SEVEN], SEVEN - MINUTE - SECOND, SEVEN + HOUR, True, id="begun_before_it"),
    pytest.param([SEVEN, SEVEN + 5 * MINUTE], SEVEN + 6 * MINUTE, SEVEN + HOUR, False, id="one_follows_two_ends"),
    pytest.param([SEVEN, SEVEN + 5 * MINUTE], SEVEN + MINUTE, SEVEN + HOUR, True, id="the_second_is_not_followed"),
    pytest.param([LONG_AGO - SECOND], None, SEVEN, False, id="ended_before_the_rule_was_seen"),
]


@pytest.mark.parametrize(("ends", "began", "now", "missed"), AFTER)
def test_each_end_is_followed(ends: list[datetime], began: datetime | None, now: datetime, missed: bool) -> None:
    """After each end a run must start within the length; one start follows all the ends before it."""
    ended = [Ended(f"w{number}", at) for number, at in enumerate(ends)]
    last = None if began is None else start(began)

    assert (judge_expected(FOLLOWING, now, last, LONG_AGO, ended) is not None) is missed


def keys_of_a_day(expected: Expected, hours: int, last: Start | None = YESTERDAY) -> list[str]:
    """The keys of what a sweep each 5 minutes finds missing from 07:00 on, each once, in order."""
    sweeps = (SEVEN + n * 5 * MINUTE for n in range(hours * 12))
    found = (judge_expected(expected, now, last, LONG_AGO) for now in sweeps)
    return list(dict.fromkeys(one.key for one in found if one is not None))


def test_each_day_that_is_missed_is_a_problem_of_its_own() -> None:
    """What is missed today is told, though yesterday's is not over."""
    slots = [key_parts(key) for key in keys_of_a_day(DAILY, 72)]

    assert slots == [(DAILY.identity, SEVEN + n * DAY) for n in range(3)]


def test_quarters_of_an_hour_that_are_missed_are_one_problem() -> None:
    """What is missed each 15 minutes is one problem for 12 hours, then another."""
    slots = [key_parts(key) for key in keys_of_a_day(QUARTERLY, 36, start(SEVEN - 14 * MINUTE))]

    assert slots == [(QUARTERLY.identity, SEVEN + n * 12 * HOUR) for n in range(3)]


def test_years_of_silence_are_judged_in_bounded_work() -> None:
    """A watchdog that comes after two years says what is missing of each minute's run, and that there are many."""
    each_minute = Expected("tick", schedule="* * * * *", grace=30, early=15)
    found = missing(judge_expected(each_minute, SEVEN + 731 * DAY, None, SEVEN))

    assert found.count == 100
    assert "100 or more were missed in a row, the first 2026-01-14 12:00 UTC" in found.reason


@given(
    name=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200),
    at=st.datetimes(datetime(2024, 1, 1), datetime(2060, 1, 1), timezones=st.just(timezone.utc)),
)
def test_a_key_is_a_documents_id_that_is_read_back(name: str, at: datetime) -> None:
    """Whatever an operation is called, the key is an id that a store takes, and tells rule and instant."""
    expected = Expected(name, after="w", grace=60)
    found = missing(judge_expected(expected, at + HOUR, None, at, [Ended("w1", at)]))

    assert key_parts(found.key) == (expected.identity, at)
    assert document_key(found.key.replace("%", "")) == found.key.replace("%", "")
    assert len(found.key.encode()) < 300


@pytest.mark.parametrize("key", ["", "run1", "expected:", "expected:a:b", "x" * 40 + "2026-01-14T12:00:00.000000Z"])
def test_other_keys_are_none_of_ours(key: str) -> None:
    """The id of a run is not taken for that of an expectation."""
    assert key_parts(key) is None


@pytest.mark.parametrize(
    ("expected", "came", "reason"),
    [
        pytest.param(
            DAILY,
            start(SEVEN + 47 * MINUTE + 10 * SECOND),
            "a run began at 07:47:10 America/New_York (12:47:10 UTC), 47 min 10 s after it was expected (run run1)",
            id="late",
        ),
        pytest.param(
            DAILY,
            start(SEVEN - MINUTE),
            "a run began at 06:59:00 America/New_York (11:59:00 UTC), in time (run run1)",
            id="in_time_but_known_late",
        ),
        pytest.param(DAILY, None, "no run came for it; a later one is expected by now", id="superseded"),
        pytest.param(None, None, "it is expected no more: the policy has changed", id="the_rule_is_gone"),
    ],
)
def test_how_it_ends(expected: Expected | None, came: Start | None, reason: str) -> None:
    """It is over with the run that comes, with the next one that is missed, or with its rule."""
    key = missing(judge_expected(DAILY, SEVEN + HOUR, None, LONG_AGO)).key
    verdict = settled(key, expected, came, SEVEN + HOUR)

    assert verdict.state == HEALTHY
    assert verdict.reason.startswith(reason)


YEAR = [
    pytest.param("America/New_York", "0 7 * * *", id="new_york_seven"),
    pytest.param("America/New_York", "30 2 * * *", id="new_york_in_the_hour_that_is_skipped"),
    pytest.param("America/New_York", "30 1 * * *", id="new_york_in_the_hour_that_comes_twice"),
    pytest.param("Europe/Berlin", "0 7 * * *", id="berlin_seven"),
    pytest.param("Europe/Berlin", "30 2 * * *", id="berlin_in_the_hour_that_is_skipped_and_comes_twice"),
]
MISSED_DAYS = (8, 67, 68, 88, 89, 297, 298, 304, 305)  # the days of the year around both changes in both zones
LATE_DAYS = (20, 66, 87, 296, 303, 310)


@pytest.mark.parametrize(("zone", "schedule"), YEAR)
def test_a_year_of_runs_missed_and_late(zone: str, schedule: str) -> None:
    """Over a year exactly the instants without a run are missed, late runs until they come, on days of change too."""
    (expected,) = parse_policy({"expected": [{"operation": "batch", "schedule": schedule, "time_zone": zone}]}).expected
    year = [slot for slot, _ in zip(slots(expected, LONG_AGO), range(364), strict=False)]
    begun = [slot + (45 if n in LATE_DAYS else 1) * MINUTE for n, slot in enumerate(year) if n not in MISSED_DAYS]
    found: dict[datetime, tuple[datetime, datetime]] = {}
    for slot in year:
        for now in (slot + m * MINUTE for m in (0, 29, 30, 44, 45, 46, 600)):
            before = [at for at in begun if at <= now]
            one = judge_expected(expected, now, Start("r", before[-1]) if before else None, LONG_AGO)
            if one is not None:
                first, _ = found.get(one.since, (now, now))
                found[one.since] = (first, now)

    missed, late = ({year[n] for n in days} for days in (MISSED_DAYS, LATE_DAYS))
    assert set(found) == missed | late
    assert {slot: ends for slot, ends in found.items() if slot in late} == {
        slot: (slot + 30 * MINUTE, slot + 44 * MINUTE) for slot in late
    }
    assert all(found[slot][0] == slot + 30 * MINUTE for slot in missed)
