"""Whatever a person can type, set, or be told has its place in the docs."""

from __future__ import annotations

import argparse
import inspect
import re
import shlex
from dataclasses import fields
from pathlib import Path

import pytest

import heartbeat_client
from tests.support.imports import ROOT
from tests.support.world import World, a_run, counted
from watchdog import cli, incident, policy, verdict
from watchdog.environment import SETTINGS
from watchdog.measures import METRICS
from watchdog.policy_text import expected as policy_expected
from watchdog.survey import story, survey
from watchdog.wording import DOINGS

from .papers import DOCS, anchors, prose


def page(name: str) -> str:
    return (DOCS / f"{name}.md").read_text(encoding="utf-8")


def words(text: str) -> set[str]:
    """What a page sets in code, and each word of it."""
    code = re.findall(r"`([^`\n]+)`", text)
    return {*code, *(word for part in code for word in re.findall(r"[\w.-]+", part))}


def commands() -> dict[str, argparse.ArgumentParser]:
    (subs,) = [one for one in cli._parser()._actions if isinstance(one, argparse._SubParsersAction)]
    return dict(subs.choices)


@pytest.mark.parametrize("command", commands())
def test_every_command_and_option_is_in_the_reference(command: str) -> None:
    """The reference has a row for each command, with all its options."""
    rows = [line for line in page("reference").splitlines() if re.match(rf"\| `{command}[ `]", line)]
    own = [option for action in commands()[command]._actions for option in action.option_strings[-1:]]

    assert len(rows) == 1
    assert [option for option in own if option not in {"--help", "--store"} and option not in rows[0]] == []


@pytest.mark.parametrize("command", commands())
def test_the_reference_invents_no_option(command: str) -> None:
    """An option that a row names is one of the command's."""
    (row,) = [line for line in page("reference").splitlines() if re.match(rf"\| `{command}[ `]", line)]
    own = {option for action in commands()[command]._actions for option in action.option_strings}

    assert set(re.findall(r"--[\w-]+", row)) - own == set()


@pytest.mark.parametrize("command", commands())
def test_the_examples_of_a_command_can_be_typed(command: str) -> None:
    """Each command's help has examples, and the command takes each of them."""
    examples = re.findall(r"(?m)^  python -m watchdog (.+)$", commands()[command].epilog or "")

    assert examples
    for example in examples:
        typed = shlex.split(example.partition(" > ")[0])
        assert typed[0] == command
        cli._parser().parse_args(typed)


@pytest.mark.parametrize("setting", [*SETTINGS, "HANGWATCH_DEADLINE"])
def test_every_variable_is_in_the_reference(setting: str) -> None:
    """The environment's table has each variable, whether the watchdog reads it or the client."""
    assert setting in words(page("reference"))


def test_the_docs_invent_no_variable() -> None:
    """A variable that a page names is one that is read somewhere."""
    sources = "".join(
        path.read_text(encoding="utf-8")
        for folder in ("heartbeat_client", "watchdog", "deploy", "examples")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in {".py", ".tf", ".sh", ".yaml"}
    )
    named = {name for path in DOCS.glob("*.md") for name in re.findall(r"HANGWATCH_[A-Z_]+[A-Z]", prose(path))}

    assert sorted(name for name in named if name not in sources and name != "HANGWATCH_REPOSITORY") == []


CONFIGURE = [
    one.name
    for one in inspect.signature(heartbeat_client.configure).parameters.values()
    if one.kind is one.KEYWORD_ONLY
]


@pytest.mark.parametrize("setting", CONFIGURE)
def test_every_setting_of_configure_is_in_the_reference(setting: str) -> None:
    """The table of `configure` has each of its settings."""
    table = page("reference").split("## configure")[1].split("\n## ")[0]

    assert f"| `{setting}` |" in table


POLICY = {
    "defaults": [field.name for field in fields(policy.Settings)],
    "watchdog": [field.name for field in fields(policy.Pace)],
    "expected": list(policy_expected.KNOWN),
}


