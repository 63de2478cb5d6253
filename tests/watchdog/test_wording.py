"""How figures of a run are put into words."""

from __future__ import annotations

from datetime import timedelta

import pytest

from heartbeat_client.run import Progress, Run
from tests.support.world import START, a_run
from watchdog.wording import ago, progress_text, rate_text, remaining, sentence


def counting(done: int, total: int | None = None, rate: float | None = None, note: str = "") -> Run:
    return a_run(progress=Progress(done, total, rate=rate, note=note))


@pytest.mark.parametrize(
    ("run", "text"),
    [
        pytest.param(a_run(), "", id="nothing_where_nothing_is_declared"),
        pytest.param(counting(0, 450), "0 of 450 done", id="none_yet"),
        pytest.param(counting(41, 450), "41 of 450 done", id="of_a_total"),
        pytest.param(counting(451, 450), "451 of 450 done", id="more_than_the_total_is_said_as_it_is"),
        pytest.param(counting(41), "41 done", id="without_a_total"),
        pytest.param(counting(0, 0), "0 of 0 done", id="of_nothing"),
        pytest.param(counting(41, 450, note="page 3"), "41 of 450 done (page 3)", id="with_its_note"),
    ],
)
def test_progress_is_said_with_its_total(run: Run, text: str) -> None:
    """What is done, of how many where that is known, with the operation's own words."""
    assert progress_text(run) == text


@pytest.mark.parametrize(
    ("rate", "text"),
    [
        pytest.param(12.14, "12.1/s", id="many_a_second"),
        pytest.param(1.0, "1.0/s", id="one_a_second"),
        pytest.param(0.99, "59.4/min", id="just_below_one_a_second"),
        pytest.param(1 / 60, "1.0/min", id="one_a_minute"),
        pytest.param(0.016, "57.6/h", id="just_below_one_a_minute"),
        pytest.param(1 / 7200, "0.5/h", id="one_in_two_hours"),
    ],
)
def test_a_rate_is_said_in_a_unit_that_fits(rate: float, text: str) -> None:
    """A rate below one a second is said by the minute, below one a minute by the hour."""
    assert rate_text(rate) == text


@pytest.mark.parametrize(
    ("run", "text"),
    [
        pytest.param(a_run(), "", id="nothing_declared"),
        pytest.param(counting(41, 450), "", id="no_rate_yet"),
        pytest.param(counting(41, 450, 0.0), "", id="a_rate_of_zero"),
        pytest.param(counting(250, 450, 10.0), "10.0/s, about 20 s to go", id="a_rate_and_a_total"),
        pytest.param(counting(250, None, 10.0), "10.0/s", id="no_total"),
        pytest.param(counting(450, 450, 10.0), "10.0/s", id="all_done"),
        pytest.param(counting(460, 450, 10.0), "10.0/s", id="more_than_all_done"),
        pytest.param(counting(0, 10**9, 0.5), "30.0/min", id="an_estimate_of_decades_is_none"),
        pytest.param(counting(0, 2**62, 5e-324), "0.0/h", id="a_rate_next_to_nothing"),
    ],
)
def test_what_remains_is_estimated_where_it_can_be(run: Run, text: str) -> None:
    """The time to go is said where rate and total are known and an estimate means something."""
    assert remaining(run) == text


def test_parts_that_say_nothing_leave_no_trace() -> None:
    """A sentence is made of the parts that say something."""
    assert sentence("", "a", "", "b") == "a; b"
    assert sentence("", "") == ""
    assert ago(START + timedelta(seconds=90), START) == "1 min 30 s"
