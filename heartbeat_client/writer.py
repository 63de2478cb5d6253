"""Brings the records of live runs to a store, and settles what the store answers."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Final, Protocol

from .backend import Refused, StoreAway, StoreRefused, Write, Written
from .conflict import Whose, whose
from .identity import Identity
from .live import LiveRun
from .place import type_name
from .roster import Roster
from .run import Run
from .store_link import StoreLink

__all__ = ["Voice", "Writer"]

COMMIT_LIMIT: Final = 200  # well under Firestore's 10 MiB a request, at some kilobytes a record
_READ_BUDGET: Final = 0.5  # seconds that a first write may wait for what is in force
_CONFLICT_PAUSE: Final = 1.0


class Voice(Protocol):
    """Where lines and complaints go; must return at once."""

    def say(self, level: int, text: str) -> None:
        """Say a line soon."""

    def report(self, level: int, text: str) -> None:
        """Report soon."""


class Writer:
    """Writes runs through one link. Used by the sender's thread alone."""

    def __init__(
        self, roster: Roster, link: StoreLink, voice: Voice, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._roster = roster
        self._voice = voice
        self._clock = clock
        self._complained = False
        self.link = link

    def write(self, runs: list[LiveRun], identity: Identity) -> None:
        """Write the runs' records, and take from the list those that the store has answered for.

        Raises StoreAway or StoreRefused.
        """
        self._learn_limits(runs)
        while runs:
            batch = runs[:COMMIT_LIMIT]
            again = [live for live in self._commit(batch, identity) if self._resolve(live, identity)]
            self._hold(self._commit(again, identity))
            del runs[:COMMIT_LIMIT]

    def forget(self, runs: Iterable[LiveRun]) -> None:
        """Let runs that nobody wants to have written pass as written."""
        for live in runs:
            live.outgoing.said, live.outgoing.tried = live.edition, self._clock()
            if live.is_over:
                self._roster.settle(live)

    def _learn_limits(self, runs: Iterable[LiveRun]) -> None:
        """Ask once for each run what is in force; a store that does not answer delays nothing, the run asks again."""
        until = self._clock() + _READ_BUDGET
        for live in runs:
            if live.outgoing.learned or live.is_over or self._clock() > until:
                continue
            try:
                live.learn(self.link.in_force(live.plan.operation))
            except StoreAway:
                return
            except Exception as error:  # noqa: BLE001 (a backend may be the user's own; the write must go out)
                self._complain_of_reading(error)
                return
            live.outgoing.learned = True

    def _complain_of_reading(self, error: Exception) -> None:
        if self._complained:
            return
        self._complained = True
        why = str(error) if isinstance(error, StoreRefused) else type_name(type(error))
        self._voice.report(
            logging.ERROR,
            f"heartbeat_client: what is in force for an operation can't be read: {why}; runs go by their own limits",
        )

    def _commit(self, runs: Sequence[LiveRun], identity: Identity) -> list[LiveRun]:
        """Write records as they are now; returns the runs whose record was not as expected."""
        if not runs:
            return []
        editions = [live.edition for live in runs]
        records = [self._record(live, identity) for live in runs]
        answers = self.link.commit(
            [Write(record, live.outgoing.version) for live, record in zip(runs, records, strict=True)]
        )
        conflicts = []
        for live, record, edition, answer in zip(runs, records, editions, answers, strict=True):
            if isinstance(answer, Written):
                self._take(live, record, edition, answer)
            elif isinstance(answer, Refused):
                self._refuse(live, edition, answer)
            else:
                conflicts.append(live)
        return conflicts

    def _record(self, live: LiveRun, identity: Identity) -> Run:
        out = live.outgoing
        out.seq += 1
        record = live.record(self.link.server, identity, self._clock())
        if not out.confirmed:
            out.claims.add(record.started_at)
        return record

    def _take(self, live: LiveRun, record: Run, edition: int, answer: Written) -> None:
        out = live.outgoing
        out.version, out.confirmed, out.tried = answer.version, True, self._clock()
        out.said, out.refused, out.claims = edition, None, {record.started_at}
        live.trail.reached(record)
        self._settle(live, edition)

    def _settle(self, live: LiveRun, edition: int) -> None:
        """There is nothing more to write of a run that is over, unless it has said something else meanwhile."""
        if live.is_over and live.edition == edition:
            self._roster.settle(live)

    def _refuse(self, live: LiveRun, edition: int, answer: Refused) -> None:
        live.outgoing.refused, live.outgoing.tried = edition, self._clock()
        self._voice.report(
            logging.ERROR,
            f"heartbeat_client: run {live.id} of {live.plan.operation!r}: the store refuses its record: {answer.why}; "
            "it is not written until it ends; give it less text or fewer labels",
        )
        self._settle(live, edition)

    def _hold(self, runs: Iterable[LiveRun]) -> None:
        """Two conflicts in a row: somebody writes to the same record; leave it alone for a moment."""
        for live in runs:
            live.outgoing.not_before = self._clock() + _CONFLICT_PAUSE

    def _resolve(self, live: LiveRun, identity: Identity) -> bool:
        """Find out why a record is not as expected; True when it may be written again."""
        stored = self.link.read_run(live.id)
        verdict = whose(stored, live, identity)
        out = live.outgoing
        if verdict is Whose.ENDED:
            self._close(live)
            return False
        if verdict is Whose.STRANGERS:
            self._rename(live)
        out.version = stored.version if verdict in (Whose.OURS, Whose.GIVEN_UP) else None
        if verdict is Whose.GIVEN_UP:
            out.revived_at = stored.server_time
        return True

    def _close(self, live: LiveRun) -> None:
        live.outgoing.closed = True
        self._settle(live, live.edition)

    def _rename(self, live: LiveRun) -> None:
        taken = live.id
        live.id = f"{taken.partition('~')[0]}~{os.urandom(2).hex()}"
        live.outgoing.claims = set()
        self._voice.report(
            logging.ERROR,
            f"heartbeat_client: run_id {taken!r} of {live.plan.operation!r}: expected an id of its own, got one that "
            f"another run has; it goes on as {live.id!r}; give each run another run_id, or none",
        )
