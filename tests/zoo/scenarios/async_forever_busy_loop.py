from __future__ import annotations

import asyncio


async def tick() -> None:
    while True:
        await asyncio.sleep(0.02)


async def operation() -> None:
    other = asyncio.create_task(tick())
    await asyncio.get_running_loop().create_future()  # BLAME
    other.cancel()


if __name__ == "__main__":
    from stage import play

    play(operation)
