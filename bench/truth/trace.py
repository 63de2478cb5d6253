"""What really happened to a run, and what could be seen of it: decided when the trace is made, not by any rule.

All times are seconds of the store's clock since the beginning of the fleet's day; infinity stands for never.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

__all__ = [
    "ASIDE",
    "BEAT",
    "BURSTS",
    "CRASHED",
    "DEADLINE",
    "END",
    "FAILED",
    "FROZEN",
    "GONE",
    "HEALTHY",
    "HUNG",
    "INTERRUPTED",
    "KILLED",
    "LATE",
    "LOOPS",
    "MANY_CALLS",
    "NESTED",
    "NEVER",
    "ONE_CALL",
    "SLOW",
    "STALLED",
    "STEADY",
    "STYLES",
    "TROUBLE",
    "Family",
    "Operation",
    "Trace",
    "Truth",
    "Window",
    "Write",
]

NEVER = math.inf
DEADLINE = 1800.0

# How an operation works, as far as anybody outside of it can tell.
ONE_CALL = "one call"
MANY_CALLS = "many calls"
STEADY = "counted, steady"
BURSTS = "counted, in bursts"
NESTED = "nested"
STYLES = (ONE_CALL, MANY_CALLS, STEADY, BURSTS, NESTED)

# What truly becomes of a run. Of these the first four are no trouble.
HEALTHY = "healthy"
SLOW = "slow, in time"
FAILED = "failed"
INTERRUPTED = "interrupted"
LATE = "late"
HUNG = "hung in a call"
LOOPS = "hung in a loop"
STALLED = "stalled while counting"
CRASHED = "crashed, told by its helper"
KILLED = "killed without a word"
FROZEN = "frozen and back"
TROUBLE = (HUNG, LOOPS, STALLED, CRASHED, KILLED, FROZEN, LATE)

# Kinds of write: by the run's own process, by its helper for one that can't, of the process's end, of the run's end.
BEAT = "beat"
ASIDE = "aside"
GONE = "gone"
END = "end"

Window = tuple[float, float]


@dataclass(frozen=True)
class Operation:
    """What runs of one name have in common. median: of their lengths, in seconds. shape: of how these are spread.

    evidence: whether its process looks at what its thread does. inner: what a nested one is made of, in order.
    """

    name: str
    style: str
    shape: str
    median: float
    service: str
    evidence: bool = True
    inner: tuple[Operation, ...] = ()

    @property
    def counted(self) -> bool:
        """Whether it declares progress."""
        return self.style in (STEADY, BURSTS)


@dataclass(frozen=True)
class Truth:
    """What is the matter with a run, from when until when. must: it lasted, or had no end, so that people must hear.

    Trouble that mends itself within ten minutes may be told or not: neither is a mistake.
    """

    kind: str
    began: float = NEVER
    over: float = NEVER
    must: bool = False

    @property
    def trouble(self) -> bool:
        """Whether anything is the matter at all."""
        return self.began < NEVER


class Write(NamedTuple):
    """One write that the store took. at: when. seen: when what it says was so, in the process."""

    at: float
    seen: float
    kind: str


@dataclass(frozen=True)
class Trace:
    """One run. steps: when an item was done, or a call begun; total: how many were meant to be.

    ended: when it ended by its own word. stuck: when it stands still though its process lives; stands: what its thread
    is then doing. mute: when its process could not run at all, or Python in it could not. cut: when nothing that its
    instance sent arrived. dead_at: when its process went without the run's end. helper: whether that is told by
    somebody. inner: ids, begins and ends of the runs in it.
    """

    id: str
    operation: Operation
    instance: str
    started: float
    deadline: float
    steps: tuple[float, ...]
    writes: tuple[Write, ...]
    total: int = 0
    ended: float = NEVER
    state: str = "succeeded"
    stuck: Window = (NEVER, NEVER)
    stands: str = ""
    mute: tuple[Window, ...] = ()
    cut: tuple[Window, ...] = ()
    dead_at: float = NEVER
    helper: bool = False
    ancestors: tuple[str, ...] = ()
    inner: tuple[tuple[str, float, float], ...] = ()


@dataclass(frozen=True)
class Family:
    """A run with those inside of it, the outermost first, and the truth about them all."""

    traces: tuple[Trace, ...]
    truth: Truth

    @property
    def outermost(self) -> Trace:
        """The run that the others are in, or the only one."""
        return self.traces[0]
