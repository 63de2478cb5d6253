"""What a policy would have told of runs that have ended, and which operations it is about."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartbeat_client.limits import InForce, Limits
from heartbeat_client.run import RUNS, Progress, Run, Thresholds
from tests.client.random_runs import runs
from tests.support.world import START, World, a_run
from watchdog.past_runs import ended_runs
from watchdog.policy import Policy, Rule, Settings
from watchdog.policy_text.file import parse_policy
from watchdog.ports import Create
from watchdog.replay import replay, replayed
from watchdog.rule_matches import rule_matches
from watchdog.verdict import HEALTHY, OVERDUE, judge

MINUTE = timedelta(minutes=1)
WEEK = timedelta(days=7)


def took(minutes: float, run_id: str = "run1", **changes: Any) -> Run:
    """A run that ended well after so many minutes."""
    return a_run(run_id, **{"state": "succeeded", "ended_at": START + minutes * MINUTE, **changes})


def limited(**settings: Any) -> Policy:
    return Policy(rules=(Rule("load-*", Settings(**settings)),))


EDGES = [
    pytest.param(took(24), Policy(), None, id="as_long_as_may_be"),
    pytest.param(took(24.01), Policy(), 1440, id="longer_than_80_percent"),
    pytest.param(took(10), limited(max_runtime=600), None, id="as_long_as_max_runtime"),
    pytest.param(took(10.01), limited(max_runtime=600), 600, id="longer_than_max_runtime"),
    pytest.param(took(25), limited(warn_at=0.9), None, id="a_later_warning"),
    pytest.param(took(9), limited(deadline=600), 480, id="a_shorter_deadline"),
    pytest.param(took(9, operation="publish"), limited(deadline=600), None, id="no_rule_for_it"),
    pytest.param(took(400, deadline=None), Policy(), None, id="no_limit_at_all"),
    pytest.param(took(9, state="failed"), limited(max_runtime=300), 300, id="failures_took_their_time_too"),
]


@pytest.mark.parametrize(("run", "policy", "after"), EDGES)
def test_overdue_is_exact(run: Run, policy: Policy, after: float | None) -> None:
    """A run is told of as overdue if it ended after the instant at which the policy calls it so."""
    assert replayed(run, policy).told_after == after


@given(run=runs(state=st.just("succeeded")), length=st.floats(1, 1e5), warn_at=st.floats(0.1, 1))
def test_the_replay_agrees_with_the_judge(run: Run, length: float, warn_at: float) -> None:
    """A run is replayed as overdue exactly when it would have been judged so, had it been looked at before its end."""
    policy = Policy(
        rules=(Rule("*", Settings(max_runtime=length, warn_at=warn_at, silent_after=1e9, stalled_after=1e9)),)
    )
    ended = run.ended_at or run.started_at
    once = replayed(run, policy)
    plain = replace(
        run, ended_at=None, state="running", beat_at=None, moved_at=None, progress=Progress(0), waiting=None
    )
    calm = replace(plain, gone_at=None, due_at=ended, activity=None)

    if once.told_after is None or (run.deadline is not None and run.deadline < run.started_at):
        return
    told_at = run.started_at + timedelta(seconds=once.told_after)
    assert told_at < ended
    assert judge(calm, policy, told_at).state == OVERDUE
    assert judge(calm, policy, told_at - timedelta(seconds=1)).state in (HEALTHY, "late", "unjudged")


POSSIBLE = [
    pytest.param(took(1.5), (), id="shorter_than_every_limit"),
    pytest.param(took(1.51), ("silent",), id="longer_than_silence"),
    pytest.param(took(18), ("silent",), id="opaque_60_percent_of_the_way"),
    pytest.param(took(18.01), ("stalled", "silent"), id="longer_than_60_percent_of_the_way"),
    pytest.param(took(5, progress=Progress(3)), ("silent",), id="counted_as_long_as_a_standstill"),
    pytest.param(took(5.01, progress=Progress(3)), ("stalled", "silent"), id="counted_longer_than_a_standstill"),
]


@pytest.mark.parametrize(("run", "possible"), POSSIBLE)
def test_what_can_not_be_excluded(run: Run, possible: tuple[str, ...]) -> None:
    """A run that took less than a limit was certainly neither stalled nor silent; of others it can't be known."""
    assert replayed(run, Policy()).possible == possible


