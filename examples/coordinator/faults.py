"""The fault switch: makes one of the four places hang, slow down, fail or exit, or a completion get lost.

A fault strikes once for each batch and player: Pub/Sub delivers again what a worker did not answer, and a
fault that struck each time would be a crash loop. A hang strikes until it is over: a duplicate of its message
would else go through while it stands.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from .peers import answering_peer, knock

logger = logging.getLogger(__name__)

PLACES = ("load", "publish", "worker", "consolidate")
KINDS = ("hang", "slow", "fail", "exit", "lose")
STRIKING = ("hang", "fail", "exit")
EXIT_STATUS = 1
LONGEST_SECONDS = 86_400

SCHEMA = """
CREATE TABLE IF NOT EXISTS strikes (
    batch_id TEXT, place TEXT, player TEXT, PRIMARY KEY (batch_id, place, player));
CREATE TABLE IF NOT EXISTS hangs (port INTEGER PRIMARY KEY);
"""
NOTE_STRIKE = "INSERT OR IGNORE INTO strikes VALUES (?, ?, ?)"


class FaultError(ValueError):
    """A fault that was asked for in words that can't be followed; the text is one line for the caller."""


class InjectedError(RuntimeError):
    """What a place raises when its fault is `fail`."""


@dataclass(frozen=True)
class Fault:
    """What goes wrong in one batch.

    `seconds` is how long a hang lasts unless released before, or how much longer a slow place takes; it is
    not scaled. `players` are those whose prediction a fault in `worker` strikes.
    """

    place: str
    kind: str
    seconds: float
    players: tuple[str, ...]

    def to_json(self) -> str:
        """The fault as it travels with its batch and its messages."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Fault:
        """The fault that `to_json` wrote."""
        fields = json.loads(text)
        return cls(fields["place"], fields["kind"], fields["seconds"], tuple(fields["players"]))


def parse_fault(body: object, players: list[str]) -> Fault:
    """The fault that a request asks for; raises FaultError.

    Defaults: 60 seconds; of `players`, the last one is struck by a fault in `worker`.
    """
    if not isinstance(body, Mapping) or not set(body) <= {"place", "kind", "seconds", "players"}:
        raise FaultError('fault must be an object of "place", "kind", "seconds" and "players"')
    place, kind = body.get("place"), body.get("kind")
    if place not in PLACES or kind not in KINDS:
        raise FaultError(f"fault needs a place of {', '.join(PLACES)} and a kind of {', '.join(KINDS)}")
    if kind == "lose" and place != "worker":
        raise FaultError(f"fault lose needs the place worker, whose completion gets lost, got {place}")
    named = body.get("players", players[-1:])
    if not isinstance(named, list) or not named or not all(player in players for player in named):
        raise FaultError(f"fault players must be a list of names from {players[0]} to {players[-1]}")
    return Fault(place, kind, _seconds(body.get("seconds", 60.0)), tuple(named))


def _seconds(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= LONGEST_SECONDS:
        raise FaultError(f"fault seconds must be a number above 0, up to {LONGEST_SECONDS}, got {value!r}")
    return float(value)


class FaultSwitch:
    """Strikes the faults and releases the hangs; its memory is the state file, which all processes see."""

    def __init__(self, path: Path, *, enabled: bool) -> None:
        self._enabled = enabled
        self._path = path
        with self._database() as db:
            db.executescript(SCHEMA)

    @contextmanager
    def peer(
        self, place: str, fault: Fault | None, batch_id: str, *, player: str = "", seconds: float
    ) -> Iterator[socket.socket]:
        """A connection on which one byte arrives when the work of `place`, which takes `seconds`, is done.

        In a hang it arrives after the fault's own seconds, or on release. Raises InjectedError for `fail`;
        for `exit` the process ends here.
        """
        strike = (batch_id, place, player)
        striking = self._striking(place, fault, strike)
        if striking is None:
            with answering_peer(seconds) as (connection, _):
                yield connection
            return
        logger.warning("Fault in %s of %s %s: %s", place, batch_id, player, striking.kind)
        if striking.kind == "fail":
            raise InjectedError(f"{place} of {batch_id} was told to fail")
        if striking.kind == "exit":
            os._exit(EXIT_STATUS)
        with answering_peer(striking.seconds) as (connection, port), self._releasable(port, strike):
            yield connection

    def read(self, text: str | None) -> Fault | None:
        """The fault that came with a batch or a message; None for none, and always where faults are off."""
        return Fault.from_json(text) if text is not None and self._enabled else None

    def slowness(self, place: str, fault: Fault | None) -> float:
        """How many seconds longer `place` takes with this fault."""
        if fault is not None and (fault.place, fault.kind) == (place, "slow"):
            return fault.seconds
        return 0.0

    def loses(self, fault: Fault | None, batch_id: str, player: str) -> bool:
        """Whether the completion of this player gets lost, this time."""
        if fault is None or fault.kind != "lose" or not self._first((batch_id, "worker", player)):
            return False
        logger.warning("Fault in worker of %s %s: lose", batch_id, player)
        return True

    def release(self) -> int:
        """Let every hang go on, in whichever process it stands; returns how many there were."""
        with self._database() as db:
            ports = [port for (port,) in db.execute("SELECT port FROM hangs")]
            db.executemany("DELETE FROM hangs WHERE port = ?", [(port,) for port in ports])
        return sum(knock(port) for port in ports)

    def _striking(self, place: str, fault: Fault | None, strike: tuple[str, str, str]) -> Fault | None:
        if fault is None or fault.place != place or fault.kind not in STRIKING:
            return None
        strikes = not self._over(strike) if fault.kind == "hang" else self._first(strike)
        return fault if strikes else None

    def _over(self, strike: tuple[str, str, str]) -> bool:
        with self._database() as db:
            query = "SELECT 1 FROM strikes WHERE (batch_id, place, player) = (?, ?, ?)"
            return db.execute(query, strike).fetchone() is not None

    def _first(self, strike: tuple[str, str, str]) -> bool:
        with self._database() as db:
            return db.execute(NOTE_STRIKE, strike).rowcount == 1

    @contextmanager
    def _releasable(self, port: int, strike: tuple[str, str, str]) -> Iterator[None]:
        with self._database() as db:
            db.execute("INSERT OR REPLACE INTO hangs VALUES (?)", (port,))
        try:
            yield
        finally:
            with self._database() as db:
                db.execute(NOTE_STRIKE, strike)
                db.execute("DELETE FROM hangs WHERE port = ?", (port,))

    @contextmanager
    def _database(self) -> Iterator[sqlite3.Connection]:
        db = sqlite3.connect(self._path, timeout=30, isolation_level=None)
        try:
            yield db
        finally:
            db.close()
