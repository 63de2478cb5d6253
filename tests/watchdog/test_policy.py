"""The policy file: what it may say, which word goes before which, and one line for each mistake."""

from __future__ import annotations

import sys
from dataclasses import fields, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartbeat_client.run import Run, Thresholds
from tests.client.random_runs import json_like, runs
from tests.support.world import START, a_run
from watchdog.policy import LIMITS, Pace, Policy, PolicyError, Rule, Settings
from watchdog.policy_text.expected import KNOWN
from watchdog.policy_text.file import parse_policy
from watchdog.wiring import read_policy

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FULL = """
[defaults]
deadline = "30m"
remind_every = "20m"
runbook = "https://wiki.example/all"

[[operation]]
match = "load-*"
opaque_after = "15m"
warn_at = 0.9
silent_after = 120
slack_channel = "#predictions"
runbook = "https://wiki.example/load"

[[operation]]
match = "*"
stalled_after = "1h30m"
max_runtime = "2h"

[watchdog]
audit_every = "10m"
claim_for = 90
"""


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


def parsed(**tables: Any) -> Policy:
    return parse_policy(tables)


def run_with(*explicit: str, **thresholds: float) -> Run:
    """A run whose own limits are these; explicit: names that its owner set."""
    return a_run(thresholds=replace(Thresholds(), explicit=explicit, **thresholds))


def problems_of(tables: dict[str, Any]) -> list[str]:
    with pytest.raises(PolicyError) as caught:
        parse_policy(tables, "policy.toml")

    assert str(caught.value) == "\n".join(caught.value.problems)
    return caught.value.problems


def test_a_whole_file_is_read() -> None:
    """Everything that a policy may say is read, lengths in seconds."""
    policy = parse_policy(tomllib.loads(FULL), "policy.toml")

    assert policy.defaults == Settings(deadline=1800, remind_every=1200, runbook="https://wiki.example/all")
    assert [rule.match for rule in policy.rules] == ["load-*", "*"]
    assert policy.rules[0].settings == Settings(
        opaque_after=900,
        warn_at=0.9,
        silent_after=120,
        slack_channel="#predictions",
        runbook="https://wiki.example/load",
    )
    assert policy.rules[1].settings == Settings(stalled_after=5400, max_runtime=7200)
    assert policy.pace == Pace(audit_every=600, claim_for=90)


def test_an_empty_policy_works() -> None:
    """Nothing has to be said: a run keeps its own limits, and reminders come each 30 minutes."""
    run = run_with(silent_after=100, stalled_after=50)

    assert parse_policy({}) == Policy()
    assert Policy().applied(run) == run
    assert Policy().remind_every("load") == minutes(30)


# What the rule, the run's owner and [defaults] say of stalled_after, and what holds; 300 s is the client's default.
PRECEDENCE = [
    pytest.param(None, None, None, 300, id="the_clients_default_when_nobody_says"),
    pytest.param(None, None, 60, 60, id="defaults_before_the_clients_default"),
    pytest.param(None, 120, None, 120, id="the_owner_before_the_clients_default"),
    pytest.param(None, 120, 60, 120, id="the_owner_before_defaults"),
    pytest.param(30, 120, 60, 30, id="a_rule_before_all"),
    pytest.param(30, 120, None, 30, id="a_rule_before_the_owner"),
    pytest.param(30, None, 60, 30, id="a_rule_before_defaults"),
]


@pytest.mark.parametrize("name", ["stalled_after", "opaque_after", "max_runtime"])
@pytest.mark.parametrize(("ruled", "owned", "default", "holds"), PRECEDENCE)
def test_who_decides_a_limit(
    name: str, ruled: float | None, owned: float | None, default: float | None, holds: float
) -> None:
    """The first rule that matches, then the run's owner, then `[defaults]`, then the client's own default."""
    run = run_with(**{name: 300}) if owned is None else run_with(name, **{name: owned})
    policy = Policy(Settings(**{name: default}), (Rule("load-*", Settings(**{name: ruled})),))

    assert getattr(policy.applied(run).thresholds, name) == holds


