"""Runs that live and die, sweeps over them that are interrupted or killed, and people who hear of it.

The parts are real: a SQLite store, the sweep, the answers. Beside them stands what is true (`truth`) and what people
think (`ears`), and at the end one is held against the other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from heartbeat_client.run import RUNS, Progress
from tests.support.ears import Channel, Ears, Threads
from tests.support.truth import Actual, Limits
from tests.support.world import START, World, a_run
from watchdog.answers import Answers
from watchdog.audience import Audience
from watchdog.policy import Policy
from watchdog.policy_text.file import parse_policy
from watchdog.ports import Create, Delete, Document, Replace, Where
from watchdog.report import SweepReport
from watchdog.sweep import Sweep

__all__ = ["Killed", "Life"]

# How long a problem may last until people know, and how long one that flapped may stay open after it is over.
SOON, LATER = timedelta(minutes=12), timedelta(minutes=66)


class Killed(BaseException):
    """A sweep that dies: nothing of ours may catch it."""


class Interrupted:
    """The world's store as one sweep has it, with something that happens before its n-th step."""

    def __init__(self, world: World, before: dict[int, Callable[[], None]]) -> None:
        self._store = world.store
        self._before = before
        self.steps = 0

    def step(self) -> None:
        """Count a step."""
        self.steps += 1
        self._before.pop(self.steps, lambda: None)()

    def now(self) -> datetime:
        """See `Store.now`."""
        self.step()
        return self._store.now()

    def get(self, collection: str, ids: Sequence[str]) -> dict[str, Document]:
        """See `Store.get`."""
        self.step()
        return self._store.get(collection, ids)

    def get_now(self, collection: str, ids: Sequence[str]) -> tuple[datetime, dict[str, Document]]:
        """See `Store.get_now`."""
        self.step()
        return self._store.get_now(collection, ids)

    def find(self, collection: str, where: Where | None = None, limit: int = 10_000) -> list[Document]:
        """See `Store.find`."""
        self.step()
        return self._store.find(collection, where, limit)

    def commit(self, writes: Sequence[Create | Replace | Delete]) -> bool:
        """See `Store.commit`."""
        self.step()
        return self._store.commit(writes)

    def put(self, write: Create | Replace) -> Any | None:
        """See `Store.put`."""
        self.step()
        return self._store.put(write)

    def close(self) -> None:
        """See `Store.close`."""


