"""A process's moving parts without threads, on a clock that moves when told to; and scripts that are real processes."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from heartbeat_client import settings
from heartbeat_client.live import LiveRun
from heartbeat_client.plan import Plan
from heartbeat_client.pulse import Pulse
from heartbeat_client.roster import Roster
from heartbeat_client.run import RUNS, Run
from heartbeat_client.sender import Sender
from heartbeat_client.settings import Settings
from heartbeat_client.testing import ManualClock, MemoryStore

__all__ = ["Process", "Voice", "World", "environment", "last", "now", "until"]

# Where the package lies that the tests import: the checkout's, or the installed wheel's.
PACKAGE_ROOT = Path(settings.__file__).parents[1]


def now() -> datetime:
    """This machine's time."""
    return datetime.now(timezone.utc)


def until(condition: Callable[[], Any], what: str, seconds: float = 30) -> Any:
    """Wait for a truthy answer, and return it."""
    give_up = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < give_up, f"waited {seconds} s for {what}"
        time.sleep(0.01)
    return found


def last(store: MemoryStore, operation: str | None = None) -> Run:
    """The only run of an operation, as it was last written."""
    (run,) = [run for run in store.runs if operation is None or run.operation == operation]
    return run


class Voice:
    """Keeps what would be said."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.reports: list[str] = []

    def say(self, level: int, text: str) -> None:
        """See `Speaker.say`."""
        self.lines.append(text)

    def report(self, level: int, text: str) -> None:
        """See `Speaker.report`."""
        self.reports.append(text)


class World:
    """A roster, pulse and sender whose work is done when a test lets time go by."""

    def __init__(self, limit: int = 10_000) -> None:
        self.clock = ManualClock()
        self.store = MemoryStore(clock=self.clock.now)
        self.voice = Voice()
        self.settings = Settings(store=self.store)
        self.roster = Roster(limit)
        self.pulse = Pulse(self.roster, self.clock, self.voice)
        self.wall = self.clock.now
        self.sender = Sender(
            self.roster, lambda: self.settings, self.clock, lambda: self.wall().timestamp(), self.voice
        )

    def begin(self, plan: Plan | None = None, parent: LiveRun | None = None) -> LiveRun:
        """A run begins."""
        live = LiveRun(plan or Plan("load-games", "load-games"), clock=self.clock)
        live.begin(parent)
        self.roster.begin(live)
        return live

    def end(self, live: LiveRun, state: str = "succeeded") -> None:
        """A run ends."""
        live.end(state)
        self.roster.end(live)

    def pass_by(self, seconds: float, step: float = 1.0) -> None:
        """Let time go by, pulse and sender working when they want to, and once every `step` at least."""
        end = self.clock() + seconds
        while True:
            pauses = [pause for pause in (self.pulse.work(), self.sender.work()) if pause is not None]
            left = end - self.clock()
            if left <= 0:
                return
            self.clock.advance(min(left, step, max(0.001, min(pauses, default=step))))

    def record(self, live: LiveRun) -> Run:
        """A run as it was last written."""
        (run,) = [run for run in self.store.runs if run.id == live.id]
        return run


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a script, which finds the same package."""
    return {**os.environ, "PYTHONPATH": str(PACKAGE_ROOT), **(more or {})}


class Process:
    """Runs scripts as processes of their own, with a store in a SQLite file, and reads what they wrote there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "runs.sqlite3"

    def environ(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """What a script sees."""
        return environment({"HANGWATCH_STORE": f"sqlite:///{self.file}", **(more or {})})

    def start(self, body: str, env: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        """Start a script; whoever starts it ends it."""
        return subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(body)],
            cwd=self.folder,
            env=self.environ(env),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(
        self, body: str, *, env: Mapping[str, str] | None = None, expect: int = 0
    ) -> subprocess.CompletedProcess[str]:
        """Run a script to its end."""
        with self.start(body, env) as process:
            try:
                out, err = process.communicate(timeout=60)
            finally:
                process.kill()
        assert process.returncode == expect, out + err
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def runs(self) -> list[Run]:
        """The runs in the store, in the order of their first writes."""
        with closing(sqlite3.connect(self.file)) as connection:
            rows = connection.execute("SELECT id, body FROM documents WHERE collection = ?", (RUNS,)).fetchall()
        return sorted((Run.from_document(key, json.loads(body)) for key, body in rows), key=lambda run: run.started_at)

    def only(self, operation: str) -> Run:
        """The only run of an operation."""
        (run,) = [run for run in self.runs() if run.operation == operation]
        return run
