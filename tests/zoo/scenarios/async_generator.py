from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator


async def rows() -> AsyncIterator[int]:
    yield 1
    await asyncio.Event().wait()  # BLAME
    yield 2


async def operation() -> None:
    async for _ in rows():
        pass


if __name__ == "__main__":
    from stage import play

    play(operation)