def test_what_an_earlier_policy_demanded_is_taken_out() -> None:
    """A record holds the limits of its day: those of a policy go, those of the owner and what was learned stay."""
    forced = Limits().resolve(InForce(forced={"max_runtime": 300.0, "stalled_after": 60.0}))
    owned = Limits(max_runtime=300.0, explicit=("max_runtime",)).resolve(InForce())
    learned = Thresholds(opaque_after=400.0, learned_runs=5, learned_longest=200.0)

    assert replayed(took(10, thresholds=forced), Policy()).told_after is None
    assert replayed(took(10, thresholds=owned), Policy()).told_after == 300
    assert replayed(took(7, thresholds=learned), Policy()).possible == ("stalled", "silent")
    assert replayed(took(6, thresholds=learned), Policy()).possible == ("silent",)


def test_two_policies_side_by_side() -> None:
    """Each operation has its figures under both; runs that only one of them tells of are named."""
    week = [took(minutes, f"run{minutes}") for minutes in range(5, 28)]
    week += [took(9, "other", operation="publish"), a_run("goes-on")]
    found = replay(week, limited(max_runtime=1200), Policy(), START - WEEK, START)

    load, publish = found.operations
    assert (load.operation, publish.operation, found.left_out) == ("load-historical-games", "publish", 1)
    assert load.counts(OVERDUE) == (3, 7)
    assert [one.run.id for one in load.newly_told] == ["run21", "run22", "run23", "run24"]
    assert load.told_no_more == []
    assert found.lines() == [
        "24 runs that ended in the last 7 d, replayed; figures: in force -> this policy",
        "1 that have not ended are left out",
        "load-historical-games: 23 runs, overdue 3 -> 7; can't be excluded: stalled 9 -> 9, silent 23 -> 23",
        "  would be told: run run21 of 2026-01-14T10:00:00Z after 20 min; it ended after 21 min (succeeded)",
        "  would be told: run run22 of 2026-01-14T10:00:00Z after 20 min; it ended after 22 min (succeeded)",
        "  would be told: run run23 of 2026-01-14T10:00:00Z after 20 min; it ended after 23 min (succeeded)",
        "  would be told: run run24 of 2026-01-14T10:00:00Z after 20 min; it ended after 24 min (succeeded)",
        "publish: 1 runs, overdue 0 -> 0; can't be excluded: stalled 0 -> 0, silent 1 -> 1",
        (
            "stored is how a run ended, not each beat: overdue is exact; stalled and silent can only be excluded, "
            "for runs that took less than the limit"
        ),
    ]


def test_a_laxer_policy_names_what_is_told_no_more() -> None:
    """The other way round the same runs are told no more, at most five of them by name."""
    week = [took(21, f"run{n}") for n in range(7)]
    (load,) = replay(week, Policy(), limited(max_runtime=1200), START - WEEK, START).operations

    assert (len(load.told_no_more), load.newly_told, load.counts(OVERDUE)) == (7, [], (7, 0))
    assert load.lines()[-1] == "  would be told no more: and 2 more"


def test_the_form_for_scripts() -> None:
    """JSON says what is exact and what is not, with figures and runs."""
    week = [took(25, deadline=START + 24.5 * MINUTE), took(3, "short")]
    document = json.loads(json.dumps(replay(week, Policy(), limited(warn_at=1.0), START - WEEK, START).as_json()))

    run = {"run": "run1", "state": "succeeded", "started_at": "2026-01-14T10:00:00Z"}
    told = {**run, "took": 1500.0, "told_after": 1176.0, "past_deadline": True}
    (load,) = document.pop("operations")
    assert document == {
        "since": "2026-01-07T10:00:00Z",
        "until": "2026-01-14T10:00:00Z",
        "left_out": 0,
        "exact": ["overdue"],
        "not_excluded": ["stalled", "silent"],
    }
    assert (load["operation"], load["runs"]) == ("load-historical-games", 2)
    assert load["overdue"] == {"in_force": 1, "then": 1}
    assert (load["newly_told"], load["told_no_more"]) == ([], [])
    assert replay(week, Policy(), limited(max_runtime=9000, deadline=9000), START, START).as_json()["operations"][0][
        "newly_told"
    ] == [told]


