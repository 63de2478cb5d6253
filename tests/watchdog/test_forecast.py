"""When a run will be done, whether it is foreseen to be late, and where it stands against those before it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartbeat_client.run import Progress, Run, Thresholds, Waiting
from heartbeat_client.run_forecast import foreseen_at, projected_end
from tests.client.random_runs import runs
from tests.support.simulated_rates import HEALTHY, LATE, MODELS, foreseen_after, simulated, table
from tests.support.world import START, a_run
from watchdog.forecast import forecast, standing
from watchdog.history import History, Taken
from watchdog.verdict import OVERDUE, foreseen

DOCS = Path(__file__).resolve().parents[2] / "docs" / "foreseen.md"
WAY = 1800.0


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def counted(done: int, minutes: float, total: int | None = 450, **changes: Any) -> Run:
    """A run of 30 minutes that has done so many items by that minute, counted from its start."""
    progress = Progress(done, total, at=at(minutes), since=START, rate=None)
    return a_run(**{"progress": progress, "beat_at": at(minutes), **changes})


SLOW = counted(138, 18)


def test_a_run_that_will_be_late_is_told_early() -> None:
    """At 60 % of the way the rate says when it will be done: the reason has both instants and what they rest on."""
    verdict = foreseen(SLOW, at(18))

    assert verdict is not None
    assert (verdict.state, verdict.since, verdict.past_deadline) == (OVERDUE, at(18), False)
    assert verdict.reason == (
        "at this rate (7.7/min) done at 10:58:41 UTC, 28 min 42 s after its deadline at 10:30:00 UTC; "
        "138 of 450 done in 18 min"
    )


# 100 items done by minute 18: what is left must take half as long again as the 12 minutes that are left. With 10 done
# the factor is 2.26.
ENOUGH = [
    pytest.param(counted(100, 18, 200), 18, True, id="just_as_much_as_the_factor"),
    pytest.param(counted(100, 18, 199), 18, False, id="just_less_than_the_factor"),
    pytest.param(counted(10, 18, 26), 18, True, id="few_items_and_more_than_their_factor"),
    pytest.param(counted(10, 18, 25), 18, False, id="few_items_and_less_than_their_factor"),
    pytest.param(SLOW, 17.99, False, id="just_before_60_percent_of_the_way"),
    pytest.param(SLOW, 18, True, id="at_60_percent_of_the_way"),
    pytest.param(counted(9, 18), 18, False, id="nine_items_say_nothing"),
    pytest.param(counted(0, 18), 18, False, id="nothing_moved"),
    pytest.param(counted(138, 18, None), 18, False, id="no_total"),
    pytest.param(counted(450, 18), 18, False, id="all_is_done"),
    pytest.param(counted(500, 18), 18, False, id="more_than_all_is_done"),
    pytest.param(replace(SLOW, deadline=None), 18, False, id="no_deadline"),
    pytest.param(replace(SLOW, progress=None), 18, False, id="nothing_is_counted"),
    pytest.param(replace(SLOW, state="succeeded", ended_at=at(19)), 19, False, id="it_has_ended"),
    pytest.param(counted(138, 31), 31, False, id="its_deadline_has_passed_already"),
]


@pytest.mark.parametrize(("run", "minute", "told"), ENOUGH)
def test_what_is_foreseen(run: Run, minute: float, told: bool) -> None:
    """From 60 % of the way on, with ten items done, and only where the rest takes longer than is left by a factor."""
    assert (foreseen(run, at(minute)) is not None) is told


def test_the_better_of_two_rates_counts() -> None:
    """A slow beginning is forgiven by what it does now, and a pause by what it did before."""
    assert SLOW.progress is not None
    now_fast = replace(SLOW, progress=replace(SLOW.progress, rate=1.0))
    now_slow = replace(SLOW, progress=replace(SLOW.progress, rate=0.001))

    assert foreseen(now_fast, at(18)) is None
    assert foreseen(now_slow, at(18)) == foreseen(SLOW, at(18))


def learned(longest: float, learned_runs: int = 5) -> Thresholds:
    return Thresholds(opaque_after=2 * longest, learned_runs=learned_runs, learned_longest=longest)


@pytest.mark.parametrize(
    ("thresholds", "minute"),
    [
        pytest.param(Thresholds(), 18, id="60_percent_of_the_way_without_history"),
        pytest.param(learned(360), 9, id="half_as_long_again_as_the_longest"),
        pytest.param(learned(60), 7.5, id="a_quarter_of_the_way_at_least"),
        pytest.param(learned(1000), 25, id="later_for_long_ones"),
        pytest.param(learned(360, 0), 18, id="a_policy_overruled_what_was_learned"),
    ],
)
def test_history_says_from_when_on(thresholds: Thresholds, minute: float) -> None:
    """Where it is known how long healthy runs take, none is foreseen to be late that is not longer than those."""
    slow = [replace(counted(20, m), thresholds=thresholds) for m in (minute - 0.1, minute)]

    assert [foreseen(run, at(m)) is not None for run, m in zip(slow, (minute - 0.1, minute), strict=True)] == [
        False,
        True,
    ]


def test_a_declared_wait_is_not_foreseen() -> None:
    """While it waits as it said it would, its rate says nothing."""
    assert foreseen(replace(SLOW, waiting=Waiting("quota", at(17), at(19))), at(18)) is None


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("share", HEALTHY)
def test_a_healthy_run_wakes_nobody(model: str, share: float) -> None:
    """However its items are spread over its time, a run that ends before it is overdue is never foreseen to be late."""
    told = [foreseen_after(simulated(model, n, share * WAY, seed)) for n in (7, 60, 1000) for seed in (100, 101)]

    assert told == [None] * len(told)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("share", [0.1, 0.2, 0.3])
def test_a_healthy_run_with_history_wakes_nobody(model: str, share: float) -> None:
    """With the longest of five runs like it known, it may be told from a quarter of the way on, and is not."""
    thresholds = learned(share * WAY)
    told = [foreseen_after(simulated(model, 450, share * 1.4 * WAY, seed), thresholds) for seed in range(5)]

    assert told == [None] * 5


@pytest.mark.parametrize("model", ["even", "log-normal, sigma 1", "warming up", "a fifth takes half of the time"])
def test_a_run_that_takes_twice_too_long_is_told_at_60_percent(model: str) -> None:
    """With hundreds of items a run that will take twice its time is told six minutes before it is overdue."""
    told = [foreseen_after(simulated(model, 450, 2 * WAY, seed)) for seed in range(5)]

    assert all(after is not None and 0.6 <= after <= 0.65 for after in told)


def test_the_tables_in_the_docs_are_what_is_counted() -> None:
    """Each line of the tables of false alarms and of alarms in time stands in the docs as it comes out now."""
    lines = DOCS.read_text(encoding="utf-8").splitlines()

    assert [line for line in (*table(HEALTHY, 5), *table(LATE, 5)) if line not in lines] == []


def test_a_forecast_of_a_run_that_stands() -> None:
    """A run that stands is done now at the earliest, however early its rate said."""
    run = counted(440, 10)
    before, after = forecast(run, at(10)), forecast(run, at(20))

    assert before is not None
    assert after is not None
    assert before.done_at < at(11)
    assert after.done_at == at(20)
    assert before.text(run.deadline).endswith("before its deadline at 10:30:00 UTC")
    assert before.late_by == before.done_at - at(30)


def test_a_forecast_without_a_deadline() -> None:
    """Without a deadline there is an end, and nothing that it is late for."""
    run = counted(45, 5, deadline=None)
    said = forecast(run, at(5))

    assert said is not None
    assert (said.done_at, said.late_by, said.firm) == (at(50), None, True)
    assert said.text(None) == "at this rate (9.0/min) done at 10:50:00 UTC"


@given(run=runs(), now=st.datetimes(datetime(2000, 1, 1), datetime(2060, 1, 1), timezones=st.just(START.tzinfo)))
def test_any_run_is_foreseen_or_not(run: Run, now: datetime) -> None:
    """Any record is told or not, in a sentence, and what is told has become due when it is."""
    verdict = foreseen(run, now)
    forecast(run, now)

    if verdict is None:
        return
    assert verdict.since is not None
    assert verdict.since <= now
    assert "after its deadline" in verdict.reason


@given(
    done=st.integers(1, 10**6),
    more=st.integers(1, 10**6),
    seconds=st.floats(0.001, 1e6),
    rate=st.none() | st.floats(1e-9, 1e6),
    longest=st.none() | st.floats(0.1, 1e6),
)
def test_what_is_foreseen_ends_after_the_deadline(
    done: int, more: int, seconds: float, rate: float | None, longest: float | None
) -> None:
    """Nothing is foreseen that would be done in time at either rate, nor before a quarter of the way."""
    moved = START + timedelta(seconds=seconds)
    progress = Progress(done, done + more, at=moved, since=START, rate=rate)
    deadline = START + timedelta(seconds=WAY)
    found, end = foreseen_at(progress, START, deadline, longest), projected_end(progress)

    if found is None:
        return
    assert end is not None
    assert end > deadline > moved
    assert found >= START + timedelta(seconds=WAY / 4)


FIFTY = History(tuple(Taken(f"r{n}", 60.0 * n) for n in range(1, 51)))


@pytest.mark.parametrize(
    ("history", "seconds", "said"),
    [
        pytest.param(
            FIFTY,
            60.0 * 48 + 1,
            "longer than 48 of the last 50 healthy runs (median 25 min 30 s, longest 50 min)",
            id="48",
        ),
        pytest.param(
            FIFTY, 1, "longer than 0 of the last 50 healthy runs (median 25 min 30 s, longest 50 min)", id="0"
        ),
        pytest.param(
            FIFTY, 3000, "longer than 49 of the last 50 healthy runs (median 25 min 30 s, longest 50 min)", id="=50"
        ),
        pytest.param(FIFTY, 3001, "longer than all 50 healthy runs (median 25 min 30 s, longest 50 min)", id="50"),
        pytest.param(History((Taken("a", 60),)), 61, "longer than the only healthy run (1 min)", id="the_only"),
        pytest.param(
            History((Taken("a", 60),)), 60, "not longer than the only healthy run (1 min)", id="like_the_only"
        ),
        pytest.param(History((Taken("a", 60, "failed"),)), 60, "", id="only_failures"),
        pytest.param(History(), 60, "", id="none"),
    ],
)
def test_where_a_run_stands(history: History, seconds: float, said: str) -> None:
    """How many healthy runs took less, with their median and the longest."""
    assert standing(history, seconds) == said
