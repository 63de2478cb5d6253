"""Takes pictures of the terminal, over the store that the page's pictures show:

    python -m docs.draw_terminal --out docs/pictures

`status`, a frame of `status --watch`, and `show RUN` of a run that hangs, as a terminal of 120 columns shows them.
"""

from __future__ import annotations

import argparse
import io
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console, RenderableType

from tests.page.scene import POLICY, Scene, morning
from watchdog.survey import story_of, survey
from watchdog.terminal.live import Board
from watchdog.terminal.status import StatusScreen
from watchdog.terminal.story import StoryScreen

STUCK = "load-7f3a91c2"
COLUMNS, ROWS = 120, 24
EVERY = 2.0

# rich's own form fetches a font from elsewhere; in a document nothing is fetched.
FORM = """\
<svg viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{
  font: {char_height}px/{line_height}px ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace;
}}
.{unique_id}-title {{ font: bold 18px sans-serif; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/>
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw; 0: all are drawn."""
    parser = argparse.ArgumentParser(description="take pictures of the terminal")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="made if it is missing")
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        for name, (command, screen) in _screens(Path(place)).items():
            target = options.out / f"terminal-{name}.svg"
            target.write_text(_drawn(f"python -m watchdog {command}", screen, name), encoding="utf-8")
            print(target)
    return 0


def _screens(place: Path) -> Mapping[str, tuple[str, RenderableType]]:
    """By the names of the pictures: the command, and what it shows."""
    scene = Scene(place)
    morning(scene)
    seen = survey(scene.ledger, POLICY)
    told = story_of(scene.ledger, POLICY, scene.ledger.runs([STUCK])[STUCK])
    # Live for as long as the drawing takes.
    board = Board(EVERY, clock=lambda: 0.0)
    board.read(seen)
    return {
        "status": ("status", StatusScreen(seen)),
        "watch": ("status --watch 2", board.screen(fitted=True)),
        "show": (f"show {STUCK}", StoryScreen(told)),
    }


def _drawn(title: str, screen: RenderableType, name: str) -> str:
    console = Console(
        record=True,
        width=COLUMNS,
        height=ROWS,
        force_terminal=True,
        color_system="truecolor",
        file=io.StringIO(),
        highlight=False,
        emoji=False,
        markup=False,
    )
    console.print(screen)
    return console.export_svg(title=title, code_format=FORM, unique_id=f"terminal-{name}")


if __name__ == "__main__":
    sys.exit(main())
