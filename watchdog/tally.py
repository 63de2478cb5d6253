"""What the parts of a shared run say together: how much is done, since when nothing was, who is missing.

Pure. An item is done once, at the first time that any writer was told of it: whatever comes again, from whichever
process, moves nothing.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone

from heartbeat_client.parts import Listing, Part, digest_of
from heartbeat_client.run import Progress, Run, Tally

__all__ = ["MISSING_SHOWN", "tallied"]

MISSING_SHOWN = 20
LAST_SHOWN = 5
RATE_OVER = 60.0

# A run's key may be used again when the run before it has been deleted, a week after its end, and its parts not yet.
EARLY = timedelta(days=1)


def tallied(run: Run, parts: Iterable[Part | Listing], *, partial: bool = False) -> Run:
    """The run with the progress that its parts add up to. partial: there are more parts than these.

    A part that was written last more than a day before the run was opened belongs to an earlier one of that key.
    """
    own = [part for part in parts if part.written_at is None or part.written_at >= run.started_at - EARLY]
    deeds = _Deeds(run.started_at)
    for part in own:
        if isinstance(part, Part):
            deeds.add(part)
    names = _names(part for part in own if isinstance(part, Listing))
    return _with(run, deeds, names, partial=partial)


@dataclass
class _Deeds:
    """All that was done. first: when each item was done first, in seconds since 1970, as all times here."""

    opened_at: datetime
    first: dict[int, float] = field(default_factory=dict)
    plain: int = 0
    plain_at: float | None = None
    again: set[int] = field(default_factory=set)
    again_times: int = 0
    again_last: tuple[float, int, str] | None = None
    last: tuple[float, tuple[str, ...]] = (0.0, ())
    note: tuple[float, str] = (0.0, "")

    def add(self, part: Part) -> None:
        """Take in one part."""
        at = (part.written_at or self.opened_at).timestamp()
        for digest, age in zip(part.items, part.ages, strict=True):
            self._done(digest, at - age, part)
        self.plain += part.plain
        if part.plain_age is not None:
            self.plain_at = max(at - part.plain_age, self.plain_at or 0.0)
        self._again(part, at)
        if part.ages and part.last:
            self.last = max(self.last, (at - min(part.ages), part.last))
        if part.note is not None:
            self.note = max(self.note, (at - part.note.age, part.note.text))

    def _done(self, digest: int, at: float, part: Part) -> None:
        known = self.first.get(digest)
        if known is None:
            self.first[digest] = at
            return
        self.first[digest] = min(known, at)
        self.again.add(digest)
        self.again_times += 1
        self._again_at(max(known, at), digest, next((name for name in part.last if digest_of(name) == digest), ""))

    def _again(self, part: Part, at: float) -> None:
        self.again.update(part.again)
        self.again_times += part.again_times
        if part.again_last is not None:
            text = part.again_last.text
            self._again_at(at - part.again_last.age, digest_of(text), text)

    def _again_at(self, at: float, digest: int, name: str) -> None:
        if self.again_last is None or at > self.again_last[0]:
            self.again_last = (at, digest, name)


def _names(listings: Iterable[Listing]) -> dict[int, str]:
    """The names of the items by digest, in the order of the list that they came in."""
    lots = sorted(listings, key=lambda lot: (lot.number, lot.id))
    return {digest_of(name): name for lot in lots for name in lot.names}


def _with(run: Run, deeds: _Deeds, names: dict[int, str], *, partial: bool) -> Run:
    counted = sorted(at for digest, at in deeds.first.items() if not names or digest in names)
    moves = [at for at in (counted[-1] if counted else None, deeds.plain_at) if at is not None]
    moved = max(moves, default=None)
    before = run.progress or Progress(0, since=run.started_at)
    total = max(before.total or 0, len(names)) if names else before.total
    rate = None if moved is None else _rate(counted, deeds.plain, moved - run.started_at.timestamp())
    progress = replace(
        before,
        done=len(counted) + deeds.plain,
        total=total,
        at=before.at if moved is None else _instant(moved),
        rate=rate,
        note=deeds.note[1] or before.note,
    )
    return replace(run, progress=progress, moved_at=_moved_at(run, moved), tally=_tally(deeds, names, partial=partial))


def _moved_at(run: Run, moved: float | None) -> datetime | None:
    known = [at for at in (run.moved_at, None if moved is None else _instant(moved)) if at is not None]
    return max(known, default=None)


def _tally(deeds: _Deeds, names: dict[int, str], *, partial: bool) -> Tally:
    missing = [name for digest, name in names.items() if digest not in deeds.first]
    at, digest, name = deeds.again_last or (None, 0, "")
    return Tally(
        missing=tuple(missing[:MISSING_SHOWN]),
        missing_count=len(missing) if names else None,
        last=deeds.last[1][-LAST_SHOWN:],
        strangers=sum(digest not in names for digest in deeds.first) if names else 0,
        again=len(deeds.again),
        again_times=deeds.again_times,
        again_last=name or names.get(digest, ""),
        again_at=None if at is None else _instant(at),
        partial=partial,
    )


def _rate(times: Sequence[float], plain: int, length: float) -> float | None:
    """Items a second in the last minute in which anything moved; since the opening, where some have no name."""
    if length < 1:
        return None
    if plain:
        return (len(times) + plain) / length
    span = min(RATE_OVER, length)
    return (len(times) - bisect_right(times, times[-1] - span)) / span


def _instant(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, timezone.utc)
