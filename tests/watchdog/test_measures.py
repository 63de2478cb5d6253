"""The figures of a sweep: what each metric says, what goes back to zero, and that their number is bounded."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartbeat_client.fields import RecordError
from heartbeat_client.run import Run, Waiting
from tests.client.random_runs import instants, runs, words
from tests.support.world import START, a_run, counted
from watchdog.incident import RESOLVED, Case, Incident
from watchdog.measures import readings
from watchdog.metrics import LABEL_LIMIT, METRICS, MOST_SERIES, NAMED_AT_MOST, OTHER, PREFIX, UNKNOWN, VERDICTS
from watchdog.policy import Policy, Rule, Settings
from watchdog.ports import Reading
from watchdog.report import SweepReport
from watchdog.verdict import DOUBTFUL, MISSED, PROBLEMS, SILENT, STALLED, UNJUDGED, Verdict, judge

DOCS = Path(__file__).parents[2] / "docs" / "metrics.md"
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
LOAD = "load-historical-games"

OF_THE_LIVING = ("operation/live_runs", "operation/worst_silence", "operation/worst_stall", "operation/deadline_used")

Found = dict[tuple[str, ...], float]


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def beating(now: datetime, **changes: Any) -> Run:
    """A run as its client has just written it."""
    return a_run(**{"beat_at": now, "due_at": now + MINUTE} | changes)


def case(run: Run, now: datetime) -> Case:
    return Case(run.id, run, judge(run, Policy(), now))


def incident(operation: str = LOAD, verdict: str = STALLED, **changes: Any) -> Incident:
    begun = Incident("run1.1", "run1", 1, operation, Verdict(verdict, "because"), opened_at=START)
    return replace(begun, **changes)


def figures(
    cases: list[Case] | None = None,
    incidents: list[Incident] | None = None,
    *,
    now: datetime = START,
    live: list[Run] | None = None,
    report: SweepReport | None = None,
    policy: Policy | None = None,
    took: float | None = None,
) -> Found:
    """Each figure under its metric's name and the values of its labels, in their order."""
    given_report = report or SweepReport(now)
    found = readings(cases or [], incidents or [], given_report, policy or Policy(), now, live=live, took=took)
    by_name = {(one.metric, *one.labels.values()): one.value for one in found}
    assert len(by_name) == len(found)
    return by_name


def of_live(name: str, *live: Run, now: datetime, policy: Policy | None = None) -> float:
    return figures(live=list(live), now=now, policy=policy)[f"operation/{name}", LOAD]


def test_the_table_names_every_verdict_that_is_told_of_an_operation() -> None:
    """A verdict that gets an incident has a series of its own; the watchdog's doubt about itself is no operation's."""
    assert set(VERDICTS) | {DOUBTFUL} == PROBLEMS


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_a_metric_is_described_in_full(metric: Any) -> None:
    """Each metric has a type that Cloud Monitoring takes, a unit, a title, and words for itself and for each label."""
    assert re.fullmatch(r"custom\.googleapis\.com/hangwatch/[a-z]+/[a-z_]+", metric.type)
    assert metric.type == PREFIX + metric.name
    assert metric.unit
    assert metric.title
    assert len(metric.description) > 20
    assert all(re.fullmatch("[a-z]+", key) and text for key, text in metric.labels.items())


def test_a_sweep_over_nothing_still_says_that_it_was_complete() -> None:
    """The watchdog's own figures are there whatever runs, and the others' rows, at zero."""
    found = figures(took=1.5)

    own = {name: value for (name, *labels), value in found.items() if not labels}
    assert own == {
        "sweep/completed": 1,
        "sweep/seconds": 1.5,
        "sweep/read": 0,
        "sweep/due": 0,
        "sweep/unjudged": 0,
        "sweep/undelivered": 0,
        "sweep/held": 0,
        "sweep/doubtful": 0,
        "incidents/open": 0,
    }
    rest = {key: value for key, value in found.items() if len(key) > 1}
    assert rest == {("operation/open_incidents", OTHER, verdict): 0 for verdict in VERDICTS}


