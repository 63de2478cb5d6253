"""Reads what the pages show from the store, and keeps what need not be read again.

Of the runs only what was written since is read. What changes slowly is kept for a minute: what is known of an
operation, and the last start of an expected one. What has no order by its changes is read whole, as often as it is
cheap: open incidents, notices that wait, and the parts of runs that span processes. Incidents are changed by sweeps and
by people's answers, so they are also read when a sweep was made, and when somebody answered on this page.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from heartbeat_client.run import OPERATIONS, RUNS, Run, document_key

from ..expectation import Start
from ..history import History
from ..incident import EXPECTED, Incident
from ..ledger import Held, Ledger, RunRecord, run_record
from ..notice import Notice
from ..policy import Policy
from ..schedule import Expected, slots
from ..shared_runs import shown
from ..starts import newest
from ..survey import Survey, View, story_of, views
from ..verdict import judge
from .ends import Ends
from .kept import Kept
from .live_runs import LiveRuns
from .metered import MeteredStore
from .paced import Paced
from .stories import Ahead, OperationStory, Panorama, ProblemStory, RunStory

__all__ = ["Surveyor"]

FOLLOWING = 8400.0
SLOW_SECONDS = 60.0

# Reads a second for what is read whole: 15 open incidents, or the parts of a run in 15 processes, each second.
WHOLE_PER_SECOND = 15.0


class Surveyor:
    """Reads for pages. For one thread at a time. Everything raises `StoreError`.

    clock: monotonic seconds. following: reads a minute for following what live runs do. patience: how old, in seconds,
    what another page read may be for the page of an operation. slowest: seconds between two readings of that part of
    what goes on which was read the least often.
    """

    def __init__(
        self,
        ledger: Ledger,
        policy: Callable[[], Policy],
        clock: Callable[[], float] = time.monotonic,
        following: float = FOLLOWING,
    ) -> None:
        self.patience = 0.0
        self.slowest = 0.0
        self._store = MeteredStore(ledger.store)
        self._ledger = Ledger(self._store)
        self._policy = policy
        self._clock = clock
        self._ever = False
        self._answers = 0
        self._changes: tuple[int, Any] = (0, None)
        self._latest: tuple[float, Panorama] | None = None
        self._operations: Kept[Mapping[str, Any]] = Kept(clock, SLOW_SECONDS)
        self._starts: Kept[Start | None] = Kept(clock, SLOW_SECONDS)
        self._live = LiveRuns(ledger, following, clock)
        self._ends = Ends(self._ledger)
        paced = (lambda: self._store.reads, WHOLE_PER_SECOND, clock)
        self._incidents: Paced[list[Held[Incident]]] = Paced(*paced)
        self._notices: Paced[list[Held[Notice]]] = Paced(*paced)
        self._tallies: Paced[RunRecord] = Paced(*paced)

    @property
    def reads(self) -> int:
        """Documents read so far, but for `following_reads`."""
        return self._store.reads

    @property
    def following_reads(self) -> int:
        """Documents read so far in following live runs."""
        return self._live.reads

    def renew(self) -> None:
        """Somebody changed something: read it all."""
        self._answers += 1

    def panorama(self) -> Panorama:
        """All that goes on, and what ended within the hour."""
        policy, (now, state, snoozes) = self._policy(), self._ledger.standing_now()
        running = self._with_parts(self._live.at(now))
        ended = tuple(_view(run.id, run, policy, now) for run in self._ends.until(now, self._live.over))
        incidents, waiting = self._open(state.version)
        seen = Survey(now, views(running, policy, now), incidents, waiting, state.value, snoozes.value)
        names = {view.run.operation for view in (*seen.runs, *ended) if view.run}
        histories = {name: _history(record) for name, record in self._known(names).items()}
        self._ever = self._ever or bool(seen.runs or ended) or self._any_record()
        self.slowest = max(self._live.every, self._tallies.every, self._incidents.every)
        panorama = Panorama(seen, ended, histories, self._ahead(policy, seen), self._ever)
        self._latest = (self._clock(), panorama)
        return panorama

    def _open(self, sweep: Any) -> tuple[list[Incident], list[Notice]]:
        """Incidents and notices that are open. sweep: something that changes when a sweep was made."""
        changes = (self._answers, sweep)
        anew = changes != self._changes
        incidents = self._incidents.get("", self._ledger.open_incidents, anew=anew)
        waiting = self._notices.get("", self._ledger.open_notices, anew=anew)
        self._changes = changes
        return [held.value for held in incidents], [held.value for held in waiting]

    def _with_parts(self, running: Mapping[str, RunRecord]) -> list[RunRecord]:
        """The records, those of shared runs with what their parts said at most lately."""
        shared = {record.id for record in running.values() if record.readable and record.readable.shared}
        self._tallies.keep(shared)
        return [self._tallied(record) if record.id in shared else record for record in running.values()]

    def _tallied(self, record: RunRecord) -> RunRecord:
        def read() -> RunRecord:
            return shown(self._store, {record.id: record})[record.id]

        return self._tallies.get(record.id, read, anew=record.id in self._live.changed)

    def _any_record(self) -> bool:
        return bool(self._store.find(OPERATIONS, limit=1) or self._store.find(RUNS, limit=1))

    def _lately(self) -> Panorama:
        if self._latest is not None and self._clock() - self._latest[0] < self.patience:
            return self._latest[1]
        return self.panorama()

    def run(self, run_id: str) -> RunStory | None:
        """One run by its document's id, or by the key that its id makes; None where there is none."""
        keys = (run_id, document_key(run_id))
        found = self._store.get(RUNS, keys)
        stored = next((found[key] for key in keys if key in found), None)
        if stored is None:
            return None
        record = run_record(stored)
        operation = record.readable.operation if record.readable else None
        history = _history(self._known([operation])[operation]) if operation else History()
        told = story_of(self._ledger, self._policy(), record, history)
        return RunStory(told, stored.fields, history, self._ledger.standing()[1].value)

    def operation(self, name: str) -> OperationStory | None:
        """One operation; None where nothing is known of it."""
        all_of_it, record = self._lately(), self._known([name])[name]
        running, ended = (_of(name, views) for views in (all_of_it.survey.runs, all_of_it.ended))
        incidents = tuple(incident for incident in all_of_it.survey.incidents if incident.operation == name)
        ahead = tuple(one for one in all_of_it.ahead if one.expected.operation == name)
        if not (record or running or ended or incidents or ahead):
            return None
        history = _history(record).with_runs(view.run for view in reversed(ended) if view.run)
        known, policy = (record, running, ended, incidents, ahead), self._policy()
        return OperationStory(name, all_of_it.now, history, *known, policy, all_of_it.survey.snoozes)

    def incident(self, incident_id: str) -> ProblemStory | None:
        """One incident; None where there is none."""
        held = self._ledger.incidents([incident_id]).get(incident_id)
        if held is None:
            return None
        incident, now = held.value, self._ledger.now()
        told = self._ledger.notices((*incident.first_notices, *incident.notices))
        notices = sorted((one.value for one in told.values()), key=lambda notice: notice.made_at)
        record = self._ledger.runs([incident.run_id]).get(incident.run_id)
        view = _seen(record, self._policy(), now) if record else None
        return ProblemStory(now, incident, tuple(notices), view, self._ledger.standing()[1].value)

    def _known(self, names: Iterable[str]) -> dict[str, Mapping[str, Any]]:
        """What the watchdog keeps of these operations, by their names; empty where it keeps nothing."""
        keys = {name: document_key(name) for name in names}
        missing = self._operations.stale(keys.values())
        found = self._store.get(OPERATIONS, missing) if missing else {}
        for key in missing:
            self._operations.keep(key, found[key].fields if key in found else {})
        return {name: self._operations[key] for name, key in keys.items()}

    def _ahead(self, policy: Policy, seen: Survey) -> tuple[Ahead, ...]:
        missed = {one.operation: one for one in seen.incidents if one.about == EXPECTED}
        for name in self._starts.stale(one.operation for one in policy.expected):
            self._starts.keep(name, newest(self._store, name))
        ahead = []
        for one in policy.expected:
            last = _last_start(one.operation, self._starts[one.operation], seen.runs)
            ahead.append(Ahead(one, _next_due(one, last, seen.now), last, missed.get(one.operation)))
        return tuple(sorted(ahead, key=lambda one: (one.due is None, one.due or seen.now)))


def _seen(record: RunRecord, policy: Policy, now: datetime) -> View:
    run = record.readable
    return _view(record.id, run, policy, now) if run else View(record.id, None, judge(record.run, policy, now))


def _view(run_id: str, run: Run, policy: Policy, now: datetime) -> View:
    return View(run_id, policy.applied(run), judge(run, policy, now))


def _of(operation: str, views: Iterable[View]) -> tuple[View, ...]:
    return tuple(view for view in views if view.run is not None and view.run.operation == operation)


def _history(record: Mapping[str, Any]) -> History:
    return History.from_document(record.get("history"))


def _last_start(operation: str, read: Start | None, running: Iterable[View]) -> Start | None:
    """The last start of an operation: the one that was read, or one since then that runs now."""
    fresh = [Start(view.id, view.run.started_at, view.run) for view in _of(operation, running) if view.run]
    return max([*fresh, *([read] if read else [])], key=lambda start: start.at, default=None)


def _next_due(expected: Expected, last: Start | None, now: datetime) -> datetime | None:
    """When the next run is expected; by `every` that may lie behind, for it counts from the last start."""
    if expected.every is not None:
        return last.at + timedelta(seconds=expected.every) if last else None
    return next(slots(expected, now), None)
