"""Whether a run that was expected has started: `judge_expected` looks at one rule, the last start and one instant.

    an instant of the rule               is
    before the rule was first seen       never judged
    a start up to `early` before it      met
    a start any time after it            met, late if after the grace
    its grace is over without one        missed: `due` has come

Missed instants in a row are one problem for `TOLD_ANEW_AFTER`; the first that is missed after that is a new one. So an
expectation of each 15 minutes doesn't tell each 15 minutes, and that of each morning tells each morning, though
somebody acknowledged yesterday's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from itertools import islice, takewhile
from zoneinfo import ZoneInfo

from heartbeat_client.lengths import spoken
from heartbeat_client.run import SUCCEEDED, Run, document_key, silent_at

from .schedule import Expected, slots
from .verdict import HEALTHY, MISSED, Verdict
from .wording import ago, sentence

__all__ = ["TOLD_ANEW_AFTER", "Ended", "Missing", "Start", "judge_expected", "key_parts", "settled"]

TOLD_ANEW_AFTER = timedelta(hours=12)

# How many missed instants are looked at to say how many there are, and where the newest problem among them begins.
COUNTED = 100
MOST_PROBLEMS = 1000

TICK = timedelta(microseconds=1)
MARK = "expected"
INSTANT_WIDTH = len("2026-01-14T12:00:00.000000Z")


@dataclass(frozen=True)
class Start:
    """That a run of an operation began. run None: its record is not read, or can't be."""

    run_id: str
    at: datetime
    run: Run | None = None


@dataclass(frozen=True)
class Ended:
    """A successful end that a run of another operation must follow."""

    run_id: str
    at: datetime


@dataclass(frozen=True)
class Missing:
    """A run that never started.

    key: what an incident about it is called, the same for every sweep; a document's id. since: the instant that the run
    was expected at. due: that and its grace, from which it is missed. count: instants missed in a row, this the last.
    """

    key: str
    operation: str
    due: datetime
    reason: str
    since: datetime
    expected: Expected
    count: int = 1

    @property
    def verdict(self) -> Verdict:
        """What a sweep makes of it."""
        return Verdict(MISSED, self.reason, self.since)


def judge_expected(
    expected: Expected, now: datetime, last: Start | None, since: datetime, ends: Sequence[Ended] = ()
) -> Missing | None:
    """What is missing of an expectation at `now`, None while nothing is.

    last: the newest start of the operation, None where none is on record. since: when the rule was first seen; instants
    before it are not judged. ends: the successful ends, since the last start at least, of the operation to be followed.
    """
    if expected.every is not None and _still_runs(last, now):
        return None
    grace = timedelta(seconds=expected.grace)
    missed = takewhile(lambda slot: slot + grace <= now, _unmet(expected, last, since, ends))
    row = list(islice(missed, COUNTED))
    if not row:
        return None
    slot = _newest_problem(expected, now, last, since, ends)
    reason = sentence(
        _said(expected, slot, last, now, ends), _in_a_row(expected, row, now), _last_one(expected, last, now)
    )
    return Missing(_key(expected, slot), expected.operation, slot + grace, reason, slot, expected, len(row))


def _still_runs(last: Start | None, now: datetime) -> bool:
    """Whether the last run goes on and is alive: what it does is judged by its own record."""
    if last is None or last.run is None or last.run.ended:
        return False
    silent = silent_at(last.run)
    return silent is None or now < silent


def _unmet(
    expected: Expected, last: Start | None, since: datetime, ends: Sequence[Ended], at_least: datetime | None = None
) -> Iterator[datetime]:
    """The instants that no start has met, in order; at_least: leave out those before."""
    floor = since - TICK
    if last is not None:
        floor = max(floor, last.at + timedelta(seconds=expected.early))
    if at_least is not None:
        floor = max(floor, at_least - TICK)
    if expected.after:
        return iter(sorted(end.at for end in ends if end.at > floor))
    base = since if last is None else max(last.at, since)
    return slots(expected, floor, base)


def _newest_problem(
    expected: Expected, now: datetime, last: Start | None, since: datetime, ends: Sequence[Ended]
) -> datetime:
    """Where the newest problem in a row of missed instants begins."""
    grace = timedelta(seconds=expected.grace)
    slot = next(_unmet(expected, last, since, ends))
    for _ in range(MOST_PROBLEMS):
        later = next(_unmet(expected, last, since, ends, slot + TOLD_ANEW_AFTER), None)
        if later is None or later + grace > now:
            break
        slot = later
    return slot


