"""The example coordinator's own behaviour, as real processes: its answers, its state and its fault switch."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol
from uuid import uuid4

import pytest

from examples.coordinator.faults import Fault, FaultSwitch
from tests.support.coordinator_app import (
    GENEROUS,
    KEY,
    LAST,
    PLAYERS,
    ROOT,
    Server,
    envelope,
    environment,
    fresh_dates,
    serving,
    until,
)

STANDING = {"load": "loading", "publish": "publishing", "worker": "predicting", "consolidate": "consolidating"}
PLACES = list(STANDING)
DATE = {"game_date": "2026-11-23"}

pytestmark = pytest.mark.xdist_group("coordinator_app")


@pytest.fixture(scope="module")
def coordinator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("coordinator"), COORDINATOR_FAULTS="1") as server:
        yield server


@pytest.fixture
def game_date() -> str:
    """A date that no other test uses."""
    return next(fresh_dates)


def test_a_healthy_batch_is_predicted_and_consolidated_once(coordinator: Server, game_date: str) -> None:
    """A batch whose messages partly come twice ends complete, consolidated once, with each phase announced."""
    answer = coordinator.start(game_date)
    batch_id = answer.json()["batch_id"]
    batch = coordinator.until_state(game_date, "complete")

    assert (answer.status_code, answer.json()["published"]) == (202, PLAYERS)
    assert (batch["batch_id"], batch["done"], batch["missing"]) == (batch_id, PLAYERS, 0)
    assert coordinator.consolidations(batch_id) == 1
    operations = ("load-historical-games", "publish-requests", "worker-predictions", "predict-player")
    for operation in (*operations, "consolidate-batch"):
        assert re.search(f"HEARTBEAT START: .*{operation}", coordinator.log())


def test_the_last_completion_delivered_many_times_counts_once(coordinator: Server, game_date: str) -> None:
    """Of simultaneous deliveries of the last completion one is counted and consolidates; the others are acked."""
    coordinator.start_with(game_date, "worker", "hang")
    batch_id = coordinator.until_state(game_date, "predicting", missing=1)["batch_id"]
    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(lambda _: coordinator.complete(batch_id, LAST), range(8)))
    coordinator.until_state(game_date, "complete")
    coordinator.until_released()

    assert sorted(outcomes) == ["200 counted"] + ["200 duplicate"] * 7
    assert coordinator.consolidations(batch_id) == 1


def test_a_date_has_one_batch_unless_forced(coordinator: Server, game_date: str) -> None:
    """Without force a date whose batch runs or is complete answers 200 with that batch; a failed one is redone."""
    failed = coordinator.start_with(game_date, "load", "fail")
    first = coordinator.start(game_date, force=False)
    running = coordinator.start(game_date, force=False)
    coordinator.until_state(game_date, "complete")
    complete = coordinator.start(game_date, force=False)
    forced = coordinator.start(game_date, force=True)

    assert failed is not None
    assert [answer.status_code for answer in (failed, first, running, complete, forced)] == [500, 202, 200, 200, 202]
    assert running.json()["batch_id"] == complete.json()["batch_id"] == first.json()["batch_id"]
    assert len(coordinator.batches(game_date)) == 3


@pytest.mark.parametrize("key", [None, "", "wrong", KEY + "x"], ids=["none", "empty", "wrong", "longer"])
@pytest.mark.parametrize("path", ["/start", "/release"])
def test_only_the_key_opens(coordinator: Server, path: str, key: str | None) -> None:
    """Without the right key /start and /release answer 401 and do nothing."""
    before = len(coordinator.batches())
    answer = coordinator.post(path, {"game_date": "TODAY", "force": True}, key=key)

    assert answer.status_code == 401
    assert KEY not in answer.text
    assert len(coordinator.batches()) == before


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        pytest.param(None, "JSON object", id="no body"),
        pytest.param([], "JSON object", id="a list"),
        pytest.param({}, "game_date", id="no date"),
        pytest.param({"game_date": "tomorrow"}, "game_date", id="a word that is not TODAY"),
        pytest.param({"game_date": "2026-02-30"}, "game_date", id="a day that is not in the calendar"),
        pytest.param({"game_date": "20261123"}, "game_date", id="a date in another writing"),
        pytest.param({**DATE, "force": "yes"}, "force", id="force that is no boolean"),
        pytest.param({**DATE, "forse": True}, "forse", id="a misspelt key"),
        pytest.param({**DATE, "fault": "hang"}, "fault", id="a fault that is no object"),
        pytest.param({**DATE, "fault": {"place": "moon", "kind": "hang"}}, "place", id="an unknown place"),
        pytest.param({**DATE, "fault": {"place": "load", "kind": "sulk"}}, "kind", id="an unknown kind"),
        pytest.param({**DATE, "fault": {"place": ["load"], "kind": "hang"}}, "place", id="a list of places"),
        pytest.param({**DATE, "fault": {"place": "load", "kind": "lose"}}, "worker", id="a load that gets lost"),
        pytest.param({**DATE, "fault": {"place": "load", "kind": "hang", "seconds": 0}}, "seconds", id="zero seconds"),
        pytest.param(
            {**DATE, "fault": {"place": "worker", "kind": "hang", "players": ["player-021"]}},
            "players",
            id="a player beyond the last",
        ),
    ],
)
def test_a_bad_start_gets_a_reason(coordinator: Server, body: object, reason: str) -> None:
    """A body that can't be followed is answered 400 with one line that names what is wrong; no batch is made."""
    before = len(coordinator.batches())
    answer = coordinator.post("/start", body)
    error = answer.json()["error"]

    assert answer.status_code == 400
    assert error.startswith("start: ")
    assert reason in error
    assert "\n" not in error
    assert len(coordinator.batches()) == before


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        pytest.param(None, "envelope", id="no body"),
        pytest.param({"message": {}}, "envelope", id="a message without data"),
        pytest.param({"message": {"data": "?"}}, "base64", id="data that is not base64"),
        pytest.param({"message": {"data": "bm8="}}, "JSON", id="data that is not JSON"),
        pytest.param(envelope([1]), "object", id="data that is a list"),
        pytest.param(envelope({"player": LAST, "points": 1}), "batch_id", id="no batch"),
        pytest.param(envelope({"batch_id": "b", "player": LAST, "points": "1"}), "points", id="points in words"),
    ],
)
def test_a_bad_envelope_gets_a_reason(coordinator: Server, body: object, reason: str) -> None:
    """What is no completion in a push envelope is answered 400 with a reason, for its sender has a bug."""
    answer = coordinator.post("/complete", body)

    assert answer.status_code == 400
    assert reason in answer.json()["error"]


