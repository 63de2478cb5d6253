"""What a sweep needs from outside: a `Store` of documents and `Channel`s to people. Adapters keep these promises.

A store is documents in collections, changed by compare-and-set. Transactions are left out on purpose: on Firestore's
emulator 1 of 100 contended ones succeeded, in 51 s, where create and compare-and-set gave 100 of 100 in 2 s.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol, runtime_checkable

from .message import Message

__all__ = [
    "Channel",
    "Create",
    "Delete",
    "DeliveryError",
    "Document",
    "Meter",
    "Reading",
    "Receipt",
    "Replace",
    "Store",
    "StoreError",
    "Telltale",
    "ThreadedChannel",
    "Where",
]


class StoreError(Exception):
    """The store can't be used: who, expected, got, what to do. `away`: it may answer by itself later."""

    def __init__(self, text: str, *, away: bool = False) -> None:
        self.away = away
        super().__init__(text)


class DeliveryError(Exception):
    """A notice could not be delivered.

    permanent: sending it again can't help until a person acts. maybe_delivered: the channel took it but never answered.
    retry_after: seconds that the channel asked us to wait, None when it did not say.
    """

    def __init__(
        self, text: str, *, permanent: bool, maybe_delivered: bool = False, retry_after: float | None = None
    ) -> None:
        self.permanent = permanent
        self.maybe_delivered = maybe_delivered
        self.retry_after = retry_after
        super().__init__(text)


@dataclass(frozen=True)
class Document:
    """One stored document. version: opaque; it changes with each change, and is never used again for the same id."""

    id: str
    fields: Mapping[str, Any]
    version: Any


@dataclass(frozen=True)
class Where:
    """A condition on one top-level field, so that an index that Firestore keeps by itself serves it.

    `==` compares text or true/false; `in` is `==` with any of a sequence of 1 to 30 texts; `<=`, `>` and `<` compare
    instants, or texts by their characters. `<` gives the nearest first, so that the last one before is one read. A
    document without the field, or with a value of another kind in it, never matches; no field is asked for both by
    instants and by texts.
    """

    field: str
    compare: Literal["==", "in", "<=", ">", "<"]
    value: Any


@dataclass(frozen=True)
class Create:
    """Make a document that must not exist yet."""

    collection: str
    id: str
    fields: Mapping[str, Any]


@dataclass(frozen=True)
class Replace:
    """Set the given top-level fields (others stay; None takes a field away) of a document still at `version`.

    `fields` never empty; nested maps are replaced whole.
    """

    collection: str
    id: str
    fields: Mapping[str, Any]
    version: Any


@dataclass(frozen=True)
class Delete:
    """Delete a document, whatever its version; one that is gone already is fine."""

    collection: str
    id: str


class Store(Protocol):
    """Documents in collections. Each method raises `StoreError`, within a bounded time, if the store can't be used."""

    def now(self) -> datetime:
        """The store's server's clock, UTC."""

    def get(self, collection: str, ids: Sequence[str]) -> dict[str, Document]:
        """The documents with these ids; those that do not exist are not in the answer."""

    def get_now(self, collection: str, ids: Sequence[str]) -> tuple[datetime, dict[str, Document]]:
        """What `now` and `get` say, in one request; at least one id."""

    def find(self, collection: str, where: Where | None = None, limit: int = 10_000) -> list[Document]:
        """Documents that match, in the order of the field, for `==` and `in` of their ids; all without a condition."""

    def commit(self, writes: Sequence[Create | Replace | Delete]) -> bool:
        """Apply all writes or none. False: one of them found that somebody else was first."""

    def put(self, write: Create | Replace) -> Any | None:
        """Apply one write; the version that the document is at now. None: somebody else was first."""

    def close(self) -> None:
        """Let go of connections."""


@dataclass(frozen=True)
class Receipt:
    """What a channel gave back: a reference to the message where it has one, for later edits and threads."""

    reference: str = ""


class Channel(Protocol):
    """Where notices go."""

    name: str

    def send(self, message: Message, *, seconds: float) -> Receipt:
        """Deliver one message, spending at most `seconds`. Raises `DeliveryError`."""


@runtime_checkable
class ThreadedChannel(Channel, Protocol):
    """A channel on which what was said can be changed, and answered below it."""

    def reply(self, thread: str, message: Message, *, seconds: float, aloud: bool) -> Receipt:
        """Say it below the message that `thread` refers to; aloud: in the channel as well. Raises `DeliveryError`."""

    def edit(self, reference: str, message: Message, *, seconds: float) -> None:
        """Make the message that `reference` refers to say this now. Raises `DeliveryError`."""


@dataclass(frozen=True)
class Reading:
    """One figure of one metric at the instant of a sweep. metric: its name among `measures.METRICS`."""

    metric: str
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)


class Meter(Protocol):
    """Where figures go, for graphs and for alerts that others raise."""

    name: str

    def write(self, readings: Sequence[Reading], at: datetime, *, seconds: float) -> None:
        """Record them all, spending at most `seconds`. Raises `DeliveryError`."""


class Telltale(Protocol):
    """Whoever raises the alarm when this watchdog itself falls silent."""

    name: str

    def began(self, *, seconds: float) -> None:
        """A sweep begins. Raises `DeliveryError`."""

    def done(self, said: str, *, seconds: float) -> None:
        """A sweep is complete. Raises `DeliveryError`."""

    def failed(self, said: str, *, seconds: float) -> None:
        """A sweep could not do its work. Raises `DeliveryError`."""
