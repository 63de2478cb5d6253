from __future__ import annotations

import socket
import threading
import time


def feed(there: socket.socket) -> None:
    while True:
        there.sendall(b"x")
        time.sleep(0.1)


def operation() -> None:
    here, there = socket.socketpair()
    threading.Thread(target=feed, args=(there,), daemon=True).start()
    while True:
        here.recv(10)


if __name__ == "__main__":
    from stage import play

    play(operation)
