"""The first page: what needs somebody, what runs, what ended, what is expected, and how the watchdog itself is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from heartbeat_client.lengths import spoken

from ..ledger import SweepState
from ..notice import Notice
from ..survey import Survey
from .cards import AheadCard, ProblemCard, RunCard, ahead_card, problem_card, run_card
from .filters import Filter
from .phrases import ago, clock, name
from .quiet import Quiet, Woken, all_quiet, all_woken
from .stories import Panorama

__all__ = ["Health", "Overview", "overview"]

RUNS_LISTED = 100
ENDED_LISTED = 15
# Scheduler's sweeps come each minute; the policy's own limit for a gap is 3 minutes.
SWEEP_LATE = timedelta(minutes=3)


@dataclass(frozen=True)
class Health:
    """The watchdog itself. said: its last sweep; trouble: why one can't rely on it now, empty where one can."""

    said: str
    counts: str
    trouble: str
    doubt: str
    undelivered: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Overview:
    """All of the first page. headline: the state of everything in a sentence; mood: its colour.

    told: ids of the runs whose incidents are shown. hidden: how many running runs are not listed. found: how much fits
    the filter. new_here: whether nothing ever ran.
    """

    now: datetime
    headline: str
    mood: str
    detail: str
    problems: tuple[ProblemCard, ...]
    running: tuple[RunCard, ...]
    ended: tuple[RunCard, ...]
    ahead: tuple[AheadCard, ...]
    quiet: tuple[Quiet, ...]
    woken: tuple[Woken, ...]
    health: Health
    hidden: int
    told: frozenset[str]
    new_here: bool
    found: int


def overview(panorama: Panorama, wanted: Filter, *, everything: bool = False) -> Overview:
    """What of all that goes on is wanted. everything: list all runs, however many."""
    seen, now = panorama.survey, panorama.now
    by_id = {view.id: view for view in seen.runs}
    problems = [incident for incident in seen.incidents if wanted.takes_incident(incident)]
    problems.sort(key=lambda one: (one.acknowledged, -one.verdict.severity, one.opened_at))
    running = [view for view in seen.runs if wanted.takes(view)]
    listed = running if everything else running[:RUNS_LISTED]
    ended = [view for view in panorama.ended if wanted.takes(view)]
    return Overview(
        now=now,
        problems=tuple(problem_card(one, by_id.get(one.run_id), seen.snoozes, now) for one in problems),
        running=tuple(run_card(view, panorama.histories, now) for view in listed),
        ended=tuple(run_card(view, panorama.histories, now) for view in ended[:ENDED_LISTED]),
        ahead=tuple(ahead_card(one, now) for one in panorama.ahead if wanted.takes_name(one.expected.operation)),
        quiet=all_quiet(seen.snoozes, now),
        woken=all_woken(seen.snoozes, now),
        health=_health(seen),
        hidden=len(running) - len(listed),
        told=frozenset(one.run_id for one in problems),
        new_here=not panorama.ever,
        found=len(running) + len(ended) + len(problems),
        **_headline(seen),
    )


def _headline(seen: Survey) -> dict[str, str]:
    fresh = [one for one in seen.incidents if not one.acknowledged]
    taken = len(seen.incidents) - len(fresh)
    said = f"{_count(len(seen.runs), 'run')} under way" if seen.runs else "nothing runs now"
    if fresh:
        mood = "worse" if any(one.verdict.severity > 1 for one in fresh) else "bad"
        needs = "needs" if len(fresh) == 1 else "need"
        more = f", {taken} more acknowledged" if taken else ""
        return {"headline": f"{_count(len(fresh), 'problem')} {needs} somebody", "mood": mood, "detail": said + more}
    if taken:
        looked = "is looked after" if taken == 1 else "are looked after"
        return {"headline": f"{_count(taken, 'problem')} {looked}", "mood": "notice", "detail": said}
    if _trouble(seen.state, seen.now):
        return {"headline": "Nobody watches", "mood": "bad", "detail": _trouble(seen.state, seen.now)}
    return {"headline": "All is well" if seen.runs else "All is quiet", "mood": "good", "detail": said}


def _health(seen: Survey) -> Health:
    state, now = seen.state, seen.now
    doubt = ""
    if state.doubt_until is not None and now < state.doubt_until:
        why = state.doubt.said if state.doubt else ""
        doubt = f"silence is not told until {clock(state.doubt_until, now)}: {why}"
    return Health(
        said=f"last sweep {ago(state.last_sweep_at, now)}" if state.last_sweep_at else "no sweep yet",
        counts=_counts(state),
        trouble=_trouble(state, now),
        doubt=doubt,
        undelivered=tuple(_undelivered(notice, now) for notice in seen.waiting),
    )


def _trouble(state: SweepState, now: datetime) -> str:
    if state.last_sweep_at is None:
        return "no sweep has been made yet, so nobody would be told of anything"
    late = now - state.last_sweep_at
    return f"no sweep for {spoken(late.total_seconds())}, so nobody is told of anything" if late > SWEEP_LATE else ""


def _counts(state: SweepState) -> str:
    shown = (("read", "read"), ("judged", "judged"), ("told", "told"), ("undelivered", "undelivered"), ("held", "held"))
    found = ((state.report.get(key), word) for key, word in shown)
    return ", ".join(f"{count} {word}" for count, word in found if isinstance(count, int) and count)


def _undelivered(notice: Notice, now: datetime) -> tuple[str, str]:
    tries = f"{_count(notice.attempts, 'try', 'tries')} since {clock(notice.made_at, now)}"
    return name(notice.message.title), name(f"{notice.channel}: {notice.error or notice.state}, {tries}", 400)


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"
