"""The pictures of the terminal are made by a script, from what the commands show."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from docs.draw_terminal import main

SHOWN = {
    "status": ("python -m watchdog status", "stalled", "publish-requests", "snoozed: backfill-*", "last sweep"),
    "watch": ("python -m watchdog status --watch 2", "live, 10:18:12 UTC, each 2 s; stop with Ctrl-C", "stalled"),
    "show": ("python -m watchdog show load-7f3a91c2", "data_loaders.py:412 load_batch", "waits for peer", "incident 1"),
}


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("drawn") / "new"
    assert main(["--out", str(folder)]) == 0
    return folder


@pytest.mark.parametrize("name", SHOWN)
def test_a_picture_shows_what_the_command_does(pictures: Path, name: str) -> None:
    """Each picture is an SVG with the command and the words of its screen, and asks for nothing outside."""
    text = (pictures / f"terminal-{name}.svg").read_text(encoding="utf-8")
    drawing = ElementTree.fromstring(text)  # noqa: S314  our own, made above
    said = " ".join(" ".join(drawing.itertext()).replace("\N{NO-BREAK SPACE}", " ").split())

    assert [words for words in SHOWN[name] if words not in said] == []
    assert re.findall(r"""@import|@font-face|(?:href|src|url)\s*[=(]\s*["']?(?!#)[^)>]+""", text) == []


def test_the_same_is_drawn_each_time(pictures: Path, tmp_path: Path) -> None:
    """A picture changes only when a screen does."""
    assert main(["--out", str(tmp_path)]) == 0
    assert all((tmp_path / one.name).read_bytes() == one.read_bytes() for one in pictures.iterdir())
