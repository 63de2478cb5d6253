"""What a sweep takes that begins from nothing, as a job each minute does, beside the shortest script that asks once.

The script imports the same library and makes one query: less nobody can do who asks that store anything in Python. The
sweep has the whole usual setup: a policy file, Slack's webhook (a server on loopback), and nothing due.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.monitoring_server import MonitoringServer
from tests.support.slack_server import SlackServer

from .alternation import Turns, in_turns
from .own_emulator import emulator_or_nothing
from .results import Result, Table, Target
from .whole_process import Process, run_whole

__all__ = ["Scene", "Way", "measure"]

AT_MOST = 1.3
ROUNDS, QUICK = 15, 6
SHORTEST, PLAIN, USUAL, METRICS = "the shortest script", "sweep", "sweep, usual setup", "sweep, and metrics"
SWEEP = ("-m", "watchdog", "sweep")
ON_FIRESTORE = """
from google.cloud import firestore
print("read", len(firestore.Client().collection("hangwatch_runs").limit(1).get()))
"""
ON_SQLITE = """
import sqlite3, sys
print("read", len(sqlite3.connect(sys.argv[1]).execute("SELECT id, body FROM documents LIMIT 1").fetchall()))
"""
POLICY = """
[defaults]
deadline = "30m"

[[operation]]
match = "load-*"
opaque_after = "15m"
slack_channel = "#predictions"
"""

# Where the time of imports goes: the beginnings of modules' names, and what they are called together.
OWNERS = {
    "the watchdog": ("watchdog",),
    "the client": ("heartbeat_client",),
    "Google's libraries and gRPC": ("google", "grpc", "proto", "opentelemetry"),
    "requests": ("requests", "urllib3", "charset_normalizer", "chardet", "idna", "certifi"),
    "cryptography": ("cryptography", "cffi", "_cffi", "rsa", "pyasn1"),
}
REST = "the rest, most of it Python's own"


@dataclass(frozen=True)
class Way:
    """A process to run: its arguments to Python, and the environment."""

    arguments: tuple[str, ...]
    environment: Mapping[str, str]


@dataclass
class Scene:
    """The ways over one store, the shortest script first; runs: of each, in their order."""

    store: str
    ways: dict[str, Way]
    runs: dict[str, list[Process]] = field(default_factory=dict)

    def timed(self, name: str) -> Callable[[], float]:
        """Runs a way once, and keeps what came."""

        def once() -> float:
            way = self.ways[name]
            done = run_whole(way.arguments, way.environment)
            self.runs.setdefault(name, []).append(done)
            return done.seconds

        return once


def measure(quick: bool) -> Result:
    """Run the ways in turns, over each store, and say how they compare."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        scenes = _scenes(stack, folder)
        found = [_measured(scene, QUICK if quick else ROUNDS) for scene in scenes]
        loads = [_loads(scene, 1 if quick else 3) for scene in scenes]
    tables = [_table(scenes, found), *(_load_table(scene, load) for scene, load in zip(scenes, loads, strict=True))]
    targets = [_target(scene, turns) for scene, turns in zip(scenes, found, strict=True) if USUAL in scene.ways]
    figures = {scene.store: dict(turns.taken) for scene, turns in zip(scenes, found, strict=True)}
    return Result("cold-start", tables, [one for one in targets if one is not None], figures)