def test_nobody_measured_how_long_it_took() -> None:
    """A length that is not known is left out, not zero."""
    assert ("sweep/seconds",) not in figures()


def test_the_reports_counts_are_told() -> None:
    """What a sweep read, found due, could not judge, could not deliver and held stands in its report."""
    report = SweepReport(START, read=7, due=5, unjudged=["a", "b"], undelivered=[{}, {}, {}], held=["c"])

    found = figures(report=report)

    told = ("sweep/read", "sweep/due", "sweep/unjudged", "sweep/undelivered", "sweep/held")
    assert [found[(name,)] for name in told] == [7, 5, 2, 3, 1]


def test_a_record_that_cannot_be_read_is_no_trouble() -> None:
    """A case without a run, or without a record, counts for nothing but an incident of it."""
    unreadable = Case("x", None, judge(RecordError("run x", ["state: expected text, got 5"]), Policy(), START))

    found = figures([unreadable, Case("gone", None, None)], [incident("", UNJUDGED)])

    assert {key[1] for key in found if len(key) > 1} == {UNKNOWN, OTHER}
    assert found["operation/open_incidents", UNKNOWN, UNJUDGED] == 1


def test_open_incidents_are_counted_by_operation_and_verdict() -> None:
    """Each open incident is counted once, and where an operation has none of a verdict there is a zero."""
    found = figures(incidents=[incident(), incident(), incident(verdict=SILENT), incident("train", MISSED)])

    counted_there = {key[1:]: value for key, value in found.items() if key[0] == "operation/open_incidents" and value}
    assert counted_there == {(LOAD, STALLED): 2, (LOAD, SILENT): 1, ("train", MISSED): 1}
    assert found["operation/open_incidents", "train", STALLED] == 0
    assert found[("incidents/open",)] == 4


@pytest.mark.parametrize(
    ("cases", "incidents", "live"),
    [
        ([], [incident(state=RESOLVED)], None),
        ([case(beating(START), START)], [], None),
        ([], [], [beating(START)]),
        ([Case(LOAD, None, Verdict("healthy", "it came"), operation=LOAD)], [], None),
    ],
    ids=["its_incident_was_resolved_lately", "its_run_was_judged", "it_has_a_live_run", "it_came_as_expected"],
)
def test_an_operation_that_is_seen_goes_back_to_zero(
    cases: list[Case], incidents: list[Incident], live: list[Run] | None
) -> None:
    """An operation that the sweep saw in any way has a zero for each verdict, so that an alert on it closes."""
    found = figures(cases, incidents, live=live)

    assert [found["operation/open_incidents", LOAD, verdict] for verdict in VERDICTS] == [0] * len(VERDICTS)
    assert found[("incidents/open",)] == 0


def test_the_watchdogs_doubt_is_no_operations_incident() -> None:
    """That beats do not arrive is a figure of its own, and counts among all open incidents."""
    found = figures(incidents=[incident("", DOUBTFUL)])

    assert found[("sweep/doubtful",)] == 1
    assert found[("incidents/open",)] == 1
    assert {key[1] for key in found if len(key) > 1} == {OTHER}


def test_a_doubt_that_is_over_is_zero() -> None:
    """The doubt's figure goes back with its incident."""
    assert figures(incidents=[incident("", DOUBTFUL, state=RESOLVED)])[("sweep/doubtful",)] == 0


def test_a_verdict_of_a_newer_watchdog_is_one_that_we_cannot_judge() -> None:
    """A word that this watchdog does not know makes no new series."""
    assert figures(incidents=[incident(verdict="bewitched")])["operation/open_incidents", LOAD, UNJUDGED] == 1


def test_what_needs_the_live_runs_is_left_out_without_them() -> None:
    """A sweep that read only what was due says nothing about those that live."""
    names = {key[0] for key in figures([case(a_run(failed_writes=3), START)])}

    assert names.isdisjoint({*OF_THE_LIVING, "clients/failed_writes"})


