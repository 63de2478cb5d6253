"""The record of one telling: who may send it and when, what comes of a failure, what people may have heard."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartbeat_client.fields import RecordError
from tests.client.random_runs import instants, words
from tests.support.world import START
from watchdog.incident import Incident, Told
from watchdog.message import Message
from watchdog.notice import GAVE_UP, PENDING, RETRY, SENT, STATES, WITHDRAWN, Failure, Notice, told_of
from watchdog.verdict import STALLED, Verdict

SECOND = timedelta(seconds=1)
PAUSE = timedelta(seconds=20)
MESSAGE = Message(
    "opened", "bad", "load is stalled", "because", (("What", "450 players"),), (("Logs", "https://e.com"),)
)


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def a_notice(**given: Any) -> Notice:
    notice = Notice("run1.1.1.opened.slack", "opened", "slack", ("run1.1",), MESSAGE, made_at=START)
    return replace(notice, **given)


def failure(*, permanent: bool = False, maybe: bool = False, retry_after: float | None = None) -> Failure:
    return Failure("slack: answered 500", permanent, maybe, retry_after)


NEW = a_notice()
CLAIMED = NEW.claim(at(1), at(2))


def test_a_new_notice_may_be_sent_at_once() -> None:
    """What was just made is open, nobody's, and not heard by anybody."""
    assert NEW.state == PENDING
    assert NEW.open
    assert NEW.ready(START)
    assert not NEW.claimed(START)
    assert not NEW.heard


@pytest.mark.parametrize(
    ("now", "claimed"),
    [(at(1), True), (at(2) - SECOND, True), (at(2), False), (at(2) + SECOND, False)],
    ids=["when_claimed", "before_its_end", "at_its_end", "after_its_end"],
)
def test_a_claim_lasts_until_its_end(now: datetime, claimed: bool) -> None:
    """A claimed notice is one sweep's until the claim runs out, then anybody's again."""
    assert CLAIMED.claimed(now) is claimed
    assert CLAIMED.ready(now) is not claimed
    assert CLAIMED.open


def test_a_claim_counts_and_leaves_doubt() -> None:
    """Should the sweep die now, an attempt was made and nobody knows whether it was heard."""
    assert CLAIMED.attempts == 1
    assert CLAIMED.maybe_delivered
    assert CLAIMED.heard
    assert CLAIMED.state == PENDING
    assert CLAIMED.claim(at(3), at(4)).attempts == 2


def test_a_delivered_notice_is_sent_with_the_words_that_were_sent() -> None:
    """What people saw is kept, and the notice is nobody's work any more."""
    words_sent = replace(MESSAGE, title="load is silent")
    sent = replace(CLAIMED, error="slack: answered 500").sent(at(1.5), words_sent, "ts-1")

    assert sent == a_notice(
        state=SENT, attempts=1, sent_at=at(1.5), maybe_delivered=True, message=words_sent, reference="ts-1"
    )
    assert sent.heard
    assert not sent.open
    assert not sent.ready(at(99))


@pytest.mark.parametrize("before", [False, True], ids=["never_tried", "maybe_delivered_earlier"])
def test_a_withdrawn_notice_is_heard_only_if_it_was_before(before: bool) -> None:
    """A notice that is not needed any more is not sent; this sweep's own claim leaves no doubt behind."""
    held = replace(NEW, maybe_delivered=before)
    withdrawn = held.claim(at(1), at(2)).withdrawn(held)

    assert withdrawn.state == WITHDRAWN
    assert not withdrawn.open
    assert not withdrawn.claimed(at(1))
    assert withdrawn.heard is before


@pytest.mark.parametrize(
    ("before", "failed", "heard"),
    [
        pytest.param(False, failure(), False, id="refused_for_now"),
        pytest.param(False, failure(maybe=True), True, id="no_answer"),
        pytest.param(True, failure(), True, id="refused_after_an_earlier_one_without_answer"),
        pytest.param(False, failure(permanent=True), False, id="refused_for_good"),
        pytest.param(False, failure(permanent=True, maybe=True), True, id="lost_for_good_but_maybe_there"),
    ],
)
def test_a_failure_says_whether_people_may_have_seen_it(before: bool, failed: Failure, heard: bool) -> None:
    """After a failure the notice counts as heard only where some try may have got through."""
    held = replace(NEW, maybe_delivered=before)
    after = held.claim(at(1), at(2)).failed(held, at(1), failed, PAUSE)

    assert after.heard is heard
    assert after.error == "slack: answered 500"
    assert after.claimed_until is None


