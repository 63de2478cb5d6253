"""The `[[expected]]` tables of a policy file: what they may say, and one line for each mistake."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchdog.policy import PolicyError
from watchdog.policy_text.file import parse_policy
from watchdog.schedule import Expected

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FULL = """
[watchdog]
time_zone = "Europe/Berlin"

[[expected]]
operation = "prediction-batch"
schedule = "0 7  * * MON-FRI"
time_zone = "America/New_York"
grace = "20m"
runbook = "https://wiki.example/batch"
slack_channel = "#predictions"

[[expected]]
operation = "refresh-odds"
every = "6h"

[[expected]]
operation = "consolidate-batch"
after = "worker-predictions"
within = "20m"
"""


def test_a_whole_file_is_read() -> None:
    """Each of the three rules is read, lengths in seconds, with the watchdog's time zone where none is named."""
    batch, odds, consolidation = parse_policy(tomllib.loads(FULL)).expected

    assert batch == Expected(
        "prediction-batch",
        schedule="0 7 * * MON-FRI",
        time_zone="America/New_York",
        grace=1200,
        runbook="https://wiki.example/batch",
        slack_channel="#predictions",
    )
    assert odds == Expected("refresh-odds", every=21600, time_zone="Europe/Berlin")
    assert consolidation == Expected(
        "consolidate-batch", after="worker-predictions", grace=1200, early=60, time_zone="Europe/Berlin"
    )


@pytest.mark.parametrize(
    ("rule", "grace", "early"),
    [
        pytest.param({"schedule": "0 7 * * *"}, 1800, 300, id="a_day_apart"),
        pytest.param({"schedule": "0 7,8 * * *"}, 1800, 300, id="an_hour_apart"),
        pytest.param({"schedule": "*/15 * * * *"}, 450, 225, id="a_quarter_apart_grace_is_half_of_it"),
        pytest.param({"schedule": "*/7 * * * *"}, 120, 60, id="the_shortest_gap_counts"),
        pytest.param({"schedule": "0 0 29 2 *"}, 1800, 300, id="once_in_four_years"),
        pytest.param({"every": "1h"}, 1800, 300, id="every_hour"),
        pytest.param({"every": 600}, 300, 150, id="every_ten_minutes"),
        pytest.param({"after": "w", "within": "20m"}, 1200, 60, id="after_another"),
        pytest.param({"after": "w", "within": "2m"}, 120, 30, id="soon_after_another"),
        pytest.param({"schedule": "*/15 * * * *", "grace": "14m59s"}, 899, 225, id="just_shorter_than_the_gap"),
        pytest.param({"every": "1h", "grace": "59m"}, 3540, 300, id="just_shorter_than_every"),
    ],
)
def test_grace_and_tolerance_fit_the_rule(rule: dict[str, Any], grace: float, early: float) -> None:
    """Grace is 30 minutes, a run may come 5 minutes early; less where instants lie closer together."""
    (expected,) = parse_policy({"expected": [{"operation": "batch", **rule}]}).expected

    assert (expected.grace, expected.early) == (grace, early)


def test_a_rule_is_the_same_whatever_its_grace() -> None:
    """Its instants make an expectation, so a changed grace, runbook or spacing does not begin it anew."""
    one = {"operation": "batch", "schedule": "0 7 * * *"}
    same = [one, {**one, "grace": "5m"}, {**one, "schedule": " 0  7 * * *"}, {**one, "runbook": "https://e.com"}]
    others = [
        {**one, "schedule": "1 7 * * *"},
        {**one, "operation": "other"},
        {**one, "time_zone": "Europe/Berlin"},
        {"operation": "batch", "every": "1h"},
        {"operation": "batch", "every": "2h"},
        {"operation": "batch", "after": "w", "within": 60},
    ]
    identities = [parse_policy({"expected": [table]}).expected[0].identity for table in (*same, *others)]

    assert len(set(identities[: len(same)])) == 1
    assert len(set(identities)) == 1 + len(others)


