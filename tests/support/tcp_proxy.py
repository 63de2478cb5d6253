"""A TCP proxy that a test switches: it forwards, it refuses connections, or it accepts them and forwards nothing."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from types import TracebackType

LOOPBACK = "127.0.0.1"


class TcpProxy:
    """Stands in front of `target` (`host:port`) at a port of its own, `host`, which stays its own while it refuses."""

    def __init__(self, target: str) -> None:
        name, _, port = target.rpartition(":")
        self._target = (name, int(port))
        self._reserved = _bound(0)
        self._listener: socket.socket | None = None
        self.port: int = self._reserved.getsockname()[1]
        self._flowing = threading.Event()
        self._lock = threading.Lock()
        self._connections: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self.forward()

    @property
    def host(self) -> str:
        return f"{LOOPBACK}:{self.port}"

    def forward(self) -> None:
        """Be a wire."""
        self._flowing.set()
        self._listen()

    def freeze(self) -> None:
        """Accept connections and bytes, and pass nothing on in either direction."""
        self._flowing.clear()
        self._listen()

    def refuse(self) -> None:
        """Break all connections and refuse new ones."""
        if self._listener is not None:
            self._hang_up()
            self._reserved = _bound(self.port)  # it refuses unless it listens, and nobody else can take the port

    def close(self) -> None:
        """End it, and wait for its threads."""
        self._hang_up()
        self._reserved.close()
        for thread in list(self._threads):
            thread.join()

    def __enter__(self) -> TcpProxy:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _listen(self) -> None:
        if self._listener is None:
            self._listener = self._reserved
            self._listener.listen(128)
            with self._lock:
                self._start(self._accept, self._listener)

    def _hang_up(self) -> None:
        with self._lock:
            listener, self._listener = self._listener, None
            broken, self._connections = self._connections, []
        if listener is not None:
            _break(listener)
        for connection in broken:
            _break(connection)
        self._flowing.set()

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):  # raised once the listener is closed
            while True:
                near, _ = listener.accept()
                self._connect(near, listener)

    def _connect(self, near: socket.socket, listener: socket.socket) -> None:
        try:
            far = socket.create_connection(self._target)
        except OSError:
            _break(near)
            return
        with self._lock:
            if listener is not self._listener:
                _break(near)
                _break(far)
                return
            self._connections += [near, far]
            self._start(self._pump, near, far)
            self._start(self._pump, far, near)

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                self._flowing.wait()
                sink.sendall(data)
        _break(source)
        _break(sink)

    def _start(self, work: Callable[..., None], *arguments: socket.socket) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads = [old for old in self._threads if old.is_alive()] + [thread]
        thread.start()


def _bound(port: int) -> socket.socket:
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind((LOOPBACK, port))
    return made


def _break(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):  # wakes the thread in its accept() or recv(), which close() alone does not
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