class Life:
    """Runs that live and die, sweeps over them, and people who read; what the machine's rules do."""

    def __init__(self, folder: Path, *, threads: bool, limits: Limits, failures: bool = False) -> None:
        self.world = World(folder)
        self.runs: dict[str, Actual] = {}
        self.limits = limits
        self.failures = failures
        self.ears = Ears(self.runs, limits, lambda: self.world.now)
        self.channel: Channel = (Threads if threads else Channel)(self.ears, self.pass_time)
        self.revived: dict[str, datetime] = {}
        self.made = 0
        self.world.now = START

    # What runs do.

    def start(self, host: str, minutes: int, *, counted: bool, inside: str | None = None) -> str:
        """A run starts."""
        self.made += 1
        name = f"op{self.made}"
        around = self.runs[inside] if inside else None
        deadline = self.world.now + timedelta(minutes=minutes)
        if around is not None:
            host, deadline = around.host, min(deadline, around.deadline)
        ancestors = (*around.inside, around.name) if around else ()
        self.runs[name] = Actual(name, host, self.world.now, deadline, counted, ancestors)
        if around is not None:
            around.holds = name
            self._write(around)
        self._write(self.runs[name])
        return name

    def stop(self, host: str, *, reported: bool) -> None:
        """A process dies, or stands still."""
        for run in self.on(host):
            run.beating = False
            if reported:
                run.gone_at = self.world.now
                self._write(run)
            self.ears.touched.add(run.name)

    def back(self, host: str) -> None:
        """A process that stood still goes on."""
        for run in self.on(host):
            if run.gone_at is None and not run.beating:
                run.beating = True
                self._beat(run)

    def on(self, host: str) -> list[Actual]:
        """The runs of a process that go on."""
        return [run for run in self.runs.values() if run.host == host and run.lives and not run.unreadable]

    def set_moving(self, name: str, moving: bool) -> None:
        """A run stands, or moves again."""
        run = self.runs[name]
        run.moving = moving
        if run.beating:
            self._beat(run)

    def end(self, name: str, how: str) -> None:
        """A run ends, and those inside it with it."""
        run = self.runs[name]
        for one in [other for other in self.runs.values() if name in other.inside and other.lives] + [run]:
            one.ended, one.over_at = how, self.world.now
            self._write(one)
            self.ears.touched.add(one.name)
        if run.inside and self.runs[run.inside[-1]].lives:
            around = self.runs[run.inside[-1]]
            around.holds, around.moved_at = None, self.world.now
            self._write(around)
            self.ears.touched.add(around.name)

    def delete(self, name: str) -> None:
        """A record is deleted."""
        self.world.store.commit([Delete(RUNS, name)])
        self.runs[name].over_at = self.world.now
        self.runs[name].beating = False
        self.ears.touched.add(name)

    def stranger(self, record: dict[str, Any]) -> str:
        """Somebody writes a record that is not a run's."""
        self.made += 1
        name = f"odd{self.made}"
        run = Actual(name, "", self.world.now, self.world.now + timedelta(days=9), unreadable=True, beating=False)
        self.runs[name] = run
        self.world.put_document(name, record)
        return name

    def _beat(self, run: Actual) -> None:
        run.beat(self.world.now)
        self._write(run)
        self.ears.touched.add(run.name)

    def _write(self, run: Actual) -> None:
        stored = self.world.store.get(RUNS, [run.name]).get(run.name)
        given_up = stored is not None and "due_at" not in stored.fields and stored.fields.get("state") == "running"
        if given_up:
            self.revived[run.name] = self.world.now
        over = {"state": run.ended, "ended_at": run.over_at} if run.ended else {}
        progress = Progress(run.done, at=run.moved_at, since=run.started_at) if run.counted else None
        self.world.put(
            a_run(run.name, operation=run.name, service="", host=run.host, started_at=run.started_at),
            deadline=run.deadline,
            beat_at=run.beat_at,
            moved_at=run.moved_at,
            progress=progress,
            ancestors=run.inside,
            child=run.holds,
            seq=run.seq,
            gone_at=run.gone_at,
            revived_at=self.revived.get(run.name),
            **over,
        )

    # What the watchdog does.

    def pass_time(self, length: timedelta) -> None:
        """The clock goes on, and those who live beat."""
        self.world.now += length
        for run in self.runs.values():
            if run.lives and run.beating:
                run.beat(self.world.now)
                self._write(run)
            if run.wrong_since(self.world.now, self.limits):
                run.wrong_at = self.world.now

    @property
    def policy(self) -> Policy:
        """The policy as it is by now."""
        defaults = {"remind_every": f"{self.limits.remind_every:g}s", "on_failure": self.failures}
        rule = {"match": "op*", "stalled_after": f"{self.limits.stalled_after:g}s"}
        return parse_policy({"defaults": defaults, "operation": [rule]})

    def sweep(self, *, audit: bool = False, before: dict[int, Callable[[], None]] | None = None) -> SweepReport | None:
        """One sweep; before: what happens before its n-th step. None: it was killed."""
        store = Interrupted(self.world, before or {})
        self.channel.before = store.step
        sweep = Sweep(store, [self.channel], self.policy, audit=audit, clock=self._seconds)
        try:
            return sweep.run()
        except Killed:
            self._left_behind()
            return None
        finally:
            self.channel.before = lambda: None
            self.ears.touched.clear()

    def sweep_beside(self) -> None:
        """Another sweep, while one is under way."""
        Sweep(self.world.store, [self.channel], self.policy, clock=self._seconds).run()

    def _seconds(self) -> float:
        return (self.world.now - START).total_seconds()

    def _left_behind(self) -> None:
        """What a dead sweep was sending may have been read, or not."""
        for held in self.world.ledger.open_notices():
            if held.value.claimed_until is not None:
                self.ears.doubt(held.value.message)

    def sweeps(self, count: int, every: timedelta) -> None:
        """Sweeps, one after another."""
        for _ in range(count):
            self.pass_time(every)
            self.sweep()

    def answers(self) -> Answers:
        """What people may say."""
        return Answers(self.world.ledger, Audience((self.channel,), self.policy), clock=self._seconds)

    def acknowledge(self, name: str) -> None:
        """Somebody looks after a run."""
        with suppress(LookupError):
            self.answers().acknowledge_run(name, "ada")
            for held in self.world.ledger.open_incidents():
                if held.value.acknowledged:
                    self.ears.opinion(held.value.run_id).acknowledged = True

    def wake_all(self) -> None:
        """Nobody asks for quiet any more."""
        for snooze in self.world.ledger.standing()[1].value.in_force(self.world.now):
            self.answers().wake(snooze.operation, "ada")

    # What must hold.

    def calm(self, every: timedelta = timedelta(minutes=2)) -> None:
        """An hour and more in which nothing happens but time, and a sweep each so often."""
        self.channel.moods.clear()
        self.wake_all()
        self.pass_time(timedelta(minutes=1))
        self.sweep(audit=True)
        ends = self.world.now + LATER + SOON
        while self.world.now < ends:
            self.sweeps(1, every)

    def wrong_after_calm(self) -> list[str]:
        """What people do not know after a calm, or believe wrongly."""
        return [said for run in self.runs.values() if (said := self._misunderstood(run))]

    def _misunderstood(self, run: Actual) -> str:
        now, opinion = self.world.now, self.ears.opinion(run.name)
        since = run.wrong_since(now, self.limits)
        if since is not None and now - since > SOON:
            lost = opinion.lost and run.silent(now) and now >= run.deadline
            # Nobody is reminded of a stranger's record: what may have been read counts.
            maybe = run.unreadable and opinion.unsure
            known = opinion.trouble or lost or maybe or self._relative_in_trouble(run)
            return "" if known else f"{run} is wrong since {since}, and people think {opinion}"
        well = not run.lives or (since is None and now - (run.wrong_at or START) > LATER)
        return f"{run} is well, and people think {opinion}" if well and opinion.trouble and not opinion.unsure else ""

    def _relative_in_trouble(self, run: Actual) -> bool:
        related = [o for o in self.runs.values() if o.name in run.inside or run.name in o.inside]
        return any(self.ears.opinion(other.name).trouble for other in related)

    def notices_that_wait(self) -> list[str]:
        """Notices that are not done with."""
        return [held.value.id for held in self.world.ledger.open_notices()]

    def incidents_at_once(self) -> list[str]:
        """Runs with more than one open incident."""
        counts = Counter(held.value.run_id for held in self.world.ledger.open_incidents())
        return [name for name, count in counts.items() if count > 1]
