"""The present state of everything, for whoever looks: runs with their verdicts, open incidents, the watchdog itself.

The shape of `status --json`, which scripts depend on, is made here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from heartbeat_client.run import RUNNING, Run, Tally, document_key

from .course import points_json
from .history import History
from .incident import Incident
from .ledger import Ledger, RunRecord, SweepState
from .notice import Notice
from .operations import histories
from .policy import Policy
from .shared_runs import shown
from .snooze import Snooze, Snoozes
from .verdict import Verdict, judge

__all__ = ["Story", "Survey", "View", "find_run", "story", "story_of", "survey", "views"]


@dataclass(frozen=True)
class View:
    """One run as it is shown. run None: its record can't be read."""

    id: str
    run: Run | None
    verdict: Verdict

    def as_json(self) -> dict[str, Any]:
        """The run as `status --json` shows it."""
        verdict = {"state": self.verdict.state, "reason": self.verdict.reason, "since": _text(self.verdict.since)}
        if self.run is None:
            return {"id": self.id, "operation": None, "state": None, "verdict": verdict}
        run = self.run
        plain = {name: getattr(run, name) for name in _SHOWN}
        instants = {name: _text(getattr(run, name)) for name in ("started_at", "beat_at", "ended_at", "deadline")}
        extra = {
            "labels": dict(run.labels),
            "parent": run.parent,
            "progress": _progress(run),
            "activity": _activity(run),
            "shared": _shared(run),
        }
        return {"id": self.id, **plain, **instants, **extra, "verdict": verdict}


_SHOWN = ("operation", "detail", "state", "service", "revision", "instance", "host", "pid", "failed_writes")