def test_what_no_later_delivery_would_change_is_acked(coordinator: Server, game_date: str) -> None:
    """Completions of unknown batches and players get 200, or Pub/Sub would deliver them for ever."""
    batch_id = coordinator.start(game_date).json()["batch_id"]

    assert coordinator.complete("batch_of_another_life", LAST) == "200 unknown batch"
    assert coordinator.complete(batch_id, "player-021") == "200 unknown player"
    assert coordinator.until_state(game_date, "complete")["done"] == PLAYERS


@pytest.mark.parametrize("place", PLACES)
def test_a_hang_stands_until_it_is_released(coordinator: Server, game_date: str, place: str) -> None:
    """A hang keeps its batch in the state of that place, in whichever process, and /release lets it complete."""
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(coordinator.start_with, game_date, place, "hang")
        missing = {"load": PLAYERS, "publish": PLAYERS // 2, "worker": 1, "consolidate": 0}[place]
        batch = coordinator.until_state(game_date, STANDING[place], missing)
        time.sleep(0.5)
        still = coordinator.status(batch["batch_id"])
        coordinator.until_released()
        coordinator.until_state(game_date, "complete")

        assert still == batch
        assert batch["first_missing"] == [f"player-{PLAYERS - missing + n:03}" for n in range(1, missing + 1)][:5]
        assert coordinator.consolidations(batch["batch_id"]) == 1
        assert getattr(answer.result(), "status_code", None) == 202


def test_a_hang_holds_the_duplicate_too(tmp_path: Path) -> None:
    """While a prediction hangs, the same message delivered again hangs as well; once it is over, it goes through."""
    switch = FaultSwitch(tmp_path / "state.db", enabled=True)
    fault = Fault("worker", "hang", 600.0, (LAST,))
    with ExitStack() as deliveries:
        two = [
            deliveries.enter_context(switch.peer("worker", fault, "batch", player=LAST, seconds=0)) for _ in range(2)
        ]
        for connection in two:
            connection.settimeout(0.1)
            with pytest.raises(TimeoutError):
                connection.recv(1)

        assert switch.release() == 2
        for connection in two:
            connection.settimeout(GENEROUS)
            assert connection.recv(1)
    with switch.peer("worker", fault, "batch", player=LAST, seconds=0) as connection:
        connection.settimeout(GENEROUS)

        assert connection.recv(1)
        assert switch.release() == 0


def test_a_hang_ends_by_itself_after_its_seconds(coordinator: Server, game_date: str) -> None:
    """A hang that nobody releases goes on after the seconds that were asked for."""
    answer = coordinator.start_with(game_date, "load", "hang", seconds=0.5)

    assert answer is not None
    assert answer.status_code == 202


@pytest.mark.parametrize("place", PLACES)
def test_a_slow_place_works_on(coordinator: Server, game_date: str, place: str) -> None:
    """A slow place takes its seconds longer, fails nothing, and the batch is complete."""
    began = time.monotonic()
    coordinator.start_with(game_date, place, "slow", seconds=1.0)
    batch = coordinator.until_state(game_date, "complete")

    assert time.monotonic() - began >= 1.0
    assert coordinator.consolidations(batch["batch_id"]) == 1


@pytest.mark.parametrize("place", ["load", "publish", "consolidate"])
def test_a_failing_place_fails_its_batch(coordinator: Server, game_date: str, place: str) -> None:
    """A failure in the coordinator closes the batch as failed, with its place and the type of the error."""
    answer = coordinator.start_with(game_date, place, "fail")
    batch = coordinator.until_state(game_date, "failed")

    assert answer is not None
    assert answer.status_code == (202 if place == "consolidate" else 500)
    assert batch["reason"] == f"{'consolidate' if place == 'consolidate' else 'start'}: InjectedError"
    assert coordinator.consolidations(batch["batch_id"]) == 0


def test_a_failing_prediction_is_delivered_again(coordinator: Server, game_date: str) -> None:
    """A prediction that fails is not acked, so its message comes again and the batch is complete."""
    coordinator.start_with(game_date, "worker", "fail")
    batch = coordinator.until_state(game_date, "complete")

    assert f"worker of {batch['batch_id']} was told to fail" in coordinator.log()


def test_a_lost_completion_leaves_its_player_missing(coordinator: Server, game_date: str) -> None:
    """A completion that gets lost is waited for, and nothing but it is; once it comes, the batch is complete."""
    coordinator.start_with(game_date, "worker", "lose")
    batch = coordinator.until_state(game_date, "predicting", missing=1)
    outcome = coordinator.complete(batch["batch_id"], LAST)

    assert batch["first_missing"] == [LAST]
    assert outcome == "200 counted"
    coordinator.until_state(game_date, "complete")
    assert coordinator.consolidations(batch["batch_id"]) == 1


@pytest.mark.parametrize("place", PLACES)
def test_an_exit_kills_the_process_and_gunicorn_makes_another(coordinator: Server, game_date: str, place: str) -> None:
    """A process that dies leaves its batch where it was, and the service answers on."""
    booted = coordinator.log().count("Booting worker")
    answer = coordinator.start_with(game_date, place, "exit")
    until(lambda: coordinator.log().count("Booting worker") > booted, "another process")
    batch = coordinator.batches(game_date)[0]

    assert answer is None or place in {"worker", "consolidate"}
    assert batch["state"] in {STANDING[place], "publishing" if place == "worker" else STANDING[place]}
    assert coordinator.start(next(fresh_dates)).status_code == 202


def test_a_restart_keeps_the_counts(tmp_path: Path, game_date: str) -> None:
    """A batch that was being predicted when all processes died has its counts after the restart, and completes."""
    with serving(tmp_path, COORDINATOR_FAULTS="1") as first:
        first.start_with(game_date, "worker", "hang")
        before = first.until_state(game_date, "predicting", missing=1)
    with serving(tmp_path) as second:
        after = second.batches(game_date)[0]
        outcomes = [second.complete(before["batch_id"], LAST) for _ in range(2)]

        assert after == before
        assert outcomes == ["200 counted", "200 duplicate"]
        assert second.until_state(game_date, "complete")["done"] == PLAYERS
        assert second.start(game_date, fault={"place": "load", "kind": "hang"}).status_code == 403
        assert second.post("/release").status_code == 403


class Emulator(Protocol):
    """What the fixture `pubsub_emulator` gives."""

    host: str
    project: str


@pytest.fixture(scope="module")
def pubsub(pubsub_emulator: Emulator) -> dict[str, str]:
    """The environment of services on an emulated project of their own."""
    project = f"{pubsub_emulator.project}-{uuid4().hex[:8]}"
    return {"PUBSUB_EMULATOR_HOST": pubsub_emulator.host, "GCP_PROJECT_ID": project, "COORDINATOR_FAULTS": "1"}


def set_up(home: Path, pubsub: dict[str, str], coordinator: Server, worker: Server) -> str:
    """Run setup_pubsub for these two services; what it prints."""
    urls = {"COORDINATOR_URL": coordinator.url, "WORKER_URL": worker.url}
    command = [sys.executable, "-m", "examples.coordinator.setup_pubsub"]
    environ = environment(home, **pubsub, **urls)
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=GENEROUS, check=True)
    return done.stdout


