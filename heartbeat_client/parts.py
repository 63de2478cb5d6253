"""The parts of a run that spans processes: what each writer has done of it, and the list of what there is to do.

Owns how items become digests, and how parts map to documents. A part has one writer, which writes it whole, at most
about once a second; whoever reads adds all parts of the run up. Knows no clock: all times within a part are ages, in
seconds before the instant at which the store says it was written. So no machine's clock is in them.
"""

from __future__ import annotations

import base64
import binascii
import re
import sys
from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import quote

from .fields import MISSING, Fields, RecordError
from .run_parts import TEXT_LIMIT

__all__ = [
    "ITEM_LIMIT",
    "LISTED_LIMIT",
    "PARTS",
    "PART_ITEMS",
    "Listing",
    "Part",
    "Stamp",
    "digest_of",
    "expires_at",
    "item_text",
    "listings",
    "read_part",
    "shared_run_id",
    "sound",
]

PARTS = "hangwatch_parts"
SCHEMA = 1

# 12 bytes an item, so some 70 kB of text: a twentieth of what a Firestore document holds, and quick to write again.
PART_ITEMS = 4096

ITEM_LIMIT = 300  # characters
LISTED_LIMIT = 5000  # items of one run whose names are kept
_NAMES_TOGETHER = 400  # at most 480 kB, should each be as long as it may be and of four-byte characters
_AGAIN_LIMIT = 500  # digests of items done again that one part keeps
_TEXTS_SHOWN = 10

# Longer than any run goes on: a part that is not written any more still counts as long as its run does.
KEPT_FOR = timedelta(days=30)
_DAY: Final = 86400

_AGE_UNIT: Final = 0.1  # seconds
_OLDEST: Final = 2**32 - 1
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")


@dataclass(frozen=True)
class Stamp:
    """Something that was said and how many seconds before the part was written."""

    text: str
    age: float


@dataclass(frozen=True)
class Part:
    """What one writer did of a run; a writer with many items has several.

    items: digests of the items done, in the order of the first time; ages: of each. plain: how many were done that have
    no name; plain_age: of the last of them. again: digests of items that this writer was told of more than once, at
    most `_AGAIN_LIMIT`; again_times: how often; again_last: the last. last: names of the last items, oldest first.
    note: the operation's own words. written_at: the store's time, whatever is given here.
    """

    id: str
    run: str
    items: tuple[int, ...] = ()
    ages: tuple[float, ...] = ()
    plain: int = 0
    plain_age: float | None = None
    again: tuple[int, ...] = ()
    again_times: int = 0
    again_last: Stamp | None = None
    last: tuple[str, ...] = ()
    note: Stamp | None = None
    written_at: datetime | None = None
    expires_at: datetime | None = None

    def to_document(self) -> dict[str, Any]:
        """The part as a document of plain values; what is empty is left out."""
        document = {
            "run": self.run,
            "schema": SCHEMA,
            "items": _packed("Q", self.items),
            "ages": _packed("I", (min(_OLDEST, max(0, round(age / _AGE_UNIT))) for age in self.ages)),
            "plain": self.plain,
            "plain_age": self.plain_age,
            "again": _packed("Q", self.again[:_AGAIN_LIMIT]),
            "again_times": self.again_times,
            "again_last": _stamp_document(self.again_last),
            "last": list(self.last[-_TEXTS_SHOWN:]),
            "note": _stamp_document(self.note),
            "expires_at": self.expires_at,
        }
        return {name: value for name, value in document.items() if value not in (None, "", 0, [])}


@dataclass(frozen=True)
class Listing:
    """Some of the names of a run's items, the `number`-th lot of them. Its id comes of what is in it."""

    id: str
    run: str
    number: int
    names: tuple[str, ...]
    written_at: datetime | None = None
    expires_at: datetime | None = None

    def to_document(self) -> dict[str, Any]:
        """The names as a document of plain values."""
        document = {"run": self.run, "schema": SCHEMA, "number": self.number, "names": list(self.names)}
        return document if self.expires_at is None else {**document, "expires_at": self.expires_at}


