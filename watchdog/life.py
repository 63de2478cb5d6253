"""The life of an incident, from the first notice to the last.

`step` is the whole of it: given the incident so far, the verdict now, and what was told, it says how the incident goes
on and what people must hear. Told are: opened, worsened, reminded, resolved, and a run that failed where people asked
for that. Nothing else, each only on a change.

    was        the run is now           becomes                     told
    -          a problem                open, a new episode         opened
    open       the same, or less bad    open                        reminded, each remind_every; unjudged: never
    open       worse than was told      open                        worsened; opened where nobody heard yet
    open       silent past its deadline resolved: lost              resolved (shared: stalled past it, or for a day)
    open       healthy or late          resolved: recovered         resolved
    open       ended                    resolved: as it ended       resolved
    open       no record any more       resolved: record deleted    resolved
    lost       beats again, or ended    resolved: as it went on     resolved

Somebody acknowledged it: no reminders, but all the rest. Its operation is snoozed: nothing but its end; when the snooze
is over, what is still wrong is told. It went wrong again within an hour of being well: it stays open until it has been
well for a while, so that a run which stalls, moves and stalls again does not send a message each time. While a notice
still waits to be sent, it is that one that will tell the latest; no second one is made. A resolved notice follows only
what was told.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from heartbeat_client.run import FAILED, INTERRUPTED, Run

from .incident import (
    KEPT_FOR,
    LOST,
    OPENED,
    RECOVERED,
    REMINDED,
    RESOLVED,
    WATCHDOG_ITSELF,
    WORSENED,
    Case,
    Incident,
    Told,
    incident_id,
)
from .verdict import CONFIRMED, FINISHED_LATE, HEALTHY, SILENT, STALLED, UNJUDGED, Verdict

__all__ = ["Rhythm", "Step", "failed", "opened", "revived", "step"]

DELETED = "record deleted"

SAME_TROUBLE = timedelta(hours=1)
LONGEST_STEADY = timedelta(hours=1)
SHARED_GIVEN_UP_AFTER = timedelta(hours=24)

NEVER_CAME_BACK = "it stayed silent past its deadline; given up, until it beats again"


@dataclass(frozen=True)
class Rhythm:
    """How often people may be told. remind_every: how long an incident may stay quiet.

    steady_for: how long a run that went wrong again must be well before its incident is over; it doubles each time.
    snoozed: whether somebody asked for quiet about the operation.
    """

    remind_every: timedelta = timedelta(minutes=30)
    steady_for: timedelta = timedelta(minutes=5)
    snoozed: bool = False


@dataclass(frozen=True)
class Step:
    """How an incident goes on. tell: the kind of notice to make, None for none. why: the reason, for the log.

    stale: whether what an earlier message shows of it is not true any more.
    """

    incident: Incident
    tell: str | None
    why: str
    stale: bool = False


def opened(case: Case, verdict: Verdict, episode: int, now: datetime, last: Incident | None = None) -> Incident:
    """The incident that a problem begins. last: the one before it of the same run."""
    return Incident(
        id=incident_id(case.run_id, episode),
        run_id=case.run_id,
        episode=episode,
        operation=case.run.operation if case.run else case.operation,
        detail=case.run.detail if case.run else "",
        about=case.about,
        verdict=verdict,
        opened_at=now,
        again=_again(last, now),
    )


def _again(last: Incident | None, now: datetime) -> int:
    if last is None or last.resolved_at is None or last.how not in (RECOVERED, LOST):
        return 0
    return last.again + 1 if now - last.resolved_at < SAME_TROUBLE else 0


def failed(case: Case, run: Run, episode: int, now: datetime) -> Incident | None:
    """The incident of a run that ended badly, over as it begins; None for one that did not."""
    if run.state not in (FAILED, INTERRUPTED) or case.verdict is None:
        return None
    verdict = Verdict(run.state, case.verdict.reason, run.ended_at, case.verdict.past_deadline)
    begun = replace(opened(case, verdict, episode, now), opened_at=run.ended_at or now)
    return _resolved(begun, run.state, case.verdict.reason, now)


def revived(last: Incident | None, case: Case, now: datetime) -> Step | None:
    """Take back that a run is lost, when it beats again: told as resolved once more, this time as recovered."""
    if last is None or last.how != LOST or case.verdict is None or case.verdict.problem:
        return None
    how, ending = _ending(case)
    ending = f"it was given up as lost, and beats again: {ending}"
    after = replace(last, how=how, ending=ending, resolved_at=now)
    return Step(after, RESOLVED, f"{how}: {ending}", stale=True)


def step(before: Incident, case: Case, told: Told, rhythm: Rhythm, now: datetime) -> Step | None:
    """How an open incident goes on, None when nothing about it changes. told: what people have heard of it so far."""
    verdict = case.verdict
    lost = verdict is not None and _is_lost(case, verdict, told, now) and _for_good(before, verdict, rhythm, now)
    if verdict is not None and verdict.problem and not lost:
        return _goes_on(before.judged(verdict), before, told, rhythm, now)
    if told.being_sent:
        return None
    if steady := _steady_until(before, case, rhythm, now):
        return _wait_and_see(before, steady, now)
    how, ending = _ending(case)
    return Step(
        _resolved(before, how, ending, now), RESOLVED if told.heard else None, f"{how}: {ending}", stale=told.heard
    )


def _resolved(before: Incident, how: str, ending: str, now: datetime) -> Incident:
    return replace(
        before, state=RESOLVED, how=how, ending=ending, resolved_at=now, expires_at=now + KEPT_FOR, well_since=None
    )


def _steady_until(before: Incident, case: Case, rhythm: Rhythm, now: datetime) -> datetime | None:
    """Until when what is well again must stay so; None where nobody waits for that."""
    if not before.again or not _may_return(before, case):
        return None
    until = (before.well_since or now) + _steady(before, rhythm)
    return until if now < until else None


def _may_return(before: Incident, case: Case) -> bool:
    if case.verdict is None or case.verdict.problem:
        return False
    if before.about == WATCHDOG_ITSELF:
        return case.verdict.state == HEALTHY
    return case.run is not None and not case.run.ended


def _steady(before: Incident, rhythm: Rhythm) -> timedelta:
    long: timedelta = rhythm.steady_for * 2 ** min(before.again - 1, 10)
    return min(long, LONGEST_STEADY)


def _wait_and_see(before: Incident, until: datetime, now: datetime) -> Step | None:
    if before.well_since is not None:
        return None
    why = f"well again, {before.again + 1} times within the hour; over if that lasts until {until:%H:%M:%S} UTC"
    return Step(replace(before, well_since=now), None, why, stale=True)


def _goes_on(after: Incident, before: Incident, told: Told, rhythm: Rhythm, now: datetime) -> Step | None:
    kind, why = _news(after, before, told, rhythm, now)
    if told.waiting and not told.being_sent and not told.heard:
        after = replace(after, told_severity=max(after.told_severity, after.verdict.severity))
    if kind is None and _alike(after, before):
        return None
    back = before.well_since is not None or after.verdict.state != before.verdict.state
    return Step(after, kind, why, stale=told.heard and (back or kind is not None))


def _news(after: Incident, before: Incident, told: Told, rhythm: Rhythm, now: datetime) -> tuple[str | None, str]:
    if told.waiting or told.being_sent:
        return None, "the notice that waits will tell the latest"
    if rhythm.snoozed:
        return None, "somebody asked for quiet about the operation"
    if not before.notice_count or (told.taken_back and not told.heard):
        return OPENED, "when people were to be told it was snoozed, or well for a moment"
    if after.verdict.severity > before.told_severity:
        return (WORSENED if told.heard else OPENED), _rise(before.verdict, after.verdict)
    if now - _last_said(before, told) < rhythm.remind_every:
        return None, "nothing that was not told"
    return _reminder(after, told)


def _last_said(before: Incident, told: Told) -> datetime:
    made_at = before.last_notice_at or before.opened_at
    return max(made_at, told.sent_late_at or made_at)


def _reminder(after: Incident, told: Told) -> tuple[str | None, str]:
    if not told.heard:
        return OPENED, "it goes on"
    if after.verdict.state == UNJUDGED:
        return None, "nothing that was not told"
    if after.acknowledged:
        return None, f"{after.acked_by} looks after it"
    return REMINDED, "it goes on"


def _rise(was: Verdict, now_is: Verdict) -> str:
    return (
        f"{now_is.state} is past the deadline now"
        if was.state == now_is.state
        else f"{was.state} became {now_is.state}"
    )


def _alike(one: Incident, other: Incident) -> bool:
    known = ((i.verdict.state, i.verdict.since, i.told_severity, i.well_since) for i in (one, other))
    return next(known) == next(known)


def _is_lost(case: Case, verdict: Verdict, told: Told, now: datetime) -> bool:
    settled = told.heard and not told.waiting and not told.being_sent
    if case.run is not None and case.run.shared:
        # It never beats, and only somebody else can end it: what nobody moves and nobody ends is not read for ever.
        still = now - (verdict.since or now)
        return settled and verdict.state == STALLED and (verdict.past_deadline or still >= SHARED_GIVEN_UP_AFTER)
    return settled and verdict.state == SILENT and verdict.past_deadline


def _for_good(before: Incident, verdict: Verdict, rhythm: Rhythm, now: datetime) -> bool:
    """Whether it has been so for long enough: one that was well again within the hour may be so once more.

    A process that is frozen after its deadline and thaws now and then would be lost and back each time.
    """
    return not before.again or now >= (verdict.since or before.opened_at) + _steady(before, rhythm)


def _ending(case: Case) -> tuple[str, str]:
    if case.verdict is None:
        return DELETED, "its record is gone from the store"
    if case.verdict.problem:
        shared = case.run is not None and case.run.shared
        return LOST, f"nothing came of it: {case.verdict.reason}" if shared else NEVER_CAME_BACK
    if case.run is not None and case.run.state in (FAILED, INTERRUPTED):
        return case.run.state, case.verdict.reason
    if case.verdict.state in (FINISHED_LATE, CONFIRMED):
        return case.verdict.state, case.verdict.reason
    if case.run is None or case.run.ended:
        return RECOVERED, case.verdict.reason
    return RECOVERED, f"it moves again: {case.verdict.reason}" if case.verdict.state == HEALTHY else case.verdict.reason