@pytest.mark.emulator
def test_pubsub_carries_a_batch(tmp_path: Path, pubsub: dict[str, str]) -> None:
    """With Pub/Sub a batch completes once, healthy or not: what failed or died in the worker is delivered again."""
    with serving(tmp_path, **pubsub) as coordinator, serving(tmp_path, "worker_wsgi", **pubsub) as worker:
        assert set_up(tmp_path, pubsub, coordinator, worker) == set_up(tmp_path, pubsub, coordinator, worker)
        for kind in ("slow", "fail", "exit"):
            game_date = next(fresh_dates)
            coordinator.start_with(game_date, "worker", kind, seconds=0.5)
            batch = coordinator.until_state(game_date, "complete")

            assert (batch["done"], coordinator.consolidations(batch["batch_id"])) == (PLAYERS, 1)
        assert worker.log().count("Booting worker") == 3


@pytest.mark.emulator
def test_pubsub_outlives_the_coordinator(tmp_path: Path, pubsub: dict[str, str]) -> None:
    """Completions that no coordinator took are delivered to the next one, wherever setup_pubsub says it is."""
    game_date = next(fresh_dates)
    with serving(tmp_path, "worker_wsgi", **pubsub) as worker:
        with serving(tmp_path, **pubsub) as first:
            set_up(tmp_path, pubsub, first, worker)
            first.start_with(game_date, "worker", "hang")
            first.until_state(game_date, "predicting", missing=1)
        until(FaultSwitch(tmp_path / "state.db", enabled=True).release, "a hang to release")
        with serving(tmp_path, **pubsub) as second:
            set_up(tmp_path, pubsub, second, worker)
            batch = second.until_state(game_date, "complete")

            assert (batch["done"], second.consolidations(batch["batch_id"])) == (PLAYERS, 1)
