"""What the watchdog learns of an operation's runs, and how it reaches the next run."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from heartbeat_client.limits import InForce, Limits
from heartbeat_client.run import STANDING, Run
from tests.support.world import START, World, a_run
from watchdog.history import History
from watchdog.policy import Policy
from watchdog.policy_file import parse_policy
from watchdog.verdict import judge

KEY = "load-historical-games"


def took(seconds: float, number: int, **changes: object) -> Run:
    """A run that ended well after so many seconds."""
    return a_run(f"run{number}", **({"state": "succeeded", "ended_at": START + timedelta(seconds=seconds)} | changes))


@pytest.mark.parametrize(
    ("seconds", "opaque_after"),
    [
        pytest.param([100] * 4, None, id="four_runs_teach_nothing"),
        pytest.param([100] * 4 + [300], 600, id="five_runs_teach_twice_the_longest"),
        pytest.param([10] * 5, 70, id="at_least_a_minute_above_the_longest"),
        pytest.param([500] + [100] * 50, 200, id="the_latest_fifty_count"),
    ],
)
def test_twice_the_longest_of_five(seconds: list[float], opaque_after: float | None) -> None:
    """From five healthy runs on, one call may stand twice as long as the longest run took."""
    history = History().with_runs(took(one, number) for number, one in enumerate(seconds))

    assert history.opaque_after == opaque_after
    assert History.from_document(history.to_document()) == history


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"state": "failed"}, id="failed"),
        pytest.param({"state": "interrupted"}, id="interrupted"),
        pytest.param({"deadline": START + timedelta(seconds=50)}, id="past_its_deadline"),
        pytest.param({"ended_at": None}, id="no_end"),
        pytest.param({"ended_at": START}, id="no_time_at_all"),
    ],
)
def test_only_healthy_runs_teach(changes: dict[str, object]) -> None:
    """A run that did not end well and in time teaches nothing."""
    assert History().with_runs([took(100, 1, **changes)]).runs == ()


def test_a_run_counts_once() -> None:
    """The same run read by two audits is one run."""
    once = History().with_runs([took(100, 1)])

    assert once.with_runs([took(100, 1)]) == once


@pytest.mark.parametrize("listed", [None, 7, "x", [1, {}], [{"run": 7, "seconds": 1}], [{"run": "a", "seconds": "b"}]])
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

    assert thresholds.opaque_after == 720.0
    assert (thresholds.learned_runs, thresholds.learned_longest) == (5, 360.0)
    assert (owner_knows_better.opaque_after, owner_knows_better.learned_runs) == (1000, 0)
    stuck = a_run(thresholds=thresholds, beat_at=START + timedelta(minutes=12), due_at=START)
    reason = judge(stuck, Policy(), START + timedelta(minutes=12)).reason
    assert "limit 12 min, from 5 healthy runs, the longest of 6 min" in reason


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
