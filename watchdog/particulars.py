"""The particulars of a notice: its title, and what is known of the run in figures and places."""

from __future__ import annotations

import shlex
from datetime import datetime

from heartbeat_client.lengths import spoken
from heartbeat_client.run import Run

from .incident import EXPECTED, FAILURE, REMINDED, RESOLVED, RUN, WATCHDOG_ITSELF, WORSENED, Incident
from .verdict import CONFIRMED, STALLED, UNJUDGED
from .wording import activity_text, progress_text, remaining, sentence

__all__ = ["facts", "lasted", "title", "what"]

LONGEST_TYPED = 200


def title(kind: str, incident: Incident, now: datetime) -> str:
    """One line: which operation, in what state, since when."""
    if incident.about == WATCHDOG_ITSELF:
        return _own_title(kind, incident, now)
    name = incident.operation or f"run {incident.run_id[:60]}"
    if kind == RESOLVED:
        how = "it has started" if incident.about == EXPECTED else incident.how
        return f"{name}: {how} after {lasted(incident, now)}"
    state = _state(incident)
    if kind == REMINDED:
        return f"{name} {state}, still, for {lasted(incident, now)}"
    return f"{name} {state} now" if kind == WORSENED else f"{name} {state}"


def _own_title(kind: str, incident: Incident, now: datetime) -> str:
    if kind != RESOLVED:
        return "Hangwatch: beats are not arriving at the watchdog"
    how = "no beats came back" if incident.how == CONFIRMED else "beats arrive again"
    return f"Hangwatch: {how} after {lasted(incident, now)}"


def _state(incident: Incident) -> str:
    if incident.about == EXPECTED:
        return "did not start"
    if incident.verdict.state == UNJUDGED:
        return "can't be judged"
    state = incident.verdict.state if not incident.open else f"is {incident.verdict.state}"
    return f"{state}, past its deadline" if incident.verdict.past_deadline and incident.open else state


def lasted(incident: Incident, now: datetime) -> str:
    """How long the problem has lasted, or did."""
    began = min(incident.verdict.since or incident.opened_at, incident.opened_at)
    return spoken(((incident.resolved_at or now) - began).total_seconds())


def facts(kind: str, incident: Incident, run: Run | None, now: datetime) -> tuple[tuple[str, str], ...]:
    """(label, text) pairs of what is known of the run, or of what stands in its place."""
    if incident.about != RUN:
        return (("Since", _since(incident, now)),)
    if run is None:
        return _unread(kind, incident.run_id)
    pairs = [
        ("What", what(run)),
        ("Where", _failed_at(run) if kind == FAILURE else _where(incident, run, now)),
        ("Since" if kind != FAILURE else "Ended", _since(incident, now)),
        ("Time left", _time_left(run, now) if kind != RESOLVED else ""),
        ("Started", _clock(run.started_at, now)),
        ("Runs at", _runs_at(run)),
    ]
    return tuple((label, text) for label, text in pairs if text)


def _failed_at(run: Run) -> str:
    place = run.failure.place if run.failure else None
    at = f"at {place.file}:{place.line} in {place.function}" if place else ""
    return sentence(at, progress_text(run))


def _unread(kind: str, run_id: str) -> tuple[tuple[str, str], ...]:
    if kind == RESOLVED or len(run_id) > LONGEST_TYPED:
        return (("Run", run_id),)
    # The id is a stranger's, and people paste what they read into a shell.
    command = f"python -m watchdog prune {shlex.quote(run_id)}"
    return (("Run", run_id), ("What to do", f"find out who writes it, or delete it: {command}"))


def what(run: Run) -> str:
    """The operation's own words about this run, and its labels."""
    labels = ", ".join(f"{name} {value}" for name, value in sorted(run.labels.items()))
    key = f"key {run.key}" if run.key and run.key not in run.detail else ""
    return "; ".join(part for part in (run.detail, key, labels) if part)


def _where(incident: Incident, run: Run, now: datetime) -> str:
    inside = "inside a nested run" if run.child and run.progress is None else ""
    to_go = "" if run.ended or incident.verdict.state == STALLED else remaining(run)
    parts = (progress_text(run), to_go, inside, "" if run.ended else activity_text(run, now))
    return "; ".join(part for part in parts if part)


def _since(incident: Incident, now: datetime) -> str:
    return _clock(incident.verdict.since or incident.opened_at, now)


def _clock(at: datetime, now: datetime) -> str:
    away = spoken(abs((now - at).total_seconds()))
    return f"{_instant(at, now)} (in {away})" if at > now else f"{_instant(at, now)} ({away} ago)"


def _instant(at: datetime, now: datetime) -> str:
    day = "" if at.date() == now.date() else f"{at:%Y-%m-%d} "
    return f"{day}{at:%H:%M:%S} UTC"


def _time_left(run: Run, now: datetime) -> str:
    if run.deadline is None or run.ended:
        return ""
    left = (run.deadline - now).total_seconds()
    if left <= 0:
        return f"none: {_after_deadline(run)}; the deadline was {_clock(run.deadline, now)}"
    return f"{spoken(left)}, until {_instant(run.deadline, now)}; then {_at_deadline(run)}"


def _at_deadline(run: Run) -> str:
    if run.platform == "cloud_run_service":
        return "the response is cut, while the code may go on"
    return "the task is killed" if run.platform == "cloud_run_job" else "its deadline has come"


def _after_deadline(run: Run) -> str:
    if run.platform == "cloud_run_service":
        return "the response is cut by now, while the code may go on"
    return "the task is killed by now" if run.platform == "cloud_run_job" else "its deadline has passed"


def _runs_at(run: Run) -> str:
    process = f"{run.host} pid {run.pid}" if run.host and not run.instance else ""
    instance = f"instance {run.instance[-12:]} pid {run.pid}" if run.instance else ""
    return " / ".join(part for part in (run.service, run.revision, instance or process) if part)
