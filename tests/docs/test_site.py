"""The site is built from docs/ as it is, strictly, by tools that never meet our watchdog/."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.imports import ROOT
from tests.support.locks import pins

from .papers import DOCS


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`make docs` of a copy, with an environment of its own."""
    copy = tmp_path_factory.mktemp("site")
    for folder in ("docs", "locks"):
        shutil.copytree(ROOT / folder, copy / folder)
    for file in ("Makefile", "zensical.toml"):
        shutil.copy(ROOT / file, copy)
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    command = ["make", "docs", "DOCS_VENV=tools"]
    done = subprocess.run(command, cwd=copy, env=environ, capture_output=True, text=True, timeout=600, check=False)
    if "No matching distribution" in done.stdout + done.stderr or "connection" in done.stderr.lower():
        pytest.skip("no package registry can be reached, for the site's tools")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "No issues found" in done.stdout + done.stderr
    return copy


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.mark.timeout(600)
@pytest.mark.xdist_group("site")
def test_every_page_is_built(site: Path) -> None:
    """Each page of docs/ is a page of the site, its pictures lie there, and no script does."""
    built = site / "build/site"
    pages = {path.stem for path in DOCS.glob("*.md")} - {"index"}

    assert {path.parent.name for path in built.glob("*/index.html")} == pages
    assert names(built / "pictures") == names(DOCS / "pictures")
    assert list(built.rglob("*.py*")) == []


@pytest.mark.timeout(600)
@pytest.mark.xdist_group("site")
def test_lists_tables_and_code_are_drawn_as_such(site: Path) -> None:
    """What GitHub shows as a list, a table or code is not running text on the site."""
    spilt = re.compile(r"<p>(?:(?!</p>)[\s\S])*?(?:\n(?:- |\d+\. |\||```))|<p>(?:\||```)")
    pages = (site / "build/site").rglob("index.html")

    assert [path.parent.name for path in pages if spilt.search(path.read_text(encoding="utf-8"))] == []


@pytest.mark.timeout(600)
@pytest.mark.xdist_group("site")
def test_the_site_asks_nobody_else(site: Path) -> None:
    """A page loads fonts, scripts and styles from where it lies, and from no other host."""
    loaded = re.compile(r"<(?:script|link|img)[^>]*(?:src|href)=[\"']?(https?:)?//")
    pages = [*(site / "build/site").rglob("*.html")]

    assert len(pages) > 10
    assert [path.name for path in pages if loaded.search(path.read_text(encoding="utf-8"))] == []


@pytest.mark.timeout(600)
@pytest.mark.xdist_group("site")
def test_the_tools_and_our_watchdog_never_meet(site: Path) -> None:
    """The environment of the site has no `watchdog` of anybody's, and can't see ours."""
    lookup = "import importlib.util as u; print([n for n in ('watchdog', 'heartbeat_client') if u.find_spec(n)])"
    command = [str(site / "tools/bin/python"), "-c", f"import sys; del sys.path[0]; {lookup}"]
    found = subprocess.check_output(command, cwd=ROOT, text=True, timeout=60)

    assert found.strip() == "[]"
    assert "watchdog" not in pins("docs")
