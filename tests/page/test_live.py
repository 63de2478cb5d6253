"""The page in a real browser over both stores: what changes there, and what people answer, is on it by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from heartbeat_client.parts import PARTS, Part
from heartbeat_client.run import Progress
from tests.page.chromium import WAIT, Chromium
from tests.page.scene import Scene, Served
from tests.support.world import START, a_run
from watchdog.adapters.firestore import FirestoreStore
from watchdog.ports import Create, Document

pytestmark = pytest.mark.xdist_group("browser")

expect.set_options(timeout=WAIT)


class ClockedFirestore(FirestoreStore):
    """A `FirestoreStore` whose server's clock stands where the test sets it."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        super().__init__(timeout=30)
        self._clock = clock

    def now(self) -> datetime:
        """The test's clock."""
        return self._clock()

    def get_now(self, collection: str, ids: Sequence[str]) -> tuple[datetime, dict[str, Document]]:
        """The test's clock, too."""
        return self._clock(), self.get(collection, ids)


@pytest.fixture(params=["sqlite", pytest.param("firestore", marks=pytest.mark.emulator)])
def scene(request: pytest.FixtureRequest, tmp_path: Path) -> Scene:
    """An empty store of either kind with a page over it."""
    if request.param == "sqlite":
        return Scene(tmp_path)
    request.getfixturevalue("firestore_project")
    return Scene(tmp_path, elsewhere=ClockedFirestore)


@pytest.fixture
def page(chromium: Chromium) -> Iterator[Page]:
    """A tab that complained of nothing, and was never loaded anew."""
    with chromium.page() as tab:
        yield tab
        assert tab.complaints == []  # type: ignore[attr-defined]  # see `Chromium.page`


def opened(page: Page, address: str) -> None:
    """Open a page and wait until it says that it is live."""
    page.goto(address)
    expect(page.locator("#pulse")).to_have_class("pulse on")
    page.evaluate("window.stayed = true")


def stayed(page: Page) -> bool:
    """Whether it is still the page that was opened."""
    return page.evaluate("window.stayed === true") is True


def test_a_run_starts_moves_stalls_and_ends(page: Page, scene: Scene, site: Served) -> None:
    """Each of these is on the first page without reloading, in whichever store it was written."""
    opened(page, site.address)
    run = scene.put(a_run(progress=Progress(41, 450, at=START, since=START), moved_at=START))
    expect(page.locator(".run .work")).to_contain_text("41 of 450 done")

    scene.at(1)
    scene.beat(run, progress=Progress(90, 450, at=scene.now, since=START), moved_at=scene.now)
    expect(page.locator(".run .work")).to_contain_text("90 of 450 done")

    for minute in range(2, 8):
        scene.at(minute)
        scene.beat(run, progress=Progress(90, 450, at=START + timedelta(minutes=1), since=START))
        scene.sweep(minute)
    expect(page.locator(".problem h3")).to_contain_text("load-historical-games is stalled")

    scene.at(8)
    scene.ended(run, 8)
    expect(page.locator("section[data-key=ended]")).to_contain_text("succeeded")
    expect(page.locator(".run")).to_have_count(0)
    assert stayed(page)


def test_a_run_s_own_page_moves_with_it(page: Page, scene: Scene, site: Served) -> None:
    """Progress, and then the end, are on the page of the run."""
    run = scene.put(a_run(progress=Progress(1, 450, at=START, since=START), moved_at=START))
    opened(page, f"{site.address}/runs/{run.id}")
    scene.at(1)
    scene.beat(run, progress=Progress(77, 450, at=scene.now, since=START), moved_at=scene.now)
    expect(page.locator("main")).to_contain_text("77 of 450")

    scene.ended(replace(run, seq=9), 2, "failed")
    expect(page.get_by_role("heading", level=1)).to_contain_text("load-historical-games")
    expect(page.locator("main")).to_contain_text("failed")
    assert stayed(page)


def test_somebody_acknowledges(page: Page, busy: Scene, site: Served) -> None:
    """A press of the button is an answer in the store, and on the page."""
    opened(page, site.address)
    page.get_by_label("Your name").fill("Ada")
    page.get_by_role("button", name="Acknowledge load-historical-games is stalled").click()

    expect(page.locator("#said")).to_contain_text("load-historical-games acknowledged by Ada")
    expect(page.locator(".problem.taken")).to_have_count(2)
    answered = {held.value.acked_by for held in busy.ledger.open_incidents()}
    assert {one.partition(" ")[0] for one in answered} == {"Ada", "grace@example.com"}
    assert stayed(page)


def test_what_others_answer_elsewhere_is_seen(page: Page, busy: Scene, site: Served) -> None:
    """An acknowledgement, a snooze and its end, made by another process, are on the page."""
    opened(page, site.address)
    others = Scene(busy.folder, elsewhere=busy.elsewhere)
    others.now = busy.now
    others.desk.acknowledge("load-7f3a91c2.1", "ada@example.com")
    expect(page.locator(".problem.taken")).to_have_count(2)
    quiet = page.locator("section[data-key=quiet]")
    expect(quiet).not_to_contain_text("pay-*")

    others.desk.snooze_for("pay-*", 3600.0, "ada@example.com", "the bank is closed")
    expect(quiet).to_contain_text("the bank is closed")
    page.locator("section[data-key=quiet] li", has_text="pay-*").get_by_role("button", name="Wake").click()
    expect(page.locator("#said")).to_contain_text("pay-*")
    in_force = others.ledger.standing()[1].value.in_force(busy.now)
    assert [snooze.operation for snooze in in_force] == ["backfill-*"]
    assert stayed(page)


def test_the_parts_of_a_shared_run_add_up(page: Page, scene: Scene, site: Served) -> None:
    """What another process did of a run that spans processes is on the page, though the run's record stands."""
    progress = Progress(0, 450, at=START, since=START)
    run = scene.put(a_run("worker~7", operation="worker", shared=True, key="7", progress=progress))
    opened(page, site.address)
    expect(page.locator(".run .work")).to_contain_text("0 of 450 done")

    part = Part("worker~7~a", run.id, plain=12, plain_age=0.0, written_at=START, expires_at=START + timedelta(days=1))
    written = part.to_document() | {"written_at": START}
    assert scene.store.commit([Create(PARTS, part.id, written)])
    expect(page.locator(".run .work")).to_contain_text("12 of 450 done")
    assert stayed(page)
