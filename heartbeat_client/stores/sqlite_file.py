"""One SQLite file of documents: made, opened, locked and read the same way by clients and by the watchdog.

A row is a document of a collection, as JSON text. Its version is the row's own number, which SQLite never gives out
twice (AUTOINCREMENT): a document that was deleted and made again has a new one. Who queries a field adds the index.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

from ..backend import StoreAway, StoreRefused

__all__ = ["SqliteFile", "put", "version_of"]

APPLICATION_ID = 0x48574348
SCHEMA = 1

TABLE = """
CREATE TABLE documents (
    version INTEGER PRIMARY KEY AUTOINCREMENT,
    collection TEXT NOT NULL,
    id TEXT NOT NULL,
    body TEXT NOT NULL,
    UNIQUE (collection, id)
)
"""

# By SQLite's own words: its error codes reached Python only with 3.11.
TROUBLES: tuple[tuple[str, type[StoreAway | StoreRefused], str], ...] = (
    ("locked", StoreAway, "another process is writing; it is tried again"),
    ("not a database", StoreRefused, "move the file away, or name another path"),
    ("malformed", StoreRefused, "the file is damaged: move it away, and a new one is made"),
    ("readonly", StoreRefused, "give this user the right to write to the file and its folder"),
    ("unable to open", StoreRefused, "give this user the right to write to the file and its folder"),
    ("full", StoreRefused, "make room on the disk"),
    ("no such function", StoreRefused, "use a Python whose SQLite has its JSON functions"),
)


class SqliteFile:
    """A file of documents, opened at first use, and anew after any trouble or when the file was moved away.

    timeout: seconds to wait for other writers. Used by one thread at a time, any thread; not across a fork.
    Everything raises `StoreAway` or `StoreRefused`.
    """

    def __init__(self, path: str | os.PathLike[str], timeout: float, indexes: tuple[str, ...] = ()) -> None:
        self.path = Path(path).expanduser()
        self._timeout = timeout
        self._indexes = indexes
        self._connection: sqlite3.Connection | None = None
        self._inode = (0, 0)

    def now(self) -> datetime:
        """This machine's clock, which all users of the file share."""
        return datetime.fromtimestamp(time.time(), timezone.utc)

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """The connection, for queries."""
        try:
            yield self._opened()
        except (sqlite3.Error, StoreAway, StoreRefused) as error:
            self.close()
            raise self._explained(error) from None

    @contextlib.contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """The connection within a transaction that holds the file; whoever rolls it back himself writes nothing."""
        with self.reading() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                if connection.in_transaction:
                    connection.execute("COMMIT")
            finally:
                if connection.in_transaction:
                    connection.rollback()

    def close(self) -> None:
        """Let go of the file; never raises."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):
                connection.close()

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None or self._inode != self._inode_now():
            # Writes to a file that was deleted under us would succeed, and be read by nobody.
            self.close()
            self._make_folder()
            self._connection = sqlite3.connect(
                self.path, timeout=self._timeout, isolation_level=None, check_same_thread=False
            )
            self._prepare(self._connection)
            self._inode = self._inode_now()
        return self._connection

    def _inode_now(self) -> tuple[int, int]:
        try:
            found = self.path.stat()
        except OSError:
            return (0, 0)
        return (found.st_dev, found.st_ino)

    def _make_folder(self) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            why = f"its folder can't be made ({error.strerror})"
            raise StoreRefused(f"sqlite store {self.path}: {why}; name a path that this user may write to") from None

    def _prepare(self, connection: sqlite3.Connection) -> None:
        connection.text_factory = _text
        if _is_empty(connection):
            self._make_table(connection)
        self._check(connection)
        self._use_wal(connection)
        connection.execute("PRAGMA synchronous = NORMAL")
        for index in self._indexes:
            connection.execute(index)

    def _make_table(self, connection: sqlite3.Connection) -> None:
        connection.execute("BEGIN IMMEDIATE")
        if _is_empty(connection):  # another process may have been first, before the lock was ours
            connection.execute(TABLE)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {SCHEMA}")
        connection.execute("COMMIT")

    def _check(self, connection: sqlite3.Connection) -> None:
        if _number(connection, "application_id") != APPLICATION_ID:
            raise StoreRefused(
                f"sqlite store {self.path}: expected a file that Hangwatch made, got another program's database; "
                "name another path"
            )
        schema = _number(connection, "user_version")
        if schema > SCHEMA:
            raise StoreRefused(
                f"sqlite store {self.path}: expected schema {SCHEMA} or older, got {schema}, which a newer Hangwatch "
                "wrote; install that version here, or name another path"
            )

    def _use_wal(self, connection: sqlite3.Connection) -> None:
        until = time.monotonic() + self._timeout
        while True:
            try:
                connection.execute("PRAGMA journal_mode = WAL")
                return
            except sqlite3.OperationalError as error:
                # This one statement does not wait for other users of the file by itself.
                if "locked" not in str(error) or time.monotonic() >= until:
                    raise
            time.sleep(0.02)

    def _explained(self, error: sqlite3.Error | StoreAway | StoreRefused) -> StoreAway | StoreRefused:
        if isinstance(error, (StoreAway, StoreRefused)):
            return error
        kinds = ((kind, what) for words, kind, what in TROUBLES if words in str(error))
        kind, what = next(kinds, (StoreAway, "it is tried again"))
        return kind(f"sqlite store {self.path}: {error}; {what}")


def version_of(connection: sqlite3.Connection, collection: str, document_id: str) -> int | None:
    """The version of a document, None when there is none."""
    found = connection.execute(
        "SELECT version FROM documents WHERE collection = ? AND id = ?", (collection, document_id)
    ).fetchone()
    return None if found is None else int(found[0])


def put(connection: sqlite3.Connection, collection: str, document_id: str, text: str) -> int:
    """Write a document, in place of the one there may be; its new version."""
    row = (collection, document_id, text)
    cursor = connection.execute("INSERT OR REPLACE INTO documents (collection, id, body) VALUES (?, ?, ?)", row)
    return int(cursor.lastrowid or 0)


def _is_empty(connection: sqlite3.Connection) -> bool:
    return connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone() is None


def _number(connection: sqlite3.Connection, pragma: str) -> int:
    return int(connection.execute(f"PRAGMA {pragma}").fetchone()[0])


def _text(stored: bytes) -> str:
    # A stranger's bytes that are no UTF-8 must not make the rows beside them unreadable.
    return stored.decode("utf-8", "replace")
