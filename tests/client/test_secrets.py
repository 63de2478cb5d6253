"""No secret leaves a process: not in what it logs, not in its records, not in what its helper says of its death."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import uuid
from collections.abc import Generator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from heartbeat_client.frames import can_walk
from heartbeat_client.run import FAILED, Run
from tests.client.planted import CONTROL, FAILING, HANGING, PLACES, VARIABLE
from tests.client.world import Process, until

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="needs Linux: what the kernel knows is in its /proc"),
    pytest.mark.skipif(not can_walk(), reason="needs python with a GIL: other threads' frames are not read"),
    pytest.mark.xdist_group("secrets"),
]

STANDS = {"blocked", "task_waiting"}
ROOT = Path(__file__).parents[2]


@dataclass
class Planted:
    """A process with secrets that hung and was killed: each secret by its place, all that it wrote, its records."""

    secrets: Mapping[str, str]
    written: Mapping[str, bytes]
    runs: Mapping[str, Run]

    def found(self, place: str) -> list[str]:
        """Where a secret is found, or only a part of it, as of one that was cut off."""
        part = self.secrets[place].rpartition("-")[2][:8].encode()
        return [name for name, text in self.written.items() if part in text]


def files_of(folder: Path) -> dict[str, bytes]:
    """The bytes of every file, SQLite's own and its journal among them."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def is_told(process: Process) -> bool:
    """Whether the record of each operation that hangs says so."""
    try:
        kinds = {run.operation: (run.activity or {}).get("kind") for run in process.runs()}
    except sqlite3.OperationalError:  # there is a file, and no table in it as yet
        return False
    return all(kinds.get(hanging.__name__) in STANDS for hanging in HANGING)


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Generator[Planted, None, None]:
    folder = tmp_path_factory.mktemp("planted")
    secrets = {place: f"{place}-{uuid.uuid4().hex}" for place in PLACES}
    process = Process(folder)
    environ = process.environ({VARIABLE: secrets["environment"]})
    with (folder / "stdout").open("wb") as out, (folder / "stderr").open("wb") as err:
        child = subprocess.Popen(
            [sys.executable, "-m", "tests.client.planted", secrets["argument"]],
            cwd=ROOT,
            env=environ,
            stdin=subprocess.PIPE,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
    try:
        assert child.stdin is not None
        child.stdin.write(json.dumps(secrets).encode())
        child.stdin.close()
        until(lambda: process.file.exists() and is_told(process), "a record of where each operation hangs", 60)
        alive = files_of(folder)
        child.kill()
        child.wait()
        until(lambda: all(run.gone_how for run in hung_runs(process)), "the helper's word on the end", 30)
        runs = {run.operation: run for run in process.runs()}
        dead = {f"{name}, after the end": text for name, text in files_of(folder).items()}
        yield Planted(secrets, alive | dead, runs)
    finally:
        end_all(child)


def end_all(child: subprocess.Popen[bytes]) -> None:
    """End a process and the children of its session."""
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def hung_runs(process: Process) -> list[Run]:
    """The runs that hang."""
    return [run for run in process.runs() if run.operation in {hanging.__name__ for hanging in HANGING}]


def test_a_search_finds_what_may_be_said(planted: Planted) -> None:
    """The words of the user's own are in the log and in the records: a search for secrets would find them there."""
    found = planted.found(CONTROL)

    assert {"stderr", "runs.sqlite3, after the end"} <= set(found)


@pytest.mark.parametrize("place", [place for place in PLACES if place != CONTROL])
def test_a_secret_stays_where_it_is(planted: Planted, place: str) -> None:
    """Wherever a secret lies while an operation hangs, fails or is killed: no log and no record has it."""
    assert planted.found(place) == []


def test_no_source_line_is_told(planted: Planted) -> None:
    """A record says where a line is, never what it says."""
    assert [name for name, text in planted.written.items() if b"planted-in-source" in text] == []


@pytest.mark.parametrize("operation", [hanging.__name__ for hanging in HANGING])
def test_where_it_hangs_is_told_all_the_same(planted: Planted, operation: str) -> None:
    """Each operation whose secret is kept has its line and what it does in the record, and how its process ended."""
    activity = planted.runs[operation].activity or {}

    assert activity["at"]["file"].endswith("planted.py")
    assert activity["kind"] in STANDS
    assert "SIGKILL" in (planted.runs[operation].gone_how or "")


def test_a_failure_is_told_by_its_type(planted: Planted) -> None:
    """What an exception says stays in the process; its type and its line leave it."""
    run = planted.runs[FAILING[0].__name__]

    assert run.state == FAILED
    assert run.failure is not None
    assert (run.failure.type, run.failure.text) == ("ValueError", None)
