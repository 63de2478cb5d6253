from __future__ import annotations

import socket
from collections.abc import Iterator


def rows() -> Iterator[bytes]:
    here, _there = socket.socketpair()
    while True:
        yield b"1"
        here.recv(1)  # BLAME


def operation() -> None:
    for _ in rows():
        pass


if __name__ == "__main__":
    from stage import play

    play(operation)
