"""What every store does alike with a record on its way in, and JSON text for stores without types of their own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from ..backend import PartWrite, Write
from ..parts import PARTS
from ..run import RUNS, Run, document_key

__all__ = [
    "DOCUMENT_LIMIT",
    "document_of",
    "from_text",
    "instant_text",
    "place_of",
    "plain_instant",
    "record_of",
    "to_text",
]

# Firestore's limit in bytes. The other stores keep it too: what works on a laptop must work there.
DOCUMENT_LIMIT = 1_048_576


def record_of(run: Run, server_time: Any) -> dict[str, Any]:
    """The document of a run as a store writes it: `beat_at`, and the end of one that ended, are the store's own time.

    server_time: an instant, or what the store takes as a stand-in for it.
    """
    document = run.to_document()
    document["beat_at"] = server_time
    if run.ended and run.ended_at is not None:
        document["ended_at"] = server_time
    return document


def place_of(write: Write | PartWrite) -> tuple[str, str]:
    """The collection and the document id that a write goes to."""
    if isinstance(write, PartWrite):
        return PARTS, document_key(write.part.id)
    return RUNS, document_key(write.run.id)


def document_of(write: Write | PartWrite, server_time: Any) -> dict[str, Any]:
    """What is to stand there, the store's own time in it. server_time: as for `record_of`."""
    if isinstance(write, PartWrite):
        return write.part.to_document() | {"written_at": server_time}
    return record_of(write.run, server_time)


def to_text(document: Mapping[str, Any]) -> str:
    """A document as JSON text, its instants as `instant_text`.

    Raises ValueError for a value that JSON has no word for, and past `DOCUMENT_LIMIT`.
    """
    try:
        text = json.dumps(document, default=_plain, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        size = len(text.encode())
    except (TypeError, RecursionError) as error:
        raise ValueError(str(error)) from None
    if size > DOCUMENT_LIMIT:
        raise ValueError(f"expected a document of at most {DOCUMENT_LIMIT} bytes, got {size}; write less text into it")
    return text


def from_text(text: str | bytes) -> dict[str, Any]:
    """The document in a JSON text; instants stay text. Empty when a stranger put something else there."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def instant_text(at: datetime) -> str:
    """An instant as ISO 8601 text in UTC, always 27 characters wide so that texts sort as instants do."""
    return plain_instant(at).strftime("%Y-%m-%dT%H:%M:%S.%fZ").zfill(27)


def plain_instant(at: datetime) -> datetime:
    """The instant in UTC as `datetime` itself; a naive one counts as UTC, as Firestore takes it."""
    aware = at.astimezone(timezone.utc) if at.tzinfo else at
    # Firestore's own class carries nanoseconds, and does not compare or print as others do.
    return datetime(*aware.timetuple()[:6], aware.microsecond, tzinfo=timezone.utc)


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return instant_text(value)
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"expected text, numbers, true, false, instants, lists and maps, got {type(value).__name__}")
