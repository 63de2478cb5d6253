"""A scene for pages: a store in which much goes on, as on a team's usual morning, and its server."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from flask import Flask
from werkzeug.serving import make_server

from heartbeat_client.run import Failure, Place, Progress, Run, Thresholds
from heartbeat_client.trail_keeper import TrailKeeper
from tests.support.world import START, ClockedStore, World, a_run
from watchdog.desk import Desk
from watchdog.ledger import Ledger
from watchdog.page.access import Access
from watchdog.page.front import status_page
from watchdog.page.guard import LOOPBACK
from watchdog.page.reader import INTERVAL, READS_PER_MINUTE, Reader
from watchdog.policy import Policy, Rule, Settings
from watchdog.ports import Store
from watchdog.schedule import Expected
from watchdog.web import make_app

__all__ = ["POLICY", "Scene", "blocked", "morning"]

POLICY = Policy(
    defaults=Settings(remind_every=1800.0),
    rules=(Rule("load-*", Settings(opaque_after=900.0, runbook="https://wiki.example/load")),),
    expected=(
        Expected("prediction-batch", schedule="0 7 * * *", time_zone="America/New_York"),
        Expected("refresh-odds", every=6 * 3600.0, grace=1800.0),
        Expected("publish-report", after="prediction-batch", grace=1200.0),
    ),
)


def blocked(since: datetime) -> dict[str, Any]:
    """What the sampler says of a thread that waits for a peer."""
    return {
        "kind": "blocked",
        "at": {"file": "data_loaders.py", "line": 412, "function": "load_batch"},
        "call": "recv",
        "since": since,
        "waits_for": "peer 10.0.0.5:443, which has sent nothing for 17 min",
        "unknown": "whether the peer works on an answer can't be seen from here",
        "evidence": "the thread has not run since, and its socket's queues are empty",
        "frames": [
            {"file": "data_loaders.py", "line": 412, "function": "load_batch", "age": 1080.0},
            {"file": "data_loaders.py", "line": 388, "function": "load_all", "age": 1082.0},
            {"file": "coordinator.py", "line": 96, "function": "start", "age": 1083.0},
        ],
    }


def course(run: Run, looks: Iterable[tuple[float, str, int | None]], *, lost: range = range(0)) -> dict[str, Any]:
    """The trail that a run's beats leave: for each its second, the kind of its activity, and what was done by then.

    lost: seconds in which no beat reached the store.
    """
    keeper, document = TrailKeeper(), None
    for second, kind, done in looks:
        at = {"file": "data_loaders.py", "line": 412 if kind == "blocked" else 371, "function": "load_batch"}
        progress = None if done is None else Progress(done, 450)
        activity = {"kind": kind, "at": at} if kind else None
        told = replace(
            run, beat_at=run.started_at + timedelta(seconds=second), progress=progress, activity=activity, ended_at=None
        )
        document = keeper.document(told)
        if int(second) not in lost:
            keeper.reached(told)
    assert document is not None
    return document


class Scene(World):
    """A world with a page. app: the web application over its store, as `serve` puts it together.

    elsewhere: opens another store than the file in `folder`, on the given clock. interval, reads_per_minute: how often
    the reader reads; see `Reader`.
    """

    def __init__(
        self,
        folder: Path,
        policy: Policy | None = None,
        *,
        access: Access | None = None,
        elsewhere: Callable[[Callable[[], datetime]], Store] | None = None,
        interval: float = INTERVAL,
        reads_per_minute: float = READS_PER_MINUTE,
    ) -> None:
        super().__init__(folder, policy or POLICY)
        self.folder = folder
        self.elsewhere = elsewhere
        self.stores: list[Callable[[], Store]] = [self.another_store]
        if elsewhere is not None:
            self.store = self.another_store()  # type: ignore[assignment]  # only a world of a file has a file
            self.ledger = Ledger(self.store)
        self.reader = Reader(self.open_store, lambda: self.policy, interval=interval, reads_per_minute=reads_per_minute)
        self.desk = Desk(self.another_store, self.channels, lambda: self.policy, "")
        page = status_page(self.reader, self.desk, access or Access(LOOPBACK))
        self.app: Flask = make_app(self.desk, signing_secret="", page=page)

    def open_store(self) -> Store:
        """What the reader reads; the last of `stores` makes it."""
        return self.stores[-1]()

    def another_store(self) -> Store:
        """Another connection to the same store, on the same clock."""
        if self.elsewhere is not None:
            return self.elsewhere(lambda: self.now)
        return ClockedStore(self.folder / "beats.sqlite3", lambda: self.now)

    def serve(self, port: int = 0) -> Served:
        """Serve the page on loopback."""
        return Served(self.app, port)

    def ended(self, run: Run, minutes: float, state: str = "succeeded", **changes: Any) -> Run:
        """Write a run that took so many minutes and is over."""
        end = run.started_at + timedelta(minutes=minutes)
        return self.put(run, state=state, beat_at=end, ended_at=end, seq=9, **changes)


class Served:
    """A server of the app on loopback, in threads, until it is closed."""

    def __init__(self, app: Flask, port: int = 0) -> None:
        self._server = make_server("127.0.0.1", port, app, threaded=True)
        self.port = self._server.server_port
        self.address = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def close(self) -> None:
        """Stop, and free the port."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def morning(scene: Scene) -> None:
    """Fill the store: past runs, healthy ones, one that stands in a call, one that was killed, a snooze."""
    _past(scene)
    scene.at(0)
    # fmt: off
    load = scene.put(a_run("load-7f3a91c2", detail="450 players", labels={"season": "2026"}, seq=1,
                           thresholds=Thresholds(opaque_after=900.0)))
    # fmt: on
    killed = scene.put(a_run("train-1c88e0aa", operation="train-model", detail="fold 3", seq=3, host="host2"))
    for minute in range(9):
        scene.sweep(minute)
        scene.beat(load, seq=minute + 1)
    scene.at(9)
    publish = scene.put(_counted(scene, "publish-04be77d1", "publish-requests", 250, 450))
    scene.put(a_run("odds-55ab12ef", operation="consolidate-batch", started_at=scene.now, beat_at=scene.now))
    for minute in (9, 10):
        scene.sweep(minute)
        scene.beat(load, seq=minute + 1)
    scene.desk.snooze_for("backfill-*", 2 * 3600, "ada@example.com", "the database is being moved")
    scene.desk.acknowledge(f"{killed.id}.1", "grace@example.com")
    for minute in range(11, 19):
        scene.at(minute)
        looks = ((at, "working" if at < 60 else "blocked", None) for at in range(0, minute * 60 + 1, 15))
        stands = blocked(START + timedelta(minutes=1))
        scene.beat(load, activity=stands, seq=minute * 4, trail=course(load, looks))
        scene.put(_counted(scene, publish.id, "publish-requests", 250 + 20 * (minute - 9), 450))
        scene.put(a_run("odds-55ab12ef", operation="consolidate-batch", started_at=START + timedelta(minutes=9),
                        beat_at=scene.now - timedelta(seconds=40), seq=minute))  # fmt: skip
        scene.sweep(minute)
    scene.at(18.2)
    # fmt: off
    scene.ended(a_run("odds-90ffab01", operation="consolidate-batch", started_at=START + timedelta(minutes=2)), 3.5)
    scene.ended(a_run("pay-3d41", operation="pay-out", started_at=START + timedelta(minutes=4)), 2.1, "failed",
                failure=Failure("TimeoutError", Place("payments.py", 88, "send")))
    # fmt: on


