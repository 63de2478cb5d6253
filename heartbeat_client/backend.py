"""What the sender asks of a store, and what a store answers: the write side's interface, kept by `stores/`.

Every call is bounded by the backend's own timeout and never retried inside: the sender owns the pace.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from .parts import Listing, Part
from .run import Run

__all__ = ["Backend", "Conflict", "PartWrite", "Refused", "StoreAway", "StoreRefused", "Stored", "Write", "Written"]


class StoreAway(Exception):
    """The store did not answer, or said that it can't now: worth another try later, over a new connection."""


class StoreRefused(Exception):
    """The store will refuse until a person acts (rights, database, settings); the text says what to do."""


@dataclass(frozen=True)
class Write:
    """The record as it should be. version: what the last write or read of it gave; None: it must not exist yet."""

    run: Run
    version: Any = None


@dataclass(frozen=True)
class PartWrite:
    """A part of a shared run as it should be. version: as in `Write`."""

    part: Part | Listing
    version: Any = None


@dataclass(frozen=True)
class Written:
    """The write holds. server_time: the store's clock when it was applied."""

    version: Any
    server_time: datetime


@dataclass(frozen=True)
class Conflict:
    """The record is not at the expected version: it exists already, was changed by another, or is gone."""


@dataclass(frozen=True)
class Refused:
    """This one record is refused for what is in it; others of the same commit are not touched by that."""

    why: str


@dataclass(frozen=True)
class Stored:
    """What a read found. document None: there is none. server_time: the store's clock at the read."""

    document: Mapping[str, Any] | None
    version: Any
    server_time: datetime


class Backend(Protocol):
    """One store's write side. Used by one thread at a time; a forked child makes its own."""

    def commit(self, writes: Sequence[Write | PartWrite]) -> Sequence[Written | Conflict | Refused]:
        """Write each record whole, or not at all; one answer for each, in order.

        `beat_at` of a record is always set to the store's own time; `ended_at` too where the record's state is an ended
        one and its `ended_at` is not None. A record without `due_at` loses the stored one. `written_at` of a part is
        always set to the store's own time.
        Raises StoreAway (nothing is known of any of the writes) or StoreRefused.
        """

    def read_run(self, run_id: str) -> Stored:
        """The stored record of a run. Raises StoreAway or StoreRefused."""

    def read_part(self, part_id: str) -> Stored:
        """The stored part of a shared run. Raises StoreAway or StoreRefused."""

    def read_operation(self, operation: str) -> Stored:
        """What the watchdog keeps of an operation, and the store's time. Raises StoreAway or StoreRefused."""

    def close(self) -> None:
        """Let go of connections; never raises, never waits long."""
