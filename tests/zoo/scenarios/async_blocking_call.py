from __future__ import annotations

import asyncio
import time


async def operation() -> None:
    await asyncio.sleep(0.1)
    time.sleep(1000)  # BLAME


if __name__ == "__main__":
    from stage import play

    play(operation)
