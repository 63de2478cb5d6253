"""One watched operation from look to look: its task, its loop's answers, what it waits for."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace

from .loops import Awaited, LoopPing, TaskWatch
from .sample import Sample, TaskSeen, Wait
from .subject import Subject
from .thread_watch import KEPT

__all__ = ["OperationWatch"]


class OperationWatch:
    """Used by the sampler's thread; others take `tasks` and `last_wait`."""

    def __init__(self, subject: Subject, every: float) -> None:
        self.subject = subject
        self.every = every
        self.ping: LoopPing | None = None
        self._task: TaskWatch | None = None
        self._tasks: deque[TaskSeen] = deque(maxlen=KEPT)

    @property
    def tasks(self) -> tuple[TaskSeen, ...]:
        """Its task as last seen, oldest first; empty when it runs in none."""
        return tuple(self._tasks)

    def last_wait(self, samples: Sequence[Sample]) -> Wait | None:
        """What it waits for."""
        tasks = self.tasks
        if tasks:
            return tasks[-1].wait
        return samples[-1].wait if samples else None

    def owes_answer(self, now: float) -> bool:
        """Whether its loop has left a question unanswered since the look before."""
        owed = self.ping.unanswered if self.ping is not None else None
        return owed is not None and owed.least(now) > self.every / 2

    def look(self, now: float, clock: Callable[[], float]) -> Awaited | None:
        """Look at the task and ask the loop; None when there is no task, or it has nothing to tell."""
        subject = self.subject
        loop, task = subject.loop, subject.task
        if self.ping is None and loop is not None:
            self.ping = LoopPing(loop, now)
        if self._task is None and task is not None:
            self._task = TaskWatch(task)
        if self._task is None:
            return None
        if task is None or task.done():
            self._tasks.append(TaskSeen(now, done=True))
            return None
        awaited = self._task.look(now, subject.home)
        ping = self.ping
        self._tasks.append(
            TaskSeen(
                now,
                chain=awaited.frames,
                since=self._task.since,
                unanswered=ping.unanswered if ping else None,
                latency=ping.latency if ping else None,
                wait=self._tasks[-1].wait if self._tasks and self._tasks[-1].since == self._task.since else None,
            )
        )
        if ping is not None:
            ping.ask(clock(), clock)
        return awaited

    def found_wait(self, wait: Wait | None) -> None:
        """What the task waits for, as seen right after its last look."""
        self._tasks[-1] = replace(self._tasks[-1], wait=wait)
