"""Runs, incidents and notices as a sweep handles them, over a `Store` of documents.

Every change is a compare-and-set: of two sweeps that change the same thing one is first, and the other is told so.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar

from heartbeat_client.fields import Fields, RecordError
from heartbeat_client.run import ENDED, RUNNING, RUNS, Run

from .incident import INCIDENTS, RESOLVED, Incident
from .notice import NOTICES, Notice
from .ports import Create, Delete, Document, Replace, Store, Where

__all__ = ["WATCHDOG", "Held", "Ledger", "RunRecord", "SweepState", "creation"]

WATCHDOG = "hangwatch_watchdog"
STATE_ID = "sweep"

log = logging.getLogger("watchdog")

T = TypeVar("T")


@dataclass(frozen=True)
class Held(Generic[T]):
    """A stored thing with the version it was read at; version None: not stored yet."""

    value: T
    version: Any


@dataclass(frozen=True)
class RunRecord:
    """A stored run, readable or not."""

    id: str
    run: Run | RecordError
    version: Any

    @property
    def readable(self) -> Run | None:
        """The run, None where the record can't be read."""
        return self.run if isinstance(self.run, Run) else None


@dataclass(frozen=True)
class SweepState:
    """What one sweep leaves to the next. doubt_until: `silent` verdicts are held until then."""

    last_sweep_at: datetime | None = None
    last_audit_at: datetime | None = None
    last_full_audit_at: datetime | None = None
    doubt_until: datetime | None = None
    report: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> SweepState:
        """Read back; what is not as expected counts as never."""
        fields = Fields(document)
        names = ("last_sweep_at", "last_audit_at", "last_full_audit_at", "doubt_until")
        read = {name: fields.instant(name, None) for name in names}
        return cls(**read, report=fields.mapping("report") or {})


