"""A store that counts what is read from it, as Firestore counts for its bill."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from ..ports import Create, Delete, Document, Replace, Store, Where

__all__ = ["MeteredStore"]


class MeteredStore:
    """A `Store` over another. reads: documents read so far.

    Source of the rules: "Understand Cloud Firestore billing": each document read counts, one that does not exist too,
    and a query that finds nothing counts as one.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self.reads = 0

    def now(self) -> datetime:
        """See `Store.now`."""
        self.reads += 1
        return self._store.now()

    def get(self, collection: str, ids: Sequence[str]) -> dict[str, Document]:
        """See `Store.get`."""
        self.reads += len(set(ids))
        return self._store.get(collection, ids)

    def get_now(self, collection: str, ids: Sequence[str]) -> tuple[datetime, dict[str, Document]]:
        """See `Store.get_now`."""
        self.reads += len(set(ids))
        return self._store.get_now(collection, ids)

    def find(self, collection: str, where: Where | None = None, limit: int = 10_000) -> list[Document]:
        """See `Store.find`."""
        found = self._store.find(collection, where, limit)
        self.reads += max(1, len(found))
        return found

    def commit(self, writes: Sequence[Create | Replace | Delete]) -> bool:
        """See `Store.commit`."""
        return self._store.commit(writes)

    def put(self, write: Create | Replace) -> Any | None:
        """See `Store.put`."""
        return self._store.put(write)

    def close(self) -> None:
        """See `Store.close`."""
        self._store.close()
