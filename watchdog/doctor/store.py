"""The doctor's look at the store: whether it answers, and whether we may do in it all that a sweep does."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from datetime import datetime

from heartbeat_client.lengths import spoken
from heartbeat_client.parts import PARTS
from heartbeat_client.run import OPERATIONS, RUNNING, RUNS

from ..adapters.store_rules import QUERIED
from ..incident import INCIDENTS
from ..ledger import WATCHDOG
from ..notice import NOTICES
from ..ports import Create, Delete, Replace, Store, Where
from .findings import Finding, failed, well
from .trials import Trial

__all__ = ["store_trials"]

COLLECTIONS = (RUNS, PARTS, OPERATIONS, INCIDENTS, NOTICES, WATCHDOG)
CLOCK_TOLERANCE = 5.0

# What is no instant among the fields that are asked for.
ASKED: dict[str, Where] = {
    "open": Where("open", "==", True),
    "state": Where("state", "==", RUNNING),
    "run_id": Where("run_id", "==", "doctor"),
    "by_operation": Where("by_operation", "<", "doctor"),
}


def store_trials(store: Store, name: str, clock: Callable[[], datetime]) -> Iterator[tuple[str, Trial]]:
    """The parts, in a sensible order. name: the store's address. clock: this machine's."""
    yield "store", lambda: [_answers(store, name)]
    yield "read", lambda: [_read(store)]
    yield "queries", lambda: [_queries(store)]
    yield "write", lambda: [_write(store)]
    yield "clock", lambda: [_clock(store, clock)]


def _answers(store: Store, name: str) -> Finding:
    store.now()
    store.get(WATCHDOG, ["doctor"])  # SQLite's clock is this machine's, and tells nothing of the file
    return well("store", f"{name} answers")


def _read(store: Store) -> Finding:
    for collection in COLLECTIONS:
        store.find(collection, limit=1)
    running = len(store.find(RUNS, Where("state", "==", RUNNING)))
    return well("read", f"{len(COLLECTIONS)} collections; {running} runs say they are running")


def _queries(store: Store) -> Finding:
    now = store.now()
    for collection, field in QUERIED:
        store.find(collection, ASKED.get(field, Where(field, "<=", now)), limit=1)
    return well("queries", f"each of the {len(QUERIED)} queries of a sweep was answered")


def _write(store: Store) -> Finding:
    trial = f"doctor-{secrets.token_hex(4)}"
    if not store.commit([Create(WATCHDOG, trial, {"made_by": "doctor"})]):
        return failed("write", "a new document could not be made", "is another doctor at work? try again")
    try:
        made = store.get(WATCHDOG, [trial])[trial]
        changed = store.commit([Replace(WATCHDOG, trial, {"made_by": "the doctor"}, made.version)])
        again = store.commit([Replace(WATCHDOG, trial, {"made_by": "nobody"}, made.version)])
    finally:
        store.commit([Delete(WATCHDOG, trial)])
    if not changed or again:
        what = "an old version was overwritten" if again else "a document was not changed"
        return failed("write", f"{what}, so two sweeps would tell twice", "is that a store of Hangwatch's?")
    if store.get(WATCHDOG, [trial]):
        return failed("write", "a document could not be deleted", f"delete {WATCHDOG}/{trial}, and mend the rights")
    return well("write", "made, changed and deleted a document; an old version was refused")


def _clock(store: Store, clock: Callable[[], datetime]) -> Finding:
    asked = clock()
    stored, answered = store.now(), clock()
    here = asked + (answered - asked) / 2
    ahead = (stored - here).total_seconds()
    if abs(ahead) <= CLOCK_TOLERANCE:
        return well("clock", f"within {spoken(abs(ahead))} of the store's")
    side = "behind" if ahead > 0 else "ahead of"
    # Verdicts go by the store's clock alone, so this does no harm; links and logs of this machine would mislead.
    return failed("clock", f"this machine is {spoken(abs(ahead))} {side} the store", "set its clock")
