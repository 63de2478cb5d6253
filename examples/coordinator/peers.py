"""A peer to wait for: a listener of this process that answers when the work is done, or does not answer.

Every place of the coordinator waits for one, as the real ones wait for a warehouse or a model. A hang is the
same `recv` on a connection whose other end keeps still, so nothing about it is played.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def answering_peer(seconds: float) -> Iterator[tuple[socket.socket, int]]:
    """A connection on which one byte arrives after `seconds`, and its port, for `knock`."""
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    threading.Thread(target=_answer, args=(listener, seconds), name="peer", daemon=True).start()
    with socket.create_connection(("127.0.0.1", port)) as connection:
        yield connection, port


def knock(port: int) -> bool:
    """Make the peer on `port` answer at once; False if there is none (any more): its process died."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def _answer(listener: socket.socket, seconds: float) -> None:
    with listener:
        connection, _ = listener.accept()
        listener.settimeout(seconds)
        # A timeout of 0 s makes accept() raise BlockingIOError where it would wait.
        with suppress(TimeoutError, BlockingIOError):
            listener.accept()[0].close()
        with connection, suppress(OSError):
            connection.sendall(b".")
