"""A record at the store that is not as the last write left it: whose is it, and may this run still be written?"""

from __future__ import annotations

from enum import Enum

from .backend import Stored
from .identity import Identity
from .live import LiveRun
from .run import RecordError, Run

__all__ = ["Whose", "whose"]


class Whose(Enum):
    """What the stored record is to the run."""

    NOBODYS = "there is none: create it again"
    OURS = "this run's, of a write whose answer was lost, or changed by the watchdog: go on from there"
    GIVEN_UP = "this run's, and the watchdog had given it up as lost: go on, and say that it lives"
    ENDED = "this run's, and it has ended: a late write must not revive it"
    STRANGERS = "another run's that has the same id"


def whose(stored: Stored, live: LiveRun, identity: Identity) -> Whose:
    """Decide by the stored record whose it is."""
    if stored.document is None:
        return Whose.NOBODYS
    try:
        record = Run.from_document(live.id, stored.document)
    except RecordError:
        return Whose.STRANGERS
    if not _ours(record, live, identity):
        return Whose.STRANGERS
    if record.ended:
        return Whose.ENDED
    return Whose.OURS if record.due_at is not None else Whose.GIVEN_UP


def _ours(record: Run, live: LiveRun, identity: Identity) -> bool:
    # The instance is compared where both know it: the metadata server may not have answered at first.
    instances = {name for name in (record.instance, identity.instance) if name}
    same_process = (record.pid, record.host) == (identity.pid, identity.host) and len(instances) < 2
    return same_process and record.started_at in live.outgoing.claims
