from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor


def load() -> None:
    here, _there = socket.socketpair()
    here.recv(1)  # BLAME


def operation() -> None:
    with ThreadPoolExecutor(2) as pool:
        pool.submit(load).result()


if __name__ == "__main__":
    from stage import play

    play(operation)
