"""The project's pages: their headings, links, pictures and code blocks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from tests.support.imports import ROOT

__all__ = ["DOCS", "PAGES", "Block", "anchors", "blocks", "links", "prose"]

DOCS = ROOT / "docs"
FOLDERS = ("docs", "examples", "deploy")
PAGES = sorted([*ROOT.glob("*.md"), *(page for folder in FOLDERS for page in (ROOT / folder).rglob("*.md"))])

FENCE = re.compile(r"(?ms)^( *)```(\w*)\n(.*?)^\1```$")
MARK = re.compile(r"<!-- (not run|file|needs): (.+?) -->\s*\Z")
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


@dataclass(frozen=True)
class Block:
    """A block of code. mark, said: of the comment right before it, such as `not run`, and why."""

    language: str
    code: str
    mark: str = ""
    said: str = ""


def blocks(page: Path) -> list[Block]:
    """The page's blocks of code, in order."""
    text = page.read_text(encoding="utf-8")
    found = []
    for fence in FENCE.finditer(text):
        mark = MARK.search(text[: fence.start()])
        found.append(Block(fence[2], fence[3], *(mark.groups() if mark else ("", ""))))
    return found


def prose(page: Path) -> str:
    """The page without its blocks of code."""
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def links(page: Path) -> list[str]:
    """Where the page's links and pictures lead, but for those to other hosts."""
    return [target for target in LINK.findall(prose(page)) if not re.match(r"\w+:", target)]


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"(?m)^#+ (.+)$", prose(page))
    plain = [re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings]
    return {heading.strip().replace(" ", "-") for heading in plain}
