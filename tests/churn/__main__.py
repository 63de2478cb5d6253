"""The long version of the churn, on several Pythons, as a table.

    python -m tests.churn [--seconds 60] [--pythons 3.10,3.11,3.12,3.13] [--modes NAME ...] [--together 2]

A Python is named by its version, which pyenv or PATH must have, or by the path of an interpreter. Each gets an
environment of its own with gunicorn and gevent in it. Exit status 1 when anything was wrong.
"""

from __future__ import annotations

import argparse
import glob
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .modes import MODES, play
from .outcome import Outcome

_LACKS = "import sys, venv; sys.exit('%d.%d' % sys.version_info[:2] != sys.argv[1])"
_HEAD = ("Python", "mode", "runs", "looks", "crashes", "deadlocks", "leaks", "else")


def _interpreter(name: str) -> str:
    """The path of a Python by its version or path. Raises ValueError when there is none."""
    if os.path.isfile(name):
        return name
    pyenv = sorted(glob.glob(os.path.expanduser(f"~/.pyenv/versions/{name}.*/bin/python")), reverse=True)
    for candidate in [*pyenv, shutil.which(f"python{name}")]:
        if candidate and not subprocess.run([candidate, "-c", _LACKS, name], check=False).returncode:
            return candidate
    raise ValueError(f"--pythons: expected a version that pyenv or PATH has, or a path, got {name!r}; install it")


def _environment(python: str, folder: Path) -> str:
    """An environment of that Python with what the modes need; the path of its interpreter."""
    own = str(folder / "bin" / "python")
    subprocess.run([python, "-m", "venv", str(folder)], check=True)
    install = [own, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "gunicorn[gevent]"]
    subprocess.run(install, check=True, stderr=subprocess.DEVNULL)
    return own


def _row(outcome: Outcome) -> tuple[str, ...]:
    lists = (outcome.crashes, outcome.deadlocks, outcome.leaks, outcome.others)
    return (outcome.python, outcome.mode, str(outcome.runs), str(outcome.looked), *(str(len(one)) for one in lists))


def _told(row: Sequence[str]) -> str:
    return f"{row[0]:8} {row[1]:28} " + " ".join(f"{cell:>9}" for cell in row[2:])


def _played(job: tuple[str, str, str, float]) -> Outcome:
    name, python, mode, seconds = job
    outcome = play(mode, python, seconds, name)
    print(_told(_row(outcome)), flush=True)
    for wrong in outcome.wrong:
        print(f"    {wrong}", file=sys.stderr, flush=True)
    return outcome


def main(arguments: Sequence[str] | None = None) -> int:
    """Play all modes on all Pythons, and print a row for each."""
    parser = argparse.ArgumentParser(prog="python -m tests.churn", description="churn under heartbeats")
    parser.add_argument("--seconds", type=float, default=60.0, help="of each mode")
    parser.add_argument("--pythons", default="3.10,3.11,3.12,3.13", help="versions or paths, with commas")
    parser.add_argument("--modes", nargs="*", choices=[*MODES], default=[*MODES], metavar="MODE", help=", ".join(MODES))
    parser.add_argument("--together", type=int, default=2, help="modes that are played at a time")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="churn-pythons-") as folder, ThreadPoolExecutor(options.together) as pool:
        names = options.pythons.split(",")
        pythons = [_environment(_interpreter(name), Path(folder) / str(n)) for n, name in enumerate(names)]
        jobs = [
            (os.path.basename(name), python, mode, options.seconds)
            for name, python in zip(names, pythons, strict=True)
            for mode in options.modes
        ]
        print(_told(_HEAD), flush=True)
        outcomes = list(pool.map(_played, jobs))
    return any(outcome.wrong for outcome in outcomes)


if __name__ == "__main__":
    sys.exit(main())