def expires_at(written_at: datetime) -> datetime:
    """When the store may delete a part; on the day, so that its index is not written anew with each write."""
    seconds = (written_at + KEPT_FOR).timestamp()
    return datetime.fromtimestamp(seconds // _DAY * _DAY + _DAY, written_at.tzinfo)


def read_part(part_id: str, document: Mapping[str, Any]) -> Part | Listing:
    """Read a part or a lot of names, which a stranger may have written.

    Raises `RecordError` naming each field that is missing or not as expected.
    """
    fields = Fields(document)
    run = fields.text("run", MISSING, 1500)
    times = {name: fields.instant(name, None) for name in ("written_at", "expires_at")}
    read: Part | Listing
    if "names" in document:
        read = Listing(part_id, run, fields.whole("number", 0), fields.texts("names"), **times)
    else:
        read = Part(part_id, run, **times, **_read(fields))
    fields.raise_if_wrong(f"part {part_id[:80]}")
    return read


def _read(fields: Fields) -> dict[str, Any]:
    items, ages = _unpacked("Q", fields, "items"), _unpacked("I", fields, "ages")
    if len(ages) < len(items):  # never of our own writing; what has no age counts as just done
        ages += array("I", bytes(4 * (len(items) - len(ages))))
    return {
        "items": tuple(items),
        "ages": tuple(age * _AGE_UNIT for age in ages[: len(items)]),
        "plain": max(0, fields.whole("plain", 0)),
        "plain_age": fields.length("plain_age", None),
        "again": tuple(_unpacked("Q", fields, "again")),
        "again_times": max(0, fields.whole("again_times", 0)),
        "again_last": _stamp(fields.inside("again_last")),
        "last": fields.texts("last")[-_TEXTS_SHOWN:],
        "note": _stamp(fields.inside("note")),
    }


def item_text(item: str) -> str:
    """An item's name as every process must see it: on one line, and text that every store takes."""
    return sound(_CONTROL.sub(" ", item).strip())


def sound(text: str) -> str:
    """The text without halves of surrogate pairs, which Firestore refuses with all that is with them."""
    return text.encode("utf-8", "replace").decode("utf-8")


def digest_of(item: str) -> int:
    """An item as a number of 64 bits: of 100,000 items two share one with a chance of 1 in 3,000,000,000."""
    return int.from_bytes(_digest(item), "big")


def shared_run_id(operation: str, key: str) -> str:
    """The id of the run that an operation's key opens, the same on every host; readable, and fit for a document."""
    slug = re.sub(r"[^A-Za-z0-9-]+", "-", key).strip("-")[:40]
    digest = _digest(f"{operation}\0{key}").hex()
    return quote(f"{slug}-{digest}" if slug else digest)


def listings(run: str, names: Iterable[str]) -> list[Listing]:
    """The names of a run's items in lots. The same names give the same lots, from whichever process."""
    kept = list(names)
    lots = [tuple(kept[begin : begin + _NAMES_TOGETHER]) for begin in range(0, len(kept), _NAMES_TOGETHER)]
    return [Listing(f"{run}.items.{_digest_of_all(lot)}", run, number, lot) for number, lot in enumerate(lots)]


def _digest_of_all(names: tuple[str, ...]) -> str:
    return _digest("\n".join(names)).hex()


def _digest(text: str) -> bytes:
    from hashlib import blake2b  # loads OpenSSL, which a process without a shared run does not need

    return blake2b(text.encode(), digest_size=8).digest()


def _packed(kind: str, numbers: Iterable[int]) -> str:
    """Numbers as text. Not bytes: SQLite's documents are JSON, and one form is enough."""
    return base64.b64encode(_big_endian(array(kind, numbers)).tobytes()).decode("ascii")


def _unpacked(kind: str, fields: Fields, name: str) -> array[int]:
    numbers = array(kind)
    text = fields.text(name, "", 2 * PART_ITEMS * 16)
    try:
        numbers.frombytes(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError):
        raise RecordError("part", [f"{name} must be numbers in base64"]) from None
    return _big_endian(numbers)


def _big_endian(numbers: array[int]) -> array[int]:
    if sys.byteorder == "little":
        numbers.byteswap()
    return numbers


def _stamp_document(stamp: Stamp | None) -> dict[str, Any] | None:
    return None if stamp is None else {"text": stamp.text, "age": stamp.age}


def _stamp(fields: Fields | None) -> Stamp | None:
    if fields is None:
        return None
    return Stamp(fields.text("text", "", TEXT_LIMIT), fields.length("age", 0.0))