DAILY = {"operation": "batch", "schedule": "0 7 * * *"}
WHERE = "policy.toml: [[expected]] 1 (operation 'batch')"
FIVE = 'expected five fields of cron such as "0 7 * * *"'
MISTAKES: dict[str, tuple[Any, str]] = {
    "one bracket too few": (
        DAILY,
        "policy.toml: expected: expected tables [[expected]], with two brackets, got dict",
    ),
    "no tables": (["batch"], "policy.toml: expected: expected tables [[expected]], with two brackets, got list"),
    "no operation": (
        [{"schedule": "0 7 * * *"}],
        'policy.toml: [[expected]] 1: operation: expected the name of an operation, got none; add operation = "…"',
    ),
    "an operation that is a number": (
        [{**DAILY, "operation": 7}],
        "policy.toml: [[expected]] 1: operation: expected the name of an operation of at most 200 letters, got 7",
    ),
    "a blank operation": (
        [{**DAILY, "operation": " "}],
        "policy.toml: [[expected]] 1 (operation ' '): operation: expected the name of an operation of at most 200 ",
    ),
    "a pattern for an operation": (
        [{**DAILY, "operation": "load-*"}],
        "policy.toml: [[expected]] 1 (operation 'load-*'): operation: expected the name of one operation, got the ",
    ),
    "a slip of the pen": (
        [{**DAILY, "time_zon": "UTC"}],
        f"{WHERE}: time_zon is not a setting (did you mean time_zone?); expected one of operation, schedule, ",
    ),
    "no rule": (
        [{"operation": "batch"}],
        f"{WHERE}: expected one of schedule, every and after, got none; add schedule = ",
    ),
    "two rules": (
        [{**DAILY, "every": "6h"}],
        f"{WHERE}: expected one of schedule, every and after, got schedule and every; keep one, or make two tables",
    ),
    "within without after": ([{**DAILY, "within": "5m"}], f"{WHERE}: within is only for after; write grace, or after"),
    "grace with after": (
        [{"operation": "batch", "after": "w", "within": "5m", "grace": "5m"}],
        f"{WHERE}: grace is not for after; make within longer",
    ),
    "after without within": (
        [{"operation": "batch", "after": "w"}],
        f'{WHERE}: within: expected a length such as "20m", got none; add it',
    ),
    "after itself": (
        [{"operation": "batch", "after": "batch", "within": "5m"}],
        f'{WHERE}: after: expected another operation, got its own; write every = "…"',
    ),
    "a schedule that is a number": ([{**DAILY, "schedule": 7}], f"{WHERE}: schedule: {FIVE}, got 7"),
    "an empty schedule": ([{**DAILY, "schedule": ""}], f"{WHERE}: schedule: {FIVE}, got ''"),
    "a schedule with seconds": (
        [{**DAILY, "schedule": "0 0 7 * * *"}],
        f"{WHERE}: schedule: {FIVE}, got six: '0 0 7 * * *'; leave the seconds out",
    ),
    "a schedule of four fields": ([{**DAILY, "schedule": "0 7 * *"}], f"{WHERE}: schedule: {FIVE}, got 4: '0 7 * *'"),
    "a schedule in a word": (
        [{**DAILY, "schedule": "@daily"}],
        f"{WHERE}: schedule: {FIVE}, got '@daily'; write \"0 0 * * *\"",
    ),
    "hour 25": (
        [{**DAILY, "schedule": "0 25 * * *"}],
        f"{WHERE}: schedule: '0 25 * * *': its hour can't be read; expected 0 to 23",
    ),
    "minute 60": (
        [{**DAILY, "schedule": "60 * * * *"}],
        f"{WHERE}: schedule: '60 * * * *': its minute can't be read; expected 0 to 59",
    ),
    "a month without a name": (
        [{**DAILY, "schedule": "0 0 1 FOO *"}],
        f"{WHERE}: schedule: '0 0 1 FOO *': its month can't be read; expected 1 to 12 or JAN to DEC",
    ),
    "a weekday that there is not": (
        [{**DAILY, "schedule": "0 0 * * 8"}],
        f"{WHERE}: schedule: '0 0 * * 8': its day-of-week can't be read; expected 0 to 7 or SUN to SAT",
    ),
    "the 30th of February": (
        [{**DAILY, "schedule": "0 0 30 2 *"}],
        f"{WHERE}: schedule: '0 0 30 2 *': its day-of-month can't be read; expected a day from 1 to 31 that ",
    ),
    "a schedule that never comes": (
        [{**DAILY, "schedule": "* * */20 * 1L"}],
        f"{WHERE}: schedule: '* * */20 * 1L' never comes; expected one that does",
    ),
    "a figure of thousands of digits": (
        [{**DAILY, "schedule": "9" * 150 + " * * * *"}],
        f"{WHERE}: schedule: '99999",
    ),
    "a zone that there is not": (
        [{**DAILY, "time_zone": "America/NewYork"}],
        f"{WHERE}: time_zone: expected a time zone such as \"America/New_York\", got 'America/NewYork' (di",
    ),
    "the name of a place": (
        [{**DAILY, "time_zone": "New York"}],
        f"{WHERE}: time_zone: expected a time zone such as \"America/New_York\", got 'New York' (did you mean Ameri",
    ),
    "a zone that is a path": (
        [{**DAILY, "time_zone": "../../etc/passwd"}],
        f"{WHERE}: time_zone: expected a time zone such as ",
    ),
    "grace as long as the gap": (
        [{**DAILY, "schedule": "*/15 * * * *", "grace": "15m"}],
        f"{WHERE}: grace (15 min) must be shorter than the shortest time between two of its instants (15 min); lower",
    ),
    "grace as long as every": (
        [{"operation": "batch", "every": "6h", "grace": "6h"}],
        f"{WHERE}: grace (6 h) must be shorter than every (6 h); lower it",
    ),
    "every that is no length": (
        [{"operation": "batch", "every": "day"}],
        f"{WHERE}: every: expected a length above zero such as 90, '90s', '15m' or '1h30m', got 'day'",
    ),
    "a runbook that is no address": (
        [{**DAILY, "runbook": "wiki"}],
        f"{WHERE}: runbook: expected an address that starts with https://, got 'wiki'",
    ),
    "the same twice": (
        [DAILY, {"operation": "other", "every": "1h"}, {**DAILY, "grace": "5m"}],
        "policy.toml: [[expected]] 3 says the same as 1; leave one of them out",
    ),
    "a name with a line break": (
        [{"operation": "a\nb", "schedule": "x"}],
        f"policy.toml: [[expected]] 1 (operation 'a\\nb'): schedule: {FIVE}, got 1: 'x'",
    ),
}


@pytest.mark.parametrize(("tables", "said"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_is_one_line(tables: Any, said: str) -> None:
    """Each mistake is told in one line: which file and place, what was expected, what is there, what to do."""
    with pytest.raises(PolicyError) as caught:
        parse_policy({"expected": tables}, "policy.toml")

    (problem,) = caught.value.problems
    assert problem.startswith(said)
    assert "\n" not in problem
    assert len(problem) < 350


@given(
    st.dictionaries(
        st.sampled_from(["operation", "schedule", "every", "after", "within", "grace", "time_zone"]),
        st.text("0159*/,-#L@? \n", max_size=12) | st.sampled_from(["6h", "batch", "UTC", "0 7 * * *"]) | st.integers(),
        max_size=5,
    )
)
def test_any_table_is_read_or_refused(table: dict[str, Any]) -> None:
    """Whatever a table holds, it is an expectation or a PolicyError of single lines."""
    try:
        (expected,) = parse_policy({"expected": [table]}).expected
    except PolicyError as error:
        problems = error.problems
    else:
        assert expected.grace > 0
        assert len(expected.identity) == 12
        return

    assert problems
    assert all("\n" not in line for line in problems)