@dataclass(frozen=True)
class Survey:
    """All that `status` shows, as of `now`."""

    now: datetime
    runs: list[View]
    incidents: list[Incident]
    waiting: list[Notice]
    state: SweepState = field(default_factory=SweepState)
    snoozes: Snoozes = field(default_factory=Snoozes)
    histories: Mapping[str, History] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The stable form for scripts."""
        return {
            "now": _text(self.now),
            "runs": [view.as_json() for view in self.runs],
            "incidents": [incident_json(incident) for incident in self.incidents],
            "watchdog": {
                "durations": {name: dict(history.summary) for name, history in self.histories.items()},
                "last_sweep_at": _text(self.state.last_sweep_at),
                "last_audit_at": _text(self.state.last_audit_at),
                "doubt_until": _text(self.state.doubt_until),
                "doubt": self.state.doubt.said if self.state.doubt else None,
                "snoozes": [snooze_json(snooze) for snooze in self.snoozes.in_force(self.now)],
                "woken": [snooze_json(snooze) for snooze in self.snoozes.woken_lately(self.now)],
                "last_sweep": dict(self.state.report),
                "undelivered": [notice_json(notice) for notice in self.waiting],
            },
        }


@dataclass(frozen=True)
class Story:
    """One run with all that was concluded and told of it."""

    now: datetime
    view: View
    incidents: list[Incident]
    notices: list[Notice]
    history: History = field(default_factory=History)

    def as_json(self) -> dict[str, Any]:
        """The stable form for scripts."""
        return {
            "now": _text(self.now),
            "run": self.view.as_json(),
            "incidents": [incident_json(incident) for incident in self.incidents],
            "notices": [notice_json(notice) for notice in self.notices],
            "trail": points_json(self.view.run),
            "history": {**self.history.summary, "lasted": [taken.seconds for taken in self.history.runs]},
        }


def survey(ledger: Ledger, policy: Policy, *, ended: bool = False) -> Survey:
    """Look at all running runs, and at ended ones too where `ended`. Raises `StoreError`."""
    now = ledger.now()
    records = ledger.all_runs() if ended else ledger.running(now)
    with_parts = shown(ledger.store, {record.id: record for record in records}).values()
    seen = views(with_parts, policy, now)
    incidents = [held.value for held in ledger.open_incidents()]
    waiting = [held.value for held in ledger.open_notices()]
    state, snoozes = ledger.standing()
    known = histories(ledger.store, (view.run.operation for view in seen if view.run))
    return Survey(now, seen, incidents, waiting, state.value, snoozes.value, known)


def views(records: Iterable[RunRecord], policy: Policy, now: datetime) -> list[View]:
    """The records as they are shown: what runs before what has ended, the worst first, the latest start first."""
    return sorted((_view(record, policy, now) for record in records), key=_order)


def story(ledger: Ledger, policy: Policy, run_id: str) -> Story | None:
    """All about one run, found by its id or by the only beginning that fits; None when there is none."""
    record = find_run(ledger, run_id)
    return None if record is None else story_of(ledger, policy, record)


def story_of(ledger: Ledger, policy: Policy, record: RunRecord, history: History | None = None) -> Story:
    """All about the run of a record. history: of its operation; read where None. Raises `StoreError`."""
    now = ledger.now()
    incidents = [held.value for held in ledger.episodes(record.id)]
    notices = ledger.notices(notice for incident in incidents for notice in incident.notices)
    told = sorted((held.value for held in notices.values()), key=lambda notice: notice.made_at)
    record = shown(ledger.store, {record.id: record})[record.id]
    operation = record.readable.operation if record.readable else ""
    if history is None:
        history = histories(ledger.store, [operation]).get(operation, History()) if operation else History()
    return Story(now, _view(record, policy, now), incidents, told, history)


def find_run(ledger: Ledger, run_id: str) -> RunRecord | None:
    """A run by its id or by the only beginning that fits; None when there is none, or many."""
    key = document_key(run_id)
    return ledger.runs([key]).get(key) or _by_beginning(ledger, run_id)


def _by_beginning(ledger: Ledger, beginning: str) -> RunRecord | None:
    found = [record for record in ledger.all_runs() if beginning and record.id.startswith(beginning)]
    return found[0] if len(found) == 1 else None


def _view(record: RunRecord, policy: Policy, now: datetime) -> View:
    run = record.readable
    return View(record.id, policy.applied(run) if run else None, judge(record.run, policy, now))


def _order(view: View) -> tuple[bool, int, float]:
    running = view.run is None or view.run.state == RUNNING
    return (not running, -view.verdict.severity, -view.run.started_at.timestamp() if view.run else 0.0)


def incident_json(incident: Incident) -> dict[str, Any]:
    """An incident as scripts see it."""
    return {
        "id": incident.id,
        "run": incident.run_id,
        "operation": incident.operation,
        "detail": incident.detail,
        "state": incident.state,
        "verdict": {
            "state": incident.verdict.state,
            "reason": incident.verdict.reason,
            "since": _text(incident.verdict.since),
        },
        "opened_at": _text(incident.opened_at),
        "resolved_at": _text(incident.resolved_at),
        "how": incident.how or None,
        "acknowledged_at": _text(incident.acked_at),
        "acknowledged_by": incident.acked_by or None,
    }


def snooze_json(snooze: Snooze) -> dict[str, Any]:
    """A snooze as scripts see it."""
    plain = {
        "operation": snooze.operation,
        "until": _text(snooze.until),
        "by": snooze.by or None,
        "why": snooze.why or None,
    }
    if snooze.woken_at is None:
        return plain
    return {**plain, "woken_at": _text(snooze.woken_at), "woken_by": snooze.woken_by or None}


def notice_json(notice: Notice) -> dict[str, Any]:
    """A notice as scripts see it."""
    return {
        "id": notice.id,
        "kind": notice.kind,
        "channel": notice.channel,
        "state": notice.state,
        "title": notice.message.title,
        "made_at": _text(notice.made_at),
        "sent_at": _text(notice.sent_at),
        "attempts": notice.attempts,
        "error": notice.error or None,
    }


def _progress(run: Run) -> dict[str, Any] | None:
    if run.progress is None:
        return None
    progress = run.progress
    plain = {"done": progress.done, "total": progress.total, "rate": progress.rate, "note": progress.note or None}
    return {**plain, "at": _text(progress.at)}


def _shared(run: Run) -> dict[str, Any] | None:
    if not run.shared:
        return None
    tally = run.tally or Tally()
    named = {name: list(getattr(tally, name)) for name in ("missing", "last")}
    counts = {name: getattr(tally, name) for name in ("missing_count", "strangers", "again", "again_times", "partial")}
    return {"key": run.key, **named, **counts}


def _activity(run: Run) -> Mapping[str, Any] | None:
    return None if run.activity is None else {name: _plain(value) for name, value in run.activity.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return _text(value)
    if isinstance(value, Mapping):
        return {str(name): _plain(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    # Firestore has types that JSON has no word for: references, points, bytes.
    return value if value is None or isinstance(value, (str, int, float)) else str(value)


def _text(at: datetime | None) -> str | None:
    return at.isoformat().replace("+00:00", "Z") if at else None
