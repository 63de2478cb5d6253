"""What peers send is heard here: a server on loopback that takes Sentry's envelopes and healthchecks' webhooks.

Sentry's own server is not here. What it would say follows from check-ins by its published rule, stated in `CheckIn`.
"""

from __future__ import annotations

import gzip
import json
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from sentry_sdk.envelope import Envelope

from .limits import MINUTE

__all__ = ["MONITOR_CONFIG", "CheckIn", "Ears", "listening"]

# As documented for monitors that their code makes; max_runtime in minutes, 30 being the default.
MONITOR_CONFIG: Final[dict[str, Any]] = {
    "schedule": {"type": "crontab", "value": "0 3 * * *"},
    "checkin_margin": 5,
    "max_runtime": 30,
}


@dataclass
class CheckIn:
    """A check-in of Sentry's: when it began, and its last status. Instants in seconds since the epoch.

    Sentry's rule: while it is in progress it times out `max_runtime` minutes after the whole minute it began in, which
    is looked for with each tick of a clock of minutes; `error` tells at once, `ok` never
    (src/sentry/monitors/utils.py get_timeout_at, clock_tasks/check_timeout.py of github.com/getsentry/sentry).
    A minute is MINUTE seconds here. A run that was never begun is missed by its schedule, which is another question.
    """

    began: float
    status: str = "in_progress"
    max_runtime: int = 30

    def told(self, now: float) -> str | None:
        """What its users would have heard by now; None: nothing."""
        if self.status == "error":
            return "failed"
        timeout = (self.began // MINUTE + self.max_runtime) * MINUTE
        late = self.status == "in_progress" and now // MINUTE * MINUTE >= timeout
        return f"timed out, in progress for more than {self.max_runtime} min" if late else None


@dataclass
class Ears:
    """checkins: by monitor. downs: what healthchecks told, by check, with the instant it came. port: of the server.

    troubles: what was sent and could not be taken; a bench that has some has not heard everything.
    """

    port: int
    troubles: list[str] = field(default_factory=list)
    checkins: dict[str, CheckIn] = field(default_factory=dict)
    downs: dict[str, float] = field(default_factory=dict)

    @property
    def dsn(self) -> str:
        """For sentry_sdk.init."""
        return f"http://zoo@127.0.0.1:{self.port}/1"

    @property
    def webhook(self) -> str:
        """For healthchecks, which posts `NAME STATUS`."""
        return f"http://127.0.0.1:{self.port}/healthchecks"

    def hear(self, path: str, body: bytes) -> int:
        """Take a request; returns the status of the answer."""
        if path == "/api/1/envelope/":
            for item in Envelope.deserialize(body).items:
                if item.type == "check_in":
                    self._check_in(json.loads(item.get_bytes()))
            return 200
        if path == "/healthchecks":
            name, _, status = body.decode().partition(" ")
            if status == "down":
                self.downs.setdefault(name, time.time())
            return 200
        raise ValueError(f"peers' ears: expected an envelope or a webhook, got a request for {path}")

    def _check_in(self, sent: dict[str, Any]) -> None:
        slug = sent["monitor_slug"]
        if sent["status"] == "in_progress":
            self.checkins[slug] = CheckIn(time.time(), max_runtime=sent["monitor_config"]["max_runtime"])
        elif slug in self.checkins:
            self.checkins[slug].status = sent["status"]


@contextmanager
def listening() -> Iterator[Ears]:
    """Ears on a free port of loopback while the block lasts."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.ears = Ears(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, name="ears", daemon=True)
    thread.start()
    try:
        yield server.ears
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True
    ears: Ears

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Keep it: an ear that fails in silence makes a peer that told nothing."""
        del request, client_address
        self.ears.troubles.append(traceback.format_exc())


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        self.send_response(self.server.ears.hear(self.path, body))
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""
