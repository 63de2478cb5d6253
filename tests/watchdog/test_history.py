"""What the watchdog learns of an operation's runs, and how it reaches the next run."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from heartbeat_client.limits import InForce, Limits
from heartbeat_client.run import STANDING, Run
from tests.support.world import START, World, a_run
from watchdog.history import History
from watchdog.operations import histories, keep_operations
from watchdog.policy import Policy, Settings
from watchdog.policy_text.file import parse_policy
from watchdog.verdict import judge

KEY = "load-historical-games"


def took(seconds: float, number: int, **changes: object) -> Run:
    """A run that ended well after so many seconds."""
    return a_run(f"run{number}", **({"state": "succeeded", "ended_at": START + timedelta(seconds=seconds)} | changes))


@pytest.mark.parametrize(
    ("seconds", "opaque_after"),
    [
        pytest.param([100] * 4, None, id="four_runs_teach_nothing"),
        pytest.param([100] * 4 + [300], 1200, id="five_runs_teach_four_times_the_longest"),
        pytest.param([100] * 9, 400, id="so_do_nine"),
        pytest.param([100] * 10, 300, id="ten_teach_three_times_the_longest"),
        pytest.param([100] * 19, 300, id="so_do_nineteen"),
        pytest.param([100] * 20, 200, id="twenty_teach_twice_the_longest"),
        pytest.param([10] * 5, 70, id="at_least_a_minute_above_the_longest"),
        pytest.param([500] + [100] * 50, 200, id="the_latest_fifty_count"),
    ],
)
def test_the_more_runs_the_less_is_allowed(seconds: list[float], opaque_after: float | None) -> None:
    """From five healthy runs on, one call may take n times as long as the longest, less often the more there are."""
    history = History().with_runs(took(one, number) for number, one in enumerate(seconds))

    assert history.opaque_after == opaque_after
    assert History.from_document(history.to_document()) == history


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"state": "failed"}, id="failed"),
        pytest.param({"state": "interrupted"}, id="interrupted"),
        pytest.param({"deadline": START + timedelta(seconds=50)}, id="past_its_deadline"),
    ],
)
def test_only_healthy_runs_teach(changes: dict[str, object]) -> None:
    """A run that did not end well and in time is kept, and teaches nothing."""
    history = History().with_runs(took(100, number, **changes) for number in range(9))

    assert len(history.runs) == 9
    assert (history.healthy, history.longest, history.opaque_after, history.summary) == ((), 0.0, None, {})
    assert History.from_document(history.to_document()) == history


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"state": "running", "ended_at": None}, id="still_running"),
        pytest.param({"state": "running"}, id="running_with_an_end"),
        pytest.param({"ended_at": None}, id="no_end"),
        pytest.param({"ended_at": START}, id="no_time_at_all"),
        pytest.param({"ended_at": START - timedelta(seconds=1)}, id="ended_before_it_began"),
    ],
)
def test_a_run_without_a_length_is_not_kept(changes: dict[str, object]) -> None:
    """What has not ended, or took no time, says nothing of how long runs take."""
    assert History().with_runs([took(100, 1, **changes)]).runs == ()


def test_failures_do_not_push_out_what_was_learned() -> None:
    """The latest 50 healthy runs and the latest 50 others are kept, in the order they ended."""
    healthy = [took(100 + number, number) for number in range(60)]
    failed = [took(5, 100 + number, state="failed") for number in range(300)]
    history = History().with_runs([*healthy[:30], *failed, *healthy[30:]])

    assert [one.run for one in history.healthy] == [f"run{number}" for number in range(10, 60)]
    assert [one.run for one in history.runs if not one.healthy] == [f"run{100 + n}" for n in range(250, 300)]
    assert history.runs[0].run == "run10"
    assert history.runs[20].run == "run350"


def test_a_history_can_be_plotted() -> None:
    """Of each run there are its start, how long it took, how it ended and whether that was late."""
    history = History().with_runs([took(100, 1), took(70, 2, state="failed"), took(90, 3, deadline=START)])

    assert [(one.started_at, one.seconds, one.state, one.late) for one in history.runs] == [
        (START, 100.0, "succeeded", False),
        (START, 70.0, "failed", False),
        (START, 90.0, "succeeded", True),
    ]


@pytest.mark.parametrize(
    ("seconds", "summary"),
    [
        pytest.param([7], {"runs": 1, "median": 7, "p90": 7, "longest": 7}, id="one"),
        pytest.param([4, 2], {"runs": 2, "median": 3, "p90": 4, "longest": 4}, id="two"),
        pytest.param(list(range(10, 0, -1)), {"runs": 10, "median": 5.5, "p90": 9, "longest": 10}, id="ten"),
        pytest.param(list(range(1, 51)), {"runs": 50, "median": 25.5, "p90": 45, "longest": 50}, id="fifty"),
    ],
)
def test_median_ninth_decile_and_longest(seconds: list[float], summary: dict[str, float]) -> None:
    """The 90th percentile is a run that there was: nine in ten took no longer."""
    assert History().with_runs(took(one, number) for number, one in enumerate(seconds)).summary == summary


def test_a_history_of_an_older_version_is_read() -> None:
    """Entries without state and start are healthy runs whose start is not known."""
    history = History.from_document([{"run": "a", "seconds": 60.0}])

    assert history.summary == {"runs": 1, "median": 60, "p90": 60, "longest": 60}
    assert history.runs[0].started_at is None


@pytest.mark.parametrize(
    ("stood", "longest"),
    [
        pytest.param([None] * 5, None, id="nobody_looked"),
        pytest.param([4.0, 30.0, 0.0], 45, id="a_beat_more_than_was_seen"),
        pytest.param([98.0, 4.0], 100, id="never_more_than_the_run_took"),
        pytest.param([4.0, None], 100, id="where_nobody_looked_all_may_have_been_one_call"),
    ],
)
def test_the_longest_call_of_healthy_runs(stood: list[float | None], longest: float | None) -> None:
    """How long one call lasted at most is known from what beats saw, and to a beat."""
    history = History().with_runs(took(100, number, stood=one) for number, one in enumerate(stood))
    failed = history.with_runs([took(100, 99, stood=99.0, state="failed")])

    assert history.stood == failed.stood == longest
    assert History.from_document(history.to_document()) == history


def test_a_run_counts_once() -> None:
    """The same run read by two audits is one run."""
    once = History().with_runs([took(100, 1)])

    assert once.with_runs([took(100, 1)]) == once


STRANGE = [{"run": "a", "seconds": 1, "state": "gone"}]


@pytest.mark.parametrize(
    "listed", [None, 7, "x", [1, {}], [{"run": 7, "seconds": 1}], STRANGE, [{"run": "a", "seconds": "b"}]]
)
def test_a_strangers_history_is_none(listed: object) -> None:
    """A history that can't be read is empty, not an error."""
    assert History.from_document(listed) == History()


