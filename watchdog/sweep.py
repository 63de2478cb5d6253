"""One pass of the watchdog: read what is due, judge it, carry incidents on, save what is to be told, then tell it.

What is read grows with what is due, not with what runs. `now` is taken once, from the store's server. One bad record
stops nobody else's; one sweep that was first makes the other return quietly.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from . import incident as life
from .delivery import Delivery
from .family import cause, covered
from .incident import Case, Incident, Step
from .ledger import Held, Ledger, RunRecord, SweepState
from .message import Subject, compose
from .notice import Notice, told_of
from .operations import keep_operations
from .policy import Policy
from .ports import Channel, Store
from .report import SweepReport
from .verdict import SILENT, UNJUDGED, judge

__all__ = ["Sweep"]

log = logging.getLogger("watchdog")

DUE_LIMIT = 5_000
ENDED_LIMIT = 5_000

# A store takes 400 writes at once, and beside those of the incidents there are those of the notices.
MOST_TOGETHER = 300
LEARN_BACK = timedelta(days=7)


@dataclass
class _Seen:
    """What this sweep has read and concluded."""

    now: datetime
    records: dict[str, RunRecord] = field(default_factory=dict)
    cases: dict[str, Case] = field(default_factory=dict)
    incidents: list[Held[Incident]] = field(default_factory=list)
    notices: dict[str, Held[Notice]] = field(default_factory=dict)
    doubtful: bool = False


@dataclass(frozen=True)
class _Change:
    """One incident as it should become, with what people must hear of it."""

    held: Held[Incident]
    case: Case
    tell: str | None
    group: Hashable
    heard_on: frozenset[str] = frozenset()
    give_up: RunRecord | None = None


class Sweep:
    """One pass over a store; make a new one for each.

    link_base: address of this watchdog's own page, for links; empty for none. clock: monotonic seconds.
    """

    def __init__(
        self,
        store: Store,
        channels: Sequence[Channel],
        policy: Policy,
        *,
        link_base: str = "",
        audit: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ledger = Ledger(store)
        self._channels = tuple(channels)
        self._policy = policy
        self._link_base = link_base
        self._audit = audit
        self._clock = clock
        self._report: SweepReport

    def run(self) -> SweepReport:
        """Do the pass. Raises `StoreError` when the store can't be used; anything else is in the report."""
        began = self._clock()
        now = self._ledger.now()
        self._report = SweepReport(now)
        state = self._ledger.state()
        seen = self._read(now, state.value)
        self._judge(seen)
        self._save(self._changes(seen))
        delivery = Delivery(self._ledger, self._channels, self._policy, self._link_base, self._report)
        delivery.run(now, began, self._clock)
        self._finish(state, seen)
        return self._report

    def _read(self, now: datetime, state: SweepState) -> _Seen:
        seen = _Seen(now, doubtful=self._in_doubt(now, state))
        due = self._ledger.due(now, DUE_LIMIT)
        audited = self._audited(now, state)
        seen.records = {record.id: record for record in (*audited, *due)}
        seen.incidents = self._ledger.open_incidents()
        missing = {held.value.run_id for held in seen.incidents} - seen.records.keys()
        seen.records |= self._ledger.runs(missing)
        seen.notices = self._ledger.notices(i for held in seen.incidents for i in held.value.notices)
        self._report.read = len(seen.records)
        return seen

    def _in_doubt(self, now: datetime, state: SweepState) -> bool:
        """Whether silence may be ours: for a while after a gap, in which nobody can say what arrived at the store."""
        pace = self._policy.pace
        self._report.doubt_until = state.doubt_until
        if state.last_sweep_at is not None and (now - state.last_sweep_at).total_seconds() > pace.gap_after:
            self._report.doubt_until = now + timedelta(seconds=pace.settle)
            log.warning(
                "no sweep was complete since %s; silence is not told until %s",
                state.last_sweep_at,
                self._report.doubt_until,
            )
        return self._report.doubt_until is not None and now < self._report.doubt_until

    def _audited(self, now: datetime, state: SweepState) -> list[RunRecord]:
        pace = self._policy.pace
        if self._audit or _elapsed(state.last_full_audit_at, now, pace.full_audit_every):
            self._report.audit = "full"
            records = self._ledger.everything(now)
        elif _elapsed(state.last_audit_at, now, pace.audit_every):
            self._report.audit = "running"
            records = self._ledger.running(now)
        else:
            return []
        running = [run for record in records if (run := record.readable)]
        ended = self._ledger.ended_since(state.last_audit_at or now - LEARN_BACK, ENDED_LIMIT)
        keep_operations(self._ledger.store, self._policy, running, ended)
        return records

    def _judge(self, seen: _Seen) -> None:
        for record in seen.records.values():
            seen.cases[record.id] = Case(record.id, record.readable, judge(record.run, self._policy, seen.now))
        self._report.judged = sum(
            case.verdict is not None and case.verdict.state != UNJUDGED for case in seen.cases.values()
        )
        self._report.unjudged = [
            case.run_id for case in seen.cases.values() if case.verdict and case.verdict.state == UNJUDGED
        ]

    def _changes(self, seen: _Seen) -> list[_Change]:
        known = {held.value.run_id for held in seen.incidents}
        changes = [change for held in seen.incidents if (change := self._carried_on(held, seen))]
        fresh = [case for case in seen.cases.values() if case.run_id not in known]
        problems = [case for case in fresh if self._tellable(case, seen)]
        # An incident that ends in this sweep still stands for its relatives: their own records may be a beat older.
        troubled = (seen.cases[run_id] for run_id in known if run_id in seen.cases)
        covers = covered(problems, troubled)
        self._report.covered = sorted(covers)
        changes += [change for case in problems if case.run_id not in covers and (change := self._begun(case, seen))]
        returned = [case for case in fresh if case.run is not None and case.run.revived_at is not None]
        return changes + [change for case in returned if (change := self._returned(case, seen))]

    def _tellable(self, case: Case, seen: _Seen) -> bool:
        if not _in_trouble(case) or _given_up(case):
            return False
        return not self._held_back(case, seen)

    def _held_back(self, case: Case, seen: _Seen) -> bool:
        silent = case.verdict is not None and case.verdict.state == SILENT
        # A death that was reported is no missing beat.
        held_back = seen.doubtful and silent and (case.run is None or case.run.gone_at is None)
        if held_back:
            self._report.held.append(case.run_id)
        return held_back

    def _carried_on(self, held: Held[Incident], seen: _Seen) -> _Change | None:
        before = held.value
        case = seen.cases.get(before.run_id, Case(before.run_id, None, None))
        if self._held_back(case, seen):
            return None
        notices = [seen.notices[i].value for i in before.notices if i in seen.notices]
        told = told_of(before, notices, seen.now)
        after = life.step(before, case, told, self._policy.remind_every(before.operation), seen.now)
        if after is None:
            return None
        lost = seen.records.get(before.run_id) if after.incident.how == life.LOST else None
        return _Change(Held(after.incident, held.version), case, after.tell, _group(case, after), told.heard_on, lost)

    def _begun(self, case: Case, seen: _Seen) -> _Change | None:
        last = self._last_episode(case.run_id)
        if case.verdict is None or (last is not None and last.value.open):
            return None
        incident = life.opened(case, case.verdict, last.value.episode + 1 if last else 1, seen.now)
        return _Change(Held(incident, None), case, life.OPENED, (life.OPENED, cause(case)))

    def _returned(self, case: Case, seen: _Seen) -> _Change | None:
        """Take back that a run was lost. One that has ended by now is not due any more once that is done."""
        change = self._taken_back(case, seen)
        if case.run is None or not case.run.ended:
            return change
        record = seen.records[case.run_id]
        if change is None:
            self._ledger.commit([], (), [record])
            return None
        return replace(change, give_up=record)

    def _taken_back(self, case: Case, seen: _Seen) -> _Change | None:
        last = self._last_episode(case.run_id)
        after = life.revived(last.value, case, seen.now) if last else None
        if after is None or last is None:
            return None
        heard_on = frozenset(last.value.heard_on)
        return _Change(Held(after.incident, last.version), case, after.tell, _group(case, after), heard_on)

    def _last_episode(self, run_id: str) -> Held[Incident] | None:
        episodes = self._ledger.episodes(run_id)
        return episodes[-1] if episodes else None

    def _save(self, changes: Iterable[_Change]) -> None:
        groups: dict[Hashable, list[_Change]] = {}
        for change in changes:
            alone = change.tell is None or change.give_up is not None
            groups.setdefault(change.held.value.id if alone else change.group, []).append(change)
        for group in groups.values():
            for begin in range(0, len(group), MOST_TOGETHER):
                self._save_together(group[begin : begin + MOST_TOGETHER])

    def _save_together(self, group: Sequence[_Change]) -> None:
        if not self._save_group(group) and len(group) > 1:
            for change in group:
                self._save_group([change])

    def _save_group(self, group: Sequence[_Change]) -> bool:
        now = self._report.now
        incidents, notices = [change.held for change in group], []
        kind = group[0].tell
        if kind is not None:
            notices = self._notices(kind, group)
            ids = tuple(notice.id for notice in notices)
            incidents = [Held(c.held.value.noticed(ids, c.heard_on, now), c.held.version) for c in group]
        given_up = [change.give_up for change in group if change.give_up is not None]
        if self._ledger.commit(incidents, notices, given_up):
            return True
        log.info("another sweep was first with %s", ", ".join(held.value.id for held in incidents))
        return False

    def _notices(self, kind: str, group: Sequence[_Change]) -> list[Notice]:
        now = self._report.now
        subjects = [Subject(change.held.value, change.case.run) for change in group]
        message = compose(kind, subjects, self._policy, now, self._link_base)
        lead = subjects[0].incident
        stem = f"{lead.id}.{lead.notice_count + 1}.{kind}"
        ids = tuple(subject.incident.id for subject in subjects)
        heard_on = frozenset[str]().union(*(change.heard_on for change in group))
        names = [c.name for c in self._channels if kind != life.RESOLVED or c.name in heard_on]
        return [Notice(f"{stem}.{name}", kind, name, ids, message, made_at=now) for name in names]

    def _finish(self, state: Held[SweepState], seen: _Seen) -> None:
        audited = {"full": ("last_audit_at", "last_full_audit_at"), "running": ("last_audit_at",)}
        marks: dict[str, Any] = dict.fromkeys(audited.get(self._report.audit, ()), seen.now)
        after = replace(
            state.value,
            last_sweep_at=seen.now,
            doubt_until=self._report.doubt_until if seen.doubtful else None,
            report=self._report.counts(),
            **marks,
        )
        self._ledger.save_state(after, state.version)


def _group(case: Case, step: Step) -> Hashable:
    return (step.tell, step.incident.how, step.incident.notices[:1], cause(case))


def _in_trouble(case: Case | None) -> bool:
    return case is not None and case.verdict is not None and case.verdict.problem


def _given_up(case: Case) -> bool:
    """Whether the watchdog took its due_at away: it is silent past its deadline, and that was told to the end."""
    verdict = case.verdict
    silent = verdict is not None and verdict.state == SILENT and verdict.past_deadline
    return silent and case.run is not None and case.run.due_at is None


def _elapsed(last: datetime | None, now: datetime, seconds: float) -> bool:
    return last is None or (now - last).total_seconds() >= seconds
