"""A run while it goes on in this process: what its operation says of it, and the record that comes of that."""

from __future__ import annotations

import itertools
import math
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from .identity import Identity
from .limits import InForce
from .outgoing import Outgoing
from .plan import Plan
from .process import this_process
from .progress import Counter, Pace
from .run import ENDED, RUNNING, Failure, Progress, Run, Thresholds, Waiting, due_at, expires_at
from .server_clock import ServerClock
from .stood import LongestStand
from .trail_keeper import TrailKeeper

__all__ = ["COALESCE", "LiveRun", "Wait"]

_LOOK_EVERY: Final = 1.0  # seconds; to so much it is known when something moved

COALESCE: Final = 0.02  # seconds in which runs that begin or end together share a commit

_serial = itertools.count()


@dataclass(frozen=True)
class Wait:
    """A declared wait: since when (monotonic), and how long it may take in seconds."""

    reason: str
    since: float
    at_most: float


class Witness(Protocol):
    """Whoever sees what the operation's thread is doing."""

    def document(self, now: float, instant: datetime) -> dict[str, Any] | None:
        """What it does, for the record; now and instant are the time of the beat."""

    def sentence(self, now: float) -> str:
        """Why it does not move, nothing while it does."""

    def end(self) -> None:
        """The operation is over."""


