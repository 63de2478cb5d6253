"""When a sweep counts as failed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.support.world import START
from watchdog.health import verdict_on
from watchdog.report import SweepReport


def notice(seconds: float, state: str = "retry") -> dict[str, object]:
    """An entry of `undelivered` about a notice that was made so many seconds before the sweep."""
    made_at = (START - timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")
    return {"notice": "n", "channel": "slack", "why": "slack: answered 500", "made_at": made_at, "state": state}


TABLE = {
    "a_sweep_with_nothing_to_do_is_well": ([], False),
    "a_first_failed_delivery_is_tried_again": ([notice(1)], False),
    "a_notice_of_two_minutes_is_still_tried_again": ([notice(120)], False),
    "a_notice_older_than_two_minutes_fails_the_sweep": ([notice(121)], True),
    "one_that_was_never_tried_counts_by_its_age": ([notice(121, "pending")], True),
    "one_given_up_fails_the_sweep_at_once": ([notice(0, "gave_up")], True),
    "one_bad_one_among_good_ones_is_enough": ([notice(3), notice(200), notice(1)], True),
}


@pytest.mark.parametrize(("undelivered", "failed"), TABLE.values(), ids=TABLE.keys())
def test_what_fails_a_sweep(undelivered: list[dict[str, object]], failed: bool) -> None:
    """Only notices that wait for longer than two minutes, or were given up, fail a sweep."""
    assert verdict_on(SweepReport(START, undelivered=undelivered))[0] is failed


def test_no_sweep_is_a_failed_one() -> None:
    """Where the store could not be used there is no report, and that is a failure."""
    assert verdict_on(None) == (True, "the store could not be used, so nothing was read")


def test_what_goes_on_elsewhere_fails_nothing() -> None:
    """Records that can't be judged and verdicts that are held are counted, and don't fail the sweep."""
    report = SweepReport(START, read=9, judged=7, unjudged=["a", "b"], held=["c"])

    assert verdict_on(report) == (False, "9 read, 7 judged, 0 told, 2 unjudged, 1 held")


def test_the_sentence_names_counts() -> None:
    """The sentence says how many notices wait or were given up and for how long, and no name of anything."""
    waiting = [notice(30), notice(500), notice(130), notice(5, "gave_up")]
    failed, said = verdict_on(SweepReport(START, read=4, judged=4, undelivered=waiting))

    assert failed
    assert said == (
        "1 notice given up; 2 notices undelivered for longer than 2 min, the oldest for 8 min 20 s; "
        "4 read, 4 judged, 0 told, 1 to be tried again"
    )
