"""How Firestore keeps the fields that are queried or that expire, and what of it is not as it must be.

Owns the rules by which a field inherits its indexes. Whoever asks the database and changes it is a `FieldAdmin`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

__all__ = [
    "ACTIVE",
    "ALL_FIELDS",
    "ALL_GROUPS",
    "ASCENDING",
    "CREATING",
    "DESCENDING",
    "NEEDS_REPAIR",
    "READY",
    "Database",
    "FieldAdmin",
    "FieldSetting",
    "State",
    "index_of",
    "indexes_everything",
    "ttl_of",
]

ALL_FIELDS = "*"
ALL_GROUPS = "__default__"
ASCENDING = "ascending"
DESCENDING = "descending"

State = Literal["creating", "ready", "active", "needs repair"]
CREATING: State = "creating"
READY: State = "ready"
ACTIVE: State = "active"
NEEDS_REPAIR: State = "needs repair"


@dataclass(frozen=True)
class FieldSetting:
    """What was set for one field of a collection group; `*`: for all its fields without a setting of their own.

    indexes: pairs of an order (`ascending`, `descending`, `contains`) and its state; None where they are inherited,
    empty where there are none. ttl: the state of its TTL policy, None without one.
    """

    collection: str
    field: str
    indexes: tuple[tuple[str, State], ...] | None = None
    ttl: State | None = None


@dataclass(frozen=True)
class Database:
    """A database. native: whether it speaks Firestore's own API. location: where it is, as Google names it."""

    native: bool
    location: str


class FieldAdmin(Protocol):
    """Whoever can read and change the settings of fields. Each method raises `StoreError`, within a bounded time."""

    @property
    def name(self) -> str:
        """Which database, for people."""

    def database(self) -> Database:
        """What kind of database this is."""

    def settings(self, collection: str) -> list[FieldSetting]:
        """The fields of a collection group that have settings of their own; `ALL_GROUPS`: the database's defaults."""

    def mend(self, collection: str, field: str, *, index: bool, ttl: bool) -> None:
        """Begin to build a field's ascending and descending index, to apply a TTL policy on it, or both.

        It goes on by itself, and as long as it does no other change of the field is taken.
        """


def index_of(settings: Sequence[FieldSetting], collection: str, field: str, downwards: bool = False) -> State | None:
    """The state of a field's ascending index, or of its descending one; None where it has none."""
    indexes = _indexes(settings, collection, field)
    return READY if indexes is None else dict(indexes).get(DESCENDING if downwards else ASCENDING)


def ttl_of(settings: Iterable[FieldSetting], collection: str, field: str) -> State | None:
    """The state of a field's TTL policy; None where it has none."""
    found = (one.ttl for one in settings if (one.collection, one.field) == (collection, field))
    return next(found, None)


def indexes_everything(settings: Sequence[FieldSetting], collection: str) -> bool:
    """Whether fields of the collection without a setting of their own are indexed."""
    indexes = _indexes(settings, collection, ALL_FIELDS)
    return indexes is None or bool(indexes)


def _indexes(settings: Sequence[FieldSetting], collection: str, field: str) -> tuple[tuple[str, State], ...] | None:
    # Firestore's order: the field itself, then the collection group's `*`, then the database's; else all are indexed.
    for place in ((collection, field), (collection, ALL_FIELDS), (ALL_GROUPS, ALL_FIELDS)):
        found = [one for one in settings if (one.collection, one.field) == place and one.indexes is not None]
        if found:
            return found[0].indexes
    return None
