"""What a policy would have told of runs that have ended, beside the one in force: limits chosen on evidence.

Stored is how a run ended, not each of its beats. So `overdue` is exact: it follows from start, end and limits. Of
`stalled` and `silent` only this is certain, that a run which took less than the limit was neither; of a longer one
nobody can say. The limits that a policy put into a record at the start of the run are taken out again, unless the
run's owner had set them too; its deadline, and what was learned, stay.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from heartbeat_client.lengths import spoken
from heartbeat_client.run import Run, Thresholds, overdue_at, silent_at, stalled_at
from heartbeat_client.run_opaque import stands_too_long_after

from .policy import LIMITS, Policy
from .verdict import OVERDUE, SILENT, STALLED
from .wording import one_line

__all__ = ["Compared", "Replay", "Replayed", "replay", "replayed"]

NOT_REPLAYED = (
    "stored is how a run ended, not each beat: overdue is exact; stalled and silent can only be excluded, "
    "for runs that took less than the limit"
)
SHOWN = 5


@dataclass(frozen=True)
class Replayed:
    """One run under one policy. told_after: seconds from its start to its being overdue, None if it ended before that.

    past_deadline: it ended after its deadline. possible: verdicts that can't be excluded from what is stored.
    """

    run: Run
    took: float
    told_after: float | None
    past_deadline: bool
    possible: tuple[str, ...]


@dataclass(frozen=True)
class Compared:
    """The runs of one operation under the policy in force and under another, in the same order."""

    operation: str
    before: tuple[Replayed, ...]
    after: tuple[Replayed, ...]

    @property
    def newly_told(self) -> list[Replayed]:
        """Runs that the other policy tells of and the one in force does not."""
        return [new for old, new in zip(self.before, self.after, strict=True) if _told(new) and not _told(old)]

    @property
    def told_no_more(self) -> list[Replayed]:
        """Runs that the policy in force tells of and the other does not."""
        return [old for old, new in zip(self.before, self.after, strict=True) if _told(old) and not _told(new)]

    def counts(self, name: str) -> tuple[int, int]:
        """How many runs are told of as overdue, or could have been told of in another way: in force, and then."""
        before, after = (sum(_is(name, one) for one in runs) for runs in (self.before, self.after))
        return before, after

    def lines(self) -> list[str]:
        """What people read."""
        told, stalled, silent = (_change(*self.counts(name)) for name in (OVERDUE, STALLED, SILENT))
        lines = [f"{one_line(self.operation)}: {len(self.after)} runs, overdue {told}"]
        lines[0] += f"; can't be excluded: stalled {stalled}, silent {silent}"
        lines += _some("would be told", self.newly_told)
        return lines + _some("would be told no more", self.told_no_more)


@dataclass(frozen=True)
class Replay:
    """All operations, those with the greatest change first. left_out: runs that have not ended."""

    since: datetime
    until: datetime
    operations: tuple[Compared, ...]
    left_out: int = 0

    def lines(self) -> list[str]:
        """What people read: figures stand as in force -> under this policy."""
        runs = sum(len(one.after) for one in self.operations)
        length = spoken((self.until - self.since).total_seconds())
        head = f"{runs} runs that ended in the last {length}, replayed; figures: in force -> this policy"
        left_out = [f"{self.left_out} that have not ended are left out"] if self.left_out else []
        return [head, *left_out, *(line for one in self.operations for line in one.lines()), NOT_REPLAYED]

    def as_json(self) -> dict[str, Any]:
        """The stable form for scripts."""
        return {
            "since": _text(self.since),
            "until": _text(self.until),
            "left_out": self.left_out,
            "operations": [_compared_json(one) for one in self.operations],
            "exact": [OVERDUE],
            "not_excluded": [STALLED, SILENT],
        }


def replay(runs: Iterable[Run], policy: Policy, in_force: Policy, since: datetime, until: datetime) -> Replay:
    """What would have been told of these runs under a policy, and under the one in force."""
    by_operation: dict[str, list[Run]] = {}
    left_out = 0
    for run in runs:
        if run.ended and run.ended_at is not None:
            by_operation.setdefault(run.operation, []).append(run)
        else:
            left_out += 1
    compared = [
        Compared(name, tuple(replayed(run, in_force) for run in mine), tuple(replayed(run, policy) for run in mine))
        for name, mine in by_operation.items()
    ]
    return Replay(since, until, tuple(sorted(compared, key=_order)), left_out)


def _order(compared: Compared) -> tuple[int, str]:
    return (-len(compared.newly_told) - len(compared.told_no_more), compared.operation)


def replayed(run: Run, policy: Policy) -> Replayed:
    """One run that has ended, under one policy."""
    ended = run.ended_at or run.started_at
    ruled = policy.applied(_as_its_owner_set_it(run))
    at = overdue_at(ruled)
    told_after = None if at is None or at >= ended else (at - run.started_at).total_seconds()
    past_deadline = ruled.deadline is not None and ended > ruled.deadline
    took = (ended - run.started_at).total_seconds()
    return Replayed(run, took, told_after, past_deadline, _possible(ruled, ended))


def _possible(run: Run, ended: datetime) -> tuple[str, ...]:
    """What it could have been at the soonest: as if it had neither moved nor beaten after its start."""
    still = replace(run, beat_at=None, moved_at=None, activity=None, waiting=None, child=None, gone_at=None)
    limits = {STALLED: _stalled_at(still), SILENT: silent_at(still)}
    return tuple(name for name, at in limits.items() if at is not None and at < ended)


def _stalled_at(still: Run) -> datetime | None:
    """When it could have been stalled: by its whole length, or by its longest call where that was watched."""
    by_length, stand = stalled_at(still), stands_too_long_after(still.thresholds)
    if stand is None or still.stood is None or still.progress is not None or still.shared:
        return by_length
    known = still.stood + still.thresholds.beat_every
    return still.started_at + timedelta(seconds=stand) if known > stand else None


def _as_its_owner_set_it(run: Run) -> Run:
    """The run with the client's own defaults where nobody but a policy had set a limit."""
    limits = run.thresholds
    usual = Thresholds(silent_after=max(90.0, 6 * limits.beat_every))
    kept = {*limits.explicit, *(["opaque_after"] if limits.learned_runs else [])}
    reset = {name: getattr(usual, name) for name in LIMITS if name not in kept}
    return replace(run, thresholds=replace(limits, **reset))


