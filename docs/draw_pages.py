"""Takes pictures of the status page, over a store in which much goes on:

    python -m docs.draw_pages --out docs/pictures

Those that the documentation shows; with --all each page in light and dark, as wide as a desktop and as a phone. Needs
chromium.
"""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
from collections.abc import Iterable, Sequence
from datetime import timedelta
from pathlib import Path

from tests.page.chromium import Chromium, ChromiumError
from tests.page.scene import Scene, morning

WIDTHS = {"desktop": 1280, "phone": 360}
PAGES = {
    "overview": "/",
    "run": "/runs/load-7f3a91c2",
    "operation": "/operations/load-historical-games",
    "incident": "/incidents/load-7f3a91c2.1",
}
PARTS = {"timeline": ("/runs/publish-04be77d1", "section[data-key=timeline]")}
EMPTY = "empty"
SHOWN = (
    ("overview", "desktop", "light"),
    ("overview", "phone", "dark"),
    ("run", "desktop", "light"),
    ("timeline", "desktop", "light"),
    ("operation", "desktop", "dark"),
    (EMPTY, "desktop", "light"),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw; 0: all are drawn; 1: there is no browser."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    parser = argparse.ArgumentParser(description="take pictures of the status page")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="made if it is missing")
    parser.add_argument("--all", action="store_true", help="every page in every theme and size")
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    everything = [
        (page, size, theme) for page in (*PAGES, *PARTS, EMPTY) for size in WIDTHS for theme in ("light", "dark")
    ]
    try:
        _draw(everything if options.all else SHOWN, options.out)
    except ChromiumError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _draw(wanted: Iterable[tuple[str, str, str]], folder: Path) -> None:
    with tempfile.TemporaryDirectory() as place:
        scene, nothing = Scene(Path(place)), Scene(Path(place, EMPTY))
        morning(scene)
        nothing.sweep(0)
        nothing.now += timedelta(seconds=12)
        served, empty = scene.serve(), nothing.serve()
        try:
            with Chromium() as chromium:
                for page, size, theme in wanted:
                    path, part = PARTS.get(page, (PAGES.get(page, "/"), ""))
                    address = (empty if page == EMPTY else served).address + path
                    target = folder / f"page-{page}-{size}-{theme}.png"
                    _take(chromium, address, target, (WIDTHS[size], theme), part)
        finally:
            served.close()
            empty.close()


def _take(chromium: Chromium, address: str, target: Path, look: tuple[int, str], part: str) -> None:
    """Take one picture. look: width and theme. part: the element that is wanted, the whole page where that is empty."""
    width, theme = look
    with chromium.page(width=width, theme=theme) as page:
        page.goto(address)
        page.wait_for_selector(".pulse.on")
        if part:
            page.locator(part).screenshot(path=target)
        else:
            page.screenshot(path=target, full_page=True)
    print(target)


if __name__ == "__main__":
    sys.exit(main())
