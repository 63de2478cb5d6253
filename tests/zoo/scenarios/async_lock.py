from __future__ import annotations

import asyncio


async def operation() -> None:
    lock = asyncio.Lock()
    await lock.acquire()
    await lock.acquire()  # BLAME


if __name__ == "__main__":
    from stage import play

    play(operation)
