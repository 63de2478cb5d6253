"""Plays scenarios of the zoo under the peers, many at once, and writes down what each of them told.

A scenario is played twice at the same time. In one process are those that speak at the start and the end of a run; in
the other those that look at threads, since the first have idle threads of their own, which the second would call hung.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.zoo.expectations import HEALTHY

from .findings import Finding, Said, found
from .limits import DEADLINE, ENDS_AFTER, LOOK_EVERY, MARGIN
from .watchers import OUTPUT, CheckedIn, Logged, Watcher

__all__ = ["Played", "play"]

_PROGRAM = Path(__file__).with_name("under_peers.py")
_STARTS_IN = 60.0


@dataclass
class Played:
    """findings: one of each watcher and scenario.

    still_running: how many such lines the first user's class printed, by scenario. checkins: how the check-in at
    Sentry stands, by scenario.
    """

    findings: list[Finding] = field(default_factory=list)
    still_running: dict[str, int] = field(default_factory=dict)
    checkins: dict[str, str] = field(default_factory=dict)

    def add(self, other: Played) -> None:
        """Take in what was played besides."""
        self.findings += other.findings
        self.still_running |= other.still_running
        self.checkins |= other.checkins


@dataclass
class _Process:
    """A scenario's process. told: by the watcher's name. began: seconds since the epoch, None before it did."""

    scenario: str
    folder: Path
    watchers: Sequence[Watcher]
    told: dict[str, Said] = field(default_factory=dict)
    began: float | None = None
    child: subprocess.Popen[bytes] | None = None

    def look(self, now: float) -> None:
        """Ask each watcher; what it tells later adds to its words, and not to the time it took."""
        if self.began is None and (began := self.folder / "began").exists():
            self.began = float(began.read_text())
        for watcher in self.watchers if self.began else ():
            said = watcher.look(self.scenario, self.folder, now, self.began or now)
            if said:
                first = self.told.get(watcher.name, said)
                self.told[watcher.name] = replace(said, after=first.after)

    def over(self, now: float) -> bool:
        """Whether nobody is waited for any more."""
        began = self.began
        return began is not None and all(now > began + self._waited(one) for one in self.watchers)

    def _waited(self, watcher: Watcher) -> float:
        if self.scenario in HEALTHY:
            return DEADLINE + MARGIN
        return watcher.goes_on if watcher.name in self.told else watcher.waited

    def died(self) -> str:
        """What it said when it ended as no scenario does: a hang at all, a healthy one with an error; else empty."""
        status = self.child.poll() if self.child else None
        if status is None or (status == 0 and self.scenario in HEALTHY):
            return ""
        output = (self.folder / OUTPUT).read_text(encoding="utf-8", errors="replace")
        return f"{self.scenario} ended with {status}, and was to be killed by us: {output[-2000:]}"

    def start(self) -> None:
        """Start it, in a session of its own."""
        self.folder.mkdir(parents=True)
        with (self.folder / OUTPUT).open("wb") as output:
            self.child = subprocess.Popen(
                [sys.executable, str(_PROGRAM), self.scenario],
                cwd=self.folder,
                env=_environment(self),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def end(self) -> None:
        """Kill it and all that it started, and reap it."""
        if self.child is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.child.pid, signal.SIGKILL)
            self.child.wait()
            self.child = None


def play(scenarios: Sequence[str], sides: Sequence[Sequence[Watcher]], home: Path) -> Played:
    """Play some scenarios at once, each in a process for every side, until all that can be told must have been.

    TimeoutError where a scenario does not begin within a minute; RuntimeError where one ends that was to hang.
    """
    processes = [
        _Process(scenario, home / f"{scenario}-{number}", side)
        for scenario in scenarios
        for number, side in enumerate(sides)
    ]
    with ExitStack() as running:
        for process in processes:
            running.callback(process.end)
            process.start()
        _follow(processes)
    return _played(processes)


def _follow(processes: Sequence[_Process]) -> None:
    """Look at all of them until all are over; who is over is ended, and leaves its CPU to the others."""
    give_up = time.monotonic() + _STARTS_IN
    left = list(processes)
    while left:
        for process in left:
            process.look(time.time())
            if died := process.died():
                raise RuntimeError(f"peers: {died}")
            if process.over(time.time()):
                process.end()
        left = [process for process in left if process.child is not None]
        late = [process.scenario for process in left if process.began is None]
        if late and time.monotonic() > give_up:
            raise TimeoutError(f"peers: {late} did not begin in {_STARTS_IN:.0f} s; run fewer at once")
        time.sleep(LOOK_EVERY)


def _played(processes: Sequence[_Process]) -> Played:
    played = Played()
    for process in processes:
        for watcher in process.watchers:
            played.findings.append(found(process.scenario, watcher.name, process.told.get(watcher.name)))
            if isinstance(watcher, Logged):
                played.still_running[process.scenario] = watcher.still_running(process.folder)
            if isinstance(watcher, CheckedIn):
                played.checkins[process.scenario] = watcher.status(process.scenario)
    return played


def _environment(process: _Process) -> Mapping[str, str]:
    given: dict[str, object] = {watcher.key: watcher.given(process.folder) for watcher in process.watchers}
    given["began"] = str(process.folder / "began")
    if process.scenario in HEALTHY:
        given["ends_after"] = ENDS_AFTER
    home = str(process.folder)
    return {"PATH": os.environ["PATH"], "HOME": home, "TMPDIR": home, "PYTHONUTF8": "1", "PEERS": json.dumps(given)}