def _scenes(stack: ExitStack, folder: Path) -> list[Scene]:
    policy = folder / "policy.toml"
    policy.write_text(POLICY, encoding="utf-8")
    slack = stack.enter_context(SlackServer())
    monitoring = stack.enter_context(MonitoringServer())
    host = stack.enter_context(emulator_or_nothing(folder / "emulator", _say))
    # An installed program is compiled once; where that is forbidden each start would compile all of us anew.
    left_out = ("HANGWATCH_", "PYTHONDONTWRITEBYTECODE")
    bare = {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
    usual = {"HANGWATCH_POLICY": str(policy), "HANGWATCH_SLACK_WEBHOOK_URL": slack.webhook_url}
    metrics = {"HANGWATCH_MONITORING_PROJECT": "demo-cold", "HANGWATCH_MONITORING_ENDPOINT": monitoring.endpoint}
    path = folder / "beats.sqlite3"
    scenes = [_scene("SQLite", ("-c", ON_SQLITE, str(path)), bare | {"HANGWATCH_STORE": f"sqlite:///{path}"}, usual)]
    if host:
        there = {"FIRESTORE_EMULATOR_HOST": host, "GOOGLE_CLOUD_PROJECT": "demo-cold", "HANGWATCH_STORE": "firestore"}
        scene = _scene("Firestore's emulator", ("-c", ON_FIRESTORE), bare | there, usual)
        scene.ways[METRICS] = Way(SWEEP, bare | there | usual | metrics)
        scenes.append(scene)
    _until_settled(policy)
    return scenes


def _scene(store: str, script: tuple[str, ...], bare: Mapping[str, str], usual: Mapping[str, str]) -> Scene:
    ways = {SHORTEST: Way(script, bare), PLAIN: Way(SWEEP, bare), USUAL: Way(SWEEP, {**bare, **usual})}
    return Scene(store, ways)


def _until_settled(policy: Path) -> None:
    """Wait until nobody can think that the policy is still being written: a sweep waits for the rest of one that is."""
    while time.time() - policy.stat().st_ctime < 6:
        time.sleep(0.2)


def _measured(scene: Scene, rounds: int) -> Turns:
    _say(f"{scene.store}: {rounds} rounds of {len(scene.ways)}")
    # The first sweep of a store reads all of it, and each file comes from the disk once.
    for name in reversed(scene.ways):
        scene.timed(name)()
    scene.runs.clear()
    return in_turns({name: scene.timed(name) for name in scene.ways}, rounds)


def _table(scenes: Sequence[Scene], found: Sequence[Turns]) -> Table:
    rows = [_row(scene, name, turns) for scene, turns in zip(scenes, found, strict=True) for name in scene.ways]
    columns = ("store", "process", "time", "CPU", "against the script", "95 %", "adds", "memory")
    return Table("Whole processes", columns, tuple(rows), NOTE)


NOTE = (
    "Time from the start of the process to its end, CPU time of all its threads, and the most memory it held; medians. "
    "The usual setup is a policy file and Slack's webhook, and metrics go to a server on loopback besides."
)


def _row(scene: Scene, name: str, turns: Turns) -> tuple[str, ...]:
    runs = scene.runs[name]
    cpu, held = (statistics.median(one.cpu for one in runs), statistics.median(one.kilobytes for one in runs))
    measured = (f"{1000 * turns.median(name):.0f} ms", f"{1000 * cpu:.0f} ms")
    memory = f"{held / 1000:.0f} MB"
    if name == SHORTEST:
        return (scene.store, name, *measured, "", "", "", memory)
    ratio, added = turns.ratio(name, SHORTEST), turns.added(name, SHORTEST)
    interval = f"{ratio.low:.2f} to {ratio.high:.2f}"
    return (scene.store, name, *measured, f"{ratio.median:.2f} ×", interval, f"{1000 * added.median:.0f} ms", memory)


def _target(scene: Scene, turns: Turns) -> Target | None:
    """Of SQLite there is none: Python brings its library along, and the script is all but an empty interpreter."""
    if scene.store == "SQLite":
        return None
    ratio = turns.ratio(USUAL, SHORTEST)
    what = f"{scene.store}: a cold sweep, usual setup, against the shortest script"
    met = ratio.median <= AT_MOST
    return Target(what, f"≤ {AT_MOST} ×", f"{ratio.median:.2f} ×", met, "" if met else LIMIT)


LIMIT = (
    "what a sweep adds is its own code (imports, see below) and the requests that the script does not make: the policy "
    "kept for bad days, what the sweep before left, open incidents, what is due, open notices, and its own mark"
)


def _loads(scene: Scene, times: int) -> dict[str, dict[str, float]]:
    """For each way, milliseconds that modules take to load, by owner."""
    found: dict[str, dict[str, float]] = {}
    for name in (SHORTEST, USUAL):
        way = scene.ways[name]
        looks = [_imports(way) for _ in range(times)]
        found[name] = {owner: statistics.median(look[owner] for look in looks) for owner in (*OWNERS, REST)}
    return found


def _imports(way: Way) -> Counter[str]:
    """Python's own account of it, which costs time itself: good for shares."""
    command = [sys.executable, "-X", "importtime", *way.arguments]
    done = subprocess.run(command, env=dict(way.environment), capture_output=True, text=True, timeout=120, check=True)
    taken: Counter[str] = Counter()
    for line in done.stderr.splitlines():
        parts = line.removeprefix("import time:").split("|")
        if len(parts) == 3 and parts[0].strip().isdigit():
            taken[_owner(parts[2].strip())] += int(parts[0]) / 1000  # type: ignore[assignment]  # shares of ms
    return taken


def _owner(module: str) -> str:
    root = module.partition(".")[0]
    return next((owner for owner, roots in OWNERS.items() if root in roots), REST)


def _load_table(scene: Scene, load: Mapping[str, Mapping[str, Any]]) -> Table:
    rows = tuple((owner, *(f"{load[name][owner]:.0f} ms" for name in (SHORTEST, USUAL))) for owner in (*OWNERS, REST))
    note = "By -X importtime, which makes imports slower than they are." if scene.store != "SQLite" else ""
    return Table(f"What is loaded, {scene.store}", ("whose", SHORTEST, USUAL), rows, note)


def _say(text: str) -> None:
    print(f"  {time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)
