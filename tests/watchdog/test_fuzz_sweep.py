"""Ten thousand records that are not as they should be: no sweep ends early, and what is wrong beside them is told.

They lie among the runs, incidents and notices, and in the place of what sweeps keep for each other.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from heartbeat_client.run import RUNS
from tests.support.garbage import Garbage
from tests.support.slack_api import ApiRoom
from tests.support.slack_server import SlackServer
from tests.support.slack_workspace import Channel, Workspace
from tests.support.world import START, World, a_run, counted
from watchdog.adapters.slack import SlackWebhook
from watchdog.adapters.slack_bot import SlackBot
from watchdog.policy_text.file import parse_policy
from watchdog.ports import Create

BATCHES, RECORDS = 10, 1000
BESIDE = {"incident": "hangwatch_incidents", "notice": "hangwatch_notices", "operation": "hangwatch_operations"}


@pytest.fixture
def slack() -> Iterator[SlackServer]:
    room = ApiRoom(Workspace(Channel("C0ALERTS", "alerts")), burst=1_000_000)
    with SlackServer(rooms=[room]) as server:
        yield server


@pytest.fixture
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    """A line for each record that is left alone is a long log."""
    caplog.set_level(logging.CRITICAL, "watchdog")


def filled(world: World, garbage: Garbage) -> None:
    """Put garbage wherever a sweep reads."""
    world.at(6)
    writes = [Create(RUNS, f"garbage{number}", garbage.document("run")) for number in range(RECORDS)]
    writes += [
        Create(where, f"garbage{number}", garbage.document(kind))
        for kind, where in BESIDE.items()
        for number in range(10)
    ]
    writes += [
        Create("hangwatch_watchdog", "sweep", garbage.document("sweep")),
        Create("hangwatch_watchdog", "snoozes", garbage.document("snoozes")),
    ]
    for begin in range(0, len(writes), 400):
        assert world.store.commit(writes[begin : begin + 400])


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("batch", range(BATCHES))
def test_no_record_ends_a_sweep(tmp_path: Path, slack: SlackServer, batch: int) -> None:
    """Beside a thousand records that are awry a stuck run is told, once, a healthy one is not; Slack takes it all."""
    world = World(tmp_path, parse_policy({"defaults": {"on_failure": True}}))
    bot = SlackBot("xoxb-1234-made-up", "C0ALERTS", api_url=f"{slack.address}/api", buttons=True, pause=lambda _: None)
    world.channels = [bot if batch % 2 else SlackWebhook(slack.webhook_url, pause=lambda _: None)]
    filled(world, Garbage(batch, START + timedelta(minutes=6)))
    reports = []
    for minute in (6, 7):
        world.at(minute)
        world.beat(a_run("stuck", operation="stuck", host="mine", deadline=START + timedelta(hours=9)), **counted(41))
        world.beat(a_run("well", operation="well", host="mine"), **counted(41, at=world.now))
        reports.append(world.sweep(audit=minute == 6))

    titles = [message.text.split("\n")[0].partition(" ")[2] for message in slack.messages]
    assert titles.count("stuck is stalled") == 1
    assert [title for title in titles if "well" in title.split()] == []
    assert [request.problems for request in slack.requests if request.problems] == []
    refused = [request.reply for request in slack.requests if request.status != 200 or '"ok": false' in request.reply]
    assert [reply for reply in refused if "channel_not_found" not in reply] == []  # a notice may name any channel
    assert "defect" not in str([report.as_json() for report in reports])
    assert [held for held in world.ledger.open_incidents() if "defect" in held.value.verdict.reason] == []
    assert len(reports[0].unjudged) > RECORDS / 3
    assert world.ledger.state().value.last_sweep_at == world.now
