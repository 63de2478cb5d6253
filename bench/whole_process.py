"""How long a whole process takes and the most memory it holds, as the system counts them.

Linux counts what the parent held before `exec` among the child's memory, so a parent that holds next to nothing starts
it: a bare interpreter, which measures from just before the start to just after the end.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

__all__ = ["Process", "run_whole"]

LAUNCHER = """
import os, sys, time
began = time.perf_counter()
child = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ)
_, status, used = os.wait4(child, 0)
took = time.perf_counter() - began
sys.stderr.write('\\n{"seconds": %r, "cpu": %r, "kilobytes": %r, "status": %r}' % (
    took, used.ru_utime + used.ru_stime, used.ru_maxrss, os.waitstatus_to_exitcode(status)))
"""


@dataclass(frozen=True)
class Process:
    """seconds: from start to end. cpu: seconds of one core. kilobytes: the most it held. said: its standard output."""

    seconds: float
    cpu: float
    kilobytes: int
    said: str


def run_whole(arguments: Sequence[str], environment: Mapping[str, str]) -> Process:
    """Run this Python with these arguments to its end. Raises RuntimeError where it fails, with what it said."""
    command = [sys.executable, "-I", "-S", "-c", LAUNCHER, sys.executable, *arguments]
    done = subprocess.run(command, env=dict(environment), capture_output=True, text=True, timeout=120, check=False)
    complaint, _, figures = done.stderr.rpartition("\n")
    found = json.loads(figures) if figures.startswith("{") else {"status": None}
    if found["status"] != 0:
        raise RuntimeError(f"{' '.join(arguments)[:80]}: ended with {found['status']}: {complaint[-2000:]}")
    return Process(found["seconds"], found["cpu"], found["kilobytes"], done.stdout)
