"""Debian's chromium, driven by Playwright; what goes wrong inside of a page is kept, for a test to look at."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any

from playwright.sync_api import Browser, ConsoleMessage, Page, Playwright, sync_playwright

__all__ = ["BROWSERS", "WAIT", "Chromium", "ChromiumError"]

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
# Milliseconds; two busy cores are slow.
WAIT = 60_000

# Root may not use the sandbox; the rest keeps a browser that shows pages of this machine from calling home.
OPTIONS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


class ChromiumError(Exception):
    """There is no browser: who, expected, got, what to do."""


class Chromium:
    """A browser for as long as the block lasts."""

    def __init__(self) -> None:
        self._path = next(filter(None, map(shutil.which, BROWSERS)), None)
        self._playwright: Playwright | None = None
        self._browser: Browser | None = None

    def __enter__(self) -> Chromium:
        if self._path is None:
            raise ChromiumError(
                f"a browser is needed: expected {' or '.join(BROWSERS)}, got none; apt install chromium"
            )
        self._playwright = sync_playwright().start()
        self._browser = self._playwright.chromium.launch(executable_path=self._path, args=list(OPTIONS))
        return self

    @contextmanager
    def page(
        self, *, width: int = 1280, height: int = 900, theme: str = "light", javascript: bool = True
    ) -> Iterator[Page]:
        """A tab of its own, with no memory of others. Its complaints are in `page.complaints`."""
        assert self._browser is not None
        settings: dict[str, Any] = {"color_scheme": theme, "java_script_enabled": javascript}
        context = self._browser.new_context(viewport={"width": width, "height": height}, **settings)
        context.set_default_timeout(WAIT)
        page = context.new_page()
        complaints: list[str] = []
        page.complaints = complaints  # type: ignore[attr-defined]  # a list beside the page saves a class around it
        page.on("console", lambda said: _listen(said, complaints))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        try:
            yield page
        finally:
            context.close()

    def ask(self, method: str) -> Any:
        """What the browser itself answers to a method of its DevTools protocol."""
        assert self._browser is not None
        session = self._browser.new_browser_cdp_session()
        try:
            return session.send(method)
        finally:
            session.detach()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._browser is not None:
            self._browser.close()
        if self._playwright is not None:
            self._playwright.stop()


def _listen(said: ConsoleMessage, complaints: list[str]) -> None:
    # What the content security policy refuses is an error on the console too.
    if said.type in ("error", "warning"):
        complaints.append(f"{said.type}: {said.text}")