@pytest.mark.parametrize(
    ("limits", "holds"),
    [
        pytest.param({"silent_after": 29.0}, 30.0, id="below_two_beats"),
        pytest.param({"silent_after": 30.0}, 30.0, id="two_beats"),
        pytest.param({"silent_after": 31.0}, 31.0, id="above_two_beats"),
    ],
)
@pytest.mark.parametrize("who", ["rule", "owner", "defaults"])
def test_silence_is_never_shorter_than_two_beats(who: str, limits: dict[str, float], holds: float) -> None:
    """Whoever asks for less gets two beats: less would wake people for every healthy run."""
    run = run_with("silent_after", **limits) if who == "owner" else run_with()
    rules = (Rule("*", Settings(**limits)),) if who == "rule" else ()
    policy = Policy(Settings(**limits) if who == "defaults" else Settings(), rules)

    assert run.thresholds.beat_every == 15.0
    assert policy.applied(run).thresholds.silent_after == holds


OWN = START + minutes(30)


@pytest.mark.parametrize(
    ("ruled", "default", "run", "holds"),
    [
        pytest.param(None, None, a_run(), OWN, id="the_runs_own"),
        pytest.param(None, None, a_run(deadline=None), None, id="none_at_all"),
        pytest.param(None, 600, a_run(), START + minutes(10), id="defaults_before_the_clients_default"),
        pytest.param(None, 600, a_run(deadline=None), START + minutes(10), id="defaults_where_there_is_none"),
        pytest.param(
            None, 600, a_run(thresholds=Thresholds(explicit=("deadline",))), OWN, id="the_owners_before_defaults"
        ),
        pytest.param(
            300,
            600,
            a_run(thresholds=Thresholds(explicit=("deadline",))),
            START + minutes(5),
            id="a_rule_before_the_owners",
        ),
        pytest.param(7200, None, a_run(), START + minutes(120), id="a_rule_may_allow_more"),
        pytest.param(None, 600, a_run(ancestors=("r",)), OWN, id="defaults_leave_an_inherited_deadline_alone"),
        pytest.param(600, None, a_run(ancestors=("r",)), START + minutes(10), id="a_rule_may_cut_an_inherited_one"),
        pytest.param(7200, None, a_run(ancestors=("r",)), OWN, id="a_rule_never_lengthens_an_inherited_one"),
        pytest.param(
            600, None, a_run(ancestors=("r",), deadline=None), START + minutes(10), id="nested_in_one_without_deadline"
        ),
    ],
)
def test_who_decides_the_deadline(ruled: float | None, default: float | None, run: Run, holds: datetime | None) -> None:
    """A rule's deadline counts from the run's start; a nested run never has longer than what is around it."""
    policy = Policy(Settings(deadline=default), (Rule("*", Settings(deadline=ruled)),))

    assert policy.applied(run).deadline == holds


@pytest.mark.parametrize(
    ("operation", "rule"),
    [
        pytest.param("load-games", "load-*", id="the_first_that_matches"),
        pytest.param("load-odds", "load-*", id="not_a_closer_one_further_down"),
        pytest.param("Load-games", "*", id="letter_case_counts"),
        pytest.param("reload-games", "*", id="the_whole_name_must_match"),
        pytest.param("a[1]", "*", id="brackets_in_a_name_are_nothing_special"),
        pytest.param("POST /start", "POST /*", id="a_slash_is_a_letter_like_others"),
    ],
)
def test_which_rule_is_an_operations(operation: str, rule: str) -> None:
    """The first rule of the file whose pattern matches the whole name."""
    rules = [{"match": match} for match in ("load-*", "load-odds", "POST /*", "*")]
    found = parsed(operation=rules).rule_for(operation)

    assert found is not None
    assert found.match == rule
    assert Policy().rule_for(operation) is None


def test_a_rule_that_says_nothing_of_a_setting_leaves_it_to_defaults() -> None:
    """Runbook and reminder come from the rule, else from `[defaults]`."""
    policy = parse_policy(tomllib.loads(FULL))

    assert policy.setting("load-games", "runbook") == "https://wiki.example/load"
    assert policy.setting("publish", "runbook") == "https://wiki.example/all"
    assert policy.setting("publish", "slack_channel") is None
    assert policy.remind_every("load-games") == minutes(20)