def _counted(scene: Scene, run_id: str, operation: str, done: int, total: int) -> Run:
    began = START + timedelta(minutes=8)
    progress = Progress(done, total, at=scene.now, since=began, rate=0.34)
    moved = {"progress": progress, "moved_at": scene.now, "beat_at": scene.now, "seq": done}
    run = a_run(run_id, operation=operation, started_at=began, detail="450 requests", **moved)
    run = replace(run, deadline=began + timedelta(minutes=30), thresholds=Thresholds())
    return replace(run, trail=course(run, _publishing(scene.now - began), lost=range(290, 370)))


def _publishing(for_so_long: timedelta) -> Iterable[tuple[float, str, int | None]]:
    """Quick at first, then as fast as a peer answers that sometimes does not for a while."""
    done = 0.0
    for second in range(0, int(for_so_long.total_seconds()) + 1, 15):
        yield second, "blocked" if 120 < second <= 180 or 405 < second <= 480 else "progressing", int(done)
        stands = 120 <= second < 180 or 405 <= second < 480
        done += 0 if stands else 250 / 4 if second < 60 else 180 / 27


def _past(scene: Scene) -> None:
    lengths = {
        "load-historical-games": (8.2, 9.1, 7.7, 12.3, 8.8, 9.5, 10.4, 8.1, 9.9, 11.2, 8.6, 9.0, 7.9, 10.1, 13.0, 9.3),
        "consolidate-batch": (3.1, 3.4, 2.9, 3.3, 3.0, 4.2, 3.2, 3.1),
        "publish-requests": (16.0, 18.5, 17.2, 15.9, 19.1, 16.6),
        "train-model": (22.0, 24.5, 21.8, 26.1, 23.0),
    }
    for operation, minutes in lengths.items():
        for number, took in enumerate(minutes):
            began = START - timedelta(hours=len(minutes) - number + 1)
            scene.now = began + timedelta(minutes=took)
            state = "failed" if number == 3 and operation == "load-historical-games" else "succeeded"
            run = a_run(f"{operation[:5]}-past{number}", operation=operation, started_at=began)
            scene.ended(replace(run, deadline=began + timedelta(minutes=30)), took, state)
    scene.sweep(-1, audit=True)
