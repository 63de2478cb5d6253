"""What benches found gets into the docs between the marks that name them, and nothing else changes there."""

from __future__ import annotations

from pathlib import Path

from bench.pages import renew
from bench.results import Result, Table, as_json, machine

FOUND = Result("truth", [Table("Told", ("what",), (("all \\ of it",),))])

PAGE = """# A page

<!-- found by: truth -->
stale words
<!-- end -->

prose

<!-- found by: store -->
kept
<!-- end -->
"""


def test_results_get_between_their_marks_on_every_page(tmp_path: Path) -> None:
    """Each page with the mark of a bench gets its tables there; what was not measured, and all prose, stays."""
    docs, out = tmp_path / "docs", tmp_path / "out"
    docs.mkdir()
    out.mkdir()
    for name in ("one.md", "two.md"):
        (docs / name).write_text(PAGE)
    (docs / "other.md").write_text("old\n")
    (out / "truth.json").write_text(as_json(FOUND, machine()))
    renew(out, docs)

    one, two = ((docs / name).read_text() for name in ("one.md", "two.md"))
    assert one == two
    head, _, rest = one.partition("<!-- found by: truth -->\n")
    new, _, after = rest.partition("<!-- end -->")
    assert head == "# A page\n\n"
    assert "| all \\ of it |" in new
    assert "stale words" not in new
    assert after == PAGE.partition("<!-- end -->")[2]
    assert (docs / "other.md").read_text() == "old\n"


def test_a_second_time_changes_nothing(tmp_path: Path) -> None:
    """The same results put in once more leave the page as it is."""
    (tmp_path / "page.md").write_text(PAGE)
    (tmp_path / "truth.json").write_text(as_json(FOUND, machine()))
    renew(tmp_path, tmp_path)
    once = (tmp_path / "page.md").read_text()
    renew(tmp_path, tmp_path)

    assert (tmp_path / "page.md").read_text() == once
