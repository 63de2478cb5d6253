"""The main job: a batch that hangs in any of its four places is told once, at Slack, before its deadline.

Sixty times faster than life: 30 minutes are 30 seconds. The coordinator runs under gunicorn with 2 workers, the
watchdog as a process that sweeps each second.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from tests.end_to_end.test_coordinator_app import set_up
from tests.support.coordinator_app import LAST, Server, emulated, fresh_dates, serving
from tests.support.slack_message import Message
from tests.support.slack_server import SlackServer
from tests.support.watching import environment as watchdog_environment
from tests.support.watching import sweeping, until

OPERATIONS = {
    "load": "load-historical-games",
    "publish": "publish-requests",
    "worker": "worker-predictions",
    "consolidate": "consolidate-batch",
}

pytestmark = [pytest.mark.xdist_group("hung_batches"), pytest.mark.timeout(300)]


@dataclass
class Told:
    """What became of one batch: the messages that named it and the operation which hung."""

    batch_id: str
    messages: list[Message]


@dataclass
class Stack:
    """A coordinator under watch."""

    coordinator: Server
    slack: SlackServer

    def about(self, batch_id: str, operation: str) -> list[Message]:
        """The messages that name a batch and an operation, oldest first."""
        return [message for message in self.slack.messages if batch_id in message.text and operation in message.text]

    def hang(self, place: str, game_date: str) -> str:
        """Start a batch that hangs in a place; its id."""
        pool = ThreadPoolExecutor(1)
        pool.submit(self.coordinator.start_with, game_date, place, "hang", 120)
        pool.shutdown(wait=False)
        batch = until(lambda: self.coordinator.batches(game_date)[:1], f"the batch of {game_date}")[0]
        return str(batch["batch_id"])


@pytest.fixture(scope="module", params=["sqlite", pytest.param("emulators", marks=pytest.mark.emulator)])
def stack(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The coordinator with 2 workers, the watchdog and Slack; with the real emulators, also a worker service."""
    home = tmp_path_factory.mktemp("stack")
    with ExitStack() as parts:
        slack = parts.enter_context(SlackServer())
        store = _emulated(request) if request.param == "emulators" else {}
        environ = watchdog_environment(home, HANGWATCH_SLACK_WEBHOOK_URL=slack.webhook_url, **store)
        shared = {"HANGWATCH_STORE": environ["HANGWATCH_STORE"], "HANGWATCH_EXAMPLE_SPEEDUP": "60", **store}
        coordinator = parts.enter_context(serving(home, COORDINATOR_FAULTS="1", **shared))
        if store:
            worker = parts.enter_context(serving(home, "worker_wsgi", COORDINATOR_FAULTS="1", **shared))
            set_up(home, {**shared, "COORDINATOR_FAULTS": "1"}, coordinator, worker)
        parts.enter_context(sweeping(home, environ))
        yield Stack(coordinator, slack)


def _emulated(request: pytest.FixtureRequest) -> dict[str, str]:
    firestore, pubsub = request.getfixturevalue("firestore_emulator"), request.getfixturevalue("pubsub_emulator")
    return emulated(firestore.host, pubsub.host)


@pytest.fixture(scope="module")
def told(stack: Stack) -> dict[str, Told]:
    """Four batches at once, one hung in each place; each is released when it was told, and followed to its end."""
    hung = {place: stack.hang(place, next(fresh_dates)) for place in OPERATIONS}

    def counts() -> list[int]:
        return [len(stack.about(batch, OPERATIONS[place])) for place, batch in hung.items()]

    until(lambda: min(counts()) > 0, "a notice about each batch", 90)
    until(lambda: stack.coordinator.post("/release").json()["released"] or True, "the release")
    until(lambda: min(counts()) > 1, "each to be told as over")
    for batch in hung.values():
        until(lambda batch=batch: stack.coordinator.status(batch)["state"] == "complete", f"{batch} to be complete")
    time.sleep(2.5)
    return {place: Told(batch, stack.about(batch, OPERATIONS[place])) for place, batch in hung.items()}


@pytest.mark.parametrize("place", OPERATIONS)
def test_a_hang_in_each_place_is_told_once_before_the_deadline(told: dict[str, Told], place: str) -> None:
    """One notice names the operation and the batch, while there is time left; the resolved notice follows.

    That of the workers says who is missing; where one of them stands, its own run tells when that takes longer.
    """
    batch = told[place]
    opened, *between, resolved = batch.messages

    # On a crowded machine a batch may still hang at its deadline, which is told as worse.
    assert all("past its deadline now" in message.notification for message in between), between
    assert len(between) <= 1
    assert OPERATIONS[place] in opened.text
    assert "stalled" in opened.text
    # Of the run's own time: a consolidation's begins when the last completion is in.
    assert re.search(r"Time left\*?\n\d+(\.\d)? (s|min)", opened.text)
    assert "prediction-coordinator" in opened.text
    assert f"missing: {LAST}" in opened.text or place != "worker"
    assert any(how in resolved.notification for how in (": recovered after", ": finished late after"))
    assert not opened.mentions


def test_a_healthy_and_a_slow_batch_are_not_told(stack: Stack) -> None:
    """A healthy batch, and one whose load takes 12.3 of the 30 minutes in one opaque call, wake nobody."""
    before = len(stack.slack.messages)
    healthy, slow = next(fresh_dates), next(fresh_dates)
    assert stack.coordinator.start(healthy).status_code == 202
    answer = stack.coordinator.start(slow, fault={"place": "load", "kind": "slow", "seconds": 12.3})
    stack.coordinator.until_state(healthy, "complete")
    stack.coordinator.until_state(slow, "complete")
    time.sleep(2.5)

    assert answer.status_code == 202
    assert stack.slack.messages[before:] == []
