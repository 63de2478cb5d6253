"""What the rules about activity read from samples: shares of CPU, calls that stand, lines that are hot. Pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from .once import Once
from .sample import FrameSeen, Gap, Sample, Sight, Since, TaskSeen, Wait

__all__ = ["IDLE", "Scene"]

IDLE = 0.02
_WINDOW = 5  # looks
_STANDS = 1.9  # looks: two that agree are no accident of timing
_FILE_RATE = 32 * 1024  # bytes a second: less is what polling a small file reads


class Scene:
    """A sight with what follows from it."""

    def __init__(self, sight: Sight) -> None:
        self.sight = sight
        self.every = sight.every
        self.last = sight.samples[-1] if sight.samples else Sample(sight.now)

    @Once
    def at(self) -> float:
        """Monotonic time of the last look."""
        return max(self.last.at, self.task.at) if self.task else self.last.at

    @property
    def task(self) -> TaskSeen | None:
        """The task at the last look, None when the operation runs in none."""
        return self.sight.tasks[-1] if self.sight.tasks else None

    @Once
    def window(self) -> tuple[Sample, ...]:
        """The last few samples."""
        samples = [sample for sample in self.sight.samples if sample.alive]
        recent = [one for one in samples if one.at >= self.last.at - (_WINDOW + 0.5) * self.every]
        return tuple(recent if len(recent) > 1 else samples[-2:])

    @Once
    def cpu(self) -> float | None:
        """Share of one CPU that the thread used lately."""
        first, last = self.window[:1], self.window[-1:]
        if len(self.window) < 2 or first[0].cpu is None or last[0].cpu is None:
            return None
        return max(0.0, min(1.0, (last[0].cpu - first[0].cpu) / (last[0].at - first[0].at)))

    @Once
    def queued(self) -> float:
        """Share of the time in which it wanted a processor and had none."""
        if len(self.window) < 3 or self.window[0].queued is None or self.window[-1].queued is None:
            return 0.0
        return (self.window[-1].queued - self.window[0].queued) / (self.window[-1].at - self.window[0].at)

    @property
    def busy(self) -> float | None:
        """Share of the time it had a processor to itself in which it ran."""
        return None if self.cpu is None else min(1.0, self.cpu / max(1.0 - self.queued, self.cpu, 0.05))

    @Once
    def stack(self) -> tuple[FrameSeen, ...]:
        """The stack of the last sample, from its innermost frame to that of the heartbeat's `with`."""
        return self.cut(self.last.stack)

    def cut(self, stack: Sequence[FrameSeen]) -> tuple[FrameSeen, ...]:
        """A stack without the callers of the heartbeat's own frame."""
        base = self.sight.base
        end = next((index + 1 for index, seen in enumerate(stack) if base and seen.serial == base), len(stack))
        return tuple(stack[:end])

    @Once
    def here(self) -> int:
        """Index in `stack` of the frame to blame: the innermost of the user's own, else the outermost."""
        return next((index for index, seen in enumerate(self.stack) if seen.own), len(self.stack) - 1)

    @Once
    def blamed(self) -> FrameSeen | None:
        """The frame to blame."""
        return self.stack[self.here] if self.stack else None

    @Once
    def call(self) -> Since | None:
        """Since when the blamed frame is in one and the same call, None when that call is into C or can't be known."""
        inner = [seen.since for seen in self.stack[: self.here] if seen.since is not None]
        return inner[-1] if inner else None

    @Once
    def gap(self) -> Gap | None:
        """The last gap, while it says more than what came after it."""
        gap = self.sight.gap
        if gap is None:
            return None
        told_for = max(3 * self.every, min(gap.length, 20 * self.every))
        return gap if self.sight.now - gap.ended <= told_for else None

    def stands(self, since: Since | None) -> bool:
        """Whether something has lasted for two looks."""
        return since is not None and since.least(self.at) >= _STANDS * self.every

    @Once
    def wait(self) -> Wait | None:
        """What it waits for."""
        return self.task.wait if self.task else self.last.wait

    @Once
    def turned(self) -> Since | None:
        """Since when it waits for this one of several, None when that is as old as the looks are."""
        key = self.wait.key if self.wait else 0
        after = next((one for one in reversed(self.sight.samples) if one.wait and one.wait.key != key), None)
        if not key or after is None:
            return None
        return Since(after.at, next(one.at for one in self.sight.samples if one.at > after.at))

    @Once
    def comes_back(self) -> bool:
        """Whether it stands where it stood before, and not much longer than it did then."""
        back, still = self.last.comes_back, self.last.still
        if back is None or still is None or back.times < 2:
            return False
        return still.least(self.at) <= max(2 * back.longest, back.longest + 3 * self.every)

    @Once
    def flow(self) -> float | None:
        """Bytes a second over the connection that it waits on, None when there is none or nothing flows."""
        wait = self.wait
        if wait is None or wait.moved is None or not wait.channel:
            return None
        rows = self.sight.samples
        first = next((one for one in rows if one.wait and one.wait.channel == wait.channel), None)
        if first is None or first.wait is None or first.wait.moved is None or first.at >= self.last.at:
            return None
        rate = (wait.moved - first.wait.moved) / (self.last.at - first.at)
        return rate if rate > 0 else None

    @Once
    def files(self) -> float | None:
        """Bytes a second that it reads from and writes to files, None when that is next to nothing."""
        known = [(one.at, one.moved) for one in self.window if one.moved is not None]
        if len(known) < 2 or known[-1][0] <= known[0][0]:
            return None
        rate = ((known[-1][1] or 0) - (known[0][1] or 0)) / (known[-1][0] - known[0][0])
        return rate if rate > _FILE_RATE else None

    @Once
    def same_spot(self) -> Since | None:
        """Since when every look found the innermost frame at the same place of the same call."""
        top = self.stack[0] if self.stack else None
        if top is None or not top.serial:
            return None
        first, before = self.last.at, -math.inf
        for sample in reversed(self.sight.samples):
            if not sample.stack or (sample.stack[0].serial, sample.stack[0].at) != (top.serial, top.at):
                before = sample.at
                break
            first = sample.at
        return Since(before, first) if first < self.last.at else None

    @Once
    def around(self) -> FrameSeen | None:
        """The innermost call of the user's own that all the last looks found, at the line that most of them found.

        That is where a thread goes round which is somewhere else at each look.
        """
        stacks = [self.cut(sample.stack) for sample in self.window if sample.stack]
        common = [seen for seen in self.stack if seen.own and all(_find(seen, stack) for stack in stacks)]
        if not common:
            return self.blamed
        old = next((seen for seen in common if seen.since is None or self.stands(seen.since)), common[-1])
        lines = Counter(found.line for stack in stacks if (found := _find(old, stack)))
        return old._replace(line=lines.most_common(1)[0][0])

    @property
    def looks(self) -> int:
        """Looks that the figures rest on."""
        return len(self.window)


def _find(seen: FrameSeen, stack: Sequence[FrameSeen]) -> FrameSeen | None:
    """The same call in another stack; a generator's by its code, for it has no mark."""
    if seen.serial:
        return next((one for one in stack if one.serial == seen.serial), None)
    return next((one for one in stack if (one.file, one.function, one.serial) == (seen.file, seen.function, 0)), None)
