"""The instants of a schedule over a whole year, in two time zones, on both days when the clocks are changed."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from itertools import islice, pairwise, takewhile
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim
from hypothesis import given
from hypothesis import strategies as st

from watchdog.schedule import Expected, shortest_gap, slots

NEW_YORK, BERLIN = "America/New_York", "Europe/Berlin"
YEAR = datetime(2026, 1, 1, tzinfo=timezone.utc)
DAY = timedelta(days=1)
NEXT_YEAR = datetime(2027, 1, 1, tzinfo=timezone.utc)

ONCE_A_DAY = ("0 7 * * *", "30 1 * * *", "15 2 * * *", "30 2 * * *", "59 2 * * *", "0 3 * * *", "0 0 * * *")
SCHEDULES = (
    *ONCE_A_DAY,
    "0 2,3 * * *",
    "0,30 1-3 * * *",
    "0 7 * * MON-FRI",
    "0 0 1 * *",
    "0 12 L * *",
    "30 2 * * SUN",
    "0 9 * * 1#1",
    "0 * * * *",
    "*/15 * * * *",
    "30 */6 * * *",
    "0 */2 * * *",
)


def by(schedule: str, zone: str) -> Expected:
    return Expected("batch", schedule=schedule, time_zone=zone)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc)


def of_the_year(schedule: str, zone: str) -> list[datetime]:
    return list(takewhile(lambda slot: slot < NEXT_YEAR, slots(by(schedule, zone), YEAR - timedelta(seconds=1))))


def near_a_change(instant: datetime, zone: str) -> bool:
    """Whether the clocks are changed within a day of it."""
    before, after = ((instant + timedelta(days=days)).astimezone(ZoneInfo(zone)).utcoffset() for days in (-1, 1))
    return before != after


@pytest.mark.parametrize("zone", [NEW_YORK, BERLIN, "Australia/Lord_Howe"])
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_year_is_what_cronsim_says(schedule: str, zone: str) -> None:
    """Asked anew after each instant, as sweeps do, a schedule gives what cronsim gives in one go, each instant once."""
    start = (YEAR - timedelta(seconds=1)).astimezone(ZoneInfo(zone))
    in_one_go = (local.astimezone(timezone.utc) for local in CronSim(schedule, start))
    year = list(takewhile(lambda instant: instant < NEXT_YEAR, in_one_go))
    pairs = list(pairwise(year))
    # Near the changes all are asked for anew, else one in twenty: a schedule is read each time, which takes its time.
    asked = [pair for number, pair in enumerate(pairs) if number % 20 == 0 or near_a_change(pair[0], zone)]

    assert of_the_year(schedule, zone) == year
    assert all(first < second for first, second in pairs)
    for before, after in asked:
        assert next(slots(by(schedule, zone), before)) == after
        assert next(slots(by(schedule, zone), after - timedelta(microseconds=1))) == after


@pytest.mark.parametrize("zone", [NEW_YORK, BERLIN])
@pytest.mark.parametrize("schedule", ONCE_A_DAY)
def test_once_a_day_is_once_each_day_of_the_year(schedule: str, zone: str) -> None:
    """A daily instant comes once each day, at the local time asked for, but where the clocks skip that."""
    found = takewhile(lambda slot: slot < NEXT_YEAR + DAY, slots(by(schedule, zone), YEAR - DAY))
    local = [at for slot in found if (at := slot.astimezone(ZoneInfo(zone))).year == 2026]
    days = [at.date() for at in local]
    minute, hour = (int(part) for part in schedule.split()[:2])
    elsewhen = [at for at in local if (at.hour, at.minute) != (hour, minute)]

    assert len(days) == len(set(days)) == 365
    assert len(elsewhen) == (1 if hour == 2 else 0)


# Not Lord Howe Island, the only zone whose clocks move by half an hour: cronsim leaves an hour out there in April.
@pytest.mark.parametrize("zone", [NEW_YORK, BERLIN])
@pytest.mark.parametrize(("schedule", "hours", "minutes"), [("*/15 * * * *", 1, 15), ("0 */2 * * *", 2, 60)])
def test_a_star_is_every_hour_that_passes(zone: str, schedule: str, hours: int, minutes: int) -> None:
    """Where the hour or the minute begins with a star, each quarter of an hour whose local time fits is meant."""
    quarters = (YEAR + n * timedelta(minutes=15) for n in range(365 * 96))
    local = [(quarter, quarter.astimezone(ZoneInfo(zone))) for quarter in quarters]
    fitting = [at for at, shown in local if shown.hour % hours == 0 and shown.minute % minutes == 0]

    assert of_the_year(schedule, zone) == fitting


CHANGES = [
    pytest.param(NEW_YORK, "30 2 * * *", "2026-03-08T00:00", ["2026-03-08T07:00"], id="new_york_skips_half_past_two"),
    pytest.param(NEW_YORK, "0 3 * * *", "2026-03-08T00:00", ["2026-03-08T07:00"], id="new_york_three_in_spring"),
    pytest.param(
        NEW_YORK, "0 7 * * *", "2026-03-07T13:00", ["2026-03-08T11:00"], id="new_york_seven_is_an_hour_sooner"
    ),
    pytest.param(
        NEW_YORK,
        "30 1 * * *",
        "2026-11-01T00:00",
        ["2026-11-01T05:30", "2026-11-02T06:30"],
        id="new_york_half_past_one_comes_once_though_the_clocks_show_it_twice",
    ),
    pytest.param(
        NEW_YORK,
        "0 * * * *",
        "2026-11-01T04:30",
        ["2026-11-01T05:00", "2026-11-01T06:00", "2026-11-01T07:00"],
        id="new_york_each_hour_in_autumn",
    ),
    pytest.param(
        NEW_YORK,
        "0 * * * *",
        "2026-03-08T05:30",
        ["2026-03-08T06:00", "2026-03-08T07:00", "2026-03-08T08:00"],
        id="new_york_each_hour_in_spring",
    ),
    pytest.param(BERLIN, "30 2 * * *", "2026-03-29T00:00", ["2026-03-29T01:00"], id="berlin_skips_half_past_two"),
    pytest.param(BERLIN, "0 7 * * *", "2026-03-28T12:00", ["2026-03-29T05:00"], id="berlin_seven_is_an_hour_sooner"),
    pytest.param(
        BERLIN,
        "30 2 * * *",
        "2026-10-24T22:00",
        ["2026-10-25T00:30", "2026-10-26T01:30"],
        id="berlin_half_past_two_comes_once_though_the_clocks_show_it_twice",
    ),
    pytest.param(
        BERLIN,
        "*/30 * * * *",
        "2026-10-24T23:45",
        ["2026-10-25T00:00", "2026-10-25T00:30", "2026-10-25T01:00", "2026-10-25T01:30", "2026-10-25T02:00"],
        id="berlin_each_half_hour_in_autumn",
    ),
]


@pytest.mark.parametrize(("zone", "schedule", "after", "come"), CHANGES)
def test_when_the_clocks_are_changed(zone: str, schedule: str, after: str, come: list[str]) -> None:
    """What the clocks skip comes when they have moved on; what they show twice comes the first time alone."""
    assert list(islice(slots(by(schedule, zone), utc(after)), len(come))) == [utc(one) for one in come]


@pytest.mark.parametrize("minutes", range(0, 120, 10))
def test_from_within_the_hour_that_comes_twice(minutes: int) -> None:
    """Whenever in that hour one asks, the next instant lies ahead and none is left out."""
    asked = utc("2026-11-01T05:00") + timedelta(minutes=minutes)
    daily, hourly = by("30 1 * * *", NEW_YORK), by("30 * * * *", NEW_YORK)

    first = utc("2026-11-01T05:30")
    assert next(slots(daily, asked)) == (first if asked < first else utc("2026-11-02T06:30"))
    assert next(slots(hourly, asked)) == next(
        first + timedelta(hours=n) for n in range(9) if first + timedelta(hours=n) > asked
    )


@given(
    st.integers(60, 10**6),
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(timezone.utc)),
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(timezone.utc)),
)
def test_every_counts_from_its_base(every: int, base: datetime, after: datetime) -> None:
    """`every` gives the multiples of its length after the base, the first one that lies ahead first."""
    length = timedelta(seconds=every)
    first, second = islice(slots(Expected("batch", every=every), after, base), 2)

    assert (first - base) % length == timedelta(0)
    assert first >= base + length
    assert first > after
    assert first - length <= max(after, base)
    assert second == first + length


@pytest.mark.parametrize(
    ("schedule", "gap"),
    [
        pytest.param("0 7 * * *", timedelta(hours=23), id="a_day_is_shorter_when_the_clocks_move_on"),
        pytest.param("*/7 * * * *", timedelta(minutes=4), id="the_last_of_an_hour_to_the_first_of_the_next"),
        pytest.param("0 7,19 * * MON", timedelta(hours=12), id="twice_on_mondays"),
        pytest.param("0 0 29 2 *", None, id="once_in_four_years"),
    ],
)
def test_the_shortest_gap(schedule: str, gap: timedelta | None) -> None:
    """The shortest time between two neighbours, None where there are no two in two years."""
    assert shortest_gap(schedule, ZoneInfo(NEW_YORK)) == gap
