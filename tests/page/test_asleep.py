"""A laptop that slept, a server that is silent, a network that was away: the page says so, and is live again."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Page, Request, Route, expect

from heartbeat_client.run import Progress, Run
from tests.page.chromium import WAIT, Chromium
from tests.page.scene import Scene, Served
from tests.support.world import START, a_run

pytestmark = pytest.mark.xdist_group("browser")

expect.set_options(timeout=WAIT)

HOUR = "01:00:00"


class Asked:
    """The questions that a page asked, counted from outside of it."""

    def __init__(self, page: Page) -> None:
        self.count = 0
        page.on("request", self._heard)

    def _heard(self, request: Request) -> None:
        self.count += "part=live" in request.url


@pytest.fixture
def page(chromium: Chromium, scene: Scene, site: Served) -> Iterator[Page]:
    """A live page with one run on it."""
    scene.put(a_run(progress=Progress(41, 450, at=START, since=START), moved_at=START))
    with chromium.page() as tab:
        yield tab
        # A question that could not be asked is on the console, whatever a page does about it.
        left = [one for one in tab.complaints if "ERR_INTERNET_DISCONNECTED" not in one]  # type: ignore[attr-defined]
        assert left == []


def is_live(page: Page) -> None:
    """Wait until the page says that it is live."""
    expect(page.locator("#pulse")).to_have_class("pulse on")
    expect(page.locator("#lost")).to_be_hidden()


def moved(scene: Scene, done: int) -> Run:
    """The run goes on, and says so."""
    scene.at(1)
    progress = Progress(done, 450, at=scene.now, since=START)
    return scene.put(a_run(progress=progress, moved_at=scene.now, beat_at=scene.now, seq=done))


@contextmanager
def unanswered(page: Page) -> Iterator[list[Route]]:
    """Within the block, what the page asks is not answered; the questions. They are answered after it, if asked for."""
    held: list[Route] = []
    over = threading.Event()

    def hold(route: Route) -> None:
        if over.is_set():
            route.continue_()
        else:
            held.append(route)

    page.route("**/*part=live*", hold)
    yield held
    over.set()


def test_a_laptop_that_slept_an_hour_asks_once(page: Page, scene: Scene, site: Served) -> None:
    """Waking is one question, not an hour of them, and what changed meanwhile is on the page."""
    page.clock.install()
    page.goto(site.address)
    is_live(page)
    page.clock.pause_at(page.evaluate("Date.now() / 1000 + 1"))
    page.wait_for_timeout(1500)  # so long that the server would read anew for whoever asks
    moved(scene, 90)
    asked = Asked(page)
    page.clock.fast_forward(HOUR)
    page.clock.run_for(100)
    expect(page.locator(".run .work")).to_contain_text("90 of 450 done")

    is_live(page)
    assert asked.count == 1


def test_it_is_not_live_until_it_has_an_answer(page: Page, scene: Scene, site: Served) -> None:
    """Between waking and the first answer the page says how old it is, and that it was asleep."""
    page.clock.install()
    page.goto(site.address)
    is_live(page)
    page.clock.pause_at(page.evaluate("Date.now() / 1000 + 1"))
    page.wait_for_timeout(300)
    with unanswered(page) as held:
        page.clock.fast_forward(HOUR)
        page.clock.run_for(100)
        expect(page.locator("#lost")).to_contain_text("60 min old: this page was asleep")
        expect(page.locator("#pulse-text")).to_have_text("not live")
        until(page, lambda: len(held) == 1)
    held[0].continue_()
    is_live(page)


def test_what_was_asked_before_the_sleep_is_not_waited_for(page: Page, scene: Scene, site: Served) -> None:
    """An answer that got lost while the machine slept does not keep the page from asking anew."""
    page.clock.install()
    page.goto(site.address)
    is_live(page)
    with unanswered(page) as held:
        until(page, lambda: len(held) == 1)
    page.clock.pause_at(page.evaluate("Date.now() / 1000 + 0.5"))
    moved(scene, 90)
    page.clock.fast_forward(6000)  # less than the limit of the question itself, which would end it too
    page.clock.run_for(100)

    expect(page.locator(".run .work")).to_contain_text("90 of 450 done")
    is_live(page)


def test_a_silent_server_is_said_before_the_question_is_given_up(page: Page, scene: Scene, site: Served) -> None:
    """Three seconds after an answer was to come the page is not called live any more."""
    page.goto(site.address)
    is_live(page)
    with unanswered(page) as held:
        expect(page.locator("#lost")).to_contain_text("the server has not answered yet")
        expect(page.locator("#pulse-text")).to_have_text("not live")
    held[-1].continue_()
    is_live(page)


def test_a_page_whose_process_stood_still_is_live_again(chromium: Chromium, scene: Scene, site: Served) -> None:
    """A process that is stopped by the system and goes on later asks at once, without any event."""
    scene.put(a_run(progress=Progress(41, 450, at=START, since=START), moved_at=START))
    with chromium.page() as page:
        page.goto(site.address)
        is_live(page)
        stopped = renderers(chromium)
        asked = Asked(page)
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        try:
            moved(scene, 90)
            time.sleep(6.5)  # the tab is not to be asked anything
            slept = asked.count
        finally:
            for pid in stopped:
                os.kill(pid, signal.SIGCONT)
        expect(page.locator(".run .work")).to_contain_text("90 of 450 done")
        is_live(page)

    assert stopped
    assert slept <= 1
    assert page.complaints == []  # type: ignore[attr-defined]  # see `Chromium.page`


def test_a_network_that_goes_and_comes_is_told_at_once(page: Page, scene: Scene, site: Served) -> None:
    """Without a network the page is not live; when it is back, it is renewed without waiting for its next try."""
    page.goto(site.address)
    is_live(page)
    page.context.set_offline(True)
    expect(page.locator("#lost")).to_contain_text("this machine has no network")
    moved(scene, 90)
    expect(page.locator("#lost")).to_contain_text("the server can't be reached")
    assert "41 of 450 done" in page.locator(".run .work").inner_text()

    page.context.set_offline(False)
    expect(page.locator(".run .work")).to_contain_text("90 of 450 done")
    is_live(page)


def renderers(chromium: Chromium) -> set[int]:
    """The processes of the browser's tabs."""
    listed: Any = chromium.ask("SystemInfo.getProcessInfo")
    return {one["id"] for one in listed["processInfo"] if one["type"] == "renderer"}


def until(page: Page, holds: Callable[[], bool]) -> None:
    """Let the page go on until something holds outside of it."""
    for _ in range(WAIT // 50):
        if holds():
            return
        page.wait_for_timeout(50)
    raise AssertionError("it never came to hold")