def _told(one: Replayed) -> bool:
    return one.told_after is not None


def _is(name: str, one: Replayed) -> bool:
    return _told(one) if name == OVERDUE else name in one.possible


def _change(before: int, after: int) -> str:
    return f"{before} -> {after}"


def _some(said: str, runs: Sequence[Replayed]) -> list[str]:
    lines = [f"  {said}: {_line(one)}" for one in runs[:SHOWN]]
    return lines if len(runs) <= SHOWN else [*lines, f"  {said}: and {len(runs) - SHOWN} more"]


def _line(one: Replayed) -> str:
    after = spoken(one.told_after or 0.0)
    late = ", past its deadline" if one.past_deadline else ""
    ended = f"it ended after {spoken(one.took)}{late} ({one.run.state})"
    return f"run {one_line(one.run.id)[:60]} of {_text(one.run.started_at)} after {after}; {ended}"


def _compared_json(compared: Compared) -> dict[str, Any]:
    counts = {name: dict(zip(("in_force", "then"), compared.counts(name), strict=True)) for name in _COUNTED}
    newly, no_more = ([_run_json(one) for one in runs] for runs in (compared.newly_told, compared.told_no_more))
    named = {"operation": compared.operation, "runs": len(compared.after)}
    return {**named, **counts, "newly_told": newly, "told_no_more": no_more}


_COUNTED = (OVERDUE, STALLED, SILENT)


def _run_json(one: Replayed) -> dict[str, Any]:
    plain = {"run": one.run.id, "state": one.run.state, "started_at": _text(one.run.started_at)}
    return {**plain, "took": one.took, "told_after": one.told_after, "past_deadline": one.past_deadline}


def _text(at: datetime) -> str:
    return at.replace(microsecond=0).isoformat().replace("+00:00", "Z")
