"""Google's emulators for tests: one of each for a whole test run, ended with it whatever becomes of the run.

A pytest plugin. Fixtures: `firestore_emulator`, `pubsub_emulator` (session), `firestore_project`, `pubsub_project` (a
project of its own for a test, in the environment). For outages: `FirestoreEmulator`, with `tcp_proxy.TcpProxy`.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest

KEEPER = Path(__file__).with_name("emulator_keeper.py")
LOOPBACK = "127.0.0.1"
START_LIMIT = 90.0

# The folder in which the processes of one test run find the emulators they share; the first process makes it.
SHARED = "EMULATORS_OF_THIS_TEST_RUN"


class EmulatorMissing(Exception):
    """This machine can't run the emulator; the text says what it lacks."""


@dataclass(frozen=True)
class Running:
    """An emulator that runs. host: address and port. project: a project id for who needs no isolation."""

    host: str
    project: str


class Emulator:
    """One emulator process: it can be started, stopped, frozen and thawed. What it stored is gone once it stops."""

    name: ClassVar[str]
    command: ClassVar[tuple[str, ...]]

    def __init__(self, folder: Path, port: int | None = None) -> None:
        self.port = port or free_port()
        self._folder = folder
        self._keeper: subprocess.Popen[str] | None = None
        self.group = 0

    @property
    def host(self) -> str:
        return f"{LOOPBACK}:{self.port}"

    def start(self, owner: int | None = None) -> None:
        """Start it, wait until it answers; it ends when `owner`, a pid (None: ours), ends. Raises EmulatorMissing."""
        for program in ("gcloud", "java"):
            if shutil.which(program) is None:
                raise EmulatorMissing(f"the {self.name} emulator needs {program}, which is not on PATH")
        self._folder.mkdir(parents=True, exist_ok=True)
        command = [*self.command, f"--host-port={self.host}", "--quiet"]
        with self._log.open("w") as log:
            self._keeper = subprocess.Popen(
                [sys.executable, str(KEEPER), str(owner or os.getpid()), *command],
                env=os.environ | {"CLOUDSDK_CONFIG": str(self._folder / "gcloud")},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        assert self._keeper.stdout is not None
        with self._keeper.stdout as first_line:
            self.group = int(first_line.readline())
        self._wait_until_it_answers()

    def stop(self) -> None:
        """End it at once, and wait until it is gone."""
        if self._keeper is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.group, signal.SIGKILL)
            self._keeper.wait()
            self._keeper = None

    def freeze(self) -> None:
        """Its port stays open, and nothing answers."""
        os.killpg(self.group, signal.SIGSTOP)

    def thaw(self) -> None:
        """Go on after `freeze`."""
        os.killpg(self.group, signal.SIGCONT)

    @property
    def keeper_pid(self) -> int:
        return self._keeper.pid if self._keeper else 0

    @property
    def _log(self) -> Path:
        return self._folder / f"{self.name}.log"

    def _wait_until_it_answers(self) -> None:
        assert self._keeper is not None
        until = time.monotonic() + START_LIMIT
        while not answers(self.host):
            if self._keeper.poll() is not None or time.monotonic() > until:
                self.stop()
                said = " ".join(self._log.read_text(errors="replace").split())[-400:]
                raise EmulatorMissing(f"the {self.name} emulator does not start: {said}")
            time.sleep(0.1)


class FirestoreEmulator(Emulator):
    name = "firestore"
    command = ("gcloud", "emulators", "firestore", "start")


class PubSubEmulator(Emulator):
    name = "pubsub"
    command = ("gcloud", "beta", "emulators", "pubsub", "start", "--project=demo-project")


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server((LOOPBACK, 0)) as server:
        port: int = server.getsockname()[1]
        return port


def answers(host: str) -> bool:
    """Whether an emulator is ready: both say Ok to a plain request."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://{host}/", timeout=5) as answer:
            return int(answer.status) == 200
    except (OSError, urllib.error.URLError):
        return False


def pytest_configure(config: pytest.Config) -> None:
    """Make the folder that the run's processes share; pytest-xdist's workers inherit its name."""
    if not hasattr(config, "workerinput"):
        folder = tempfile.mkdtemp(prefix="emulators-")
        Path(folder, "owner").write_text(str(os.getpid()))
        os.environ[SHARED] = folder


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the run's emulators."""
    if not hasattr(config, "workerinput") and SHARED in os.environ:
        folder = Path(os.environ.pop(SHARED))
        for file in folder.glob("*.json"):
            _end(json.loads(file.read_text()))
        shutil.rmtree(folder, ignore_errors=True)


def _end(shared: dict[str, str | int]) -> None:
    if "missing" in shared:
        return
    with contextlib.suppress(ProcessLookupError):
        os.killpg(int(shared["group"]), signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):  # a worker's child is nobody's any more
        os.waitpid(int(shared["keeper"]), 0)
    until = time.monotonic() + 10
    while answers(str(shared["host"])) and time.monotonic() < until:
        time.sleep(0.1)


def _shared(kind: Callable[[Path], Emulator], name: str) -> Running:
    """The run's emulator of a kind; the first process that asks for it starts it."""
    folder = Path(os.environ[SHARED])
    state = folder / f"{name}.json"
    with (folder / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not state.exists():
            state.write_text(json.dumps(_started(kind(folder / name), owner=int((folder / "owner").read_text()))))
    shared = json.loads(state.read_text())
    if "missing" in shared:
        pytest.skip(shared["missing"])
    return Running(shared["host"], "demo-hangwatch")


def _started(emulator: Emulator, owner: int) -> dict[str, str | int]:
    try:
        emulator.start(owner)
    except EmulatorMissing as error:
        return {"missing": str(error)}
    _KEPT.append(emulator)
    return {"host": emulator.host, "group": emulator.group, "keeper": emulator.keeper_pid}


_KEPT: list[Emulator] = []  # a Popen that is forgotten while its process runs warns


@pytest.fixture(scope="session")
def firestore_emulator() -> Running:
    """The run's Firestore emulator; skips where there is none."""
    return _shared(FirestoreEmulator, FirestoreEmulator.name)


@pytest.fixture(scope="session")
def pubsub_emulator() -> Running:
    """The run's Pub/Sub emulator; skips where there is none."""
    return _shared(PubSubEmulator, PubSubEmulator.name)


@pytest.fixture
def firestore_project(firestore_emulator: Running, monkeypatch: pytest.MonkeyPatch) -> str:
    """The id of an empty project, which this process and those it starts find on the Firestore emulator."""
    project = f"demo-{uuid.uuid4().hex[:12]}"
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", firestore_emulator.host)
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", project)
    return project


@pytest.fixture
def pubsub_project(pubsub_emulator: Running, monkeypatch: pytest.MonkeyPatch) -> str:
    """The id of an empty project, which this process and those it starts find on the Pub/Sub emulator."""
    project = f"demo-{uuid.uuid4().hex[:12]}"
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", pubsub_emulator.host)
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", project)
    return project
