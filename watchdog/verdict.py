"""What is the matter with a run, if anything: `judge` looks at one record, one policy and one instant.

Owns the words and figures of the reason. First rule that holds: unjudged, silent, stalled, overdue, foreseen to be
that, late, healthy. A limit counts from the instant itself: at 90.0 s without a beat a run with `silent_after` 90 is
silent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from heartbeat_client.fields import Fields
from heartbeat_client.lengths import spoken
from heartbeat_client.run import (
    SUCCEEDED,
    RecordError,
    Run,
    due_at,
    foreseen_late_at,
    overdue_at,
    silent_at,
    stalled_at,
    standing_since,
)

from .forecast import forecast
from .policy import Policy
from .reasons import (
    UNKNOWN,
    cannot_be_known,
    evidence,
    last_known,
    opaque_limit,
    rate_before,
    share_used,
    standing,
    waited,
)
from .wording import (
    activity_text,
    ago,
    missing_text,
    progress_text,
    remaining,
    sentence,
    shared_text,
)

__all__ = [
    "CONFIRMED",
    "DOUBTFUL",
    "FINISHED_LATE",
    "HEALTHY",
    "LATE",
    "MISSED",
    "OVERDUE",
    "PROBLEMS",
    "SILENT",
    "STALLED",
    "UNJUDGED",
    "Verdict",
    "foreseen",
    "judge",
]

HEALTHY = "healthy"
LATE = "late"
SILENT = "silent"
STALLED = "stalled"
OVERDUE = "overdue"
MISSED = "missed"
UNJUDGED = "unjudged"
FINISHED_LATE = "finished late"

# Of the watchdog itself: whether what it sees is the truth. Confirmed: it was, and is told now.
DOUBTFUL = "doubtful"
CONFIRMED = "confirmed"

PROBLEMS = frozenset({SILENT, STALLED, OVERDUE, MISSED, UNJUDGED, DOUBTFUL})

# Instants in a record come from the store's own clock or from an estimate of it that is good to a second.
CLOCK_TOLERANCE = timedelta(seconds=60)

# What a message can show; the texts in a record may be longer together.
REASON_LIMIT = 3000


@dataclass(frozen=True)
class Verdict:
    """What a sweep concludes of a run: the state, a sentence with figures, and since when it has been so.

    past_deadline: the run's deadline lies behind.
    """

    state: str
    reason: str
    since: datetime | None = None
    past_deadline: bool = False

    @property
    def problem(self) -> bool:
        """Whether people are told of it."""
        return self.state in PROBLEMS

    @property
    def severity(self) -> int:
        """0 nothing, 1 in danger, 2 no sign of life, 3 past the deadline. Only a rise is told as worsened."""
        if not self.problem:
            return 0
        return 3 if self.past_deadline else 2 if self.state == SILENT else 1

    def to_document(self) -> dict[str, Any]:
        """The verdict as plain values."""
        return {
            "state": self.state,
            "reason": self.reason,
            "since": self.since,
            "past_deadline": self.past_deadline,
        }

    @classmethod
    def from_fields(cls, fields: Fields | None) -> Verdict:
        """Read back what `to_document` wrote."""
        fields = fields or Fields({})
        return cls(
            fields.text("state", "", 50),
            fields.text("reason", "", 4000),
            fields.instant("since", None),
            fields.flag("past_deadline", False),
        )


def judge(run: Run | RecordError, policy: Policy, now: datetime) -> Verdict:
    """The verdict on a run at `now`. An unreadable record is a verdict too, never an exception."""
    try:
        return _cut(_judged_or_unreadable(run, policy, now))
    except Exception as error:  # noqa: BLE001  one record that our rules can't take must stop nobody else's verdict
        return Verdict(UNJUDGED, f"judging it failed with {type(error).__name__}; this is a defect of the watchdog")


def _judged_or_unreadable(run: Run | RecordError, policy: Policy, now: datetime) -> Verdict:
    if isinstance(run, RecordError):
        return Verdict(UNJUDGED, f"the record can't be read: {'; '.join(run.problems[:5])}")
    return _judged(policy.applied(run), now)


def _cut(verdict: Verdict) -> Verdict:
    return replace(verdict, reason=verdict.reason[:REASON_LIMIT])


def _judged(run: Run, now: datetime) -> Verdict:
    if run.ended:
        return _after_the_end(run)
    rules = (_unjudged, _silent, _stalled, _overdue, foreseen, _late, _healthy)
    verdict = next(found for rule in rules if (found := rule(run, now)) is not None)
    return replace(verdict, past_deadline=run.deadline is not None and now >= run.deadline)


def _unjudged(run: Run, now: datetime) -> Verdict | None:
    problems = _impossible_times(run, now)
    first = silent_at(run) or due_at(run)
    if run.due_at is None and first is not None and now < first:
        problems.append("it has no due_at, so that only an audit finds it; was it written by another program?")
    return Verdict(UNJUDGED, f"the record makes no sense: {'; '.join(problems)}") if problems else None


def _impossible_times(run: Run, now: datetime) -> list[str]:
    named: Mapping[str, datetime | None] = {
        "started_at": run.started_at,
        "beat_at": run.beat_at,
        "moved_at": run.moved_at,
        "progress.at": run.progress.at if run.progress else None,
    }
    ahead = {name: at - now for name, at in named.items() if at is not None and at - now > CLOCK_TOLERANCE}
    problems = [f"{name} lies {spoken(by.total_seconds())} in the future" for name, by in ahead.items()]
    # What begins inside of a run that is past its deadline has none of its own.
    if run.deadline is not None and run.deadline < run.started_at and not run.ancestors:
        problems.append("its deadline lies before its start")
    return problems


def _silent(run: Run, now: datetime) -> Verdict | None:
    limit_at = silent_at(run)
    if limit_at is None or now < limit_at:
        return None
    if run.gone_at is not None:
        gone = f"the process is gone: {run.gone_how or 'how is not known'} at {run.gone_at:%H:%M:%S} UTC"
        return Verdict(SILENT, sentence(gone, last_known(run)), run.gone_at)
    since = run.beat_at or run.started_at
    what = "no beat" if run.beat_at is None or run.seq <= 1 else "no further beat"
    every, limit = spoken(run.thresholds.beat_every), spoken(run.thresholds.silent_after)
    said = f"{what} for {ago(now, since)}, expected every {every} (limit {limit})"
    causes = "the process was killed, is frozen, or can't reach the store"
    throttled = THROTTLED if _response_is_over(run, since) else ""
    return Verdict(SILENT, sentence(said, causes, throttled, last_known(run)), since)


THROTTLED = "the response is over, and without instance-based billing Cloud Run then takes the CPU away"


def _response_is_over(run: Run, since: datetime) -> bool:
    if run.deadline is None or run.platform != "cloud_run_service":
        return False
    return since >= run.deadline - timedelta(seconds=run.thresholds.silent_after)


def _stalled(run: Run, now: datetime) -> Verdict | None:
    limit_at = stalled_at(run)
    if limit_at is None or now < limit_at:
        return None
    since = run.moved_at or run.started_at
    if run.shared:
        return Verdict(STALLED, shared_text(run, now), max(since, run.started_at))
    if run.waiting is not None:
        return Verdict(STALLED, sentence(waited(run.waiting, now), progress_text(run)), run.waiting.since)
    if run.progress is not None:
        return Verdict(STALLED, sentence(standing(run, since, now), rate_before(run), evidence(run, now)), since)
    since = max(since, standing_since(run) or since)
    limit = f"limit {opaque_limit(run, limit_at - since)}"
    seen = activity_text(run, now)
    if not seen:
        said = f"it gave no sign of progress for {ago(now, since)} ({limit})"
        return Verdict(STALLED, sentence(said, "beats still arrive, so the process lives", UNKNOWN), since)
    return Verdict(STALLED, sentence(f"it stands in one call ({limit})", seen, cannot_be_known(run)), since)


def _overdue(run: Run, now: datetime) -> Verdict | None:
    since = overdue_at(run)
    if since is None or now < since:
        return None
    longest = run.thresholds.max_runtime
    if run.deadline is not None and now >= run.deadline:
        since = run.deadline
        said = f"it is {ago(now, run.deadline)} past its deadline and still running after {ago(now, run.started_at)}"
    elif longest is not None and since == run.started_at + timedelta(seconds=longest):
        said = f"it has run for {ago(now, run.started_at)}, longer than its max_runtime of {spoken(longest)}"
    else:
        said = share_used(run, run.deadline or now, now)
    known = (progress_text(run), remaining(run), missing_text(run), activity_text(run, now))
    return Verdict(OVERDUE, sentence(said, *known), since)


def foreseen(run: Run, now: datetime) -> Verdict | None:
    """The verdict on a run that will miss its deadline at its rate, before it does; None on any other.

    run: with the limits that hold for it.
    """
    since = foreseen_late_at(run)
    told = forecast(run, now) if since is not None and now >= since else None
    return None if told is None else Verdict(OVERDUE, sentence(told.text(run.deadline), told.basis), since)


def _late(run: Run, now: datetime) -> Verdict | None:
    if run.beat_at is None or run.shared or now < run.beat_at + timedelta(seconds=2 * run.thresholds.beat_every):
        return None
    return Verdict(
        LATE,
        f"the last beat was {ago(now, run.beat_at)} ago, expected every {spoken(run.thresholds.beat_every)}",
        run.beat_at,
    )


def _healthy(run: Run, now: datetime) -> Verdict:
    return Verdict(HEALTHY, sentence(f"running for {ago(now, run.started_at)}", progress_text(run), remaining(run)))


def _after_the_end(run: Run) -> Verdict:
    ended = run.ended_at or run.beat_at or run.started_at
    took = spoken((ended - run.started_at).total_seconds())
    how = f"{run.state} after {took}"
    if run.state != SUCCEEDED:
        how = sentence(how, run.failure.type if run.failure else "", run.reason)
    if run.deadline is not None and ended > run.deadline:
        return Verdict(
            FINISHED_LATE, f"{how}, {ago(ended, run.deadline)} past its deadline", run.deadline, past_deadline=True
        )
    return Verdict(HEALTHY, how)
