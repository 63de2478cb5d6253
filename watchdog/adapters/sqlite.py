"""The watchdog's store in one SQLite file, the one that clients write their runs to."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from heartbeat_client.stores.documents import from_text, instant_text, to_text
from heartbeat_client.stores.sqlite_file import SqliteFile, put, version_of

from ..ports import Create, Delete, Document, Replace, StoreError, Where
from .store_rules import QUERIED, check_commit, check_query, told_as_store_error

__all__ = ["SqliteStore"]

CHUNK = 500  # SQLite before 3.32 takes at most 999 parameters

# Partial indexes serve a query only where collection and field stand in it as text, not as parameters.
INDEXES = tuple(
    f"CREATE INDEX IF NOT EXISTS {collection}_{field} ON documents (json_extract(body, '$.{field}')) "
    f"WHERE collection = '{collection}'"
    for collection, field in QUERIED
)
INSTANT = "[0-9]" * 4 + "-[0-9][0-9]" * 2 + "T[0-9][0-9]:[0-9][0-9]:[0-9][0-9]." + "[0-9]" * 6 + "Z"


class SqliteStore:
    """A `Store` in one file; made empty, folders too, where there is none yet.

    path: the file. timeout: seconds to wait for another writer. Server time is this machine's clock.
    """

    def __init__(self, path: str | os.PathLike[str], timeout: float = 10.0) -> None:
        self._file = SqliteFile(path, timeout, INDEXES)

    def now(self) -> datetime:
        """See `Store.now`."""
        return self._file.now()

    def get(self, collection: str, ids: Sequence[str]) -> dict[str, Document]:
        """See `Store.get`."""
        wanted = list(dict.fromkeys(ids))
        with told_as_store_error(), self._file.reading() as connection:
            chunks = (wanted[begin : begin + CHUNK] for begin in range(0, len(wanted), CHUNK))
            found = [document for chunk in chunks for document in _get(connection, collection, chunk)]
        return {document.id: document for document in found}

    def get_now(self, collection: str, ids: Sequence[str]) -> tuple[datetime, dict[str, Document]]:
        """See `Store.get_now`."""
        return self.now(), self.get(collection, ids)

    def find(self, collection: str, where: Where | None = None, limit: int = 10_000) -> list[Document]:
        """See `Store.find`. Raises ValueError for a field that is not in `QUERIED`."""
        check_query(collection, where)
        query, values = _query(collection, where)
        with told_as_store_error(), self._file.reading() as connection:
            return _documents(connection.execute(query, (*values, limit)))

    def commit(self, writes: Sequence[Create | Replace | Delete]) -> bool:
        """See `Store.commit`. Raises ValueError for more than 400 writes."""
        check_commit(writes)
        with told_as_store_error(), self._file.writing() as connection:
            for write in writes:
                if _applied(connection, write) is None:
                    connection.rollback()
                    return False
        return True

    def put(self, write: Create | Replace) -> Any | None:
        """See `Store.put`."""
        check_commit([write])
        with told_as_store_error(), self._file.writing() as connection:
            version = _applied(connection, write)
            if version is None:
                connection.rollback()
        return version

    def close(self) -> None:
        """See `Store.close`."""
        self._file.close()


def _get(connection: sqlite3.Connection, collection: str, ids: Sequence[str]) -> list[Document]:
    marks = ", ".join("?" * len(ids))
    query = f"SELECT id, body, version FROM documents WHERE collection = ? AND id IN ({marks})"  # noqa: S608 - marks only
    return _documents(connection.execute(query, (collection, *ids)))


def _query(collection: str, where: Where | None) -> tuple[str, Sequence[str]]:
    if where is None:
        return "SELECT id, body, version FROM documents WHERE collection = ? ORDER BY id LIMIT ?", (collection,)
    # Left to itself, SQLite reads the whole collection for a `<=`. Both names are in QUERIED, so safe as text.
    index = f"{collection}_{where.field}"
    select = f"SELECT id, body, version FROM documents INDEXED BY {index} WHERE collection = '{collection}'"  # noqa: S608 - see above
    value, kind = f"json_extract(body, '$.{where.field}')", f"json_type(body, '$.{where.field}')"
    if isinstance(where.value, bool):
        word = str(where.value).lower()
        return f"{select} AND {value} = {where.value:d} AND {kind} = '{word}' ORDER BY id LIMIT ?", ()
    if where.compare == "in":
        marks = ", ".join("?" * len(where.value))
        return f"{select} AND {value} IN ({marks}) AND {kind} = 'text' ORDER BY id LIMIT ?", tuple(where.value)
    if where.compare == "==":
        return f"{select} AND {value} = ? AND {kind} = 'text' ORDER BY id LIMIT ?", (where.value,)
    way = "DESC" if where.compare == "<" else "ASC"
    order = f"ORDER BY {value} {way}, id {way} LIMIT ?"
    if isinstance(where.value, str):
        return f"{select} AND {value} {where.compare} ? AND {kind} = 'text' {order}", (where.value,)
    # A stranger's number or word there is no instant, and matches as little as it would in Firestore.
    condition = f"{value} {where.compare} ? AND {value} GLOB '{INSTANT}'"
    return f"{select} AND {condition} {order}", (instant_text(where.value),)


def _documents(rows: Iterable[tuple[str, str, int]]) -> list[Document]:
    return [Document(document_id, from_text(body), version) for document_id, body, version in rows]


def _applied(connection: sqlite3.Connection, write: Create | Replace | Delete) -> int | None:
    """The version that a write leaves, 0 for what is gone; None where somebody else was first."""
    place = (write.collection, write.id)
    if isinstance(write, Delete):
        connection.execute("DELETE FROM documents WHERE collection = ? AND id = ?", place)
        return 0
    version = version_of(connection, *place)
    if version != (None if isinstance(write, Create) else write.version):
        return None
    fields = dict(write.fields) if isinstance(write, Create) else _merged(connection, write)
    try:
        text = to_text(fields)
    except ValueError as error:
        raise StoreError(f"{write.collection}/{write.id}: {error}") from None
    return put(connection, *place, text)


def _merged(connection: sqlite3.Connection, write: Replace) -> dict[str, Any]:
    (document,) = _get(connection, write.collection, [write.id])
    fields = {**document.fields, **write.fields}
    return {name: value for name, value in fields.items() if name not in write.fields or value is not None}
