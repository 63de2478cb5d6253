"""The alert on clients that can't write, held against the lines that the client really logs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from heartbeat_client.backend import Conflict, PartWrite, Refused, Write, Written
from heartbeat_client.plan import Plan
from heartbeat_client.settings import Settings
from heartbeat_client.testing import MemoryStore
from tests.client.world import Process, World
from tests.deploy.planned import of_type, only

pytestmark = [pytest.mark.xdist_group("terraform"), pytest.mark.timeout(600)]

Shown = Mapping[str, Any]


@pytest.fixture
def pattern(deployed: Shown) -> re.Pattern[str]:
    """What the filter of the alert looks for in a line. RE2 and Python read so plain a pattern alike."""
    policies = of_type(deployed, "google_monitoring_alert_policy").values()
    (condition,) = (found for one in policies for found in one["conditions"][0]["condition_matched_log"])
    in_text, in_json = re.findall(r'=~ "([^"]+)"', condition["filter"])

    assert in_text == in_json
    return re.compile(in_text)


def test_metric_and_alert_look_for_the_same(deployed: Shown) -> None:
    """What the dashboard counts is what alerts, in services and in jobs."""
    policies = of_type(deployed, "google_monitoring_alert_policy").values()
    (condition,) = (found for one in policies for found in one["conditions"][0]["condition_matched_log"])

    assert only(deployed, "google_logging_metric")["filter"] == condition["filter"]
    assert 'resource.type = ("cloud_run_revision" OR "cloud_run_job")' in condition["filter"]


def away() -> Sequence[str]:
    """The store can't be reached."""
    world = World()
    world.begin()
    world.store.away()
    world.pass_by(1)
    return world.voice.reports


def refused() -> Sequence[str]:
    """The account may not write."""
    world = World()
    world.store.refuse("grant roles/datastore.user to the service account")
    world.begin()
    world.pass_by(1)
    return [line for line in world.voice.reports if "can't be read" not in line]  # its runs are watched all the same


def given_up() -> Sequence[str]:
    """More runs ended than are kept while the store is away."""
    world = World(limit=10)
    world.store.away()
    for number in range(25):
        world.end(world.begin(Plan(f"op-{number}", f"op-{number}")))
    world.pass_by(1)
    return [line for line in world.voice.reports if "given up" in line]


class Refusing(MemoryStore):
    """Takes no record."""

    def commit(self, writes: Sequence[Write | PartWrite]) -> Sequence[Written | Conflict | Refused]:
        """Refuse each."""
        return [Refused("too much text") for _ in writes]


def one_record() -> Sequence[str]:
    """The store refuses one record."""
    world = World()
    world.settings = Settings(store=Refusing(clock=world.clock.now))
    world.begin()
    world.pass_by(1)
    return world.voice.reports


@pytest.mark.parametrize("scene", [away, refused, given_up, one_record])
def test_each_line_of_a_client_in_trouble_alerts(pattern: re.Pattern[str], scene: Any) -> None:
    """Whatever keeps beats from being written, the client's own line about it matches the filter."""
    lines = scene()

    assert lines
    assert all(pattern.search(line) for line in lines)


def healthy() -> Iterator[str]:
    """All that a client says in a life with an outage, but the line that it began."""
    world = World()
    live = world.begin()
    world.pass_by(700)
    world.store.away()
    world.pass_by(30)
    world.store.work()
    world.pass_by(60)
    world.end(live)
    yield from world.voice.lines
    yield from [line for line in world.voice.reports if "again" in line]


def test_no_other_line_alerts(pattern: re.Pattern[str]) -> None:
    """Heartbeats, and the line that says that beats are written again, match nothing."""
    lines = list(healthy())

    assert any("are written to" in line for line in lines)
    assert not [line for line in lines if pattern.search(line)]


def test_a_real_process_in_trouble_alerts(pattern: re.Pattern[str], tmp_path: Path) -> None:
    """A service whose store can't be written prints a line that alerts, with no logging set up."""
    process = Process(tmp_path)
    script = """
        import time
        from heartbeat_client import Heartbeat, configure
        configure(store="sqlite:////proc/nowhere/runs.sqlite3")
        with Heartbeat("load-games"):
            time.sleep(1)
    """
    _, said = process.start(script).communicate(timeout=60)

    assert [line for line in said.splitlines() if pattern.search(line)]
