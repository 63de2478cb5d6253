"""`make demo`: the example coordinator and a sweep loop on this machine, 60 times faster than life.

A healthy batch, about which nobody is told; then one whose load of historical games hangs, which is told before the
deadline. Everything is the real thing, but for the time scale, and that the notice is drawn here instead of in Slack.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.panel import Panel
from rich.text import Text

from .adapters.console import as_text
from .ledger import Ledger
from .message import Message
from .policy import Pace, Policy
from .ports import Receipt, Store
from .screens import status_screen
from .survey import survey
from .sweep import Sweep
from .wiring import open_store, settings

__all__ = ["run_demo"]

SPEEDUP = 60
HEALTHY_AT_MOST = 25.0
HUNG_AT_MOST = 30.0
SCALED = Policy(pace=Pace(audit_every=15, gap_after=10, settle=2, claim_for=5, budget=5, retry_after=1))
BORDERS = {"bad": "yellow", "worse": "red", "good": "green"}

NEXT = """What to try next:
  wrap an operation of your own:   README.md, "A few lines"
  make the coordinator hang in other places, by hand:   examples/coordinator/README.md
  look at what runs:   .venv/bin/python -m watchdog status
  send notices to Slack:   set HANGWATCH_SLACK_WEBHOOK_URL, then .venv/bin/python -m watchdog test-notice"""


class DemoError(Exception):
    """The demo can't go on: who, expected, got, what to do."""


class _Reader:
    """A `Channel` that draws each message here, and keeps it."""

    name = "reader"

    def __init__(self, console: Console) -> None:
        self._console = console
        self.messages: list[Message] = []

    def send(self, message: Message, *, seconds: float) -> Receipt:
        """Draw one message."""
        self.messages.append(message)
        title, _, rest = as_text(message).partition("\n")
        border = BORDERS.get(message.mood, "white")
        self._console.print(Panel(Text(rest), title=Text(title, style="bold"), border_style=border, title_align="left"))
        return Receipt()

    def heard(self, kind: str) -> bool:
        """Whether a message of this kind came."""
        return any(message.kind == kind for message in self.messages)


def run_demo() -> int:
    """Run the demo; 0 when the hang was told in time and the healthy batch was not, 1 otherwise."""
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 120)
    began = time.monotonic()
    try:
        with tempfile.TemporaryDirectory(prefix="hangwatch-demo-") as folder, _coordinator(Path(folder)) as client:
            told = _show(console, client, Path(folder))
    except DemoError as error:
        print(f"watchdog: demo: {error}", file=sys.stderr)
        return 1
    console.print(
        f"\n[bold]Done in {time.monotonic() - began:.0f} s.[/bold] " + ("" if told else "It did not go as it must.")
    )
    console.print(NEXT, markup=False)
    return 0 if told else 1


def _show(console: Console, client: _Client, folder: Path) -> bool:
    reader = _Reader(console)
    store = open_store(settings(store=f"sqlite:///{folder / 'beats.sqlite3'}").store)
    scene = _Scene(console, store, reader)
    console.print(
        f"[bold]1. A healthy batch.[/bold] 30 minutes are {1800 // SPEEDUP} seconds here; a sweep each second."
    )
    batch = client.start("2026-01-14")
    scene.play(HEALTHY_AT_MOST, until=lambda: client.state(batch) == "complete")
    quiet = not reader.messages
    console.print("   The batch is complete, and nobody was woken." if quiet else "   Somebody was woken for nothing.")
    console.print("\n[bold]2. A batch whose load of historical games hangs[/bold] in a recv that nobody will answer.")
    hung = client.start("2026-01-15", fault={"place": "load", "kind": "hang", "seconds": 60})
    scene.play(HUNG_AT_MOST, until=lambda: reader.heard("opened"))
    console.print("   That is what Slack would show, well before the response is cut. Now the peer answers after all:")
    client.release()
    scene.play(10, until=lambda: reader.heard("resolved") and client.state(hung) in ("predicting", "complete"))
    store.close()
    return quiet and reader.heard("opened") and reader.heard("resolved")


class _Scene:
    """Sweeps each second, showing what runs."""

    def __init__(self, console: Console, store: Store, reader: _Reader) -> None:
        self._console = console
        self._store = store
        self._reader = reader

    def play(self, seconds: float, until: Any) -> None:
        """Go on until something holds, at most so long."""
        ends = time.monotonic() + seconds
        with Live(console=self._console, transient=True, auto_refresh=False) as live:
            while time.monotonic() < ends and not until():
                Sweep(self._store, [self._reader], SCALED).run()
                if self._console.is_terminal:
                    live.update(status_screen(survey(Ledger(self._store), SCALED)), refresh=True)
                time.sleep(1)