MISTAKES: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown table": (
        {"default": {}},
        "policy.toml: [default]: expected [defaults], [[operation]], [[expected]] or [watchdog] (did you mean def",
    ),
    "a table that resembles none": (
        {"slack": {}},
        "policy.toml: [slack]: expected [defaults], [[operation]], [[expected]] or [watchdog]",
    ),
    "a setting outside of any table": (
        {"deadline": "30m"},
        "policy.toml: [deadline]: expected [defaults], [[operation]], [[expected]] or [watchdog]",
    ),
    "a table with a line break in its name": (
        {"a\nb": {}},
        "policy.toml: ['a\\nb']: expected [defaults], [[operation]], [[expected]] or [watchdog]",
    ),
    "a setting with a line break in its name": (
        {"defaults": {"a\nb": 1}},
        "policy.toml: [defaults]: 'a\\nb' is not a setting; expected one of silent_after, ",
    ),
    "defaults that are no table": (
        {"defaults": "30m"},
        "policy.toml: defaults: expected a table [defaults], got '30m'",
    ),
    "several defaults": (
        {"defaults": [{}]},
        "policy.toml: defaults: expected a table [defaults], got [{}]",
    ),
    "one bracket too few": (
        {"operation": {"match": "*"}},
        "policy.toml: operation: expected tables [[operation]], with two brackets, got dict",
    ),
    "operations that are no tables": (
        {"operation": ["load"]},
        "policy.toml: operation: expected tables [[operation]], with two brackets, got list",
    ),
    "a rule without a pattern": (
        {"operation": [{"match": "a"}, {"max_runtime": 5}]},
        'policy.toml: [[operation]] 2: match: expected a pattern such as "load-*", got None; add match = "…"',
    ),
    "a blank pattern": (
        {"operation": [{"match": " "}]},
        'policy.toml: [[operation]] 1: match: expected a pattern such as "load-*", got \' \'; add match = "…"',
    ),
    "a pattern that is a number": (
        {"operation": [{"match": 7}]},
        'policy.toml: [[operation]] 1: match: expected a pattern such as "load-*", got 7; add match = "…"',
    ),
    "a setting with a slip of the pen": (
        {"operation": [{"match": "load-*", "stalled_afer": "5m"}]},
        "policy.toml: [[operation]] 1 (match 'load-*'): stalled_afer is not a setting (did you mean stalled_after?); ",
    ),
    "a setting of the watchdog among the defaults": (
        {"defaults": {"audit_every": "5m"}},
        "policy.toml: [defaults]: audit_every is not a setting (did you mean remind_every?); expected one of silent_",
    ),
    "an unknown setting of the watchdog": (
        {"watchdog": {"audit": "5m"}},
        "policy.toml: [watchdog]: audit is not a setting (did you mean audit_every?); expected one of audit_every, ",
    ),
    "a length that is none": (
        {"defaults": {"stalled_after": "soon"}},
        "policy.toml: [defaults]: stalled_after: expected a length above zero such as 90, '90s', '15m' or '1h30m', ",
    ),
    "a length of zero": (
        {"defaults": {"remind_every": 0}},
        "policy.toml: [defaults]: remind_every: expected a length above zero such as 90, ",
    ),
    "a length below zero": (
        {"defaults": {"deadline": -30}},
        "policy.toml: [defaults]: deadline: expected a length above zero such as 90, ",
    ),
    "a length of centuries": (
        {"defaults": {"deadline": 1e300}},
        "policy.toml: [defaults]: deadline: expected a length of at most 30 years such as 90, ",
    ),
    "a length that is true": (
        {"watchdog": {"budget": True}},
        "policy.toml: [watchdog]: budget: expected a length above zero such as 90, ",
    ),
    "a share of zero": (
        {"defaults": {"warn_at": 0}},
        "policy.toml: [defaults]: warn_at: expected a share of the way to the deadline above 0 and up to 1, ",
    ),
    "a share above one": (
        {"defaults": {"warn_at": 80}},
        "policy.toml: [defaults]: warn_at: expected a share of the way to the deadline above 0 and up to 1, ",
    ),
    "a share in text": (
        {"defaults": {"warn_at": "80%"}},
        "policy.toml: [defaults]: warn_at: expected a share of the way to the deadline above 0 and up to 1, ",
    ),
    "a runbook that is no address": (
        {"defaults": {"runbook": "wiki/load"}},
        "policy.toml: [defaults]: runbook: expected an address that starts with https://, got 'wiki/load'",
    ),
    "a runbook that is a script": (
        {"defaults": {"runbook": "javascript:alert(1)"}},
        "policy.toml: [defaults]: runbook: expected an address that starts with https://, ",
    ),
    "a runbook with a line break": (
        {"defaults": {"runbook": "https://e.com/\nx"}},
        "policy.toml: [defaults]: runbook: expected an address that starts with https://, ",
    ),
    "a runbook that hides another address": (
        {"defaults": {"runbook": "https://e.com/|x"}},
        "policy.toml: [defaults]: runbook: expected an address that starts with https://, ",
    ),
    "a runbook of 2,001 letters": (
        {"defaults": {"runbook": "https://e.com/".ljust(2001, "x")}},
        "policy.toml: [defaults]: runbook: expected an address that starts with https://, ",
    ),
    "a time zone that there is not": (
        {"watchdog": {"time_zone": "Mars/Base"}},
        "policy.toml: [watchdog]: time_zone: expected a time zone such as \"America/New_York\", got 'Mars/Base'",
    ),
    "a channel of blanks": (
        {"defaults": {"slack_channel": " "}},
        'policy.toml: [defaults]: slack_channel: expected a channel such as "#predictions" or an id such as ',
    ),
}


