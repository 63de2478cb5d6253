"""Until when somebody wants quiet, from what they wrote."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchdog.until import UntilError, check, end_of, midnight

NOW = datetime(2026, 1, 14, 10, 18, 12, tzinfo=timezone.utc)

READ = [
    pytest.param("90m", "UTC", "2026-01-14 11:48:12", id="a_length"),
    pytest.param(" 1h 30m ", "UTC", "2026-01-14 11:48:12", id="a_length_with_room"),
    pytest.param("30d", "UTC", "2026-02-13 10:18:12", id="thirty_days"),
    pytest.param("today", "UTC", "2026-01-15 00:00:00", id="today"),
    pytest.param("today", "Asia/Tokyo", "2026-01-14 15:00:00", id="today_is_the_zones"),
    pytest.param("18:00", "UTC", "2026-01-14 18:00:00", id="a_time"),
    pytest.param("until 18:00", "UTC", "2026-01-14 18:00:00", id="until_a_time"),
    pytest.param("10:19", "UTC", "2026-01-14 10:19:00", id="a_minute_to_come_is_todays"),
    pytest.param("10:18", "UTC", "2026-01-15 10:18:00", id="a_minute_that_has_begun_is_tomorrows"),
    pytest.param("7:30", "America/New_York", "2026-01-14 12:30:00", id="a_time_of_the_zone"),
    pytest.param("2026-01-15 18:00", "UTC", "2026-01-15 18:00:00", id="a_day"),
    pytest.param("2026-01-15T9:05", "America/New_York", "2026-01-15 14:05:00", id="a_day_of_the_zone"),
    pytest.param("2026-02-13 10:18", "UTC", "2026-02-13 10:18:00", id="the_last_minute_that_may_be"),
]


@pytest.mark.parametrize(("asked", "zone", "end"), READ)
def test_an_end_is_read(asked: str, zone: str, end: str) -> None:
    """A length counts from now; days and times are the zone's, and a time that is past is tomorrow's."""
    assert f"{end_of(asked, NOW, zone):%Y-%m-%d %H:%M:%S}" == end


WRONG = [
    pytest.param("", "expected a length (90m, 2h) or a time", id="nothing"),
    pytest.param("soon", "(18:00, 2026-01-15 18:00), got 'soon'", id="a_word"),
    pytest.param("90", "expected a length", id="a_number_without_a_unit"),
    pytest.param("0m", "expected a length", id="no_length"),
    pytest.param("-1h", "expected a length", id="less_than_none"),
    pytest.param("24:00", "expected a length", id="no_such_time"),
    pytest.param("2026-02-30 10:00", "expected a length", id="no_such_day"),
    pytest.param("2026-01-14 10:18", "which is over", id="a_minute_that_has_begun"),
    pytest.param("2026-02-13 10:19", "expected at most 30 days, got 30.0 days", id="a_minute_too_late"),
    pytest.param("31d", "expected at most 30 days, got 31.0 days; ask for less", id="too_long"),
    pytest.param("99999999999d", "expected a length", id="without_end"),
    pytest.param("x" * 500, f"got '{'x' * 60}'", id="a_novel"),
]


@pytest.mark.parametrize(("asked", "said"), WRONG)
def test_what_is_no_end_is_said(asked: str, said: str) -> None:
    """What can't be understood, is over or too far away is refused in one line."""
    with pytest.raises(UntilError) as refused:
        end_of(asked, NOW, "UTC")

    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


@given(st.text(max_size=20) | st.from_regex(r"[0-9:\-dhm ]{1,16}", fullmatch=True))
def test_anything_is_an_end_within_bounds_or_refused(asked: str) -> None:
    """Whatever is written, the end lies after now and within 30 days, or there is none."""
    try:
        check(asked)
        end = end_of(asked, NOW, "Europe/Berlin")
    except UntilError:
        return
    assert NOW < end <= NOW + timedelta(days=30)


def test_a_day_without_that_hour_has_an_end() -> None:
    """Where the clock jumps over a time, the end is the instant at which it would have come."""
    night = datetime(2026, 3, 28, 23, 0, tzinfo=timezone.utc)

    assert end_of("2:30", night, "Europe/Berlin") == datetime(2026, 3, 29, 1, 30, tzinfo=timezone.utc)
    assert midnight(night, "Europe/Berlin") == datetime(2026, 3, 29, 22, 0, tzinfo=timezone.utc)
