from __future__ import annotations

import select
import socket


def operation() -> None:
    here, _there = socket.socketpair()
    select.select([here], [], [])  # BLAME


if __name__ == "__main__":
    from stage import play

    play(operation)