def test_an_audit_learns_and_the_next_run_has_it(tmp_path: Path) -> None:
    """Five runs end, an audit reads them, and a client that reads the operation's record gets limit and reason."""
    world = World(tmp_path)
    for number in range(5):
        world.at(number)
        world.put(a_run(f"run{number}", state="succeeded", ended_at=START + timedelta(seconds=60 * number + 120)))
    world.sweep(16)
    stored = world.store.get("hangwatch_operations", [KEY])[KEY]
    thresholds = Limits().resolve(InForce.from_document(stored.fields))
    owner_knows_better = Limits(opaque_after=1000).resolve(InForce.from_document(stored.fields))

    assert thresholds.opaque_after == 1440.0
    assert (thresholds.learned_runs, thresholds.learned_longest) == (5, 360.0)
    assert (owner_knows_better.opaque_after, owner_knows_better.learned_runs) == (1000, 0)
    stuck = a_run(thresholds=thresholds, beat_at=START + timedelta(minutes=18), due_at=START)
    reason = judge(stuck, Policy(), START + timedelta(minutes=18)).reason
    assert "limit 18 min, from 5 healthy runs, the longest of 6 min" in reason


def test_an_audit_learns_how_long_one_call_lasts(tmp_path: Path) -> None:
    """Where beats saw for how long healthy runs stand, the next one has a limit for that, and its reason names it."""
    world = World(tmp_path)
    for number in range(5):
        world.put(a_run(f"run{number}", state="succeeded", ended_at=START + timedelta(minutes=6), stood=30.0 + number))
    world.sweep(16)
    stored = world.store.get("hangwatch_operations", [KEY])[KEY]
    thresholds = Limits().resolve(InForce.from_document(stored.fields))
    standing = {"kind": "blocked", "since": START + timedelta(minutes=2)}
    now = START + timedelta(minutes=5, seconds=16)
    stuck = a_run(thresholds=thresholds, activity=standing, beat_at=now, due_at=START)

    assert stored.fields["learned"] == {"runs": 5, "longest": 360.0, "stood": 49.0}
    assert judge(stuck, Policy(), now - timedelta(seconds=1)).state == "healthy"
    verdict = judge(stuck, Policy(), now)
    assert verdict.state == "stalled"
    assert "limit 3 min 16 s, from 5 healthy runs, in which one call lasted 49 s at most" in verdict.reason
    ruled = Policy(defaults=Settings(opaque_after=900.0))
    assert judge(stuck, ruled, now).state == "healthy"


