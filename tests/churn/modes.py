"""The modes of churn, each with processes of its own: alone, stopped, leaving, under gunicorn, with greenlets."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import json
import random
import re
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from .leaving import WAYS
from .outcome import Outcome, Stage

__all__ = ["MODES", "NEEDS", "play"]

LEAVING = "leaving"

_END_SECONDS = 90.0  # what a child may take beyond what it was asked to, on a crowded machine
_ANSWER_SECONDS = 60.0
_CLIENTS = 6
_WORKERS_BAD = re.compile(r"was sent SIG(?!TERM|INT)|WORKER TIMEOUT|exited with code [1-9]|failed to boot")

# What a worker opens for good with its first heartbeats (three threads; the store's files), and a server's own pools.
_ROOM = 12


def play(mode: str, python: str, seconds: float, name: str = "") -> Outcome:
    """Play one mode with one Python for about so many seconds; name: of that Python, for the table."""
    outcome = Outcome(mode, name)
    with tempfile.TemporaryDirectory(prefix="churn-") as folder:
        stage = Stage(Path(folder), python, outcome)
        try:
            MODES[mode](stage, seconds)
            stage.search_store(leaves=mode == LEAVING)
        finally:
            stage.search_processes()
    return outcome


def _churning(stage: Stage, seconds: float, *options: str, stops: bool = False) -> None:
    child = stage.start(["-m", "tests.churn.churning", str(seconds), *options], "churning")
    if stops:
        _stop_and_go(stage, child, seconds)
    stage.end(child, "churning", seconds + _END_SECONDS)
    lines = stage.text("churning.out").splitlines()
    if lines and lines[-1].startswith("{"):
        _judge(stage, json.loads(lines[-1]))
    stage.search_output("churning.err")


def _judge(stage: Stage, report: dict[str, Any]) -> None:
    """Note what a churning process says of itself."""
    outcome = stage.outcome
    outcome.runs, outcome.looked = sum(report["storms"].values()), report["looked"]
    outcome.others += [f"no storm of {name} came to its end" for name, count in report["storms"].items() if not count]
    outcome.others += [] if report["collector"] else ["the collector is switched off"]
    if not report["still looks"]:
        outcome.deadlocks.append(f"the sampler looks no more:\n{stage.text('churning.err')[-8000:]}")
    outcome.others += [report["trouble"]] if report["trouble"] else []
    for word in report["unexpected"]:
        (outcome.deadlocks if "deadlock" in word else outcome.others).append(word)
    stage.compare(f"churning, {report['left open']}", report["before"], report["after"])


def _stop_and_go(stage: Stage, child: subprocess.Popen[bytes], seconds: float) -> None:
    """Stop a process and let it go on, again and again, until its time is up."""
    give_up = time.monotonic() + seconds
    while "churning" not in stage.text("churning.out") and child.poll() is None and time.monotonic() < give_up:
        time.sleep(0.05)
    while child.poll() is None and time.monotonic() < give_up:
        child.send_signal(signal.SIGSTOP)
        time.sleep(random.uniform(0.1, 1.5))
        child.send_signal(signal.SIGCONT)
        time.sleep(random.uniform(0.1, 1.0))


def _leaving(stage: Stage, seconds: float) -> None:
    """Short processes one after another, two at a time, that end while they are looked at."""
    give_up = time.monotonic() + seconds
    numbers = itertools.count()

    def leave(way: str) -> None:
        name = f"{way}-{next(numbers)}"
        child = stage.start(["-m", "tests.churn.leaving", way], name)
        stage.end(child, name, _END_SECONDS, WAYS[way][1])
        stage.search_output(f"{name}.err")
        stage.outcome.runs += 1
        stage.outcome.looked += int(stage.text(f"{name}.out").split()[-1])

    with ThreadPoolExecutor(2) as pool:
        while time.monotonic() < give_up or stage.outcome.runs < len(WAYS):
            list(pool.map(leave, WAYS))


def _gunicorn(stage: Stage, seconds: float, *options: str) -> None:
    """Clients that ask a server whose workers come and go."""
    with socket.create_server(("127.0.0.1", 0)) as listener:  # handed over open, or somebody else takes the port
        port = int(listener.getsockname()[1])
        own = ["-c", "python:tests.churn.workers", "-w", "2", "-b", f"fd://{listener.fileno()}"]
        command = ["-m", "gunicorn", *own, *options, "tests.churn.served:app"]
        server = stage.start(command, "gunicorn", keep=(listener.fileno(),))
    try:
        give_up = time.monotonic() + _ANSWER_SECONDS
        while not _asked(stage, port) and time.monotonic() < give_up and server.poll() is None:
            time.sleep(0.05)
        until = time.monotonic() + seconds
        with ThreadPoolExecutor(_CLIENTS) as pool:
            list(pool.map(lambda _: _ask_until(stage, port, until), range(_CLIENTS)))
    finally:
        server.send_signal(signal.SIGTERM)
        stage.end(server, "gunicorn", _END_SECONDS)
    _judge_workers(stage)


def _ask_until(stage: Stage, port: int, until: float) -> None:
    while time.monotonic() < until:
        _asked(stage, port)


def _asked(stage: Stage, port: int) -> bool:
    """Ask once; False where nobody listens, or a worker that leaves drops the connection."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_ANSWER_SECONDS)
    try:
        connection.request("GET", "/storm")
        told = json.loads(connection.getresponse().read())
    except TimeoutError:
        stage.outcome.deadlocks.append("a request got no answer")
        return False
    except (OSError, http.client.HTTPException, ValueError):
        return False
    finally:
        connection.close()
    stage.outcome.runs += 1
    stage.outcome.looked += told["looked"] > 0
    stage.outcome.others += [word for word in (told["trouble"], *told["unexpected"]) if word]
    return True


def _judge_workers(stage: Stage) -> None:
    log = stage.text("gunicorn.err")
    stage.outcome.crashes += [line for line in log.splitlines() if _WORKERS_BAD.search(line)]
    stage.search_output("gunicorn.err")
    workers = []
    with contextlib.suppress(FileNotFoundError):
        workers = [json.loads(line) for line in stage.text("workers.jsonl").splitlines()]
    for told in workers:
        who = f"a worker after {told['requests']} requests, {told['left open']}"
        stage.compare(who, told["before"], told["after"], _ROOM)
    if not workers:
        stage.outcome.others.append("no worker told what it holds")
    if not stage.outcome.runs:
        stage.outcome.others.append(f"no request was answered: {log[-2000:]}")


def _with(mode: Callable[..., None], *options: str) -> Callable[[Stage, float], None]:
    return lambda stage, seconds: mode(stage, seconds, *options)


MODES: dict[str, Callable[[Stage, float], None]] = {
    "alone": _churning,
    "with a helper process": _with(_churning, "--sidecar"),
    "stopped and continued": partial(_churning, stops=True),
    LEAVING: _leaving,
    "gunicorn": _gunicorn,
    "gunicorn, preload": _with(_gunicorn, "--preload"),
    "gunicorn, threads": _with(_gunicorn, "--threads", "4"),
    "gunicorn, threads, preload": _with(_gunicorn, "--threads", "4", "--preload"),
    "gunicorn, gevent": _with(_gunicorn, "-k", "gevent"),
    "greenlets": _with(_churning, "--gevent"),
}

# What a mode needs to be installed beside the client.
NEEDS = {"gunicorn, gevent": ("gunicorn", "gevent"), "greenlets": ("gevent",)} | {
    name: ("gunicorn",) for name in MODES if name.startswith("gunicorn") and "gevent" not in name
}
