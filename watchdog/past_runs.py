"""The runs that have ended, read from a store part by part, so that one who waits sees how it goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from heartbeat_client.fields import RecordError
from heartbeat_client.run import RUNS, Run

from .ports import Document, Store, Where

__all__ = ["ended_runs"]

PART = 500
TICK = timedelta(microseconds=1)


def ended_runs(
    store: Store, since: datetime, on_read: Callable[[int], object] = lambda count: None, *, part: int = PART
) -> list[Run]:
    """The runs that ended after an instant, the first to end first; records that can't be read are left out.

    on_read: told how many records were read so far, after each part of at most `part`. Raises `StoreError`.
    """
    found: dict[str, Document] = {}
    for documents in _parts(store, since, part):
        found |= {document.id: document for document in documents}
        on_read(len(found))
    return [run for document in found.values() if (run := _readable(document)) is not None]


def _parts(store: Store, since: datetime, part: int) -> Iterator[list[Document]]:
    size = part
    while True:
        documents = store.find(RUNS, Where("ended_at", ">", since), size)
        yield documents
        if len(documents) < size:
            return
        last = _readable(documents[-1])
        reached = last.ended_at - TICK if last is not None and last.ended_at is not None else since
        # Of many that ended in one instant the last are found in a larger part only.
        since, size = (reached, part) if reached > since else (since, size * 2)


def _readable(document: Document) -> Run | None:
    try:
        return Run.from_document(document.id, document.fields)
    except RecordError:
        return None
