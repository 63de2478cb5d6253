"""A run as it was meant to go, and what may happen to it: each happening changes when the rest of it takes place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from heartbeat_client.run import FAILED as STATE_FAILED
from heartbeat_client.run import INTERRUPTED as STATE_INTERRUPTED
from heartbeat_client.run import SUCCEEDED

from .shapes import length_of, log_uniform, steps_of
from .trace import (
    CRASHED,
    DEADLINE,
    FAILED,
    FROZEN,
    HEALTHY,
    HUNG,
    INTERRUPTED,
    KILLED,
    LATE,
    LOOPS,
    NESTED,
    NEVER,
    SLOW,
    STALLED,
    Operation,
    Truth,
    Window,
)

__all__ = ["FATES", "LASTING", "Phase", "Story", "befall", "end_with_service", "told_by", "truth_of"]

# Trouble that mends itself sooner need not be told.
LASTING = 600.0

# Of a thousand runs, so many fare like this; the rest go as they were meant to.
FATES: dict[str, int] = {SLOW: 20, FAILED: 25, HUNG: 30, LOOPS: 10, CRASHED: 10, KILLED: 15, FROZEN: 20}

# What a hung thread is seen doing. With its interpreter's lock held a process can't beat: its helper does.
STANDS = ("blocked", "blocked", "blocked", "task_waiting", "thread_ended", "gil_held")
GOES_ROUND = ("looping", "spinning")

PAUSE_EACH = 0.05  # of runs are paused once, by a collection of garbage or a busy machine
STALL_MENDS = 0.3
JOBS = 0.5  # of runs are killed at their deadline, as tasks of a Cloud Run job are; the others go on after it


@dataclass
class Phase:
    """One operation from begin to end, and when it gets on in between. total: how many steps it was meant to take."""

    operation: Operation
    started: float
    ended: float
    steps: list[float]
    total: int = 0


@dataclass
class Story:
    """All phases of one run and what happened to it. See `Trace` for the words."""

    operation: Operation
    phases: list[Phase]
    kind: str = HEALTHY
    began: float = NEVER
    over: float = NEVER
    stuck: Window = (NEVER, NEVER)
    stands: str = ""
    state: str = SUCCEEDED
    dead_at: float = NEVER
    helper: bool = False
    mute: list[Window] = field(default_factory=list)

    @property
    def started(self) -> float:
        """When the run began."""
        return self.phases[0].started

    @property
    def ended(self) -> float:
        """When the run ended by its own word."""
        return self.phases[-1].ended

    @property
    def deadline(self) -> float:
        """When its answer is cut."""
        return self.started + DEADLINE

    def hold(self, at: float, long: float) -> None:
        """Whatever was to happen after an instant happens so much later."""
        for phase in self.phases:
            phase.started += long if phase.started > at else 0.0
            phase.ended += long if phase.ended > at else 0.0
            phase.steps = [step + long if step > at else step for step in phase.steps]

    def stop(self, at: float, ended: float = NEVER) -> None:
        """Nothing happens after an instant, but that what is open then ends."""
        self.phases = [phase for phase in self.phases if phase.started <= at]
        self.phases[-1].ended = ended
        for phase in self.phases:
            phase.steps = [step for step in phase.steps if step <= at]


def told_by(operation: Operation, at: float, chance: Random, slower: float = 1.0) -> Story:
    """A run as it is meant to go. slower: how many times longer than usual."""
    parts = operation.inner if operation.style == NESTED else (operation,)
    phases = []
    for part in parts:
        length = slower * length_of(part.shape, part.median, chance)
        steps = [at + step for step in steps_of(part.style, length, chance)]
        phases.append(Phase(part, at, at + length, steps, len(steps)))
        at += length + chance.uniform(0.2, 2.0)
    return Story(operation, phases)


def befall(operation: Operation, at: float, chance: Random) -> Story:
    """A run, and what chance has in store for it."""
    fate = _fate(chance)
    story = told_by(operation, at, chance, chance.uniform(2, 6) if fate == SLOW else 1.0)
    if chance.random() < PAUSE_EACH:
        _pause(story, min(chance.expovariate(1 / 8), 60.0), chance)
    story.kind = fate
    if happens := _HAPPENINGS.get(fate):
        happens(story, _sometime(story, chance), chance)
    if story.began == NEVER and story.ended > story.deadline:
        story.kind, story.began, story.over = LATE, story.deadline, story.ended
    return story


def _fate(chance: Random) -> str:
    drawn = chance.uniform(0, 1000)
    for fate, share in FATES.items():
        if drawn < share:
            return fate
        drawn -= share
    return HEALTHY


def _sometime(story: Story, chance: Random) -> float:
    return story.started + chance.uniform(0.02, 0.98) * (story.ended - story.started)


def _pause(story: Story, long: float, chance: Random) -> None:
    at = _sometime(story, chance)
    story.hold(at, long)
    story.mute.append((at, at + long))


def _fails(story: Story, at: float, chance: Random) -> None:
    story.stop(at, ended=at)
    story.state = STATE_FAILED


def _hangs(story: Story, at: float, chance: Random) -> None:
    open_then = [phase for phase in story.phases if phase.started <= at][-1]
    if open_then.operation.counted:
        story.kind = STALLED
        if chance.random() < STALL_MENDS:
            _mends(story, at, log_uniform(chance, 30, 1500), chance)
            return
    story.stands = chance.choice(STANDS)
    if story.stands == "gil_held":
        story.mute.append((at, NEVER))
    _for_ever(story, at, chance)


def _mends(story: Story, at: float, long: float, chance: Random) -> None:
    story.hold(at, long)
    story.began, story.over, story.stuck, story.stands = at, at + long, (at, at + long), "blocked"


def _goes_round(story: Story, at: float, chance: Random) -> None:
    open_then = [phase for phase in story.phases if phase.started <= at][-1]
    story.kind = STALLED if open_then.operation.counted else LOOPS
    story.stands = chance.choice(GOES_ROUND)
    _for_ever(story, at, chance)


def _for_ever(story: Story, at: float, chance: Random) -> None:
    """It stands until somebody or the platform takes its process away."""
    story.stop(at)
    story.began, story.stuck = at, (at, NEVER)
    after = 0.0 if chance.random() < JOBS else chance.uniform(300, 2700)
    story.dead_at = max(story.deadline, at) + after


def _dies(story: Story, at: float, chance: Random) -> None:
    story.stop(at)
    story.began = story.dead_at = at
    story.helper = story.kind == CRASHED


def _freezes(story: Story, at: float, chance: Random) -> None:
    long = log_uniform(chance, 20, 1800)
    story.hold(at, long)
    story.mute.append((at, at + long))
    story.began, story.over = at, at + long
    if story.ended > story.deadline:
        story.kind, story.over = LATE, story.ended


_HAPPENINGS: dict[str, Callable[[Story, float, Random], None]] = {
    FAILED: _fails,
    HUNG: _hangs,
    LOOPS: _goes_round,
    CRASHED: _dies,
    KILLED: _dies,
    FROZEN: _freezes,
}


def end_with_service(story: Story, at: float, graceful: bool) -> None:
    """All instances are restarted while the run goes on: it is told to end, or killed without a word."""
    if not story.started < at < min(story.ended, story.dead_at):
        return
    if graceful and not any(begin <= at < end for begin, end in story.mute):
        story.stop(at, ended=at)
        story.state, story.dead_at = STATE_INTERRUPTED, NEVER
        if story.began < at:
            story.over = min(story.over, at)
        else:
            story.kind, story.began, story.over = INTERRUPTED, NEVER, NEVER
        return
    story.stop(at)
    story.dead_at, story.helper = at, False
    if not story.began < at < story.over:
        story.began = at
    story.kind = KILLED if story.began == at or story.kind == FROZEN else story.kind
    story.over = NEVER


def truth_of(story: Story) -> Truth:
    """What was the matter, in the oracle's words."""
    if story.began == NEVER:
        return Truth(story.kind)
    if story.kind == LATE:
        return Truth(LATE, story.began, story.over, must=True)
    lasting = story.over == NEVER or story.over >= story.deadline or story.over - story.began >= LASTING
    return Truth(story.kind, story.began, story.over, must=lasting and not _said_so(story))


def _said_so(story: Story) -> bool:
    """Whether it ended by its own word before its deadline: people can know without being told."""
    return story.state == STATE_INTERRUPTED and story.ended < story.deadline
