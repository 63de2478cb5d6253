from __future__ import annotations

import asyncio


async def work() -> None:
    for _ in range(1000):
        await asyncio.sleep(0.05)


async def operation() -> None:
    await asyncio.gather(*(work() for _ in range(20)))


if __name__ == "__main__":
    from stage import play

    play(operation)
