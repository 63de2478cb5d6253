"""Holds what was told against what was true. Knows no rule of anybody's: only instants, of trouble and of alarms."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .trace import DEADLINE, HEALTHY, LATE, SLOW, Family, Trace

__all__ = ["LAST_FIFTH", "TIGHT", "Alarm", "Outcome", "assess", "cause_of"]

# Of those without trouble, who needed the last fifth of the time.
TIGHT = "made it in the last fifth"
LAST_FIFTH = 0.8 * DEADLINE

# No record of a made-up fleet is.
UNREADABLE = "unjudged"

# An alarm that was on its way when the trouble ended is none that was wrong.
ON_ITS_WAY = 60.0

# What happened so long before an alarm may be what it is about.
LATELY = 400.0


@dataclass(frozen=True)
class Alarm:
    """People are told that something is the matter. state: what. known: runs from which the limit was learned.

    until: when they are told that it is over; None where nobody tells them. notice: the message, where several alarms
    may be one.
    """

    at: float
    run_id: str = ""
    state: str = ""
    known: int = 0
    until: float | None = None
    notice: str = ""


@dataclass(frozen=True)
class Outcome:
    """What one rule made of one run with those inside of it. Lengths in seconds.

    latency: from the trouble's begin to the first right alarm, None where there was none, or trouble lay ahead.
    left: from there to the deadline. false: the causes of alarms that were wrong, wrong: their messages.
    began_after: from the run's start to the trouble's begin, None without any. messages: how many told of it.
    disturbed: whether sweeps, channel or store failed between the trouble and the alarm. unseen: whether no record
    reached the store while it lasted. cut_off: whether at some time, while it ran, nothing it sent arrived. best_left:
    as left, by the best that can be, for hangs.
    """

    name: str
    kind: str
    style: str
    must: bool
    began_after: float | None = None
    latency: float | None = None
    left: float | None = None
    false: tuple[str, ...] = ()
    wrong: tuple[str, ...] = ()
    messages: int = 0
    known: int = 0
    disturbed: bool = False
    unseen: bool = False
    cut_off: bool = False
    best_left: float | None = None

    @property
    def heard(self) -> bool:
        """Whether people heard of the trouble while it lasted."""
        return self.left is not None

    @property
    def missed(self) -> bool:
        """Whether people had to hear of it, and did not."""
        return self.must and not self.heard


def assess(family: Family, alarms: Iterable[Alarm], messages: int = 0) -> Outcome:
    """What a rule's alarms about a run, and those inside of it, were worth."""
    run, truth = family.outermost, family.truth
    ordered = sorted(alarms, key=lambda alarm: alarm.at)
    heard = [at for alarm in ordered if (at := _heard_at(family, alarm)) is not None]
    first = min(heard, default=None)
    ahead = truth.kind == LATE
    return Outcome(
        name=run.id,
        kind=_kind(family),
        style=run.operation.style,
        must=truth.must,
        began_after=truth.began - run.started if truth.trouble else None,
        latency=None if first is None or ahead else first - truth.began,
        left=None if first is None else run.deadline - first,
        false=tuple(cause_of(family, alarm) for alarm in ordered if not _right(family, alarm)),
        wrong=tuple(alarm.notice for alarm in ordered if not _right(family, alarm)),
        messages=messages,
        known=max((alarm.known for alarm in ordered), default=0),
        cut_off=any(begin < min(run.ended, run.dead_at) and end > run.started for begin, end in run.cut),
        unseen=not any(write.at <= truth.over for trace in family.traces for write in trace.writes),
    )


def _kind(family: Family) -> str:
    run = family.outermost
    made_it = family.truth.kind in (HEALTHY, SLOW) and not family.truth.trouble
    return TIGHT if made_it and run.ended - run.started > LAST_FIFTH else family.truth.kind


def _begins(family: Family) -> float:
    """From when on it is true that something is the matter: who will be late may be told of any time before."""
    truth = family.truth
    return family.outermost.started if truth.kind == LATE else truth.began


def _right(family: Family, alarm: Alarm) -> bool:
    if alarm.state == UNREADABLE:
        return False
    return family.truth.trouble and _begins(family) <= alarm.at <= family.truth.over + ON_ITS_WAY


def _heard_at(family: Family, alarm: Alarm) -> float | None:
    """When people knew of the trouble by this alarm: at once if it was there before, though then for nothing."""
    if alarm.state == UNREADABLE or not family.truth.trouble or alarm.at > family.truth.over + ON_ITS_WAY:
        return None
    begins = _begins(family)
    known_until = alarm.at if alarm.until is None else alarm.until
    return max(alarm.at, begins) if known_until >= begins else None


def cause_of(family: Family, alarm: Alarm) -> str:
    """Why, most likely, an alarm was wrong."""
    trace = next((one for one in family.traces if one.id == alarm.run_id), family.outermost)
    if alarm.state == "silent":
        return _of_silence(trace, alarm.at)
    if alarm.state == "stalled":
        counted = trace.operation.counted
        return f"{alarm.state}: a pause while counting" if counted else f"stalled: {_learned(alarm.known)}"
    if alarm.state == "overdue":
        early = alarm.at < trace.deadline - (DEADLINE - LAST_FIFTH) - 1
        return "overdue: foreseen to be late" if early else "overdue: in the last fifth"
    return alarm.state or "too long"


def _of_silence(trace: Trace, at: float) -> str:
    if _overlap(trace.cut, at):
        return "silent: the store or the network was away"
    return "silent: the process was paused" if _overlap(trace.mute, at) else "silent: for no reason"


def _overlap(windows: Sequence[tuple[float, float]], at: float) -> bool:
    return any(begin < at and end > at - LATELY for begin, end in windows)


def _learned(known: int) -> str:
    if not known:
        return "one long call, nothing learned yet"
    least = 20 if known >= 20 else 10 if known >= 10 else 5
    most = {5: "9", 10: "19", 20: "50"}[least]
    return f"one long call, limit learned from {least} to {most} runs"
