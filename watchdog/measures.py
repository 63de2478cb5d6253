"""What the figures of a sweep are: each metric's value after it, by operation and for the watchdog itself.

No state is kept to bring a gauge back to zero: an operation that this sweep saw at all, in a case, live, or in an
incident that is open or was resolved lately, has a figure for each verdict, zeros among them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from heartbeat_client.run import Run, silent_at, standing_since

from .incident import Case, Incident
from .metrics import LABEL_LIMIT, METRICS, NAMED_AT_MOST, OTHER, UNKNOWN, VERDICTS
from .policy import Policy
from .ports import Reading
from .report import SweepReport
from .verdict import DOUBTFUL, SILENT, UNJUDGED, judge

__all__ = ["METRICS", "readings"]


def readings(
    cases: Sequence[Case],
    incidents: Sequence[Incident],
    report: SweepReport,
    policy: Policy,
    now: datetime,
    *,
    live: Sequence[Run] | None = None,
    took: float | None = None,
) -> list[Reading]:
    """All figures of one sweep, the watchdog's own first.

    cases: what the sweep judged. incidents: the open ones after it, and the ones resolved lately, whose operations must
    go back to zero. live: all running runs where this sweep read them; None where it did not: what depends on them is
    then left out, for it would be wrong. took: seconds that the sweep took so far, None when nobody measured.
    """
    living = None if live is None else _living(live, policy, now)
    rows = _rows(cases, incidents, living or ())
    own = _of_the_watchdog(incidents, report, took)
    failed = [] if live is None else [Reading("clients/failed_writes", _failed_writes(cases, live))]
    return [*own, *failed, *_open_incidents(incidents, rows), *_of_the_living(living, rows, now)]


def _of_the_watchdog(incidents: Sequence[Incident], report: SweepReport, took: float | None) -> list[Reading]:
    states = [incident.verdict.state for incident in incidents if incident.open]
    figures = {
        "sweep/completed": 1,
        "sweep/seconds": took,
        "sweep/read": report.read,
        "sweep/due": report.due,
        "sweep/unjudged": len(report.unjudged),
        "sweep/undelivered": len(report.undelivered),
        "sweep/held": len(report.held),
        "sweep/doubtful": DOUBTFUL in states,
        "incidents/open": len(states),
    }
    return [Reading(name, float(value)) for name, value in figures.items() if value is not None]


def _failed_writes(cases: Sequence[Case], live: Iterable[Run]) -> float:
    judged = (case.run for case in cases if case.run is not None)
    runs = {run.id: run for run in (*judged, *live) if not run.ended}
    return float(sum(max(run.failed_writes, 0) for run in runs.values()))


def _living(live: Iterable[Run], policy: Policy, now: datetime) -> list[Run]:
    """The runs that may still live, with the limits that hold for them."""
    return [policy.applied(run) for run in live if not run.ended and _may_live(run, policy, now)]


def _may_live(run: Run, policy: Policy, now: datetime) -> bool:
    verdict = judge(run, policy, now)
    given_up = verdict.state == SILENT and verdict.past_deadline and run.due_at is None
    return verdict.state != UNJUDGED and not given_up


def _rows(cases: Sequence[Case], incidents: Sequence[Incident], living: Iterable[Run]) -> dict[str, str]:
    """For each operation's label the one that it goes under. Those in trouble have names before all others."""
    by_rank = (
        [incident.operation for incident in incidents if incident.open and _of_an_operation(incident)],
        [incident.operation for incident in incidents if _of_an_operation(incident)],
        [run.operation for run in living],
        [case.run.operation if case.run else case.operation for case in cases if case.verdict is not None],
    )
    labels = dict.fromkeys(label for rank in by_rank for label in sorted({_label(name) for name in rank}))
    labels.pop(OTHER, None)
    named = set(list(labels)[:NAMED_AT_MOST])
    return {label: label if label in named else OTHER for label in (*labels, OTHER)}


def _of_an_operation(incident: Incident) -> bool:
    return incident.verdict.state != DOUBTFUL


def _label(operation: str) -> str:
    """An operation's name as a label may hold it."""
    shown = "".join(character if character.isprintable() else " " for character in operation)
    return shown.strip()[:LABEL_LIMIT].strip() or UNKNOWN


def _open_incidents(incidents: Iterable[Incident], rows: Mapping[str, str]) -> list[Reading]:
    counted = Counter(
        (rows[_label(incident.operation)], _known(incident.verdict.state))
        for incident in incidents
        if incident.open and _of_an_operation(incident)
    )
    pairs = ((row, verdict) for row in _distinct(rows) for verdict in VERDICTS)
    return [
        Reading("operation/open_incidents", float(counted[row, verdict]), {"operation": row, "verdict": verdict})
        for row, verdict in pairs
    ]


def _known(state: str) -> str:
    """A verdict of our own words; one that a newer watchdog wrote is one that we can't judge."""
    return state if state in VERDICTS else UNJUDGED


def _of_the_living(living: Sequence[Run] | None, rows: Mapping[str, str], now: datetime) -> list[Reading]:
    if living is None:
        return []
    groups: dict[str, list[Run]] = {row: [] for row in _distinct(rows)}
    for run in living:
        groups[rows[_label(run.operation)]].append(run)
    return [reading for row, runs in groups.items() for reading in _of_one_operation(row, runs, now)]


def _distinct(rows: Mapping[str, str]) -> list[str]:
    return list(dict.fromkeys(rows.values()))


def _of_one_operation(row: str, runs: Sequence[Run], now: datetime) -> list[Reading]:
    figures = {
        "operation/live_runs": float(len(runs)),
        "operation/worst_silence": max((_silence(run, now) for run in runs), default=0.0),
        "operation/worst_stall": max((_stall(run, now) for run in runs), default=0.0),
        "operation/deadline_used": max((_share_used(run, now) for run in runs), default=0.0),
    }
    return [Reading(name, value, {"operation": row}) for name, value in figures.items()]


def _silence(run: Run, now: datetime) -> float:
    if silent_at(run) is None:
        return 0.0
    return max(0.0, (now - (run.beat_at or run.started_at)).total_seconds())


def _stall(run: Run, now: datetime) -> float:
    since = _unmoved_since(run, now)
    return 0.0 if since is None else max(0.0, (now - since).total_seconds())


def _unmoved_since(run: Run, now: datetime) -> datetime | None:
    """Since when nothing proves that the run moves, by the rules of `run.stalled_at`; None where something does."""
    if run.waiting is not None:
        return run.waiting.since if now >= run.waiting.until else None
    since = max(run.moved_at or run.started_at, run.started_at)
    if run.progress is not None:
        return since
    if run.child is not None:
        return None
    if not (run.activity or {}).get("kind"):
        return since
    stands_since = standing_since(run)
    return None if stands_since is None else max(since, stands_since)


def _share_used(run: Run, now: datetime) -> float:
    if run.deadline is None or run.deadline <= run.started_at:
        return 0.0
    return max(0.0, (now - run.started_at) / (run.deadline - run.started_at))
