"""The page in a real browser: it stays live, it is acted on, and what anybody calls anything does no harm."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from heartbeat_client.run import Progress, document_key
from tests.page.chromium import WAIT, Chromium
from tests.page.scene import Scene, Served, blocked
from tests.support.world import START, a_run
from watchdog.ports import StoreError

pytestmark = pytest.mark.xdist_group("browser")

expect.set_options(timeout=WAIT)

LOAD = "load-7f3a91c2"


@pytest.fixture
def page(chromium: Chromium) -> Iterator[Page]:
    """A tab that complained of nothing, neither on its console nor by its content security policy."""
    with chromium.page() as tab:
        yield tab
        assert tab.complaints == []  # type: ignore[attr-defined]  # see `Chromium.page`


def is_live(page: Page) -> None:
    """Wait until the page says that it is live."""
    expect(page.locator("#pulse")).to_have_class("pulse on")


def test_a_change_appears_without_reload(page: Page, scene: Scene, site: Served) -> None:
    """What starts, moves, stalls and ends is on the screen by itself, and what has the focus keeps it."""
    page.goto(site.address)
    expect(page.locator(".teach")).to_contain_text("Wrap the first operation")
    page.evaluate("window.stayed = true")
    run = scene.put(a_run(progress=Progress(41, 450, at=START, since=START), moved_at=START))
    expect(page.locator(".run h3")).to_have_text("load-historical-games")
    expect(page.locator(".run .work")).to_contain_text("41 of 450 done")
    page.locator(".run h3 a").focus()

    scene.at(1)
    scene.beat(run, progress=Progress(90, 450, at=scene.now, since=START), moved_at=scene.now)
    expect(page.locator(".run .work")).to_contain_text("90 of 450 done")
    assert page.evaluate("document.activeElement.textContent") == "load-historical-games"

    for minute in range(2, 8):
        scene.at(minute)
        scene.beat(run, progress=Progress(90, 450, at=START + timedelta(minutes=1), since=START))
        scene.sweep(minute)
    expect(page.locator(".problem h3")).to_contain_text("load-historical-games is stalled")
    expect(page.locator("#news")).to_have_text("New: load-historical-games is stalled")
    scene.ended(run, 8)
    expect(page.locator("section[data-key=ended]")).to_contain_text("succeeded")
    assert page.evaluate("window.stayed") is True


def test_it_changes_within_the_interval_that_it_says(page: Page, scene: Scene, site: Served) -> None:
    """The server's own figures promise that the next look comes within a second, and the page asks then."""
    page.goto(site.address)
    is_live(page)

    with page.expect_response(lambda answer: "part=live" in answer.url, timeout=WAIT) as heard:
        pass
    headers = heard.value.headers
    assert int(headers["hangwatch-every"]) == 1000
    assert 0 <= int(headers["hangwatch-next"]) <= 1000
    assert headers["etag"]


def test_somebody_acknowledges_from_the_keyboard(page: Page, busy: Scene, site: Served) -> None:
    """A press of Enter is done, signed with the name typed, and shown where it was pressed; nothing is loaded anew."""
    page.goto(site.address)
    is_live(page)
    page.get_by_label("Your name").fill("Ada <b>")
    page.get_by_label("Your name").press("Enter")  # answers nothing
    button = page.get_by_role("button", name="Acknowledge load-historical-games is stalled")
    button.focus()
    page.keyboard.press("Enter")

    expect(page.locator("#said")).to_contain_text("load-historical-games acknowledged by Ada <b> (page, 127.0.0.1)")
    expect(page.locator(".problem.taken")).to_have_count(2)
    expect(page.get_by_role("heading", level=1)).to_have_text("2 problems are looked after")
    assert page.evaluate("document.activeElement.closest('#live') !== null")
    (incident,) = [held.value for held in busy.ledger.open_incidents() if held.value.run_id == LOAD]
    assert incident.acked_by == "Ada <b> (page, 127.0.0.1)"

    page.reload()
    assert page.get_by_label("Your name").input_value() == "Ada <b>"


