"""What a sweep changes: from what it has seen to incidents as they should become, and what people must hear."""

from __future__ import annotations

import logging
from collections.abc import Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from heartbeat_client.run import Run, silent_at

from . import life
from .awaiting import look_out
from .doubt import CROWD, GAP, Signs, beats, doubt, may_be_crowd
from .family import cause, covered, failed_alone
from .incident import EXPECTED, FAILURE, LOST, OPENED, WATCHDOG_ITSELF, Case, Incident
from .ledger import Held, Ledger, RunRecord
from .life import Rhythm, Step
from .notice import told_of
from .policy import Policy
from .report import SweepReport
from .seen import Seen
from .verdict import CONFIRMED, DOUBTFUL, HEALTHY, SILENT, Verdict, judge

__all__ = ["OWN_SIGHT", "Change", "Changes"]

log = logging.getLogger("watchdog")

# A store takes 400 writes at once.
MOST_TOGETHER = 300

# No run has this id: `document_key` writes an ampersand otherwise.
OWN_SIGHT = "watchdog&beats"


@dataclass(frozen=True)
class Change:
    """One incident as it should become, with what people must hear of it.

    tell: the kind of notice, None for none. group: those with the same may share one. heard_on: the channels that told
    of it. stale: whether what an earlier message shows is not true any more. give_up: the record that is read no more.
    """

    held: Held[Incident]
    case: Case
    tell: str | None
    group: Hashable
    heard_on: frozenset[str] = frozenset()
    stale: bool = False
    give_up: RunRecord | None = None