@pytest.mark.parametrize(
    ("section", "setting"),
    [(section, setting) for section, settings in POLICY.items() for setting in settings],
)
def test_every_setting_of_the_policy_is_documented(section: str, setting: str) -> None:
    """Each setting stands in the part of the policy's page that is about its table."""
    heading = {"defaults": "## Limits", "watchdog": "## The watchdog's pace", "expected": "## Expected runs"}[section]
    part = page("policy").split(heading)[1].split("\n## ")[0]

    assert setting in words(part)


TOLD = sorted(verdict.PROBLEMS)


@pytest.mark.parametrize("state", [*TOLD, incident.LOST, incident.FAILURE])
def test_what_people_are_told_has_a_heading_in_the_runbook(state: str) -> None:
    """Notices link to the runbook's heading of their verdict."""
    assert state in anchors(DOCS / "runbook.md")


@pytest.mark.parametrize("state", [*sorted(verdict.PROBLEMS - {verdict.DOUBTFUL}), verdict.LATE])
def test_every_verdict_says_how_it_comes_about(state: str) -> None:
    """Each verdict about a run has its heading in how it decides, with the rule."""
    assert state in anchors(DOCS / "how_it_decides.md")


STATES = [verdict.HEALTHY, verdict.LATE, *TOLD, verdict.FINISHED_LATE, incident.RECOVERED, incident.LOST]
LIFE = [incident.OPEN, incident.ACKNOWLEDGED, incident.RESOLVED]
OF_DESIGN = (
    "beat run operation progress activity verdict incident notice channel sweep snooze deadline max_runtime grace"
)
OF_RUNS = "running succeeded failed interrupted"


@pytest.mark.parametrize("word", [*STATES, *LIFE, *OF_DESIGN.split(), *OF_RUNS.split(), "shared run", "expected run"])
def test_every_word_is_in_the_glossary(word: str) -> None:
    """The glossary explains what records, notices and pages say."""
    assert re.search(rf"(?m)^- \*\*{word}\*\*: |`{word}`", page("glossary"))


def test_the_glossary_explains_a_word_once() -> None:
    """One word, one meaning."""
    explained = re.findall(r"(?m)^- \*\*([^*]+)\*\*: ", page("glossary"))

    assert len(explained) == len(set(explained)) > 40


@pytest.mark.parametrize("metric", METRICS)
def test_every_metric_is_documented(metric: str) -> None:
    """The table of metrics has a row for each."""
    name = metric if isinstance(metric, str) else metric.name

    assert f"| `{name}` |" in page("metrics")


@pytest.mark.parametrize("kind", DOINGS)
def test_every_activity_is_documented(kind: str) -> None:
    """What the sampler can conclude stands in how it decides."""
    assert f"`{kind}`" in page("how_it_decides")


OPEN_KEYS = {"labels", "activity", "durations", "last_sweep"}  # their keys are people's, evidence's, or another table's


def keys(document: object) -> set[str]:
    """All names in a document, at any depth, but for what lies below `OPEN_KEYS`."""
    if isinstance(document, list):
        return {key for one in document for key in keys(one)}
    if not isinstance(document, dict):
        return set()
    inside = (inner for name, inner in document.items() if name not in OPEN_KEYS)
    return {*document, *(key for inner in inside for key in keys(inner))}


@pytest.mark.parametrize("command", ["status", "show"])
def test_every_key_of_json_is_in_the_reference(tmp_path: Path, command: str) -> None:
    """`--json` is stable, and each key has its line."""
    world = World(tmp_path)
    world.sweep(0)
    world.at(6)
    world.beat(a_run(), **counted(41, rate=1.0))
    world.sweep()
    asked = (world.ledger, policy.Policy())
    shown = survey(*asked) if command == "status" else story(*asked, "run1")
    assert shown is not None
    part = page("reference").split(f"### {command} --json")[1].split("\n### ")[0].split("\n## ")[0]

    assert sorted(keys(shown.as_json()) - words(part)) == []


INSIDE = r"\b(pytest|mypy|ruff|refactor\w*|test_\w+|tests/|commit|MAY_IMPORT|lint)\b|_\w+\(|\bmodule\b"


def test_the_changelog_is_for_users() -> None:
    """It says what changed for those who use Hangwatch: nothing of its insides, one sentence a line."""
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.startswith("- ")]

    assert lines
    assert [line for line in lines if re.search(INSIDE, line)] == []
    assert [line for line in lines if not line.endswith(".")] == []
