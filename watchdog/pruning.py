"""Deleting what has expired, for stores without TTL of their own and for those who don't want to wait a day for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from heartbeat_client.parts import PARTS
from heartbeat_client.run import RUNS

from .incident import INCIDENTS
from .notice import NOTICES
from .ports import Delete, Store, Where

__all__ = ["prune_expired", "prune_runs"]

CHUNK = 200


def prune_expired(store: Store, *, dry_run: bool = False, limit: int = 100_000) -> Iterator[tuple[str, int]]:
    """Delete expired records of each collection; yields the collection and how many. Raises `StoreError`."""
    now = store.now()
    for collection in (RUNS, PARTS, INCIDENTS, NOTICES):
        ids = [document.id for document in store.find(collection, Where("expires_at", "<=", now), limit)]
        if not dry_run:
            _delete(store, collection, ids)
        yield collection, len(ids)


def prune_runs(store: Store, ids: Sequence[str], *, dry_run: bool = False) -> list[str]:
    """Delete the runs named, whatever they hold, with their parts; returns those there were. Raises `StoreError`."""
    found = list(store.get(RUNS, ids))
    if not dry_run:
        for run_id in found:
            _delete(store, PARTS, [part.id for part in store.find(PARTS, Where("run", "==", run_id), 100_000)])
        _delete(store, RUNS, found)
    return found


def _delete(store: Store, collection: str, ids: Sequence[str]) -> None:
    for begin in range(0, len(ids), CHUNK):
        store.commit([Delete(collection, one) for one in ids[begin : begin + CHUNK]])
