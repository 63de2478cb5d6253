"""When runs of an operation began, asked of a store one run at a time: `by_operation` sorts them, of any name."""

from __future__ import annotations

from datetime import datetime

from heartbeat_client.fields import MISSING, Fields, RecordError
from heartbeat_client.run import RUNS, Run, by_operation, document_key

from .expectation import Start
from .ports import Document, Store, Where

__all__ = ["first_after", "last_before", "newest"]


def first_after(store: Store, operation: str, instant: datetime) -> Start | None:
    """The first start of an operation after an instant; None where there is none. One read. Raises `StoreError`."""
    return _one(store, operation, Where("by_operation", ">", by_operation(operation, instant)))


def last_before(store: Store, operation: str, instant: datetime) -> Start | None:
    """The last start of an operation before an instant; None where there is none. One read. Raises `StoreError`."""
    return _one(store, operation, Where("by_operation", "<", by_operation(operation, instant)))


def newest(store: Store, operation: str) -> Start | None:
    """The newest start of an operation on record; None where there is none. One read. Raises `StoreError`."""
    # "0" is the character after the slash that stands between a key and an instant.
    return _one(store, operation, Where("by_operation", "<", f"{document_key(operation)}0"))


def _one(store: Store, operation: str, where: Where) -> Start | None:
    found = store.find(RUNS, where, limit=1)
    return _start(found[0], f"{document_key(operation)}/") if found else None


def _start(document: Document, prefix: str) -> Start | None:
    text = str(document.fields["by_operation"])
    # Before the first and after the last of an operation stand those of others.
    if not text.startswith(prefix):
        return None
    fields = Fields({"at": text.removeprefix(prefix)})
    at = fields.instant("at", MISSING)
    try:
        fields.raise_if_wrong(document.id)
    except RecordError:
        return None
    return Start(document.id, at, _readable(document))


def _readable(document: Document) -> Run | None:
    try:
        return Run.from_document(document.id, document.fields)
    except RecordError:
        return None
