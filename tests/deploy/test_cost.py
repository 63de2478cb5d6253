"""What deploy/README.md says about money follows from what the code asks for."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from types import ModuleType

import pytest

from tests.deploy.recorded_life import RUNS, Life
from tests.support.emulators import Running
from tests.support.firestore_recorder import FirestoreRecorder
from tests.support.imports import ROOT
from tests.support.monitoring_server import MonitoringServer
from watchdog.policy import Pace

SCRIPT = ROOT / "deploy/cost.py"


@pytest.fixture(scope="module")
def cost() -> ModuleType:
    """deploy/cost.py, which is in no package."""
    spec = importlib.util.spec_from_file_location("hangwatch_cost", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def life(firestore_emulator: Running) -> Iterator[Life]:
    """A database with a watchdog whose first sweep, which reads everything, is over."""
    with FirestoreRecorder(firestore_emulator.host) as recorder, MonitoringServer() as monitoring:
        metrics = {"HANGWATCH_MONITORING_PROJECT": "demo-project", "HANGWATCH_MONITORING_ENDPOINT": monitoring.endpoint}
        life = Life(recorder, **metrics)
        life.sweep()
        yield life


pytestmark = [pytest.mark.emulator, pytest.mark.xdist_group("recorded"), pytest.mark.timeout(400)]


def asked(life: Life) -> tuple[int, int, int]:
    """Reads, writes and deletes since the last time."""
    tally = life.recorder.tally
    found = (tally.reads, tally.writes, tally.deletes)
    tally.clear()
    return found


def test_a_sweep_that_finds_nothing_asks_for_what_is_counted(life: Life, cost: ModuleType) -> None:
    """A sweep with metrics and without anything due costs the reads and writes in `COUNTS`."""
    asked(life)
    life.sweep()

    assert asked(life) == (cost.COUNTS.sweep_reads, cost.COUNTS.sweep_writes, 0)


def test_a_run_asks_for_what_is_counted(life: Life, cost: ModuleType) -> None:
    """A run reads what is known of its operation, and writes at its start, with each beat and at its end, no more."""
    beat_every, took, reads, writes, deletes = 1, 0.0, 0, 0, 0
    for seconds in (4, 8, 16, 32):
        asked(life)
        took = float(life.client(RUNS, 1, seconds, beat_every).split()[-1])  # below its log lines
        reads, writes, deletes = asked(life)
        if writes >= 3:
            break  # on a crowded machine the first write of a process may take seconds, and beats wait for it

    assert (reads, deletes) == (cost.COUNTS.run_reads, 0)
    assert 3 <= writes <= cost.COUNTS.run_writes + took / beat_every


def test_an_audit_asks_for_what_is_counted(life: Life, cost: ModuleType) -> None:
    """A full audit reads each record, and those that ended since the audit before once more."""
    life.client(RUNS, 1, 0, 15)
    life.sweep("--audit")
    asked(life)
    life.sweep("--audit")
    nothing_new, _, _ = asked(life)
    life.client(RUNS, 3, 0, 15)
    asked(life)
    life.sweep("--audit")
    three, _, _ = asked(life)
    life.client(RUNS, 8, 0, 15)
    asked(life)
    life.sweep("--audit")
    eight, _, _ = asked(life)

    assert nothing_new < three
    # A client estimates the instant of its end, which may fall on either side of an audit right beside it.
    counted = 8 * cost.COUNTS.audit_reads + (8 - 3) * cost.COUNTS.ended_reads
    assert eight - three == pytest.approx(counted, abs=2)


def test_the_pace_is_the_watchdogs(cost: ModuleType) -> None:
    """How often it audits and looks at what runs is as `policy.Pace` says."""
    pace, day = Pace(), 24 * 3600

    assert (day / pace.audit_every, day / pace.measure_every) == (cost.AUDITS, cost.LOOKS)
    assert pace.full_audit_every == day


def test_the_readme_shows_what_the_script_prints(cost: ModuleType) -> None:
    """The table in deploy/README.md is the script's, and so are the sums in its text."""
    readme = (ROOT / "deploy/README.md").read_text(encoding="utf-8")
    printed = subprocess.check_output([sys.executable, str(SCRIPT)], text=True, timeout=60)

    assert cost.table() in readme
    assert cost.table() in printed
    assert f"${cost.service(free=False):.2f}" in readme


def test_every_price_has_its_source(cost: ModuleType) -> None:
    """Each price names the page that it comes from, and what is not confirmed is called so in the README."""
    readme = (ROOT / "deploy/README.md").read_text(encoding="utf-8")

    assert all(price.source.startswith("https://cloud.google.com/") for price in cost.PRICES.values())
    for price in cost.PRICES.values():
        assert price.source.split(" ")[0] in readme
    assert "not confirmed" in readme


@pytest.mark.parametrize(
    ("amount", "free", "dollars"),
    [(50_000, 50_000, 0.0), (50_001, 50_000, 0.03 / 100_000), (100_000, 0, 0.03)],
    ids=["all_that_is_free", "one_more_than_is_free", "nothing_is_free"],
)
def test_what_is_free_costs_nothing(cost: ModuleType, amount: float, free: float, dollars: float) -> None:
    """Only what is above the free quota is charged."""
    assert cost.PRICES["reads"].of(amount, free) == pytest.approx(dollars)
