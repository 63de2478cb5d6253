"""The life of an incident: every way it can go on, what people are told of it, and what they are spared."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartbeat_client.fields import RecordError
from heartbeat_client.run import Run
from tests.client.random_runs import documents, instants, runs, words
from tests.support.world import START, a_run
from watchdog.incident import LOST, OPENED, RECOVERED, REMINDED, RESOLVED, WORSENED, Case, Incident, Told
from watchdog.life import Rhythm, Step, opened, revived, step
from watchdog.policy import Policy
from watchdog.verdict import (
    FINISHED_LATE,
    HEALTHY,
    LATE,
    OVERDUE,
    PROBLEMS,
    SILENT,
    STALLED,
    UNJUDGED,
    Verdict,
    judge,
)

HALF_AN_HOUR = Rhythm(timedelta(minutes=30), timedelta(minutes=5))
SECOND = timedelta(seconds=1)

NOTHING = Told()
HEARD = Told(frozenset({"slack"}))
WAITING = Told(waiting=True)
SENDING = Told(waiting=True, being_sent=True)
HEARD_AND_WAITING = replace(HEARD, waiting=True)
HEARD_AND_SENDING = replace(HEARD, waiting=True, being_sent=True)


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def verdict(state: str, *, past: bool = False, since: datetime = START) -> Verdict:
    return Verdict(state, f"because {state}", since, past)


def case(found: Verdict | None, **run: Any) -> Case:
    return Case("run1", a_run(**run), found)


def told_incident(found: Verdict, **given: Any) -> Incident:
    """An incident that began with this verdict, its first notice made at START."""
    begun = opened(case(found), found, 1, START).noticed(("run1.1.1.opened.slack",), frozenset(), START)
    return replace(begun, **given)


def stepped(before: Incident, now_is: Case, told: Told, minutes: float = 1) -> Step | None:
    return step(before, now_is, told, HALF_AN_HOUR, at(minutes))


def test_a_problem_opens_an_incident() -> None:
    """The first incident of a run is its episode 1, under an id that two sweeps would both choose."""
    found = verdict(SILENT)
    begun = opened(case(found, detail="450 players"), found, 1, at(2))

    assert begun == Incident(
        id="run1.1",
        run_id="run1",
        episode=1,
        operation="load-historical-games",
        detail="450 players",
        verdict=found,
        opened_at=at(2),
    )
    assert begun.open
    assert opened(case(found), found, 2, at(3)).id == "run1.2"


def test_an_unreadable_record_opens_an_incident_without_a_name() -> None:
    """Where there is no run to name, the id of the record is what is known."""
    begun = opened(Case("x" * 20, None, verdict(UNJUDGED)), verdict(UNJUDGED), 1, START)

    assert (begun.operation, begun.detail, begun.run_id) == ("", "", "x" * 20)


# Each row of the module's table: verdict before, case now, what was told, what it becomes, what is told, why.
STAYS = [
    pytest.param(STALLED, STALLED, HEARD, None, "-", id="the_same_is_not_told_again"),
    pytest.param(STALLED, OVERDUE, HEARD, None, "nothing that was not told", id="another_as_bad_is_not_told"),
    pytest.param(SILENT, STALLED, HEARD, None, "nothing that was not told", id="less_bad_is_not_told"),
    pytest.param(STALLED, UNJUDGED, HEARD, None, "nothing that was not told", id="unreadable_now_is_not_worse"),
    pytest.param(STALLED, SILENT, HEARD, WORSENED, "stalled became silent", id="worse_is_told"),
    pytest.param(OVERDUE, SILENT, HEARD, WORSENED, "overdue became silent", id="no_sign_of_life_any_more_is_worse"),
    pytest.param(STALLED, SILENT, NOTHING, OPENED, "stalled became silent", id="worse_when_nobody_heard_is_an_opening"),
    pytest.param(
        STALLED, SILENT, WAITING, None, "the notice that waits will tell the latest", id="worse_while_waiting"
    ),
    pytest.param(
        STALLED, SILENT, SENDING, None, "the notice that waits will tell the latest", id="worse_while_being_sent"
    ),
    pytest.param(
        STALLED,
        SILENT,
        HEARD_AND_WAITING,
        None,
        "the notice that waits will tell the latest",
        id="worse_before_a_reminder",
    ),
    pytest.param(
        STALLED,
        SILENT,
        HEARD_AND_SENDING,
        None,
        "the notice that waits will tell the latest",
        id="worse_while_a_reminder_is_being_sent",
    ),
    pytest.param(STALLED, STALLED, WAITING, None, "-", id="the_same_while_waiting"),
    pytest.param(STALLED, STALLED, SENDING, None, "-", id="the_same_while_being_sent"),
]


@pytest.mark.parametrize(("was", "now_is", "told", "tell", "why"), STAYS)
def test_a_problem_that_goes_on(was: str, now_is: str, told: Told, tell: str | None, why: str) -> None:
    """While a problem lasts only a rise is told, and nothing new while a notice waits or is being sent."""
    after = stepped(told_incident(verdict(was)), case(verdict(now_is)), told)

    if why == "-":
        assert after is None
        return
    assert after is not None
    assert (after.tell, after.why) == (tell, why)
    assert after.incident.open
    assert after.incident.verdict == verdict(now_is)


@pytest.mark.parametrize("state", [STALLED, OVERDUE])
def test_passing_the_deadline_is_worse(state: str) -> None:
    """A run that still beats is told once more when its deadline passes."""
    after = stepped(told_incident(verdict(state)), case(verdict(state, past=True)), HEARD)

    assert after is not None
    assert (after.tell, after.why) == (WORSENED, f"{state} is past the deadline now")


def test_what_was_told_is_never_worse_again() -> None:
    """A problem that eases and comes back as bad as it was told before is not told again."""
    bad = told_incident(verdict(SILENT))
    eased = stepped(bad, case(verdict(STALLED)), HEARD, 5)
    assert eased is not None
    back = stepped(eased.incident, case(verdict(SILENT)), HEARD, 10)

    assert back is not None
    assert back.tell is None
    assert back.incident.told_severity == 2


def test_a_newer_beginning_is_kept_without_a_word() -> None:
    """A run that moved and stalled anew between two sweeps has a newer `since`, and nobody is told."""
    after = stepped(told_incident(verdict(STALLED)), case(verdict(STALLED, since=at(5))), HEARD, 11)

    assert after is not None
    assert after.tell is None
    assert after.incident.verdict.since == at(5)


REMIND = [
    pytest.param(HEARD, STALLED, REMINDED, id="reminded_when_heard"),
    pytest.param(NOTHING, STALLED, OPENED, id="opened_again_when_nobody_heard"),
    pytest.param(HEARD, UNJUDGED, None, id="unjudged_is_never_reminded"),
    pytest.param(NOTHING, UNJUDGED, OPENED, id="unjudged_is_opened_again_when_nobody_heard"),
    pytest.param(WAITING, STALLED, None, id="nothing_while_a_notice_waits"),
    pytest.param(SENDING, STALLED, None, id="nothing_while_a_notice_is_being_sent"),
    pytest.param(HEARD_AND_WAITING, STALLED, None, id="nothing_while_a_reminder_waits"),
]


@pytest.mark.parametrize(("told", "state", "tell"), REMIND)
def test_a_reminder_comes_after_remind_every(told: Told, state: str, tell: str | None) -> None:
    """A problem is told again `remind_every` after its last notice, not a second before."""
    before = told_incident(verdict(state))

    assert step(before, case(verdict(state)), told, HALF_AN_HOUR, at(30) - SECOND) is None
    for now in (at(30), at(30) + SECOND):
        after = step(before, case(verdict(state)), told, HALF_AN_HOUR, now)
        assert (after.tell if after else None) == tell
        assert after is None or after.why == "it goes on"


def test_a_reminder_counts_from_the_last_notice() -> None:
    """What was told in between puts the next reminder off; without any notice it counts from the opening."""
    since_told = told_incident(verdict(STALLED), last_notice_at=at(20))
    never_told = told_incident(verdict(STALLED), last_notice_at=None, opened_at=at(10))

    assert stepped(since_told, case(verdict(STALLED)), HEARD, 49.9) is None
    assert stepped(since_told, case(verdict(STALLED)), HEARD, 50) is not None
    assert stepped(never_told, case(verdict(STALLED)), NOTHING, 39.9) is None
    assert stepped(never_told, case(verdict(STALLED)), NOTHING, 40) is not None


def test_what_grew_worse_before_it_was_told_is_told_once() -> None:
    """A problem that grew worse while its opening waited is told by that opening, and not once more after it."""
    begun = told_incident(verdict(STALLED))
    worse = stepped(begun, case(verdict(SILENT)), WAITING, 2)
    assert worse is not None
    after = stepped(worse.incident, case(verdict(SILENT)), HEARD, 3)

    assert after is None


def test_passing_the_deadline_before_it_was_told_is_told_once() -> None:
    """The same holds when nothing changed but that the deadline passed."""
    worse = stepped(told_incident(verdict(STALLED)), case(verdict(STALLED, past=True)), WAITING, 2)
    assert worse is not None
    after = stepped(worse.incident, case(verdict(STALLED, past=True)), HEARD, 3)

    assert after is None


def test_what_grew_worse_while_a_reminder_waited_is_told() -> None:
    """People who heard of the lesser problem hear of the worse one, whatever became of the reminder."""
    worse = stepped(told_incident(verdict(STALLED)), case(verdict(SILENT)), HEARD_AND_WAITING, 31)
    assert worse is not None
    after = stepped(worse.incident, case(verdict(SILENT)), HEARD, 32)

    assert after is not None
    assert after.tell == WORSENED


ENDS = [
    pytest.param(case(verdict(HEALTHY)), RECOVERED, "it moves again: because healthy", id="healthy"),
    pytest.param(case(verdict(LATE)), RECOVERED, "because late", id="late"),
    pytest.param(case(verdict(HEALTHY), state="succeeded"), RECOVERED, "because healthy", id="succeeded"),
    pytest.param(
        case(verdict(FINISHED_LATE, past=True), state="succeeded"),
        "finished late",
        "because finished late",
        id="succeeded_past_its_deadline",
    ),
    pytest.param(case(verdict(HEALTHY), state="failed"), "failed", "because healthy", id="failed"),
    pytest.param(
        case(verdict(FINISHED_LATE, past=True), state="failed"), "failed", "because finished late", id="failed_late"
    ),
    pytest.param(case(verdict(HEALTHY), state="interrupted"), "interrupted", "because healthy", id="interrupted"),
    pytest.param(
        Case("run1", None, None), "record deleted", "its record is gone from the store", id="its_record_is_gone"
    ),
    pytest.param(
        case(verdict(SILENT, past=True)),
        LOST,
        "it stayed silent past its deadline; given up, until it beats again",
        id="silent_past_its_deadline",
    ),
]


@pytest.mark.parametrize(("now_is", "how", "ending"), ENDS)
@pytest.mark.parametrize("was", [STALLED, SILENT, OVERDUE, UNJUDGED])
def test_a_problem_that_ends_is_resolved(was: str, now_is: Case, how: str, ending: str) -> None:
    """How a problem ended is kept, and told to those who heard of it."""
    after = stepped(told_incident(verdict(was)), now_is, HEARD, 40)

    assert after is not None
    assert (after.tell, after.why) == (RESOLVED, f"{how}: {ending}")
    assert (after.incident.how, after.incident.ending) == (how, ending)
    assert not after.incident.open
    assert after.incident.resolved_at == at(40)
    assert after.incident.expires_at == at(40) + timedelta(days=30)
    assert after.incident.verdict == verdict(was)


@pytest.mark.parametrize(
    ("told", "tell"),
    [
        pytest.param(HEARD, RESOLVED, id="heard"),
        pytest.param(NOTHING, None, id="never_heard"),
        pytest.param(WAITING, None, id="not_heard_yet"),
        pytest.param(HEARD_AND_WAITING, RESOLVED, id="heard_while_a_reminder_waits"),
    ],
)
def test_an_end_is_told_to_those_who_heard(told: Told, tell: str | None) -> None:
    """A problem that ends before anybody heard of it ends without a word."""
    after = stepped(told_incident(verdict(STALLED)), case(verdict(HEALTHY)), told)

    assert after is not None
    assert after.tell == tell
    assert not after.incident.open


@pytest.mark.parametrize("told", [SENDING, HEARD_AND_SENDING], ids=["the_opening", "a_reminder"])
@pytest.mark.parametrize("now_is", [case(verdict(HEALTHY)), Case("run1", None, None)], ids=["healthy", "gone"])
def test_an_end_waits_for_a_notice_under_way(told: Told, now_is: Case) -> None:
    """While a notice is being sent nobody can say whether it was heard, so the incident stays for the next sweep."""
    assert stepped(told_incident(verdict(STALLED)), now_is, told) is None


@pytest.mark.parametrize(
    ("found", "told", "lost"),
    [
        pytest.param(verdict(SILENT, past=True), HEARD, True, id="silent_past_its_deadline_and_told"),
        pytest.param(verdict(SILENT), HEARD, False, id="not_before_its_deadline"),
        pytest.param(verdict(STALLED, past=True), HEARD, False, id="not_while_it_beats"),
        pytest.param(verdict(SILENT, past=True), NOTHING, False, id="not_before_anybody_heard"),
        pytest.param(verdict(SILENT, past=True), WAITING, False, id="not_while_a_notice_waits"),
        pytest.param(verdict(SILENT, past=True), HEARD_AND_WAITING, False, id="not_while_a_reminder_waits"),
        pytest.param(verdict(SILENT, past=True), HEARD_AND_SENDING, False, id="not_while_one_is_being_sent"),
    ],
)
def test_when_a_run_is_given_up(found: Verdict, told: Told, lost: bool) -> None:
    """Lost is what is silent, past its deadline, and told."""
    after = stepped(told_incident(verdict(SILENT)), case(found), told, 31)

    assert (after is not None and after.incident.how == LOST) is lost


@pytest.mark.parametrize(
    ("now_is", "how", "ending"),
    [
        pytest.param(case(verdict(HEALTHY)), RECOVERED, "it moves again: because healthy", id="healthy"),
        pytest.param(case(verdict(LATE)), RECOVERED, "because late", id="late"),
        pytest.param(case(verdict(HEALTHY), state="failed"), "failed", "because healthy", id="failed_by_now"),
        pytest.param(
            case(verdict(FINISHED_LATE), state="succeeded"), "finished late", "because finished late", id="done_by_now"
        ),
    ],
)
def test_a_run_that_was_given_up_and_beats_again_is_taken_back(now_is: Case, how: str, ending: str) -> None:
    """That a run was called lost is told to be wrong, once, in the same incident."""
    lost = stepped(told_incident(verdict(SILENT)), case(verdict(SILENT, past=True)), HEARD, 31)
    assert lost is not None
    back = revived(lost.incident, now_is, at(40))

    assert back is not None
    assert back.tell == RESOLVED
    assert (back.incident.id, back.incident.how) == ("run1.1", how)
    assert back.incident.ending == f"it was given up as lost, and beats again: {ending}"
    assert back.incident.resolved_at == at(40)
    assert revived(back.incident, now_is, at(41)) is None


@pytest.mark.parametrize(
    ("how", "now_is"),
    [
        pytest.param(RECOVERED, case(verdict(HEALTHY)), id="one_that_was_not_lost"),
        pytest.param("record deleted", case(verdict(HEALTHY)), id="one_whose_record_was_gone"),
        pytest.param(LOST, case(verdict(STALLED)), id="one_that_is_in_trouble_again"),
        pytest.param(LOST, Case("run1", None, None), id="one_whose_record_is_gone_by_now"),
    ],
)
def test_nothing_else_is_taken_back(how: str, now_is: Case) -> None:
    """Only a lost run that is well, or over, is taken back; a new problem of its is a new episode."""
    last = told_incident(verdict(SILENT), state="resolved", how=how, resolved_at=at(31))

    assert revived(last, now_is, at(40)) is None
    assert revived(None, now_is, at(40)) is None


def test_new_notices_are_remembered() -> None:
    """An incident keeps the newest notices, how many there were, who heard of it before, and the worst told."""
    once = told_incident(verdict(STALLED))
    twice = once.judged(verdict(SILENT)).noticed(("a", "b"), frozenset({"slack", "console"}), at(9))
    eased = twice.judged(verdict(STALLED)).noticed(("c",), frozenset(), at(39))

    assert (once.notice_count, once.told_severity, once.last_notice_at) == (1, 1, START)
    assert (twice.notice_count, twice.told_severity, twice.last_notice_at) == (2, 2, at(9))
    assert (twice.notices, twice.heard_on) == (("a", "b"), ("console", "slack"))
    assert eased.told_severity == 2


problems = st.builds(
    Verdict, state=st.sampled_from(sorted(PROBLEMS)), reason=words, since=instants, past_deadline=st.booleans()
)
incidents = st.builds(
    Incident,
    id=words,
    run_id=words.filter(str.strip),
    episode=st.integers(1, 99),
    operation=words,
    verdict=problems,
    opened_at=instants,
    state=st.sampled_from(["open", "resolved"]),
    detail=words,
    how=words,
    ending=words,
    resolved_at=st.none() | instants,
    told_severity=st.integers(0, 3),
    last_notice_at=st.none() | instants,
    notices=st.lists(words, max_size=2).map(tuple),
    notice_count=st.integers(0, 99),
    heard_on=st.lists(words, max_size=2).map(tuple),
    expires_at=st.none() | instants,
)
tolds = st.builds(Told, heard_on=st.frozensets(st.just("slack")), waiting=st.booleans(), being_sent=st.booleans()).map(
    lambda told: replace(told, waiting=told.waiting or told.being_sent)
)


@given(incidents)
def test_an_incident_comes_back_from_its_document(incident: Incident) -> None:
    """What is stored of an incident reads back equal, and says by itself whether it is open."""
    document = incident.to_document()

    assert Incident.from_document(incident.id, document) == incident
    assert document["open"] is incident.open


def test_an_incident_that_cannot_be_read_is_refused() -> None:
    """A document that is no incident's names what is wrong."""
    with pytest.raises(
        RecordError, match=r"^incident x: run_id is missing; episode is missing; opened_at is missing; "
    ):
        Incident.from_document("x", {})


