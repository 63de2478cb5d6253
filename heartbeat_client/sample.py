"""What the sampler sees at one look: raw evidence with monotonic times. Frozen records, no conclusions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

__all__ = ["FrameSeen", "Gap", "Return", "Sample", "Sight", "Since", "TaskSeen", "Wait"]


class Since(NamedTuple):
    """When something began: it was not so at `after`, and was so at `by` (monotonic seconds). after may be -inf."""

    after: float
    by: float

    def least(self, now: float) -> float:
        """Seconds that it has lasted at the least."""
        return max(0.0, now - self.by)

    def most(self, now: float) -> float:
        """Seconds that it has lasted at the most."""
        return max(0.0, now - self.after)


class FrameSeen(NamedTuple):
    """One frame of a stack.

    file: as the interpreter names it, never shown as it is. own: the user's own code. serial: the same for the same
    call at each look, 0 where that can't be known. at: position inside the code. since: when the call began, None for
    generators and coroutines, whose frames live on while they do nothing, and where a debugger traces.
    """

    file: str
    line: int
    function: str
    own: bool
    serial: int = 0
    at: int = -1
    since: Since | None = None


@dataclass(frozen=True)
class Wait:
    """What a thread or a task waits for.

    call: what it is in (`recv`, `Thread.join`). sentence: what it waits for, None when only the call is known. facts:
    figures about that. unknown: what can't be known of it. polls: the call sleeps and wakes by itself inside of C code.
    moved: bytes that the connection `channel` has carried so far. thread: native id of the thread that is waited for;
    certain: it is that thread that has to act, and not only one that could. key: the same while it is the same one of
    several that is waited for, 0 where there is only one.
    """

    call: str
    sentence: str | None = None
    facts: str = ""
    unknown: str = ""
    polls: bool = False
    moved: int | None = None
    channel: str = ""
    thread: int | None = None
    thread_name: str = ""
    certain: bool = True
    key: int = 0


@dataclass(frozen=True)
class TaskSeen:
    """An asyncio task at one look, at a monotonic time.

    chain: what awaits what, innermost first. since: when the innermost await began, None while it is not waiting.
    unanswered: since when the loop owes an answer to a ping, None when it answered. latency: seconds that its last
    answer took.
    """

    at: float
    done: bool = False
    chain: tuple[FrameSeen, ...] = ()
    since: Since | None = None
    unanswered: Since | None = None
    latency: float | None = None
    wait: Wait | None = None


@dataclass(frozen=True)
class Gap:
    """A time in which the sampler wanted to run and could not.

    kind: `burning` (one thread held Python and used the CPU), `held` (one thread held Python and did nothing), `frozen`
    (nothing of the process ran), `starved` (it wanted CPU and got none), `unclear`. frames: where the thread that held
    Python stood right after, innermost first; empty when nobody knows which.
    """

    begun: float
    ended: float
    kind: str
    frames: tuple[FrameSeen, ...] = ()
    thread_name: str = ""
    facts: str = ""

    @property
    def length(self) -> float:
        """Seconds."""
        return self.ended - self.begun


@dataclass(frozen=True)
class Return:
    """A thread that stands where it stood before: how often it came back, and the longest that it stood there."""

    times: int
    longest: float


@dataclass(frozen=True)
class Sample:
    """One look at a thread.

    stack: innermost first, cut at the heartbeat's own `with`; empty where other threads' frames can't be read. cpu,
    queued: seconds so far that it ran, and that it was ready and did not get a processor. slices: times so far that it
    was put on a processor. still: since when it has not run one instruction. moved: bytes so far that it read from and
    wrote to files and pipes. Each None where the platform does not tell.
    """

    at: float
    alive: bool = True
    stack: tuple[FrameSeen, ...] = ()
    cpu: float | None = None
    slices: int | None = None
    queued: float | None = None
    state: str = ""
    moved: int | None = None
    still: Since | None = None
    wait: Wait | None = None
    comes_back: Return | None = None


@dataclass(frozen=True)
class Sight:
    """All that is known of one operation: its thread's last samples, its task, the last gap, and whom it waits for.

    started: when its heartbeat began. every: seconds between two looks. base: serial of the frame that holds its
    `with`, 0 when unknown. moved: whether declared progress moved lately, None when none is declared. waiting: the
    reason of a declared wait. beyond: the same of the thread that its own thread waits for.
    """

    now: float
    started: float
    every: float
    samples: tuple[Sample, ...]
    tasks: tuple[TaskSeen, ...] = ()
    gap: Gap | None = None
    base: int = 0
    moved: bool | None = None
    waiting: str | None = None
    beyond: Sight | None = None
