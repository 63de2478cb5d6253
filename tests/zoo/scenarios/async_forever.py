from __future__ import annotations

import asyncio


async def inner(future: asyncio.Future[None]) -> None:
    await future  # BLAME


async def middle(future: asyncio.Future[None]) -> None:
    await inner(future)


async def operation() -> None:
    await middle(asyncio.get_running_loop().create_future())


if __name__ == "__main__":
    from stage import play

    play(operation)
