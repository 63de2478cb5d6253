"""Starts a scenario as a process of its own, and reads what is concluded about it."""

from __future__ import annotations

import json
import os
import re
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from .expectations import HANGS, HEALTHY, STANDS, Row

__all__ = ["SCENARIOS", "Seen", "blame_lines", "observe", "play", "right", "table", "too_long"]

SCENARIOS = Path(__file__).parent / "scenarios"


@dataclass
class Seen:
    """The last conclusion, all kinds on the way, and seconds from the start of the process to the right one."""

    last: dict[str, Any] | None
    kinds: list[str]
    after: float | None
    errors: str = ""


def blame_lines(name: str) -> set[int]:
    """Lines of a scenario that may be blamed."""
    lines = (SCENARIOS / f"{name}.py").read_text().splitlines()
    return {number for number, line in enumerate(lines, 1) if "# BLAME" in line}


def right(name: str, row: Row, found: dict[str, Any]) -> list[str]:
    """What is wrong with a conclusion, nothing when it is right."""
    at = found["at"] or {}
    wrong = []
    if found["kind"] not in row.kinds.split():
        wrong.append("kind")
    if row.blame and (at.get("file"), at.get("line")) not in {(f"{name}.py", line) for line in blame_lines(name)}:
        wrong.append("line")
    if row.waits and not re.search(row.waits, found["waits_for"] or ""):
        wrong.append("waits")
    if row.says and not re.search(row.says, f"{found['evidence']} {found['unknown']}"):
        wrong.append("says")
    return wrong


def play(name: str, row: Row, limit: float = 20.0, python: str = sys.executable) -> Seen:
    """Play a scenario until what is concluded is right, at most `limit` seconds."""
    scratch = tempfile.TemporaryDirectory()
    process = _started(name, python, scratch.name)
    began = time.monotonic()
    seen = Seen(None, [], None)
    try:
        while seen.after is None and (line := _line(process, began + limit - time.monotonic())):
            seen.last = json.loads(line)
            seen.kinds.append(seen.last["kind"])
            if not right(name, row, seen.last):
                seen.after = time.monotonic() - began
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        seen.errors = process.communicate()[1]
        scratch.cleanup()
    return seen


def _started(name: str, python: str, scratch: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [python, str(SCENARIOS / f"{name}.py")],
        env=os.environ | {"TMPDIR": scratch},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def _line(process: subprocess.Popen[str], timeout: float) -> str:
    assert process.stdout is not None
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        return process.stdout.readline() if timeout > 0 and selector.select(timeout) else ""


def observe(name: str, seconds: float = 8.0, python: str = sys.executable) -> list[dict[str, Any]]:
    """Play a scenario for some seconds; returns all that was concluded."""
    scratch = tempfile.TemporaryDirectory()
    process = _started(name, python, scratch.name)
    until = time.monotonic() + seconds
    found = []
    try:
        while line := _line(process, until - time.monotonic()):
            found.append(json.loads(line))
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        scratch.cleanup()
    return found


def too_long(found: list[dict[str, Any]], allowed: float) -> list[str]:
    """What was said to stand for longer than it may."""
    stood = [one for one in found if one["kind"] in STANDS and _stood(one) > allowed]
    return [one["text"] for one in stood]


def _stood(found: dict[str, Any]) -> float:
    return (datetime.fromisoformat(found["beat"]) - datetime.fromisoformat(found["since"])).total_seconds()


def table(names: list[str], python: str = sys.executable) -> int:
    """Play scenarios and print a row each; returns how many were not right."""
    return sum(not (_hang(name, python) if name in HANGS else _healthy(name, python)) for name in names)


def _hang(name: str, python: str) -> bool:
    row = HANGS[name]
    seen = play(name, row, python=python)
    wrong = right(name, row, seen.last) if seen.last else ["silent"]
    time_to = f"{seen.after:.1f} s" if seen.after is not None else f"WRONG: {','.join(wrong)}"
    print(f"{name:26} {time_to:24} {seen.last['text'] if seen.last else seen.errors[-400:]}", flush=True)
    if wrong and seen.last:
        print(f"    {' '.join(seen.kinds[-9:])}; {seen.last['evidence']}; {seen.last['trouble']}; {seen.errors}")
    return not wrong


def _healthy(name: str, python: str) -> bool:
    found = observe(name, python=python)
    wrong = too_long(found, HEALTHY[name]) or ([] if found else ["silent"])
    kinds = " ".join(sorted({one["kind"] for one in found}))
    print(f"{name:26} {'WRONG: ' + wrong[-1] if wrong else 'no false verdict':24} {kinds}", flush=True)
    return not wrong


if __name__ == "__main__":
    python = os.environ.get("ZOO_PYTHON", sys.executable)
    sys.exit(table(sys.argv[1:] or [*HANGS, *HEALTHY], python) > 0)