@pytest.mark.parametrize(("tables", "said"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_is_one_line(tables: dict[str, Any], said: str) -> None:
    """Each mistake is told in one line: which file and place, what was expected, what is there, what to do."""
    (problem,) = problems_of(tables)

    assert problem.startswith(said)
    assert "\n" not in problem
    assert len(problem) < 350


def test_all_mistakes_are_told_at_once() -> None:
    """One look at the file mends them all: every mistake has its line, in the file's order."""
    tables = {
        "slack": [],
        "defaults": {"warn_at": 2, "deadline": "soon"},
        "operation": [{"match": "a", "opaque": 1, "silent_after": -1}, {"stalled_after": "x"}],
        "watchdog": 7,
    }

    begins = (
        "[slack]: expected",
        "[defaults]: warn_at: expected",
        "[defaults]: deadline: expected",
        "[[operation]] 1 (match 'a'): opaque is not a setting",
        "[[operation]] 1 (match 'a'): silent_after: expected",
        "[[operation]] 2: match: expected",
        "[[operation]] 2: stalled_after: expected",
        "watchdog: expected a table",
    )
    found = [line.removeprefix("policy.toml: ") for line in problems_of(tables)]
    assert [line[: len(begin)] for line, begin in zip(found, begins, strict=True)] == list(begins)


@given(
    tables=st.dictionaries(
        st.sampled_from(["defaults", "operation", "expected", "watchdog", "x"]),
        json_like
        | st.dictionaries(st.sampled_from([field.name for field in fields(Settings)]), json_like, max_size=4)
        | st.lists(st.dictionaries(st.sampled_from(["match", *LIMITS, *KNOWN]), json_like, max_size=3), max_size=2),
        max_size=3,
    )
)
def test_any_tables_are_a_policy_or_an_error(tables: dict[str, Any]) -> None:
    """Whatever a TOML file holds, it is a policy that can be used or a PolicyError, and nothing else."""
    try:
        policy = parse_policy(tables)
    except PolicyError as error:
        problems = error.problems
    else:
        assert policy.applied(a_run()).started_at == START
        return

    assert problems
    assert all(problem.startswith("policy: ") and "\n" not in problem for problem in problems)


@given(run=runs(), length=st.floats(0.001, 1e9))
def test_a_policy_applies_to_any_run(run: Run, length: float) -> None:
    """Limits of any length apply to any record, and change nothing but limits and deadline."""
    settings = Settings(**dict.fromkeys(("silent_after", "stalled_after", "opaque_after", "max_runtime"), length))
    applied = Policy(replace(settings, deadline=length), (Rule("*", replace(settings, warn_at=0.5)),)).applied(run)

    assert applied.thresholds.silent_after >= 2 * run.thresholds.beat_every
    assert replace(applied, thresholds=run.thresholds, deadline=run.deadline) == run


def test_a_file_that_is_not_toml_is_told_with_its_place(tmp_path: Path) -> None:
    """A file that can't be parsed is one line with the place of the mistake."""
    file = tmp_path / "policy.toml"
    file.write_text("[defaults]\ndeadline = 30m\n", encoding="utf-8")

    with pytest.raises(PolicyError, match=r"^policy\.toml: is not TOML: .*line 2"):
        read_policy(file)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    """A missing file is one line that names the setting to mend."""
    with pytest.raises(PolicyError, match=r"expected a policy file, found none; mend HANGWATCH_POLICY or unset it$"):
        read_policy(tmp_path / "gone.toml")


def test_a_file_is_read_as_it_stands(tmp_path: Path) -> None:
    """A good file is a policy, no file the empty one."""
    file = tmp_path / "policy.toml"
    file.write_text(FULL, encoding="utf-8")

    assert read_policy(file) == parse_policy(tomllib.loads(FULL))
    assert read_policy(None) == Policy()