def test_a_failure_that_cannot_be_helped_is_given_up() -> None:
    """A permanent failure ends the notice at its first try."""
    after = CLAIMED.failed(NEW, at(1), failure(permanent=True), PAUSE)

    assert (after.state, after.open, after.next_try_at) == (GAVE_UP, False, None)


@pytest.mark.parametrize(
    ("age", "state"),
    [
        (timedelta(hours=24) - SECOND, RETRY),
        (timedelta(hours=24), GAVE_UP),
        (timedelta(hours=24) + SECOND, GAVE_UP),
    ],
    ids=["before", "on", "after"],
)
def test_a_failure_that_lasts_a_day_is_given_up(age: timedelta, state: str) -> None:
    """A notice is tried again for 24 hours from its making."""
    after = CLAIMED.failed(NEW, START + age, failure(), PAUSE)

    assert after.state == state
    assert after.open is (state == RETRY)


@pytest.mark.parametrize(
    ("attempts", "seconds"),
    [(1, 20), (2, 40), (3, 80), (4, 160), (5, 320), (6, 600), (7, 600), (50, 600), (5000, 600)],
)
def test_each_failure_doubles_the_pause_up_to_ten_minutes(attempts: int, seconds: int) -> None:
    """The pause begins at 20 s, doubles with each try, and is never longer than 10 minutes."""
    after = replace(CLAIMED, attempts=attempts).failed(NEW, at(1), failure(), PAUSE)

    assert after.state == RETRY
    assert after.next_try_at == at(1) + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [
        pytest.param(None, 20, id="nothing_asked"),
        pytest.param(0.0, 20, id="no_pause_asked"),
        pytest.param(19.0, 20, id="less_than_ours"),
        pytest.param(30.0, 30, id="more_than_ours"),
        pytest.param(1800.0, 1800, id="half_an_hour"),
        pytest.param(3600.0, 3600, id="an_hour"),
        pytest.param(3601.0, 3600, id="more_than_an_hour"),
        pytest.param(1e300, 3600, id="longer_than_any_calendar"),
        pytest.param(float("inf"), 3600, id="for_ever"),
        pytest.param(-5.0, 20, id="less_than_nothing"),
    ],
)
def test_a_channel_may_ask_for_a_longer_pause(asked: float | None, seconds: int) -> None:
    """`Retry-After` is kept where it is longer than our own pause, up to an hour."""
    after = CLAIMED.failed(NEW, at(1), failure(retry_after=asked), PAUSE)

    assert after.next_try_at == at(1) + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("now", "ready"),
    [(at(5) - SECOND, False), (at(5), True), (at(5) + SECOND, True)],
    ids=["before", "on", "after"],
)
def test_a_failed_notice_is_tried_again_when_its_pause_is_over(now: datetime, ready: bool) -> None:
    """A notice in its pause is left alone until the pause is over."""
    assert a_notice(state=RETRY, next_try_at=at(5)).ready(now) is ready


def test_a_long_error_is_cut() -> None:
    """What is kept of a failure's text can be read back."""
    after = CLAIMED.failed(NEW, at(1), Failure("x" * 5000, permanent=False), PAUSE)

    assert Notice.from_document(after.id, after.to_document()) == after


@pytest.mark.parametrize("state", STATES)
def test_only_pending_and_retry_are_open(state: str) -> None:
    """What was sent, withdrawn or given up is never sent again, whatever a claim or a pause says."""
    notice = a_notice(state=state, next_try_at=START, claimed_until=START)

    assert notice.open is (state in {PENDING, RETRY})
    assert notice.ready(at(9)) is notice.open
    assert notice.to_document()["open"] is notice.open


pairs = st.lists(st.tuples(words, words), max_size=3).map(tuple)
messages = st.builds(
    Message,
    kind=words,
    mood=words,
    title=words,
    sentence=words,
    facts=pairs,
    links=pairs,
    frames=st.lists(words, max_size=3).map(tuple),
    also=st.lists(words, max_size=3).map(tuple),
    footer=words,
)
notices = st.builds(
    Notice,
    id=words,
    kind=words.filter(str.strip),
    channel=words.filter(str.strip),
    incidents=st.lists(words, max_size=3).map(tuple),
    message=messages,
    made_at=instants,
    state=st.sampled_from(STATES),
    attempts=st.integers(0, 99),
    next_try_at=st.none() | instants,
    claimed_until=st.none() | instants,
    sent_at=st.none() | instants,
    maybe_delivered=st.booleans(),
    reference=words,
    error=words,
)


