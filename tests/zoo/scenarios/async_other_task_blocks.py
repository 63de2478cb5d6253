from __future__ import annotations

import asyncio
import time


async def rude() -> None:
    await asyncio.sleep(1.2)
    time.sleep(1000)  # BLAME


async def operation() -> None:
    other = asyncio.create_task(rude())
    while not other.done():
        await asyncio.sleep(0.05)


if __name__ == "__main__":
    from stage import play

    play(operation)