def test_an_operation_without_live_runs_has_zeros() -> None:
    """Where the live runs were read and there is none, the worst of them is 0."""
    found = figures(incidents=[incident()], live=[])

    assert {key: found[key] for key in found if key[0] in OF_THE_LIVING} == {
        (name, row): 0 for name in OF_THE_LIVING for row in (LOAD, OTHER)
    }


def test_live_runs_are_counted_by_operation() -> None:
    """Each run that goes on counts under its operation's name."""
    live = [beating(START, id=str(n), operation=name) for n, name in enumerate(["train", LOAD, LOAD])]

    found = figures(live=live)

    assert [found["operation/live_runs", name] for name in (LOAD, "train", OTHER)] == [2, 1, 0]


def a_lost_run(now: datetime, **changes: Any) -> Run:
    return a_run(**{"deadline": now, "beat_at": now - 2 * MINUTE, "due_at": None} | changes)


@pytest.mark.parametrize(
    ("run", "lives"),
    [
        (beating(at(9)), 1),
        (beating(at(9), state="succeeded", ended_at=at(9)), 0),
        (a_lost_run(at(9)), 0),
        (a_lost_run(at(9), due_at=at(1)), 1),
        (a_lost_run(at(9), deadline=at(9) + SECOND), 1),
        (beating(at(9), started_at=at(20)), 0),
        (beating(at(9), due_at=None), 0),
    ],
    ids=[
        "it_beats",
        "it_has_ended",
        "silent_past_its_deadline_and_given_up",
        "silent_past_its_deadline_and_not_given_up_yet",
        "silent_a_second_before_its_deadline",
        "it_starts_in_the_future",
        "a_strangers_record_without_due_at",
    ],
)
def test_who_lives(run: Run, lives: int) -> None:
    """Live is what says it runs, can be judged, and was not given up: the lost would be the worst for a week."""
    found = figures(live=[run], now=at(9))

    assert found.get(("operation/live_runs", LOAD), 0) == lives


@pytest.mark.parametrize(
    ("run", "seconds"),
    [
        (beating(at(9)), 0),
        (beating(at(8)), 60),
        (beating(at(9) + SECOND), 0),
        (beating(at(9), beat_at=None, started_at=at(7)), 120),
    ],
    ids=["it_beats_now", "a_minute_ago", "its_clock_is_ahead", "it_never_beat"],
)
def test_silence_counts_from_the_last_beat(run: Run, seconds: float) -> None:
    """The silence of a run is the time since its last beat, since its start where there is none."""
    assert of_live("worst_silence", run, now=at(9)) == seconds


def seen(kind: str, since: datetime | None = None) -> dict[str, Any]:
    return {"activity": {"kind": kind, "since": since}}


def waiting(until: datetime) -> dict[str, Any]:
    return {"waiting": Waiting("the lake", at(2), until)}


@pytest.mark.parametrize(
    ("fields", "minutes"),
    [
        (counted(3, at=at(5)), 4),
        (counted(3, at=at(5)) | seen("working"), 4),
        ({}, 9),
        ({"moved_at": at(6)}, 3),
        (seen("blocked", at(4)), 5),
        (seen("blocked", at(4)) | {"moved_at": at(7)}, 2),
        (seen("working", at(4)), 0),
        ({"child": "inner"}, 0),
        (waiting(at(9) + SECOND), 0),
        (waiting(at(9)), 7),
        (waiting(at(9) - SECOND), 7),
    ],
    ids=[
        "progress_stands",
        "progress_stands_whatever_was_seen",
        "nothing_is_declared_and_nobody_looked",
        "a_note_is_a_move",
        "it_stands_in_one_call",
        "it_moved_after_that_call_began",
        "something_changes",
        "a_nested_run_is_watched_instead",
        "inside_a_declared_wait",
        "a_declared_wait_is_just_over",
        "a_declared_wait_is_over",
    ],
)
def test_a_stall_counts_from_what_moved_last(fields: dict[str, Any], minutes: float) -> None:
    """The stall of a run is the time for which nothing proved that it moves, by the rules of the verdict."""
    assert of_live("worst_stall", beating(at(9), **fields), now=at(9)) == minutes * 60


