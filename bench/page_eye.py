"""A viewer for the page's bench: a real browser, which notes when what is waited for stands on its screen."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, expect

from tests.page.chromium import Chromium

__all__ = ["Eye"]

PATIENCE = 30.0

WATCH = """
window.awaited = new Map();
window.seen = {};
window.questions = 0;
const before = window.fetch;
window.fetch = (...all) => { window.questions += 1; return before(...all); };
const look = () => {
  for (const [name, one] of [...window.awaited]) {
    const found = document.querySelector(one.where);
    if (found && found.textContent.includes(one.text)) {
      window.seen[name] = Date.now();
      window.awaited.delete(name);
    }
  }
};
const way = { subtree: true, childList: true, characterData: true, attributes: true };
new MutationObserver(look).observe(document.getElementById("live"), way);
"""


class Eye:
    """One tab on a page. Its clock is this machine's, as the bench's own is.

    slept: seconds from the last `await_` to the end of `sleep`.
    """

    def __init__(self, chromium: Chromium, page: Page, address: str) -> None:
        self._page = page
        self._chromium = chromium
        page.goto(address)
        expect(page.locator("#pulse")).to_have_class("pulse on")
        page.evaluate(WATCH)
        self._since: dict[str, float] = {}
        self.slept = 0.0

    def await_(self, name: str, where: str, text: str = "") -> None:
        """From now on, wait for an element that holds a text. where: its selector."""
        self._page.evaluate("([name, where, text]) => awaited.set(name, {where, text})", [name, where, text])
        self._since[name] = time.time()

    def seen(self) -> dict[str, float]:
        """Seconds from each `await_` until it was there; waits for those that are not there yet."""
        until = time.monotonic() + PATIENCE
        while self._page.evaluate("awaited.size") and time.monotonic() < until:
            self.rest(0.05)
        seen: dict[str, float] = self._page.evaluate("seen")
        missing = self._since.keys() - seen.keys()
        if missing:
            raise RuntimeError(f"bench: expected {sorted(missing)} on the page within {PATIENCE:g} s, it is not there")
        return {name: seen[name] / 1000 - since for name, since in self._since.items()}

    def rest(self, seconds: float) -> None:
        """Let the page go on."""
        self._page.wait_for_timeout(1000 * seconds)

    @property
    def questions(self) -> int:
        """How many it has asked."""
        return int(self._page.evaluate("questions"))

    @property
    def says(self) -> str:
        """How live it calls itself."""
        return self._page.locator("#pulse-text").inner_text()

    def sleep(self, seconds: float, meanwhile: Callable[[], object]) -> None:
        """Stop its process for so long, as a laptop does whose lid is closed, and do something in that time."""
        processes = _renderers(self._chromium)
        for pid in processes:
            os.kill(pid, signal.SIGSTOP)
        try:
            meanwhile()
            time.sleep(seconds)
            self.slept = time.time() - max(self._since.values())
        finally:
            for pid in processes:
                os.kill(pid, signal.SIGCONT)


def _renderers(chromium: Chromium) -> set[int]:
    listed: Any = chromium.ask("SystemInfo.getProcessInfo")
    return {one["id"] for one in listed["processInfo"] if one["type"] == "renderer"}
