from __future__ import annotations

import asyncio


async def operation() -> None:
    while True:
        await asyncio.sleep(0)  # BLAME


if __name__ == "__main__":
    from stage import play

    play(operation)
