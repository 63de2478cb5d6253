"""What stands on a card: one run, one incident, one expected run, in the words and figures that a page shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from heartbeat_client.lengths import spoken
from heartbeat_client.run import FAILED, INTERRUPTED, Run

from ..forecast import forecast
from ..history import History
from ..incident import EXPECTED, RUN, Incident
from ..particulars import lasted, title
from ..snooze import Snoozes
from ..survey import View
from ..verdict import FINISHED_LATE, HEALTHY, LATE, UNJUDGED
from ..wording import activity_text, ago, progress_text, remaining, sentence
from .bars import Bar, bar, share
from .phrases import clock, name
from .quiet import Quiet, quiet_of
from .stories import Ahead

__all__ = ["AheadCard", "ProblemCard", "RunCard", "ahead_card", "mood_of", "problem_card", "run_card"]

# An operation's name has at most 200 letters, and what follows it is what matters.
TITLE_LIMIT = 300

MOODS = {HEALTHY: "good", LATE: "notice", FINISHED_LATE: "notice"}


def mood_of(view: View) -> str:
    """The colour of a run: good, notice, bad or worse."""
    if view.run is not None and view.run.ended:
        return "bad" if view.run.state in (FAILED, INTERRUPTED) else MOODS.get(view.verdict.state, "good")
    return "worse" if view.verdict.severity > 1 else MOODS.get(view.verdict.state, "bad")


@dataclass(frozen=True)
class RunCard:
    """One run. state: the word on its badge. about: the operation's own words and labels. done: progress in per cent.

    pace: rate and when it will be done. doing: what it was seen to be doing. when: how long ago it ended.
    """

    id: str
    state: str
    mood: str
    reason: str
    operation: str = ""
    about: str = ""
    place: str = ""
    took: str = ""
    when: str = ""
    bar: Bar | None = None
    progress: str = ""
    done: float | None = None
    pace: str = ""
    doing: str = ""
    beat: str = ""
    nested: bool = False


def run_card(view: View, histories: Mapping[str, History], now: datetime) -> RunCard:
    """The card of a run, readable or not."""
    run, verdict = view.run, view.verdict
    if run is None:
        return RunCard(view.id, UNJUDGED, "bad", verdict.reason)
    labels = ", ".join(f"{label} {value}" for label, value in sorted(run.labels.items()))
    return RunCard(
        id=view.id,
        operation=run.operation,
        about=name(sentence(run.detail, labels)),
        place=name(" / ".join(part for part in (run.service, run.host) if part)),
        state=_state(view, run),
        mood=mood_of(view),
        reason=verdict.reason,
        took=spoken(((run.ended_at or now) - run.started_at).total_seconds()),
        when=f"{ago(now, run.ended_at)} ago" if run.ended_at else "",
        bar=bar(run, histories.get(run.operation, History()), now),
        progress=name(progress_text(run)),
        done=_done(run),
        pace="" if run.ended else _pace(run, now),
        doing="" if run.ended else activity_text(run, now),
        beat=_beat(run, now),
        nested=bool(run.ancestors),
    )


def _state(view: View, run: Run) -> str:
    if run.ended:
        return view.verdict.state if view.verdict.state == FINISHED_LATE else run.state
    return f"{view.verdict.state}, past its deadline" if view.verdict.past_deadline else view.verdict.state


def _done(run: Run) -> float | None:
    progress = run.progress
    return share(progress.done, progress.total) if progress is not None and progress.total else None


def _pace(run: Run, now: datetime) -> str:
    told = forecast(run, now)
    return sentence(remaining(run), f"done at {clock(told.done_at, now)}" if told and told.firm else "")


def _beat(run: Run, now: datetime) -> str:
    if run.ended or run.shared:
        return ""
    return "no beat yet" if run.beat_at is None else f"last beat {ago(now, run.beat_at)} ago"


@dataclass(frozen=True)
class ProblemCard:
    """One incident. run_id: the run's, empty where it is about none. well: why it is not a problem at this moment.

    acked: who looks after it. quiet: the snooze of its operation. can_answer: whether somebody may look after it.
    """

    id: str
    run_id: str
    operation: str
    title: str
    about: str
    mood: str
    reason: str
    since: datetime
    lasted: str
    left: str
    doing: str
    well: str
    acked: str
    quiet: Quiet | None
    open: bool
    can_answer: bool


def problem_card(incident: Incident, view: View | None, snoozes: Snoozes, now: datetime) -> ProblemCard:
    """The card of an incident. view: its run now, where that is known."""
    run = view.run if view else None
    moving = view is not None and not view.verdict.problem and incident.open
    reason = view.verdict.reason if view and view.verdict.problem and incident.open else incident.verdict.reason
    return ProblemCard(
        id=incident.id,
        run_id=incident.run_id if incident.about == RUN else "",
        operation=incident.operation,
        title=name(title("", incident, now), TITLE_LIMIT),
        about=name(run.detail if run else incident.detail),
        mood="worse" if incident.verdict.severity > 1 else "bad",
        reason=reason,
        since=min(incident.verdict.since or incident.opened_at, incident.opened_at),
        lasted=lasted(incident, now),
        left=_left(run, now) if incident.open else "",
        doing=activity_text(run, now) if run and not run.ended else "",
        well=f"{view.verdict.reason}; the next sweep will say so" if moving and view else "",
        acked=_acked(incident, now),
        quiet=quiet_of(snoozes, incident.operation, now) if incident.open else None,
        open=incident.open,
        can_answer=incident.open and incident.about in (RUN, EXPECTED),
    )


def _left(run: Run | None, now: datetime) -> str:
    if run is None or run.deadline is None or run.ended:
        return ""
    left = (run.deadline - now).total_seconds()
    return f"{spoken(left)} left" if left > 0 else f"deadline passed {spoken(-left)} ago"


def _acked(incident: Incident, now: datetime) -> str:
    return (
        f"{name(incident.acked_by)} looks after it since {clock(incident.acked_at, now)}" if incident.acked_at else ""
    )


@dataclass(frozen=True)
class AheadCard:
    """One expected run. due: when, in words. last: its last start. missed: why, if it is."""

    operation: str
    rule: str
    due: str
    at: datetime | None
    last: str
    last_id: str
    missed: str
    mood: str


def ahead_card(ahead: Ahead, now: datetime) -> AheadCard:
    """The card of an expected run."""
    expected, last = ahead.expected, ahead.last
    past = ahead.due is not None and ahead.due <= now
    return AheadCard(
        operation=expected.operation,
        rule=_rule(ahead),
        due=_due(ahead, now),
        at=ahead.due,
        last=f"{ago(now, last.at)} ago" if last else "",
        last_id=last.run_id if last else "",
        missed=ahead.missed.verdict.reason if ahead.missed else "",
        mood="bad" if ahead.missed else "notice" if past else "plain",
    )


def _rule(ahead: Ahead) -> str:
    expected = ahead.expected
    if expected.every is not None:
        return f"at least every {spoken(expected.every)}"
    if expected.after:
        return f"within {spoken(expected.grace)} of each success of {name(expected.after)}"
    return expected.rule


def _due(ahead: Ahead, now: datetime) -> str:
    if ahead.due is None:
        return f"when {name(ahead.expected.after)} succeeds" if ahead.expected.after else "at its first start"
    if ahead.due <= now:
        return f"since {clock(ahead.due, now)}, in time until {clock(_grace_end(ahead), now)}"
    zone = ahead.expected.zone
    local = f", {ahead.due.astimezone(zone):%H:%M} in {zone.key}" if zone.key != "UTC" else ""
    return f"in {spoken((ahead.due - now).total_seconds())}, at {clock(ahead.due, now)}{local}"


def _grace_end(ahead: Ahead) -> datetime | None:
    return ahead.due + timedelta(seconds=ahead.expected.grace) if ahead.due else None