@given(document=documents(), now=instants, told=tolds, heard=st.booleans())
def test_any_run_has_an_incident_that_can_be_kept(
    document: dict[str, Any], now: datetime, told: Told, heard: bool
) -> None:
    """Whatever a stranger writes, the incidents that come of it can be stored and read again, to their end."""
    run: Run | None = None
    try:
        run = Run.from_document("stranger", document)
        found = judge(run, Policy(), now)
    except RecordError as error:
        found = judge(error, Policy(), now)
    begun = opened(Case("stranger", run, found), found, 1, now)
    over = step(begun, Case("stranger", a_run(), verdict(HEALTHY)), HEARD, HALF_AN_HOUR, now)
    ended = step(told_incident(verdict(STALLED)), Case("stranger", run, found), HEARD, HALF_AN_HOUR, now)

    kept = [begun, *(one.incident for one in (over, ended) if one is not None)]
    assert [Incident.from_document(one.id, one.to_document()) for one in kept] == kept


@given(run=runs(reason=st.just("r" * 1000), state=st.just("failed")), now=instants)
def test_the_longest_ending_can_be_kept(run: Run, now: datetime) -> None:
    """An ending made of the longest texts that a record may hold is read again."""
    from heartbeat_client.run import Failure

    run = replace(run, failure=Failure("E" * 1000))
    over = Case("run1", run, judge(run, Policy(), now))
    lost = told_incident(verdict(SILENT), state="resolved", how=LOST, resolved_at=at(31))
    back = revived(lost, over, now)

    assert back is not None
    assert Incident.from_document("run1.1", back.incident.to_document()) == back.incident


@pytest.mark.parametrize("run_id", ["x" * 1500, "\U0001f600" * 375], ids=["ascii", "emoji"])
def test_a_long_id_of_a_run_still_makes_an_id_that_a_store_takes(run_id: str) -> None:
    """Firestore's ids have at most 1,500 bytes, and a notice's is made of the incident's."""
    found = verdict(UNJUDGED)
    one = opened(Case(run_id, None, found), found, 1, START)
    other = opened(Case(run_id[:-1] + "y", None, found), found, 1, START)

    assert one.run_id == run_id
    assert len(one.id.encode()) < 1000
    assert one.id != other.id
    assert re.fullmatch(r".*\.1", one.id)


@given(before=incidents, state=problems | st.builds(Verdict, st.sampled_from([HEALTHY, LATE]), words), told=tolds)
def test_a_step_never_tells_into_the_void(before: Incident, state: Verdict, told: Told) -> None:
    """Nothing but an opening is told to people who heard nothing, and nothing at all while a notice waits."""
    after = step(replace(before, state="open"), case(state), told, HALF_AN_HOUR, before.opened_at)

    if after is not None and after.tell is not None:
        assert told.heard or after.tell == OPENED
        assert after.tell == RESOLVED or not told.waiting
        assert not told.being_sent
