"""The record of a run: what both sides write and read, and the instants at which a run turns into a problem."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartbeat_client.run import (
    DETAIL_LIMIT,
    OPERATION_LIMIT,
    REVIVED_FOR,
    STATES,
    Failure,
    Place,
    Progress,
    RecordError,
    Run,
    Thresholds,
    Waiting,
    document_key,
    due_at,
    expires_at,
    overdue_at,
    silent_at,
    stalled_at,
)
from tests.client.random_runs import documents, runs

START = datetime(2026, 1, 14, 10, 0, tzinfo=timezone.utc)
BLINK = timedelta(microseconds=1)
FULL = Run(
    id="9f31c2aa",
    operation="load-historical-games",
    started_at=START,
    state="failed",
    detail="450 players",
    labels={"batch": "b1"},
    ancestors=("request", "phase"),
    child="step",
    project="p",
    region="us-west2",
    platform="cloud_run_service",
    service="coordinator",
    revision="coordinator-1",
    instance="00f4",
    host="h",
    pid=7,
    python="3.11.7",
    beat_at=START + timedelta(minutes=5),
    ended_at=START + timedelta(minutes=6),
    moved_at=START + timedelta(minutes=4),
    revived_at=START + timedelta(minutes=3),
    deadline=START + timedelta(minutes=30),
    seq=21,
    failed_writes=2,
    thresholds=Thresholds(1.5, 30.0, 60.0, 70.0, 80.0, 0.5, 5, 35.0, 9.0, ("silent_after",)),
    progress=Progress(41, 450, START, START, 12.5, "half of it"),
    waiting=Waiting("quota", START, START + timedelta(minutes=1)),
    activity={
        "kind": "blocked",
        "at": {"file": "data_loaders.py", "line": 412, "function": "load"},
        "frames": [{"file": "socket.py", "line": 706, "function": "readinto", "age": 240.0}],
        "since": START + timedelta(minutes=1),
        "waits_for": "peer 10.0.0.5:443",
        "cpu": 0.5,
        "a newer one's": [1],
    },
    stood=30.5,
    failure=Failure("ValueError", Place("data_loaders.py", 412, "load"), "no such player"),
    reason="told so",
    due_at=START + timedelta(minutes=7),
    expires_at=START + timedelta(days=7),
    schema=1,
    extra={"colour": "red"},
)


def at(minutes: float) -> datetime:
    """So many minutes after the start."""
    return START + timedelta(minutes=minutes)


def a_run(**given: Any) -> Run:
    """A running run that has nothing but a name and a start."""
    return replace(Run(id="r", operation="load", started_at=START), **given)


def limits(**given: Any) -> Thresholds:
    """The default limits but for some."""
    return replace(Thresholds(), **given)


def in_text(document: dict[str, Any]) -> dict[str, Any]:
    """The document as a store without types of its own gives it back."""
    back: dict[str, Any] = json.loads(json.dumps(document, default=datetime.isoformat))
    return back


def test_a_record_holds_every_field() -> None:
    """A run with all there is comes back equal, from a store with instants and from one with text alone."""
    document = FULL.to_document()

    assert document["parent"] == "phase"
    assert Run.from_document(FULL.id, document) == FULL
    assert Run.from_document(FULL.id, in_text(document)) == FULL


@given(run=runs())
def test_any_run_comes_back_from_its_document(run: Run) -> None:
    """What is written is read back equal, as a document and as JSON text."""
    assert Run.from_document(run.id, run.to_document()) == run
    assert Run.from_document(run.id, in_text(run.to_document())) == run


def test_what_says_nothing_is_left_out() -> None:
    """Fields that are None or empty are not written; zeros are."""
    document = a_run(progress=Progress(0), reason="").to_document()

    assert "deadline" not in document
    assert "reason" not in document
    assert "ancestors" not in document
    assert "parent" not in document
    assert document["pid"] == 0
    assert document["progress"] == {"done": 0}


def test_the_least_record_is_enough() -> None:
    """A record needs an operation, a state and a start; all else has its default."""
    document = {"operation": "load", "state": "running", "started_at": START}

    assert Run.from_document("r", document) == a_run()


@pytest.mark.parametrize("missing", ["operation", "state", "started_at"])
def test_a_record_without_what_it_needs_is_refused(missing: str) -> None:
    """Without a name, a state or a start there is no run, and the error says which."""
    document: dict[str, Any] = {"operation": "load", "state": "running", "started_at": START}
    del document[missing]

    with pytest.raises(RecordError) as caught:
        Run.from_document("r", document)
    assert caught.value.problems == [f"{missing} is missing"]


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        pytest.param({"state": "paused"}, "state must be one of", id="a_state_that_is_none"),
        pytest.param({"operation": " "}, "operation must be text, got empty text", id="a_name_of_blanks"),
        pytest.param({"operation": "x" * 201}, "operation must be text of at most 200", id="a_long_name"),
        pytest.param({"detail": "x" * 1001}, "detail must be text of at most 1000", id="a_long_detail"),
        pytest.param({"progress": {"done": "41"}}, "progress.done must be a whole number", id="a_count_in_text"),
        pytest.param({"progress": 41}, "progress must be a map", id="progress_that_is_a_number"),
        pytest.param({"progress": {"rate": -1}}, "progress.rate must be a number", id="a_rate_below_zero"),
        pytest.param({"waiting": {"reason": "x"}}, "waiting.since is missing", id="a_wait_without_begin"),
        pytest.param({"thresholds": {"warn_at": 1.1}}, "thresholds.warn_at must be", id="warned_after_the_deadline"),
        pytest.param({"thresholds": {"silent_after": 1e10}}, "thresholds.silent_after", id="silent_after_centuries"),
        pytest.param({"thresholds": {"beat_every": float("nan")}}, "thresholds.beat_every", id="no_beat"),
        pytest.param({"failure": {"type": 7}}, "failure.type must be text", id="a_failure_of_no_type"),
        pytest.param({"failure": {"place": {"line": "1"}}}, "failure.place.line must be", id="a_line_in_text"),
        pytest.param({"ancestors": "phase"}, "ancestors must be a list of text", id="an_ancestor_alone"),
        pytest.param({"labels": {str(n): "" for n in range(33)}}, "labels must be at most 32", id="too_many_labels"),
        pytest.param({"deadline": "9999-12-31T23:59:59Z"}, "deadline must be an instant", id="no_end_of_time"),
        pytest.param({"beat_at": 1_700_000_000}, "beat_at must be an instant", id="seconds_for_an_instant"),
    ],
)
def test_a_field_that_is_awry_is_named(changed: dict[str, Any], problem: str) -> None:
    """The error names the field by its path and says what it must be."""
    with pytest.raises(RecordError) as caught:
        Run.from_document("r", a_run().to_document() | changed)

    assert any(found.startswith(problem) for found in caught.value.problems)


def test_all_that_is_awry_is_named_at_once() -> None:
    """One error names every field, and the run by the beginning of its id."""
    with pytest.raises(RecordError) as caught:
        Run.from_document("r" * 200, {"operation": 7, "started_at": "yesterday"})

    assert caught.value.problems == [
        "operation must be text, got 7",
        "state is missing",
        "started_at must be an instant, got yesterday",
    ]
    assert str(caught.value).startswith("run " + "r" * 80 + ": ")


@given(document=documents())
def test_a_strangers_document_is_read_or_refused(document: dict[str, Any]) -> None:
    """Whatever a document holds, it is a run or a RecordError; and a run that was read can be reckoned with."""
    try:
        run = Run.from_document("stranger", document)
    except RecordError as error:
        refusal = error
    else:
        assert due_at(replace(run, state="running")) is not None
        assert expires_at(run) - run.started_at < timedelta(days=365 * 8000)
        document_key(run.operation).encode("ascii")
        json.dumps(run.to_document(), default=str, ensure_ascii=False).encode()
        return

    assert len(refusal.problems) >= 1
    assert len(str(refusal)) < 10_000


def test_fields_of_a_newer_schema_are_kept() -> None:
    """A reader of this schema reads a newer record, and what it does not know it writes back untouched."""
    document = FULL.to_document() | {"schema": 7, "mood": {"now": ["fine"]}, "note": "x"}
    read = Run.from_document(FULL.id, document)

    assert read.schema == 7
    assert read.extra == {"mood": {"now": ["fine"]}, "note": "x", "colour": "red"}
    assert read.to_document() == document


def test_an_unknown_field_never_overrules_a_known_one() -> None:
    """What a run says itself goes before anything kept from elsewhere."""
    assert a_run(extra={"operation": "other", "mood": "fine"}).to_document()["operation"] == "load"


@pytest.mark.parametrize(
    ("name", "limit"),
    [("operation", OPERATION_LIMIT), ("detail", DETAIL_LIMIT), ("reason", 1000), ("service", 1000)],
)
def test_text_has_a_limit(name: str, limit: int) -> None:
    """Text up to its limit is read, one letter more is not."""
    document = a_run().to_document()

    assert getattr(Run.from_document("r", document | {name: "x" * limit}), name) == "x" * limit
    with pytest.raises(RecordError, match=f"{name} must be text of at most {limit} characters"):
        Run.from_document("r", document | {name: "x" * (limit + 1)})


@pytest.mark.parametrize("state", sorted(STATES))
def test_only_a_running_run_has_not_ended(state: str) -> None:
    """Every state but running is an end."""
    assert a_run(state=state).ended is (state != "running")


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        pytest.param(a_run(beat_at=at(5)), at(6.5), id="from_the_last_beat"),
        pytest.param(a_run(), at(1.5), id="from_the_start_when_it_never_beat"),
        pytest.param(a_run(beat_at=at(5), thresholds=limits(silent_after=30)), at(5.5), id="after_its_own_limit"),
    ],
)
def test_a_run_turns_silent(run: Run, expected: datetime) -> None:
    """Silence begins `silent_after` after the last sign of life."""
    assert silent_at(run) == expected


WAIT = Waiting("quota", at(1), at(9))


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        pytest.param(a_run(progress=Progress(1), moved_at=at(3)), at(8), id="counted_from_its_last_move"),
        pytest.param(a_run(progress=Progress(0)), at(5), id="counted_from_the_start_before_the_first_move"),
        pytest.param(
            a_run(progress=Progress(0), thresholds=limits(stalled_after=60)), at(1), id="counted_after_its_own_limit"
        ),
        pytest.param(a_run(progress=Progress(1), child="x"), at(5), id="counted_though_inside_a_nested_run"),
        pytest.param(a_run(deadline=at(30)), at(18), id="opaque_after_60_percent_of_the_time_to_the_deadline"),
        pytest.param(
            a_run(deadline=at(30), moved_at=at(10)), at(22), id="opaque_60_percent_of_the_time_left_at_its_last_move"
        ),
        pytest.param(a_run(deadline=at(30), moved_at=at(30)), None, id="opaque_that_moved_at_the_deadline"),
        pytest.param(a_run(deadline=at(30), moved_at=at(31)), None, id="opaque_that_moved_past_the_deadline"),
        pytest.param(
            a_run(deadline=at(30), thresholds=limits(opaque_after=240)), at(4), id="opaque_after_its_own_limit"
        ),
        pytest.param(
            a_run(thresholds=limits(opaque_after=240), moved_at=at(2)), at(6), id="opaque_limit_needs_no_deadline"
        ),
        pytest.param(a_run(), None, id="opaque_without_limit_or_deadline_is_never_stalled"),
        pytest.param(a_run(deadline=at(30), child="x"), None, id="opaque_inside_a_nested_run_is_watched_there"),
        pytest.param(a_run(deadline=at(30), waiting=WAIT), at(9), id="a_declared_wait_until_its_end"),
        pytest.param(a_run(progress=Progress(1), waiting=WAIT), at(9), id="a_declared_wait_goes_before_progress"),
        pytest.param(a_run(child="x", waiting=WAIT), at(9), id="a_declared_wait_goes_before_a_nested_run"),
    ],
)
def test_a_run_turns_stalled(run: Run, expected: datetime | None) -> None:
    """A stall begins a limit after the last move; what a wait or a nested run stands for is left to that."""
    assert stalled_at(run) == expected


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        pytest.param(a_run(deadline=at(30)), at(24), id="80_percent_of_the_way_to_the_deadline"),
        pytest.param(a_run(deadline=at(30), thresholds=limits(warn_at=0.5)), at(15), id="its_own_share_of_the_way"),
        pytest.param(a_run(deadline=at(30), thresholds=limits(warn_at=1)), at(30), id="at_the_deadline_itself"),
        pytest.param(a_run(thresholds=limits(max_runtime=600)), at(10), id="past_max_runtime"),
        pytest.param(a_run(deadline=at(30), thresholds=limits(max_runtime=600)), at(10), id="the_earlier_of_both"),
        pytest.param(a_run(deadline=at(10), thresholds=limits(max_runtime=540)), at(8), id="the_warning_if_earlier"),
        pytest.param(a_run(), None, id="never_without_a_limit"),
        pytest.param(a_run(deadline=START), START, id="at_once_with_no_time_at_all"),
        pytest.param(a_run(deadline=at(-5)), START, id="at_once_with_a_deadline_before_the_start"),
    ],
)
def test_a_run_turns_overdue(run: Run, expected: datetime | None) -> None:
    """A run is overdue from its max_runtime, or most of the way to its deadline."""
    assert overdue_at(run) == expected


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        pytest.param(a_run(beat_at=at(1), deadline=at(30)), at(2.5), id="silence_comes_first"),
        pytest.param(
            a_run(beat_at=at(20), moved_at=at(20), progress=Progress(1), deadline=at(30)), at(21.5), id="silence_again"
        ),
        pytest.param(a_run(beat_at=at(17.9), deadline=at(30)), at(18), id="a_stall_comes_first"),
        pytest.param(
            a_run(beat_at=at(23.9), moved_at=at(23.9), progress=Progress(1), deadline=at(30)),
            at(24),
            id="the_warning_comes_first",
        ),
        pytest.param(a_run(beat_at=at(1)), at(2.5), id="silence_alone_where_no_other_limit_is"),
        pytest.param(a_run(state="succeeded", deadline=at(30)), None, id="never_once_it_succeeded"),
        pytest.param(a_run(state="failed", deadline=at(30)), None, id="never_once_it_failed"),
        pytest.param(a_run(state="interrupted"), None, id="never_once_it_was_interrupted"),
        pytest.param(a_run(state="succeeded", revived_at=at(1)), at(1), id="lost_then_ended"),
    ],
)
def test_a_run_is_due(run: Run, expected: datetime | None) -> None:
    """A run is due when it could first be a problem; after its end only to take back that it was lost."""
    assert due_at(run) == expected


@pytest.mark.parametrize(
    ("beat_at", "expected"),
    [
        pytest.param(None, at(40), id="before_its_first_beat"),
        pytest.param(at(40), at(40), id="with_its_first_beat"),
        pytest.param(at(40) + REVIVED_FOR - BLINK, at(40), id="just_before_five_minutes"),
        pytest.param(at(40) + REVIVED_FOR, at(46.5), id="five_minutes_later_it_is_due_like_any_other"),
    ],
)
def test_a_revived_run_is_due_at_once_for_a_while(beat_at: datetime | None, expected: datetime) -> None:
    """A run that beats again after it was given up stays due for five minutes, so that a sweep takes the news back."""
    assert due_at(a_run(revived_at=at(40), beat_at=beat_at, moved_at=at(40))) == expected


WEEK = timedelta(days=7)


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        pytest.param(a_run(state="succeeded", ended_at=at(9), deadline=at(30)), at(9) + WEEK, id="after_the_end"),
        pytest.param(
            a_run(state="failed", beat_at=at(8)), at(8) + WEEK, id="after_the_last_beat_if_the_end_is_unknown"
        ),
        pytest.param(a_run(state="failed"), at(0) + WEEK, id="after_the_start_if_nothing_else_is_known"),
        pytest.param(a_run(deadline=at(30), beat_at=at(1)), at(30) + WEEK, id="running_after_the_deadline"),
        pytest.param(
            a_run(deadline=at(30), beat_at=at(99)), at(99) + WEEK, id="running_past_its_deadline_after_a_beat"
        ),
        pytest.param(a_run(), at(0) + WEEK, id="running_without_a_deadline"),
    ],
)
def test_a_record_expires_a_week_after(run: Run, expected: datetime) -> None:
    """The store may delete a record 7 days after its end, or after the deadline or last beat of a run that goes on."""
    assert expires_at(run) == expected


@pytest.mark.parametrize(
    ("name", "key"),
    [
        pytest.param("load-historical-games", "load-historical-games", id="a_plain_name_as_it_is"),
        pytest.param("POST /start", "POST %2Fstart", id="no_slash"),
        pytest.param(".", "%2E", id="not_one_dot"),
        pytest.param("..", "%2E%2E", id="not_two_dots"),
        pytest.param("...", "...", id="three_dots_will_do"),
        pytest.param("__x__", "%5F_x__", id="not_between_double_underscores"),
        pytest.param("____", "%5F___", id="not_four_underscores"),
        pytest.param("__x", "__x", id="double_underscores_in_front_will_do"),
        pytest.param("100 %", "100 %25", id="no_percent_sign"),
        pytest.param("münchen", "m%C3%BCnchen", id="ascii_only"),
        pytest.param("a\nb", "a%0Ab", id="no_line_breaks"),
    ],
)
def test_a_name_becomes_a_document_id(name: str, key: str) -> None:
    """A name is kept as far as Firestore takes it, the rest is percent-encoded."""
    assert document_key(name) == key


LONG = st.text(max_size=5).map(lambda end: "\U0001f600" * 200 + end)


@given(st.text() | LONG, st.text() | LONG)
def test_any_two_names_are_two_document_ids(one: str, other: str) -> None:
    """Each name has an id that Firestore takes, and no two names share one, however long they are."""
    for key in (document_key(one), document_key(other)):
        assert re.fullmatch(r"[!-~ ]{1,1500}", key)
        assert "/" not in key
        assert key not in {".", ".."}
        assert not re.fullmatch(r"__.*__", key)

    assert (document_key(one) == document_key(other)) is (one == other)
