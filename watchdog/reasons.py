"""What a verdict gives as its reason, in figures: pieces of the sentence, each empty where it has nothing to say."""

from __future__ import annotations

from datetime import datetime, timedelta

from heartbeat_client.lengths import spoken
from heartbeat_client.run import OPAQUE_SHARE, Run, Waiting
from heartbeat_client.run_opaque import stands_too_long_after

from .wording import activity_text, ago, progress_text, rate_text, sentence, standing_text

__all__ = [
    "UNKNOWN",
    "cannot_be_known",
    "evidence",
    "last_known",
    "opaque_limit",
    "rate_before",
    "share_used",
    "standing",
    "waited",
]

UNKNOWN = "nothing to count was declared, so slow and stuck look alike from here"


def last_known(run: Run) -> str:
    """What the last beat of a silent run said."""
    failed = f"its last beat reported {run.failed_writes} failed writes" if run.failed_writes else ""
    seen = sentence(progress_text(run), activity_text(run, run.beat_at or run.started_at))
    return sentence(f"last seen: {seen}" if seen else "", failed)


def evidence(run: Run, now: datetime) -> str:
    """Where a run that counts has stopped; that it beats, where nobody saw."""
    return standing_text(run, now) or "beats still arrive"


def cannot_be_known(run: Run) -> str:
    """Why slow and stuck look alike from here."""
    return str((run.activity or {}).get("unknown") or UNKNOWN)


def waited(wait: Waiting, now: datetime) -> str:
    """A declared wait that is over its time."""
    allowed = spoken((wait.until - wait.since).total_seconds())
    return f"its declared wait ({wait.reason}) has lasted {ago(now, wait.since)}, longer than the {allowed} it allowed"


def standing(run: Run, since: datetime, now: datetime) -> str:
    """How long a count has stood."""
    limit = spoken(run.thresholds.stalled_after)
    return f"progress has stood at {progress_text(run)} for {ago(now, since)} (limit {limit})"


def rate_before(run: Run) -> str:
    """How fast it moved before."""
    return f"it moved at {rate_text(run.progress.rate)} before" if run.progress and run.progress.rate else ""


def opaque_limit(run: Run, length: timedelta) -> str:
    """The limit for a run that declares nothing, and where it comes from."""
    limit = spoken(length.total_seconds())
    limits = run.thresholds
    if limits.opaque_after is None:
        return f"{limit}: {OPAQUE_SHARE:.0%} of the time to the deadline"
    stand = stands_too_long_after(limits)
    if stand is not None and length == timedelta(seconds=stand):
        longest = spoken(limits.learned_stood or 0.0)
        return f"{limit}, from {limits.learned_runs} healthy runs, in which one call lasted {longest} at most"
    if limits.learned_runs and limits.learned_longest is not None:
        return f"{limit}, from {limits.learned_runs} healthy runs, the longest of {spoken(limits.learned_longest)}"
    return limit


def share_used(run: Run, deadline: datetime, now: datetime) -> str:
    """How much of the way to its deadline a run has used."""
    way = deadline - run.started_at
    used = (now - run.started_at) / way if way else 1.0
    return f"it has used {used:.0%} of the {spoken(way.total_seconds())} to its deadline and is not done"
