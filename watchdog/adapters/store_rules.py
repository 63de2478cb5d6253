"""What both stores of the watchdog keep to: the queries there are, what a commit may hold, how trouble is told."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

from heartbeat_client.backend import StoreAway, StoreRefused
from heartbeat_client.parts import PARTS
from heartbeat_client.run import RUNS

from ..incident import INCIDENTS
from ..notice import NOTICES
from ..ports import Create, Delete, Replace, StoreError, Where

__all__ = ["MAX_WRITES", "MOST_TEXTS", "QUERIED", "check_commit", "check_query", "told_as_store_error"]

# Every field that is asked for, and so needs its single-field index. `deploy/` takes the index of all others away:
# each costs latency and storage, and one on a time that only grows limits a collection to 500 writes a second.
# `by_operation` is asked for in both directions, and so needs the descending index beside the ascending one.
QUERIED = (
    (RUNS, "due_at"),
    (RUNS, "state"),
    (RUNS, "beat_at"),
    (RUNS, "expires_at"),
    (RUNS, "ended_at"),
    (PARTS, "run"),
    (PARTS, "expires_at"),
    (RUNS, "by_operation"),
    (INCIDENTS, "open"),
    (INCIDENTS, "run_id"),
    (INCIDENTS, "expires_at"),
    (NOTICES, "open"),
    (NOTICES, "expires_at"),
)

# Firestore's documented limit for the values of one `in`.
MOST_TEXTS = 30

# Firestore's documented limit for one commit was 500 for years, and its emulator does not check it.
MAX_WRITES = 400


def check_query(collection: str, where: Where | None) -> None:
    """Raise ValueError for a query without an index, which a store would answer slowly or not at all."""
    if where is not None and (collection, where.field) not in QUERIED:
        raise ValueError(
            f"{collection}.{where.field}: expected a field that is queried; add it to QUERIED, and deploy that"
        )
    if where is not None and where.compare == "in" and not 0 < len(where.value) <= MOST_TEXTS:
        raise ValueError(
            f"{collection}.{where.field}: expected 1 to {MOST_TEXTS} texts, got {len(where.value)}; ask in parts"
        )


def check_commit(writes: Sequence[Create | Replace | Delete]) -> None:
    """Raise ValueError for a commit that one of the stores could not keep atomic."""
    if len(writes) > MAX_WRITES:
        raise ValueError(
            f"commit: expected at most {MAX_WRITES} writes, got {len(writes)}; split it where it may be split"
        )
    documents = {(write.collection, write.id) for write in writes}
    if len(documents) < len(writes):
        raise ValueError("commit: expected one write for a document, got two for the same; put them together")
    for write in writes:
        if isinstance(write, Replace) and not write.fields:
            raise ValueError(f"replace of {write.collection}/{write.id}: expected fields to set, got none")


@contextlib.contextmanager
def told_as_store_error() -> Iterator[None]:
    """Raise what the client's half of a store raises as `StoreError`."""
    try:
        yield
    except (StoreAway, StoreRefused) as error:
        raise StoreError(str(error), away=isinstance(error, StoreAway)) from None