@pytest.mark.parametrize(
    ("run", "share"),
    [
        (beating(START), 0.0),
        (beating(at(15)), 0.5),
        (beating(at(30)), 1.0),
        (beating(at(45)), 1.5),
        (beating(at(15), deadline=None), 0.0),
    ],
    ids=["at_its_start", "half_way", "at_the_deadline", "past_it", "no_deadline"],
)
def test_the_share_of_the_deadline_that_is_used(run: Run, share: float) -> None:
    """The share grows from 0 at the start to 1 at the deadline, and beyond."""
    assert run.beat_at is not None
    assert of_live("deadline_used", run, now=run.beat_at) == pytest.approx(share)


def test_the_policys_deadline_counts() -> None:
    """The share is that of the deadline that holds, which a rule of the policy may set."""
    policy = Policy(rules=(Rule("load-*", Settings(deadline=600.0)),))

    assert of_live("deadline_used", beating(at(5)), now=at(5), policy=policy) == 0.5


def test_the_worst_run_of_an_operation_is_told() -> None:
    """Of several runs of one operation the worst counts, for each figure by itself."""
    silent = beating(at(8), id="a", **counted(3, at=at(8)))
    stalled = beating(at(9), id="b", **counted(3, at=at(1)))

    found = figures(live=[silent, stalled], now=at(9))

    assert [found[name, LOAD] for name in OF_THE_LIVING] == [2, 60, 480, pytest.approx(9 / 30)]


def test_write_failures_are_summed_once_for_each_run() -> None:
    """A run that is both live and judged counts once, a run that has ended not at all, and none below zero."""
    twice = beating(START, id="a", failed_writes=3)
    ended = beating(START, id="c", failed_writes=50, state="succeeded", ended_at=START)
    live = [twice, beating(START, id="b", failed_writes=4), beating(START, id="d", failed_writes=-9)]

    found = figures([case(twice, START), case(ended, START)], live=live)

    assert found[("clients/failed_writes",)] == 7


def named(count: int) -> list[Run]:
    return [beating(START, id=str(n), operation=f"op-{n:03}") for n in range(count)]


@pytest.mark.parametrize(
    ("count", "rows", "others"),
    [
        (NAMED_AT_MOST - 1, NAMED_AT_MOST, 0),
        (NAMED_AT_MOST, NAMED_AT_MOST + 1, 0),
        (NAMED_AT_MOST + 1, NAMED_AT_MOST + 1, 1),
        (NAMED_AT_MOST + 20, NAMED_AT_MOST + 1, 20),
    ],
    ids=["one_less", "as_many_as_have_names", "one_more", "many_more"],
)
def test_the_rest_goes_under_other(count: int, rows: int, others: int) -> None:
    """So many operations have names; runs of the rest are summed, and the worst of them is theirs together."""
    live = named(count)
    live[-1] = replace(live[-1], beat_at=START - MINUTE)

    found = figures(live=live)

    assert len({key[1] for key in found if len(key) > 1}) == rows
    assert found["operation/live_runs", OTHER] == others
    assert found["operation/worst_silence", OTHER] == (60 if others else 0)


def test_an_operation_in_trouble_has_its_name() -> None:
    """Where there are too many, those with an open incident are named first, then those that had one lately."""
    incidents = [incident("zz-open"), incident("zz-resolved", state=RESOLVED)]

    found = figures(incidents=incidents, live=named(NAMED_AT_MOST))

    assert found["operation/open_incidents", "zz-open", STALLED] == 1
    assert found["operation/open_incidents", "zz-resolved", STALLED] == 0
    assert found["operation/live_runs", OTHER] == 2


def test_more_operations_in_trouble_than_names() -> None:
    """Incidents of the operations without a name are counted together; none is lost."""
    incidents = [incident(f"op-{n:03}") for n in range(NAMED_AT_MOST + 5)]

    assert figures(incidents=incidents)["operation/open_incidents", OTHER, STALLED] == 5