class _Client:
    """Talks to the coordinator as its caller does."""

    def __init__(self, address: str, key: str) -> None:
        self._address = address
        self._key = key

    def start(self, game_date: str, fault: dict[str, object] | None = None) -> str:
        """Start a batch and return its id; the request itself may hang, and is left alone."""
        body: dict[str, object] = {"game_date": game_date, "force": True}
        if fault:
            body["fault"] = fault
        Thread(target=self._ask_quietly, args=("/start", body), daemon=True).start()
        for _ in range(100):
            found = [batch for batch in self._ask("/status")["batches"] if batch["game_date"] == game_date]
            if found:
                return str(found[0]["batch_id"])
            time.sleep(0.1)
        raise DemoError("expected the coordinator to start a batch within 10 s, got none; see examples/coordinator")

    def state(self, batch_id: str) -> str:
        """The state of a batch."""
        return str(self._ask(f"/status?batch_id={batch_id}")["state"])

    def release(self) -> None:
        """Let what hangs go on."""
        self._ask("/release", {})

    def ready(self) -> bool:
        """Whether the coordinator answers."""
        try:
            self._ask("/healthz")
        except (OSError, ValueError):
            return False
        return True

    def _ask_quietly(self, path: str, body: dict[str, object]) -> None:
        try:
            self._ask(path, body, seconds=120)
        except (OSError, ValueError):
            return

    def _ask(self, path: str, body: dict[str, object] | None = None, seconds: float = 10) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"X-API-Key": self._key, "Content-Type": "application/json"}
        request = urllib.request.Request(self._address + path, data, headers)  # noqa: S310  loopback, made here
        with urllib.request.urlopen(request, timeout=seconds) as answer:  # noqa: S310  loopback, made here
            text = answer.read().decode()
        return json.loads(text) if text.startswith(("{", "[")) else text


@contextmanager
def _coordinator(folder: Path) -> Iterator[_Client]:
    port = _free_port()
    key = secrets.token_hex(8)
    with (folder / "coordinator.log").open("wb") as log:
        process = subprocess.Popen(_command(port), cwd=_root(), env=_environment(folder, key), stdout=log, stderr=log)
        try:
            yield _ready(_Client(f"http://127.0.0.1:{port}", key), process, folder / "coordinator.log")
        finally:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _command(port: int) -> list[str]:
    server = ["-m", "gunicorn", "--workers", "1", "--threads", "8", "--timeout", "0", "--graceful-timeout", "1"]
    return [sys.executable, *server, "--bind", f"127.0.0.1:{port}", "examples.coordinator.wsgi:app"]


def _environment(folder: Path, key: str) -> dict[str, str]:
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("HANGWATCH_", "COORDINATOR_"))
    }
    unwanted = ("PUBSUB_EMULATOR_HOST", "GCP_PROJECT_ID", "K_SERVICE", "CLOUD_RUN_JOB")
    return {name: value for name, value in inherited.items() if name not in unwanted} | {
        "COORDINATOR_API_KEY": key,
        "COORDINATOR_FAULTS": "1",
        "COORDINATOR_STATE": str(folder / "coordinator.sqlite3"),
        "COORDINATOR_LOAD_SECONDS": "4",
        "COORDINATOR_PUBLISH_SECONDS": "3",
        "COORDINATOR_PREDICT_SECONDS": "0.01",
        "COORDINATOR_CONSOLIDATE_SECONDS": "2",
        "HANGWATCH_EXAMPLE_SPEEDUP": str(SPEEDUP),
        "HANGWATCH_STORE": f"sqlite:///{folder / 'beats.sqlite3'}",
    }


def _ready(client: _Client, process: subprocess.Popen[bytes], log: Path) -> _Client:
    for _ in range(150):
        if client.ready():
            return client
        if process.poll() is not None:
            break
        time.sleep(0.1)
    tail = log.read_text(errors="replace").strip().splitlines()[-3:]
    raise DemoError("expected the example coordinator to answer within 15 s, got: " + " | ".join(tail))


def _root() -> Path:
    root = Path(__file__).resolve().parent.parent
    if not (root / "examples" / "coordinator").is_dir():
        raise DemoError("expected examples/coordinator beside watchdog/, got none; run the demo in a checkout")
    return root


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
