"""Puts what benches found into the docs, between the marks that name them, on whatever page these are."""

from __future__ import annotations

import re
from pathlib import Path

from .results import as_markdown, read_result

__all__ = ["DOCS", "renew"]

DOCS = Path(__file__).parents[1] / "docs"

_PART = re.compile(r"(<!-- found by: (?P<name>[a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def renew(found: Path, docs: Path = DOCS) -> None:
    """Write the pages anew with every result that lies in the folder `found`; what was not measured stays as it is."""

    def part(match: re.Match[str]) -> str:
        file = found / f"{match['name']}.json"
        if not file.exists():
            return match[0]
        return f"{match[1]}\n{as_markdown(*read_result(file))}\n{match[3]}"

    for page in sorted(docs.glob("*.md")):
        before = page.read_text(encoding="utf-8")
        after = _PART.sub(part, before)
        if after != before:
            page.write_text(after, encoding="utf-8")
