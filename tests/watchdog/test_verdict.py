"""What is the matter with a run: each rule one second before its limit, on it and one second after."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from heartbeat_client.fields import Fields
from heartbeat_client.run import Failure, Progress, RecordError, Run, Thresholds, Waiting, due_at
from tests.client.random_runs import activities, documents, instants, runs, words
from tests.support.world import START, a_run
from watchdog.policy import Policy, Rule, Settings
from watchdog.verdict import (
    FINISHED_LATE,
    HEALTHY,
    LATE,
    MISSED,
    OVERDUE,
    PROBLEMS,
    SILENT,
    STALLED,
    UNJUDGED,
    Verdict,
    judge,
)

SECOND = timedelta(seconds=1)


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def limits(**given: Any) -> Thresholds:
    return replace(Thresholds(), **given)


def running(beat_at: float | None = None, **given: Any) -> Run:
    """A run from START with 30 minutes that an honest client wrote; beat_at: minutes after START."""
    return a_run(**{"due_at": START, "beat_at": None if beat_at is None else at(beat_at)} | given)


def counted(done: int = 41, *, moved: float = 0, **given: Any) -> dict[str, Any]:
    return {"progress": Progress(done, 450, at=at(moved), since=START, **given), "moved_at": at(moved)}


def judged(run: Run | RecordError, now: datetime, policy: Policy | None = None) -> Verdict:
    return judge(run, policy or Policy(), now)


WAIT = Waiting("quota", at(1), at(9))
LONG = at(300)

# A run, the instant of its limit, its verdict just before, and from the limit on.
EDGES = [
    pytest.param(running(5), at(6.5), LATE, SILENT, id="silent_90_s_after_the_last_beat"),
    pytest.param(running(), at(1.5), HEALTHY, SILENT, id="silent_90_s_after_the_start_when_it_never_beat"),
    pytest.param(
        running(5, thresholds=limits(silent_after=600)), at(15), LATE, SILENT, id="silent_after_its_own_limit"
    ),
    pytest.param(
        running(5, thresholds=limits(silent_after=10)), at(5.5), HEALTHY, SILENT, id="silent_after_two_beats_at_least"
    ),
    pytest.param(running(4.9, **counted()), at(5), HEALTHY, STALLED, id="stalled_5_min_after_its_last_move"),
    pytest.param(running(11.9, **counted(moved=7)), at(12), HEALTHY, STALLED, id="stalled_5_min_after_a_later_move"),
    pytest.param(
        running(4.9, progress=Progress(0, 450)), at(5), HEALTHY, STALLED, id="stalled_that_never_moved_at_all"
    ),
    pytest.param(
        running(1.9, **counted(), thresholds=limits(stalled_after=120)),
        at(2),
        HEALTHY,
        STALLED,
        id="stalled_after_its_own_limit",
    ),
    pytest.param(
        running(8.9, **counted(), waiting=WAIT), at(9), HEALTHY, STALLED, id="stalled_past_what_its_wait_allowed"
    ),
    pytest.param(running(17.9), at(18), HEALTHY, STALLED, id="opaque_stalled_at_60_percent_of_30_min"),
    pytest.param(
        running(21.9, moved_at=at(10)), at(22), HEALTHY, STALLED, id="opaque_stalled_at_60_percent_of_what_was_left"
    ),
    pytest.param(
        running(3.9, thresholds=limits(opaque_after=240)), at(4), HEALTHY, STALLED, id="opaque_stalled_at_its_own_limit"
    ),
    pytest.param(
        running(3.9, deadline=None, thresholds=limits(opaque_after=240)),
        at(4),
        HEALTHY,
        STALLED,
        id="opaque_stalled_at_its_own_limit_without_a_deadline",
    ),
    pytest.param(
        running(23.9, child="step"), at(24), HEALTHY, OVERDUE, id="around_a_nested_run_only_overdue_at_80_percent"
    ),
    pytest.param(
        running(23.9, **counted(400, moved=23)), at(24), HEALTHY, OVERDUE, id="overdue_at_80_percent_of_the_way"
    ),
    pytest.param(running(17.9, **counted(moved=17)), at(18), HEALTHY, OVERDUE, id="foreseen_at_60_percent_of_the_way"),
    pytest.param(
        running(14.9, **counted(moved=14), thresholds=limits(warn_at=0.5)),
        at(15),
        HEALTHY,
        OVERDUE,
        id="overdue_at_its_own_share_of_the_way",
    ),
    pytest.param(
        running(9.9, **counted(moved=9), thresholds=limits(max_runtime=600)),
        at(10),
        HEALTHY,
        OVERDUE,
        id="overdue_past_max_runtime",
    ),
    pytest.param(
        running(9.9, deadline=None, thresholds=limits(max_runtime=600)),
        at(10),
        HEALTHY,
        OVERDUE,
        id="overdue_past_max_runtime_without_a_deadline",
    ),
    pytest.param(
        running(29.9, **counted(449, moved=29), thresholds=limits(warn_at=1)),
        at(30),
        HEALTHY,
        OVERDUE,
        id="overdue_at_the_deadline_when_warned_only_there",
    ),
    pytest.param(running(5), at(5.5), HEALTHY, LATE, id="late_after_one_missed_beat"),
    pytest.param(
        running(5, thresholds=limits(beat_every=30)), at(6), HEALTHY, LATE, id="late_after_one_of_its_own_beats"
    ),
]


@pytest.mark.parametrize(("run", "limit", "before", "after"), EDGES)
def test_a_limit_counts_from_the_instant_itself(run: Run, limit: datetime, before: str, after: str) -> None:
    """One second before its limit a run is what it was; on the limit and one second after, it is what the rule says."""
    assert judged(run, limit - SECOND).state == before
    assert judged(run, limit).state == after
    assert judged(run, limit + SECOND).state == after


@pytest.mark.parametrize(
    ("run", "state"),
    [
        pytest.param(running(29.9), STALLED, id="stalled_before_overdue"),
        pytest.param(running(20, **counted()), SILENT, id="silent_before_stalled"),
        pytest.param(running(29.3, **counted(moved=29)), OVERDUE, id="overdue_before_late"),
        pytest.param(running(1, started_at=at(40)), UNJUDGED, id="unjudged_before_silent"),
        pytest.param(running(29.9, deadline=None), HEALTHY, id="opaque_without_any_limit_is_never_a_problem"),
        pytest.param(running(29.9, child="step", deadline=LONG), HEALTHY, id="around_a_nested_run_time_alone_is_none"),
        pytest.param(running(29.9, **counted(), waiting=replace(WAIT, until=LONG)), OVERDUE, id="a_wait_is_no_leave"),
    ],
)
def test_the_first_rule_that_holds_decides(run: Run, state: str) -> None:
    """Of several rules that hold, the verdict is that of the first; where none holds, the run is healthy."""
    assert judged(run, at(30)).state == state


@pytest.mark.parametrize(
    ("now", "past"),
    [(at(30) - SECOND, False), (at(30), True), (at(30) + SECOND, True)],
    ids=["before", "on", "after"],
)
@pytest.mark.parametrize(
    "run",
    [running(29.9, **counted(moved=29)), running(29.9, **counted()), running(5)],
    ids=["overdue", "stalled", "silent"],
)
def test_past_the_deadline_is_said_whatever_the_verdict(run: Run, now: datetime, past: bool) -> None:
    """From the deadline on every verdict says that it lies behind."""
    assert judged(run, now).past_deadline is past


FIELDS = ["started_at", "beat_at", "moved_at", "progress.at"]


def with_instant(name: str, instant: datetime) -> Run:
    run = running(0)
    if name == "progress.at":
        return replace(run, progress=Progress(1, at=instant))
    return replace(run, **{name: instant, "deadline": None})


@pytest.mark.parametrize("name", FIELDS)
def test_an_instant_in_the_future_makes_no_sense(name: str) -> None:
    """Clocks may differ by a minute; what lies further ahead than that is no time at all."""
    minute = timedelta(minutes=1)

    assert judged(with_instant(name, START + minute - SECOND), START).state == HEALTHY
    assert judged(with_instant(name, START + minute), START).state == HEALTHY
    found = judged(with_instant(name, START + minute + SECOND), START)
    assert found.state == UNJUDGED
    assert f"{name} lies 1 min 1 s in the future" in found.reason


@pytest.mark.parametrize(
    ("deadline", "state"),
    [(START - SECOND, UNJUDGED), (START, OVERDUE), (START + SECOND, OVERDUE)],
    ids=["before", "on", "after"],
)
def test_a_deadline_before_the_start_makes_no_sense(deadline: datetime, state: str) -> None:
    """A deadline may be as early as the start, not earlier."""
    found = judged(running(0, child="step", deadline=deadline), START + SECOND)

    assert found.state == state
    assert ("its deadline lies before its start" in found.reason) is (state == UNJUDGED)


@pytest.mark.parametrize(
    ("now", "state"),
    [(at(6.5) - SECOND, UNJUDGED), (at(6.5), SILENT), (at(6.5) + SECOND, SILENT)],
    ids=["before", "on", "after"],
)
def test_a_record_without_due_at_is_unjudged_while_it_beats(now: datetime, state: str) -> None:
    """A run that only an audit finds is a problem of its own, until it is silent and so given up or dead."""
    found = judged(running(5, due_at=None), now)

    assert found.state == state
    assert ("it has no due_at, so that only an audit finds it" in found.reason) is (state == UNJUDGED)


def test_every_impossible_time_is_named() -> None:
    """Several things that make no sense are told together."""
    run = running(90, started_at=at(80), moved_at=at(70), due_at=None, deadline=at(79))

    assert judged(run, START).reason == (
        "the record makes no sense: started_at lies 1 h 20 min in the future; beat_at lies 1 h 30 min in the future; "
        "moved_at lies 1 h 10 min in the future; its deadline lies before its start; it has no due_at, so that only an "
        "audit finds it; was it written by another program?"
    )


def test_a_record_that_cannot_be_read_is_a_verdict() -> None:
    """What is wrong with an unreadable record is told, as far as five problems."""
    found = judged(RecordError("run x", [f"problem {n}" for n in range(7)]), START)

    assert found == Verdict(UNJUDGED, "the record can't be read: problem 0; problem 1; problem 2; problem 3; problem 4")


NEVER_BEAT = running(0.01, seq=1, platform="cloud_run_service")
CUT_OFF = running(29, platform="cloud_run_service")
CAUSES = "the process was killed, is frozen, or can't reach the store"
THROTTLED = "; the response is over, and without instance-based billing Cloud Run then takes the CPU away"

# A run, now, and since when and why it is what it is.
REASONS = [
    pytest.param(
        running(5),
        at(7),
        at(5),
        f"no further beat for 2 min, expected every 15 s (limit 1 min 30 s); {CAUSES}",
        id="silent",
    ),
    pytest.param(
        running(), at(2), START, f"no beat for 2 min, expected every 15 s (limit 1 min 30 s); {CAUSES}", id="never_beat"
    ),
    pytest.param(
        running(5, **counted(moved=4.5), failed_writes=3),
        at(7),
        at(5),
        f"no further beat for 2 min, expected every 15 s (limit 1 min 30 s); {CAUSES}; last seen: 41 of 450 done; "
        "its last beat reported 3 failed writes",
        id="silent_with_what_was_known_last",
    ),
    pytest.param(
        CUT_OFF,
        at(32),
        at(29),
        f"no further beat for 3 min, expected every 15 s (limit 1 min 30 s); {CAUSES}{THROTTLED}",
        id="silent_since_the_response_was_over",
    ),
    pytest.param(
        replace(CUT_OFF, beat_at=at(28.4)),
        at(32),
        at(28.4),
        f"no further beat for 3 min 36 s, expected every 15 s (limit 1 min 30 s); {CAUSES}",
        id="silent_since_before_the_response_was_over",
    ),
    pytest.param(
        replace(CUT_OFF, platform="cloud_run_job"),
        at(32),
        at(29),
        f"no further beat for 3 min, expected every 15 s (limit 1 min 30 s); {CAUSES}",
        id="a_job_has_no_response",
    ),
    pytest.param(
        replace(CUT_OFF, platform=""),
        at(32),
        at(29),
        f"no further beat for 3 min, expected every 15 s (limit 1 min 30 s); {CAUSES}",
        id="a_laptop_has_no_response",
    ),
    pytest.param(
        running(16.9, **counted(moved=5, rate=12.14)),
        at(17),
        at(5),
        "progress has stood at 41 of 450 done for 12 min (limit 5 min); it moved at 12.1/s before; beats still arrive",
        id="stalled_by_count",
    ),
    pytest.param(
        running(16.9, **counted(moved=5), activity={"kind": "progressing", "at": {"file": "load.py", "line": 41}}),
        at(17),
        at(5),
        "progress has stood at 41 of 450 done for 12 min (limit 5 min); "
        "where it stands has not been seen yet; it was at load.py:41 as it still moved",
        id="seen_only_while_it_moved",
    ),
    pytest.param(
        running(16.9, **counted(moved=5), activity={"kind": "progressing"}),
        at(17),
        at(5),
        "progress has stood at 41 of 450 done for 12 min (limit 5 min); beats still arrive",
        id="moved_and_never_seen",
    ),
    pytest.param(
        running(9.4, **counted(), waiting=WAIT),
        at(9.5),
        at(1),
        "its declared wait (quota) has lasted 8 min 30 s, longer than the 8 min it allowed; 41 of 450 done",
        id="waited_too_long",
    ),
    pytest.param(
        running(18.1),
        at(18.2),
        START,
        "it gave no sign of progress for 18 min 12 s (limit 18 min: 60% of the time to the deadline); beats still "
        "arrive, so the process lives; nothing to count was declared, so slow and stuck look alike from here",
        id="opaque",
    ),
    pytest.param(
        running(4.9, thresholds=limits(opaque_after=240)),
        at(5),
        START,
        "it gave no sign of progress for 5 min (limit 4 min); beats still arrive, so the process lives; nothing to "
        "count was declared, so slow and stuck look alike from here",
        id="opaque_with_its_own_limit",
    ),
    pytest.param(
        running(24.9, **counted(400, moved=24, rate=0.5)),
        at(25),
        at(24),
        "it has used 83% of the 30 min to its deadline and is not done; 400 of 450 done; 30.0/min, about 1 min 40 s "
        "to go",
        id="overdue_by_its_share_of_the_way",
    ),
    pytest.param(
        running(10.9, **counted(moved=10), thresholds=limits(max_runtime=600)),
        at(11),
        at(10),
        "it has run for 11 min, longer than its max_runtime of 10 min; 41 of 450 done",
        id="overdue_by_max_runtime",
    ),
    pytest.param(
        running(31.9, **counted(moved=31)),
        at(32),
        at(30),
        "it is 2 min past its deadline and still running after 32 min; 41 of 450 done",
        id="overdue_past_its_deadline",
    ),
    pytest.param(
        running(31.9, **counted(moved=31), thresholds=limits(max_runtime=600)),
        at(32),
        at(30),
        "it is 2 min past its deadline and still running after 32 min; 41 of 450 done",
        id="overdue_past_both_limits",
    ),
    pytest.param(running(5), at(5.75), at(5), "the last beat was 45 s ago, expected every 15 s", id="late"),
    pytest.param(running(5), at(5.1), None, "running for 5 min 6 s", id="healthy"),
    pytest.param(
        running(5, **counted(moved=5, rate=2.0)),
        at(5.1),
        None,
        "running for 5 min 6 s; 41 of 450 done; 2.0/s, about 3 min 24 s to go",
        id="healthy_with_progress",
    ),
]


@pytest.mark.parametrize(("run", "now", "since", "reason"), REASONS)
def test_a_verdict_says_why_with_figures(run: Run, now: datetime, since: datetime | None, reason: str) -> None:
    """The reason is a sentence with figures that a reader can check, and says since when it is so."""
    found = judged(run, now)

    assert found.reason == reason
    assert found.since == since


def test_a_first_beat_alone_is_called_no_beat() -> None:
    """A run that wrote its start and never beat after it is judged from there."""
    assert judged(NEVER_BEAT, at(3)).reason.startswith("no beat for 2 min 59 s")


ENDED = running(20, state="succeeded", ended_at=at(20), due_at=None)


@pytest.mark.parametrize(
    ("run", "state", "reason"),
    [
        pytest.param(ENDED, HEALTHY, "succeeded after 20 min", id="succeeded_in_time"),
        pytest.param(
            replace(ENDED, ended_at=at(30)), HEALTHY, "succeeded after 30 min", id="on_the_deadline_is_in_time"
        ),
        pytest.param(
            replace(ENDED, ended_at=at(30) + SECOND),
            FINISHED_LATE,
            "succeeded after 30 min 1 s, 1 s past its deadline",
            id="one_second_late",
        ),
        pytest.param(replace(ENDED, ended_at=None), HEALTHY, "succeeded after 20 min", id="as_of_its_last_beat"),
        pytest.param(replace(ENDED, ended_at=None, beat_at=None), HEALTHY, "succeeded after 0 s", id="as_of_its_start"),
        pytest.param(
            replace(ENDED, state="failed", failure=Failure("ValueError", text="x"), reason="told so"),
            HEALTHY,
            "failed after 20 min; ValueError; told so",
            id="failed_with_its_type_and_reason",
        ),
        pytest.param(replace(ENDED, state="failed"), HEALTHY, "failed after 20 min", id="failed_without_a_word"),
        pytest.param(
            replace(ENDED, state="interrupted", reason="SIGTERM"),
            HEALTHY,
            "interrupted after 20 min; SIGTERM",
            id="interrupted",
        ),
        pytest.param(
            replace(ENDED, state="failed", ended_at=at(31)),
            FINISHED_LATE,
            "failed after 31 min, 1 min past its deadline",
            id="failed_late",
        ),
        pytest.param(replace(ENDED, deadline=None), HEALTHY, "succeeded after 20 min", id="without_a_deadline"),
        pytest.param(
            replace(ENDED, started_at=at(400), due_at=None), HEALTHY, "succeeded after 0 s", id="whatever_its_times_say"
        ),
    ],
)
def test_a_run_that_ended_is_no_problem(run: Run, state: str, reason: str) -> None:
    """An ended run is healthy, or finished late; how and after how long it ended is said."""
    found = judged(run, at(600))

    assert (found.state, found.reason, found.problem) == (state, reason, False)
    assert found.past_deadline is (state == FINISHED_LATE)


def test_a_finished_failure_never_tells_its_text() -> None:
    """The text of an exception may hold what nobody should read; a verdict names its type alone."""
    failed = replace(ENDED, state="failed", failure=Failure("ValueError", text="password=hunter2"))

    assert "hunter2" not in judged(failed, at(21)).reason


def test_a_policy_is_applied_before_the_verdict() -> None:
    """Limits and deadline of a rule decide, not those of the record alone."""
    policy = Policy(rules=(Rule("load-*", Settings(opaque_after=240, deadline=600)),))

    assert judged(running(4), at(4) - SECOND, policy).state == HEALTHY
    assert judged(running(4), at(4), policy).state == STALLED
    assert judged(running(9.9), at(10), policy).past_deadline


@pytest.mark.parametrize(
    ("verdict", "problem", "severity"),
    [
        pytest.param(Verdict(HEALTHY, ""), False, 0, id="healthy"),
        pytest.param(Verdict(LATE, ""), False, 0, id="late"),
        pytest.param(Verdict(LATE, "", past_deadline=True), False, 0, id="late_past_the_deadline"),
        pytest.param(Verdict(FINISHED_LATE, "", past_deadline=True), False, 0, id="finished_late"),
        pytest.param(Verdict(STALLED, ""), True, 1, id="stalled"),
        pytest.param(Verdict(OVERDUE, ""), True, 1, id="overdue"),
        pytest.param(Verdict(UNJUDGED, ""), True, 1, id="unjudged"),
        pytest.param(Verdict(MISSED, ""), True, 1, id="missed"),
        pytest.param(Verdict(SILENT, ""), True, 2, id="silent"),
        pytest.param(Verdict(STALLED, "", past_deadline=True), True, 3, id="stalled_past_the_deadline"),
        pytest.param(Verdict(SILENT, "", past_deadline=True), True, 3, id="silent_past_the_deadline"),
    ],
)
def test_how_grave_a_verdict_is(verdict: Verdict, problem: bool, severity: int) -> None:
    """In danger, without a sign of life, past the deadline: in this order, and late is no problem at all."""
    assert (verdict.problem, verdict.severity) == (problem, severity)
    assert (verdict.state in PROBLEMS) is problem


@given(
    st.builds(
        Verdict,
        state=st.sampled_from(sorted(PROBLEMS)),
        reason=words,
        since=st.none() | instants,
        past_deadline=st.booleans(),
    )
)
def test_a_verdict_comes_back_from_its_document(verdict: Verdict) -> None:
    """What an incident keeps of a verdict reads back equal."""
    assert Verdict.from_fields(Fields(verdict.to_document())) == verdict


near = st.timedeltas(timedelta(0), timedelta(hours=2)).map(lambda after: START + after)
seconds = st.floats(1, 20_000)


@st.composite
def honest_runs(draw: st.DrawFn) -> Run:
    """Running runs such as a client writes them: limits of two beats or more, instants that can have been."""
    every = draw(st.floats(0.05, 600))
    thresholds = Thresholds(
        beat_every=every,
        silent_after=2 * every + draw(st.floats(0, 5000)),
        stalled_after=draw(seconds),
        opaque_after=draw(st.none() | seconds),
        max_runtime=draw(st.none() | seconds),
        warn_at=draw(st.floats(0.01, 1)),
    )
    run = draw(
        runs(
            state=st.just("running"),
            started_at=st.just(START),
            thresholds=st.just(thresholds),
            beat_at=st.none() | near,
            moved_at=st.none() | near,
            deadline=st.none() | near,
            revived_at=st.none(),
            gone_at=st.none() | near,
            progress=st.none() | st.builds(Progress, done=st.integers(0, 9), total=st.none() | st.integers(0, 9)),
            waiting=st.none() | st.builds(Waiting, reason=words, since=near, until=near),
            activity=st.none() | activities | activities.flatmap(lambda one: near.map(lambda at: {**one, "since": at})),
        )
    )
    return replace(run, due_at=due_at(run))


@given(run=honest_runs())
def test_a_run_is_due_exactly_when_it_becomes_a_problem(run: Run) -> None:
    """A millisecond before `due_at` a run is healthy or late, at `due_at` it is a problem: sweeps read enough."""
    due = run.due_at
    assert due is not None
    before = due - timedelta(milliseconds=1)
    assume(all(known <= before for known in (run.started_at, run.beat_at, run.moved_at) if known))

    assert judged(run, before).state in {HEALTHY, LATE}
    assert judged(run, due).problem


@given(run=honest_runs(), later=st.timedeltas(timedelta(0), timedelta(days=1)))
def test_a_run_that_is_due_stays_a_problem(run: Run, later: timedelta) -> None:
    """Without a further beat, a run that has become a problem stays one."""
    assert run.due_at is not None

    assert judged(run, run.due_at + later).problem


@given(run=runs(), now=instants)
def test_the_longest_reason_can_be_kept(run: Run, now: datetime) -> None:
    """However long the texts of a record are, its verdict is one that an incident and a notice can keep."""
    long = "x" * 1000
    place = {"file": long, "line": 2**62, "function": long}
    run = replace(
        run,
        reason=long,
        failure=Failure(long),
        progress=replace(run.progress, note=long) if run.progress else None,
        waiting=replace(run.waiting, reason=long) if run.waiting else None,
        activity={"kind": long * 2, "at": place, "since": START, "waits_for": long * 2, "unknown": long * 2},
    )
    found = judged(run, now)

    assert len(found.reason) <= 3000
    assert Verdict.from_fields(Fields(found.to_document())) == found


@given(document=documents(), now=instants)
def test_any_document_has_a_verdict(document: dict[str, Any], now: datetime) -> None:
    """A stranger's document is judged like any other, at any time, under any policy, and the verdict can be kept."""
    run: Run | RecordError
    try:
        run = Run.from_document("stranger", document)
    except RecordError as error:
        run = error
    policy = Policy(Settings(deadline=1e9), (Rule("*", Settings(warn_at=0.5)),))

    for found in (judged(run, now), judged(run, now, policy)):
        assert found.reason
        assert Verdict.from_fields(Fields(found.to_document())) == found
        assert found.problem or isinstance(run, Run)


def test_a_nested_run_may_begin_past_the_deadline_around_it() -> None:
    """What begins inside of a run that is past its deadline is overdue from its start, and makes sense."""
    late = running(40.5, started_at=at(40), ancestors=("outer",))
    alone = running(40.5, started_at=at(40))

    assert judged(late, at(40.6)).state == OVERDUE
    assert judged(late, at(40.6)).past_deadline
    assert judged(alone, at(40.6)).state == UNJUDGED
