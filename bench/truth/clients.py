"""What stands in the store of each run, as its client wrote it: from a trace to `Run`, by the client's own rules.

Limits, `due_at` and `expires_at` are the library's. What a sampler concludes is taken from the trace, a second late.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

from heartbeat_client.limits import InForce, Limits
from heartbeat_client.run import Progress, Run, Thresholds, due_at, expires_at

from .trace import ASIDE, BEAT, END, GONE, NEVER, Trace, Write

__all__ = ["DAY", "Client", "instant"]

DAY = datetime(2026, 1, 14, tzinfo=timezone.utc)

SAMPLED_EACH = 1.0
STANDS_AFTER = 2.0  # seconds in one call before the sampler calls it standing
RATE_OVER = 60.0


def instant(seconds: float) -> datetime:
    """Seconds of the fleet's day as an instant."""
    return DAY + timedelta(seconds=seconds)


class Client:
    """One run's record. Whoever asks first goes by `bring`, so that the record is the last that was written by then."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.thresholds: Thresholds = Limits().resolve(InForce())
        self.given_up_at: float | None = None
        self._times = [write.at for write in trace.writes]
        self._written = -1
        self._revived_at: datetime | None = None
        self._run: Run | None = None

    @property
    def version(self) -> tuple[int, bool]:
        """Changes with each change of the record."""
        return self._written, self.given_up_at is not None

    @property
    def closed(self) -> bool:
        """Whether the last record is written."""
        return self._written == len(self._times) - 1 and self.trace.ended < NEVER

    def bring(self, now: float) -> None:
        """Let everything that was written up to an instant be written."""
        written = bisect_right(self._times, now) - 1
        if written == self._written:
            return
        if self.given_up_at is not None:
            self._go_on(written)
        self._written, self._run = written, None

    def _go_on(self, written: int) -> None:
        """The watchdog gave it up: the next write finds that, and says that the run lives; the helper's does not."""
        first = bisect_right(self._times, self.given_up_at or 0.0)
        write = self.trace.writes[min(first, written)]
        if write.kind != GONE:
            self._revived_at, self.given_up_at = instant(write.at), None

    def learn(self, in_force: InForce) -> None:
        """What the watchdog keeps in force for the operation, read at the run's start."""
        self.thresholds = Limits().resolve(in_force)

    def give_up(self, now: float) -> None:
        """The watchdog takes `due_at` away."""
        self.given_up_at = now
        self._run = None

    @property
    def run(self) -> Run | None:
        """The record, None before the first write."""
        if self._written < 0:
            return None
        if self._run is None:
            run = self._record(self.trace.writes[self._written])
            due = None if self.given_up_at is not None else due_at(run)
            self._run = replace(run, due_at=due, expires_at=expires_at(run))
        return self._run

    def _record(self, write: Write) -> Run:
        trace, operation = self.trace, self.trace.operation
        last = self._last_own_look(write)
        moved = self._moved(last)
        over = write.kind == END
        return Run(
            id=trace.id,
            operation=operation.name,
            started_at=instant(trace.started),
            state=trace.state if over else "running",
            ancestors=trace.ancestors,
            child=self._child(last),
            service=operation.service,
            instance=trace.instance,
            host=trace.instance,
            beat_at=instant(write.at),
            ended_at=instant(trace.ended) if over else None,
            moved_at=None if moved is None else instant(moved),
            revived_at=self._revived_at,
            gone_at=instant(trace.dead_at) if write.kind == GONE else None,
            gone_how="killed by SIGKILL" if write.kind == GONE else "",
            deadline=instant(trace.deadline),
            seq=self._written + 1,
            thresholds=self.thresholds,
            progress=self._progress(last, moved) if operation.counted else None,
            activity=None if over else self._activity(write, last),
            stood=self._stood() if over else None,  # of a run that goes on nobody asks for it
        )

    def _stood(self) -> float | None:
        """The longest for which a beat saw it stand in one call."""
        trace = self.trace
        if trace.operation.counted or not trace.operation.evidence:
            return None
        if trace.inner:
            return 0.0
        return max((self._stands(write.seen) for write in trace.writes if write.kind == BEAT), default=None)

    def _stands(self, seen: float) -> float:
        steps = self.trace.steps
        began = steps[max(bisect_right(steps, seen) - 1, 0)]
        return seen - began - SAMPLED_EACH if seen - began > STANDS_AFTER else 0.0

    def _last_own_look(self, write: Write) -> float:
        """When the process last looked at itself: what a helper writes changes nothing of that."""
        if write.kind in (BEAT, END):
            return write.seen
        own = [one.seen for one in self.trace.writes[: self._written] if one.kind == BEAT]
        return own[-1] if own else self.trace.started

    def _moved(self, seen: float) -> float | None:
        """When something last proved that it moves; None where it neither counts nor has runs inside of it."""
        trace = self.trace
        if not trace.operation.counted and not trace.inner:
            return None
        done = bisect_right(trace.steps, seen)
        if not done:
            return trace.started if trace.operation.counted else None
        step = trace.steps[done - 1]
        looks = -int(-(step - trace.started) // SAMPLED_EACH)
        return min(seen, trace.started + looks * SAMPLED_EACH)

    def _progress(self, seen: float, moved: float | None) -> Progress:
        steps = self.trace.steps
        done = bisect_right(steps, seen)
        at = None if not done or moved is None else moved
        span = RATE_OVER if at is None else min(RATE_OVER, max(at - self.trace.started, SAMPLED_EACH))
        lately = 0 if at is None else done - bisect_right(steps, at - span)
        return Progress(
            done=done,
            total=self.trace.total,
            at=None if at is None else instant(at),
            since=instant(self.trace.started),
            rate=lately / span if lately else None,
        )

    def _child(self, seen: float) -> str | None:
        return next((name for name, began, ended in self.trace.inner if began <= seen < ended), None)

    def _activity(self, write: Write, seen: float) -> dict[str, Any] | None:
        if write.kind == ASIDE:
            return self._doing("gil_held", self.trace.stuck[0])
        if not self.trace.operation.evidence:
            return None
        begin, end = self.trace.stuck
        if begin <= seen < end:
            return self._doing(self.trace.stands, begin)
        return self._at_work(seen)

    def _at_work(self, seen: float) -> dict[str, Any]:
        steps = self.trace.steps
        if self.trace.operation.counted or self.trace.inner or not steps:
            return self._doing("working", seen)
        began = steps[max(bisect_right(steps, seen) - 1, 0)]
        return self._doing("blocked" if seen - began > STANDS_AFTER else "working", began)

    def _doing(self, kind: str, since: float) -> dict[str, Any]:
        at = {"file": f"{self.trace.operation.name}.py", "line": 1, "function": "work"}
        return {"kind": kind, "at": at, "since": instant(since + SAMPLED_EACH), "since_at_most": instant(since)}
