from __future__ import annotations

import socket
import time


def fetch() -> None:
    while True:
        try:  # BLAME
            socket.create_connection(("127.0.0.1", 1), timeout=1)  # BLAME
        except OSError:
            time.sleep(0.05)  # BLAME


def operation() -> None:
    fetch()


if __name__ == "__main__":
    from stage import play

    play(operation)
