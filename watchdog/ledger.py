"""Runs, incidents and notices as a sweep handles them, over a `Store` of documents.

Every change is a compare-and-set: of two sweeps that change the same thing one is first, and the other is told so.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

from heartbeat_client.fields import Fields, RecordError
from heartbeat_client.run import ENDED, RUNNING, RUNS, Run

from .doubt import Doubt
from .incident import EDITED, INCIDENTS, KEPT_FOR, RESOLVED, Incident
from .notice import NOTICES, Notice
from .ports import Create, Delete, Document, Replace, Store, Where
from .snooze import Snoozes

__all__ = ["WATCHDOG", "Held", "Ledger", "RunRecord", "SweepState", "creation"]

WATCHDOG = "hangwatch_watchdog"
STATE_ID = "sweep"
SNOOZES_ID = "snoozes"
LATELY = timedelta(minutes=15)

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
    """What one sweep leaves to the next. last_live_at: when all live runs were last read for their figures."""

    last_sweep_at: datetime | None = None
    last_audit_at: datetime | None = None
    last_full_audit_at: datetime | None = None
    last_live_at: datetime | None = None
    doubt: Doubt | None = None
    report: Mapping[str, Any] = field(default_factory=dict)

    @property
    def doubt_until(self) -> datetime | None:
        """Until when `silent` verdicts are held, None without doubt."""
        return self.doubt.until if self.doubt else None

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> SweepState:
        """Read back; what is not as expected counts as never."""
        fields = Fields(document)
        read = {name: fields.instant(name, None) for name in _MARKS}
        return cls(**read, doubt=Doubt.from_document(fields.mapping("doubt")), report=fields.mapping("report") or {})

    def to_document(self) -> dict[str, Any]:
        """The state as plain values."""
        marks = {name: getattr(self, name) for name in _MARKS}
        return {**marks, "doubt": self.doubt.to_document() if self.doubt else None, "report": dict(self.report)}


_MARKS = ("last_sweep_at", "last_audit_at", "last_full_audit_at", "last_live_at")


class Ledger:
    """Typed access to the four collections. Raises `StoreError` from the store; unreadable records raise nothing."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def now(self) -> datetime:
        """The store's server's clock."""
        return self.store.now()

    def standing(self) -> tuple[Held[SweepState], Held[Snoozes]]:
        """What the sweeps before left, and the quiet that people asked for."""
        found = self.store.get(WATCHDOG, [STATE_ID, SNOOZES_ID])
        state, snoozes = found.get(STATE_ID), found.get(SNOOZES_ID)
        return (
            Held(SweepState.from_document(state.fields), state.version) if state else Held(SweepState(), None),
            Held(Snoozes.from_document(snoozes.fields), snoozes.version) if snoozes else Held(Snoozes(), None),
        )

    def state(self) -> Held[SweepState]:
        """What the sweeps before left."""
        return self.standing()[0]

    def save_state(self, state: SweepState, version: Any) -> bool:
        """Keep what the next sweep must know; False when another sweep was first, which is fine."""
        return self.store.commit([_whole(WATCHDOG, STATE_ID, state.to_document(), version)])

    def save_snoozes(self, snoozes: Snoozes, version: Any) -> bool:
        """Keep the quiet that people asked for; False when somebody else was first."""
        return self.store.commit([_whole(WATCHDOG, SNOOZES_ID, snoozes.to_document(), version)])

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

    def lately_resolved(self, now: datetime) -> list[Incident]:
        """Incidents that were resolved within the last quarter of an hour."""
        since = now + KEPT_FOR - LATELY
        return [
            held.value
            for held in _read(self.store.find(INCIDENTS, Where("expires_at", ">", since)), Incident.from_document)
        ]

    def incidents(self, ids: Iterable[str]) -> dict[str, Held[Incident]]:
        """The incidents with these ids, as far as they exist."""
        found = self.store.get(INCIDENTS, sorted(set(ids)))
        return {held.value.id: held for held in _read(list(found.values()), Incident.from_document)}

    def episodes(self, run_id: str) -> list[Held[Incident]]:
        """All incidents of one run, oldest first."""
        found = _read(self.store.find(INCIDENTS, Where("run_id", "==", run_id)), Incident.from_document)
        return sorted(found, key=lambda held: held.value.episode)

    def open_notices(self) -> list[Held[Notice]]:
        """Notices that still have to be sent, the oldest first; of those made at once, endings first and edits last."""
        found = _read(self.store.find(NOTICES, Where("open", "==", True)), Notice.from_document)
        return sorted(found, key=lambda held: (held.value.made_at, *_rank(held.value), held.value.id))

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
        writes: list[Create | Replace | Delete] = [
            _whole(INCIDENTS, held.value.id, held.value.to_document(), held.version) for held in incidents
        ]
        writes += [creation(notice) for notice in notices]
        writes += [Replace(RUNS, record.id, {"due_at": None}, record.version) for record in given_up]
        return self.store.commit(writes)


def _rank(notice: Notice) -> tuple[bool, bool]:
    return (notice.kind == EDITED, notice.kind != RESOLVED)


def creation(notice: Notice) -> Create:
    """The write that makes a notice."""
    return Create(NOTICES, notice.id, notice.to_document())


def _whole(collection: str, document_id: str, fields: Mapping[str, Any], version: Any) -> Create | Replace:
    """The write of a whole document; version None: it must not exist yet."""
    if version is None:
        return Create(collection, document_id, fields)
    return Replace(collection, document_id, fields, version)


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
