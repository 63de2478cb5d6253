"""The state of the batches: one small SQLite file, shared by the gunicorn workers, outliving a restart.

Rules kept here: one open batch for a date unless forced; a player counts once, however often Pub/Sub
delivers; one caller, and only one, is told to consolidate.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

SCHEMA = """
CREATE TABLE IF NOT EXISTS batches (
    id TEXT PRIMARY KEY, game_date TEXT NOT NULL, state TEXT NOT NULL, reason TEXT, fault TEXT);
CREATE TABLE IF NOT EXISTS staging (
    batch_id TEXT NOT NULL, player TEXT NOT NULL, points REAL, PRIMARY KEY (batch_id, player));
CREATE TABLE IF NOT EXISTS predictions (
    game_date TEXT NOT NULL, player TEXT NOT NULL, points REAL NOT NULL, batch_id TEXT NOT NULL,
    PRIMARY KEY (game_date, player));
"""

MISSING_SHOWN = 5


@dataclass(frozen=True)
class Batch:
    """A batch as the state file has it."""

    id: str
    game_date: str
    state: str
    """`loading`, `publishing`, `predicting`, `consolidating`, `complete` or `failed`."""
    done: int
    total: int
    missing: tuple[str, ...]
    """The first few players without a prediction, in order."""
    reason: str | None
    fault: str | None
    """The fault switch of this batch as JSON: any of the gunicorn workers may have to meet it."""


@dataclass(frozen=True)
class Completion:
    """What one completion did to its batch."""

    outcome: str
    """`counted`, `duplicate`, `unknown batch` or `unknown player`."""
    consolidate: bool = False
    """True for one completion of a batch at most: the one that made it complete."""


class Batches:
    """The state file at `path`, made if it is not there; any thread and process may call."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._connection() as db:
            db.executescript(SCHEMA)

    def open(self, batch_id: str, game_date: str, players: Sequence[str], *, force: bool, fault: str | None) -> str:
        """The id of the batch now made, or unless `force` of the one of its date that runs or is complete."""
        with self._transaction() as db:
            query = "SELECT id FROM batches WHERE game_date = ? AND state != 'failed' ORDER BY rowid DESC LIMIT 1"
            row = None if force else db.execute(query, (game_date,)).fetchone()
            if row is not None:
                return str(row[0])
            db.execute("INSERT INTO batches VALUES (?, ?, 'loading', NULL, ?)", (batch_id, game_date, fault))
            rows = [(batch_id, player) for player in players]
            db.executemany("INSERT INTO staging (batch_id, player) VALUES (?, ?)", rows)
            return batch_id

    def move(self, batch_id: str, *, before: str, after: str) -> bool:
        """Compare-and-set of the state; False if it was not `before` any more."""
        with self._transaction() as db:
            return _move(db, batch_id, before, after)

    def fail(self, batch_id: str, reason: str) -> None:
        """Close the batch as failed; the next start of its date makes a new one."""
        with self._transaction() as db:
            db.execute("UPDATE batches SET state = 'failed', reason = ? WHERE id = ?", (reason, batch_id))

    def complete(self, batch_id: str, player: str, points: float) -> Completion:
        """Count one player's prediction, once, and say whether this one made the batch complete."""
        with self._transaction() as db:
            change = "UPDATE staging SET points = ? WHERE batch_id = ? AND player = ? AND points IS NULL"
            if db.execute(change, (points, batch_id, player)).rowcount == 0:
                return Completion(_why_not_counted(db, batch_id, player))
            query = "SELECT count(*) FROM staging WHERE batch_id = ? AND points IS NULL"
            if db.execute(query, (batch_id,)).fetchone()[0] > 0:
                return Completion("counted")
            # The last prediction can be back before /start has noted that it published the last request.
            elected = any(_move(db, batch_id, before, "consolidating") for before in ("predicting", "publishing"))
            return Completion("counted", consolidate=elected)

    def merge(self, batch_id: str) -> int:
        """Put the batch's predictions in place of the older ones of its date; returns how many."""
        with self._transaction() as db:
            merged = db.execute(
                "INSERT OR REPLACE INTO predictions SELECT game_date, player, points, batch_id FROM staging "
                "JOIN batches ON batches.id = batch_id WHERE batch_id = ? AND points IS NOT NULL",
                (batch_id,),
            )
            return merged.rowcount

    def get(self, batch_id: str) -> Batch | None:
        """One batch, or None if the state file has no such id."""
        with self._connection() as db:
            row = db.execute("SELECT * FROM batches WHERE id = ?", (batch_id,)).fetchone()
            return None if row is None else _batch(db, row)

    def all(self) -> list[Batch]:
        """Every batch, the newest first."""
        with self._connection() as db:
            return [_batch(db, row) for row in db.execute("SELECT * FROM batches ORDER BY rowid DESC").fetchall()]

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        db = sqlite3.connect(self._path, timeout=30, isolation_level=None)
        try:
            # A batch is 450 commits; without fsync only a power cut, not the death of a process, loses any.
            db.execute("PRAGMA synchronous = OFF")
            yield db
        finally:
            db.close()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._connection() as db:
            db.execute("BEGIN IMMEDIATE")
            yield db
            db.execute("COMMIT")


def _move(db: sqlite3.Connection, batch_id: str, before: str, after: str) -> bool:
    change = "UPDATE batches SET state = ? WHERE id = ? AND state = ?"
    return db.execute(change, (after, batch_id, before)).rowcount == 1


def _why_not_counted(db: sqlite3.Connection, batch_id: str, player: str) -> str:
    if db.execute("SELECT 1 FROM batches WHERE id = ?", (batch_id,)).fetchone() is None:
        return "unknown batch"
    row = db.execute("SELECT 1 FROM staging WHERE batch_id = ? AND player = ?", (batch_id, player)).fetchone()
    return "unknown player" if row is None else "duplicate"


def _batch(db: sqlite3.Connection, row: Sequence[str]) -> Batch:
    batch_id, game_date, state, reason, fault = row
    total, done = db.execute("SELECT count(*), count(points) FROM staging WHERE batch_id = ?", (batch_id,)).fetchone()
    query = "SELECT player FROM staging WHERE batch_id = ? AND points IS NULL ORDER BY player LIMIT ?"
    missing = tuple(player for (player,) in db.execute(query, (batch_id, MISSING_SHOWN)))
    return Batch(batch_id, game_date, state, done, total, missing, reason, fault)
