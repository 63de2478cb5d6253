"""The watchdog as a real process, and small operations as real processes for it to watch; each is ended by pid."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from .coordinator_app import ROOT

__all__ = ["SCALED_POLICY", "Operation", "operating", "run_watchdog", "sweeping"]

# Sixty times faster than life, as the coordinator under HANGWATCH_EXAMPLE_SPEEDUP=60.
SCALED_POLICY = """
[defaults]
remind_every = "5m"
[watchdog]
audit_every = "15s"
gap_after = "6s"
settle = "3s"
claim_for = "10s"
budget = "8s"
retry_after = "1s"
"""

SETTINGS = "interval=300, beat_every=0.25, silent_after=1.5, stalled_after=3, opaque_after=20, deadline=30"


def environment(home: Path, **more: str) -> dict[str, str]:
    """A clean environment with a scaled policy and a home directory of its own."""
    names = ("PATH", "PYTHONPATH", "JAVA_HOME", "FIRESTORE_EMULATOR_HOST", "GOOGLE_CLOUD_PROJECT")
    inherited = {name: os.environ[name] for name in names if name in os.environ}
    policy = home / "policy.toml"
    if not policy.exists():
        policy.write_text(SCALED_POLICY)
    store = f"sqlite:///{home / 'beats.sqlite3'}"
    return {**inherited, "HOME": str(home), "HANGWATCH_POLICY": str(policy), "HANGWATCH_STORE": store, **more}


def run_watchdog(
    arguments: Sequence[str], environ: Mapping[str, str], seconds: float = 60
) -> subprocess.CompletedProcess[str]:
    """`python -m watchdog ...` to its end."""
    command = [sys.executable, "-m", "watchdog", *arguments]
    return subprocess.run(
        command, cwd=ROOT, env=dict(environ), capture_output=True, text=True, timeout=seconds, check=False
    )


def sweep_once(environ: Mapping[str, str], *more: str) -> dict[str, Any]:
    """One `sweep --json`; what it prints."""
    done = run_watchdog(["sweep", "--json", *more], environ)
    assert done.returncode in (0, 1), done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return report


@contextmanager
def sweeping(home: Path, environ: Mapping[str, str], seconds: float = 1.0) -> Iterator[subprocess.Popen[bytes]]:
    """`sweep --watch` while the block lasts; its log is HOME/watchdog.log."""
    command = [sys.executable, "-m", "watchdog", "sweep", "--watch", str(seconds)]
    with (home / "watchdog.log").open("ab") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=dict(environ), stdout=log, stderr=log)
        try:
            yield process
            assert process.poll() is None, (home / "watchdog.log").read_text()
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            process.wait()


class Operation:
    """A script under a heartbeat as a process of its own; what it prints comes line by line."""

    def __init__(self, body: str, environ: Mapping[str, str]) -> None:
        script = f"import sys, time\nfrom heartbeat_client import *\nconfigure({SETTINGS})\n{textwrap.dedent(body)}"
        self._process = subprocess.Popen(
            [sys.executable, "-c", script],
            cwd=ROOT,
            env=dict(environ),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def said(self, word: str) -> str:
        """Wait for a line that begins with this word; the rest of it."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith(word):
                return line.removeprefix(word).strip()
        raise AssertionError(f"the operation ended with {self._process.wait()} before it said {word}")

    def tell(self) -> None:
        """Let a script that reads a line from standard input go on."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    def end(self) -> None:
        """Kill it if it still runs, and reap it."""
        with suppress(ProcessLookupError):
            self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
        self._process.wait()

    def wait(self, seconds: float = 30) -> int:
        """Its exit status."""
        return self._process.wait(seconds)


@contextmanager
def operating(body: str, environ: Mapping[str, str]) -> Iterator[Operation]:
    """A running operation, ended with the block."""
    operation = Operation(body, environ)
    try:
        yield operation
    finally:
        operation.end()


def until(condition: Any, what: str, seconds: float = 60) -> Any:
    """Wait for a truthy answer of `condition`, and return it."""
    give_up = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < give_up, f"waited {seconds} s for {what}"
        time.sleep(0.05)
    return found
