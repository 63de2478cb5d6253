"""Everybody can use it: axe-core over each view in both themes and sizes, and all of it from the keyboard."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page, expect

from tests.page.chromium import WAIT, Chromium
from tests.page.scene import Scene, Served, morning
from tests.support.world import START, a_run

pytestmark = pytest.mark.xdist_group("browser")

expect.set_options(timeout=WAIT)

LOAD = "load-7f3a91c2"
NAME = "load-historical-games"
SIZES = {"phone": 360, "desktop": 1440}


@dataclass(frozen=True)
class Town:
    """Two pages that are served: one over a store in which much goes on, one over an empty one."""

    scene: Scene
    busy: str
    empty: str


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """Served once for all views: nothing of them changes anything."""
    scene, nothing = Scene(tmp_path_factory.mktemp("busy")), Scene(tmp_path_factory.mktemp("empty"))
    _recovered(scene)
    morning(scene)
    scene.put_document("stranger", {"state": "running", "operation": 7, "due_at": START, "started_at": START})
    scene.desk.snooze_as_asked("pay-out", "today", "ada@example.com", "a bank holiday")
    scene.desk.wake("pay-out", "grace@example.com")
    served = [scene.serve(), nothing.serve()]
    try:
        yield Town(scene, *(one.address for one in served))
    finally:
        for one in served:
            one.close()


def _recovered(scene: Scene) -> None:
    """A run that was silent and has ended since: its incident is resolved."""
    scene.at(-40)
    run = scene.put(a_run("gone", operation="refresh-odds", started_at=scene.now, beat_at=scene.now, deadline=None))
    for minute in range(-39, -34):
        scene.sweep(minute)
    scene.ended(run, 6)
    scene.sweep(-33)


@pytest.fixture(scope="module", params=[(size, theme) for theme in ("light", "dark") for size in SIZES], ids="-".join)
def tab(request: pytest.FixtureRequest, chromium: Chromium) -> Iterator[Page]:
    """A tab as wide as a phone or a desktop, in light or dark, for all views one after the other."""
    size, theme = request.param
    with chromium.page(width=SIZES[size], theme=theme) as page:
        page.look = f"{size}-{theme}"  # type: ignore[attr-defined]  # names the pictures
        yield page


def _refused(page: Page) -> None:
    page.get_by_label("Or as you say").fill("soon")
    page.get_by_role("button", name="Snooze").click()
    expect(page.locator("#length-fault")).to_be_visible()


def _unfolded(page: Page) -> None:
    page.get_by_text("As it is stored").click()


# For each view its address, and what stands on it that no other has.
VIEWS = {
    "overview": ("/", "1 problem needs somebody"),
    "run-healthy": ("/runs/publish-04be77d1", "430 of 450 done"),
    "run-stuck": (f"/runs/{LOAD}", "blocked in recv"),
    "run-ended": ("/runs/odds-90ffab01", "How it went"),
    "run-unjudged": ("/runs/stranger", "A record that can’t be read"),
    "operation": (f"/operations/{NAME}", "How long it takes"),
    "operation-woken": ("/operations/pay-out", "a bank holiday"),
    "incident-open": (f"/incidents/{LOAD}.1", "open since"),
    "incident-acknowledged": ("/incidents/train-1c88e0aa.1", "grace@example.com looks after it"),
    "incident-resolved": ("/incidents/gone.1", "What was wrong"),
    "snooze": (f"/snooze?operation={NAME}", f"Snooze {NAME}"),
    "snooze-refused": ("/snooze", "got 'soon'"),
    "not-found": ("/runs/nobody", "There is no such run"),
    "empty": ("/", "Wrap the first operation"),
}
DONE_BEFORE: dict[str, Callable[[Page], None]] = {"snooze-refused": _refused, "run-stuck": _unfolded}


@pytest.mark.parametrize("view", VIEWS)
def test_everybody_can_use_it(tab: Page, town: Town, album: Path, view: str) -> None:
    """axe finds nothing, contrast included; the page does not scroll sideways; a picture of it is kept."""
    path, words = VIEWS[view]
    tab.goto((town.empty if view == "empty" else town.busy) + path)
    if view in DONE_BEFORE:
        DONE_BEFORE[view](tab)
    expect(tab.locator("main")).to_contain_text(words)
    found = violations(tab)
    tab.screenshot(path=album / f"{view}-{tab.look}.png", full_page=True)  # type: ignore[attr-defined]  # see `tab`

    assert found == []
    assert tab.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def violations(page: Page) -> list[str]:
    """What axe-core objects to: rule and element."""
    page.evaluate(AXE_SCRIPT)
    found = page.evaluate("axe.run({resultTypes: ['violations']}).then(results => results.violations)")
    return [f"{one['id']}: {node['html'][:200]}" for one in found for node in one["nodes"]]


def test_axe_is_awake(chromium: Chromium) -> None:
    """The same question finds a picture without words and text that is too pale."""
    with chromium.page() as page:
        page.set_content(
            "<html lang=en><title>x</title><main><h1>x</h1><img src=''><p style='color: #bbb'>pale</p></main>"
        )
        found = {one.partition(":")[0] for one in violations(page)}

    assert {"image-alt", "color-contrast"} <= found


# What has the focus, and how that is seen: its name, and the width of the line around it.
FOCUSED = """() => {
  const one = document.activeElement, style = getComputedStyle(one);
  const name = one.getAttribute("aria-label") || one.labels?.[0]?.innerText || one.innerText || "";
  return [name.replace(/\\s+/g, " ").trim(), style.outlineStyle === "none" ? 0 : parseFloat(style.outlineWidth)];
}"""


def walk(page: Page, wanted: str, most: int = 60) -> list[str]:
    """Press Tab until what is wanted has the focus; all names on the way. Each of them must be seen to have it."""
    passed: list[str] = []
    while not passed or passed[-1] != wanted:
        assert len(passed) < most, f"{wanted!r} was not reached by way of {passed}"
        page.keyboard.press("Tab")
        name, width = page.evaluate(FOCUSED)
        assert width >= 2, f"{name!r} has the focus, and nobody sees it"
        passed.append(name)
    return passed


@pytest.mark.parametrize("javascript", [True, False], ids=["live", "without_javascript"])
def test_all_of_it_from_the_keyboard(chromium: Chromium, busy: Scene, site: Served, javascript: bool) -> None:
    """Tab reaches acknowledge and then snooze, in the order that is read; keys alone fill in the form and send it."""
    with chromium.page(javascript=javascript) as page:
        page.goto(site.address)
        passed = walk(page, f"Acknowledge {NAME} is stalled")
        assert passed[:2] == ["Skip to the content", "Hangwatch"]
        assert passed[-2] == f"{NAME} is stalled" or passed[-2] == NAME
        assert walk(page, f"Snooze… {NAME}") == [f"Snooze… {NAME}"]
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text(f"Snooze {NAME}")
        expect(page.get_by_label("Why")).to_be_focused()
        page.keyboard.type("the peer is being replaced")
        page.keyboard.press("Shift+Tab")
        page.keyboard.type("90m")
        page.keyboard.press("Enter")

        expect(page.locator("#said")).to_contain_text(f"{NAME} is snoozed until 2026-01-14 11:48 UTC by somebody")
        assert page.url == f"{site.address}/"
        expect(page.locator(".problem", has_text=NAME)).to_contain_text("the peer is being replaced")
        walk(page, f"Wake {NAME}")
        page.keyboard.press("Enter")
        expect(page.locator("section[data-key=quiet]")).to_contain_text("woken 0 s ago by somebody at 127.0.0.1")


def test_a_mistake_has_the_focus(chromium: Chromium, scene: Scene, site: Served) -> None:
    """A form that comes back puts the cursor into the first field that is wrong, which says what is wrong with it."""
    with chromium.page() as page:
        page.goto(f"{site.address}/snooze?operation=load")
        field = page.get_by_label("Why")
        expect(field).to_be_focused()
        page.keyboard.press("Enter")

        expect(page.locator(".fault")).to_be_visible()
        expect(field).to_be_focused()
        assert field.evaluate(
            "one => one.getAttribute('aria-describedby').split(' ').map(id => document.getElementById(id).innerText)"
        ) == [
            "expected a reason, got none; whoever wonders why it is quiet will read it",
            "For those who wonder why it is quiet",
        ]
        assert scene.ledger.standing()[1].value.all == ()
