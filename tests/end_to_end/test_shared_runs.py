"""A batch that workers answer one by one, all of it real: processes that die, duplicates, a lost opener, a sweep.

Sixty times faster than life, on SQLite and on Firestore's emulator.
"""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.slack_server import SlackServer
from tests.support.watching import environment, operating, run_watchdog, sweeping, until

pytestmark = pytest.mark.timeout(180)

FIRESTORE = pytest.param("firestore", marks=pytest.mark.emulator)

PLAYERS = [f"player-{number:02}" for number in range(18)] + ["luka-doncic", "nikola-jokic"]
MISSING = PLAYERS[-2:]

OPENER = f"""
with open_run("worker-predictions", key="batch-1", items={PLAYERS!r}, detail="20 players") as run:
    pass
assert flush(20)  # on a crowded machine Google's library alone may take longer than a block waits
print("opened", run.id, flush=True)
sys.stdin.readline()
"""

# Each request of a worker is a block, as on Cloud Run, where the CPU is taken away after the response.
WORKER = """
print("ready", flush=True)
for item in {items!r}:
    with attach("worker-predictions", key="batch-1") as run:
        run.advance(item=item)
assert flush(20)
print("done", flush=True)
sys.stdin.readline()
"""

# Killed before the sender's thread has written, which it does within about a second.
DYING = """
import os, signal
attach("worker-predictions", key="batch-1").advance(item={item!r})
os.kill(os.getpid(), signal.SIGKILL)
"""

ENDER = """
attach("worker-predictions", key="batch-1").succeed()
assert flush(20)
print("done", flush=True)
"""


@dataclass
class Place:
    """A store, a Slack, and the environment that leads to both."""

    home: Path
    slack: SlackServer
    environ: dict[str, str]

    def do(self, body: str, word: str = "done") -> None:
        """A process from its beginning to its word."""
        with operating(body, self.environ) as operation:
            operation.said(word)

    def work(self, items: Sequence[str]) -> None:
        """A worker that answers these items."""
        self.do(WORKER.format(items=list(items)))

    def shown(self) -> Mapping[str, Any]:
        """The only run, as `status --all` shows it."""
        done = run_watchdog(["status", "--all", "--json"], self.environ)
        (run,) = json.loads(done.stdout)["runs"]
        assert isinstance(run, dict)
        return run


@pytest.fixture(params=["sqlite", FIRESTORE])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    more = {}
    if request.param == "firestore":
        request.getfixturevalue("firestore_project")
        more["HANGWATCH_STORE"] = "firestore"
    with SlackServer() as slack:
        environ = environment(tmp_path, HANGWATCH_SLACK_WEBHOOK_URL=slack.webhook_url, **more)
        yield Place(tmp_path, slack, environ)


def test_a_batch_whose_workers_lose_two_items_is_told_and_taken_back(place: Place) -> None:
    """Duplicates, disorder, a killed worker and a killed opener: the count is exact, the missing are named in time,
    and when they come it is told as recovered."""
    early, rest = PLAYERS[:3], PLAYERS[3:-2]
    place.work(early)  # Pub/Sub may be faster than whoever opens the run
    with operating(OPENER, place.environ) as opener:
        run_id = opener.said("opened")
        opener.signal(signal.SIGKILL)
    with sweeping(place.home, place.environ):
        answers = (rest, list(reversed(rest)), rest[::2])
        with ExitStack() as stack:
            workers = [stack.enter_context(operating(WORKER.format(items=own), place.environ)) for own in answers]
            place.do(OPENER, "opened")  # the retried request of an opener that died
            for worker in workers:
                worker.said("done")
        with operating(DYING.format(item="nikola-jokic"), place.environ) as dying:
            assert dying.wait() == -signal.SIGKILL
        place.slack.wait_for(lambda slack: len(slack.messages) == 1, 40)
        before = place.shown()
        place.work([*MISSING, "luka-doncic"])  # Pub/Sub delivers again what was not acknowledged
        place.slack.wait_for(lambda slack: len(slack.messages) == 2, 40)
        place.do(ENDER)

    told, back = (message.text for message in place.slack.messages[:2])
    assert "worker-predictions is stalled" in told
    assert "18 of 20 done, the last one" in told
    assert "missing: luka-doncic, nikola-jokic" in told
    assert "recovered" in back
    assert (before["id"], before["progress"]["done"]) == (run_id, 18)
    assert before["shared"]["missing"] == MISSING
    after = until(lambda: (run := place.shown())["state"] == "succeeded" and run, "the end to be written")
    assert (after["id"], after["progress"]["done"], after["shared"]["missing_count"]) == (run_id, 20, 0)


def test_a_batch_that_goes_on_wakes_nobody(place: Place) -> None:
    """A run that moves now and then for longer than its limit is put off each time, and told to nobody."""
    place.do(OPENER, "opened")
    with sweeping(place.home, place.environ, 0.5):
        for item in PLAYERS[:6]:
            place.work([item])  # a process for each, as where each request is one
        place.do(ENDER)
        until(lambda: place.shown()["state"] == "succeeded", "the end to be written")

    assert place.slack.messages == []
    assert place.shown()["progress"]["done"] == 6


def test_a_storm_of_retries_is_no_progress(place: Place) -> None:
    """Workers that answer the same items again and again do not keep a run alive; the reason says what they do."""
    place.do(OPENER, "opened")
    place.work(PLAYERS[:3])
    storm = WORKER.replace("for item in {items!r}:", "while True:\n    time.sleep(0.05)\n    item = {items!r}[0]")
    with sweeping(place.home, place.environ), operating(storm.format(items=PLAYERS[:3]), place.environ) as worker:
        worker.said("ready")
        place.slack.wait_for(lambda slack: len(slack.messages) == 1, 40)

    (told,) = (message.text for message in place.slack.messages)
    assert "3 of 20 done, the last one" in told
    assert re.search(r"1 item was completed again [0-9]+ times: player-00", told)