def test_somebody_snoozes_and_wakes(page: Page, busy: Scene, site: Served) -> None:
    """The form leads back to the page that one came from; the card says until when and why; waking takes it back."""
    page.goto(f"{site.address}/?state=problems")
    page.get_by_role("link", name="Snooze… load-historical-games").click()
    page.get_by_role("radio", name="4 hours").check()
    page.get_by_label("Why").fill("the peer <b>moves")
    page.get_by_role("button", name="Snooze").click()

    expect(page).to_have_url(f"{site.address}/?state=problems")
    expect(page.locator("#said")).to_contain_text(
        "load-historical-games is snoozed until 2026-01-14 14:18 UTC by somebody"
    )
    row = page.locator("section[data-key=quiet] li", has_text="load-historical-games")
    expect(row).to_contain_text("until 14:18:12 UTC")
    card = page.locator(".problem", has_text="load-historical-games")
    expect(card).to_contain_text("quiet until 14:18:12 UTC by somebody at 127.0.0.1: the peer <b>moves")
    row.get_by_role("button", name="Wake").click()
    expect(row).to_contain_text("woken 0 s ago by somebody at 127.0.0.1")
    expect(card.get_by_role("link", name="Snooze…")).to_be_visible()
    kept = busy.ledger.standing()[1].value
    assert [snooze.operation for snooze in kept.in_force(busy.now)] == ["backfill-*"]


def test_it_works_without_javascript(chromium: Chromium, busy: Scene, site: Served) -> None:
    """The forms post and the answer is said on the page that one was on."""
    with chromium.page(javascript=False) as page:
        page.goto(f"{site.address}/?operation=load-*")
        assert page.locator(".problem").count() == 1
        page.locator("#who").fill("Grace")
        page.get_by_role("button", name="Acknowledge").click()

        expect(page.locator("#said")).to_contain_text("acknowledged by Grace (page, 127.0.0.1)")
        assert page.url == f"{site.address}/?operation=load-*"
        assert page.locator(".problem.taken").count() == 1
        page.reload()
        assert page.locator("#said").inner_text() == ""


def test_what_is_typed_filters_and_stands_in_the_address(page: Page, busy: Scene, site: Served) -> None:
    """Text, operation and state leave out the rest, without a reload, and the address says it to others."""
    page.goto(site.address)
    expect(page.locator(".run")).to_have_count(4)
    page.get_by_placeholder("Find a run").type("450 req")
    expect(page.locator(".run")).to_have_count(1)
    expect(page.locator(".run h3")).to_have_text("publish-requests")
    assert page.evaluate("document.activeElement.id") == "text"

    page.goto(f"{page.url.partition('?')[0]}?state=problems")
    expect(page.locator(".run")).to_have_count(2)
    page.locator("#operation").fill("train-*")
    expect(page.locator(".run")).to_have_count(1)
    expect(page.locator(".run h3")).to_have_text("train-model")
    expect(page).to_have_url(f"{site.address}/?operation=train-*&state=problems")
    page.get_by_role("link", name="show all").click()
    expect(page.locator(".run")).to_have_count(4)


def test_a_link_from_slack_lands_on_the_run(page: Page, busy: Scene, site: Served) -> None:
    """A deep link shows the run with its chain of frames, its time line, its history, and its record."""
    page.goto(f"{site.address}/runs/{LOAD}")
    is_live(page)

    expect(page.get_by_role("heading", level=1)).to_contain_text("load-historical-games")
    expect(page.locator(".frames li").first).to_have_text("data_loaders.py:412 load_batch, 18 min")
    assert page.locator(".timeline .span").count() >= 4
    assert page.locator(".plot .column.this").count() == 1
    page.get_by_text("As it is stored").click()
    assert json.loads(page.locator("pre code").inner_text())["operation"] == "load-historical-games"
    page.locator(".path").get_by_role("link", name="load-historical-games").click()
    expect(page.locator("section[data-key=limits]")).to_contain_text("the policy's rule for load-*")
    page.goto(f"{site.address}/incidents/{LOAD}.1")
    expect(page.locator("section[data-key=notices]")).to_contain_text("load-historical-games is stalled")


def test_it_says_when_the_server_is_gone_and_when_it_is_back(page: Page, busy: Scene) -> None:
    """A dead server leaves what was seen, said to be old; when it answers again, the page is live by itself."""
    served = busy.serve()
    try:
        page.goto(served.address)
        is_live(page)
        served.close()
        expect(page.locator("#lost")).to_be_visible()
        expect(page.locator("#lost")).to_contain_text("the server can't be reached")
        expect(page.locator("#pulse-text")).to_have_text("not live")
        assert page.locator(".run").count() == 4
    finally:
        served.close()
    back = busy.serve(served.port)
    try:
        is_live(page)
        expect(page.locator("#lost")).to_be_hidden()
    finally:
        back.close()
        # A refused connection is on the console, whatever a page does about it.
        page.complaints[:] = [one for one in page.complaints if "ERR_CONNECTION" not in one and "ERR_EMPTY" not in one]  # type: ignore[attr-defined]


