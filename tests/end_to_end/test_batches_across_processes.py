"""The example's batches over three worker processes, under the example's own policy: what gets lost is told, and comes.

Sixty times faster than life; the policy's minutes are seconds. On SQLite the services push to each other, on the
emulators through Pub/Sub.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.test_coordinator_app import set_up
from tests.support.coordinator_app import LAST, PLAYERS, ROOT, Server, emulated, envelope, fresh_dates, serving
from tests.support.emulators import free_port
from tests.support.slack_message import Message
from tests.support.slack_server import SlackServer
from tests.support.watching import SCALED_POLICY, operating, run_watchdog, sweeping, until
from tests.support.watching import environment as watchdog_environment

WORKERS = "3"
NAMES = [f"player-{number:03}" for number in range(1, PLAYERS + 1)]
LOST = NAMES[-2:]

EXAMPLE = (ROOT / "examples" / "coordinator" / "policy.toml").read_text()
IN_SECONDS = re.sub(r'm"', 's"', EXAMPLE) + SCALED_POLICY

BY_HAND = """
attach("worker-predictions", key={key!r}).succeed()
assert flush(20)
print("done", flush=True)
"""

pytestmark = [pytest.mark.xdist_group("batches_across_processes"), pytest.mark.timeout(300)]


@dataclass
class Stack:
    """A worker service of three processes, a Slack, a watchdog that runs, and what a coordinator needs to join them."""

    home: Path
    slack: SlackServer
    environ: Mapping[str, str]
    worker: Server
    port: str
    settings: Mapping[str, str]

    @contextmanager
    def coordinating(self) -> Iterator[Server]:
        """A coordinator of two processes, at the same address and with the same state each time; killed at the end."""
        with serving(self.home, port=self.port, WORKER_URL=self.worker.url, **self.settings) as coordinator:
            if "PUBSUB_EMULATOR_HOST" in self.settings:
                set_up(self.home, dict(self.settings), coordinator, self.worker)
            yield coordinator

    def follow(self, policy: str) -> None:
        """Put a policy into force, which the next sweep reads."""
        fresh = self.home / "policy.fresh"
        fresh.write_text(policy)
        fresh.replace(self.home / "policy.toml")

    def deliver(self, batch_id: str, players: Sequence[str]) -> set[int]:
        """Push requests of a batch to the workers, many at once; the statuses of their answers."""
        with ThreadPoolExecutor(8) as pool:
            return set(pool.map(lambda player: self._push(batch_id, player), players))

    def _push(self, batch_id: str, player: str) -> int:
        data = {"batch_id": batch_id, "game_date": "2026-11-23", "player": player, "games": [12, 15]}
        return self.worker.post("/predict", envelope(data)).status_code

    def about(self, *words: str) -> list[Message]:
        """The messages that say all of these, oldest first."""
        return [message for message in self.slack.messages if all(word in message.text for word in words)]

    def runs(self, operation: str, batch_id: str) -> list[dict[str, Any]]:
        """The runs of an operation for a batch, as `status --all` shows them."""
        done = run_watchdog(["status", "--all", "--json"], self.environ)
        runs = json.loads(done.stdout)["runs"]
        return [run for run in runs if (run["operation"], run["detail"]) == (operation, batch_id)]


@pytest.fixture(scope="module", params=["sqlite", pytest.param("emulators", marks=pytest.mark.emulator)])
def stack(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    home, port = tmp_path_factory.mktemp("stack"), str(free_port())
    store = {}
    if request.param == "emulators":
        hosts = [request.getfixturevalue(f"{name}_emulator").host for name in ("firestore", "pubsub")]
        store = emulated(*hosts)
    with ExitStack() as parts:
        slack = parts.enter_context(SlackServer())
        environ = watchdog_environment(home, HANGWATCH_SLACK_WEBHOOK_URL=slack.webhook_url, **store)
        settings = {"HANGWATCH_EXAMPLE_SPEEDUP": "60", "COORDINATOR_FAULTS": "1"}
        settings |= {"HANGWATCH_STORE": environ["HANGWATCH_STORE"], **store}
        address = {"COORDINATOR_URL": f"http://127.0.0.1:{port}"}
        worker = parts.enter_context(serving(home, "worker_wsgi", processes=WORKERS, **settings, **address))
        built = Stack(home, slack, environ, worker, port, settings)
        built.follow(IN_SECONDS)
        parts.enter_context(sweeping(home, environ))
        yield built


def losing(coordinator: Server, game_date: str, players: Sequence[str]) -> str:
    """Start a batch of which these completions get lost, and wait for all others; its id."""
    fault = {"place": "worker", "kind": "lose", "players": list(players)}
    batch_id = str(coordinator.start(game_date, fault=fault).json()["batch_id"])
    coordinator.until_state(game_date, "predicting", missing=len(players))
    return batch_id


def test_a_consolidation_that_never_follows_is_told(stack: Stack) -> None:
    """Workers are done, no coordinator lives to consolidate: that is told, and over when the next one does."""
    game_date = next(fresh_dates)
    with stack.coordinating() as coordinator:
        batch_id = losing(coordinator, game_date, [LAST])
    with operating(BY_HAND.format(key=batch_id), stack.environ) as person:
        person.said("done")
    until(lambda: stack.about("consolidate-batch did not start"), "the missed consolidation to be told")
    with stack.coordinating() as coordinator:
        stack.deliver(batch_id, [LAST])
        coordinator.until_state(game_date, "complete")
        until(lambda: stack.about("consolidate-batch: it has started"), "it to be told as over")

        assert coordinator.consolidations(batch_id) == 1
    (told,) = stack.about("consolidate-batch did not start")
    (run,) = stack.runs("worker-predictions", batch_id)
    assert "Expected within 20 s of the end of worker-predictions" in told.text
    assert (run["state"], run["progress"]["done"]) == ("succeeded", PLAYERS)


def test_a_batch_that_loses_completions_over_a_restart(stack: Stack) -> None:
    """Duplicates, disorder, two lost completions, a coordinator killed in between: one run, the missing named in one
    notice while there is time left, an exact count, and the end told when they come."""
    game_date = next(fresh_dates)
    with stack.coordinating() as coordinator:
        batch_id = losing(coordinator, game_date, LOST)
    assert stack.deliver(batch_id, [*reversed(NAMES[:5]), *NAMES[:5]]) == {200}  # while nobody counts them
    with stack.coordinating() as coordinator:
        retried = coordinator.start(game_date, force=False)
        until(lambda: stack.about(batch_id, "worker-predictions is stalled"), "the notice")
        waiting = stack.runs("worker-predictions", batch_id)
        assert stack.deliver(batch_id, [*reversed(LOST), *LOST]) == {200}
        batch = coordinator.until_state(game_date, "complete")
        until(lambda: stack.about(batch_id, "worker-predictions: "), "it to be told as over")
        (run,) = stack.runs("worker-predictions", batch_id)

        assert coordinator.consolidations(batch_id) == 1
    assert (retried.status_code, retried.json()["batch_id"], batch["done"]) == (200, batch_id, PLAYERS)
    assert [(one["progress"]["done"], one["shared"]["missing"]) for one in waiting] == [(PLAYERS - 2, LOST)]
    assert (run["id"], run["state"], run["progress"]["done"]) == (waiting[0]["id"], "succeeded", PLAYERS)
    assert (run["shared"]["missing_count"], run["shared"]["strangers"]) == (0, 0)
    assert run["shared"]["again"] >= 5 + 2
    assert len(stack.runs("consolidate-batch", batch_id)) == 1
    told, *between, over = stack.about(batch_id, "worker-predictions")
    # On a crowded machine the two may come after the deadline only, which is told as worse.
    assert all("past its deadline now" in message.notification for message in between), between
    assert f"{PLAYERS - 2} of {PLAYERS} done, the last one" in told.text
    assert f"missing: {', '.join(LOST)}" in told.text
    assert re.search(r"Time left\*?\n\d", told.text)
    assert any(how in over.notification for how in (": recovered after", ": finished late after"))


def test_a_batch_that_never_starts_is_told(stack: Stack) -> None:
    """The batch that is expected and does not start is told after its grace, and over with its start."""
    often = IN_SECONDS.replace('schedule = "0 7 * * *"', 'every = "6s"').replace('grace = "30s"', 'grace = "2s"')
    game_date = next(fresh_dates)
    with stack.coordinating() as coordinator:
        stack.follow(often)
        until(lambda: stack.about("worker-predictions did not start"), "the missed batch to be told")
        answer = coordinator.start(game_date)
        until(lambda: stack.about("worker-predictions: it has started"), "it to be told as over")
        coordinator.until_state(game_date, "complete")
        stack.follow(IN_SECONDS)

    told = stack.about("worker-predictions did not start")[0]
    assert "Expected at least every 6 s" in told.text
    assert answer.status_code == 202
