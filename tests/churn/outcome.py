"""What became of one mode of churn, and the children that were started for it: ended, explained, searched for leaks."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import sqlite3
import subprocess
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from heartbeat_client import settings
from heartbeat_client.run import RUNNING, RUNS

__all__ = ["PACKAGE_ROOT", "ROOT", "Outcome", "Stage"]

ROOT = Path(__file__).parents[2]

# Where the package lies that is tested: the checkout's, or the installed wheel's.
PACKAGE_ROOT = Path(settings.__file__).parents[1]

_BAD_LINES = re.compile(r"Fatal Python error|heartbeat_client:|Traceback \(most recent|Exception ignored")
_LEAVE_SECONDS = 10.0


@dataclass
class Outcome:
    """mode, python: what was played, on which.

    runs: storms, requests or processes that came to their end. looked: how often the sampler looked at an operation.
    """

    mode: str
    python: str = ""
    runs: int = 0
    looked: int = 0
    crashes: list[str] = field(default_factory=list)
    deadlocks: list[str] = field(default_factory=list)
    leaks: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)

    @property
    def wrong(self) -> list[str]:
        """All that is not as it should be."""
        return [*self.crashes, *self.deadlocks, *self.leaks, *self.others]


class Stage:
    """Where one mode plays: a folder with a store, an environment, and whoever bears its mark."""

    def __init__(self, home: Path, python: str, outcome: Outcome) -> None:
        self.home = home
        self.python = python
        self.outcome = outcome
        self.mark = f"churn-{uuid.uuid4().hex}"
        self.file = home / "runs.sqlite3"

    def environ(self) -> dict[str, str]:
        """What a child sees."""
        mine = {name: value for name, value in os.environ.items() if not name.startswith("HANGWATCH_")}
        more = {
            "PYTHONPATH": f"{PACKAGE_ROOT}{os.pathsep}{ROOT}",
            "HANGWATCH_STORE": f"sqlite:///{self.file}",
            "CHURN_MARK": self.mark,
            "CHURN_WORKERS": str(self.home / "workers.jsonl"),
            "PYTHONWARNINGS": "ignore::DeprecationWarning",  # of forks beside threads, from 3.12 on: they are meant
        }
        return {**mine, **more}

    def start(self, arguments: Sequence[str], name: str, keep: Sequence[int] = ()) -> subprocess.Popen[bytes]:
        """Start a child, with its output in HOME/NAME.out and HOME/NAME.err; keep: descriptors that it shares."""
        with (self.home / f"{name}.out").open("wb") as out, (self.home / f"{name}.err").open("wb") as err:
            return subprocess.Popen(
                [self.python, *arguments],
                cwd=ROOT,
                env=self.environ(),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                pass_fds=keep,
            )

    def text(self, name: str) -> str:
        """What a child wrote: `NAME.out` or `NAME.err`."""
        return (self.home / name).read_text(errors="replace")

    def end(self, child: subprocess.Popen[bytes], name: str, seconds: float, expect: int = 0) -> None:
        """Wait for a child's end; note a crash, or a deadlock with all its stacks."""
        try:
            status = child.wait(seconds)
        except subprocess.TimeoutExpired:
            child.send_signal(signal.SIGABRT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(_LEAVE_SECONDS)
            child.kill()
            child.wait()
            self.outcome.deadlocks.append(f"{name} did not end:\n{self.text(name + '.err')[-8000:]}")
            return
        if status != expect:
            bad = self.outcome.crashes if status < 0 else self.outcome.others
            bad.append(f"{name} ended with {status}:\n{self.text(name + '.err')[-8000:]}")

    def search_output(self, name: str) -> None:
        """Note what a child wrote that nobody should have to read."""
        lines = [line for line in self.text(name).splitlines() if _BAD_LINES.search(line)]
        self.outcome.others += sorted(set(lines))[:10]

    def search_store(self, leaves: bool) -> None:
        """Note records that are two of one run, or never ended; leaves: processes left in the midst of their runs."""
        try:
            with contextlib.closing(sqlite3.connect(self.file)) as connection:
                query = "SELECT id, body FROM documents WHERE collection = ?"
                runs = {key: json.loads(body) for key, body in connection.execute(query, (RUNS,))}
        except sqlite3.OperationalError as error:
            self.outcome.others.append(f"the store can't be read: {error}")
            return
        self.outcome.others += [f"{run['operation']} is two runs: {key}" for key, run in runs.items() if "~" in key]
        open_ones = sorted({run["operation"] for run in runs.values() if run["state"] == RUNNING and not leaves})
        self.outcome.others += [f"a run of {name} was never ended" for name in open_ones]

    def search_processes(self) -> None:
        """Note children that are left, and end them."""
        give_up = time.monotonic() + _LEAVE_SECONDS
        while (left := list(self._marked())) and time.monotonic() < give_up:
            time.sleep(0.1)
        for pid, words in left:
            self.outcome.leaks.append(f"process {pid} is left: {words}")
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)

    def _marked(self) -> Iterator[tuple[int, str]]:
        for name in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                if f"CHURN_MARK={self.mark}".encode() in Path(f"/proc/{name}/environ").read_bytes().split(b"\0"):
                    yield int(name), Path(f"/proc/{name}/comm").read_text().strip()

    def compare(self, who: str, before: Mapping[str, int], after: Mapping[str, int], room: int = 0) -> None:
        """Note what is more at the end than it was; room: threads and descriptors that may have come."""
        for name, count in after.items():
            limit = before.get(name, 0) + (room if name in ("threads", "descriptors") else 0)
            if count > limit:
                self.outcome.leaks.append(f"{who}: {count} {name}, at most {limit} expected")
