from __future__ import annotations

import asyncio


async def stuck() -> None:
    await asyncio.Queue().get()  # BLAME


async def operation() -> None:
    await asyncio.wait_for(stuck(), 900)


if __name__ == "__main__":
    from stage import play

    play(operation)