def _key(expected: Expected, slot: datetime) -> str:
    # The id of an incident and of its notices is made of it, and a document's id has at most 1,500 bytes.
    name = document_key(expected.operation)[:200]
    return f"{MARK}:{name}:{expected.identity}:{slot.astimezone(timezone.utc):%Y-%m-%dT%H:%M:%S.%fZ}"


def key_parts(key: str) -> tuple[str, datetime] | None:
    """The identity of the expectation and the instant that a key of a `Missing` holds; None for any other text."""
    # Read from its end: an operation's name may hold what stands between the parts.
    identity, instant = key[-INSTANT_WIDTH - 13 : -INSTANT_WIDTH - 1], key[-INSTANT_WIDTH:]
    try:
        slot = datetime.strptime(instant, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc)
    except ValueError:
        return None
    return (identity, slot) if key.startswith(f"{MARK}:") else None


def settled(key: str, expected: Expected | None, came: Start | None, now: datetime) -> Verdict:
    """Why what was missing is so no more, as a healthy verdict.

    expected: the rule, None where the policy has it no more. came: the first start that counts for the instant.
    """
    parts = key_parts(key)
    if expected is None or parts is None:
        return Verdict(HEALTHY, "it is expected no more: the policy has changed")
    slot = parts[1]
    if came is None:
        return Verdict(HEALTHY, "no run came for it; a later one is expected by now, and judged for itself")
    began = f"a run began at {_clock(came.at, expected.zone, now, seconds=True)}"
    late = came.at - slot
    how = f"{spoken(late.total_seconds())} after it was expected" if late > timedelta(0) else "in time"
    return Verdict(HEALTHY, f"{began}, {how} (run {came.run_id[:60]})")


def _said(expected: Expected, slot: datetime, last: Start | None, now: datetime, ends: Sequence[Ended]) -> str:
    grace = spoken(expected.grace)
    if expected.after:
        end = next(end for end in ends if end.at == slot)
        ended = f"the end of {expected.after} at {_clock(slot, expected.zone, now, seconds=True)}"
        return f"expected within {grace} of {ended} (run {end.run_id[:60]}), none started"
    if expected.every is not None:
        often = f"expected at least every {spoken(expected.every)}"
        if last is None or slot - timedelta(seconds=expected.every) != last.at:
            return f"{often}, none started by {_clock(slot, expected.zone, now)} nor within {grace} of grace"
        return f"{often}, none started for {ago(now, last.at)} (grace {grace})"
    return f"expected at {_clock(slot, expected.zone, now)}, none started within {grace} of grace"


def _in_a_row(expected: Expected, row: Sequence[datetime], now: datetime) -> str:
    if len(row) < 2:
        return ""
    many = f"{len(row)} or more" if len(row) == COUNTED else str(len(row))
    return f"{many} were missed in a row, the first {_clock(row[0], expected.zone, now)}"


def _last_one(expected: Expected, last: Start | None, now: datetime) -> str:
    if last is None:
        return "no run of it is on record"
    began = f"the last one began {_clock(last.at, expected.zone, now, seconds=True, both=False)}"
    return f"{began} and {_went(last.run, now)}" if last.run else began


def _went(run: Run, now: datetime) -> str:
    if not run.ended:
        return "has not ended" if not _still_runs(Start(run.id, run.started_at, run), now) else "still runs"
    took = spoken(((run.ended_at or run.started_at) - run.started_at).total_seconds())
    return f"took {took}" if run.state == SUCCEEDED else f"{run.state} after {took}"


def _clock(at: datetime, zone: ZoneInfo, now: datetime, *, seconds: bool = False, both: bool = True) -> str:
    """`07:00 America/New_York (12:00 UTC)`, with the day where it is not today's; both False: local alone."""
    local, form = at.astimezone(zone), "%H:%M:%S" if seconds else "%H:%M"
    if local.second and not seconds:
        form = "%H:%M:%S"
    said = f"{_day(local, now.astimezone(zone))}{local:{form}}"
    if not both:
        return said
    return f"{said} UTC" if zone.key == "UTC" else f"{said} {zone.key} ({at.astimezone(timezone.utc):{form}} UTC)"


def _day(local: datetime, now: datetime) -> str:
    days = (now.date() - local.date()).days
    return {0: "", 1: "yesterday "}.get(days, f"{local:%Y-%m-%d} ")
