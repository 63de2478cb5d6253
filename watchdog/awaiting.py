"""What a sweep does about expected runs: asks for starts where it must, and remembers since when each is expected.

A rule whose instants are met costs no read: the last start is remembered, and the newest is asked for only when that
one is not enough. What `after` needs, the ends of other operations' runs, is read once, as they come.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from heartbeat_client.fields import MISSING, Fields, RecordError
from heartbeat_client.run import RUNS, SUCCEEDED, Run

from .expectation import Ended, Missing, Start, judge_expected, key_parts, settled
from .ports import Create, Document, Replace, Store, Where
from .schedule import Expected
from .starts import first_after, newest
from .verdict import Verdict

__all__ = ["Outlook", "Watched", "look_out"]

WATCHDOG = "hangwatch_watchdog"
MEMORY_ID = "expected"

# An end gets its instant a little before it can be read.
OVERLAP = timedelta(minutes=2)
SAVED_EACH = timedelta(minutes=5)
ENDS_LIMIT = 5_000
ENDS_KEPT = 50
TICK = timedelta(microseconds=1)


@dataclass(frozen=True)
class Watched:
    """What is remembered of one expectation: when it was first seen, the last start known, the ends to be followed."""

    since: datetime
    last: Start | None = None
    ends: tuple[Ended, ...] = ()

    def to_document(self) -> dict[str, Any]:
        """Plain values."""
        last = {"run": self.last.run_id, "at": self.last.at} if self.last else None
        return {"since": self.since, "last": last, "ends": [{"run": end.run_id, "at": end.at} for end in self.ends]}

    @classmethod
    def from_document(cls, document: object) -> Watched | None:
        """Read back; None for what is not as expected, which is then expected from now on."""
        fields = Fields(document if isinstance(document, Mapping) else {})
        since, last = fields.instant("since", MISSING), fields.inside("last")
        started = Start(last.text("run", MISSING, 1500), last.instant("at", MISSING)) if last else None
        listed = fields.document.get("ends")
        ends = [Fields(one) for one in listed if isinstance(one, Mapping)] if isinstance(listed, list) else []
        followed = tuple(Ended(end.text("run", MISSING, 1500), end.instant("at", MISSING)) for end in ends)
        try:
            for one in (fields, *ends):
                one.raise_if_wrong("an expectation")
        except RecordError:
            return None
        return cls(since, started, followed)


@dataclass(frozen=True)
class Outlook:
    """What one look found. missing: by key. came: for keys asked about that are missing no more, why.

    held: keys asked about of which nothing can be said now. told_from: since when each rule is in force, by identity.
    """

    missing: Mapping[str, Missing] = field(default_factory=dict)
    came: Mapping[str, Verdict] = field(default_factory=dict)
    held: tuple[str, ...] = ()
    told_from: Mapping[str, datetime] = field(default_factory=dict)


def look_out(
    store: Store,
    expectations: Sequence[Expected],
    now: datetime,
    open_keys: Iterable[str] = (),
    *,
    doubtful: bool = False,
) -> Outlook:
    """Look for runs that should have started. Raises `StoreError`.

    open_keys: keys of incidents that go on. doubtful: what should be in the store may not be there yet, so nothing new
    is said to be missing, and what was is left as it is.
    """
    keys = list(open_keys)
    if not expectations and not keys:
        return Outlook()
    memory = _Memory(store, now)
    memory.follow(expectations)
    missing = {found.key: found for one in expectations if (found := _missing(store, memory, one, now))}
    memory.save()
    told_from = {one.identity: memory.watched(one).since for one in expectations}
    if doubtful:
        return Outlook(held=tuple(dict.fromkeys([*missing, *keys])), told_from=told_from)
    by_identity = {one.identity: one for one in expectations}
    came = {key: _settled(store, by_identity, key, now) for key in keys if key not in missing}
    return Outlook(missing, came, (), told_from)


def _missing(store: Store, memory: _Memory, expected: Expected, now: datetime) -> Missing | None:
    watched = memory.watched(expected)
    if judge_expected(expected, now, watched.last, watched.since, watched.ends) is None:
        return None
    last = newest(store, expected.operation)
    if last is None or (watched.last is not None and watched.last.at > last.at):
        last = watched.last  # the store has deleted its record since
    else:
        watched = memory.started(expected, last)
    return judge_expected(expected, now, last, watched.since, watched.ends)


def _settled(store: Store, by_identity: Mapping[str, Expected], key: str, now: datetime) -> Verdict:
    identity, slot = key_parts(key) or ("", now)
    expected = by_identity.get(identity)
    if expected is None:
        return settled(key, None, None, now)
    came = first_after(store, expected.operation, slot - timedelta(seconds=expected.early) - TICK)
    return settled(key, expected, came, now)


class _Memory:
    """The document that sweeps keep about expectations, read once and saved once, if it has changed."""

    def __init__(self, store: Store, now: datetime) -> None:
        self._store = store
        self._now = now
        found = store.get(WATCHDOG, [MEMORY_ID]).get(MEMORY_ID)
        self._version = found.version if found else None
        kept = found.fields if found else {}
        listed = kept.get("watched")
        read = {name: Watched.from_document(one) for name, one in listed.items()} if isinstance(listed, Mapping) else {}
        self._before = {name: one for name, one in read.items() if one is not None}
        self._after: dict[str, Watched] = {}
        self._saved_to: datetime | None = Fields(kept).instant("read_to", None)
        self._read_to = self._saved_to
        self._saw_ends = False

    def follow(self, expectations: Sequence[Expected]) -> None:
        """Take up new expectations, forget those that are no more, and note the ends that came since."""
        self._after = {one.identity: self._before.get(one.identity) or Watched(self._now) for one in expectations}
        followed = [one for one in expectations if one.after]
        if not followed:
            self._read_to = None
            return
        fresh = self._ended((self._read_to or self._now) - OVERLAP)
        for one in followed:
            watched = self.watched(one)
            ends = {end.run_id: end for end in watched.ends}
            ends |= {
                run.id: Ended(run.id, at) for run, at in fresh if run.operation == one.after and at >= watched.since
            }
            self._put(one, replace(watched, ends=tuple(sorted(ends.values(), key=lambda end: end.at))))

    def watched(self, expected: Expected) -> Watched:
        """What is remembered of it."""
        return self._after[expected.identity]

    def started(self, expected: Expected, last: Start) -> Watched:
        """Note the newest start."""
        self._put(expected, replace(self.watched(expected), last=Start(last.run_id, last.at)))
        return self.watched(expected)

    def _put(self, expected: Expected, watched: Watched) -> None:
        if watched.last is not None:
            met = watched.last.at + timedelta(seconds=expected.early)
            watched = replace(watched, ends=tuple(end for end in watched.ends if end.at > met))
        # The first that nobody followed is the one that is told of; of thousands the middle ones may go.
        ends = watched.ends if len(watched.ends) <= ENDS_KEPT else (watched.ends[0], *watched.ends[1 - ENDS_KEPT :])
        self._after[expected.identity] = replace(watched, ends=ends)

    def _ended(self, since: datetime) -> list[tuple[Run, datetime]]:
        found = self._store.find(RUNS, Where("ended_at", ">", since), ENDS_LIMIT)
        runs = [run for document in found if (run := _readable(document)) is not None]
        ended = [(run, run.ended_at) for run in runs if run.ended_at is not None]
        self._saw_ends = bool(ended)
        full = len(found) == ENDS_LIMIT and ended
        self._read_to = ended[-1][1] if full else self._now
        return [(run, at) for run, at in ended if run.state == SUCCEEDED]

    def save(self) -> None:
        """Keep it; where another sweep was first, its memory is as good."""
        saved_to, read_to = self._saved_to, self._read_to
        stale = read_to is not None and (saved_to is None or self._saw_ends or read_to - saved_to >= SAVED_EACH)
        if self._after == self._before and not stale:
            return
        watched = {name: one.to_document() for name, one in self._after.items()}
        fields = {"watched": watched, "read_to": self._read_to}
        if self._version is None:
            self._store.commit([Create(WATCHDOG, MEMORY_ID, fields)])
        else:
            self._store.commit([Replace(WATCHDOG, MEMORY_ID, fields, self._version)])


def _readable(document: Document) -> Run | None:
    try:
        return Run.from_document(document.id, document.fields)
    except RecordError:
        return None
