"""How an incident is spared its messages: acknowledged, snoozed, flapping; and a run that failed."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from heartbeat_client.run import Failure
from tests.support.world import START, a_run
from watchdog.incident import LOST, OPENED, RECOVERED, REMINDED, RESOLVED, WORSENED, Case, Incident, Told
from watchdog.life import Rhythm, Step, failed, opened, step
from watchdog.verdict import HEALTHY, OVERDUE, SILENT, STALLED, Verdict

HEARD = Told(frozenset({"slack"}))
SECOND = timedelta(seconds=1)


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def verdict(state: str, *, past: bool = False) -> Verdict:
    return Verdict(state, f"because {state}", START, past)


def case(found: str, *, past: bool = False, **run: Any) -> Case:
    return Case("run1", a_run(**run), verdict(found, past=past))


def incident(state: str = STALLED, **given: Any) -> Incident:
    found = verdict(state)
    begun = opened(case(state), found, 1, START).noticed(("run1.1.1.opened.slack",), frozenset(), START, first=True)
    return replace(begun, **given)


def stepped(
    before: Incident, now_is: Case, minutes: float, told: Told = HEARD, *, snoozed: bool = False
) -> Step | None:
    rhythm = Rhythm(timedelta(minutes=30), timedelta(minutes=5), snoozed)
    return step(before, now_is, told, rhythm, at(minutes))


def told_by(after: Step | None) -> str | None:
    return after.tell if after else None


@pytest.mark.parametrize(
    ("now_is", "minutes", "tell"),
    [
        pytest.param(case(STALLED), 31, None, id="no_reminder"),
        pytest.param(case(SILENT), 31, WORSENED, id="worse_is_told"),
        pytest.param(case(STALLED, past=True), 31, WORSENED, id="a_passed_deadline_is_told"),
        pytest.param(case(HEALTHY), 31, RESOLVED, id="its_end_is_told"),
    ],
)
def test_who_acknowledged_is_not_reminded(now_is: Case, minutes: float, tell: str | None) -> None:
    """Who looks after a problem hears when it gets worse or ends, and is not reminded of it."""
    mine = incident().acknowledge("ada", at(5))

    assert mine.open
    assert told_by(stepped(mine, now_is, minutes)) == tell


def test_an_acknowledgement_holds_while_the_problem_grows() -> None:
    """The one who looks after it still does when it gets worse."""
    after = stepped(incident().acknowledge("ada", at(5)), case(SILENT), 6)

    assert after is not None
    assert (after.incident.state, after.incident.acked_by, after.incident.acked_at) == ("acknowledged", "ada", at(5))


@pytest.mark.parametrize(
    ("now_is", "told", "tell"),
    [
        pytest.param(case(STALLED), HEARD, None, id="no_reminder"),
        pytest.param(case(SILENT), HEARD, None, id="worse_is_not_told"),
        pytest.param(case(SILENT), Told(), None, id="what_nobody_heard_of_is_not_told"),
        pytest.param(case(HEALTHY), HEARD, RESOLVED, id="the_end_of_what_was_told_is_told"),
        pytest.param(case(HEALTHY), Told(), None, id="the_end_of_what_nobody_heard_is_not"),
    ],
)
def test_a_snooze_is_quiet(now_is: Case, told: Told, tell: str | None) -> None:
    """While an operation is snoozed, only the end of what was told is told."""
    assert told_by(stepped(incident(), now_is, 31, told, snoozed=True)) == tell


def test_what_grew_worse_in_a_snooze_is_told_after_it() -> None:
    """A snooze postpones: what is worse when it ends is told then, once."""
    quiet = stepped(incident(), case(SILENT), 10, snoozed=True)
    assert quiet is not None
    after = stepped(quiet.incident, case(SILENT), 11)

    assert told_by(after) == WORSENED


def test_what_began_in_a_snooze_is_told_after_it() -> None:
    """A problem that began in a snooze and lasts is opened as soon as the snooze is over."""
    begun = opened(case(STALLED), verdict(STALLED), 1, START)

    assert stepped(begun, case(STALLED), 10, Told(), snoozed=True) is None
    assert told_by(stepped(begun, case(STALLED), 11, Told())) == OPENED


def resolved(minutes: float, *, again: int = 0, how: str = RECOVERED) -> Incident:
    return incident(state="resolved", how=how, resolved_at=at(minutes), again=again)


@pytest.mark.parametrize(
    ("last", "minutes", "again"),
    [
        pytest.param(None, 20, 0, id="the_first"),
        pytest.param(resolved(10), 70 - 1 / 60, 1, id="within_the_hour"),
        pytest.param(resolved(10), 70, 0, id="on_the_hour"),
        pytest.param(resolved(10, again=3), 20, 4, id="and_again"),
        pytest.param(resolved(10, how=LOST), 20, 1, id="lost_and_back"),
        pytest.param(resolved(10, how="record deleted"), 20, 0, id="after_another_kind_of_end"),
    ],
)
def test_a_problem_that_returns_within_an_hour_counts(last: Incident | None, minutes: float, again: int) -> None:
    """What went wrong again within an hour of being well knows how often before."""
    assert opened(case(STALLED), verdict(STALLED), 2, at(minutes), last).again == again


def test_the_first_recovery_is_told_at_once() -> None:
    """A run that is well for the first time is over without waiting."""
    assert told_by(stepped(incident(), case(HEALTHY), 10)) == RESOLVED


@pytest.mark.parametrize(
    ("again", "minutes"), [(1, 5), (2, 10), (3, 20), (4, 40), (5, 60), (50, 60)], ids=lambda value: f"{value}"
)
def test_a_flapping_run_must_stay_well(again: int, minutes: float) -> None:
    """What went wrong again is over only after it was well for 5 minutes, 10 the next time, up to an hour."""
    waits = stepped(incident(again=again), case(HEALTHY), 10)
    assert waits is not None
    assert (waits.tell, waits.incident.open, waits.incident.well_since) == (None, True, at(10))

    assert stepped(waits.incident, case(HEALTHY), 10 + minutes - 1 / 60) is None
    for later in (10 + minutes, 10 + minutes + 1):
        after = stepped(waits.incident, case(HEALTHY), later)
        assert after is not None
        assert (after.tell, after.incident.open, after.incident.well_since) == (RESOLVED, False, None)


@pytest.mark.parametrize(
    ("again", "minutes", "lost"),
    [(0, 31, True), (1, 5 - 1 / 60, False), (1, 5, True), (2, 10 - 1 / 60, False), (2, 10, True)],
    ids=lambda value: f"{value}",
)
def test_a_flapping_run_is_lost_later(again: int, minutes: float, lost: bool) -> None:
    """What was back within the hour is given up only once it was silent for as long as it would have to be well."""
    after = stepped(incident(again=again, told_severity=3), case(SILENT, past=True), minutes)

    assert (after is not None and after.incident.how == LOST) is lost


def test_a_flapping_run_that_ends_is_over() -> None:
    """Nobody waits for a run to stay well that has ended."""
    after = stepped(incident(again=2), case(HEALTHY, state="succeeded"), 10)

    assert told_by(after) == RESOLVED


def test_a_flapping_run_in_trouble_again_says_nothing() -> None:
    """Stalled, moving, stalled within the wait is one problem, of which people heard."""
    waits = stepped(incident(again=1), case(HEALTHY), 10)
    assert waits is not None
    after = stepped(waits.incident, case(STALLED), 12)

    assert after is not None
    assert (after.tell, after.incident.well_since, after.stale) == (None, None, True)


def test_an_hour_of_flapping_is_a_handful_of_messages() -> None:
    """A run that stalls and moves every other minute for an hour is told of five times, not thirty."""
    told, current, last, heard = [], None, None, HEARD
    for minute in range(60):
        state = STALLED if minute % 2 else HEALTHY
        if current is None:
            if state == STALLED:
                current = opened(case(state), verdict(state), 1, at(minute), last).noticed(
                    ("n",), frozenset(), at(minute), first=True
                )
                told.append(OPENED)
            continue
        after = stepped(current, case(state), minute, heard)
        if after is None:
            continue
        current = after.incident
        if after.tell:
            told.append(after.tell)
            current = current.noticed(("n",), frozenset({"slack"}), at(minute)) if current.open else current
        if not current.open:
            current, last = None, current

    assert told == [OPENED, RESOLVED, OPENED, REMINDED]


@pytest.mark.parametrize("state", ["failed", "interrupted"])
def test_a_run_that_failed_is_an_incident_that_is_over(state: str) -> None:
    """A failure is told once and is nothing that goes on."""
    run = a_run(state=state, ended_at=at(3), failure=Failure("ValueError"))
    begun = failed(Case("run1", run, Verdict(HEALTHY, f"{state} after 3 min; ValueError")), run, 1, at(4))

    assert begun is not None
    assert (begun.open, begun.how, begun.verdict.state, begun.opened_at) == (False, state, state, at(3))
    assert "ValueError" in begun.ending


def test_a_run_that_succeeded_is_no_incident() -> None:
    """What ended well is not told."""
    run = a_run(state="succeeded", ended_at=at(3))

    assert failed(Case("run1", run, Verdict(HEALTHY, "succeeded")), run, 1, at(4)) is None


@pytest.mark.parametrize(
    ("found", "hours", "told", "lost"),
    [
        pytest.param(STALLED, 24 - 1 / 3600, HEARD, False, id="not_within_a_day"),
        pytest.param(STALLED, 24, HEARD, True, id="after_a_day"),
        pytest.param(STALLED, 24, Told(), False, id="not_before_anybody_heard"),
        pytest.param(OVERDUE, 24, HEARD, False, id="not_while_it_moves"),
    ],
)
def test_a_shared_run_that_nobody_ends_is_given_up(found: str, hours: float, told: Told, lost: bool) -> None:
    """A run without a process that stood still for a day is read no more."""
    after = stepped(incident(), case(found, shared=True), hours * 60, told)

    assert (after is not None and after.incident.how == LOST) is lost


def test_a_shared_run_is_given_up_at_its_deadline() -> None:
    """A run without a process that stands still past its deadline is lost at once when that was told."""
    after = stepped(incident(told_severity=3), case(STALLED, past=True, shared=True), 31)

    assert after is not None
    assert (after.incident.how, after.tell) == (LOST, RESOLVED)
