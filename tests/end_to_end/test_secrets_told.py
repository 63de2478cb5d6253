"""No secret of an operation that hangs or fails reaches the people who are told, nor the watchdog's own output."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Generator, Mapping
from contextlib import closing, suppress
from pathlib import Path

import pytest

from heartbeat_client.frames import can_walk
from tests.client.planted import CONTROL, FAILING, HANGING, PLACES, VARIABLE
from tests.support.coordinator_app import ROOT
from tests.support.slack_server import SlackServer
from tests.support.watching import environment, run_watchdog, until
from watchdog.adapters.sqlite import SqliteStore
from watchdog.desk import Desk
from watchdog.ledger import Ledger
from watchdog.page.access import Access
from watchdog.page.front import status_page
from watchdog.page.reader import Reader
from watchdog.policy import Policy
from watchdog.web import make_app

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="needs Linux: what the kernel knows is in its /proc"),
    pytest.mark.skipif(not can_walk(), reason="needs python with a GIL: other threads' frames are not read"),
    pytest.mark.xdist_group("secrets"),
    pytest.mark.timeout(300),
]

# The watchdog as it speaks where every library of its process says all that it can.
NOISY = "import logging, sys; logging.basicConfig(level=0); from watchdog.cli import main; sys.exit(main(sys.argv[1:]))"


class Told:
    """The secrets by their places, and all that was told, by who told it."""

    def __init__(self) -> None:
        self.secrets = {place: f"{place}-{uuid.uuid4().hex}" for place in PLACES}
        self.texts: dict[str, str] = {}

    def found(self, place: str) -> list[str]:
        """Where a secret is found, or only a part of it, as of one that was cut off."""
        part = self.secrets[place].rpartition("-")[2][:8]
        return [name for name, text in self.texts.items() if part in text]


def start(command: list[str], environ: Mapping[str, str], log: Path) -> subprocess.Popen[bytes]:
    """A process in a session of its own, which writes all to one file."""
    with log.open("wb") as file:
        return subprocess.Popen(
            command,
            cwd=ROOT,
            env=dict(environ),
            stdin=subprocess.PIPE,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process and the children of its session."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def is_told(slack: SlackServer) -> bool:
    """Whether Slack got a notice that names each operation that hangs."""
    text = "\n".join(message.text for message in slack.messages)
    return all(hanging.__name__ in text for hanging in HANGING)


def shown(environ: Mapping[str, str]) -> dict[str, str]:
    """What the commands print about all that runs, and about each run."""
    asked = [["status", "--all"], ["status", "--all", "--json"]]
    for operation in (*HANGING, FAILING[0]):
        asked += [["show", operation.__name__], ["show", operation.__name__, "--json"]]
    printed = {}
    for arguments in asked:
        done = run_watchdog(arguments, environ)
        assert done.returncode == 0, done.stderr
        printed[" ".join(arguments)] = done.stdout + done.stderr
    return printed


def seen(environ: Mapping[str, str]) -> dict[str, str]:
    """What the page shows of all that runs, and of each run."""
    store, policy = SqliteStore(environ["HANGWATCH_STORE"].removeprefix("sqlite:///")), Policy()
    with closing(store):
        runs = [record.id for record in Ledger(store).all_runs()]
        desk = Desk(lambda: store, [], lambda: policy, "")
        page = status_page(Reader(lambda: store, lambda: policy), desk, Access())
        client = make_app(desk, signing_secret="", page=page).test_client()
        answers = {path: client.get(path) for path in ("/", *(f"/runs/{run}" for run in runs))}
        assert {answer.status_code for answer in answers.values()} == {200}
        return {f"page {path}": answer.get_data(as_text=True) for path, answer in answers.items()}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Generator[Told, None, None]:
    home, found = tmp_path_factory.mktemp("told"), Told()
    with SlackServer() as slack:
        environ = environment(home, HANGWATCH_SLACK_WEBHOOK_URL=slack.webhook_url)
        planted = [sys.executable, "-m", "tests.client.planted", found.secrets["argument"]]
        child = start(planted, {**environ, VARIABLE: found.secrets["environment"]}, home / "planted.log")
        watchdog = start([sys.executable, "-c", NOISY, "sweep", "--watch", "1"], environ, home / "noisy.log")
        try:
            assert child.stdin is not None
            child.stdin.write(json.dumps(found.secrets).encode())
            child.stdin.close()
            until(lambda: is_told(slack), "a notice about each operation that hangs", 120)
            found.texts.update(shown(environ) | seen(environ))
            assert watchdog.poll() is None, (home / "noisy.log").read_text()
        finally:
            end(child)
            end(watchdog)
        found.texts["slack"] = "\n".join(request.arrival.body.decode() for request in slack.requests)
        files = [path for path in home.iterdir() if path.is_file()]
        found.texts.update({path.name: path.read_bytes().decode(errors="replace") for path in files})
        yield found


def test_what_may_be_said_is_told_everywhere(told: Told) -> None:
    """The words of the user's own reach Slack, the screens and the store: a search would find secrets there too."""
    found = {name.removesuffix("-wal") for name in told.found(CONTROL)}  # until a checkpoint what is new stands there

    assert {"page /", "slack", "status --all --json", "show asks", "show asks --json", "beats.sqlite3"} <= found


@pytest.mark.parametrize("place", [place for place in PLACES if place != CONTROL])
def test_nobody_is_told_a_secret(told: Told, place: str) -> None:
    """Neither a notice, nor a screen, a page, a record, nor a log at its noisiest has it."""
    assert told.found(place) == []


def test_no_source_line_is_told(told: Told) -> None:
    """People are told where a line is, never what it says."""
    assert [name for name, text in told.texts.items() if "planted-in-source" in text] == []
