"""The pages of one run, one operation and one incident: what stands on each, ready to be drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from heartbeat_client.lengths import spoken
from heartbeat_client.run import Run

from ..forecast import standing
from ..history import History, Taken
from ..incident import Incident
from ..links import links
from ..notice import Notice
from ..particulars import facts, what
from ..policy import LIMITS, Policy, Rule
from ..wording import activity_text, ago, frame_lines, missing_text
from .cards import AheadCard, ProblemCard, RunCard, ahead_card, problem_card, run_card
from .durations import Plot, plot
from .phrases import clock, name
from .quiet import Quiet, Woken, quiet_of, woken_of
from .stories import OperationStory, ProblemStory, RunStory
from .timeline import Timeline, timeline

__all__ = ["OperationPage", "ProblemPage", "RunPage", "operation_page", "problem_page", "run_page"]

LAST_LISTED = 50
Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class RunPage:
    """A run. facts: labels and texts. standing: how its length compares with those before it."""

    title: str
    now: datetime
    card: RunCard
    facts: Pairs
    links: Pairs
    frames: tuple[str, ...]
    evidence: str
    unknown: str
    timeline: Timeline | None
    plot: Plot | None
    standing: str
    ancestors: tuple[str, ...]
    child: str
    problems: tuple[ProblemCard, ...]
    notices: tuple[Notice, ...]
    record: Mapping[str, Any]


def run_page(told: RunStory) -> RunPage:
    """The page of a run, readable or not."""
    view, run, now = told.story.view, told.story.view.run, told.now
    activity = (run.activity if run else None) or {}
    this = _this(run, now) if run else None
    allowed = (run.deadline - run.started_at).total_seconds() if run and run.deadline else None
    return RunPage(
        title=name(f"{run.operation if run else 'unreadable run'}: {view.verdict.state}", 120),
        now=now,
        card=run_card(view, {run.operation: told.history} if run else {}, now),
        facts=_facts(run, now) if run else (),
        links=_safe(links(run, now)) if run else (),
        frames=frame_lines(run) if run else (),
        evidence=str(activity.get("evidence") or ""),
        unknown=str(activity.get("unknown") or ""),
        timeline=timeline(told.story),
        plot=plot(told.history, this, allowed),
        standing=standing(_others(told.history, view.id), this.seconds) if this else "",
        ancestors=run.ancestors if run else (),
        child=(run.child or "") if run else "",
        problems=tuple(problem_card(one, view, told.snoozes, now) for one in reversed(told.story.incidents)),
        notices=tuple(told.story.notices),
        record=told.record,
    )


def _this(run: Run, now: datetime) -> Taken:
    end = run.ended_at or now
    late = run.deadline is not None and end > run.deadline
    return Taken(run.id, max(0.0, (end - run.started_at).total_seconds()), run.state, run.started_at, late)


def _others(history: History, run_id: str) -> History:
    return History(tuple(taken for taken in history.runs if taken.run != run_id))


def _facts(run: Run, now: datetime) -> Pairs:
    beat = "none yet" if run.beat_at is None else f"{clock(run.beat_at, now)}, number {run.seq}"
    failed = f"{run.failed_writes} before it could not be written" if run.failed_writes else ""
    known = [
        ("What", what(run)),
        ("Started", f"{clock(run.started_at, now)} ({ago(now, run.started_at)} ago)"),
        ("Ended", f"{clock(run.ended_at, now)} ({ago(now, run.ended_at)} ago)" if run.ended_at else ""),
        ("Deadline", clock(run.deadline, now)),
        ("Last beat", "" if run.shared else "; ".join(part for part in (beat, failed) if part)),
        ("Doing", "" if run.ended else activity_text(run, now)),
        ("Missing", missing_text(run).removeprefix("missing: ")),
        ("Failure", _failure(run)),
        ("Limits", _limits(run)),
        (
            "Runs at",
            " / ".join(part for part in (run.service, run.revision, run.instance, run.host, _pid(run)) if part),
        ),
        ("Python", run.python),
    ]
    return tuple((label, text) for label, text in known if text)


def _pid(run: Run) -> str:
    return f"pid {run.pid}" if run.pid else ""


def _failure(run: Run) -> str:
    if run.failure is None:
        return run.reason
    place = run.failure.place
    at = f" at {place.file}:{place.line} in {place.function}" if place else ""
    return run.failure.type + at + (f": {run.failure.text}" if run.failure.text else "")


def _limits(run: Run) -> str:
    limits = run.thresholds
    silent = "" if run.shared else f"silent after {spoken(limits.silent_after)}"
    stalled = f"stalled after {spoken(limits.stalled_after)} without progress"
    opaque = f"or {spoken(limits.opaque_after)} in one call" if limits.opaque_after else ""
    longest = f"overdue after {spoken(limits.max_runtime)}" if limits.max_runtime else ""
    warn = f"overdue at {limits.warn_at:.0%} of the way to the deadline" if run.deadline else ""
    return ", ".join(part for part in (silent, stalled, opaque, longest, warn) if part)


def _safe(found: Pairs) -> Pairs:
    return tuple((label, address) for label, address in found if urlsplit(address).scheme in ("https", "http"))


@dataclass(frozen=True)
class OperationPage:
    """An operation. limits: those in force, and where each comes from. last: its last runs, the latest first.

    told: ids of the runs that have an open incident. quiet: the snooze that holds. woken: those that were ended lately.
    """

    title: str
    name: str
    now: datetime
    summary: Pairs
    limits: tuple[tuple[str, str, str], ...]
    plot: Plot | None
    running: tuple[RunCard, ...]
    problems: tuple[ProblemCard, ...]
    ahead: tuple[AheadCard, ...]
    last: tuple[Taken, ...]
    runbook: str
    told: frozenset[str]
    quiet: Quiet | None
    woken: tuple[Woken, ...]


def operation_page(told: OperationStory) -> OperationPage:
    """The page of an operation."""
    now, histories = told.now, {told.name: told.history}
    views = {view.id: view for view in told.running}
    deadlines = [view.run.deadline - view.run.started_at for view in told.running if view.run and view.run.deadline]
    runbook = told.policy.setting_if_missed(told.name, "runbook") or ""
    return OperationPage(
        title=name(told.name, 120),
        name=told.name,
        now=now,
        summary=_summary(told.history),
        limits=_in_force(told),
        plot=plot(told.history, None, deadlines[0].total_seconds() if deadlines else None),
        running=tuple(run_card(view, histories, now) for view in told.running),
        problems=tuple(problem_card(one, views.get(one.run_id), told.snoozes, now) for one in told.incidents),
        ahead=tuple(ahead_card(one, now) for one in told.ahead),
        last=tuple(reversed(told.history.runs[-LAST_LISTED:])),
        runbook=runbook if urlsplit(runbook).scheme in ("https", "http") else "",
        told=frozenset(one.run_id for one in told.incidents),
        quiet=quiet_of(told.snoozes, told.name, now),
        woken=woken_of(told.snoozes, told.name, now),
    )


def _summary(history: History) -> Pairs:
    found = history.summary
    if not found:
        return (("Healthy runs", "none on record yet"),)
    known = (("Median", found["median"]), ("90th percentile", found["p90"]), ("Longest", found["longest"]))
    bad = len(history.runs) - len(history.healthy)
    counts = (("Healthy runs", str(int(found["runs"]))), ("Late, failed or interrupted", str(bad)))
    return (*counts, *((label, spoken(seconds)) for label, seconds in known))


def _in_force(told: OperationStory) -> tuple[tuple[str, str, str], ...]:
    """(limit, its value, where it comes from), the policy's rule before its defaults before what was learned."""
    rule, found = told.policy.rule_for(told.name), []
    for limit in (*LIMITS, "deadline"):
        said = (pair for pair in _sources(rule, told.policy, told.history, limit) if pair[1] is not None)
        source, value = next(said, ("", None))
        if value is not None:
            found.append((limit, f"{value:.0%}" if limit == "warn_at" else spoken(value), source))
    return tuple(found)


def _sources(rule: Rule | None, policy: Policy, history: History, limit: str) -> tuple[tuple[str, float | None], ...]:
    learned = history.opaque_after if limit == "opaque_after" else None
    ruled = getattr(rule.settings, limit) if rule else None
    return (
        (f"the policy's rule for {name(rule.match) if rule else ''}", ruled),
        ("the policy's defaults, unless the service sets its own", getattr(policy.defaults, limit)),
        (f"learned from {len(history.healthy)} healthy runs, unless the service sets its own", learned),
    )


@dataclass(frozen=True)
class ProblemPage:
    """An incident. facts: as a notice has them."""

    title: str
    now: datetime
    card: ProblemCard
    facts: Pairs
    notices: tuple[Notice, ...]
    incident: Incident
    has_run: bool


def problem_page(told: ProblemStory) -> ProblemPage:
    """The page of an incident."""
    incident, view, now = told.incident, told.view, told.now
    card = problem_card(incident, view, told.snoozes, now)
    run = view.run if view else None
    return ProblemPage(card.title, now, card, facts("", incident, run, now), told.notices, incident, view is not None)
