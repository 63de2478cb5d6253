"""Reads what the pages show from the store.

Beside what `survey` reads each time, some things change slowly and are kept for a minute: what is known of an
operation, and the last start of an expected one. Of runs that ended only those are read that ended since the last look.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from heartbeat_client.run import OPERATIONS, RUNS, Run, document_key

from ..expectation import Start
from ..history import History
from ..incident import EXPECTED
from ..ledger import Ledger, RunRecord
from ..policy import Policy
from ..schedule import Expected, slots
from ..starts import newest
from ..survey import Survey, View, story_of, survey
from ..verdict import judge
from .kept import Kept
from .stories import Ahead, OperationStory, Panorama, ProblemStory, RunStory

__all__ = ["Surveyor"]

SLOW_SECONDS = 60.0
LATELY = timedelta(hours=1)
ENDS_AT_ONCE = 300
ENDED_KEPT = 300

# A run that ended may be found a little after its instant: the store's servers need not agree to the millisecond.
OVERLAP = timedelta(seconds=5)


class Surveyor:
    """Reads for pages. clock: monotonic seconds. For one thread at a time. Everything raises `StoreError`.

    patience: how old, in seconds, what another page read may be for the page of an operation.
    """

    def __init__(
        self, ledger: Ledger, policy: Callable[[], Policy], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.patience = 0.0
        self._ledger = ledger
        self._policy = policy
        self._clock = clock
        self._ever = False
        self._latest: tuple[float, Panorama] | None = None
        self._operations: Kept[Mapping[str, Any]] = Kept(clock, SLOW_SECONDS)
        self._starts: Kept[Start | None] = Kept(clock, SLOW_SECONDS)
        self._ends = _Ends(ledger)

    def panorama(self) -> Panorama:
        """All that goes on, and what ended within the hour."""
        policy = self._policy()
        seen = survey(self._ledger, policy)
        ended = tuple(_view(run.id, run, policy, seen.now) for run in self._ends.until(seen.now))
        names = {view.run.operation for view in (*seen.runs, *ended) if view.run}
        histories = {name: _history(record) for name, record in self._known(names).items()}
        self._ever = self._ever or bool(seen.runs or ended) or self._any_record()
        panorama = Panorama(seen, ended, histories, self._ahead(policy, seen), self._ever)
        self._latest = (self._clock(), panorama)
        return panorama

    def _any_record(self) -> bool:
        store = self._ledger.store
        return bool(store.find(OPERATIONS, limit=1) or store.find(RUNS, limit=1))

    def _lately(self) -> Panorama:
        if self._latest is not None and self._clock() - self._latest[0] < self.patience:
            return self._latest[1]
        return self.panorama()

    def run(self, run_id: str) -> RunStory | None:
        """One run by its document's id, or by the key that its id makes; None where there is none."""
        keys = (run_id, document_key(run_id))
        found = self._ledger.runs(keys)
        record = next((found[key] for key in keys if key in found), None)
        if record is None:
            return None
        told = story_of(self._ledger, self._policy(), record)
        stored = self._ledger.store.get(RUNS, [record.id]).get(record.id)
        operation = told.view.run.operation if told.view.run else None
        history = _history(self._known([operation])[operation]) if operation else History()
        return RunStory(told, stored.fields if stored else {}, history)

    def operation(self, name: str) -> OperationStory | None:
        """One operation; None where nothing is known of it."""
        all_of_it, record = self._lately(), self._known([name])[name]
        running, ended = (_of(name, views) for views in (all_of_it.survey.runs, all_of_it.ended))
        incidents = tuple(incident for incident in all_of_it.survey.incidents if incident.operation == name)
        ahead = tuple(one for one in all_of_it.ahead if one.expected.operation == name)
        if not (record or running or ended or incidents or ahead):
            return None
        history = _history(record).with_runs(view.run for view in reversed(ended) if view.run)
        return OperationStory(name, all_of_it.now, history, record, running, ended, incidents, ahead, self._policy())

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
        return ProblemStory(now, incident, tuple(notices), view)

    def _known(self, names: Iterable[str]) -> dict[str, Mapping[str, Any]]:
        """What the watchdog keeps of these operations, by their names; empty where it keeps nothing."""
        keys = {name: document_key(name) for name in names}
        missing = self._operations.stale(keys.values())
        found = self._ledger.store.get(OPERATIONS, missing) if missing else {}
        for key in missing:
            self._operations.keep(key, found[key].fields if key in found else {})
        return {name: self._operations[key] for name, key in keys.items()}

    def _ahead(self, policy: Policy, seen: Survey) -> tuple[Ahead, ...]:
        missed = {one.operation: one for one in seen.incidents if one.about == EXPECTED}
        for name in self._starts.stale(one.operation for one in policy.expected):
            self._starts.keep(name, newest(self._ledger.store, name))
        ahead = []
        for one in policy.expected:
            last = _last_start(one.operation, self._starts[one.operation], seen.runs)
            ahead.append(Ahead(one, _next_due(one, last, seen.now), last, missed.get(one.operation)))
        return tuple(sorted(ahead, key=lambda one: (one.due is None, one.due or seen.now)))


class _Ends:
    """The runs that ended within the last hour, each read once, or twice for an instant that is not sure yet."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._runs: dict[str, Run] = {}
        self._read_to: datetime | None = None

    def until(self, now: datetime) -> list[Run]:
        """Read on, and give all that are kept, the latest first."""
        since = max(self._read_to or now - LATELY, now - LATELY)
        found = self._ledger.ended_since(since - OVERLAP, ENDS_AT_ONCE)
        known = self._runs | {run.id: run for run in found}
        ended = sorted((run for run in known.values() if _end(run) > now - LATELY), key=_end, reverse=True)
        self._runs = {run.id: run for run in ended[:ENDED_KEPT]}
        # What did not fit into one answer comes with the next look.
        self._read_to = _end(found[-1]) if len(found) >= ENDS_AT_ONCE else now
        return list(self._runs.values())


def _end(run: Run) -> datetime:
    return run.ended_at or run.started_at


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
