from __future__ import annotations

import socket
import time


def attempt() -> None:
    socket.create_connection(("127.0.0.1", 1), timeout=1)


def operation() -> None:
    while True:
        try:
            attempt()
        except OSError:
            time.sleep(1.6)  # BLAME


if __name__ == "__main__":
    from stage import play

    play(operation)
