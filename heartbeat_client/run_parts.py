"""What the record of a run is made of besides plain fields: each part, and how it is read from a document."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .fields import MISSING, Fields

__all__ = [
    "TEXT_LIMIT",
    "Failure",
    "Place",
    "Progress",
    "Tally",
    "Thresholds",
    "Waiting",
    "plain",
    "read_activity",
    "read_evidence",
    "read_failure",
    "read_place",
    "read_progress",
    "read_tally",
    "read_thresholds",
    "read_waiting",
]

TEXT_LIMIT = 1000
FRAMES_LIMIT = 64


@dataclass(frozen=True)
class Place:
    """A place in the code: package-relative file, line, qualified name of the function. Never a source line."""

    file: str
    line: int
    function: str


@dataclass(frozen=True)
class Failure:
    """How an operation failed: the exception's type and place; its text only where the user allowed it."""

    type: str
    place: Place | None = None
    text: str | None = None


@dataclass(frozen=True)
class Progress:
    """What real work has moved.

    done: items finished. total: items in all, None when not known. at: instant of the last move, None before the first.
    since: instant from which progress was declared. rate: items a second while it moved lately, None when not known.
    note: the operation's own words.
    """

    done: int
    total: int | None = None
    at: datetime | None = None
    since: datetime | None = None
    rate: float | None = None
    note: str = ""


@dataclass(frozen=True)
class Tally:
    """What a shared run's parts say together, beside its progress.

    missing: the first of the listed items that are not done; missing_count: how many there are, None without a list.
    last: items done last, oldest first. strangers: items done that are not on the list, and do not count.
    again: items that were completed again; again_times: how often in all; again_last: the last one; again_at: when.
    partial: there were more parts than are read, so that the count is a lower bound.
    """

    missing: tuple[str, ...] = ()
    missing_count: int | None = None
    last: tuple[str, ...] = ()
    strangers: int = 0
    again: int = 0
    again_times: int = 0
    again_last: str = ""
    again_at: datetime | None = None
    partial: bool = False


@dataclass(frozen=True)
class Waiting:
    """A wait that the operation declared: why, since when, and the instant past which it is a stall after all."""

    reason: str
    since: datetime
    until: datetime


@dataclass(frozen=True)
class Thresholds:
    """The limits that hold for a run, as resolved at its start, in seconds.

    opaque_after None: `OPAQUE_SHARE` of the time to the deadline. max_runtime None: no limit but the deadline.
    warn_at: share of the way to the deadline from which a run is overdue.
    learned_runs, learned_longest: from how many healthy runs opaque_after was learned, and the longest of them.
    learned_stood: the longest for which one of them stood in one call.
    explicit: names that the run's owner set in code or environment; a policy's `[defaults]` leave these alone.
    """

    beat_every: float = 15.0
    silent_after: float = 90.0
    stalled_after: float = 300.0
    opaque_after: float | None = None
    max_runtime: float | None = None
    warn_at: float = 0.8
    learned_runs: int = 0
    learned_longest: float | None = None
    learned_stood: float | None = None
    explicit: tuple[str, ...] = ()


def read_thresholds(fields: Fields | None) -> Thresholds:
    """Limits, the usual ones where the record has none."""
    if fields is None:
        return Thresholds()
    usual = Thresholds()
    lengths = ("beat_every", "silent_after", "stalled_after", "opaque_after", "max_runtime")
    read: dict[str, Any] = {name: fields.length(name, getattr(usual, name)) for name in lengths}
    warn_at = fields.length("warn_at", usual.warn_at, most=1.0)
    learned = {
        "learned_runs": fields.whole("learned_runs", 0),
        "learned_longest": fields.length("learned_longest", None),
        "learned_stood": fields.length("learned_stood", None),
    }
    return Thresholds(**read, **learned, warn_at=warn_at, explicit=fields.texts("explicit"))


