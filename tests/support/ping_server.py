"""A pinging service of one's own: an HTTP server on loopback that keeps healthchecks.io's contract, has a clock that
the test sets, and misbehaves when it is told to.
"""

from __future__ import annotations

import socket
import socketserver
import struct
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Final, Literal
from urllib.parse import parse_qsl, urlsplit

from .ping_checks import BODY_LIMIT, Check, Checks, Ruling

__all__ = ["KEY", "PingServer", "Trouble"]

KEY: Final = "made-up-ping-key-000000"
RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)


@dataclass(frozen=True)
class Trouble:
    """How a request is answered instead of the contract's way. status None: the contract's own.

    taken: whether the check takes the ping all the same. delay: seconds before the answer, or over which it drips.
    ending: `whole`; `headers_drip` and `body_drips` send byte by byte over `delay`; `reset` breaks the connection.
    """

    status: int | None = None
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    taken: bool = False
    delay: float = 0.0
    ending: Literal["whole", "headers_drip", "body_drips", "reset"] = "whole"


class PingServer:
    """Listens on loopback while its block lasts. now: seconds, which only the test moves. softly: see `Checks`."""

    def __init__(self, *, softly: bool = False) -> None:
        self.now = 1_000_000.0
        self.checks = Checks(KEY, softly=softly)
        self.requests: list[str] = []
        self._troubles: deque[Trouble] = deque()
        self._lock = threading.Lock()
        self._listener = _Listener(self)

    @property
    def address(self) -> str:
        """`http://127.0.0.1:PORT`."""
        return f"http://127.0.0.1:{self._listener.server_address[1]}"

    def of(self, check: Check) -> str:
        """The address of a check."""
        return f"{self.address}/{check.code}"

    def slug(self, slug: str, query: str = "") -> str:
        """The address of a check by its slug."""
        return f"{self.address}/{KEY}/{slug}" + (f"?{query}" if query else "")

    def state(self, check: Check) -> str:
        """The check's state by the server's clock."""
        with self._lock:
            return check.state(self.now)

    def answer_next(self, *troubles: Trouble) -> None:
        """Answer the next requests so, one each."""
        with self._lock:
            self._troubles.extend(troubles)

    def ruled(self, method: str, target: str, body: bytes) -> tuple[Ruling, Trouble]:
        """The contract's answer to a request, and what is to become of it."""
        address = urlsplit(target)
        with self._lock:
            self.requests.append(f"{method} {target}")
            trouble = self._troubles.popleft() if self._troubles else Trouble(taken=True)
            if trouble.status is not None and not trouble.taken:
                return Ruling(trouble.status, trouble.body), trouble
            if trouble.ending == "reset" and not trouble.taken:
                return Ruling(200, ""), trouble
            return self.checks.rule(method, address.path, dict(parse_qsl(address.query)), body, self.now), trouble

    def stop(self) -> None:
        """Close the port and all connections, and wait for their threads."""
        self._listener.end()

    def __enter__(self) -> PingServer:
        self._listener.begin()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class _Listener(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, service: PingServer) -> None:
        self.service = service
        self.ending = threading.Event()
        self._thread = threading.Thread(target=self.serve_forever, args=(0.02,), name="ping server", daemon=True)
        super().__init__(("127.0.0.1", 0), _Handler)

    def server_bind(self) -> None:
        """Bind without a look-up of the host's name."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", self.server_address[1]

    def begin(self) -> None:
        """Answer from now on."""
        self._thread.start()

    def end(self) -> None:
        """Stop answering."""
        if not self.ending.is_set():
            self.ending.set()
            self.shutdown()
            self._thread.join()
            self.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: _Listener
    protocol_version = "HTTP/1.1"
    timeout = 30

    def do_GET(self) -> None:
        self._serve()

    def do_HEAD(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_PUT(self) -> None:
        self._serve()

    def log_message(self, *_: Any) -> None:
        """Say nothing: the path is a secret."""

    def _serve(self) -> None:
        try:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self._give(*self.server.service.ruled(self.command, self.path, body))
        except OSError:
            self.close_connection = True

    def _give(self, ruling: Ruling, trouble: Trouble) -> None:
        if trouble.ending == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            self.connection.close()
            self.close_connection = True
        elif trouble.ending == "whole":
            self.server.ending.wait(trouble.delay)
            self._head(ruling, trouble)
            self.wfile.write(b"" if self.command == "HEAD" else ruling.body.encode())
        else:
            self._drip(ruling, trouble)

    def _head(self, ruling: Ruling, trouble: Trouble) -> None:
        self.send_response(ruling.status)
        standing = {"Content-Type": "text/plain; charset=utf-8", "Ping-Body-Limit": str(BODY_LIMIT)}
        for name, value in {**standing, **trouble.headers, "Content-Length": str(len(ruling.body))}.items():
            self.send_header(name, value)
        self.end_headers()

    def _drip(self, ruling: Ruling, trouble: Trouble) -> None:
        if trouble.ending == "body_drips":
            self._head(ruling, trouble)
            slow = ruling.body.encode()
        else:
            slow = f"HTTP/1.1 {ruling.status} OK\r\nContent-Length: 0\r\n\r\n".encode()
        for at in range(len(slow)):
            if self.server.ending.wait(trouble.delay / len(slow)):
                break
            self.wfile.write(slow[at : at + 1])
        self.close_connection = True
