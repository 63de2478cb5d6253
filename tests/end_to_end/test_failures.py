"""Processes that are killed, frozen and cut off, sweeps that die and meet, a Slack that misbehaves: all of them real.

Sixty times faster than life; nothing is lost, nothing healthy is told, and a duplicate comes only where a sweep died
between sending and marking.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.slack_message import Message
from tests.support.slack_server import Answer, SlackServer, late, no_answer, rate_limited, refused
from tests.support.tcp_proxy import TcpProxy
from tests.support.watching import environment, operating, sweep_once, sweeping, until

pytestmark = pytest.mark.timeout(180)

STANDING = """
with Heartbeat("load-games", total=450, run_id=sys.argv[1] if len(sys.argv) > 1 else None) as hb:
    hb.advance(41)
    print("ready", hb.id, flush=True)
    sys.stdin.readline()
    hb.advance(409)
print("done", flush=True)
time.sleep(1)
"""
COUNTING = """
with Heartbeat("count-games", deadline=600) as hb:
    print("ready", hb.id, flush=True)
    ends = time.monotonic() + float({seconds})
    while time.monotonic() < ends:
        hb.advance()
        time.sleep(0.05)
print("done", flush=True)
time.sleep(1)
"""


@dataclass
class Place:
    """A store, a Slack, and the environment that leads to both."""

    home: Path
    slack: SlackServer
    environ: dict[str, str]

    def titles(self) -> list[str]:
        """The headers of the messages that arrived, without their signs."""
        return [title(message) for message in self.slack.messages]


def title(message: Message) -> str:
    """A message's header without its sign."""
    return message.text.split("\n")[0].partition(" ")[2]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with SlackServer() as slack:
        yield Place(tmp_path, slack, environment(tmp_path, HANGWATCH_SLACK_WEBHOOK_URL=slack.webhook_url))


def test_a_killed_process_is_told_as_silent_once_and_as_lost_at_its_deadline(place: Place) -> None:
    """kill -9 in the middle of a run: one notice after `silent_after`, and at the deadline that it is given up."""
    with sweeping(place.home, place.environ), operating(STANDING, place.environ) as operation:
        operation.said("ready")
        time.sleep(1)  # its first beat is written by another thread
        operation.signal(signal.SIGKILL)
        place.slack.wait_for(lambda slack: len(slack.messages) == 1, 20)
        place.slack.wait_for(lambda slack: len(slack.messages) == 2, 50)
        time.sleep(2)

    silent, lost = place.titles()
    assert silent == "load-games is silent"
    assert "41 of 450 done" in place.slack.messages[0].text
    assert lost.startswith("load-games: lost")


def test_a_frozen_process_is_told_and_its_return_too(place: Place) -> None:
    """SIGSTOP for longer than `silent_after`: told as silent; SIGCONT: told as recovered, and it ends in peace."""
    with sweeping(place.home, place.environ), operating(COUNTING.format(seconds=60), place.environ) as operation:
        operation.said("ready")
        time.sleep(1)
        operation.signal(signal.SIGSTOP)
        place.slack.wait_for(lambda slack: len(slack.messages) == 1, 20)
        operation.signal(signal.SIGCONT)
        place.slack.wait_for(lambda slack: len(slack.messages) == 2, 20)

    silent, back = place.titles()
    assert silent == "count-games is silent"
    assert back.startswith("count-games: recovered")


def test_a_short_freeze_is_not_told(place: Place) -> None:
    """A process that stands still for less than `silent_after` wakes nobody."""
    with sweeping(place.home, place.environ, 0.3), operating(COUNTING.format(seconds=3), place.environ) as operation:
        operation.said("ready")
        time.sleep(0.7)
        operation.signal(signal.SIGSTOP)
        time.sleep(0.7)
        operation.signal(signal.SIGCONT)
        operation.said("done")
        time.sleep(1)

    assert place.titles() == []


def test_two_watchdogs_at_once_tell_each_problem_once(place: Place) -> None:
    """Two processes that sweep as fast as they can over the same ten problems: ten notices, and ten ends."""
    with ExitStack() as parts:
        # Of services of their own, for what stands at one place of one service is one notice.
        services = [f"configure(service='service-{number}')" for number in range(10)]
        stuck = [parts.enter_context(operating(f"{own}\n{STANDING}", place.environ)) for own in services]
        for operation in stuck:
            operation.said("ready")
        parts.enter_context(sweeping(place.home, place.environ, 0.2))
        parts.enter_context(sweeping(place.home, place.environ, 0.2))
        place.slack.wait_for(lambda slack: len(slack.messages) >= 10, 40)
        time.sleep(1)
        opened = len(place.titles())
        for operation in stuck:
            operation.tell()
        place.slack.wait_for(lambda slack: len(slack.messages) >= 20, 40)
        time.sleep(1)

    assert opened == 10
    assert sorted(title.split(" ")[1] for title in place.titles()) == ["is"] * 10 + ["recovered"] * 10


