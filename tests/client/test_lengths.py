"""Lengths of time: what people write becomes seconds, and seconds become what people say."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartbeat_client.lengths import seconds_of, spoken


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        pytest.param(90, 90.0, id="a_whole_number_is_seconds"),
        pytest.param(0.25, 0.25, id="a_fraction_is_seconds"),
        pytest.param(timedelta(minutes=5), 300.0, id="a_timedelta"),
        pytest.param("90", 90.0, id="a_plain_number_in_text_is_seconds"),
        pytest.param(" 1.5 ", 1.5, id="blanks_around_a_number"),
        pytest.param("250ms", 0.25, id="milliseconds"),
        pytest.param("45s", 45.0, id="seconds"),
        pytest.param("15m", 900.0, id="m_is_minutes"),
        pytest.param("15min", 900.0, id="min_is_minutes"),
        pytest.param("15 min", 900.0, id="a_blank_before_the_unit"),
        pytest.param("1.5h", 5400.0, id="a_fraction_of_an_hour"),
        pytest.param("7d", 604_800.0, id="days"),
        pytest.param("1h30m", 5400.0, id="two_units"),
        pytest.param("1h 30m 5s", 5405.0, id="blanks_between_units"),
        pytest.param(" 2h ", 7200.0, id="blanks_around"),
        pytest.param("1e9", None, id="no_exponents_in_text"),
        pytest.param("10000d", 864_000_000.0, id="ten_thousand_days"),
        pytest.param(1e9, 1e9, id="the_longest"),
    ],
)
def test_a_length_may_be_written_in_these_ways(written: object, seconds: float | None) -> None:
    """Numbers are seconds, and text may have units."""
    if seconds is None:
        with pytest.raises(ValueError, match="expected a length"):
            seconds_of(written)
    else:
        assert seconds_of(written) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "written",
    [
        pytest.param(0, id="zero"),
        pytest.param("0s", id="zero_in_text"),
        pytest.param(-1, id="less_than_zero"),
        pytest.param("-5m", id="less_than_zero_in_text"),
        pytest.param(timedelta(seconds=-1), id="a_negative_timedelta"),
        pytest.param(float("nan"), id="not_a_number"),
        pytest.param(float("inf"), id="infinite"),
        pytest.param(float("-inf"), id="infinitely_below"),
        pytest.param(True, id="true_is_no_number"),
        pytest.param(None, id="nothing"),
        pytest.param("", id="empty_text"),
        pytest.param(" ", id="a_blank"),
        pytest.param("soon", id="a_word"),
        pytest.param("5 minutes", id="a_unit_written_out"),
        pytest.param("5x", id="an_unknown_unit"),
        pytest.param("1h30", id="a_number_without_its_unit"),
        pytest.param("1:30", id="a_clock"),
        pytest.param("nan", id="nan_in_text"),
        pytest.param("inf", id="inf_in_text"),
        pytest.param("9" * 400, id="a_number_beyond_floats_in_text"),
        pytest.param(10**400, id="a_number_beyond_floats"),
        pytest.param(-(10**400), id="a_number_below_floats"),
        pytest.param(1e300, id="longer_than_any_calendar"),
        pytest.param(1e9 + 1, id="one_second_too_long"),
        pytest.param("99999999999d", id="longer_than_any_calendar_in_text"),
        pytest.param(timedelta.max, id="the_longest_timedelta"),
        pytest.param([90], id="a_list"),
        pytest.param(b"90", id="bytes"),
        pytest.param(10**5000, id="a_number_that_python_refuses_to_print"),
    ],
)
def test_what_is_no_length_is_refused_with_the_ways_there_are(written: object) -> None:
    """Whatever can't be a length raises ValueError alone, short, and says what would do."""
    with pytest.raises(ValueError, match=r"expected a length .* such as 90, '90s', '15m' or '1h30m'.*, got ") as caught:
        seconds_of(written)

    assert len(str(caught.value)) < 250


@given(st.integers() | st.floats() | st.text() | st.timedeltas() | st.booleans() | st.none() | st.binary())
def test_any_value_is_a_length_or_refused(value: Any) -> None:
    """A value is a length that a calendar can add, or raises ValueError; it never raises anything else."""
    try:
        seconds = seconds_of(value)
    except ValueError:
        return

    assert seconds > 0
    assert timedelta(seconds=seconds) < timedelta(days=365 * 40)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        pytest.param(0, "0 s", id="nothing"),
        pytest.param(-5, "0 s", id="clocks_that_disagree_say_nothing"),
        pytest.param(0.04, "0 s", id="below_a_tenth"),
        pytest.param(4.2, "4.2 s", id="tenths_below_ten_seconds"),
        pytest.param(9.94, "9.9 s", id="just_below_ten"),
        pytest.param(9.95, "10 s", id="rounded_to_ten"),
        pytest.param(59.4, "59 s", id="just_below_a_minute"),
        pytest.param(59.5, "1 min", id="rounded_to_a_minute"),
        pytest.param(60, "1 min", id="a_minute"),
        pytest.param(61, "1 min 1 s", id="a_minute_and_a_second"),
        pytest.param(1070, "17 min 50 s", id="minutes_and_seconds"),
        pytest.param(3599.4, "59 min 59 s", id="just_below_an_hour"),
        pytest.param(3599.5, "1 h", id="rounded_to_an_hour"),
        pytest.param(3659, "1 h", id="an_hour_drops_its_seconds"),
        pytest.param(7500, "2 h 5 min", id="hours_and_minutes"),
        pytest.param(86_399.4, "23 h 59 min", id="just_below_a_day"),
        pytest.param(86_400, "1 d", id="a_day"),
        pytest.param(90_000, "1 d 1 h", id="days_and_hours"),
        pytest.param(86_400 + 3599, "1 d", id="a_day_drops_its_minutes"),
        pytest.param(float("inf"), "for ever", id="infinite"),
        pytest.param(float("nan"), "0 s", id="not_a_number"),
    ],
)
def test_a_length_is_said_in_one_or_two_units(seconds: float, said: str) -> None:
    """People hear the one or two units that matter."""
    assert spoken(seconds) == said


@given(st.floats())
def test_any_number_can_be_said(seconds: float) -> None:
    """There is a short text for every float, and its figures are no further off than its smallest unit."""
    said = spoken(seconds)

    assert re.fullmatch(r"for ever|[0-9.]+ (s|min|h|d)( [0-9]+ (s|min|h))?", said)


@given(st.integers(min_value=10, max_value=100 * 86_400))
def test_what_was_said_can_be_written(seconds: int) -> None:
    """A spoken length reads back, and is no further off than what it leaves out."""
    said = seconds_of(spoken(seconds))

    left_out = 1 if seconds < 3600 else 60 if seconds < 86_400 else 3600
    assert 0 <= seconds - said < left_out
