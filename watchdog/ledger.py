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

__all__ = ["WATCHDOG", "Held", "Ledger", "RunRecord", "SweepState", "Written", "creation", "has_expired", "run_record"]

WATCHDOG = "hangwatch_watchdog"
STATE_ID = "sweep"
SNOOZES_ID = "snoozes"
STANDING = (STATE_ID, SNOOZES_ID)
LATELY = timedelta(minutes=15)
ASKED_TOGETHER = 30  # as many as a `Where` takes

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
class Written:
    """Records of runs that were written since an instant. living: those that run. over: all others."""

    living: list[RunRecord]
    over: list[RunRecord]


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
        return _standing(self.store.get(WATCHDOG, STANDING))

    def standing_now(self) -> tuple[datetime, Held[SweepState], Held[Snoozes]]:
        """The server's clock, and what stands, in one request."""
        now, found = self.store.get_now(WATCHDOG, STANDING)
        return (now, *_standing(found))

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
        back = [run_record(one) for one in documents if _has_ended(one) and one.fields.get("revived_at") is not None]
        return _living(documents, now) + back

    def running(self, now: datetime) -> list[RunRecord]:
        """All runs that say they run."""
        return _living(self.store.find(RUNS, Where("state", "==", RUNNING)), now)

    def written_since(self, instant: datetime, now: datetime, limit: int) -> Written:
        """Runs that their clients wrote after an instant, those that ended too; the first of `limit`."""
        documents = self.store.find(RUNS, Where("beat_at", ">", instant), limit)
        living = _living((one for one in documents if one.fields.get("state") == RUNNING), now)
        known = {record.id for record in living}
        return Written(living, [run_record(document) for document in documents if document.id not in known])

    def everything(self, now: datetime) -> list[RunRecord]:
        """All runs that have not ended, a stranger's record without a state among them: reads the whole collection."""
        return _living(self.store.find(RUNS), now)

    def ended_since(self, instant: datetime, limit: int) -> list[Run]:
        """Runs that ended after an instant, the first to end first."""
        found = self.store.find(RUNS, Where("ended_at", ">", instant), limit)
        return [run for document in found if (run := run_record(document).readable) is not None]

    def all_runs(self) -> list[RunRecord]:
        """All records of runs, ended ones too."""
        return [run_record(document) for document in self.store.find(RUNS)]

    def runs(self, ids: Iterable[str]) -> dict[str, RunRecord]:
        """The runs with these ids, as far as they exist."""
        wanted = sorted(set(ids))
        found = self.store.get(RUNS, wanted) if wanted else {}
        return {run_id: run_record(document) for run_id, document in found.items()}

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

    def episodes_of(self, run_ids: Iterable[str]) -> dict[str, list[Held[Incident]]]:
        """The same of each of these runs, in few requests; an empty list for one that never had an incident."""
        wanted = sorted(set(run_ids))
        found: dict[str, list[Held[Incident]]] = {run_id: [] for run_id in wanted}
        for begin in range(0, len(wanted), ASKED_TOGETHER):
            asked = Where("run_id", "in", wanted[begin : begin + ASKED_TOGETHER])
            for held in _read(self.store.find(INCIDENTS, asked), Incident.from_document):
                found.setdefault(held.value.run_id, []).append(held)
        return {run_id: sorted(episodes, key=lambda held: held.value.episode) for run_id, episodes in found.items()}

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
        """Change a notice; as it is held now, None when another sweep was first."""
        after = self.store.put(Replace(NOTICES, notice.id, notice.to_document(), version))
        return None if after is None else Held(notice, after)

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


def _standing(found: Mapping[str, Document]) -> tuple[Held[SweepState], Held[Snoozes]]:
    state, snoozes = found.get(STATE_ID), found.get(SNOOZES_ID)
    return (
        Held(SweepState.from_document(state.fields), state.version) if state else Held(SweepState(), None),
        Held(Snoozes.from_document(snoozes.fields), snoozes.version) if snoozes else Held(Snoozes(), None),
    )


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


def run_record(document: Document) -> RunRecord:
    """A run as it is stored."""
    try:
        run: Run | RecordError = Run.from_document(document.id, document.fields)
    except RecordError as error:
        run = error
    return RunRecord(document.id, run, document.version)


def _living(documents: Iterable[Document], now: datetime) -> list[RunRecord]:
    # Firestore deletes what has expired within a day of it, and lists it until then.
    records = (run_record(document) for document in documents if not _has_ended(document))
    return [record for record in records if not has_expired(record, now)]


def _has_ended(document: Document) -> bool:
    return str(document.fields.get("state")) in ENDED


def has_expired(record: RunRecord, now: datetime) -> bool:
    """Whether the store may have deleted it by now."""
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
