from __future__ import annotations

import asyncio


async def operation() -> None:
    await asyncio.sleep(0.1)
    n = 0
    while True:  # BLAME
        n += 1  # BLAME


if __name__ == "__main__":
    from stage import play

    play(operation)
