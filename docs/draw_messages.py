"""Draws Slack payloads to HTML pages, and to pictures if wanted:

    python docs/draw_messages.py stalled.json resolved.json --out docs/pictures --png --theme dark

Each PAYLOAD.json holds what a webhook is sent. What Slack would refuse is not drawn; it says why.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from docs.slack_page import draw
from tests.support.slack_webhooks import Arrival, WebhookRoom

BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome")
# Root may not use the sandbox; the rest keeps a browser that shows a local file from calling home.
OPTIONS: Final = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--force-device-scale-factor=2",
)
SECONDS: Final = 120
MEASURE: Final = (
    "<script>document.body.dataset.height = Math.ceil(document.querySelector('main')"
    ".getBoundingClientRect().height)</script>"
)


class DrawError(Exception):
    """A picture can't be made: who, expected, got, what to do."""


def picture(page: str, png: Path, width: int) -> None:
    """Take a picture of a page, as wide as `width` CSS pixels and as high as its message, at twice the resolution.

    Raises DrawError when there is no browser or it makes no picture.
    """
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        raise DrawError(f"draw_messages: a picture needs {' or '.join(BROWSERS)}, got none; apt install chromium")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "page.html")
        command = [browser, *OPTIONS, f"--user-data-dir={folder}/profile"]
        file.write_text(page.replace("</body>", MEASURE + "</body>"), encoding="utf-8")
        dom = _run([*command, f"--window-size={width},600", "--dump-dom", file.as_uri()])
        height = re.search(r'data-height="(\d+)"', dom)
        if height is None:
            raise DrawError(f"draw_messages: {browser} must render {png.stem}, got no page; try it by hand")
        file.write_text(page, encoding="utf-8")
        _run([*command, f"--window-size={width},{height[1]}", f"--screenshot={png.resolve()}", file.as_uri()])
    if not png.exists():
        raise DrawError(f"draw_messages: {browser} must write {png}, got no file; is the folder writable?")


def _run(command: Sequence[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=True)  # noqa: S603 our own arguments and page
    except (subprocess.SubprocessError, OSError) as error:
        said = getattr(error, "stderr", None) or str(error)
        raise DrawError(f"draw_messages: {command[0]} must end with 0, got: {str(said)[-300:]}") from error
    return done.stdout


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw each payload; 0: all are drawn; 1: not so, as told on stderr; 2: wrong arguments."""
    parser = argparse.ArgumentParser(description="draw Slack messages as HTML pages and pictures")
    parser.add_argument("payloads", nargs="+", type=Path, metavar="PAYLOAD.json")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="made if it is missing")
    parser.add_argument("--png", action="store_true", help="also a picture; needs chromium")
    parser.add_argument("--theme", choices=["light", "dark"], default="light")
    parser.add_argument("--width", type=int, default=760, help="of the picture, in CSS pixels")
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    status = 0
    for file in options.payloads:
        try:
            _draw_one(file, options)
        except (DrawError, OSError) as error:
            print(error, file=sys.stderr)
            status = 1
    return status


def _draw_one(file: Path, options: argparse.Namespace) -> None:
    page = draw(_read(file), file.stem, theme=options.theme)
    target = options.out / f"{file.stem}.html"
    target.write_text(page, encoding="utf-8")
    print(target)
    if options.png:
        picture(page, target.with_suffix(".png"), options.width)
        print(target.with_suffix(".png"))


def _read(file: Path) -> Mapping[str, Any]:
    room = WebhookRoom()
    ruling = room.rule(Arrival(0.0, "POST", room.path, "application/json", file.read_bytes()))
    if ruling is None or ruling.message is None:
        why = "; ".join(ruling.problems) if ruling else ""
        raise DrawError(f"{file}: expected what a Slack webhook takes, got what it refuses: {why}")
    return ruling.message.payload


if __name__ == "__main__":
    sys.exit(main())