@pytest.mark.parametrize(
    ("operation", "label"),
    [
        ("load", "load"),
        (OTHER, OTHER),
        ("", UNKNOWN),
        (" \n", UNKNOWN),
        ("a\x00b\nc", "a b c"),
        ("lone \ud800 surrogate", "lone   surrogate"),
        ("x" * LABEL_LIMIT, "x" * LABEL_LIMIT),
        ("x" * (LABEL_LIMIT + 1), "x" * LABEL_LIMIT),
        ("Übung 走", "Übung 走"),
    ],
    ids=["plain", "other", "empty", "blank", "control", "surrogate", "as_long_as_may_be", "too_long", "not_ascii"],
)
def test_a_label_is_one_that_can_be_written(operation: str, label: str) -> None:
    """The label is the operation's name, without what can't be shown, and cut."""
    assert figures(incidents=[incident(operation)])["operation/open_incidents", label, STALLED] == 1


many_runs = st.lists(runs(operation=words | st.sampled_from([OTHER, UNKNOWN, LOAD])), max_size=8)
many_incidents = st.lists(
    st.builds(incident, words, st.sampled_from(sorted(PROBLEMS)) | words, state=st.sampled_from(["open", RESOLVED])),
    max_size=8,
)
crowds = st.integers(0, 2 * NAMED_AT_MOST).map(lambda count: [incident(f"crowd {n}") for n in range(count)])


@given(many_runs, many_incidents, crowds, st.none() | many_runs, instants)
def test_series_are_bounded_and_legal_whatever_runs(
    judged: list[Run], incidents: list[Incident], crowd: list[Incident], live: list[Run] | None, now: datetime
) -> None:
    """No sweep writes more series than the bound, none twice, none with labels that are not in its metric's table."""
    cases = [case(run, now) for run in judged]
    found = readings(cases, [*incidents, *crowd], SweepReport(now), Policy(), now, live=live, took=1.0)

    assert len(found) <= MOST_SERIES
    assert len({(one.metric, *sorted(one.labels.items())) for one in found}) == len(found)
    assert all(legal(one) for one in found)


def legal(reading: Reading) -> bool:
    metric = METRICS[reading.metric]
    texts = reading.labels.values()
    return (
        reading.labels.keys() == metric.labels.keys()
        and all(text.isprintable() and 0 < len(text.encode()) <= 1024 for text in texts)
        and 0 <= reading.value < float("inf")
        and (metric.value_type == "DOUBLE" or reading.value == int(reading.value))
    )


def test_the_bound_can_be_reached() -> None:
    """The bound is no larger than what a sweep may really write."""
    incidents = [incident(f"op-{n:03}") for n in range(NAMED_AT_MOST + 1)]

    assert len(readings([], incidents, SweepReport(START), Policy(), START, live=[], took=1.0)) == MOST_SERIES


def documented() -> list[list[str]]:
    lines = [line for line in DOCS.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def test_the_documents_table_is_that_of_the_code() -> None:
    """Each metric stands in docs/metrics.md with its unit, type, labels and words, and the alert that it is for."""
    rows = documented()

    assert [row[:5] for row in rows] == [
        [
            f"`{metric.name}`",
            f"`{metric.unit}`",
            metric.value_type,
            ", ".join(f"`{key}`" for key in metric.labels) or "none",
            metric.description,
        ]
        for metric in METRICS.values()
    ]
    assert all(re.match("above|absent|none, for graphs", row[5]) for row in rows)


def test_the_document_tells_the_bounds_of_the_code() -> None:
    """The figures and words in docs/metrics.md are those in force."""
    text = " ".join(DOCS.read_text(encoding="utf-8").split())

    assert f"At most {NAMED_AT_MOST} operations" in text
    assert f"{MOST_SERIES} series at most" in text
    assert f"below `{PREFIX}`" in text
    assert all(f"`{word}`" in text for word in (*VERDICTS, OTHER, UNKNOWN))
    assert f"every {Policy().pace.measure_every / 60:.0f} minutes (`measure_every`)" in text