class Ledger:
    """Typed access to the four collections. Raises `StoreError` from the store; unreadable records raise nothing."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def now(self) -> datetime:
        """The store's server's clock."""
        return self.store.now()

    def state(self) -> Held[SweepState]:
        """What the sweeps before left."""
        found = self.store.get(WATCHDOG, [STATE_ID]).get(STATE_ID)
        if found is None:
            return Held(SweepState(), None)
        return Held(SweepState.from_document(found.fields), found.version)

    def save_state(self, state: SweepState, version: Any) -> bool:
        """Keep what the next sweep must know; False when another sweep was first, which is fine."""
        fields = {name: getattr(state, name) for name in SweepState.__dataclass_fields__}
        if version is None:
            return self.store.commit([Create(WATCHDOG, STATE_ID, fields)])
        return self.store.commit([Replace(WATCHDOG, STATE_ID, fields, version)])

    def due(self, now: datetime, limit: int) -> list[RunRecord]:
        """Runs that could be anything but healthy, and ended ones that were called lost; the longest due first."""
        documents = self.store.find(RUNS, Where("due_at", "<=", now), limit)
        back = [_record(one) for one in documents if _has_ended(one) and one.fields.get("revived_at") is not None]
        return _living(documents, now) + back

    def running(self, now: datetime) -> list[RunRecord]:
        """All runs that say they run."""
        return _living(self.store.find(RUNS, Where("state", "==", RUNNING)), now)

    def everything(self, now: datetime) -> list[RunRecord]:
        """All runs that have not ended, a stranger's record without a state among them: reads the whole collection."""
        return _living(self.store.find(RUNS), now)

    def ended_since(self, instant: datetime, limit: int) -> list[Run]:
        """Runs that ended after an instant, the first to end first."""
        found = self.store.find(RUNS, Where("ended_at", ">", instant), limit)
        return [run for document in found if (run := _record(document).readable) is not None]

    def all_runs(self) -> list[RunRecord]:
        """All records of runs, ended ones too."""
        return [_record(document) for document in self.store.find(RUNS)]

    def runs(self, ids: Iterable[str]) -> dict[str, RunRecord]:
        """The runs with these ids, as far as they exist."""
        wanted = sorted(set(ids))
        found = self.store.get(RUNS, wanted) if wanted else {}
        return {run_id: _record(document) for run_id, document in found.items()}

    def open_incidents(self) -> list[Held[Incident]]:
        """Incidents that go on."""
        return _read(self.store.find(INCIDENTS, Where("open", "==", True)), Incident.from_document)

    def incidents(self, ids: Iterable[str]) -> dict[str, Held[Incident]]:
        """The incidents with these ids, as far as they exist."""
        found = self.store.get(INCIDENTS, sorted(set(ids)))
        return {held.value.id: held for held in _read(list(found.values()), Incident.from_document)}

    def episodes(self, run_id: str) -> list[Held[Incident]]:
        """All incidents of one run, oldest first."""
        found = _read(self.store.find(INCIDENTS, Where("run_id", "==", run_id)), Incident.from_document)
        return sorted(found, key=lambda held: held.value.episode)

    def open_notices(self) -> list[Held[Notice]]:
        """Notices that still have to be sent, the oldest first; of those made at once, endings before beginnings."""
        found = _read(self.store.find(NOTICES, Where("open", "==", True)), Notice.from_document)
        return sorted(found, key=lambda held: (held.value.made_at, held.value.kind != RESOLVED, held.value.id))

    def notices(self, ids: Iterable[str]) -> dict[str, Held[Notice]]:
        """The notices with these ids, as far as they exist."""
        wanted = sorted(set(ids))
        found = self.store.get(NOTICES, wanted) if wanted else {}
        return {held.value.id: held for held in _read(list(found.values()), Notice.from_document)}

    def save_notice(self, notice: Notice, version: Any) -> Held[Notice] | None:
        """Change a notice; None when another sweep was first. The version held now has to be read again."""
        if not self.store.commit([Replace(NOTICES, notice.id, notice.to_document(), version)]):
            return None
        return self.notices([notice.id]).get(notice.id)

    def commit(
        self,
        incidents: Sequence[Held[Incident]],
        notices: Sequence[Notice] = (),
        given_up: Sequence[RunRecord] = (),
    ) -> bool:
        """Save incidents and new notices about them, and take `due_at` from runs given up: all of it or nothing."""
        writes: list[Create | Replace | Delete] = [_incident_write(held) for held in incidents]
        writes += [creation(notice) for notice in notices]
        writes += [Replace(RUNS, record.id, {"due_at": None}, record.version) for record in given_up]
        return self.store.commit(writes)


def creation(notice: Notice) -> Create:
    """The write that makes a notice."""
    return Create(NOTICES, notice.id, notice.to_document())


def _incident_write(held: Held[Incident]) -> Create | Replace:
    document = held.value.to_document()
    if held.version is None:
        return Create(INCIDENTS, held.value.id, document)
    return Replace(INCIDENTS, held.value.id, document, held.version)


def _record(document: Document) -> RunRecord:
    try:
        run: Run | RecordError = Run.from_document(document.id, document.fields)
    except RecordError as error:
        run = error
    return RunRecord(document.id, run, document.version)


def _living(documents: Iterable[Document], now: datetime) -> list[RunRecord]:
    # Firestore deletes what has expired within a day of it, and lists it until then.
    records = (_record(document) for document in documents if not _has_ended(document))
    return [record for record in records if not _expired(record, now)]


def _has_ended(document: Document) -> bool:
    return str(document.fields.get("state")) in ENDED


def _expired(record: RunRecord, now: datetime) -> bool:
    run = record.readable
    return run is not None and run.expires_at is not None and run.expires_at <= now


def _read(documents: Iterable[Document], read: Callable[[str, Mapping[str, Any]], T]) -> list[Held[T]]:
    held = []
    for document in documents:
        try:
            held.append(Held(read(document.id, document.fields), document.version))
        except RecordError as error:
            log.error("%s; it is left alone, delete it if it is not yours", error)
    return held
