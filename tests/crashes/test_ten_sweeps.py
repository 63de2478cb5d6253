"""Ten sweeps at the same time over a hundred problems: a hundred notices, whether they are threads or processes."""

from __future__ import annotations

import signal
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from heartbeat_client.store_address import StoreAddress
from tests.crashes.matrix import FIRESTORE, SQLITE, copied
from tests.crashes.steps import Steps
from tests.crashes.sweep_once import Job, do
from tests.crashes.sweeper import Sweeper
from tests.support.slack_server import SlackServer
from tests.support.world import START, World, a_run, counted
from watchdog.notice import NOTICES, SENT
from watchdog.wiring import open_store

SWEEPS, PROBLEMS = 10, 100

stores = pytest.mark.parametrize("store", [SQLITE, pytest.param(FIRESTORE, marks=pytest.mark.emulator)])


@pytest.fixture
def slack() -> Iterator[SlackServer]:
    with SlackServer() as server:
        yield server


@pytest.fixture
def job(store: str, tmp_path: Path, slack: SlackServer, request: pytest.FixtureRequest) -> Job:
    """A sweep over a hundred runs, each stuck by itself."""
    world = World(tmp_path)
    world.sweep(0)
    world.at(6)
    for number in range(PROBLEMS):
        run = a_run(f"run{number}", operation=f"op{number}", service=f"service{number}", deadline=START + HOURS)
        world.beat(run, **counted(41))
    world.store.close()
    address = f"sqlite:///{tmp_path / 'beats.sqlite3'}"
    if store == FIRESTORE:
        request.getfixturevalue("firestore_project")
        address = f"firestore://demo-{uuid.uuid4().hex[:12]}"
        with closing(open_store(StoreAddress.parse(address))) as firestore:
            copied(world.store, firestore)
    return Job(address, slack.webhook_url, world.now.isoformat(), at_once=SWEEPS)


HOURS = timedelta(hours=9)


def check(job: Job, slack: SlackServer) -> None:
    """Each problem was told once, and each notice is marked so."""
    titles = [message.text.split("\n")[0].partition(" ")[2] for message in slack.messages]
    with closing(open_store(StoreAddress.parse(job.store))) as store:
        states = [document.fields["state"] for document in store.find(NOTICES)]
    assert Counter(titles) == {f"op{number} is stalled": 1 for number in range(PROBLEMS)}
    assert Counter(states) == {SENT: PROBLEMS}


@stores
def test_ten_processes_tell_a_hundred_problems_once(store: str, job: Job, slack: SlackServer) -> None:
    """Ten processes that sweep at once: of each notice one of them is first."""
    with Sweeper(firestore=store == FIRESTORE) as sweeper:
        sweeper.start(job)
        ended = [sweeper.done().ended for _ in range(SWEEPS)]

    assert ended == ["whole"] * SWEEPS
    check(job, slack)


@stores
@pytest.mark.usefixtures("store")
def test_ten_threads_tell_a_hundred_problems_once(job: Job, slack: SlackServer) -> None:
    """Ten threads of one process, each with a store of its own."""
    with ThreadPoolExecutor(SWEEPS) as threads:
        sweeps = [threads.submit(do, job, Steps(None, signal.SIGKILL, lambda name: None)) for _ in range(SWEEPS)]

    assert [sweep.exception() for sweep in sweeps] == [None] * SWEEPS
    check(job, slack)
