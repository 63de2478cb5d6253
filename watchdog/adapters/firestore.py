"""The watchdog's store in Firestore: single-field queries, atomic batches guarded by preconditions, no transactions."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from heartbeat_client.backend import StoreAway
from heartbeat_client.stores.documents import plain_instant
from heartbeat_client.stores.firestore_connection import Connection, Contended

from ..ports import Create, Delete, Document, Replace, StoreError, Where
from .store_rules import check_commit, check_query, told_as_store_error

if TYPE_CHECKING:
    from google.cloud.firestore import Client, DocumentSnapshot, Query, WriteBatch
    from google.cloud.firestore_v1.types import WriteResult

    Snapshot: TypeAlias = DocumentSnapshot[Any]

__all__ = ["FirestoreStore"]

T = TypeVar("T")

PAGE = 500
CLOCK = ("hangwatch_watchdog", "clock")  # need not exist: the answer that it does not has the server's time too


class FirestoreStore:
    """A `Store` in a Firestore database; its library is imported at the first call.

    project None: from the environment or the credentials. database None: `(default)`. timeout: seconds for a write, and
    for each 500 documents that are read. One thread at a time; a forked child makes its own.
    """

    def __init__(self, project: str | None = None, database: str | None = None, timeout: float = 10.0) -> None:
        self._connection = Connection(project, database)
        self._timeout = timeout

    def now(self) -> datetime:
        """See `Store.now`."""
        snapshot: Snapshot = self._read(
            lambda client, seconds: client.document(*CLOCK).get(retry=None, timeout=seconds)
        )
        return plain_instant(snapshot.read_time)

    def get(self, collection: str, ids: Sequence[str]) -> dict[str, Document]:
        """See `Store.get`."""
        return _existing(self._snapshots(collection, ids))

    def get_now(self, collection: str, ids: Sequence[str]) -> tuple[datetime, dict[str, Document]]:
        """See `Store.get_now`."""
        snapshots = self._snapshots(collection, ids)
        return max(plain_instant(snapshot.read_time) for snapshot in snapshots), _existing(snapshots)

    def find(self, collection: str, where: Where | None = None, limit: int = 10_000) -> list[Document]:
        """See `Store.find`. Raises ValueError for a field that is not in `QUERIED`.

        It reads page by page: what changes meanwhile is there as of its page.
        """
        check_query(collection, where)
        documents = (_document(snapshot) for page in self._pages(collection, where, limit) for snapshot in page)
        return list({document.id: document for document in documents}.values())

    def commit(self, writes: Sequence[Create | Replace | Delete]) -> bool:
        """See `Store.commit`. Raises ValueError for more than 400 writes."""
        return not writes or self._committed(writes) is not None

    def put(self, write: Create | Replace) -> Any | None:
        """See `Store.put`."""
        results = self._committed([write])
        return None if results is None else results[0].update_time

    def close(self) -> None:
        """See `Store.close`."""
        self._connection.close()

    def _committed(self, writes: Sequence[Create | Replace | Delete]) -> Sequence[WriteResult] | None:
        check_commit(writes)
        try:
            with told_as_store_error():
                return self._sent(writes)
        except (TypeError, ValueError) as error:
            raise StoreError(f"{self._connection.name}: can't store what it was given: {error}") from None

    def _sent(self, writes: Sequence[Create | Replace | Delete]) -> Sequence[WriteResult] | None:
        def rpc(client: Client) -> Sequence[WriteResult]:
            return _batch(client, writes).commit(retry=None, timeout=self._timeout)

        try:
            return self._connection.call(rpc)
        except Contended:
            return None

    def _read(self, rpc: Callable[[Client, float], T]) -> T:
        """The answer of a read, asked for a second time where time is left: an idle connection may be a dead one."""
        until = time.monotonic() + self._timeout
        with told_as_store_error():
            try:
                return self._connection.call(lambda client: rpc(client, self._timeout))
            except StoreAway:
                left = until - time.monotonic()
                if left <= 0:
                    raise
            return self._connection.call(lambda client: rpc(client, left))

    def _snapshots(self, collection: str, ids: Sequence[str]) -> list[Snapshot]:
        wanted = [one for one in dict.fromkeys(ids) if _possible(one)]
        pages = (wanted[begin : begin + PAGE] for begin in range(0, len(wanted), PAGE))
        return [snapshot for page in pages for snapshot in self._get_page(collection, page)]

    def _get_page(self, collection: str, ids: Sequence[str]) -> list[Snapshot]:
        def rpc(client: Client, seconds: float) -> list[Snapshot]:
            references = [client.collection(collection).document(one) for one in ids]
            return list(client.get_all(references, retry=None, timeout=seconds))

        return self._read(rpc)

    def _pages(self, collection: str, where: Where | None, limit: int) -> Iterator[list[Snapshot]]:
        last: Snapshot | None = None
        while limit > 0:
            size = min(PAGE, limit)
            page = self._find_page(collection, where, size, last)
            yield page
            limit -= size
            if len(page) < size:
                return
            last = page[-1]

    def _find_page(self, collection: str, where: Where | None, size: int, after: Snapshot | None) -> list[Snapshot]:
        def rpc(client: Client, seconds: float) -> list[Snapshot]:
            query = _query(client, collection, where).limit(size)
            if after is not None:
                query = query.start_after(after)
            return list(query.stream(retry=None, timeout=seconds))

        return self._read(rpc)


def _query(client: Client, collection: str, where: Where | None) -> Query:
    from google.cloud.firestore_v1.base_query import FieldFilter

    documents = client.collection(collection)
    if where is None:
        return documents.order_by("__name__")
    matching = documents.where(filter=FieldFilter(where.field, where.compare, where.value))
    if where.compare in ("==", "in"):
        return matching
    return matching.order_by(where.field, direction="DESCENDING" if where.compare == "<" else "ASCENDING")


def _batch(client: Client, writes: Sequence[Create | Replace | Delete]) -> WriteBatch:
    from google.cloud.firestore import DELETE_FIELD

    batch = client.batch()
    for write in writes:
        reference = client.collection(write.collection).document(write.id)
        if isinstance(write, Create):
            batch.create(reference, dict(write.fields))
        elif isinstance(write, Delete):
            batch.delete(reference)
        else:
            fields = {name: DELETE_FIELD if value is None else value for name, value in write.fields.items()}
            paths = {client.field_path(name): value for name, value in fields.items()}
            batch.update(reference, paths, option=client.write_option(last_update_time=write.version))
    return batch


def _existing(snapshots: Sequence[Snapshot]) -> dict[str, Document]:
    return {snapshot.id: _document(snapshot) for snapshot in snapshots if snapshot.exists}


def _document(snapshot: Snapshot) -> Document:
    return Document(snapshot.id, snapshot.to_dict() or {}, snapshot.update_time)


def _possible(document_id: str) -> bool:
    """Whether there can be such a document; the library would raise, the server refuse the whole request."""
    reserved = document_id in {".", ".."} or (document_id.startswith("__") and document_id.endswith("__"))
    return bool(document_id) and "/" not in document_id and not reserved and len(document_id.encode()) <= 1500
