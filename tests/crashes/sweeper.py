"""The process of `sweep_once`, as the matrix handles it: started, given jobs, ended by its pid."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict
from types import TracebackType
from typing import Literal

from tests.crashes.sweep_once import Done, Job
from tests.support.coordinator_app import ROOT

__all__ = ["Sweeper"]

INHERITED = ("PATH", "PYTHONPATH", "HOME", "FIRESTORE_EMULATOR_HOST", "GOOGLE_CLOUD_PROJECT")


class Sweeper:
    """One such process; a context manager. firestore: whether its library is loaded beforehand."""

    def __init__(self, *, firestore: bool = False) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.crashes.sweep_once", *(["firestore"] if firestore else [])],
            cwd=ROOT,
            env={name: os.environ[name] for name in INHERITED if name in os.environ},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def start(self, job: Job) -> None:
        """Give it a job, and do not wait."""
        self._say(json.dumps(asdict(job)))

    def done(self) -> Done:
        """What became of the job."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "sweep_once: ended before it answered"
        done = Done(**json.loads(line))
        assert done.ended != "failed", f"the sweep raised after {done.steps}; its error is on standard error"
        return done

    def do(self, job: Job) -> Done:
        """Give it a job, and wait for what becomes of it."""
        self.start(job)
        return self.done()

    def standing(self, told: Literal["kill", "go on"]) -> Done:
        """What becomes of the fork that stands, once it is killed or goes on; its further steps."""
        self._say(told)
        return self.done()

    def _say(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    def __enter__(self) -> Sweeper:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(30)
