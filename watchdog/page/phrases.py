"""How instants, lengths and strangers' names are put on a page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from heartbeat_client.lengths import spoken

from ..wording import one_line

__all__ = ["ago", "as_json", "clock", "name", "stamp"]

NAME_LIMIT = 160
JSON_LIMIT = 200_000


def clock(at: datetime | None, now: datetime) -> str:
    """`10:41:05 UTC`, with the day where it is not today's; nothing without an instant."""
    if at is None:
        return ""
    at = at.astimezone(timezone.utc)
    return f"{at:%H:%M:%S} UTC" if at.date() == now.date() else f"{at:%Y-%m-%d %H:%M:%S} UTC"


def stamp(at: datetime) -> str:
    """An instant for programs, as a `time` element holds it."""
    return at.astimezone(timezone.utc).isoformat(timespec="seconds").replace("+00:00", "Z")


def ago(at: datetime | None, now: datetime) -> str:
    """`4 min ago` or `in 4 min`; nothing without an instant."""
    if at is None:
        return ""
    seconds = (now - at).total_seconds()
    return f"{spoken(seconds)} ago" if seconds >= 0 else f"in {spoken(-seconds)}"


def name(text: str, limit: int = NAME_LIMIT) -> str:
    """A name that anybody may have chosen, on one line, without what acts on the text around it, and not too long."""
    tidy = one_line(text)
    return tidy if len(tidy) <= limit else f"{tidy[: limit - 1]}…"


def as_json(record: Mapping[str, Any]) -> str:
    """A stored record as JSON for people; what JSON has no word for as text, and what is too long cut."""
    text = json.dumps(record, indent=2, sort_keys=True, default=_plain, ensure_ascii=True)
    return text if len(text) <= JSON_LIMIT else f"{text[:JSON_LIMIT]}\n… and {len(text) - JSON_LIMIT} characters more"


def _plain(value: Any) -> str:
    return stamp(value) if isinstance(value, datetime) else str(value)
