from __future__ import annotations

import asyncio


async def main() -> None:
    await asyncio.Event().wait()  # BLAME


def operation() -> None:
    asyncio.run(main())


if __name__ == "__main__":
    from stage import play

    play(operation)
