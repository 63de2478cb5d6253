from __future__ import annotations

import asyncio
import socket


def load() -> None:
    here, _there = socket.socketpair()
    here.recv(1)  # BLAME


async def operation() -> None:
    await asyncio.to_thread(load)


if __name__ == "__main__":
    from stage import play

    play(operation)
