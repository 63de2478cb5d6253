"""Names that users give to threads and tasks, made fit to be shown."""

from __future__ import annotations

import re

__all__ = ["fit"]

_LIMIT = 40
_ODD = re.compile(r"[^\w .()<>\-#…?]+")
_SECRET = re.compile(r"(?=(?:[A-Za-z]*\d){3})[A-Za-z0-9]{16,}")  # an id or a token: nobody types that as a name


def fit(name: object) -> str:
    """A name in quotes, capped, without what could be an address, a query or a token."""
    text = name.replace("?", "_") if isinstance(name, str) else "?"
    return f"'{_ODD.sub('_', _SECRET.sub('…', text[:200]))[:_LIMIT]}'"
