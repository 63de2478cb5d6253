"""A client and a watchdog at work, as processes of their own, against an emulator behind a recorder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Mapping
from typing import Any

from tests.support.firestore_recorder import FirestoreRecorder
from tests.support.imports import ROOT

__all__ = ["Life"]

# So many runs, each of so many seconds, with a beat each so many; it prints how long one took.
RUNS = """
import sys, time
from heartbeat_client import Heartbeat
began = time.monotonic()
for number in range(int(sys.argv[1])):
    with Heartbeat("cost-of-a-run", beat_every=float(sys.argv[3])):
        time.sleep(float(sys.argv[2]))
print((time.monotonic() - began) / int(sys.argv[1]))
"""

# Enough of everything that a client does with its store: a run with beats, progress, a shared run over two processes.
ALL_OF_IT = """
import time
from heartbeat_client import Heartbeat, attach, open_run
with Heartbeat("recorded", total=2, beat_every=1) as hb:
    for _ in hb.track(range(2)):
        time.sleep(1.2)
open_run("recorded-share", key="batch-1", total=1)
attach("recorded-share", key="batch-1").advance()
attach("recorded-share", key="batch-1").succeed()
time.sleep(3)
"""

# A run that goes silent, as a killed process leaves it: for an incident, its notice, and what people say to it.
KILLED = """
import os, time
from heartbeat_client import Heartbeat
with Heartbeat("recorded-dead", beat_every=1, silent_after=2):
    time.sleep(1.5)
    os._exit(0)
"""


class Life:
    """One database of its own. settings: more of the environment."""

    def __init__(self, recorder: FirestoreRecorder, **settings: str) -> None:
        self.recorder = recorder
        self.project = f"demo-{uuid.uuid4().hex[:12]}"
        ours = {
            "FIRESTORE_EMULATOR_HOST": recorder.host,
            "HANGWATCH_STORE": f"firestore://{self.project}/hangwatch",
            "PYTHONPATH": str(ROOT),
        }
        self.environment = os.environ | ours | settings

    def client(self, code: str, *arguments: object) -> str:
        """What Python code of a service under watch prints."""
        return self._run([sys.executable, "-c", code, *map(str, arguments)])

    def watchdog(self, *words: str, status: int = 0, **settings: str) -> str:
        """What a command of the watchdog prints. Raises AssertionError for another exit status."""
        return self._run([sys.executable, "-m", "watchdog", *words], status, settings)

    def sweep(self, *words: str) -> dict[str, Any]:
        """The report of a sweep."""
        report: dict[str, Any] = json.loads(self.watchdog("sweep", "--json", *words))
        return report

    def _run(self, command: list[str], status: int = 0, settings: Mapping[str, str] | None = None) -> str:
        environment = self.environment | dict(settings or {})
        done = subprocess.run(
            command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == status, f"{command[1:]}: {done.returncode}, {done.stdout} {done.stderr}"
        return done.stdout
