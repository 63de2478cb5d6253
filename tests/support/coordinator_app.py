"""The example coordinator under gunicorn as real processes, for the tests of it and of what watches it."""

from __future__ import annotations

import base64
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import requests

ROOT = Path(__file__).parents[2]
KEY = "key-of-this-test"
PLAYERS = 20
LAST = f"player-{PLAYERS:03}"
GENEROUS = 60.0
GUNICORN = ["-m", "gunicorn", "--threads", "4", "--timeout", "0"]
TIMES = {
    "COORDINATOR_LOAD_SECONDS": "0.1",
    "COORDINATOR_PUBLISH_SECONDS": "0.1",
    "COORDINATOR_PREDICT_SECONDS": "0.01",
    "COORDINATOR_CONSOLIDATE_SECONDS": "0.1",
}

# A date of its own keeps each test's batch apart.
fresh_dates = (f"2026-{month:02}-{day:02}" for month in range(1, 13) for day in range(1, 29))
Found = TypeVar("Found")


def until(condition: Callable[[], Found | None], what: str) -> Found:
    """Wait for a truthy answer of `condition`."""
    give_up = time.monotonic() + GENEROUS
    while not (found := condition()):
        assert time.monotonic() < give_up, f"waited {GENEROUS} s for {what}"
        time.sleep(0.05)
    return found


def envelope(data: object) -> dict[str, Any]:
    """Pub/Sub's push envelope around `data` as JSON."""
    text = base64.b64encode(json.dumps(data).encode()).decode()
    return {"message": {"data": text, "messageId": "1", "attributes": {}}, "subscription": "s"}


class Server:
    """One service under gunicorn, its processes in a group of their own, on a port that the system chose."""

    def __init__(self, command: list[str], environment: dict[str, str], log: Path) -> None:
        self._log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                command, cwd=ROOT, env=environment, stdout=output, stderr=output, start_new_session=True
            )
        try:
            self.url = until(self._listening, f"gunicorn to listen; see {log}").group(1)
            until(self._healthy, f"an answer of /healthz; see {log}")
        except BaseException:
            self.kill()
            raise

    def log(self) -> str:
        """All that its processes printed."""
        return self._log.read_text()

    def kill(self) -> None:
        """End the whole group at once, as a crash does."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def post(self, path: str, body: object = None, key: str | None = KEY) -> requests.Response:
        """POST a JSON body, with the key unless told otherwise."""
        headers = {} if key is None else {"X-API-Key": key}
        return requests.post(self.url + path, json=body, headers=headers, timeout=GENEROUS)

    def start(self, game_date: str, *, force: bool = True, **body: Any) -> requests.Response:
        """POST /start."""
        return self.post("/start", {"game_date": game_date, "force": force, **body})

    def start_with(self, game_date: str, place: str, kind: str, seconds: float = 600.0) -> requests.Response | None:
        """POST /start with a fault; None for no answer, because the process died."""
        with suppress(requests.ConnectionError, requests.exceptions.ChunkedEncodingError):
            return self.start(game_date, fault={"place": place, "kind": kind, "seconds": seconds})
        return None

    def complete(self, batch_id: str, player: str) -> str:
        """POST a completion in the push envelope; its outcome."""
        answer = self.post("/complete", envelope({"batch_id": batch_id, "player": player, "points": 12.5}))
        return f"{answer.status_code} {answer.json()['outcome']}"

    def status(self, batch_id: str) -> dict[str, Any]:
        """GET /status of one batch."""
        answer = requests.get(f"{self.url}/status", params={"batch_id": batch_id}, timeout=GENEROUS)
        batch: dict[str, Any] = answer.json()
        return batch

    def batches(self, game_date: str = "") -> list[dict[str, Any]]:
        """GET /status: the batches of a date, or all, the newest first."""
        batches = requests.get(f"{self.url}/status", timeout=GENEROUS).json()["batches"]
        return [dict(batch) for batch in batches if game_date in {"", batch["game_date"]}]

    def until_state(self, game_date: str, state: str, missing: int | None = None) -> dict[str, Any]:
        """Wait for the newest batch of a date to be in `state`, with so many players missing if that is said."""

        def there() -> dict[str, Any] | None:
            found = self.batches(game_date)[:1]
            fits = found and found[0]["state"] == state and missing in {None, found[0]["missing"]}
            return found[0] if fits else None

        return until(there, f"{game_date} to be {state}, {missing} missing")

    def until_released(self) -> None:
        """POST /release until there is a hang to release."""
        until(lambda: self.post("/release").json()["released"], "a hang to release")

    def consolidations(self, batch_id: str) -> int:
        """How often the log tells that this batch was consolidated."""
        return self.log().count(f"Consolidated {batch_id}:")

    def _listening(self) -> re.Match[str] | None:
        assert self._process.poll() is None, self.log()
        return re.search(r"Listening at: (http://\S+)", self.log())

    def _healthy(self) -> bool:
        assert self._process.poll() is None, self.log()
        with suppress(requests.ConnectionError):
            return bool(requests.get(f"{self.url}/healthz", timeout=GENEROUS).ok)
        return False


def environment(home: Path, **more: str) -> dict[str, str]:
    """A clean environment: short times, few players, a state file and a home directory of its own."""
    inherited = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    own = {"COORDINATOR_API_KEY": KEY, "COORDINATOR_STATE": str(home / "state.db"), "HOME": str(home)}
    players = {"COORDINATOR_PLAYERS": str(PLAYERS), "HANGWATCH_STORE": "off"}
    return {**inherited, **own, **players, **TIMES, **more}


def emulated(firestore: str, pubsub: str) -> dict[str, str]:
    """The environment of services, and of the watchdog, on a project of their own in both emulators (their hosts)."""
    project = f"batches-{uuid4().hex[:8]}"
    return {
        "FIRESTORE_EMULATOR_HOST": firestore,
        "GOOGLE_CLOUD_PROJECT": project,
        "HANGWATCH_STORE": f"firestore://{project}",
        "PUBSUB_EMULATOR_HOST": pubsub,
        "GCP_PROJECT_ID": project,
    }


@contextmanager
def serving(home: Path, app: str = "wsgi", *, processes: str = "2", port: str = "0", **more: str) -> Iterator[Server]:
    """A running server, killed at the end; port 0: one that the system chooses."""
    size = ["-w", processes, "-b", f"127.0.0.1:{port}"]
    command = [sys.executable, *GUNICORN, *size, f"examples.coordinator.{app}:app"]
    server = Server(command, environment(home, **more), home / f"{app}-{uuid4().hex}.log")
    try:
        yield server
    finally:
        server.kill()
