"""Runs that span processes, as a sweep looks at them: what their parts say, read only where that can change a verdict.

No process beats for a shared run: its record stands as its opener wrote it. So its `due_at` comes round while all is
well; then its parts are read, and if it moved, `due_at` is put off to where it could first be anything but healthy.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime

from heartbeat_client.fields import RecordError
from heartbeat_client.parts import PARTS, Listing, Part, read_part
from heartbeat_client.run import RUNS, Run, due_at, expires_at
from heartbeat_client.run_parts import plain

from .ledger import RunRecord
from .policy import Policy
from .ports import Document, Replace, Store, Where
from .tally import tallied

__all__ = ["PARTS_LIMIT", "follow", "shown"]

# A part a process: more only where a process is started for each item. 20,000 cost half a cent to read.
PARTS_LIMIT = 20_000

log = logging.getLogger("watchdog")


def follow(
    store: Store, records: Mapping[str, RunRecord], policy: Policy, now: datetime, always: Collection[str] = ()
) -> dict[str, RunRecord]:
    """The records of a sweep, those of shared runs that are due with what their parts say; others as they are.

    always: ids of runs whose parts are read though they are not due, such as those of open incidents. A shared run that
    is well has its `due_at` put off at the store, by compare-and-set: whoever opens or ends it meanwhile is first.
    Raises `StoreError`.
    """
    followed = dict(records)
    for run_id, record in records.items():
        if _asked(record, policy, now, always):
            followed[run_id] = _put_off(store, _added_up(store, record), policy, now)
    return followed


def shown(store: Store, records: Mapping[str, RunRecord]) -> dict[str, RunRecord]:
    """The records as people are to see them: every shared run with what its parts say. Raises `StoreError`."""
    return {run_id: _added_up(store, record) for run_id, record in records.items()}


def _asked(record: RunRecord, policy: Policy, now: datetime, always: Collection[str]) -> bool:
    run = record.readable
    if run is None or not run.shared:
        return False
    due = due_at(policy.applied(run))
    # Parts only say that it moved later than its record knows: what is well without them is well.
    return record.id in always or (due is not None and due <= now)


def _added_up(store: Store, record: RunRecord) -> RunRecord:
    run = record.readable
    if run is None or not run.shared:
        return record
    documents = store.find(PARTS, Where("run", "==", record.id), PARTS_LIMIT)
    parts = [part for document in documents if (part := _read(document)) is not None]
    return replace(record, run=tallied(run, parts, partial=len(documents) >= PARTS_LIMIT))


def _read(document: Document) -> Part | Listing | None:
    try:
        return read_part(document.id, document.fields)
    except RecordError as error:
        log.error("%s; it is not counted, delete it if it is not yours", error)
        return None


def _put_off(store: Store, record: RunRecord, policy: Policy, now: datetime) -> RunRecord:
    run = record.readable
    due = None if run is None else due_at(policy.applied(run))
    if run is None or due is None or due <= now or (run.due_at is not None and run.due_at > now):
        return record
    run = replace(run, due_at=due)
    store.commit([Replace(RUNS, record.id, _news(run), record.version)])
    return replace(record, run=run)


def _news(run: Run) -> dict[str, object]:
    """What the record is to know of its parts, so that `due_at` follows from the record alone."""
    return {
        "due_at": run.due_at,
        "moved_at": run.moved_at,
        "progress": plain(run.progress),
        "expires_at": expires_at(run),
    }
