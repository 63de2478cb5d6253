"""docs/policy.md says all that a policy file may say, and its examples are what they say they are."""

from __future__ import annotations

import re
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from heartbeat_client.lengths import spoken
from watchdog.policy import Pace, PolicyError, Settings
from watchdog.policy_text.expected import KNOWN
from watchdog.policy_text.file import parse_policy

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "policy.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```toml\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
LINES = re.findall(r"^```text\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)


def rows_of(heading: str) -> dict[str, str]:
    """The settings in the table under a heading, and the last column of each."""
    section = TEXT.split(f"\n## {heading}", 1)[1].split("\n## ", 1)[0]
    rows = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("| `")]
    return {name: cells[-1].strip() for cells in rows for name in re.findall(r"`(\w+)`", cells[0])}


@pytest.mark.parametrize("block", BLOCKS[:-1], ids=range(len(BLOCKS) - 1))
def test_an_example_is_a_policy(block: str) -> None:
    """Each example is read without a mistake, and says something."""
    tables = tomllib.loads(block)
    policy = parse_policy(tables)

    assert len(policy.expected) == len(tables.get("expected", []))
    assert len(policy.rules) == len(tables.get("operation", []))
    assert policy.rules or policy.expected


def test_the_mistakes_are_told_as_they_stand_there() -> None:
    """The example with mistakes has exactly the lines below it."""
    with pytest.raises(PolicyError) as caught:
        parse_policy(tomllib.loads(BLOCKS[-1]), "policy.toml")

    assert caught.value.problems == LINES[0].splitlines()


@pytest.mark.parametrize(
    ("heading", "settings"),
    [
        ("Limits", {field.name for field in fields(Settings)}),
        ("Expected runs", set(KNOWN)),
        ("The watchdog's pace", {field.name for field in fields(Pace)}),
    ],
    ids=["limits", "expected", "pace"],
)
def test_every_setting_is_there(heading: str, settings: set[str]) -> None:
    """The table of each section has all its settings, and none that there is not."""
    assert set(rows_of(heading)) == settings


def test_the_defaults_are_the_right_ones() -> None:
    """What the watchdog's pace is where nobody says it stands there as it is."""
    told = rows_of("The watchdog's pace")
    usual: dict[str, Any] = {field.name: getattr(Pace(), field.name) for field in fields(Pace)}

    def as_told(value: object) -> str:
        return value if isinstance(value, str) else "60 s" if value == 60.0 else spoken(float(str(value)))

    assert told == {name: as_told(value) for name, value in usual.items()}
