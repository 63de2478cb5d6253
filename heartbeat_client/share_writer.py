"""Brings the shares of a process to a store: its parts, and the main record at either end."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import chain
from typing import Final, TypeAlias

from .backend import Conflict, PartWrite, Refused, StoreAway, Stored, StoreRefused, Write, Written
from .identity import Identity
from .limits import InForce
from .logline import end_line
from .parts import Listing, expires_at
from .run import SUCCEEDED, RecordError, Run
from .share import OpenPart, Share
from .share_record import Origin, opened, over
from .store_link import StoreLink
from .writer import Voice

__all__ = ["ShareWriter"]

COMMIT_LIMIT: Final = 100  # at some 70 kB a part well under Firestore's 10 MiB a request
_TRIES: Final = 5
_PAUSE: Final = 1.0

Answer: TypeAlias = Written | Conflict | Refused
Piece: TypeAlias = tuple[Share, OpenPart | Listing]


class ShareWriter:
    """Writes shares through one link. Used by the sender's thread alone."""

    def __init__(self, link: StoreLink, voice: Voice, clock: Callable[[], float] = time.monotonic) -> None:
        self._link = link
        self._voice = voice
        self._clock = clock

    def write(self, shares: Sequence[Share], identity: Identity) -> None:
        """Write what the store lacks of the shares, parts first, so that an end finds all that came before it.

        Raises StoreAway or StoreRefused; what was not written is kept.
        """
        now = self._clock()
        pieces: list[Piece] = list(chain.from_iterable(_pieces(share, now) for share in shares))
        for begin in range(0, len(pieces), COMMIT_LIMIT):
            self._write_pieces(pieces[begin : begin + COMMIT_LIMIT])
        for share in shares:
            if share.main_wanted:
                self._write_main(share, identity)
            share.settle()

    def _write_pieces(self, pieces: Sequence[Piece]) -> None:
        answers = self._link.commit([self._piece_write(*piece) for piece in pieces])
        for (share, piece), answer in zip(pieces, answers, strict=True):
            if isinstance(piece, Listing):
                self._take_listing(share, piece, answer)
            else:
                self._take_part(share, piece, answer)

    def _piece_write(self, share: Share, piece: OpenPart | Listing) -> PartWrite:
        now = self._clock()
        expires = expires_at(self._link.server.at(now))
        if isinstance(piece, Listing):
            return PartWrite(replace(piece, expires_at=expires))
        return PartWrite(replace(share.record(piece, now), expires_at=expires), piece.version)

    def _take_listing(self, share: Share, listing: Listing, answer: Answer) -> None:
        # Its id comes of its names: what is there already is the same.
        if isinstance(answer, Refused):
            self._complain(share, f"the store refuses the names of its items: {answer.why}; who is missing is not told")
        share.listed(listing)

    def _take_part(self, share: Share, part: OpenPart, answer: Answer) -> None:
        if isinstance(answer, Written):
            share.part_written(part, answer.version)
        elif isinstance(answer, Refused):
            lost = len(part.account.items) + part.account.plain
            lost_text = f"what is in it, {lost} done, is not counted"
            self._complain(share, f"the store refuses a part of it: {answer.why}; {lost_text}")
            share.part_refused(part)
        else:
            # A write whose answer was lost, for nobody else writes it.
            part.version = self._link.read_part(part.id).version
            share.not_before = self._clock() + _PAUSE / 10

    def _write_main(self, share: Share, identity: Identity) -> None:
        for _ in range(_TRIES):
            if self._try_main(share, identity):
                return
        share.not_before = self._clock() + _PAUSE

    def _try_main(self, share: Share, identity: Identity) -> bool:
        """Write the main record once; False when it is to be tried again."""
        edition = share.edition
        in_force = self._in_force(share)
        stored = self._link.read_run(share.names.id)
        known = self._readable(share, stored)
        if isinstance(known, RecordError):
            share.main_written(edition)
            return True
        record = self._record(share, known, Origin(identity, self._started_at(share), in_force))
        if record == known:
            answer: Answer = Written(stored.version, stored.server_time)
        else:
            (answer,) = self._link.commit([Write(replace(record, seq=record.seq + 1), stored.version)])
        if isinstance(answer, Conflict):
            return False
        if isinstance(answer, Refused):
            self._complain(share, f"the store refuses its record: {answer.why}; give it less text or fewer labels")
        share.main_written(edition)
        self._tell(share, known, record)
        return True

    def _started_at(self, share: Share) -> datetime:
        at = share.known if share.opening is None else share.opening.at
        return self._link.server.at(at)

    def _readable(self, share: Share, stored: Stored) -> Run | RecordError | None:
        if stored.document is None:
            return None
        try:
            return Run.from_document(share.names.id, stored.document)
        except RecordError as error:
            self._complain(share, f"expected its own record at the store, got another: {error}; use another key")
            return error

    def _record(self, share: Share, known: Run | None, origin: Origin) -> Run:
        ending = share.ending
        run = opened(share.names, known, share.opening, origin)
        return run if ending is None else over(run, ending, self._link.server.at(ending.at))

    def _in_force(self, share: Share) -> InForce:
        if share.opening is None:
            return InForce()
        try:
            return self._link.in_force(share.names.operation)
        except StoreAway:
            raise
        except StoreRefused as error:
            self._complain(share, f"what is in force for it can't be read: {error}; it goes by its own limits")
            return InForce()

    def _tell(self, share: Share, known: Run | None, record: Run) -> None:
        """Say what was found at the store and nobody here could know before."""
        ending = share.ending
        if known is not None and known.ended and (ending is None or ending.state != known.state):
            self._voice.report(
                logging.WARNING, f"{_named(share)}: {_found_over(known.state, ended=ending is not None)}"
            )
        if ending is not None and not share.line_said:
            share.line_said = True
            elapsed = max(timedelta(0), self._link.server.at(ending.at) - record.started_at).total_seconds()
            failed = ending.state != SUCCEEDED
            line = end_line(_line_name(record), elapsed, failed=failed)
            self._voice.say(logging.ERROR if failed else logging.INFO, line)

    def _complain(self, share: Share, what: str) -> None:
        self._voice.report(logging.ERROR, f"{_named(share)}: {what}")


def _pieces(share: Share, now: float) -> list[Piece]:
    return [*((share, part) for part in share.take(now)), *((share, listing) for listing in share.listings())]


def _named(share: Share) -> str:
    return f"heartbeat_client: run {share.names.id} of {share.names.operation!r}"


def _found_over(state: str, *, ended: bool) -> str:
    if ended:
        return f"expected to end it, got one that had {state} before; the first end holds"
    return f"expected a run that goes on, got one that had {state}; it stays ended; open a new one with another key"


def _line_name(run: Run) -> str:
    return f"{run.operation} ({run.detail or run.key})"