def test_what_did_not_change_is_not_written(tmp_path: Path) -> None:
    """An audit that finds nothing new leaves the record of an operation as it is."""
    world = World(tmp_path)
    ended = [took(100 + number / 3, number) for number in range(7)]
    first = keep_operations(world.store, world.policy, [], ended)
    version = world.store.get("hangwatch_operations", [KEY])[KEY].version
    second = keep_operations(world.store, world.policy, ended[:1], ended)

    assert (first, second) == (1, 0)
    assert world.store.get("hangwatch_operations", [KEY])[KEY].version == version


def test_histories_are_read_by_the_operations_names(tmp_path: Path) -> None:
    """Whoever shows runs gets what is kept of their operations, none where nothing is."""
    world = World(tmp_path)
    keep_operations(world.store, world.policy, [], [took(100, 1), took(60, 2, operation="a/b *")])
    found = histories(world.store, ["a/b *", "never seen", KEY, KEY])

    assert {name: history.longest for name, history in found.items()} == {"a/b *": 60, "never seen": 0, KEY: 100}
    assert histories(world.store, []) == {}


def test_a_policy_overrules_what_was_learned(tmp_path: Path) -> None:
    """What `[defaults]` or a rule say of opaque_after holds, however long runs took."""
    world = World(tmp_path, parse_policy({"defaults": {"opaque_after": "20m"}}))
    for number in range(5):
        world.put(a_run(f"run{number}", state="succeeded", ended_at=START + timedelta(seconds=120)))
    world.sweep(16)
    stored = world.store.get("hangwatch_operations", [KEY])[KEY]

    assert stored.fields["thresholds"] == {"opaque_after": 1200.0}


SINCE = START + timedelta(minutes=2)


def seen(kind: str, **changes: object) -> Run:
    """An opaque run that was last seen doing that since minute 2."""
    place = {"file": "data_loaders.py", "line": 412, "function": "load"}
    activity = {
        "kind": kind,
        "since": SINCE,
        "at": place,
        "call": "recv",
        "waits_for": "peer 10.0.0.5:443 has sent nothing for 17 min",
    }
    return a_run(activity=activity, due_at=START, **changes)


@pytest.mark.parametrize("kind", sorted(STANDING))
@pytest.mark.parametrize(("minutes", "state"), [(18.79, "healthy"), (18.8, "stalled"), (18.81, "stalled")])
def test_standing_in_one_call_is_a_stall(kind: str, minutes: float, state: str) -> None:
    """An opaque run that stands in one call is stalled at 60 % of the time that was left when it began to stand."""
    now = START + timedelta(minutes=minutes)
    verdict = judge(Run.from_document("run1", {**seen(kind).to_document(), "beat_at": now}), Policy(), now)

    assert verdict.state == state
    if state == "stalled":
        assert "in recv at data_loaders.py:412 for" in verdict.reason
        assert "peer 10.0.0.5:443 has sent nothing for 17 min" in verdict.reason
        assert verdict.since == SINCE


@pytest.mark.parametrize("kind", ["working", "looping", "spinning", "starved"])
def test_an_opaque_run_that_does_something_is_no_stall(kind: str) -> None:
    """Whether work is useful can't be seen: an opaque run that is not standing is left to its deadline."""
    late, later = START + timedelta(minutes=23.9), START + timedelta(minutes=24)

    assert judge(seen(kind, beat_at=late), Policy(), late).state == "healthy"
    assert judge(seen(kind, beat_at=later), Policy(), later).state == "overdue"