class Changes:
    """The changes of one sweep; `report` gets what is held and covered."""

    def __init__(self, ledger: Ledger, policy: Policy, seen: Seen, report: SweepReport) -> None:
        self._ledger = ledger
        self._policy = policy
        self._seen = seen
        self._report = report
        self._episodes: dict[str, list[Held[Incident]]] = {}

    def all(self) -> list[Change]:
        """Every change there is to make. Raises `StoreError`."""
        seen = self._seen
        self._doubt()
        self._look_out()
        known = seen.known
        changes = [change for held in seen.incidents if (change := self._carried_on(held))]
        fresh = [case for case in seen.cases.values() if case.run_id not in known]
        problems = [case for case in fresh if self._tellable(case)]
        # An incident that ends in this sweep still stands for its relatives: their own records may be a beat older.
        troubled = (seen.cases[run_id] for run_id in known if run_id in seen.cases)
        covers = covered(problems, troubled)
        self._report.covered = sorted(covers)
        self._let_go(covers, {change.case.run_id for change in changes if change.give_up is not None})
        begun = [case for case in problems if case.run_id not in covers]
        self._episodes = self._ledger.episodes_of(case.run_id for case in begun)
        changes += [change for case in begun if (change := self._begun(case))]
        changes += self._own_sight(known)
        changes += self._failed()
        returned = [case for case in fresh if case.run is not None and case.run.revived_at is not None]
        return changes + [change for case in returned if (change := self._returned(case))]

    def _let_go(self, covers: Mapping[str, str], lost: Collection[str]) -> None:
        """Of those that a run stands for which is given up, the ones as hopeless as it are read no more either."""
        cases = (self._seen.cases[run_id] for run_id, relative in covers.items() if relative in lost)
        records = [self._seen.records[case.run_id] for case in cases if _hopeless(case)]
        for begin in range(0, len(records), MOST_TOGETHER):
            self._ledger.commit([], (), records[begin : begin + MOST_TOGETHER])

    def _doubt(self) -> None:
        seen, before = self._seen, self._seen.state.value.doubt
        seen.doubt = doubt(before, self._signs(), self._policy.pace)
        if seen.doubt is not None and seen.doubt != before:
            log.warning("%s; silence is not told until %s", seen.doubt.said, seen.doubt.until)

    def _look_out(self) -> None:
        """Runs that should have started and did not are cases of their own."""
        seen = self._seen
        asked = [held.value for held in seen.incidents if held.value.about == EXPECTED]
        keys = [incident.run_id for incident in asked]
        found = look_out(self._ledger.store, self._policy.expected, seen.now, keys, doubtful=seen.doubtful)
        self._report.held += found.held
        names = {incident.run_id: incident.operation for incident in asked}
        names |= {key: missing.operation for key, missing in found.missing.items()}
        verdicts = {key: missing.verdict for key, missing in found.missing.items()} | dict(found.came)
        for key, verdict in verdicts.items():
            seen.cases[key] = Case(key, None, verdict, names[key], EXPECTED)

    def _signs(self) -> Signs:
        seen, known = self._seen, self._seen.known
        silent = [case.run for case in seen.cases.values() if case.run_id not in known and _unexplained(case)]
        runs = [run for run in silent if run is not None]
        instances = len({run.instance or run.host for run in runs})
        live = elsewhere = 0
        if may_be_crowd(len(runs), instances):
            running = seen.live or [run for r in self._ledger.running(seen.now) if (run := r.readable)]
            live = len({run.id for run in (*running, *runs)} - known)
            homes = {run.service or run.host for run in runs}
            elsewhere = sum((r.service or r.host) not in homes and beats(r, seen.now) for r in running)
        last = max((run.beat_at or run.started_at for run in runs), default=None)
        return Signs(seen.now, seen.state.value.last_sweep_at, len(runs), instances, live, last, elsewhere)

    def _tellable(self, case: Case) -> bool:
        return case.verdict is not None and case.verdict.problem and not _given_up(case) and not self._held_back(case)

    def _held_back(self, case: Case) -> bool:
        held_back = self._seen.doubtful and _unexplained(case) and not self._was_silent_before(case)
        if held_back:
            self._report.held.append(case.run_id)
        return held_back

    def _was_silent_before(self, case: Case) -> bool:
        """Whether a gap can't be the cause: it was silent when the sweep before the gap looked at the same store.

        Where each sweep comes after a gap, for they are that rare, nothing silent would be told at all.
        """
        found = self._seen.doubt
        if found is None or found.kind != GAP or case.run is None:
            return False
        at = silent_at(self._policy.applied(case.run))
        return at is not None and at <= found.since

    def _carried_on(self, held: Held[Incident]) -> Change | None:
        before, seen = held.value, self._seen
        case = self._own_case() if before.about == WATCHDOG_ITSELF else seen.cases.get(before.run_id)
        case = case or Case(before.run_id, None, None, about=before.about)
        if self._held_back(case) or before.run_id in self._report.held:
            return None
        notices = [seen.notices[i].value for i in before.notices if i in seen.notices]
        told = told_of(before, notices, seen.now)
        after = life.step(before, case, told, self._rhythm(before.operation), seen.now)
        if after is None:
            return None
        lost = seen.records.get(before.run_id) if after.incident.how == LOST else None
        held = Held(after.incident, held.version)
        return Change(held, case, after.tell, self._group(case, after), told.heard_on, after.stale, lost)

    def _rhythm(self, operation: str) -> Rhythm:
        policy = self._policy
        return Rhythm(
            policy.remind_every(operation),
            timedelta(seconds=policy.pace.steady_for),
            self._snoozed(operation),
        )

    def _snoozed(self, operation: str) -> bool:
        return self._seen.snoozes.value.covering(operation, self._seen.now) is not None

    def _begun(self, case: Case) -> Change | None:
        last = self._last_episode(case.run_id)
        if case.verdict is None or (last is not None and self._known_by_others(last.value)):
            return None
        before = last.value if last else None
        incident = life.opened(case, case.verdict, before.episode + 1 if before else 1, self._seen.now, before)
        tell = None if self._snoozed(incident.operation) else OPENED
        return Change(Held(incident, None), case, tell, (OPENED, self._to(incident), cause(case)))

    def _known_by_others(self, last: Incident) -> bool:
        """Whether another sweep was first: its incident goes on, or is over since this sweep read the run."""
        return last.open or (last.resolved_at is not None and last.resolved_at >= self._seen.now)

    def _own_sight(self, known: set[str]) -> list[Change]:
        found, held = self._seen.doubt, self._report.held
        if found is None or found.kind != CROWD or not held or OWN_SIGHT in known:
            return []
        change = self._begun(self._own_case())
        return [change] if change else []

    def _own_case(self) -> Case:
        found, now = self._seen.doubt, self._seen.now
        if found is None:
            verdict = Verdict(HEALTHY, "beats arrive again; whatever is still silent is told by itself")
        elif found.holds(now):
            verdict = Verdict(DOUBTFUL, found.said, found.since)
        else:
            verdict = Verdict(CONFIRMED, "no beats came back in time; what is silent is told by itself now")
        return Case(OWN_SIGHT, None, verdict, about=WATCHDOG_ITSELF)

    def _failed(self) -> Iterable[Change]:
        failed = failed_alone(self._seen.failures)
        self._episodes |= self._ledger.episodes_of(run.id for run in failed)
        for run in failed:
            case = Case(run.id, run, judge(run, self._policy, self._seen.now))
            last = self._last_episode(run.id)
            if last is not None and (last.value.open or last.value.how == run.state):
                continue
            incident = life.failed(case, run, last.value.episode + 1 if last else 1, self._seen.now)
            if incident is not None:
                tell = None if self._snoozed(run.operation) else FAILURE
                yield Change(Held(incident, None), case, tell, (FAILURE, self._to(incident), _home(run)))

    def _returned(self, case: Case) -> Change | None:
        """Take back that a run was lost. One that has ended by now is not due any more once that is done."""
        change = self._taken_back(case)
        if case.run is None or not case.run.ended:
            return change
        record = self._seen.records[case.run_id]
        if change is None:
            self._ledger.commit([], (), [record])
            return None
        return replace(change, give_up=record)

    def _taken_back(self, case: Case) -> Change | None:
        last = self._last_episode(case.run_id)
        after = life.revived(last.value, case, self._seen.now) if last else None
        if after is None or last is None:
            return None
        heard_on = frozenset(last.value.heard_on)
        held = Held(after.incident, last.version)
        return Change(held, case, after.tell, self._group(case, after), heard_on, after.stale)

    def _last_episode(self, run_id: str) -> Held[Incident] | None:
        if run_id not in self._episodes:
            self._episodes |= self._ledger.episodes_of([run_id])
        episodes = self._episodes[run_id]
        return episodes[-1] if episodes else None

    def _group(self, case: Case, step: Step) -> Hashable:
        incident = step.incident
        thread = incident.first_notices or incident.notices[:1]
        return (step.tell, incident.how, thread, self._to(incident), cause(case))

    def _to(self, incident: Incident) -> str:
        policy = self._policy
        setting = policy.setting_if_missed if incident.about == EXPECTED else policy.setting
        return str(setting(incident.operation, "slack_channel") or "")


def _unexplained(case: Case) -> bool:
    """Whether it is silent and nothing says why. A death that was reported is no missing beat."""
    silent = case.verdict is not None and case.verdict.state == SILENT
    return silent and not _given_up(case) and (case.run is None or case.run.gone_at is None)


def _given_up(case: Case) -> bool:
    """Whether the watchdog took its due_at away: it is beyond hope, and that was told to the end."""
    run, verdict = case.run, case.verdict
    if run is None or verdict is None or run.due_at is not None:
        return False
    return run.shared or _hopeless(case)


def _hopeless(case: Case) -> bool:
    return case.verdict is not None and case.verdict.state == SILENT and case.verdict.past_deadline


def _home(run: Run) -> Hashable:
    return (run.service or run.host, run.operation, run.failure.type if run.failure else "")
