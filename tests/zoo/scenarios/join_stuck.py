from __future__ import annotations

import socket
import threading


def load() -> None:
    here, _there = socket.socketpair()
    here.recv(1)  # BLAME


def operation() -> None:
    worker = threading.Thread(target=load, name="loader-3", daemon=True)
    worker.start()
    worker.join()


if __name__ == "__main__":
    from stage import play

    play(operation)
