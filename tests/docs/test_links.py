"""Links, anchors, pictures and the navigation of the site lead where they say."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.imports import ROOT

from .papers import DOCS, PAGES, anchors, links

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


@every_page
def test_every_link_leads_somewhere(page: Path) -> None:
    """A relative link names a file of the project, and an anchor a heading of that page."""
    broken = []
    for target in links(page):
        name, _, anchor = target.partition("#")
        found = (page.parent / name).resolve() if name else page
        if not found.exists() or (anchor and anchor not in anchors(found)):
            broken.append(target)

    assert broken == []


@every_page
def test_a_page_of_the_site_links_to_pages_of_the_site(page: Path) -> None:
    """The site holds docs/ alone: a link out of it would lead nowhere there."""
    if page.parent == DOCS:
        assert [target for target in links(page) if target.startswith("..")] == []


def entries(nav: Any) -> list[str]:
    if isinstance(nav, str):
        return [nav]
    inner = nav.values() if isinstance(nav, dict) else nav
    return [path for entry in inner for path in entries(entry)]


def test_every_page_has_its_place_in_the_navigation() -> None:
    """The navigation of the site names each page of docs/ once, and no other."""
    nav = tomllib.loads((ROOT / "zensical.toml").read_text(encoding="utf-8"))["project"]["nav"]

    assert sorted(entries(nav)) == sorted(path.name for path in DOCS.glob("*.md"))


def test_every_picture_is_shown() -> None:
    """No picture lies about that no page shows."""
    shown = {(page.parent / target).resolve() for page in PAGES for target in links(page)}
    pictures = {path.resolve() for path in (DOCS / "pictures").iterdir()}
    # Two links in one, as GitHub shows light and dark.
    sources = {
        (page.parent / target).resolve()
        for page in PAGES
        for target in re.findall(r'(?:src|srcset)="([^"]+)"', page.read_text(encoding="utf-8"))
    }

    assert sorted(path.name for path in pictures - shown - sources) == []


@every_page
def test_every_picture_is_named(page: Path) -> None:
    """Who can't see a picture reads what it shows."""
    text = page.read_text(encoding="utf-8")

    assert re.findall(r"!\[\s*\]\([^)]+\)|<img(?![^>]*alt=\"[^\"]+\")[^>]*>", text) == []
