from __future__ import annotations

import socket
import threading
import time


def answer(there: socket.socket) -> None:
    while True:
        time.sleep(3)
        there.sendall(b"x")


def operation() -> None:
    here, there = socket.socketpair()
    threading.Thread(target=answer, args=(there,), daemon=True).start()
    while True:
        here.recv(10)


if __name__ == "__main__":
    from stage import play

    play(operation)