def test_no_runs_are_no_trouble() -> None:
    """A store without runs is replayed in two lines."""
    assert len(replay([], Policy(), Policy(), START - WEEK, START).lines()) == 2


def test_which_operations_match_which_rule() -> None:
    """Each rule has the operations that it holds for; one that never gets any says why; nobody is forgotten."""
    rules = [{"match": match} for match in ("load-*", "load-odds", "publish", "never-*")]
    expected = [{"operation": name, "every": "1d"} for name in ("publish", "batch")]
    policy = parse_policy({"operation": rules, "expected": expected})
    found = rule_matches(policy, ["load-odds", "load-games", "publish", "consolidate", "publish"])

    assert found.lines() == [
        "[[operation]] 1 'load-*': load-games, load-odds",
        "[[operation]] 2 'load-odds': matches nothing that [[operation]] 1 before it leaves; move it up",
        "[[operation]] 3 'publish': publish",
        "[[operation]] 4 'never-*': matches no operation on record",
        "no rule, so [defaults]: consolidate",
        "[[expected]] 'batch': no run of it is on record",
    ]
    document = json.loads(json.dumps(found.as_json()))
    assert document["rules"][1] == {"number": 2, "match": "load-odds", "operations": [], "shadowed_by": [1]}
    assert document["unmatched"] == ["consolidate"]
    assert document["unseen"] == [{"operation": "batch", "rule": "every 86400 s"}]


def test_many_operations_are_cut_in_lines_alone() -> None:
    """Lines name twenty operations and say how many more there are; JSON names all."""
    found = rule_matches(parse_policy({"operation": [{"match": "*"}]}), [f"op{n:02}" for n in range(45)])

    assert found.lines()[0].endswith("op18, op19 and 25 more")
    assert len(found.as_json()["rules"][0]["operations"]) == 45


def test_two_equal_rules_are_two_rules() -> None:
    """A rule that stands twice in a file holds once; the second one is shadowed by the first."""
    found = rule_matches(parse_policy({"operation": [{"match": "a"}, {"match": "a"}]}), ["a"])

    assert [rule.shadowed_by for rule in found.rules] == [(), (1,)]


@pytest.mark.parametrize("part", [1, 2, 3, 7, 500])
def test_ended_runs_are_read_part_by_part(tmp_path: Path, part: int) -> None:
    """Every run that ended is read once, in order, however small the parts and however many ended in one instant."""
    world = World(tmp_path)
    ends = [0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 3, 3, 4, 5, 5, 5]
    for number, minute in enumerate(ends):
        world.put(took(minute + 1, f"run{number:02}"))
    world.put(a_run("goes-on"))
    seen: list[int] = []

    found = ended_runs(world.store, START + MINUTE, seen.append, part=part)
    assert [run.id for run in found] == [f"run{number:02}" for number in range(1, len(ends))]
    assert seen[-1] == len(ends) - 1
    assert seen == sorted(seen)


def test_what_can_not_be_read_is_left_out(tmp_path: Path) -> None:
    """A stranger's record among those that ended, even as the last of a part, stops nobody."""
    world = World(tmp_path)
    for number in range(4):
        world.put(took(number + 1, f"run{number}"))
    strange = {"ended_at": START + 2 * MINUTE, "state": 7}
    assert world.store.commit([Create(RUNS, "run1b", strange)])

    for part in (1, 2, 3, 9):
        found = ended_runs(world.store, START, part=part)
        assert [run.id for run in found] == ["run0", "run1", "run2", "run3"]
