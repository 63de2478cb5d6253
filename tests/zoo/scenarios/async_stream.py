from __future__ import annotations

import asyncio


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(1000)


async def operation() -> None:
    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    reader, _writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    await reader.readline()  # BLAME


if __name__ == "__main__":
    from stage import play

    play(operation)