@pytest.mark.parametrize(("delivered", "messages"), [(False, 1), (True, 2)], ids=["before sending", "after sending"])
def test_a_sweep_killed_around_sending_loses_nothing(place: Place, delivered: bool, messages: int) -> None:
    """A sweep that dies before the message went out: told once by the next. After: told twice, the one allowed case."""
    with (
        TcpProxy(place.slack.address.removeprefix("http://")) as proxy,
        operating(STANDING, place.environ) as operation,
    ):
        environ = place.environ | {
            "HANGWATCH_SLACK_WEBHOOK_URL": place.slack.webhook_url.replace(place.slack.address, f"http://{proxy.host}")
        }
        operation.said("ready")
        proxy.freeze() if not delivered else place.slack.answer_next(late(8))
        with sweeping(place.home, environ, 0.3) as doomed:
            what = (lambda: place.slack.messages) if delivered else (lambda: proxy._connections)
            until(what, "the sweep to be sending")
            doomed.kill()
            doomed.wait()
            proxy.forward()
            doomed.poll = lambda: None  # type: ignore[method-assign]  # it was meant to die
        with sweeping(place.home, environ, 0.5):
            place.slack.wait_for(lambda slack: len(slack.messages) >= messages, 40)
            time.sleep(2)

    assert place.titles() == ["load-games is stalled"] * messages


MISBEHAVIOURS: dict[str, tuple[list[Answer], int, str, bool]] = {
    "500 once": ([refused("rollup_error")], 0, "", False),
    "500 all the time": ([refused("rollup_error")] * 20, 1, "answered 500 rollup_error", False),
    "429 for a second": ([rate_limited(1)], 0, "", False),
    "429 for an hour": ([rate_limited(3600)], 1, "answered 429", True),
    "invalid_payload": ([refused("invalid_payload")], 0, "", False),
    "404 no_service": ([refused("no_service")], 1, "make a new one and set HANGWATCH_SLACK_WEBHOOK_URL", True),
    "no answer": ([no_answer()], 0, "", False),
    "no answer all the time": ([no_answer()] * 20, 1, "the connection broke before the answer", False),
    "a timeout": ([late(30)], 1, "the message may be there", False),
}


@pytest.mark.parametrize("name", MISBEHAVIOURS)
def test_what_slack_does_wrong_loses_no_notice(place: Place, name: str) -> None:
    """Each way in which Slack misbehaves: what the sweep says, its exit status, and that people hear in the end."""
    answers, status, why, for_long = MISBEHAVIOURS[name]
    with operating(STANDING, place.environ) as operation:
        operation.said("ready")
        time.sleep(3.5)
        place.slack.answer_next(*answers)
        report = sweep_once(place.environ)
        place.slack._script.clear()
        if not for_long and not report["told"]:
            until(lambda: sweep_once(place.environ)["told"], "the notice to be delivered", 40)

    undelivered = report["undelivered"]
    assert [bool(undelivered), bool(report["told"])] == [bool(status), not status]
    assert why in (undelivered[0]["why"] if undelivered else "")
    assert place.slack.webhook_url.rpartition("/")[2] not in str(report)
    if name != "no answer all the time":  # each of which Slack had taken
        assert len(place.titles()) == (0 if for_long else 2 if name in ("no answer", "a timeout") else 1)


@pytest.mark.emulator
@pytest.mark.parametrize("how", ["restarted", "cut off"])
def test_firestore_away_wakes_nobody(tmp_path: Path, how: str, request: pytest.FixtureRequest) -> None:
    """Firestore stops for a minute and loses its data, or is cut off: beats come back, a healthy run is not told."""
    from tests.support.emulators import FirestoreEmulator

    request.getfixturevalue("firestore_emulator")  # skips with its reason where there is none
    emulator = FirestoreEmulator(tmp_path / "emulator")
    (tmp_path / "policy.toml").write_text("[watchdog]\ngap_after='6s'\nsettle='20s'\nbudget='8s'\nretry_after='1s'\n")
    with ExitStack() as parts:
        slack = parts.enter_context(SlackServer())
        emulator.start()
        parts.callback(emulator.stop)
        proxy = parts.enter_context(TcpProxy(emulator.host))
        firestore = {"FIRESTORE_EMULATOR_HOST": proxy.host, "GOOGLE_CLOUD_PROJECT": "outage"}
        environ = environment(
            tmp_path, HANGWATCH_STORE="firestore://outage", HANGWATCH_SLACK_WEBHOOK_URL=slack.webhook_url, **firestore
        )
        operation = parts.enter_context(operating(COUNTING.format(seconds=130), environ))
        parts.enter_context(sweeping(tmp_path, environ))
        run_id = operation.said("ready")
        time.sleep(5)
        if how == "restarted":
            emulator.stop()
            time.sleep(60)
            emulator.start()
        else:
            proxy.refuse()
            time.sleep(25)
            proxy.forward()
        until(lambda: _beaten(environ, run_id), "a beat after the outage", 30)
        time.sleep(
            22 if how == "cut off" else 6
        )  # until silence is held no more; the other way nothing is left to hold
        assert [title(message) for message in slack.messages] == []
        operation.signal(signal.SIGKILL)
        slack.wait_for(lambda slack: len(slack.messages) == 1, 30)

    assert title(slack.messages[0]) == "count-games is silent"


def _beaten(environ: dict[str, str], run_id: str) -> Any:
    import json

    from tests.support.watching import run_watchdog

    done = run_watchdog(["status", "--json"], environ)
    if done.returncode:
        return None
    status = json.loads(done.stdout)
    return [run for run in status["runs"] if run["id"] == run_id and run["verdict"]["state"] in ("healthy", "late")]
