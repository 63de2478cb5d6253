"""What a sweep that is a process of its own loads, and what it leaves to others."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.imports import ROOT

# After a sweep, the names of all modules that it took.
SWEEP = """
import json, sys
from watchdog.cli import main
status = main(["sweep", "--json"])
print(json.dumps([status, sorted(sys.modules)]))
"""

NEVER = ("flask", "gunicorn", "jinja2", "rich", "shtab", "watchdog.doctor", "watchdog.page", "watchdog.survey")
WEBHOOK = {"HANGWATCH_SLACK_WEBHOOK_URL": "http://127.0.0.1:9/made-up"}


@pytest.fixture
def loaded(tmp_path: Path, request: pytest.FixtureRequest) -> set[str]:
    """The modules of a sweep over an empty SQLite store, with these settings besides."""
    settings = {"HANGWATCH_STORE": f"sqlite:///{tmp_path / 'beats.sqlite3'}", "PYTHONPATH": str(ROOT), **request.param}
    command = [sys.executable, "-c", SWEEP]
    said = subprocess.check_output(command, env=settings, cwd=tmp_path, text=True, timeout=120)
    status, modules = json.loads(said.splitlines()[-1])
    assert status == 0
    return set(modules)


@pytest.mark.parametrize("loaded", [{}, WEBHOOK], ids=["plain", "with_slack"], indirect=True)
def test_a_sweep_loads_nothing_of_other_commands(loaded: set[str]) -> None:
    """Screens, pages, the server and the doctor cost a sweep nothing, and no Google library is loaded unless set."""
    assert "watchdog.rounds" in loaded
    assert loaded.isdisjoint(NEVER)
    assert not any(name.startswith("google") for name in loaded)


@pytest.mark.parametrize("loaded", [{}], ids=["plain"], indirect=True)
def test_a_sweep_without_channels_loads_no_http(loaded: set[str]) -> None:
    """Where nobody is asked over the network, what asks is not loaded."""
    assert "requests" not in loaded
