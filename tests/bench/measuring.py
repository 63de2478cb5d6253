"""Running a bench as its command does, in a process of its own: it changes settings of the whole process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from bench.results import Result, read_result
from tests.support.imports import ROOT

__all__ = ["measured"]


def measured(name: str, folder: Path) -> Result:
    """What a bench finds in its quick form."""
    command = [sys.executable, "-m", "bench", name, "--quick", "--here", "--out", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=110, check=False)

    assert done.returncode == 0, done.stderr
    assert f"## {name}" in done.stdout
    result, _ = read_result(folder / f"{name}.json")
    return result
