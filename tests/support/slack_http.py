"""The sockets of the Slack server: a thread a connection; answers whole, late, dripped, left out or reset."""

from __future__ import annotations

import socket
import socketserver
import struct
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from .slack_webhooks import Arrival

__all__ = ["Listener", "Reply"]

RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)


@dataclass(frozen=True)
class Reply:
    """What goes back over the wire, `delay` seconds later; `ending` as in `slack_server.Answer`."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    delay: float
    ending: str


class Listener(ThreadingHTTPServer):
    """Bound to loopback when made; answers from `start()` to `stop()`."""

    request_queue_size = 128

    def __init__(self, port: int, answer: Callable[[Arrival], Reply]) -> None:
        self.answer = answer
        self.ending = threading.Event()
        self._lock = threading.Lock()
        self._open: dict[socket.socket, threading.Thread] = {}
        self._thread = threading.Thread(target=self.serve_forever, args=(0.02,), name="slack server", daemon=True)
        super().__init__(("127.0.0.1", port), _Handler)

    def server_bind(self) -> None:
        """Bind without HTTPServer's look-up of the host's name, which may ask a resolver that isn't there."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", self.server_address[1]

    def start(self) -> None:
        """Answer from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Close the port and all connections and wait for their threads."""
        self.ending.set()
        if self._thread.is_alive():
            self.shutdown()
            self._thread.join()
        self.server_close()
        with self._lock:
            left = dict(self._open)
        for connection, thread in left.items():
            _hang_up(connection)
            thread.join()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve the connection on a thread that `stop` can find again."""
        thread = threading.Thread(
            target=self.process_request_thread,
            args=(request, client_address),
            name="slack connection",
            daemon=True,
        )
        with self._lock:
            self._open[request] = thread
        thread.start()

    def shutdown_request(self, request: Any) -> None:
        """Forget the connection."""
        with self._lock:
            self._open.pop(request, None)
        super().shutdown_request(request)


def _hang_up(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # the client was first


class _Handler(BaseHTTPRequestHandler):
    server: Listener
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self._serve()

    def do_GET(self) -> None:
        self._serve()

    def log_message(self, *_: object) -> None:
        """Say nothing: the record holds it, and a webhook's path is a secret."""

    def _serve(self) -> None:
        try:
            length = self.headers.get("Content-Length", "")
            size = int(length) if length.isascii() and length.isdigit() else 0
            body = self.rfile.read(size)
            if len(body) == size:  # else the client left in the middle
                kind = self.headers.get("Content-Type", "")
                headers = {name.lower(): value for name, value in self.headers.items()}
                arrival = Arrival(time.monotonic(), self.command, self.path, kind, body, headers)
                self._give(self.server.answer(arrival))
        except ConnectionError:
            self.close_connection = True

    def _give(self, reply: Reply) -> None:
        if reply.ending != "dripped" and self.server.ending.wait(reply.delay):
            self.close_connection = True
        elif reply.ending == "reset":
            self._reset()
        elif reply.ending == "none":
            self.close_connection = True
        else:
            self._write(reply)

    def _write(self, reply: Reply) -> None:
        self.send_response(reply.status)
        for name, value in {**reply.headers, "Content-Length": str(len(reply.body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if reply.ending != "dripped":
            self.wfile.write(reply.body)
            return
        for at in range(len(reply.body)):
            if self.server.ending.wait(reply.delay / len(reply.body)):
                self.close_connection = True
                return
            self.wfile.write(reply.body[at : at + 1])

    def _reset(self) -> None:
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        self.connection.close()
