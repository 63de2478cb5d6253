"""Records of runs in one SQLite file: for a laptop, a single machine, and the tests."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence

from ..backend import Conflict, PartWrite, Refused, Stored, Write, Written
from ..parts import PARTS
from ..run import OPERATIONS, RUNS, document_key
from .documents import document_of, from_text, place_of, to_text
from .sqlite_file import SqliteFile, put, version_of

__all__ = ["SqliteBackend"]


class SqliteBackend:
    """The write side of a store in one file, which several processes may share.

    path: the file; it and its folders are made at the first call. timeout: seconds to wait for another writer.
    Server time is this machine's clock. Used by one thread at a time; a forked child makes its own.
    """

    def __init__(self, path: str | os.PathLike[str], timeout: float = 5.0) -> None:
        self._file = SqliteFile(path, timeout)

    def commit(self, writes: Sequence[Write | PartWrite]) -> Sequence[Written | Conflict | Refused]:
        """See `Backend.commit`."""
        if not writes:
            return []
        with self._file.writing() as connection:
            return [self._write(connection, write) for write in writes]

    def read_run(self, run_id: str) -> Stored:
        """See `Backend.read_run`."""
        return self._read(RUNS, run_id)

    def read_part(self, part_id: str) -> Stored:
        """See `Backend.read_part`."""
        return self._read(PARTS, part_id)

    def read_operation(self, operation: str) -> Stored:
        """See `Backend.read_operation`."""
        return self._read(OPERATIONS, operation)

    def close(self) -> None:
        """See `Backend.close`."""
        self._file.close()

    def _write(self, connection: sqlite3.Connection, write: Write | PartWrite) -> Written | Conflict | Refused:
        now = self._file.now()
        try:
            place = place_of(write)
            text = to_text(document_of(write, now))
        except ValueError as error:
            return Refused(str(error))
        if version_of(connection, *place) != write.version:
            return Conflict()
        return Written(put(connection, *place, text), now)

    def _read(self, collection: str, name: str) -> Stored:
        with self._file.reading() as connection:
            found = connection.execute(
                "SELECT body, version FROM documents WHERE collection = ? AND id = ?", (collection, document_key(name))
            ).fetchone()
        if found is None:
            return Stored(None, None, self._file.now())
        return Stored(from_text(found[0]), found[1], self._file.now())
