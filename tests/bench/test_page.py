"""What the page's bench does, on real parts: everything that changed was seen, and as much was read as was metered."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TypeVar

import pytest

from bench.page import SQLITE, Place, cell
from bench.page_eye import Eye
from bench.page_runs import Runs
from bench.page_site import site, viewers
from bench.page_tables import KINDS
from heartbeat_client.stores.sqlite import SqliteBackend
from tests.bench.measuring import measured
from tests.page.chromium import BROWSERS, Chromium, ChromiumError
from watchdog.adapters.sqlite import SqliteStore
from watchdog.ledger import Ledger

pytestmark = pytest.mark.xdist_group("browser")


T = TypeVar("T")


def looking(act: Callable[[Chromium], T]) -> T:
    """Do something with a browser, in a thread: other tests have one in this, and Playwright drives one in each."""

    def with_browser() -> T:
        with Chromium() as chromium:
            return act(chromium)

    with ThreadPoolExecutor(1) as pool:
        try:
            return pool.submit(with_browser).result()
        except ChromiumError as error:
            pytest.skip(str(error))


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """An empty SQLite store for three who use it."""
    path = tmp_path / "beats.sqlite3"
    with ExitStack() as stack:
        stores = [stack.enter_context(closing(SqliteStore(path))) for _ in range(3)]
        backends = [stack.enter_context(closing(SqliteBackend(path, timeout=30))) for _ in range(2)]
        yield Place(SQLITE, stores, backends)


@pytest.mark.skipif(not any(map(shutil.which, BROWSERS)), reason="needs a browser: apt install chromium")
def test_the_quick_form_has_its_tables_and_targets(tmp_path: Path) -> None:
    """Ten live runs on SQLite give a row of each table, every change in it, and the three targets."""
    result = measured("page", tmp_path)

    assert [len(table.rows) for table in result.tables] == [1, 1, 1]
    assert [target.what for target in result.targets] == [
        "the longest wait for a change",
        "a page of 10 live runs is drawn",
        "documents read in a minute",
    ]
    (found,) = result.figures["cells"]
    assert {kind: len(waits) for kind, waits in found["seen"].items()} == dict.fromkeys(KINDS, 2)
    assert all(wait > 0 for waits in found["seen"].values() for wait in waits)
    assert found["alone"] > 0
    assert found["answers"] > 0


def test_what_changed_is_in_the_store(place: Place) -> None:
    """The runs of a cell are really there: those that beat, that began, moved and ended, and the incidents."""
    found = looking(lambda chromium: cell(chromium, place, live=4, rounds=1))
    ledger = Ledger(place.stores[0])
    runs = {record.id: record.readable for record in ledger.all_runs()}
    shown = {name: run for name, run in runs.items() if run is not None}

    assert found.live == 4
    assert shown.keys() == {"live0", "live1", "live2", "live3", "begins0", "moves0", "ends0", "suffers0"}
    assert shown["ends0"].ended
    assert shown["moves0"].progress is not None
    assert shown["moves0"].progress.done == 100
    assert [held.value.run_id for held in ledger.open_incidents()] == ["suffers0"]


def test_what_is_not_there_is_no_figure(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A change that never comes to the screen is an error, not a long wait."""
    monkeypatch.setattr("bench.page_eye.PATIENCE", 1.0)

    def look(chromium: Chromium) -> None:
        with site(place.stores[0]) as there, chromium.page() as tab:
            eye = Eye(chromium, tab, there.address)
            eye.await_("a miracle", '[data-key="run nobody"]')
            eye.seen()

    with pytest.raises(RuntimeError, match="a miracle"):
        looking(look)


def test_all_beat_and_twenty_look(place: Place) -> None:
    """Each live run has its beats in the store, and many viewers cost no more reads than the reader itself makes."""
    with (
        Runs(place.backends[0], place.backends[1], 60, place.stores[0].now()) as runs,
        site(place.stores[1], interval=3600.0) as there,
    ):
        with viewers(there.port, 20) as answers:
            while answers() < 20 or runs.beats < 10:
                time.sleep(0.05)
        assert answers() == 20
        assert there.store.reads < 100


def test_a_runs_thread_ends_with_it(tmp_path: Path) -> None:
    """Nothing beats after the block."""
    path = tmp_path / "beats.sqlite3"
    with closing(SqliteStore(path)) as store, closing(SqliteBackend(path, timeout=30)) as backend:
        with Runs(backend, backend, 1, store.now()) as runs:
            pass

        assert not runs._thread.is_alive()