def test_it_says_when_the_store_is_away(page: Page, busy: Scene, site: Served) -> None:
    """Whoever opens the page while the store is away is told why, and sees it when it is back."""

    def away() -> Any:
        raise StoreError("firestore: expected an answer, got none; is the network open?", away=True)

    busy.stores.append(away)
    page.goto(site.address)
    expect(page.get_by_role("heading", level=1)).to_have_text("The store can't be read")
    expect(page.locator("main")).to_contain_text("is the network open?")
    busy.stores.pop()
    expect(page.locator(".run")).to_have_count(4)
    page.complaints[:] = [one for one in page.complaints if "503" not in one]  # type: ignore[attr-defined]


SCRIPT = "<script>window.harm = 1</script><img src=x onerror='window.harm = 1'>"
HOSTILE = {
    "a script": SCRIPT,
    "a text that turns": "load\u202egnp.exe\u2066 \u2069",
    "ten thousand letters": "x" * 10_000,
    "emoji": "👩‍🚀🔥 load 🏳️‍🌈",
    "quotes and braces": "\"'><svg onload=window.harm=1>{{7*7}}{% x %}${7*7}",
    "a path": "../../etc/passwd?x=1#y&z",
}


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_name_is_only_a_name(page: Page, scene: Scene, site: Served, hostile: str) -> None:
    """Whatever people call operations, details, labels and runs is text, on one line, and links lead to it."""
    name, run_id = hostile[:200], document_key(hostile[:300])
    activity = blocked(START) | {"waits_for": hostile[:900]}
    run = a_run(run_id, operation=name, detail=hostile[:1000], labels={"who": hostile[:500]}, activity=activity)
    scene.put(run)
    scene.put_document("stranger", {"state": "running", "operation": hostile, "due_at": START, "started_at": START})
    for minute in range(3):
        scene.sweep(minute)
    scene.desk.snooze_for(name, 3600, hostile[:100], hostile)
    page.set_viewport_size({"width": 360, "height": 800})

    page.goto(site.address)
    expect(page.locator(".problem")).to_have_count(2)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.locator(".problem h3 a", has_text="is silent").first.click()
    expect(page.locator("section[data-key=timeline]")).to_be_visible()
    page.wait_for_load_state()  # what is there already has no width that counts before its style has come
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.locator(".path a").first.click()
    expect(page.locator("section[data-key=limits]")).to_be_visible()
    page.wait_for_load_state()
    shown = page.locator("main").inner_text()
    assert "\u202e" not in shown
    assert "49" not in page.locator("h1").inner_text()
    assert page.evaluate("window.harm") is None


def test_the_switch_of_colours_is_remembered(page: Page, scene: Scene, site: Served) -> None:
    """What somebody chose holds over what their machine prefers, from the first paint of the next page."""
    page.goto(site.address)
    is_live(page)
    page.get_by_role("button", name="Use dark colours").click()
    assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == "rgb(17, 23, 27)"

    page.goto(f"{site.address}/?state=late")
    assert page.locator("html").get_attribute("data-theme") == "dark"
    assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == "rgb(17, 23, 27)"


def test_a_hidden_tab_asks_for_nothing(page: Page, scene: Scene, site: Served) -> None:
    """While nobody can see it the page costs no reads; when it is seen again it asks at once."""
    page.goto(site.address)
    is_live(page)
    hide = "Object.defineProperty(document, 'hidden', {value: %s, configurable: true});"
    page.evaluate(hide % "true" + "document.dispatchEvent(new Event('visibilitychange'))")
    expect(page.locator("#pulse-text")).to_have_text("paused while hidden")
    page.evaluate(
        "{ window.asked = 0; const before = fetch;"
        " window.fetch = (...all) => { asked++; return before(...all) }; undefined }"
    )
    page.wait_for_timeout(2500)
    assert page.evaluate("window.asked") == 0

    page.evaluate(hide % "false" + "document.dispatchEvent(new Event('visibilitychange'))")
    is_live(page)
    assert page.evaluate("window.asked") >= 1


def test_a_focused_answer_that_goes_away_leaves_the_reader_near(page: Page, scene: Scene, site: Served) -> None:
    """When the button under the focus is gone, the focus is on what stood around it, not at the page's top."""
    run = scene.put(a_run())
    other = scene.put(a_run("run2", operation="publish"))
    for minute in range(3):
        scene.sweep(minute)
    page.goto(site.address)
    is_live(page)
    page.get_by_role("button", name="Acknowledge publish").focus()
    scene.beat(replace(other, beat_at=scene.now))
    scene.ended(replace(other, seq=5), 2)
    scene.sweep(3)

    expect(page.locator(".problem")).to_have_count(1)
    assert page.evaluate("document.activeElement.id") == "problems"
    assert run.id