class LiveRun:
    """One run from its heartbeat's construction to its last record.

    Its operation's threads change it, pulse and sender look at it; whoever needs two fields that fit together holds
    `lock`, which is never held across a wait. Instants come from the sender's clock and are fixed once computed.
    """

    def __init__(self, plan: Plan, parent: LiveRun | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self.lock = threading.RLock()  # reentrant: a signal handler may end a run while its thread changes it
        self.serial = next(_serial)
        self.plan = plan
        self.id = plan.run_id or os.urandom(8).hex()
        self.owner = this_process()
        self.parent = parent
        self.children: dict[int, LiveRun] = {}
        self.clock = clock
        self.started = clock()
        self.begun = False
        self.counter = Counter(plan.total, clock)
        self.pace = Pace()
        self.next_line = self.started + plan.interval
        self.state = RUNNING
        self.edition = 0  # of what is to be written at once: the beginning, and each word about the end
        self.ended: float | None = None
        self.failure: Failure | None = None
        self.reason = ""
        self.failing = ""
        self.count_refused = False
        self.note = ""
        self.moved: float | None = None
        self.waits: list[Wait] = []
        self.extended = 0.0
        self.witness: Witness | None = None
        self.in_force = InForce()
        self.thresholds = plan.limits.resolve(self.in_force)
        self.outgoing = Outgoing()
        self.trail = TrailKeeper()
        self.stood = LongestStand()
        self._instants: dict[str, tuple[float, bool, datetime]] = {}

    @property
    def is_over(self) -> bool:
        """Whether the run has said that it is over."""
        return self.state in ENDED

    @property
    def opaque(self) -> bool:
        """Whether there is nothing to count, so that only what happens around it shows that it moves."""
        return self.counter.since is None

    @property
    def is_outermost(self) -> bool:
        """Whether no run around this one is open."""
        around = self.parent
        while around is not None and around.is_over:
            around = around.parent
        return around is None

    def begin(self, parent: LiveRun | None) -> None:
        """The operation starts, inside of `parent` or outermost."""
        self.begun, self.owner, self.parent = True, this_process(), parent
        self.started = self.clock()
        self.next_line = self.started + self.plan.interval
        if self.counter.since is not None:
            self.counter.since = self.started
        self.look(self.started)
        if parent is not None:
            with parent.lock:
                parent.children[self.serial] = self
            self.stir(self.started)

    def end(self, state: str, failure: Failure | None = None, reason: str = "") -> None:
        """The operation is over; a later word corrects an earlier one, as when it goes on after SIGTERM."""
        now = self.clock()
        self.look(now)
        with self.lock:
            self.ended, self.failure, self.waits = now, failure, []
            self.reason = self.failing or reason
            self.state = state
            self.edition += 1
        if self.parent is not None:
            with self.parent.lock:
                self.parent.children.pop(self.serial, None)
            self.stir(now)

    def look(self, now: float) -> None:
        """Take note of what was counted since the last look."""
        with self.lock:
            moved = self.pace.look(self.counter.done, now)
            since = self.counter.since or self.started
            if moved:
                self.moved = now
            elif since > (self.moved or self.started):
                self.moved = since
        if moved:
            self.stir(now)

    def stir(self, now: float) -> None:
        """Something moved in here: that moves the opaque runs around it; one that counts moves by its count alone."""
        around = self.parent
        while around is not None:
            if around.opaque:
                around.moved = max(now, around.moved or now)
            around = around.parent

    def say(self, note: str) -> None:
        """The operation's own words about where it is; they prove that an opaque run moves."""
        self.note = note
        if self.opaque:
            self.moved = now = self.clock()
            self.stir(now)

    def wait(self, reason: str, at_most: float) -> Wait:
        """A declared wait begins."""
        wait = Wait(reason, self.clock(), at_most)
        with self.lock:
            self.waits = [*self.waits, wait]
        return wait

    def go_on(self, wait: Wait) -> None:
        """A declared wait is over."""
        with self.lock:
            self.waits = [one for one in self.waits if one is not wait]
            self.moved = now = self.clock()
        self.stir(now)

    def learn(self, in_force: InForce) -> None:
        """What the watchdog keeps in force for the operation."""
        with self.lock:
            self.in_force = in_force
            self.thresholds = self.plan.limits.resolve(in_force)

    def next_look(self, now: float) -> float:
        """The monotonic time by which the pulse should look again, having looked at `now`."""
        return min(now + min(_LOOK_EVERY, self.thresholds.beat_every), self.next_line)

    def due(self) -> float:
        """The monotonic time at which the record is to be written next; infinity when it is written for good."""
        out = self.outgoing
        if out.closed or self.edition == out.refused or (self.is_over and self.edition == out.said):
            return math.inf
        if self.ended is not None and self.is_over:
            # Whoever left the outermost heartbeat waits for this one.
            at = self.ended + (0.0 if self.is_outermost else COALESCE)
        else:
            at = self.started + COALESCE if out.tried is None else out.tried + self.thresholds.beat_every
        return max(at, out.not_before)

    def started_at(self, clock: ServerClock) -> datetime:
        """The instant of the start."""
        return self._fixed("started", self.started, clock)

    def deadline_at(self, clock: ServerClock) -> datetime:
        """The instant that the run must be over by: its own or its parent's, whichever comes first.

        A request's time runs from the request's start, not from that of the third operation inside it.
        """
        own = self.plan.own_deadline
        if self.parent is None:
            until = self._until(self._outermost_deadline(), clock)
        else:
            until = self.parent.deadline_at(clock)
            until = until if own is None else min(until, self._until(own, clock))
        return until + timedelta(seconds=self.extended)

    def _outermost_deadline(self) -> float | datetime:
        own = self.plan.own_deadline if self.plan.own_deadline is not None else self.plan.fallback_deadline
        if "deadline" in self.plan.limits.explicit:
            return self.in_force.forced.get("deadline", own)
        return self.in_force.get("deadline", None) or own

    def _until(self, deadline: float | datetime, clock: ServerClock) -> datetime:
        if isinstance(deadline, datetime):
            return deadline
        return self.started_at(clock) + timedelta(seconds=deadline)

    def _fixed(self, name: str, at: float, clock: ServerClock) -> datetime:
        """A monotonic time as an instant that does not change from beat to beat.

        One that was guessed from this machine's clock is replaced while no record with it is known to be written.
        """
        kept = self._instants.get(name)
        if kept is not None and kept[0] == at and (kept[1] or self.outgoing.confirmed or not clock.known):
            return kept[2]
        self._instants[name] = (at, clock.known, clock.at(at))
        return self._instants[name][2]

    def record(self, clock: ServerClock, identity: Identity, now: float) -> Run:
        """The record as it is now; now: the monotonic time of its beat. Called by the sender alone."""
        self.look(now)
        with self.lock:
            run = self.stood.noted(self._record(clock, identity, now))
        return replace(run, due_at=due_at(run), expires_at=expires_at(run), trail=self.trail.document(run))

    def _record(self, clock: ServerClock, identity: Identity, now: float) -> Run:
        return Run(
            id=self.id,
            operation=self.plan.operation,
            started_at=self.started_at(clock),
            state=self.state,
            detail=self.plan.detail,
            labels=self.plan.labels,
            ancestors=self._ancestors(),
            child=next((child.id for child in reversed(self.children.values())), None),
            project=identity.project,
            region=identity.region,
            platform=identity.platform,
            service=identity.service,
            revision=identity.revision,
            instance=identity.instance,
            host=identity.host,
            pid=identity.pid,
            python=identity.python,
            beat_at=clock.at(now),
            ended_at=None if self.ended is None else self._fixed("ended", self.ended, clock),
            moved_at=None if self.moved is None else self._fixed("moved", self.moved, clock),
            revived_at=self.outgoing.revived_at,
            deadline=self.deadline_at(clock),
            seq=self.outgoing.seq,
            failed_writes=self.outgoing.failed_writes,
            thresholds=self._thresholds(),
            progress=self._progress(clock),
            waiting=self._waiting(clock),
            activity=self.witness.document(now, clock.at(now))
            if self.witness is not None and not self.is_over
            else None,
            failure=self.failure,
            reason=self.reason,
            extra={"note": self.note} if self.note and self.opaque else {},
        )

    def _ancestors(self) -> tuple[str, ...]:
        ids = []
        around = self.parent
        while around is not None:
            ids.append(around.id)
            around = around.parent
        return tuple(reversed(ids))

    def _thresholds(self) -> Thresholds:
        limit = self.thresholds.max_runtime
        return self.thresholds if limit is None else replace(self.thresholds, max_runtime=limit + self.extended)

    def _progress(self, clock: ServerClock) -> Progress | None:
        since = self.counter.since
        if since is None:
            return None
        at = self.pace.at
        return Progress(
            done=self.counter.done,
            total=self.counter.total,
            at=None if at is None else self._fixed("progress", at, clock),
            since=self._fixed("declared", since, clock),
            rate=self.pace.rate,
            note=self.note,
        )

    def _waiting(self, clock: ServerClock) -> Waiting | None:
        if not self.waits:
            return None
        wait = self.waits[-1]
        since = self._fixed("waiting", wait.since, clock)
        return Waiting(wait.reason, since, since + timedelta(seconds=wait.at_most))
