from __future__ import annotations

import asyncio


async def operation() -> None:
    child = await asyncio.create_subprocess_exec("sleep", "1000")
    await child.wait()  # BLAME


if __name__ == "__main__":
    from stage import play

    play(operation)
