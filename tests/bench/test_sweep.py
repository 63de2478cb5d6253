"""What the sweep bench counts, on real parts: reads that follow what is due, counted as Firestore's bill would."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import cast

import pytest

from bench.sweep import FOUND, FULL, GOES_ON, QUIET, RUNNING, Cell, Place, cells
from bench.sweep_once import Counted
from bench.sweep_runs import SERVICES, end, fill, stall
from tests.support.emulators import Running
from tests.support.firestore_recorder import FirestoreRecorder
from tests.support.slack_server import SlackServer
from watchdog.adapters.firestore import FirestoreStore
from watchdog.adapters.slack import SlackWebhook
from watchdog.adapters.sqlite import SqliteStore
from watchdog.policy import Policy
from watchdog.rounds import Rounds


@pytest.fixture
def slack() -> Iterator[SlackServer]:
    with SlackServer() as server:
        yield server


@pytest.fixture
def measured(tmp_path: Path, slack: SlackServer) -> Iterator[Callable[[int], dict[str, Cell]]]:
    """The cells of a SQLite store with so many live runs, ten of them due for a while; by kind of sweep."""
    stores = []

    def measured(live: int) -> dict[str, Cell]:
        path = tmp_path / f"{live}.sqlite3"
        stores.append(SqliteStore(path))
        settings = {"HANGWATCH_STORE": f"sqlite:///{path}", "HANGWATCH_SLACK_WEBHOOK_URL": slack.webhook_url}
        found = cells(Place("SQLite", stores[-1], os.environ | settings), live, 2)
        return {cell.kind: cell for cell in found}

    yield measured
    for store in stores:
        store.close()


def test_reads_follow_what_is_due(measured: Callable[[int], dict[str, Cell]], slack: SlackServer) -> None:
    """Four times the live runs are as many reads, requests and notices, but for the audits, which read them all."""
    few, many = measured(60), measured(240)

    for kind in (QUIET, FOUND, GOES_ON):
        one, other = few[kind], many[kind]
        assert (one.reads, one.requests, one.told) == (other.reads, other.requests, other.told)
    assert few[GOES_ON].reads > few[QUIET].reads
    assert few[QUIET].reads < 20
    for audit in (RUNNING, FULL):
        assert many[audit].reads - few[audit].reads == 180
    assert (few[QUIET].told, few[FOUND].told, few[GOES_ON].told) == (0, SERVICES, 0)
    assert all(cell.peak > 10 and cell.grown >= 0 and cell.seconds > 0 for cell in few.values())


def test_each_kind_of_sweep_is_what_it_is_called(tmp_path: Path, slack: SlackServer) -> None:
    """Of runs that are well none is due, of those that stall all are; who ended well is due no more."""
    store = SqliteStore(tmp_path / "beats.sqlite3")
    rounds = Rounds(store, [SlackWebhook(slack.webhook_url)], Policy)
    with closing(store):
        fill(store, range(30), store.now())
        assert rounds.go().due == 0
        stalled = stall(store, range(5, 17), store.now())
        found = rounds.go()
        end(store, stalled, store.now())
        after = rounds.go()

    assert (found.due, len(found.told), found.undelivered) == (12, SERVICES, [])
    assert (after.due, {told["kind"] for told in after.told}) == (0, {"resolved"})
    assert sum(len(cast("list[str]", told["incidents"])) for told in after.told) == 12
    assert len(slack.messages) == len(found.told) + len(after.told)


@pytest.mark.emulator
def test_what_is_counted_is_what_goes_over_the_wire(firestore_emulator: Running, slack: SlackServer) -> None:
    """Reads, writes and RPCs of each sweep are those that a recorder between us and the emulator sees."""
    with FirestoreRecorder(firestore_emulator.host) as recorder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("FIRESTORE_EMULATOR_HOST", recorder.host)
        with closing(Counted(FirestoreStore("demo-bench-sweep"))) as store:
            rounds = Rounds(store, [SlackWebhook(slack.webhook_url)], Policy)
            fill(store, range(620), store.now())
            for _ in range(3):
                recorder.tally.clear()
                store.reads = store.writes = store.requests = 0
                rounds.go()
                seen = recorder.tally
                assert (store.reads, store.writes) == (seen.reads, seen.writes)
                assert store.requests == sum(seen.methods.values()) > 0
                stall(store, range(40), store.now())