def read_progress(fields: Fields | None) -> Progress | None:
    """Progress, None where none is declared."""
    if fields is None:
        return None
    return Progress(
        done=fields.whole("done", 0),
        total=fields.whole("total", None),
        at=fields.instant("at", None),
        since=fields.instant("since", None),
        rate=fields.length("rate", None, most=1e12),
        note=fields.text("note", "", TEXT_LIMIT),
    )


def read_tally(fields: Fields | None) -> Tally | None:
    """What the parts of a shared run said together, None where nobody has added them up."""
    if fields is None:
        return None
    return Tally(
        missing=fields.texts("missing"),
        missing_count=fields.whole("missing_count", None),
        last=fields.texts("last"),
        strangers=fields.whole("strangers", 0),
        again=fields.whole("again", 0),
        again_times=fields.whole("again_times", 0),
        again_last=fields.text("again_last", "", TEXT_LIMIT),
        again_at=fields.instant("again_at", None),
        partial=fields.flag("partial", False),
    )


def read_waiting(fields: Fields | None) -> Waiting | None:
    """A declared wait, None outside of one."""
    if fields is None:
        return None
    return Waiting(
        fields.text("reason", "", TEXT_LIMIT), fields.instant("since", MISSING), fields.instant("until", MISSING)
    )


def read_failure(fields: Fields | None) -> Failure | None:
    """How the operation failed, None where it did not."""
    if fields is None:
        return None
    return Failure(
        fields.text("type", "", TEXT_LIMIT), read_place(fields.inside("place")), fields.text("text", None, TEXT_LIMIT)
    )


def read_place(fields: Fields | None) -> Place | None:
    """A place in the code, None where it is not known."""
    if fields is None:
        return None
    return Place(fields.text("file", "", TEXT_LIMIT), fields.whole("line", 0), fields.text("function", "", TEXT_LIMIT))


def read_activity(fields: Fields | None) -> dict[str, Any] | None:
    """What the operation was seen to be doing, None where nobody looked.

    Evidence that can't be read is left out: it never makes a run unjudged.
    """
    if fields is None:
        return None
    seen = Fields(fields.document)
    read: dict[str, Any] = {name: seen.text(name, None, 2 * TEXT_LIMIT) for name in _SENTENCES}
    read |= {name: seen.instant(name, None) for name in ("since", "since_at_most")}
    read |= {"cpu": seen.length("cpu", None), "at": _spot(seen.inside("at"))}
    listed = fields.document.get("frames")
    frames = [_spot(Fields(one)) for one in listed if isinstance(one, Mapping)] if isinstance(listed, list) else []
    read["frames"] = frames[:FRAMES_LIMIT]
    unknown_to_us = {name: value for name, value in fields.document.items() if name not in read}
    return unknown_to_us | {name: value for name, value in read.items() if value}


def read_evidence(value: object) -> dict[str, Any] | None:
    """A map as it is stored, None where there is no map: nobody's verdict hangs on what it holds."""
    return dict(value) if isinstance(value, Mapping) else None


_SENTENCES = ("kind", "call", "waits_for", "evidence", "unknown")


def _spot(fields: Fields | None) -> dict[str, Any]:
    if fields is None:
        return {}
    place = plain(read_place(fields))
    age = fields.length("age", None)
    return place if age is None else {**place, "age": age}


_PLAIN_TYPES = frozenset({str, int, float, bool, type(None), datetime})


def plain(value: Any) -> Any:
    """A part, or anything made of parts, as plain values; what is None or empty is left out."""
    if type(value) in _PLAIN_TYPES:  # nearly all of a record; to ask the same of dataclasses took a fifth of a beat
        return value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        pairs = ((f.name, plain(getattr(value, f.name))) for f in dataclasses.fields(value))
        return {name: inner for name, inner in pairs if inner not in (None, "", {}, [])}
    if isinstance(value, Mapping):
        return {name: plain(inner) for name, inner in value.items()}
    if isinstance(value, (tuple, list)):
        return [plain(inner) for inner in value]
    return value
