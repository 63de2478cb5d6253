from __future__ import annotations

import queue
import socket
import threading


def produce(work: queue.Queue[bytes]) -> None:
    here, _there = socket.socketpair()
    work.put(here.recv(1))  # BLAME


def operation() -> None:
    work: queue.Queue[bytes] = queue.Queue()
    threading.Thread(target=produce, args=(work,), name="loader", daemon=True).start()
    work.get()


if __name__ == "__main__":
    from stage import play

    play(operation)