@given(notices)
def test_a_notice_comes_back_from_its_document(notice: Notice) -> None:
    """What is stored of a notice reads back equal, and expires 30 days after its making."""
    document = notice.to_document()

    assert Notice.from_document(notice.id, document) == notice
    assert document["expires_at"] == notice.made_at + timedelta(days=30)


def test_a_document_that_is_no_notice_is_refused() -> None:
    """A document that can't be read names what is wrong."""
    with pytest.raises(
        RecordError, match=r"^notice x: kind is missing; channel is missing; made_at is missing; state is"
    ):
        Notice.from_document("x", {})


INCIDENT = Incident("run1.1", "run1", 1, "load", Verdict(STALLED, "because"), START)


def told(*notices: Notice, heard_on: tuple[str, ...] = (), now: datetime = START) -> Told:
    return told_of(replace(INCIDENT, heard_on=heard_on), notices, now)


OTHER = a_notice(id="run1.1.1.opened.console", channel="console")


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param(told(), Told(), id="nothing_made"),
        pytest.param(told(NEW), Told(waiting=True), id="made_and_not_sent"),
        pytest.param(told(a_notice(state=SENT)), Told(frozenset({"slack"})), id="sent"),
        pytest.param(told(CLAIMED, now=at(1)), Told(waiting=True, being_sent=True), id="being_sent"),
        pytest.param(
            told(CLAIMED, now=at(2)),
            Told(frozenset({"slack"}), waiting=True),
            id="a_sweep_died_over_it_so_it_may_have_been_heard",
        ),
        pytest.param(told(a_notice(state=RETRY)), Told(waiting=True), id="refused_for_now"),
        pytest.param(
            told(a_notice(state=RETRY, maybe_delivered=True)), Told(frozenset({"slack"}), waiting=True), id="no_answer"
        ),
        pytest.param(told(a_notice(state=GAVE_UP)), Told(), id="given_up"),
        pytest.param(
            told(a_notice(state=GAVE_UP, maybe_delivered=True)),
            Told(frozenset({"slack"})),
            id="given_up_though_maybe_there",
        ),
        pytest.param(told(a_notice(state=WITHDRAWN)), Told(taken_back=True), id="withdrawn"),
        pytest.param(told(NEW, heard_on=("slack",)), Told(frozenset({"slack"}), waiting=True), id="a_reminder_waits"),
        pytest.param(
            told(CLAIMED, heard_on=("slack",), now=at(1)),
            Told(frozenset({"slack"}), waiting=True, being_sent=True),
            id="a_reminder_is_being_sent",
        ),
        pytest.param(told(heard_on=("slack",)), Told(frozenset({"slack"})), id="heard_before_and_notices_pruned"),
        pytest.param(
            told(a_notice(state=SENT), OTHER), Told(frozenset({"slack"}), waiting=True), id="one_channel_of_two"
        ),
        pytest.param(
            told(a_notice(state=SENT), replace(OTHER, state=SENT)),
            Told(frozenset({"slack", "console"})),
            id="both_channels",
        ),
    ],
)
def test_what_people_have_heard(found: Told, expected: Told) -> None:
    """Heard is what was sent or may have been; what waits and what is under way is told apart."""
    assert found == expected
    assert found.heard is bool(expected.heard_on)


@given(
    steps=st.lists(st.sampled_from(["wait", "claim and die", "fail", "no answer", "refuse", "send"]), max_size=12),
    minutes=st.floats(0.1, 600),
)
def test_whatever_happens_a_notice_is_sent_given_up_or_tried_again(steps: list[str], minutes: float) -> None:
    """No chain of mishaps leaves an open notice that nobody will ever take on, or sends again what was sent."""
    notice, now, delivered = NEW, START, 0
    for what in steps:
        now += timedelta(minutes=minutes)
        if not notice.ready(now) or what == "wait":
            continue
        claimed = notice.claim(now, now + timedelta(minutes=1))
        if what == "claim and die":
            notice = claimed
        elif what == "send":
            notice, delivered = claimed.sent(now, MESSAGE, ""), delivered + 1
        else:
            failed = failure(permanent=what == "refuse", maybe=what == "no answer")
            notice = claimed.failed(notice, now, failed, PAUSE)

    assert notice.ready(now + timedelta(hours=1)) is notice.open
    assert delivered <= 1
    assert (notice.state == SENT) is (delivered == 1)
