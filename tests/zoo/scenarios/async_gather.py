from __future__ import annotations

import asyncio


async def quick() -> None:
    await asyncio.sleep(0.01)


async def stuck() -> None:
    await asyncio.Event().wait()  # BLAME


async def operation() -> None:
    await asyncio.gather(quick(), stuck(), quick())


if __name__ == "__main__":
    from stage import play

    play(operation)
