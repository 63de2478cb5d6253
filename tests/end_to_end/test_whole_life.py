"""One problem from its first notice to its last, through everything at once: `serve` sweeping by itself, a Slack bot's
thread with buttons, Cloud Monitoring's metrics and a pinging service, over SQLite and over Firestore's emulator.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from tests.support.coordinator_app import ROOT
from tests.support.emulators import free_port
from tests.support.monitoring_server import MonitoringServer
from tests.support.ping_checks import Check
from tests.support.ping_server import PingServer
from tests.support.slack_api import ApiRoom
from tests.support.slack_clicks import ResponseRoom, click_payload, press
from tests.support.slack_server import SlackServer
from tests.support.slack_workspace import Channel, Posted, Workspace
from tests.support.watching import Operation, environment, operating, run_watchdog, until
from watchdog.metrics import PREFIX

pytestmark = pytest.mark.timeout(240)

SECRET = "made-up-signing-secret"
STANDING = """
with Heartbeat("load-games", total=450, deadline=300) as hb:
    hb.advance(41)
    print("ready", hb.id, flush=True)
    sys.stdin.readline()
    hb.advance(409)
print("done", flush=True)
time.sleep(1)
"""


@dataclass
class Town:
    """All that the watchdog talks to, and the watchdog."""

    home: Path
    environ: Mapping[str, str]
    alerts: Channel
    answers: ResponseRoom
    slack: SlackServer
    monitoring: MonitoringServer
    ping: PingServer
    check: Check
    address: str

    def first(self) -> Posted:
        """The message at the top of the channel."""
        return next(iter(self.alerts.posts.values()))

    def shows(self, words: str) -> bool:
        """Whether the first message reads so by now."""
        return bool(self.alerts.posts) and words in self.first().read().text

    def click(self, action: str) -> int:
        """A click on the first message; the status of the answer."""
        url = self.slack.address + self.answers.open()
        payload = click_payload(self.alerts, self.first(), f"hangwatch_{action}", url)
        return press(payload, f"{self.address}/slack/actions", SECRET, time.time()).status_code


@contextmanager
def serving(home: Path, environ: Mapping[str, str]) -> Iterator[str]:
    """`serve --sweep-every 1` while the block lasts; its log is HOME/serve.log."""
    port = free_port()
    command = [sys.executable, "-m", "watchdog", "serve", "--port", str(port), "--sweep-every", "1"]
    with (home / "serve.log").open("ab") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=dict(environ), stdout=log, stderr=log)
    address = f"http://127.0.0.1:{port}"
    try:
        until(lambda: process.poll() is not None or _answers(address), "the server")
        yield address
        assert process.poll() is None, (home / "serve.log").read_text()
        process.terminate()
        assert process.wait(20) == 0, (home / "serve.log").read_text()
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        process.wait()


def _answers(address: str) -> bool:
    try:
        return requests.get(f"{address}/healthz", timeout=5).ok
    except requests.ConnectionError:
        return False


@pytest.fixture(params=["sqlite", pytest.param("firestore", marks=pytest.mark.emulator)])
def town(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Town]:
    workspace = Workspace(Channel("C1", "alerts"))
    room, answers = ApiRoom(workspace), ResponseRoom()
    store = {}
    if request.param == "firestore":
        store = {"HANGWATCH_STORE": f"firestore://{request.getfixturevalue('firestore_project')}"}
    with ExitStack() as stack:
        slack = stack.enter_context(SlackServer(rooms=[room, answers]))
        monitoring = stack.enter_context(MonitoringServer())
        ping = stack.enter_context(PingServer())
        check = ping.checks.add()
        environ = environment(
            tmp_path,
            HANGWATCH_SLACK_TOKEN=room.token,
            HANGWATCH_SLACK_CHANNEL="#alerts",
            HANGWATCH_SLACK_SIGNING_SECRET=SECRET,
            HANGWATCH_SLACK_API_URL=f"{slack.address}/api",
            HANGWATCH_MONITORING_PROJECT="demo-project",
            HANGWATCH_MONITORING_ENDPOINT=monitoring.endpoint,
            HANGWATCH_PING_URL=ping.of(check),
            **store,
        )
        address = stack.enter_context(serving(tmp_path, environ))
        yield Town(tmp_path, environ, workspace.channels["C1"], answers, slack, monitoring, ping, check, address)


def stuck(town: Town, operation: Operation) -> str:
    """Wait until the operation's problem is told; the run's id."""
    run_id = operation.said("ready")
    until(lambda: town.shows("load-games is stalled"), "the first notice", 60)
    return run_id


def test_a_problem_from_its_first_notice_to_its_last(town: Town) -> None:
    """Told once, acknowledged by a click, resolved in its thread; the metrics follow it, and the ping knows of us."""
    open_incidents = f"{PREFIX}operation/open_incidents"
    with operating(STANDING, town.environ) as operation:
        run_id = stuck(town, operation)
        until(
            lambda: town.monitoring.latest(open_incidents, operation="load-games", verdict="stalled") == 1,
            "the incident among the metrics",
        )
        clicked = town.click("acknowledge")
        until(lambda: town.shows("acknowledged by ada"), "the acknowledgement in the message")
        said = until(lambda: town.answers.told, "an answer to the one who clicked")
        operation.tell()
        until(lambda: town.shows("resolved after"), "the end in the message")
        until(lambda: town.alerts.thread(town.first().ts), "the end in the thread")
        operation.said("done")
    until(
        lambda: town.monitoring.latest(open_incidents, operation="load-games", verdict="stalled") == 0,
        "the metric back at zero",
    )
    shown = run_watchdog(["show", run_id], town.environ).stdout

    assert clicked == 200
    assert "acknowledged by ada" in str(said[0][1]["text"])
    assert len(town.alerts.top()) == 1
    (reply,) = town.alerts.thread(town.first().ts)
    assert "load-games: recovered" in reply.read().text
    assert not reply.aloud
    assert "acknowledged by ada" in shown
    assert {ping.action for ping in town.check.pings} >= {"start", ""}


def test_a_snooze_by_click_is_quiet_for_others_of_the_operation(town: Town) -> None:
    """After a click on "Snooze 1 h" a second run that hangs is not told, and `status` says who wanted that."""
    with operating(STANDING, town.environ) as first:
        stuck(town, first)
        assert town.click("snooze_hour") == 200
        until(lambda: "is snoozed until" in str(town.answers.told), "an answer to the one who clicked")
        with operating(STANDING, town.environ) as second:
            run_id = second.said("ready")
            until(
                lambda: f"{run_id}" in run_watchdog(["status", "--json"], town.environ).stdout.split('"incidents"')[-1],
                "an incident that nobody is told of",
            )
            time.sleep(2)
            status = run_watchdog(["status"], town.environ).stdout

    assert len(town.alerts.posts) == 1
    assert "snoozed: load-games until" in status
    assert "by ada (Slack U0ADA)" in status
